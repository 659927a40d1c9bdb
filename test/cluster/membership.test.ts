/** Who belongs to the cluster while it runs: nodes that join, leave, are forgotten, and a cluster file that changes. */
import { describe, expect, test } from 'vitest'
import type { ClusterSpecInput } from '../../src/cluster/spec-schema.js'
import { Node } from '../../src/index.js'
import { named } from '../../src/term/named.js'
import { eventually } from '../support/deadline.js'
import { deadlineMs, losesSight, next, sees, TestCluster, type TestNode } from './cluster-kit.js'
import { FolderCluster } from './folder-cluster.js'
import { Simulation } from './simulation.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const c = 'c@127.0.0.1'
const all = [a, b, c]
const minuteMs = 60_000

/** Nodes on a network in memory, in virtual time, each knowing those that it is told of. */
class World implements AsyncDisposable {
  readonly simulation = new Simulation(1, all, { latency: { minMs: 1, maxMs: 5 } })
  readonly clock = this.simulation.clock
  readonly network = this.simulation.network
  readonly nodes: TestNode[] = []

  address(name: string): string {
    return `127.0.0.1:${this.simulation.port(name)}`
  }

  spec(...names: readonly string[]): ClusterSpecInput & { nodes: Record<string, { address: string }> } {
    const nodes = Object.fromEntries(names.map((name) => [name, { address: this.address(name) }]))
    return { nodes, cookie: 'a-cookie-of-the-tests-alone', tls: false }
  }

  /** Starts a node whose cluster file has these; without any, those of all. */
  async start(name: string, ...known: readonly string[]): Promise<TestNode> {
    const node = await this.simulation.start(name, { cluster: this.spec(...(known.length === 0 ? all : known)) })
    this.nodes.push(node)
    return node
  }

  async finish(node: Node, how: 'stop' | 'leave' = 'stop'): Promise<void> {
    const finished = node[how]()
    await this.clock.run(10_000)
    await finished
  }

  /** How often `from` dials `to` in ten minutes. */
  async dialsIn(from: string, to: string, ms = 10 * minuteMs): Promise<number> {
    const port = this.simulation.port(to)
    const before = this.network.dials(from, port)
    await this.clock.run(ms)
    return this.network.dials(from, port) - before
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.network.heal()
    for (const node of this.nodes) await this.finish(node)
    expect(this.clock.timersPending).toBe(0)
    expect(this.network.streamCount).toBe(0)
  }
}

describe('a node joins', () => {
  test('at run time, by its address, and is dialled for ever from then on, with longer and longer waits', async () => {
    await using world = new World()
    const one = await world.start(a, a)
    const two = await world.start(b, b)
    expect(one.nodes('known')).toEqual([a])
    const joined = one.connect(b, { address: world.address(b), member: true })
    await world.clock.run(100)
    expect(await joined).toBe(true)
    expect([one.nodes(), two.nodes()]).toEqual([[b], [a]])
    expect(one.nodes('known')).toEqual([a, b])

    await world.finish(two)
    // Waits of 5 to 10 s in the end: 60 to 120 attempts in ten minutes.
    expect(await world.dialsIn(a, b)).toBeGreaterThan(50)
    expect(await world.dialsIn(a, b)).toBeLessThan(130)
    await world.start(b, b)
    await world.clock.run(15_000)
    expect(one.nodes()).toEqual([b])
  })

  test('for once, by its address, which is used again when somebody sends', async () => {
    await using world = new World()
    const one = await world.start(a, a)
    const two = await world.start(b, b)
    const connected = one.connect(b, { address: world.address(b) })
    await world.clock.run(100)
    expect(await connected).toBe(true)
    await world.finish(two)
    expect(await world.dialsIn(a, b)).toBe(0)

    const again = await world.start(b, b)
    const box = again.mailbox()
    again.register('box', box.address)
    one.send(named('box', b), 'hello')
    await world.clock.run(100)
    expect(box.poll()).toBe('hello')
  })

  test('at another address than the file has for it', async () => {
    await using world = new World()
    const one = await world.start(a)
    expect(await world.dialsIn(a, b, minuteMs)).toBeGreaterThan(5)
    // It listens where the file has c.
    const moved = await world.simulation.start(b, {
      cluster: { ...world.spec(b), nodes: { [b]: { address: world.address(c) } } },
    })
    world.nodes.push(moved)
    const connected = one.connect(b, { address: world.address(c) })
    await world.clock.run(100)
    expect(await connected).toBe(true)
    world.network.reset(a, b)
    await world.clock.run(15_000)
    expect(one.nodes()).toEqual([b])
  })

  test('only if it can be one', async () => {
    await using world = new World()
    const one = await world.start(a, a)
    const argument = { code: 'ERR_REIGN_ARGUMENT' }
    for (const address of ['127.0.0.1', '127.0.0.1:0', 'no host:1', ':9100', 9_100 as never]) {
      await expect(one.connect(b, { address })).rejects.toMatchObject(argument)
    }
    await expect(one.connect('b', { member: true })).rejects.toMatchObject({ code: 'ERR_REIGN_NODE_NAME' })
    expect(one.nodes('known')).toEqual([a])
    expect(await one.connect(a, { address: world.address(a), member: true })).toBe(true)
    expect(one.nodes('known')).toEqual([a])
  })
})

