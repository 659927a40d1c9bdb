/** `reign demo`, to its end, in a process of its own: what it says, and that nothing of it is left behind. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { deadlineMs as demoMs, eventually, within } from '../support/deadline.js'
import { freshBuild } from '../support/fresh-build.js'
import { OsProcess } from '../support/os-process.js'
import { Workplace } from './command.js'
import { main } from './command-cluster.js'

let place: Workplace
let marker: string
beforeEach(async () => {
  await freshBuild()
  place = new Workplace()
  mkdirSync(place.path('tmp'))
  mkdirSync(place.path('bin'))
  // Handed down to every process that the demo starts, and so to be found by.
  marker = `REIGN_DEMO_TEST=${randomBytes(8).toString('hex')}`
})
afterEach(() => place[Symbol.dispose]())

/** Starts it as a shell does: in a process group of its own, so that Ctrl-C can be sent to all that is in it. */
function demo(env: Readonly<Record<string, string | undefined>> = {}): OsProcess {
  const [name = '', value] = marker.split('=')
  return new OsProcess('/usr/bin/setsid', {
    args: [process.execPath, main, 'demo'],
    cwd: place.cwd,
    env: {
      ...{ NODE_OPTIONS: undefined, VITEST: undefined, FORCE_COLOR: undefined, NO_COLOR: undefined },
      ...{ TMPDIR: place.path('tmp'), [name]: value },
      ...env,
    },
  })
}

/** The processes that live and have our mark, by their command lines. */
function marked(): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return pids.flatMap((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(marker)) return []
      return [readFileSync(`/proc/${pid}/cmdline`, 'latin1').replaceAll('\0', ' ')]
    } catch {
      // It has ended meanwhile, or is another user's.
      return []
    }
  })
}

/** No process, so that no port is taken, and no file. */
async function expectNothingLeft(): Promise<void> {
  expect(readdirSync(place.path('tmp'))).toEqual([])
  expect(readdirSync(place.cwd).sort()).toEqual(['bin', 'tmp'])
  // Helpers of Erlang end a moment after their node.
  await eventually(() => marked().length === 0, 15_000, 'all of its processes to end').catch(() => {
    expect(marked()).toEqual([])
  })
}

const number = '\\d+(?:\\.\\d)?'

/** What it prints, each line without its time. */
function script(withErlang: boolean): (string | RegExp)[] {
  const count = withErlang ? 4 : 3
  return [
    'Three nodes, three processes, mutual TLS',
    `an authority, a cookie, and a certificate for each of ${count} nodes`,
    new RegExp(`^ann, bob and eve see each other ${number} ms after the first was started$`),
    'ann: hello, everybody  (heard by bob, eve)',
    'A partition',
    new RegExp(`^bob is cut off: in ${number} ms ann and eve see ann, eve; bob sees bob$`),
    'ann: bob, where are you?  (heard by eve)',
    new RegExp(`^healed, after 4 dials in vain: all see ann, bob, eve in ${number} ms$`),
    'ann: did you hear me?  (heard by bob, eve)',
    'bob: only just now  (heard by ann, eve)',
    ...(withErlang
      ? [
          'A real Erlang node',
          'joe pings all, finds them: pg:get_members(reign, <<"chat">>), joins',
          'joe: hello from Erlang  (heard by ann, bob, eve)',
        ]
      : []),
    'kill -9',
    new RegExp(`^eve is killed: ann and bob know within ${number} ms, her claim is gone$`),
    new RegExp(`^her next run is known to all ${number} ms after it was started$`),
    `eve: that was rude  (heard by ann, bob${withErlang ? ', joe' : ''})`,
    'Summary',
    `${withErlang ? 'four' : 'three'} nodes found each other without a broker, over mutual TLS`,
    ...(withErlang ? ['one was real Erlang: it pinged, found, heard and was heard'] : []),
    'one was cut off: each side kept its names, then all agreed again',
    'one was killed: it was missed at once, and its next run was welcome',
    ...(withErlang ? [] : ['where Erlang is installed, a real Erlang node takes part too']),
    'every process has ended, and every file is removed',
    'Next: npx reign init a@127.0.0.1 b@127.0.0.1; npx reign chat a@127.0.0.1',
  ]
}

