/** What a node without a network publishes, and what its subscribers cannot do to it. */
import { hasSubscribers } from 'node:diagnostics_channel'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { dynamicSupervisor, genServer, supervisor } from '../src/behaviour/index.js'
import { type Address, atom, callIn, type DeadLetter, Node, named, observe, type Process, Ref } from '../src/index.js'
import { silent } from '../src/logger.js'
import { Simulation } from '../src/testing/index.js'
import { startNode } from './support/child-node.js'
import { deadlineMs, eventually } from './support/deadline.js'
import { Heard } from './support/heard.js'

let node: Node
beforeEach(async () => {
  node = await Node.local({ logger: silent })
})
afterEach(() => node.stop())

const here = 'nonode@nohost'
/** Waits until a process has ended. */
const ended = (address: Address<never>) => eventually(() => !node.isAlive(address), deadlineMs, `${address} to end`)

describe('processes', () => {
  test('are told of when there is one, and when it has ended, with their names and why', async () => {
    using heard = new Heard('reign:process:spawned', 'reign:process:exited')
    const child = async function child(self: Process) {
      await self.receive()
    }
    const children: Address<never>[] = []
    const parent = node.spawn({ name: 'parent' }, async function parent(self: Process) {
      children.push(self.spawnLink(child), self.spawn({ name: 'other' }, child))
      self.exit(await self.receive())
    })
    await eventually(() => children.length === 2, deadlineMs, 'children')
    const [linked, other] = children as [Address<never>, Address<never>]
    expect(heard.all).toEqual([
      ['reign:process:spawned', { node: here, address: parent, name: 'parent', function: 'parent', parent: undefined }],
      ['reign:process:spawned', { node: here, address: linked, name: undefined, function: 'child', parent }],
      ['reign:process:spawned', { node: here, address: other, name: 'other', function: 'child', parent }],
    ])

    heard.all.length = 0
    parent.send('done')
    await ended(parent)
    ;(other as Address<unknown>).send('go')
    await ended(other)
    // What follows from an end is told after it.
    expect(heard.all).toEqual([
      ['reign:process:exited', { node: here, address: parent, name: 'parent', function: 'parent', reason: 'done' }],
      ['reign:process:exited', { node: here, address: linked, name: undefined, function: 'child', reason: 'done' }],
      [
        'reign:process:exited',
        { node: here, address: other, name: 'other', function: 'child', reason: atom('normal') },
      ],
    ])
  })

  test('that end are found no more when that is told, and their names are free', () => {
    const seen: unknown[] = []
    const gone = node.spawn({ name: 'short' }, () => {})
    const stop = observe('reign:process:exited', ({ address }) => {
      seen.push(node.whereis('short'), node.isAlive(address), node.processInfo(address))
    })
    node.exit(gone, atom('kill'))
    stop()
    expect(seen).toEqual([undefined, false, undefined])
  })

  test('that were not made, as their name is taken, are not told of', () => {
    node.spawn({ name: 'taken' }, async (self) => void (await self.receive()))
    using heard = new Heard('reign:process:spawned', 'reign:process:exited')
    expect(() => node.spawn({ name: 'taken' }, () => {})).toThrow()
    expect(heard.all).toEqual([])
  })

  test('that crash are told of with the error, and with what their behaviour knows', async () => {
    using heard = new Heard('reign:process:crashed')
    const error = new Error('no')
    const plain = node.spawn({ name: 'plain' }, function plain() {
      throw error
    })
    await ended(plain)
    const module = genServer({
      module: 'fragile',
      init: () => ({ n: 1 }),
      calls: {
        fail(): number {
          throw error
        },
      },
    })
    const server = await node.start(module)
    await expect(server.call.fail()).rejects.toThrow()
    expect(heard.of('reign:process:crashed')).toEqual([
      { node: here, address: plain, name: 'plain', function: 'plain', error, details: undefined },
      {
        node: here,
        address: server.address,
        name: undefined,
        function: 'fragile',
        error,
        details: expect.objectContaining({ behaviour: 'gen_server', module: 'fragile', state: '{ n: 1 }' }),
      },
    ])
  })
})

test('a mailbox that is full is told of once, until half of it is empty again', () => {
  using heard = new Heard('reign:mailbox:full')
  const limit = { messages: 2, policy: 'drop_oldest' } as const
  using mailbox = node.mailbox<number>({ limit })
  for (let i = 0; i < 5; i++) mailbox.address.send(i)
  const event = { node: here, address: mailbox.address, ...limit }
  expect(heard.of('reign:mailbox:full')).toEqual([event])
  mailbox.poll()
  for (let i = 0; i < 5; i++) mailbox.address.send(i)
  expect(heard.of('reign:mailbox:full')).toEqual([event, event])
})

