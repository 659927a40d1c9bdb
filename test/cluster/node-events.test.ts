import { describe, expect, test } from 'vitest'
import type { Clock } from '../../src/clock.js'
import { type NodeDown, NodeEvents, type NodeUp } from '../../src/cluster/node-events.js'
import type { Down } from '../../src/process/notices.js'
import type { Process } from '../../src/process/process.js'
import { named } from '../../src/term/named.js'
import { eventually } from '../support/deadline.js'
import { carriers, deadlineMs, losesSight, next, sees, TestCluster, take } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

describe.each(carriers)('over %s', (_, tls) => {
  test('nodeup comes before the first message of the node, nodedown after the last and after links and monitors', async () => {
    await using cluster = await TestCluster.make({ tls })
    const one = await cluster.start(a)
    const other = await cluster.start(b)
    const box = one.mailbox<unknown>()
    one.register('box', box.address)
    one.monitorNodes(box)
    const far = other.mailbox()
    // The first message is what makes the other side dial.
    for (let n = 0; n < 100; n++) other.send(named('box', a), n)
    await sees(one, b)
    const ref = box.monitor(far.address)
    box.link(far.address)
    expect(await one.ping(b)).toBe(true)
    for (let n = 100; n < 200; n++) other.send(named('box', a), n)
    // A request behind them: when it is answered, they have come.
    await other.call(named('net_kernel', a), Symbol.for('anything'))
    other.disconnect(a)

    const seen = await take(box, 204)
    expect(seen[0]).toEqual({ type: 'nodeup', node: b } satisfies NodeUp)
    expect(seen.slice(1, 201)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    const noconnection = Symbol.for('noconnection')
    expect(seen.slice(201, 203)).toEqual([
      { type: 'DOWN', ref, address: far.address, reason: noconnection },
      { type: 'EXIT', from: far.address, reason: noconnection },
    ])
    expect(seen[203]).toEqual({ type: 'nodedown', node: b, reason: 'connection_closed' } satisfies NodeDown)
  })
})

test('callbacks and mailboxes are told of each node once, and a process is told as a mailbox is', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const told: string[] = []
  const stopUp = one.onNodeUp((node) => told.push(`up ${node}`))
  one.onNodeDown((node, reason) => told.push(`down ${node} ${reason}`))
  const heard = one.mailbox<unknown>()
  one.spawn(async (self: Process<NodeUp | NodeDown>) => {
    one.monitorNodes(self)
    heard.address.send('ready')
    for await (const event of self) heard.address.send(event)
  })
  expect(await next(heard)).toBe('ready')
  const other = await cluster.start(b)
  await cluster.meet(one, other)
  expect(await next(heard)).toEqual({ type: 'nodeup', node: b })
  one.disconnect(b)
  expect(await next(heard)).toEqual({ type: 'nodedown', node: b, reason: 'disconnect' })
  stopUp()
  await losesSight(other, a)
  await cluster.meet(other, one)
  expect(await next(heard)).toEqual({ type: 'nodeup', node: b })
  await other.stop()
  expect(await next(heard)).toEqual({ type: 'nodedown', node: b, reason: 'connection_closed' })
  expect(told).toEqual([`up ${b}`, `down ${b} disconnect`, `down ${b} connection_closed`])
})

test('a mailbox that no longer wants news, or is closed, gets none', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const other = await cluster.start(b)
  const [wanting, tired, closed] = [one.mailbox(), one.mailbox(), one.mailbox()]
  for (const box of [wanting, tired, closed]) one.monitorNodes(box)
  one.monitorNodes(tired, false)
  closed.close()
  await cluster.meet(one, other)
  expect(await next(wanting)).toEqual({ type: 'nodeup', node: b })
  expect(tired.length).toBe(0)
  expect(one.deadLetters.counts.noproc).toBe(0)
})

test('what a callback throws, or rejects with, is logged and disturbs nobody', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const other = await cluster.start(b)
  const told: string[] = []
  one.onNodeUp(() => {
    throw new Error('as asked')
  })
  one.onNodeUp(() => Promise.reject(new Error('later, too')))
  one.onNodeUp((node) => told.push(node))
  await cluster.meet(one, other)
  await eventually(() => one.log.at('error').length === 2, deadlineMs)
  expect(told).toEqual([b])
  expect(await one.ping(b)).toBe(true)
})

