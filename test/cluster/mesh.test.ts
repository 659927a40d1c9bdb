/** The full mesh of those that want one: who tells whom of whom, in virtual time, with nodes that come, go and are cut off. */
import { describe, expect, test } from 'vitest'
import type { StartOptions } from '../../src/cluster/node.js'
import { named } from '../../src/term/named.js'
import { tuple } from '../../src/term/tuple.js'
import { seeded } from '../support/memory-network.js'
import { sees, TestCluster, type TestNode } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const minuteMs = 60_000
/** Where the seeds begin: another part of the world for a longer look, `REIGN_SEED=5000 npx vitest run …`. */
const seedFrom = Number(process.env.REIGN_SEED ?? 0)
const names = Array.from({ length: 8 }, (_, n) => `n${n}@127.0.0.1`)
const [first = '', second = '', third = ''] = names

/** Nodes in virtual time that are told of some others each, and want a mesh. */
class World implements AsyncDisposable {
  readonly simulation: Simulation
  readonly nodes = new Map<string, TestNode>()

  constructor(seed = seedFrom) {
    this.simulation = new Simulation(seed, names, { latency: { minMs: 1, maxMs: 10 } })
  }

  async start(name: string, knows: readonly string[] = [], options: Partial<StartOptions> = {}): Promise<TestNode> {
    const entries = [name, ...knows].map((each) => [each, { address: `127.0.0.1:${this.simulation.port(each)}` }])
    const cluster = {
      nodes: Object.fromEntries(entries),
      cookie: 'a-cookie-of-the-tests-alone',
      tls: false,
      mesh: true,
    }
    const node = await this.simulation.start(name, { cluster, ...options })
    this.nodes.set(name, node)
    return node
  }

  async end(name: string, how: 'stop' | 'leave' = 'stop'): Promise<void> {
    const ended = this.nodes.get(name)?.[how]()
    this.nodes.delete(name)
    await this.run(10_000)
    await ended
  }

  run(ms: number): Promise<void> {
    return this.simulation.clock.run(ms)
  }

  /** With whom each is connected. */
  get view(): Record<string, string[]> {
    return Object.fromEntries([...this.nodes].map(([name, node]) => [name, node.nodes().sort()]))
  }

  /** What it is when all are connected with all. */
  get full(): Record<string, string[]> {
    const all = [...this.nodes.keys()].sort()
    return Object.fromEntries([...this.nodes.keys()].map((name) => [name, all.filter((each) => each !== name)]))
  }

  async dialsIn(from: string, to: string, ms = 10 * minuteMs): Promise<number> {
    const port = this.simulation.port(to)
    const before = this.simulation.network.dials(from, port)
    await this.run(ms)
    return this.simulation.network.dials(from, port) - before
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.simulation.network.heal()
    for (const name of [...this.nodes.keys()]) await this.end(name)
    expect(this.simulation.clock.timersPending).toBe(0)
    expect(this.simulation.network.streamCount).toBe(0)
  }
}

test('nodes that know one other each come to know all, in whatever order they start', async () => {
  for (let seed = seedFrom; seed < seedFrom + 10; seed++) {
    await using world = new World(seed)
    const random = seeded(seed)
    const order = names.map((name) => [random(), name] as const).sort(([one], [other]) => one - other)
    for (const [, name] of order) {
      // A chain: each knows the next.
      await world.start(name, names.slice(names.indexOf(name) + 1).slice(0, 1))
      await world.run(random() * 500)
    }
    await world.run(30_000)
    expect({ seed, view: world.view }).toEqual({ seed, view: world.full })
  }
})

test('without it, nodes connect with those alone that they are told of', async () => {
  await using world = new World()
  await world.start(first, [second], { mesh: false })
  await world.start(second, [third])
  await world.start(third)
  await world.run(minuteMs)
  // The first takes no part: the others do not hear of it, nor it of them.
  expect(world.view).toEqual({ [first]: [second], [second]: [first, third].sort(), [third]: [second] })
})

test('a pair that has lost its connection finds together again, as a third one sees both', async () => {
  await using world = new World()
  await world.start(first, [second])
  await world.start(second)
  await world.start(third, [second])
  await world.run(minuteMs)
  expect(world.view).toEqual(world.full)
  world.simulation.network.cut(first, third)
  world.simulation.network.reset(first, third)
  await world.run(minuteMs)
  expect(world.view[first]).toEqual([second])
  expect(await world.dialsIn(first, third, minuteMs)).toBeGreaterThan(2)
  world.simulation.network.heal()
  await world.run(20_000)
  expect(world.view).toEqual(world.full)
})

