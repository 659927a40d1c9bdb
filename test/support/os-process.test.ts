import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { eventually, within } from './deadline.js'
import { OsProcess } from './os-process.js'
import { Reaper } from './reaper.js'

const sh = (script: string, options = {}) => new OsProcess('/bin/sh', { args: ['-c', script], ...options })

test('keeps the output and says how it ended', async () => {
  const process = sh('echo out; echo err >&2; echo "$GREETING"; exit 3', { env: { GREETING: 'hello' } })
  expect(await within(15_000, process.ended, 'its end')).toEqual({ code: 3, signal: null })
  expect(process.output).toContain('out\n')
  expect(process.output).toContain('err\n')
  expect(process.stdout).toBe('out\nhello\n')
})

test('a command that cannot be started ends with 127 and says why', async () => {
  const process = new OsProcess('there-is-no-such-command')
  expect(await within(15_000, process.ended, 'its end')).toEqual({ code: 127, signal: null })
  expect(process.output).toContain('ENOENT')
  expect(await process.kill()).toEqual({ code: 127, signal: null })
})

test('expectOutput gives the match, also one that came before, and fails when the process ends without', async () => {
  const process = sh('echo port 4711; read -r line; echo "got $line"', { stdin: 'pipe' })
  expect((await process.expectOutput(/port (\d+)/, 15_000))[1]).toBe('4711')
  expect((await process.expectOutput(/port (\d+)/, 15_000))[1]).toBe('4711')
  process.stdin.write('this\n')
  await process.expectOutput(/^got this$/m, 15_000)
  await expect(process.expectOutput(/more/, 15_000)).rejects.toThrow(/ended without \/more\/[\s\S]*got this/)
})

test('suspended, it does nothing; resumed, it goes on; suspended, it can be killed', async () => {
  const process = sh('while read -r line; do echo "$line"; done', { stdin: 'pipe' })
  await process.suspend()
  process.stdin.write('one\n')
  await expect(process.expectOutput(/one/, 100)).rejects.toThrow('not within 100 ms')
  process.resume()
  await process.expectOutput(/one/, 15_000)
  await process.suspend()
  expect(await process.kill()).toEqual({ code: null, signal: 'SIGKILL' })
})

test('the reaper kills what it watches when its worker is gone, suspended or not, and nothing else', async () => {
  const reaper = new Reaper()
  const [running, frozen, forgotten] = Array.from({ length: 3 }, () => spawn('sleep', ['60']))
  if (!running || !frozen || !forgotten) throw new Error('unreachable')
  try {
    const ends = [running, frozen].map((each) => once(each, 'exit'))
    for (const { pid } of [running, forgotten, frozen]) reaper.watch(Number(pid))
    frozen.kill('SIGSTOP')
    reaper.forget(Number(forgotten.pid))
    reaper.end()
    expect(await within(15_000, Promise.all(ends), 'both to be killed')).toEqual([
      [null, 'SIGKILL'],
      [null, 'SIGKILL'],
    ])
    expect(forgotten.exitCode ?? forgotten.signalCode).toBeNull()
  } finally {
    forgotten.kill('SIGKILL')
  }
})

test('eventually looks until there is something, and tells what it saw last', async () => {
  let looks = 0
  expect(await eventually(() => (++looks < 3 ? undefined : looks), 15_000)).toBe(3)
  expect(await eventually(async () => (++looks < 6 ? false : 'yes'), 15_000)).toBe('yes')
  const never = eventually(
    () => {
      throw new Error('still dark')
    },
    30,
    'the dawn',
  )
  await expect(never).rejects.toThrow('not within 30 ms: the dawn; at last: still dark')
  await expect(eventually(() => new Promise<true>(() => {}), 30, 'an answer')).rejects.toThrow('not within 30 ms')
})

test('within passes on what the promise does, and gives up at the deadline', async () => {
  expect(await within(1_000, Promise.resolve(1), 'one')).toBe(1)
  await expect(within(1_000, Promise.reject(new Error('no')), 'one')).rejects.toThrow('no')
  await expect(within(10, new Promise(() => {}), 'nothing')).rejects.toThrow('not within 10 ms: nothing')
})
