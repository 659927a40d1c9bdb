/**
 * Whole clusters under faults, one for each seed, watched by oracles: two hundred seeds of five nodes and ten virtual minutes, in processes
 * of their own. More by hand: `npm run simulate -- --seeds 10000 --from 1000`.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { OsProcess } from '../support/os-process.js'
import { attempt } from './attempt.js'
import type { Plan } from './plan.js'

const regressions = 'test/simulation/regressions'

let keep: string
beforeAll(async () => {
  keep = await mkdtemp(join(tmpdir(), 'reign-simulation-'))
})
afterAll(() => rm(keep, { recursive: true, force: true }))

async function simulate(...args: string[]): Promise<{ code: number | null; output: string }> {
  await using run = new OsProcess(process.execPath, { args: ['scripts/simulate.mjs', '--keep', keep, ...args] })
  const { code } = await run.ended
  return { code, output: run.output }
}

test('two hundred seeds of five nodes and ten virtual minutes keep all promises', async () => {
  const { code, output } = await simulate('--seeds', '200')
  // With what it took: how fast it was is to be seen, and nothing fails for being slow.
  console.log(output.trim().split('\n').slice(-3).join('\n'))
  expect({ code, output }).toEqual({ code: 0, output: expect.stringContaining(' 0 failed;') })
}, 600_000)

test('the same seeds give the same traces in two processes, others do not', async () => {
  const traces = async (from: string) => {
    const { output } = await simulate('--seeds', '3', '--minutes', '3', '--from', from, '--workers', '1')
    return /all traces (\w{16})/.exec(output)?.[1]
  }
  const [one, other, third] = await Promise.all([traces('7001'), traces('7001'), traces('7004')])
  expect(one).toMatch(/^\w{16}$/)
  expect(other).toBe(one)
  expect(third).not.toBe(one)
}, 120_000)

test('what has failed once does not fail any more', async () => {
  const names = await readdir(regressions)
  expect(names.length).toBeGreaterThan(0)
  for (const name of names) {
    const plan: Plan = JSON.parse(await readFile(join(regressions, name), 'utf8'))
    const { failure } = await attempt(plan)
    expect({ name, failure: failure?.message }).toEqual({ name, failure: undefined })
  }
}, 120_000)