test('a node that is gone is dialled no more when all have seen it go; who has it in its file goes on', async () => {
  await using world = new World()
  await world.start(first, [second, third])
  await world.start(second)
  await world.start(third)
  await world.run(minuteMs)
  expect(world.view).toEqual(world.full)
  await world.end(third)
  expect(await world.dialsIn(second, third)).toBe(0)
  expect(await world.dialsIn(first, third)).toBeGreaterThan(0)
  // It comes back, is found by the first, and told of to the second.
  await world.start(third)
  await world.run(30_000)
  expect(world.view).toEqual(world.full)
})

test('a node that leaves is not brought back by what others say of it', async () => {
  await using world = new World()
  for (const name of names) await world.start(name, [first])
  await world.run(minuteMs)
  expect(world.view).toEqual(world.full)
  await world.end(third, 'leave')
  for (const name of [first, second]) expect(await world.dialsIn(name, third, minuteMs)).toBe(0)
  expect(world.view).toEqual(world.full)
})

test('halves that were apart are one mesh again after they heal', async () => {
  for (let seed = seedFrom; seed < seedFrom + 5; seed++) {
    await using world = new World(seed)
    const { network } = world.simulation
    for (const name of names) await world.start(name, [first, second])
    await world.run(minuteMs)
    const random = seeded(seed + 5)
    const sides = names.map((name) => [name, random() < 0.5] as const)
    for (const [one, left] of sides) {
      for (const [other, right] of sides) {
        if (left === right || one >= other) continue
        network.cut(one, other)
        // Some see it at once, others by silence.
        if (random() < 0.5) network.reset(one, other)
      }
    }
    await world.run(3 * minuteMs)
    for (const [name, node] of world.nodes) {
      const side = sides.find(([each]) => each === name)?.[1]
      const with_ = sides.filter(([each, of]) => of === side && each !== name).map(([each]) => each)
      expect({ seed, name, nodes: node.nodes().sort() }).toEqual({ seed, name, nodes: with_.sort() })
    }
    network.heal()
    await world.run(minuteMs)
    expect({ seed, view: world.view }).toEqual({ seed, view: world.full })
  }
})

describe('what a peer says', () => {
  test('is bounded: who names too many nodes is not believed about the rest', async () => {
    await using world = new World()
    const one = await world.start(first, [], { limits: { meshNodesMax: 2 } })
    for (const name of names.slice(1)) await world.start(name, [second])
    await world.run(minuteMs)
    void one.connect(second, { address: `127.0.0.1:${world.simulation.port(second)}` })
    await world.run(1_000)
    const told = one.log.at('warn').filter(({ fields }) => 'refused' in fields)
    expect(told[0]).toMatchObject({ fields: { peer: second, refused: names.length - 4 } })
  })

  test('is looked at: nonsense changes nothing', async () => {
    await using world = new World()
    const one = await world.start(first)
    const two = await world.start(second, [first])
    await world.run(minuteMs)
    const me = two.mailbox().address
    const atom = (name: string) => Symbol.for(name)
    const nonsense = [
      'hello',
      tuple(),
      tuple(atom('hello')),
      tuple(atom('hello'), me),
      tuple(atom('hello'), me, 7, [7, tuple(), tuple(atom('no name')), tuple('text@127.0.0.1', 'x')]),
      tuple(atom('up'), me, atom('no name'), undefined),
      tuple(atom('up'), me),
      tuple(atom('down'), me, 7),
      tuple(atom('sideways'), me, atom(third)),
    ]
    for (const message of nonsense) two.send(named('reign_mesh', first), message)
    await world.run(minuteMs)
    expect(one.nodes('known').sort()).toEqual([first, second])
    expect([one.nodes(), two.nodes()]).toEqual([[second], [first]])
    expect(one.log.complaints).toEqual([])
    // The mesh goes on: a third node is found.
    await world.start(third, [second])
    await world.run(minuteMs)
    expect(world.view).toEqual(world.full)
  })
})

test('over TLS, with addresses that are told from one to the other and no port mapper to ask', async () => {
  await using cluster = await TestCluster.make({ tls: true, spec: { epmd: 'off', mesh: true } })
  const two = await cluster.start(second)
  const address = `${two.endpoint?.host}:${two.endpoint?.port}`
  // One that takes all binaries as bytes understands the addresses, too.
  const one = await cluster.start(first, { binaries: 'bytes' })
  const three = await cluster.start(third)
  for (const node of [one, three]) expect(await node.connect(second, { address })).toBe(true)
  await Promise.all([sees(one, second, third), sees(two, first, third), sees(three, first, second)])
})