describe('a node leaves', () => {
  test('for good: nobody dials it any more, while one that only stops is waited for', async () => {
    await using world = new World()
    const one = await world.start(a)
    const two = await world.start(b)
    const three = await world.start(c)
    await world.clock.run(2_000)
    const reasons: string[] = []
    one.onNodeDown((name, reason) => reasons.push(`${name} ${reason}`))
    await world.finish(two, 'leave')
    await world.finish(three)
    expect(reasons).toEqual([`${b} connection_closed`, `${c} connection_closed`])
    expect(await world.dialsIn(a, b)).toBe(0)
    expect(await world.dialsIn(a, c)).toBeGreaterThan(0)
    expect(one.log.at('info')).toContainEqual({ level: 'info', fields: { peer: b }, message: 'a node has left' })
  })

  test('and comes back by itself: then it belongs again', async () => {
    await using world = new World()
    await world.start(a)
    const two = await world.start(b)
    await world.clock.run(2_000)
    await world.finish(two, 'leave')
    expect(await world.dialsIn(a, b)).toBe(0)
    const again = await world.start(b)
    await world.clock.run(2_000)
    expect(again.nodes()).toEqual([a])
    await world.finish(again)
    expect(await world.dialsIn(a, b, minuteMs)).toBeGreaterThan(0)
  })

  test('when nobody is connected: nobody hears of it, and stopping is all there is to it', async () => {
    await using world = new World()
    const one = await world.start(a)
    const two = await world.start(b, b)
    world.network.cut(a, b)
    await world.clock.run(1_000)
    await world.finish(two, 'leave')
    expect(await world.dialsIn(a, b, minuteMs)).toBeGreaterThan(0)
    expect(one.nodes('known')).toEqual([a, b, c])
  })
})

describe('a node is forgotten', () => {
  test('that is connected: both part, and neither dials the other', async () => {
    await using world = new World()
    const one = await world.start(a)
    const two = await world.start(b)
    await world.clock.run(2_000)
    const events: string[] = []
    for (const node of [one, two]) node.onNodeDown((name, reason) => events.push(`${name} ${reason}`))
    expect(one.forget(b)).toBe(true)
    expect(one.nodes()).toEqual([])
    expect(await world.dialsIn(a, b)).toBe(0)
    expect(await world.dialsIn(b, a)).toBe(0)
    expect(events).toEqual([`${b} disconnect`, `${a} connection_closed`])
    expect(one.forget(b)).toBe(false)
  })

  test('that will never come back: it is dialled no more', async () => {
    await using world = new World()
    const one = await world.start(a)
    expect(await world.dialsIn(a, b, minuteMs)).toBeGreaterThan(0)
    expect(one.forget(b)).toBe(true)
    await world.clock.run(100)
    expect(await world.dialsIn(a, b)).toBe(0)
    expect(await world.dialsIn(a, c)).toBeGreaterThan(0)
    expect(one.forget(b)).toBe(false)
  })

  test('and belongs again when somebody here sends to it, or wants it', async () => {
    await using world = new World()
    const one = await world.start(a)
    const two = await world.start(b)
    const box = two.mailbox()
    two.register('box', box.address)
    await world.clock.run(2_000)
    for (const want of ['send', 'connect'] as const) {
      one.forget(b)
      await world.clock.run(2_000)
      expect(one.nodes()).toEqual([])
      if (want === 'send') one.send(named('box', b), 'hello')
      else void one.connect(b, { member: true })
      await world.clock.run(2_000)
      expect(one.nodes()).toEqual([b])
      // Both dial again when the connection is lost: each would do so alone.
      world.network.cut(a, b, false)
      world.network.reset(a, b)
      expect(await world.dialsIn(a, b, minuteMs)).toBeGreaterThan(0)
      expect(await world.dialsIn(b, a, minuteMs)).toBeGreaterThan(0)
      world.network.heal()
      await world.clock.run(20_000)
      expect(one.nodes()).toEqual([b])
    }
    expect(box.poll()).toBe('hello')
  })

  test('with the address that the program gave', async () => {
    await using world = new World()
    const one = await world.start(a, a)
    await world.start(b, b)
    void one.connect(b, { address: world.address(b), member: true })
    await world.clock.run(1_000)
    expect(one.forget(b)).toBe(true)
    const connected = one.connect(b)
    await world.clock.run(1_000)
    expect(await connected).toBe(false)
    expect(await world.dialsIn(a, b)).toBe(0)
  })

  test('of whom nothing is known: that is no error', async () => {
    await using world = new World()
    const one = await world.start(a, a)
    expect(one.forget(b)).toBe(false)
    expect(one.forget('no name')).toBe(false)
    expect(one.forget(a)).toBe(false)
    expect(one.nodes('known')).toEqual([a])
  })

  test('while somebody waits for a connection with it: that is waited for', async () => {
    await using world = new World()
    const one = await world.start(a)
    await world.start(b, b)
    await world.clock.run(0)
    const connected = one.connect(b)
    one.forget(b)
    await world.clock.run(1_000)
    expect(await connected).toBe(true)
  })
})

