/** `reign run`: programs in processes of their own, how they are stopped, and what they end with. */
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failIfAtFault } from '../../src/cli/run.js'
import { atom } from '../../src/index.js'
import { eventually } from '../support/deadline.js'
import { freshBuild, projectFolder } from '../support/fresh-build.js'
import { OsProcess } from '../support/os-process.js'
import { CommandCluster, deadlineMs, exitCode, main, one, two } from './command-cluster.js'

/** Inside the project, as that is where `reign` can be imported by its name. */
const folder = join(projectFolder, '.cache', 'applications', String(process.pid))

beforeAll(async () => {
  await freshBuild()
  await mkdir(folder, { recursive: true })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

let programs = 0
/** A file that holds this. */
async function file(text: string, extension = 'mjs'): Promise<string> {
  const path = join(folder, `${++programs}.${extension}`)
  await writeFile(path, text)
  return path
}

/** A shop of two tills, which says what becomes of it; `more` is what else its definition holds. */
const shop = (more = '', children = "till('a'), till('b')") => `
  import { defineApplication, genServer, supervisor } from 'reign/otp'
  const worker = genServer({
    trapExit: true,
    init: (name) => (console.log('+' + name), name),
    terminate: (name) => console.log('-' + name),
  })
  const till = (id) => ({ id, name: id, start: worker, args: [id] })
  // What a program leaves open holds it up no longer than it runs.
  setInterval(() => {}, 1_000)
  export default defineApplication({
    name: 'shop',
    start: ({ config, args, node }) => {
      console.log(JSON.stringify(config), args.join(), node.name)
      return supervisor({ children: [${children}] })
    },
    prepStop: () => console.log('prepStop'),
    stop: () => console.log('stop'),
    ${more}
  })
  console.log('loaded')`

const reign = (args: readonly string[], cwd = folder) =>
  new OsProcess(process.execPath, {
    args: [main, 'run', ...args],
    cwd,
    env: { NODE_OPTIONS: undefined, VITEST: undefined, NODE_ENV: undefined, FORCE_COLOR: undefined },
  })

describe.concurrent('a signal', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    '%s stops the tree in order, between the hooks, and ends with 0',
    async (signal) => {
      await using program = reign([await file(shop())])
      await program.expectOutput(/\+b\n/, deadlineMs)
      program.signal(signal)
      expect(await exitCode(program)).toBe(0)
      expect(program.output).toBe('loaded\n{}  nonode@nohost\n+a\n+b\nprepStop\n-b\n-a\nstop\n')
    },
  )

  test('the second one ends it at once, whatever hangs', async () => {
    const hangs = "prepStop: () => (console.log('hanging'), new Promise(() => {})),"
    await using program = reign([await file(shop(hangs)), '--deadline', '3600000'])
    await program.expectOutput(/\+b\n/, deadlineMs)
    program.signal('SIGTERM')
    await program.expectOutput(/hanging/, deadlineMs)
    program.signal('SIGTERM')
    expect(await exitCode(program)).toBe(143)
    expect(program.output).not.toContain('-a')
  })

  test('does not wait longer than the deadline says', async () => {
    const hangs = "prepStop: () => (console.log('hanging'), new Promise(() => {})),"
    await using program = reign([await file(shop(hangs)), '--deadline', '100'])
    await program.expectOutput(/\+b\n/, deadlineMs)
    program.signal('SIGTERM')
    expect(await exitCode(program)).toBe(0)
  })

  test('ends a start that hangs, too', async () => {
    const hangs = "start: () => (console.log('hanging'), new Promise(() => {})),"
    await using program = reign([await file(shop(hangs)), '--deadline', '100'])
    await program.expectOutput(/hanging/, deadlineMs)
    program.signal('SIGTERM')
    expect(await exitCode(program)).toBe(0)
  })
})

/** One process that is the whole tree, and ends soon after it has started. */
const ends = (reason: string, type: string) => `
  import { atom, ExitError } from 'reign'
  import { defineApplication, startable } from 'reign/otp'
  const root = startable(async (self, starting) => {
    starting.ack()
    await self.receive({ timeout: 10 }).catch(() => {})
    throw new ExitError(atom('${reason}'))
  })
  export default defineApplication({
    name: 'job',
    type: '${type}',
    start: () => root,
    stop: () => console.log('stop'),
  })`

