/** Visible nodes of reign among themselves, in virtual time: OTP's global, spoken by both sides. With Erlang: `interop/global.test.ts`. */
import { describe, expect, test } from 'vitest'
import { atom, named, tuple } from '../../src/index.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { seeded } from '../support/memory-network.js'
import type { TestNode } from './cluster-kit.js'
import { Simulation } from './simulation.js'

/** Where the seeds begin: another part of the world for a longer look, `REIGN_SEED=5000 npx vitest run …`. */
const seedFrom = Number(process.env.REIGN_SEED ?? 0)
const seeds = (count: number) => Array.from({ length: count }, (_, n) => seedFrom + n)
const names = ['a', 'b', 'c', 'd', 'e', 'f'].map((alive) => `${alive}@127.0.0.1`)

/** Visible nodes that dial nobody by themselves, as Erlang's do. */
class World implements AsyncDisposable {
  readonly simulation: Simulation
  readonly random: () => number
  readonly nodes = new Map<string, TestNode>()
  readonly #dead: TestNode[] = []

  constructor(seed: number) {
    this.simulation = new Simulation(seed, names, { latency: { minMs: 1, maxMs: 20 }, spec: { tickTimeMs: 8_000 } })
    this.random = seeded(seed + 99)
  }

  static async open(seed: number, count: number): Promise<World> {
    const world = new World(seed)
    for (const name of names.slice(0, count)) await world.start(name)
    return world
  }

  async start(name: string): Promise<TestNode> {
    const node = await this.simulation.start(name, { visible: true, dialMembers: false })
    this.nodes.set(name, node)
    return node
  }

  /** The machine of a node is gone: what runs on it reaches nobody any more. */
  kill(name: string): void {
    const { network } = this.simulation
    for (const other of names) network.cut(name, other)
    network.crash(name)
    this.#dead.push(this.node(name))
    this.nodes.delete(name)
  }

  async end(name: string): Promise<void> {
    const stopped = this.nodes.get(name)?.stop()
    this.nodes.delete(name)
    await this.run(10_000)
    await stopped
  }

  run(ms: number): Promise<void> {
    return this.simulation.clock.run(ms)
  }

  node(name: string): TestNode {
    return this.nodes.get(name) as TestNode
  }

  /** Waits in virtual time for what waits in virtual time. */
  async wait<T>(promise: Promise<T>, ms = 60_000): Promise<T> {
    let settled = false
    const done = promise.finally(() => {
      settled = true
    })
    done.catch(() => {})
    for (let waited = 0; !settled && waited < ms; waited += 100) await this.run(100)
    if (!settled) throw new Error(`nothing has come of it within ${ms} ms`)
    return done
  }

  /** Connects each with the next. */
  async chain(chained = [...this.nodes.keys()]): Promise<void> {
    for (const [n, name] of chained.slice(1).entries()) await this.wait(this.node(name).connect(chained[n] as string))
    await this.run(20_000)
  }

  sleeper(name: string): Address<unknown> {
    return this.node(name).spawn((self: Process) => self.receive())
  }

  register(name: string, what: unknown, pid = this.sleeper(name)): Promise<boolean> {
    const { global } = this.node(name)
    if (global === undefined) throw new Error(`${name} is hidden`)
    return global.register(what, pid)
  }

  /** What each node knows of a name. */
  whereis(what: unknown): (string | undefined)[] {
    return [...this.nodes.values()].map(({ global }) => text(global?.whereis(what)))
  }

  /** With whom each is connected, and with whom it shares names: the same, or it is still under way. */
  get views(): Record<string, string[]> {
    return Object.fromEntries(
      [...this.nodes].map(([name, node]) => {
        const connected = node.nodes('visible').sort()
        expect([name, node.global?.nodes().sort()]).toEqual([name, connected])
        return [name, connected]
      }),
    )
  }

  get full(): Record<string, string[]> {
    const all = [...this.nodes.keys()]
    return Object.fromEntries(all.map((name) => [name, all.filter((each) => each !== name).sort()]))
  }

