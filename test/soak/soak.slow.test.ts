/**
 * The soak in short, so that it stays what it is: one round of faults over two nodes of reign and one of Erlang; and faults that are planted
 * into what a node hears, which it must find. For long: `npm run soak -- --minutes 10`, see docs/soak.md.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freshBuild } from '../support/fresh-build.js'
import { OsProcess } from '../support/os-process.js'
import type { SoakReport } from './soak.js'

let folder: string
beforeAll(async () => {
  await freshBuild()
  folder = await mkdtemp(join(tmpdir(), 'reign-soak-test-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** As short as it can be, with all the patience that a busy machine needs. */
const short = ['--minutes', '0', '--round-ms', '3000', '--warm-ms', '1000', '--tick-ms', '2000', '--rate', '400']
const patient = ['--mesh-ms', '60000', '--names-ms', '60000']

async function soak(seed: number, ...args: string[]): Promise<{ code: number | null; report: SoakReport }> {
  const all = [...short, ...patient, '--seed', String(seed), '--out', folder, ...args]
  await using run = new OsProcess(process.execPath, { args: ['scripts/soak.mjs', ...all], env: { VITEST: undefined } })
  const { code } = await run.ended
  const text = await readFile(join(folder, `${seed}.json`), 'utf8').catch(() => {
    throw new Error(run.report('the soak left no report'))
  })
  return { code, report: JSON.parse(text) }
}

test('a round of faults over nodes of both kinds breaks no promise', async () => {
  const { code, report } = await soak(8, '--nodes', '3', '--otp', '1')
  expect({ code, violations: report.violations }).toEqual({ code: 0, violations: [] })
  expect(report.rounds.map(({ faults }) => faults.map(({ kind }) => kind))).toEqual([
    ['kill', 'reset', 'cut', 'stop', 'stop'],
  ])
  expect(report.members.map(({ name }) => name.replace(/@.*/, ''))).toEqual(['reign0', 'reign1', 'erlang2'])
  for (const { sent, heard, notices, calls } of report.members) {
    for (const count of [sent, heard, notices['DOWN ended'], notices['EXIT ended'], calls.answered]) {
      expect(count).toBeGreaterThan(0)
    }
  }
})

test('finds a message that is lost inside a connection, and one that comes twice', async () => {
  const planted = (seed: number, plant: string) =>
    soak(seed, '--nodes', '2', '--otp', '0', '--rate', '2000', '--plant', plant)
  const [lost, doubled] = await Promise.all([planted(41, 'drop'), planted(42, 'duplicate')])
  expect([lost.code, doubled.code]).toEqual([1, 1])
  expect(lost.report.violations).toContainEqual(expect.stringMatching(/^reign0@127.0.0.1: hole: /))
  expect(doubled.report.violations).toContainEqual(expect.stringMatching(/^reign0@127.0.0.1: duplicate: /))
})