test('dead letters are published, beside those who listen at the node', () => {
  using heard = new Heard('reign:message:dead-letter')
  const seen: DeadLetter[] = []
  const gone = node.mailbox()
  gone.close()
  gone.address.send(1)
  node.deadLetters.subscribe((letter) => seen.push(letter))
  node.send('nobody', 2)
  expect(heard.of('reign:message:dead-letter')).toEqual([
    { node: here, cause: 'noproc', to: gone.address, message: 1, from: undefined, issues: undefined },
    { node: here, cause: 'noname', to: atom('nobody'), message: 2, from: undefined, issues: undefined },
  ])
  expect(seen).toEqual([{ cause: 'noname', to: atom('nobody'), message: 2 }])
  expect(node.deadLetters.counts).toMatchObject({ noproc: 1, noname: 1 })
})

describe('supervisors', () => {
  const crash = Symbol.for('crash')
  const worker = async (self: Process) => self.exit(await self.receive())
  const channels = [
    'reign:supervisor:child-ended',
    'reign:supervisor:child-restarted',
    'reign:supervisor:child-not-started',
    'reign:supervisor:gave-up',
  ] as const

  test('tell of children that end, run again, and end once too often', async () => {
    const tree = await node.start(
      supervisor({
        intensity: { restarts: 1, within: 60_000 },
        children: [
          { id: 'steady', start: worker, name: 'steady' },
          { id: 'passing', start: worker, name: 'passing', restart: 'transient' },
        ],
      }),
    )
    const find = (name: string) => node.whereis(name) as Address<unknown>
    const about = (child: string) => ({ node: here, supervisor: tree.address, child })
    using heard = new Heard(...channels)

    const passing = find('passing')
    passing.send(atom('normal'))
    await ended(passing)
    const first = find('steady')
    first.send(crash)
    await eventually(() => heard.all.length === 3, deadlineMs, 'the restart')
    const second = find('steady')
    expect(heard.all).toEqual([
      [channels[0], { ...about('passing'), address: passing, reason: atom('normal'), again: false }],
      [channels[0], { ...about('steady'), address: first, reason: crash, again: true }],
      [channels[1], { ...about('steady'), address: second }],
    ])

    heard.all.length = 0
    second.send(crash)
    await ended(tree.address)
    expect(heard.all).toEqual([
      [channels[0], { ...about('steady'), address: second, reason: crash, again: true }],
      [channels[3], { ...about('steady'), restarts: 1, within: 60_000 }],
    ])
  })

  test('tell of children that do not start, and of dynamic ones that run again', async () => {
    using heard = new Heard(...channels)
    const reason = new Error('not today')
    const start = genServer({
      init() {
        throw reason
      },
    })
    await expect(node.start(supervisor({ children: [{ id: 'late', start }] }))).rejects.toThrow()
    expect(heard.of('reign:supervisor:child-not-started')).toEqual([
      { node: here, supervisor: expect.anything(), child: 'late', reason },
    ])

    const pool = await node.start(dynamicSupervisor({ start: worker, restart: 'permanent' }))
    const child = await pool.startChild()
    ;(child as Address<unknown>).send(crash)
    await eventually(() => heard.of('reign:supervisor:child-restarted').length === 1, deadlineMs, 'the restart')
    expect(heard.of('reign:supervisor:child-restarted')).toMatchObject([{ node: here, supervisor: pool.address }])
  })
})

describe('calls', () => {
  const started = 'reign:call:started'
  const replied = 'reign:call:replied'
  const failed = 'reign:call:failed'

  test('are told of with one reference from beginning to end, whatever comes of them', async () => {
    const server = node.spawn(async (self: Process) => {
      const called = callIn(await self.receive())
      if (called !== undefined) self.reply(called.from, [called.request])
    })
    using mailbox = node.mailbox()
    using heard = new Heard(started, replied, failed)
    expect(await mailbox.call(server, 'well?')).toEqual(['well?'])
    const call = { node: here, caller: mailbox.address, target: server }
    const [{ ref } = { ref: undefined }] = heard.of(started)
    expect(ref).toBeInstanceOf(Ref)
    expect(heard.all).toEqual([
      [started, { ...call, request: 'well?', ref }],
      [replied, { ...call, reply: ['well?'], ref }],
    ])

    heard.all.length = 0
    const nobody = named('nobody', node.name)
    const error = await mailbox.call(nobody, 'what').catch((why: unknown) => why)
    expect(error).toMatchObject({ code: 'ERR_REIGN_CALL' })
    const [asked] = heard.of(started)
    expect(heard.all).toEqual([
      [started, { node: here, caller: mailbox.address, target: nobody, request: 'what', ref: asked?.ref }],
      [failed, { node: here, caller: mailbox.address, target: nobody, error, ref: asked?.ref }],
    ])
    expect(asked?.ref).not.toBe(ref)
  })

  test('that get no answer in time fail with the error that their caller gets', async () => {
    using silent = node.mailbox()
    using heard = new Heard(failed)
    const error = await node.call(silent.address, 'what', { timeout: 1 }).catch((why: unknown) => why)
    expect(error).toMatchObject({ code: 'ERR_REIGN_TIMEOUT' })
    expect(heard.of(failed)).toMatchObject([{ node: here, target: silent.address, error }])
  })
})

