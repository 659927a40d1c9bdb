/** The executable itself, as a process of its own. */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resolveSpec } from '../../src/cluster/spec.js'
import { within } from '../support/deadline.js'
import { freshBuild, projectFolder } from '../support/fresh-build.js'
import { OsProcess } from '../support/os-process.js'
import { Workplace } from './command.js'

const main = join(projectFolder, 'lib', 'cli', 'main.js')

let place: Workplace
beforeAll(async () => {
  await freshBuild()
  place = new Workplace()
})
afterAll(() => place[Symbol.dispose]())

/** Runs a line of shell, in which `$reign` is the command; gives how it ended, and all that it printed. */
async function shell(line: string): Promise<{ code: number | null; output: string }> {
  const env = { reign: `${process.execPath} ${main}` }
  const ran = new OsProcess('/bin/sh', { args: ['-c', line], cwd: place.cwd, env })
  const { code } = await within(20_000, ran.ended, line)
  return { code, output: ran.output }
}

test('is a program for the shell', () => {
  expect(readFileSync(main, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
})

test('makes a cluster under an open umask, and every node can start with it', async () => {
  const { code, output } = await shell('umask 000; $reign init one@127.0.0.1 two@127.0.0.1')
  expect(output).toMatch(/^Made cluster, a cluster of 2 nodes/)
  expect(code).toBe(0)
  expect(statSync(place.path('cluster')).mode & 0o777).toBe(0o700)
  for (const secret of ['ca.key', 'cookie', 'one@127.0.0.1.key', 'two@127.0.0.1.key']) {
    expect([secret, statSync(place.path('cluster', secret)).mode & 0o777]).toEqual([secret, 0o600])
  }
  expect((await shell('$reign cert three@127.0.0.1')).code).toBe(0)
  for (const name of ['one', 'two', 'three']) await resolveSpec(place.path('cluster'), `${name}@127.0.0.1`)
})

test.each([
  ['$reign init one@127.0.0.1', 1, /^reign: ERR_REIGN_FILE_EXISTS: .*\n$/],
  ['$reign cert four@127.0.0.1 --dir nowhere', 1, /^reign: ERR_REIGN_CLUSTER_SPEC: .*\n$/],
  ['$reign cert four@127.0.0.1 --ca-key cluster', 1, /^reign: ERR_REIGN_CERTIFICATE: .*it is a folder\n$/],
  ['$reign init one', 2, /^reign: .*It has no @.*\n\(`reign help init` tells more\)\n$/],
  ['$reign frob', 2, /^reign: unknown command 'frob'\n/],
])('%s fails with %i and no stack', async (line, code, output) => {
  const ran = await shell(`${line} >out; code=$?; test ! -s out || echo "and said: $(cat out)"; exit $code`)
  expect(ran.output).toMatch(output)
  expect(ran.output).not.toMatch(/\n\s+at /)
  expect(ran.code).toBe(code)
})

test('answers --version, --help and help', async () => {
  const { version } = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8'))
  expect(await shell('$reign --version')).toEqual({ code: 0, output: `${version}\n` })
  expect((await shell('$reign --help')).output).toMatch(/^Usage: reign \[options\] \[command\]/)
  expect((await shell('$reign help cert')).code).toBe(0)
})