describe('the cluster file, read anew', () => {
  test('new members are dialled, others disconnected and forgotten, addresses used for the next attempt', async () => {
    await using world = new World()
    const spec = world.spec(a, b)
    const one = await world.simulation.start(a, { cluster: spec })
    world.nodes.push(one)
    const two = await world.start(b, b, a)
    await world.start(c, c)
    await world.clock.run(2_000)
    expect(one.nodes()).toEqual([b])
    expect(await one.reload()).toEqual({ added: [], removed: [], moved: [] })

    spec.nodes = world.spec(a, c).nodes
    expect(await one.reload()).toEqual({ added: [c], removed: [b], moved: [] })
    await world.clock.run(2_000)
    expect([one.nodes(), two.nodes()]).toEqual([[c], []])
    expect(await world.dialsIn(a, b)).toBe(0)
    expect(await world.dialsIn(b, a)).toBe(0)

    world.network.crash(c)
    spec.nodes = { ...spec.nodes, [c]: { address: world.address(b) } }
    expect(await one.reload()).toEqual({ added: [], removed: [], moved: [c] })
    await world.clock.run(20_000)
    expect(await world.dialsIn(a, c)).toBe(0)
    expect(await world.dialsIn(a, b)).toBeGreaterThan(0)
    expect(one.log.at('info').filter(({ message }) => message.includes('have changed'))).toHaveLength(2)
  })

  test('a member that the program wants too stays', async () => {
    await using world = new World()
    const spec = world.spec(a, b)
    const one = await world.simulation.start(a, { cluster: spec })
    world.nodes.push(one)
    await world.start(b, b)
    void one.connect(b, { address: world.address(b), member: true })
    await world.clock.run(2_000)
    spec.nodes = world.spec(a).nodes
    expect(await one.reload()).toMatchObject({ removed: [b] })
    await world.clock.run(2_000)
    expect(one.nodes()).toEqual([b])
    expect(one.nodes('known')).toEqual([a, b])
  })

  test('one that cannot be used changes nothing', async () => {
    await using world = new World()
    const spec = world.spec(a, b)
    const one = await world.simulation.start(a, { cluster: spec })
    world.nodes.push(one)
    await world.start(b, b)
    await world.clock.run(2_000)
    const broken: [Partial<ClusterSpecInput>, RegExp][] = [
      [{ nodes: { [b]: {} } }, /has no a@127\.0\.0\.1/],
      [{ nodes: { [a]: { address: 'nowhere' } } }, /has no port/],
      [{ cookie: 'weak' }, /can be guessed/],
      [{ nodse: {} } as never, /did you mean nodes/],
    ]
    for (const [fields, text] of broken) {
      const good = { ...spec }
      Object.assign(spec, fields)
      await expect(one.reload()).rejects.toMatchObject({ code: 'ERR_REIGN_CLUSTER_SPEC' })
      await expect(one.reload()).rejects.toThrow(text)
      for (const field of Object.keys(spec)) if (!(field in good)) delete spec[field as keyof ClusterSpecInput]
      Object.assign(spec, good)
    }
    await world.clock.run(2_000)
    expect(one.nodes()).toEqual([b])
    expect(one.nodes('known')).toEqual([a, b])
  })

  test('not by a node that has stopped; and a local node has none', async () => {
    await using world = new World()
    const one = await world.start(a)
    await world.finish(one)
    await expect(one.reload()).rejects.toMatchObject({ code: 'ERR_REIGN_NODE_STOPPED' })
    await using local = await Node.local()
    expect(await local.reload()).toEqual({ added: [], removed: [], moved: [] })
    expect(await local.connect(b, { address: '127.0.0.1:1', member: true })).toBe(false)
    expect(local.forget(b)).toBe(false)
    expect([local.nodes(), local.nodes('this'), local.nodes('known')]).toEqual([[], [local.name], [local.name]])
  })

  test('by itself when it changes, over TLS; what is wrong with it is said once, and mended it is used', async () => {
    await using cluster = await FolderCluster.make(a, b, c)
    const whole = cluster.spec()
    const without = (name: string) => ({
      ...whole,
      nodes: Object.fromEntries(Object.entries(whole.nodes ?? {}).filter(([each]) => each !== name)),
    })
    cluster.write('cluster.json', without(c))
    const one = await cluster.start(a)
    const two = await cluster.start(b)
    await sees(one, b)
    cluster.write('cluster.json', whole)
    await eventually(() => one.nodes('known').includes(c) && two.nodes('known').includes(c), deadlineMs)
    // It dials nobody itself.
    const three = await cluster.start(c, { dialMembers: false })
    await Promise.all([sees(one, b, c), sees(two, a, c), sees(three, a, b)])

    cluster.write('cluster.json', '{ "nodes": ')
    const complaints = () => one.log.at('error').filter(({ message }) => message.includes('the members stay'))
    await eventually(() => complaints().length > 0, deadlineMs)
    const looks = one.hurried.looks
    await eventually(() => one.hurried.looks > looks + 4, deadlineMs)
    expect(complaints()).toMatchObject([{ fields: { code: 'ERR_REIGN_CLUSTER_SPEC' } }])
    expect(one.nodes().sort()).toEqual([b, c])

    cluster.write('cluster.json', without(c))
    await Promise.all([losesSight(one, c), losesSight(two, c)])
    expect(one.nodes()).toEqual([b])
    expect(complaints()).toHaveLength(1)
  })
})