function expectScript(ran: OsProcess, withErlang: boolean): void {
  const lines = ran.output.trimEnd().split('\n')
  const wanted = script(withErlang)
  expect(lines.length, ran.output).toBe(wanted.length)
  let before = 0
  lines.forEach((line, i) => {
    const [, seconds, text = line] = /^ *(\d+\.\d\d) s {2}(.*)$/.exec(line) ?? []
    expect(text).toEqual(typeof wanted[i] === 'string' ? wanted[i] : expect.stringMatching(wanted[i] ?? /^$/))
    if (seconds === undefined) return
    expect(Number(seconds)).toBeGreaterThanOrEqual(before)
    before = Number(seconds)
  })
  // One screen of 80 columns and 30 rows: npm has four for itself before it, and the prompt one behind.
  expect(lines.length).toBeLessThanOrEqual(30 - 4 - 1)
  // Times may have some digits more on a busy machine.
  const columns = (line: string) => line.replace(/\d+(\.\d)? ms/, '9999 ms').length
  expect(lines.filter((line) => columns(line) >= 80)).toEqual([])
}

describe('the demo', () => {
  test('with Erlang: runs to its end, and leaves nothing behind', async () => {
    const from = performance.now()
    const ran = demo()
    expect(await within(demoMs, ran.ended, 'the demo'), ran.output).toEqual({ code: 0, signal: null })
    const seconds = (performance.now() - from) / 1_000
    expectScript(ran, true)
    // Its own clock agrees with ours; the start of Node.js comes before it.
    const last = Number(/ (\d+\.\d\d) s {2}every process/.exec(ran.output)?.[1])
    expect(last).toBeGreaterThan(0.5)
    expect(last).toBeLessThan(seconds)
    await expectNothingLeft()
  })

  test('without Erlang: likewise, and says what is missing', async () => {
    const ran = demo({ PATH: place.path('bin') })
    expect(await within(demoMs, ran.ended, 'the demo'), ran.output).toEqual({ code: 0, signal: null })
    expectScript(ran, false)
    await expectNothingLeft()
  })

  test('with an Erlang that does not start: goes on without, and says why', async () => {
    symlinkSync('/bin/false', place.path('bin', 'erl'))
    const ran = demo({ PATH: place.path('bin') })
    expect(await within(demoMs, ran.ended, 'the demo'), ran.output).toEqual({ code: 0, signal: null })
    expect(ran.output).toMatch(/Erlang is installed, but takes no part: erl ended with code 1\n/)
    expect(ran.output).toContain('three nodes found each other')
    await expectNothingLeft()
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 0],
  ] as const)('ends by %s with %i, and leaves nothing behind', async (signal, code) => {
    const ran = demo()
    await ran.expectOutput(/A real Erlang node/, demoMs)
    if (signal === 'SIGINT') process.kill(-ran.pid, signal)
    else ran.signal(signal)
    expect(await within(demoMs, ran.ended, 'the demo'), ran.output).toEqual({ code, signal: null })
    expect(ran.output).not.toMatch(/Summary|Error|reign:/)
    await expectNothingLeft()
  })

  test('when it is killed, its processes end by themselves', async () => {
    const ran = demo()
    await ran.expectOutput(/joe: hello/, demoMs)
    expect(marked().length).toBeGreaterThan(4)
    await ran.kill()
    await eventually(() => marked().length === 0, 15_000, 'all of its processes to end').catch(() => {
      expect(marked()).toEqual([])
    })
    // A folder that nobody removed any more is all that is left.
    expect(readdirSync(join(place.cwd, 'tmp'))).toEqual([expect.stringMatching(/^reign-demo-/)])
  })
})

test('npm run demo is this command', () => {
  const { scripts }: { scripts: Record<string, string> } = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
  )
  expect(scripts.demo).toBe('npm run -s build && node lib/cli/main.js demo')
})