  /** The islands: who is connected with one is connected with all that this one is connected with. */
  islands(): string[] {
    const { views } = this
    const islands = Object.entries(views).map(([name, view]) => [name, ...view].sort().join(' '))
    const overlapping = Object.entries(views).filter(([name, view]) =>
      view.some((other) => [other, ...(views[other] ?? [])].sort().join(' ') !== [name, ...view].sort().join(' ')),
    )
    expect(overlapping).toEqual([])
    return [...new Set(islands)].sort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.simulation.network.heal()
    for (const name of [...this.nodes.keys()]) await this.end(name)
    const stopped = Promise.all(this.#dead.map((node) => node.stop()))
    await this.run(10_000)
    await stopped
    expect(this.simulation.clock.timersPending).toBe(0)
  }
}

const text = (address: Address<never> | undefined) => (address === undefined ? undefined : String(address))

describe('visible nodes', () => {
  test('come to know each other all, in whatever order they meet, and dial whom others know', async () => {
    for (const seed of seeds(10)) {
      await using world = await World.open(seed, 6)
      const order = names.map((name) => [world.random(), name] as const).sort(([one], [other]) => one - other)
      const chained = order.map(([, name]) => name)
      for (const [n, name] of chained.slice(1).entries()) {
        void world.node(name).connect(chained[n] as string)
        await world.run(world.random() * 1_000)
      }
      await world.run(60_000)
      expect({ seed, views: world.views }).toEqual({ seed, views: world.full })
      expect(names.flatMap((name) => world.node(name).log.at('error'))).toEqual([])
    }
  })

  test('and a hidden one is in nobody’s way: it is connected, and shares nothing', async () => {
    await using world = await World.open(seedFrom, 2)
    const [a = '', b = '', c = ''] = names
    const hidden = await world.simulation.start(c, { dialMembers: false })
    expect(hidden.global).toBe(undefined)
    await world.chain()
    await world.wait(hidden.connect(a))
    await world.wait(world.register(b, 'name'))
    await world.run(10_000)
    expect(world.node(a).nodes().sort()).toEqual([b, c])
    expect(world.views).toEqual(world.full)
    expect(hidden.nodes()).toEqual([a])
    const stopped = hidden.stop()
    await world.run(10_000)
    await stopped
  })
})

describe('a name', () => {
  test('is one process’s, on all nodes, until it is taken back, the process ends, or its node does', async () => {
    await using world = await World.open(seedFrom, 4)
    const [a = '', b = '', c = '', d = ''] = names
    await world.chain()
    const pid = world.sleeper(b)
    expect(await world.wait(world.register(b, 'shop', pid))).toBe(true)
    expect(world.whereis('shop')).toEqual(Array(4).fill(String(pid)))
    expect(await world.wait(world.register(c, 'shop'))).toBe(false)
    expect(world.node(d).global?.registered()).toEqual(['shop'])

    expect(await world.wait(world.node(d).global?.unregister('shop') as Promise<boolean>)).toBe(true)
    expect(world.whereis('shop')).toEqual(Array(4).fill(undefined))
    expect(await world.wait(world.node(d).global?.unregister('shop') as Promise<boolean>)).toBe(false)

    // Names are terms; a process may be of another node than who registers it.
    const term = { map: [atom('x'), 1n] }
    expect(await world.wait(world.register(c, term, pid))).toBe(true)
    expect(world.whereis({ map: [atom('x'), 1] })).toEqual(Array(4).fill(String(pid)))
    world.node(b).exit(pid, 'gone')
    await world.run(100)
    expect(world.whereis(term)).toEqual(Array(4).fill(undefined))

    expect(await world.wait(world.register(d, 'last'))).toBe(true)
    await world.end(d)
    expect(world.whereis('last')).toEqual(Array(3).fill(undefined))
    expect(world.node(a).global?.registered()).toEqual([])
  })

  test('that all want at the same time goes to one of them, and all agree who it is', async () => {
    for (const seed of seeds(10)) {
      await using world = await World.open(seed, 5)
      await world.chain()
      const wanted = [...world.nodes.keys()].map((name) => world.register(name, atom('leader')))
      const got = await world.wait(Promise.all(wanted), 300_000)
      expect({ seed, winners: got.filter((yes) => yes).length }).toEqual({ seed, winners: 1 })
      expect({ seed, known: new Set(world.whereis(atom('leader'))).size }).toEqual({ seed, known: 1 })
    }
  })

  test('that two parts have when they meet stays with one process; the other is killed', async () => {
    for (const seed of seeds(10)) {
      await using world = await World.open(seed, 6)
      const [a = '', b = '', c = '', d = '', e = '', f = ''] = names
      await world.chain([a, b, c])
      await world.chain([d, e, f])
      const pids = [world.sleeper(b), world.sleeper(e)] as const
      expect(await world.wait(world.register(a, 'shop', pids[0]))).toBe(true)
      expect(await world.wait(world.register(f, 'shop', pids[1]))).toBe(true)
      expect(await world.wait(world.register(d, 'only there'))).toBe(true)
      await world.wait(world.node(c).connect(d))
      await world.run(60_000)
      expect({ seed, views: world.views }).toEqual({ seed, views: world.full })
      // Of the smaller node, as in Erlang.
      expect({ seed, shop: world.whereis('shop') }).toEqual({ seed, shop: Array(6).fill(String(pids[0])) })
      expect(world.node(e).isAlive(pids[1])).toBe(false)
      expect(new Set(world.whereis('only there')).size).toBe(1)
      expect(world.whereis('only there')).not.toContain(undefined)
    }
  })

  test('is waited for when the node that locks all others dies meanwhile', async () => {
    for (const seed of seeds(10)) {
      await using world = await World.open(seed, 4)
      const [a = '', , , d = ''] = names
      await world.chain()
      void world.register(d, 'of the dead').catch(() => {})
      await world.run(world.random() * 60)
      world.kill(d)
      expect(await world.wait(world.register(a, 'of the living'), 120_000)).toBe(true)
      await world.run(20_000)
      expect({ seed, dead: world.whereis('of the dead') }).toEqual({ seed, dead: [undefined, undefined, undefined] })
      expect({ seed, names: new Set(world.whereis('of the living')).size }).toEqual({ seed, names: 1 })
    }
  })

  test('is refused for what is no address or no term, and when the node has stopped', async () => {
    await using world = await World.open(seedFrom, 1)
    const [a = ''] = names
    const { global } = world.node(a)
    await expect(global?.register('x', 7 as never)).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    await expect(global?.register(() => 1, world.sleeper(a))).rejects.toMatchObject({
      code: 'ERR_REIGN_TERM_UNSUPPORTED',
    })
    await expect(global?.register('x', world.sleeper(a), { resolve: 'toss_a_coin' as never })).rejects.toMatchObject({
      code: 'ERR_REIGN_ARGUMENT',
    })
    expect(await world.wait(world.register(a, 'alone'))).toBe(true)
    const pid = world.sleeper(a)
    await world.end(a)
    await expect(global?.register('late', pid)).rejects.toMatchObject({ code: 'ERR_REIGN_NODE_STOPPED' })
  })
})

test('nonsense, to the server or to the locker, changes nothing and ends nothing', async () => {
  await using world = await World.open(seedFrom, 3)
  const [a = '', b = '', c = ''] = names
  await world.chain()
  expect(await world.wait(world.register(a, 'name'))).toBe(true)
  const node = world.node(b)
  const me = node.mailbox<never>().address
  const cast = (message: unknown) => tuple(atom('$gen_cast'), message)
  const node_ = atom(b)
  const nonsense: unknown[] = [
    7,
    'text',
    tuple(),
    [],
    { type: 'DOWN' },
    { type: 'DOWN', ref: node.addressBook.makeRef() },
    cast(7),
    cast(tuple()),
  ]
  const casts = ['init_connect', 'exchange', 'resolved', 'new_nodes', 'in_sync', 'lock_set', 'unheard_of']
  const infos = ['init_connect_ack', 'cancel_connect', 'remove_connection', 'lost_connection', 'nodedown', 'EXIT']
  for (const fill of [
    7,
    me,
    node_,
    tuple(8, 1),
    tuple(atom('locker'), 1, 2, me),
    [tuple(atom('insert'), 1)],
    undefined,
  ]) {
    for (const what of casts) {
      nonsense.push(cast(tuple(atom(what), fill)), cast(tuple(atom(what), fill, fill, fill, fill, fill, fill)))
    }
    for (const what of infos) {
      // These would be words of the protocol, and be heeded.
      if (fill === node_ && /remove|lost/.test(what)) continue
      nonsense.push(tuple(atom(what), fill), tuple(atom(what), fill, fill, fill, fill))
    }
  }
  for (const to of [a, c]) {
    for (const message of nonsense) node.send(named('global_name_server', to), message)
    // The locker and whatever else is a process there.
    for (const address of world.node(to).processes()) {
      address.leave()
      const seen = node.addressBook.address(to, address.id, address.serial, address.creation) as Address<unknown>
      if (world.node(to).processInfo(address)?.initial_call !== undefined) continue
      for (const message of nonsense) seen.send(message)
    }
    for (const request of [7, tuple(), tuple(atom('set_lock'), 7), tuple(atom('register'), 1, 2), atom('unheard_of')]) {
      node.call(named('global_name_server', to), request, { timeout: 1_000 }).catch(() => {})
    }
  }
  await world.run(60_000)
  expect(world.views).toEqual(world.full)
  expect(new Set(world.whereis('name')).size).toBe(1)
  expect(await world.wait(world.register(c, 'another'), 120_000)).toBe(true)
  expect(world.whereis('another')).not.toContain(undefined)
  for (const { log } of world.nodes.values()) expect(log.at('error')).toEqual([])
})

describe('partitions', () => {
  test('a cable between two is pulled: at least one of them ends up alone, the others stay together; no island overlaps another', async () => {
    for (const seed of seeds(10)) {
      await using world = await World.open(seed, 5)
      const [a = '', b = '', c = '', d = '', e = ''] = names
      await world.chain()
      expect(world.islands()).toEqual([[a, b, c, d, e].join(' ')])
      const atOnce = seed % 2 === 0
      world.simulation.network.cut(b, d)
      if (atOnce) world.simulation.network.reset(b, d)
      await world.run(60_000)
      const islands = world.islands()
      const both = [[a, c, e].join(' '), b, d].sort()
      // Who notices first is heard first: then the other may have nobody left to tell when it notices.
      const first = [[a, c, d, e].join(' '), b].sort()
      const second = [[a, b, c, e].join(' '), d].sort()
      expect(atOnce ? [both] : [both, first, second]).toContainEqual(islands)
      const parted = [a, c, e].map(
        (name) =>
          world
            .node(name)
            .log.at('warn')
            .filter(({ message }) => /parted/.test(message)).length,
      )
      expect(parted).toEqual(Array(3).fill(islands.length - 1))

      world.simulation.network.heal()
      await world.wait(world.node(b).connect(a))
      await world.wait(world.node(d).connect(a))
      await world.run(60_000)
      expect({ seed, views: world.views }).toEqual({ seed, views: world.full })
    }
  })

  test('a node that dies takes nobody with it', async () => {
    await using world = await World.open(seedFrom, 4)
    const [a = '', b = '', c = '', d = ''] = names
    await world.chain()
    world.kill(c)
    await world.run(60_000)
    expect(world.islands()).toEqual([[a, b, d].join(' ')])
  })

  test('members that were parted with are dialled again, but not at once, and are one island after they heal', async () => {
    const simulation = new Simulation(seedFrom, names.slice(0, 4), { spec: { tickTimeMs: 8_000 } })
    const nodes: TestNode[] = []
    for (const name of names.slice(0, 4)) nodes.push(await simulation.start(name, { visible: true }))
    const views = () => nodes.map((node) => node.nodes('visible').length)
    await simulation.clock.run(30_000)
    expect(views()).toEqual([3, 3, 3, 3])
    const [a = '', b = '', c = ''] = names
    simulation.network.cut(a, b)
    simulation.network.reset(a, b)
    await simulation.clock.run(5_000)
    expect(views()).toEqual([0, 0, 1, 1])
    const dialled = simulation.network.dials(c, simulation.port(a))
    await simulation.clock.run(8_000)
    expect(simulation.network.dials(c, simulation.port(a))).toBe(dialled)
    simulation.network.heal()
    await simulation.clock.run(180_000)
    expect(views()).toEqual([3, 3, 3, 3])
    const stopped = Promise.all(nodes.map((node) => node.stop()))
    await simulation.clock.run(10_000)
    await stopped
  })
})

test('whatever befalls nodes and cables, in the end islands are whole, and one cluster has one holder of each name', async () => {
  for (const seed of seeds(12)) {
    await using world = await World.open(seed, 5)
    const { random, simulation } = world
    const pick = () => names[Math.floor(random() * 5)] as string
    await world.chain()
    const lost: Promise<unknown>[] = []
    for (let step = 0; step < 40; step++) {
      const [one, other] = [pick(), pick()]
      const what = random()
      if (what < 0.25) void world.node(one).connect(other)
      else if (what < 0.35) world.node(one).disconnect(other)
      else if (what < 0.45) simulation.network.cut(one, other, random() < 0.5)
      else if (what < 0.55) simulation.network.reset(one, other)
      else if (what < 0.65) simulation.network.heal()
      else if (what < 0.7) {
        // Another run of the node takes its place.
        simulation.network.vanish(one)
        const before = world.node(one)
        await world.start(one)
        lost.push(before.stop())
      } else {
        const name = `name ${Math.floor(random() * 4)}`
        if (random() < 0.7) void world.register(one, name).catch(() => {})
        else
          void world
            .node(one)
            .global?.unregister(name)
            .catch(() => {})
      }
      await world.run(random() < 0.3 ? 0 : random() * 3_000)
    }
    simulation.network.heal()
    await world.run(120_000)
    world.islands()
    await world.chain()
    await world.run(120_000)
    expect({ seed, views: world.views }).toEqual({ seed, views: world.full })
    // No lock is left: names can be had.
    expect({ seed, free: await world.wait(world.register(pick(), 'at last'), 120_000) }).toEqual({ seed, free: true })
    await world.run(10_000)
    for (const name of ['name 0', 'name 1', 'name 2', 'name 3', 'at last']) {
      const holders = [...new Set(world.whereis(name))]
      expect({ seed, name, holders }).toEqual({ seed, name, holders: [holders[0]] })
    }
    expect([...world.nodes.values()].flatMap(({ log }) => log.at('error'))).toEqual([])
    await world.wait(Promise.all(lost))
  }
})