test('when a callback disconnects at once, every listener hears of up before down', async () => {
  const told: string[] = []
  const events = new NodeEvents((error) => told.push(String(error)))
  events.onUp((node) => {
    told.push(`first up ${node}`)
    if (node === 'x') events.down('x', 'disconnect')
  })
  events.onDown((node) => told.push(`first down ${node}`))
  events.onUp((node) => told.push(`second up ${node}`))
  events.onDown((node) => told.push(`second down ${node}`))
  events.up('x')
  events.up('y')
  expect(told).toEqual(['first up x', 'second up x', 'first down x', 'second down x', 'first up y', 'second up y'])
})

test('the loss of a node, and what it did to a monitor, are both told before anything of the next connection', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const other = await cluster.start(b)
  await cluster.meet(one, other)
  const box = one.mailbox<Down | NodeUp | NodeDown | string>()
  one.register('box', box.address)
  one.monitorNodes(box)
  box.monitor(other.mailbox().address)
  expect(await one.ping(b)).toBe(true)
  one.onNodeDown(() => {
    // On the spot: this waits for the next connection, and so does the answer.
    one.send(named('echo', b), 'again')
  })
  const echo = other.mailbox<string>()
  other.register('echo', echo.address)
  one.disconnect(b)
  expect(await next(echo)).toBe('again')
  other.send(named('box', a), 'answer')
  const seen = await take(box, 4)
  expect(seen.map((each) => (typeof each === 'string' ? each : each.type))).toEqual([
    'DOWN',
    'nodedown',
    'nodeup',
    'answer',
  ])
})

test.each([
  ['members dial each other', true],
  ['somebody has come who is in no list', false],
])(
  'however long a loss takes to tell, all of it is told before anything of the next connection: %s',
  async (_, dialMembers) => {
    const simulation = new Simulation(1, [a, b], { latency: { minMs: 1, maxMs: 2 } })
    const { clock } = simulation
    let spentMs = 0
    // What this node does takes its time; and the turns of its event loop are so far apart that the next connection comes between.
    const slow: Clock = {
      now: () => clock.now() + spentMs,
      wallTime: () => clock.wallTime(),
      setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
      clearTimer: (timer) => clock.clearTimer(timer),
      holdProgram: (timer, holds) => clock.holdProgram(timer, holds),
      nextTurn: (callback) => void clock.setTimer(callback, 60_000),
      microtask: (callback) => clock.microtask(callback),
    }
    const one = await simulation.start(a, { clock: slow, dialMembers })
    const other = await simulation.start(b, { dialMembers })
    void other.connect(a)
    await clock.run(1_000)
    const far = other.mailbox()
    const seen: unknown[] = []
    for (let i = 0; i < 20; i++) {
      const service = one.service((message) => {
        spentMs++
        seen.push((message as Down).type)
      })
      service.startMonitor(far.address)
    }
    const box = one.mailbox()
    one.register('box', box.address)
    one.monitorNodes(box)
    const ref = box.monitor(far.address)
    await clock.run(100)
    other.onNodeUp(() => other.send(named('box', a), 'hello again'))
    simulation.network.reset(a, b)
    await clock.run(10)
    void other.connect(a)
    // In the middle of it: five are told in a slice of five milliseconds.
    expect([seen.length, box.length, one.nodes()]).toEqual([5, 0, []])
    await clock.run(5_000)
    expect(seen).toEqual(Array.from({ length: 20 }, () => 'DOWN'))
    expect(box.peek()).toEqual([
      { type: 'DOWN', ref, address: far.address, reason: Symbol.for('noconnection') },
      { type: 'nodedown', node: b, reason: 'connection_closed' },
      { type: 'nodeup', node: b },
      'hello again',
    ])
    expect(one.nodes()).toEqual([b])
    const stopped = Promise.all([one.stop(), other.stop()])
    await clock.run(200_000)
    await stopped
  },
)