describe('kinds of nodes', () => {
  test('are those of Erlang: seen by both sides, or hidden; connected; known by an address, a membership or by name', async () => {
    await using cluster = await TestCluster.make({ members: ['absent@127.0.0.1'] })
    const one = await cluster.start(a, { visible: true })
    const two = await cluster.start(b, { visible: true })
    const three = await cluster.start(c)
    await cluster.meet(one, two)
    await cluster.meet(one, three)
    expect(one.nodes('visible')).toEqual([b])
    expect(one.nodes('hidden')).toEqual([c])
    expect(three.nodes('visible')).toEqual([])
    expect(three.nodes('hidden')).toEqual([a])
    expect(one.nodes('connected')).toEqual(one.nodes())
    expect(one.nodes().sort()).toEqual([b, c])
    expect(one.nodes('this')).toEqual([a])
    expect(one.nodes(['this', 'visible'])).toEqual([a, b])
    expect(one.nodes([])).toEqual([])
    expect(one.nodes('known').sort()).toEqual([a, 'absent@127.0.0.1', b, c].sort())
    // An address of a node that is nowhere else heard of.
    using box = one.mailbox<unknown>()
    one.register('box', box.address)
    two.send(named('box', a), two.addressBook.address('far@127.0.0.1', 1, 0, 9))
    const held = await next(box)
    expect(one.nodes('known')).toContain('far@127.0.0.1')
    expect(String(held)).toContain('far@127.0.0.1')
    for (const wrong of ['all', ['visible', 'no'], 7, undefined, {}] as never[]) {
      if (wrong === undefined) continue
      expect(() => one.nodes(wrong)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    }
  })
})