test('a node is told of when it runs, and when nothing of it runs any more', async () => {
  using heard = new Heard('reign:node:started', 'reign:process:exited', 'reign:node:stopped')
  const other = await Node.local()
  other.spawn(async (self) => void (await self.receive()))
  await Promise.all([other.stop(), other.stop()])
  await other.stop()
  expect(heard.all).toMatchObject([
    ['reign:node:started', { node: here, creation: other.addressBook.self.creation, endpoint: undefined }],
    ['reign:process:exited', { node: here, reason: atom('shutdown') }],
    ['reign:node:stopped', { node: here }],
  ])
})

describe('a subscriber', () => {
  test('hears until it stops, and leaves nobody listening', () => {
    const seen: unknown[] = []
    const stop = observe('reign:message:dead-letter', ({ message }, name) => seen.push([name, message]))
    expect(hasSubscribers('reign:message:dead-letter')).toBe(true)
    node.send('nobody', 1)
    stop()
    stop()
    expect(hasSubscribers('reign:message:dead-letter')).toBe(false)
    node.send('nobody', 2)
    expect(seen).toEqual([['reign:message:dead-letter', 1]])
  })

  // What it throws comes as `uncaughtException`, which would fail this file: hence programs of their own.
  const throwing = (guard: boolean) => `
    import { subscribe } from 'node:diagnostics_channel'
    const events = ['process:spawned', 'process:exited', 'message:dead-letter', 'call:started', 'call:replied']
    for (const event of events) subscribe('reign:' + event, () => { throw new Error(event) })
    const thrown = []
    const { Node } = await import('reign')
    const node = await Node.local({ guard: ${guard}, logger: {
      error: ({ error }) => thrown.push(error), warn() {}, info() {}, debug() {}, trace() {} } })
    if (!${guard}) process.on('uncaughtException', ({ message }) => thrown.push(message))
    const server = node.spawn(async (self) => {
      const child = self.spawnLink(() => {})
      node.send('nobody', 1)
      const [, from, request] = await self.receive()
      self.reply(from, [request, self.alive])
      await self.receive()
    })
    const reply = await node.call(server, 'well?')
    await new Promise(setImmediate)
    process.send({ reply, alive: node.isAlive(server), thrown: thrown.map((each) => events.find((one) => each.includes(one))) })
    await node.stop()
  `
  const all = ['process:spawned', 'process:exited', 'message:dead-letter', 'call:started', 'call:replied']

  test.each([
    ['of the program', false],
    ['that are charged to processes', true],
  ])('that throws has its errors among those %s, and disturbs no process', async (_, guard) => {
    await using child = await startNode({ source: throwing(guard) })
    type Report = { reply: unknown; alive: boolean; thrown: string[] }
    const { reply, alive, thrown } = await child.expect<Report>(() => true, deadlineMs)
    expect({ reply, alive }).toEqual({ reply: ['well?', true], alive: true })
    expect(new Set(thrown)).toEqual(new Set(all))
    expect(await child.exit(deadlineMs)).toBe(0)
  })

  test('changes nothing in a simulation', async () => {
    const nodes = ['a@127.0.0.1', 'b@127.0.0.1']
    const run = async () => {
      await using simulation = new Simulation({ seed: 5, nodes, latency: { minMs: 1, maxMs: 5 } })
      const [one, two] = (await simulation.startAll()) as [Node, Node]
      two.spawn({ name: 'echo' }, async (self: Process) => {
        for await (const from of self) (from as Address<unknown>).send('x'.repeat(3_000_000))
      })
      using mailbox = one.mailbox()
      for (let i = 0; i < 3; i++) one.send(named('echo', two.name), mailbox.address)
      one.call(named('nobody', two.name), 'x').catch(() => {})
      await simulation.run(5_000)
      expect(mailbox.length).toBe(3)
      one.disconnect(two.name)
      await simulation.run(5_000)
      return simulation.traceHash
    }
    const unseen = await run()
    using heard = new Heard(
      'reign:process:spawned',
      'reign:process:exited',
      'reign:call:failed',
      'reign:connection:opened',
      'reign:connection:lost',
      'reign:connection:busy',
      'reign:connection:drained',
      'reign:signal:sent',
      'reign:signal:received',
    )
    expect(await run()).toBe(unseen)
    expect(new Set(heard.all.map(([name]) => name)).size).toBe(9)
  })
})