describe.concurrent('an application that ends by itself', () => {
  test('because its supervisor gives up ends the program with 1, and says why', async () => {
    const crashing = "{ id: 'c', start: (self) => self.receive({ timeout: 20 }) }"
    await using program = reign([await file(shop('', `till('a'), ${crashing}`))])
    expect(await exitCode(program)).toBe(1)
    expect(program.output).toContain('"msg":"a supervisor gives up: too many restarts"')
    expect(program.output).toMatch(/no message within 20 ms/)
    expect(program.output).toMatch(/reign: ERR_REIGN_APPLICATION: shop, which is permanent, has ended: shutdown\n/)
    // The tree that has ended by itself is not about to be stopped.
    expect(program.stdout).toMatch(/-a\nstop\n$/)
    expect(program.stdout).not.toContain('prepStop')
  })

  test.each([
    ['transient', 'normal', 0],
    ['transient', 'broken', 1],
  ])('of type %s with %s ends the program with %i', async (type, reason, code) => {
    await using program = reign([await file(ends(reason, type))])
    expect(await exitCode(program)).toBe(code)
    expect(program.stdout).toBe('stop\n')
    const told = `reign: ERR_REIGN_APPLICATION: job, which is ${type}, has ended: ${reason}\n`
    expect(program.output.includes(told)).toBe(code === 1)
  })

  const [normal, shutdown] = [atom('normal'), atom('shutdown')]
  test.each([
    ['permanent', [normal, shutdown, 'broken'], []],
    ['transient', [shutdown, 'broken'], [normal]],
    ['temporary', [], [normal, shutdown, 'broken']],
  ] as const)('of type %s is at fault, or not, as in OTP it ends its node', (type, faults, ends) => {
    const judge = (reason: unknown) => failIfAtFault({ name: 'shop', type }, reason)
    for (const reason of faults)
      expect(() => judge(reason)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_APPLICATION' }))
    for (const reason of ends) expect(() => judge(reason)).not.toThrow()
  })

  test('because it asked to be stopped ends the program with 0', async () => {
    const once = "{ id: 'once', start: () => done(), restart: 'temporary' }"
    const source = `let done\n${shop('', once).replace('start: ({ config,', 'start: ({ stop, config,')}`
    await using program = reign([await file(source.replace('return supervisor', 'done = stop\n return supervisor'))])
    expect(await exitCode(program)).toBe(0)
    expect(program.stdout).toMatch(/prepStop\nstop\n$/)
  })
})

describe.concurrent('a start that fails', () => {
  test('in the program of the user shows where, and ends with 3', async () => {
    const path = await file(shop("start: () => { throw new Error('no database') },"))
    await using program = reign([path])
    expect(await exitCode(program)).toBe(3)
    expect(program.output).toContain('reign: the application has not started: Error: no database\n')
    expect(program.output).toContain(path)
    expect(program.stdout).toBe('loaded\n')
  })

  test('because a child does not start ends with 3, and the children before it are stopped', async () => {
    const broken = "{ id: 'broken', start: genServer({ init: () => { throw new Error('no port') } }) }"
    await using program = reign([await file(shop('', `till('a'), ${broken}`))])
    expect(await exitCode(program)).toBe(3)
    expect(program.stdout).toMatch(/\+a\n-a\n$/)
    expect(program.output).toMatch(
      /reign: the application has not started: ERR_REIGN_START: .*failed_to_start_child.*no port/,
    )
  })

  test.each([
    ['there is no such file', 'nothing.mjs', undefined, /ERR_REIGN_ARGUMENT: there is no .*nothing\.mjs/],
    [
      'it exports no application',
      undefined,
      'export default 3',
      /ERR_REIGN_ARGUMENT: the default export of .* is no app/,
    ],
    ['it cannot be parsed', undefined, 'export defualt', /SyntaxError/],
  ])('because %s ends with 3', async (_, name, text, says) => {
    await using program = reign([name ?? (await file(text ?? ''))])
    expect(await exitCode(program)).toBe(3)
    expect(program.output).toMatch(says)
    expect(program.output).toMatch(/^reign: the application has not started: /m)
  })
})

test('the configuration is a file, then single values; what follows -- is for the program', async () => {
  const config = await file('{ "port": 80, "name": "file" }', 'json')
  const path = await file(shop('', ''))
  await using program = reign([path, '-c', config, '-s', 'name=a=b', '-s', 'list=[1]', '--', '--loud', 'x'])
  await program.expectOutput(/nonode/, deadlineMs)
  expect(program.stdout).toContain('{"port":80,"name":"a=b","list":[1]} --loud,x nonode@nohost\n')
  program.signal('SIGTERM')
  expect(await exitCode(program)).toBe(0)
  await using wrong = reign([path, '-s', 'port'])
  expect(await exitCode(wrong)).toBe(2)
  await using broken = reign([path, '-c', await file('[1]', 'json')])
  expect(await exitCode(broken)).toBe(3)
  expect(broken.output).toContain('holds no object')
})

test('TypeScript runs where this Node.js strips types, and is refused with a word where it does not', async () => {
  const source = `import { type AnyBehaviour, defineApplication, supervisor } from 'reign/otp'
    const root: AnyBehaviour = supervisor({ children: [] })
    export default defineApplication({ name: 'typed', start: ({ stop }) => (setImmediate(stop), root as never) })`
  await using program = reign([await file(source, 'ts')])
  const strips = Boolean((process.features as { typescript?: unknown }).typescript)
  expect(await exitCode(program)).toBe(strips ? 0 : 3)
  if (!strips)
    expect(program.output).toMatch(/ERR_REIGN_ARGUMENT: this Node\.js \(v.*\) cannot run .*\.ts: compile it first/)
})

test('as a member of a cluster, it is met by the others, and says goodbye', async () => {
  await using cluster = await CommandCluster.make()
  const other = await cluster.start(two)
  const args = [await file(shop()), '--name', one, '--dir', cluster.folder]
  await using program = reign(args)
  await program.expectOutput(/\+b\n/, deadlineMs)
  expect(program.stdout).toContain(`  ${one}\n`)
  await eventually(() => other.ping(one), deadlineMs)
  const down = new Promise((resolve) => other.onNodeDown((name, reason) => resolve([name, reason])))
  program.signal('SIGTERM')
  expect(await exitCode(program)).toBe(0)
  expect((await down) as unknown[]).toEqual([one, expect.anything()])
  // There is no such node in that cluster.
  await using stranger = reign([...args.slice(0, 2), 'stranger@127.0.0.1', '--dir', cluster.folder])
  expect(await exitCode(stranger)).toBe(3)
  expect(stranger.output).toMatch(/reign: the application has not started: ERR_REIGN_CLUSTER_SPEC: /)
})
