/**
 * Random programs of joins, leaves, claims and ends on nodes that are cut off, reset, restarted and healed at any instant: what every
 * node knows of groups and names, and what it was told, must come to what a model says.
 *
 * Virtual time, and a network in memory: the same seed gives the same run. `REIGN_SEED=… REIGN_RUNS=… npx vitest run …`
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { GroupJoin, GroupLeave } from '../../src/cluster/group-monitors.js'
import type { MultipleClaim } from '../../src/cluster/name-conflicts.js'
import type { Mailbox } from '../../src/process/mailbox.js'
import type { Address } from '../../src/term/address.js'
import { tuple } from '../../src/term/tuple.js'
import type { TestNode } from './cluster-kit.js'
import { GroupModel } from './group-model.js'
import { Simulation } from './simulation.js'

const seed = Number(process.env.REIGN_SEED ?? 20_270_301)
const numRuns = Number(process.env.REIGN_RUNS ?? 60)

const groupNames: readonly (() => unknown)[] = [() => 'text', () => Symbol.for('atom'), () => tuple('room', 7)]
const claimNames = ['shop', Symbol.for('desk')] as const
const tickTimeMs = 4_000
/** So long after the last change, everything has arrived; long enough that what is cut is seen to be. */
const calmMs = 3 * tickTimeMs
/** So long after all nodes are connected again, everybody agrees. The promise is five seconds. */
const agreeMs = 1_000

const weights = {
  join: 8,
  leave: 5,
  claim: 4,
  giveUp: 2,
  end: 4,
  cut: 3,
  cutOneWay: 1,
  heal: 3,
  reset: 3,
  disconnect: 3,
  restart: 2,
  vanish: 1,
  killScope: 1,
  stopScope: 1,
  startScope: 2,
  check: 2,
} as const
type Kind = keyof typeof weights

/** A step with its nodes and processes as any numbers: which they are is known when it is its turn. */
const draft = fc.record({
  kind: fc.oneof(
    ...(Object.entries(weights) as [Kind, number][]).map(([kind, weight]) => ({
      weight,
      arbitrary: fc.constant(kind),
    })),
  ),
  a: fc.nat({ max: 30 }),
  b: fc.nat({ max: 30 }),
  c: fc.nat({ max: 30 }),
  /** Virtual milliseconds before the next step. Most are shorter than what an exchange takes. */
  pauseMs: fc.oneof(
    { weight: 4, arbitrary: fc.nat({ max: 8 }) },
    { weight: 2, arbitrary: fc.nat({ max: 200 }) },
    { weight: 1, arbitrary: fc.constantFrom(1_000, 6_000) },
  ),
})
type Draft = typeof draft extends fc.Arbitrary<infer T> ? T : never

const text = (addresses: readonly Address<never>[]) => addresses.map(String).sort()
const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T

interface Place {
  node: TestNode
  /** Counts what this node was told of groups, from the instant that it began to listen. */
  ledger: Map<string, number>
  watcher: Mailbox<GroupJoin | GroupLeave>
  /** What it was told last of each name, by callback. */
  watched: Map<unknown, string[]>
}

class World {
  readonly names: readonly string[]
  readonly simulation: Simulation
  readonly model: GroupModel
  readonly #places: Place[] = []
  readonly #boxes: Mailbox<MultipleClaim>[] = []

  constructor(network: number, nodes: number) {
    this.names = ['a', 'b', 'c', 'd', 'e'].slice(0, nodes).map((alive) => `${alive}@127.0.0.1`)
    this.simulation = new Simulation(network, this.names, { latency: { minMs: 1, maxMs: 6 }, spec: { tickTimeMs } })
    this.model = new GroupModel(nodes)
  }

  async open(): Promise<void> {
    for (const n of this.names.keys()) await this.#start(n)
    await this.simulation.clock.run(2_000)
  }

  async #start(n: number): Promise<void> {
    const node = await this.simulation.start(this.names[n] as string)
    const place: Place = { node, ledger: new Map(), watcher: node.mailbox(), watched: new Map() }
    this.#places[n] = place
    this.#listen(place)
    for (const name of claimNames) {
      node.names.watch(name, (claimants) => place.watched.set(name, text(claimants as readonly Address<never>[])))
    }
  }

  #listen(place: Place): void {
    place.watcher.close()
    place.watcher = place.node.mailbox()
    place.ledger = new Map()
    for (const [group, members] of place.node.groups.monitorScope(place.watcher).groups)
      book(place, 'join', group, members)
  }

  async perform({ kind, a, b, c, pauseMs }: Draft): Promise<void> {
    const n = a % this.names.length
    const other = (n + 1 + (b % (this.names.length - 1))) % this.names.length
    this.#act(kind, n, other, b, c)
    if (kind === 'restart' || kind === 'vanish') await this.#restart(n, kind)
    if (kind === 'check') await this.#calm()
    await this.simulation.clock.run(pauseMs)
  }

  #act(kind: Kind, n: number, other: number, b: number, c: number): void {
    const { model, names } = this
    const { network } = this.simulation
    const place = this.#places[n] as Place
    const { node } = place
    const group = c % groupNames.length
    const name = c % claimNames.length
    const living = model.living(n)
    switch (kind) {
      case 'join': {
        if (!model.scopes[n]) return
        const members = [0, ...(b % 3 === 0 ? [b, b + 1] : [])].map((each) => this.#someone(n, b + each))
        for (const member of members) model.join(member, group)
        return node.groups.join(
          groupNames[group]?.(),
          members.map((member) => this.#address(member)),
        )
      }
      case 'leave': {
        if (!model.scopes[n] || living.length === 0) return
        const members = [at(living, b), at(living, b + (c % 2))]
        const left = members.map((member) => model.leave(member, group))
        const was = node.groups.leave(
          groupNames[group]?.(),
          members.map((member) => this.#address(member)),
        )
        expect(was).toBe(left.includes(true))
        return
      }
      case 'claim': {
        const claimant = this.#someone(n, b)
        model.claim(claimant, name)
        return node.names.register(at(claimNames, name), this.#address(claimant), { multipleClaim: true })
      }
      case 'giveUp':
        if (living.length === 0) return
        model.giveUp(at(living, b), name)
        return void node.names.unregister(at(claimNames, name), this.#address(at(living, b)))
      case 'end':
        if (living.length === 0) return
        this.#boxes[at(living, b)]?.close()
        return model.end(at(living, b))
      case 'cut':
      case 'cutOneWay':
        model.cut(n, other)
        return network.cut(names[n] as string, names[other] as string, kind === 'cut')
      case 'heal':
        model.heal()
        return network.heal()
      case 'reset':
        return network.reset(names[n] as string, names[other] as string)
      case 'disconnect':
        return void node.disconnect(names[other] as string)
      case 'killScope': {
        // As any process of another node may.
        const scope = node.whereis<never>(c % 2 === 0 ? 'pg' : 'reign')
        return scope && node.exit(scope, Symbol.for('kill'))
      }
      case 'stopScope':
        if (!model.scopes[n]) return
        model.stopScope(n)
        return node.groups.scope().stop()
      case 'startScope':
        if (model.scopes[n]) return
        model.startScope(n)
        node.groups.scope()
        return this.#listen(place)
      default:
    }
  }

  /** A live process of a node: one that there is, or a new one. */
  #someone(n: number, choice: number): number {
    const living = this.model.living(n)
    if (living.length > 3 || (living.length > 0 && choice % 3 > 0)) return at(living, choice)
    const id = this.model.spawn(n)
    this.#boxes[id] = (this.#places[n] as Place).node.mailbox()
    return id
  }

  #address(id: number): Address<never> {
    return this.#boxes[id]?.address as Address<never>
  }

  async #restart(n: number, kind: 'restart' | 'vanish'): Promise<void> {
    const name = this.names[n] as string
    if (kind === 'restart') this.simulation.network.crash(name)
    else this.simulation.network.vanish(name)
    void (this.#places[n] as Place).node.stop()
    this.model.restart(n)
    await this.#start(n)
  }

  /** Lets everything arrive, and compares what everybody knows with the model. */
  async #calm(): Promise<void> {
    await this.simulation.clock.run(calmMs)
    await this.#meet(() => this.#places.every(({ node }, n) => node.nodes().length === this.#reached(n).length))
    this.#compare()
  }

  #reached(n: number): string[] {
    return this.names.filter((_, other) => other !== n && this.model.reaches(n, other))
  }

  async #meet(met: () => boolean): Promise<void> {
    for (let left = 120; left > 0 && !met(); left--) await this.simulation.clock.run(500)
    for (const [n, { node }] of this.#places.entries()) expect(node.nodes().sort()).toEqual(this.#reached(n).sort())
    await this.simulation.clock.run(agreeMs)
  }

  #compare(): void {
    const texts = (ids: readonly number[]) => text(ids.map((id) => this.#address(id)))
    for (const [n, place] of this.#places.entries()) {
      const { node, watcher, ledger, watched } = place
      for (let next = watcher.poll(); next !== undefined; next = watcher.poll()) {
        book(place, next.type, next.group, next.members)
      }
      for (const [g, group] of groupNames.entries()) {
        const wanted = texts(this.model.members(n, g))
        if (this.model.scopes[n]) {
          expect(text(node.groups.members(group()))).toEqual(wanted)
          const here = wanted.filter((each) => each.includes(`:${node.name}:`))
          expect(text(node.groups.localMembers(group()))).toEqual(here)
        }
        const booked = [...ledger].flatMap(([line, count]) =>
          line.startsWith(`${String(group())} `)
            ? Array<string>(count).fill(line.slice(String(group()).length + 1))
            : [],
        )
        expect(booked.sort()).toEqual(wanted)
      }
      for (const [i, name] of claimNames.entries()) {
        const wanted = texts(this.model.claimants(n, i))
        expect(text(node.names.lookupAll(name))).toEqual(wanted)
        expect(watched.get(name)).toEqual(wanted)
        expect(node.names.lookup(name)).toBe(node.names.lookupAll(name)[0])
        this.#compareConflict(n, i, wanted)
      }
    }
  }

  /** What a claimant was told last is how it is, if several claim its name. */
  #compareConflict(n: number, name: number, wanted: readonly string[]): void {
    if (wanted.length < 2) return
    for (const id of this.model.claimants(n, name)) {
      if (this.model.processes[id]?.node !== n) continue
      const told = (this.#boxes[id] as Mailbox<MultipleClaim>).peek() as MultipleClaim[]
      const last = told.findLast((each) => each.name === claimNames[name])
      expect(text((last?.claimants ?? []) as readonly Address<never>[])).toEqual(wanted)
    }
  }

  /** Heals everything, and compares soon after the nodes are connected; then nothing may be left behind. */
  async close(): Promise<void> {
    const { clock, network } = this.simulation
    network.heal()
    this.model.heal()
    await this.#meet(() => this.#places.every(({ node }) => node.nodes().length === this.names.length - 1))
    this.#compare()
    const nodes = this.#places.map(({ node }) => node)
    expect(nodes.flatMap(({ log }) => log.at('error'))).toEqual([])
    const stopped = Promise.all(nodes.map((node) => node.stop()))
    await clock.run(20_000)
    await stopped
    expect({ streams: network.streamCount, timers: clock.timersPending }).toEqual({ streams: 0, timers: 0 })
  }
}

function book({ ledger }: Place, kind: 'join' | 'leave', group: unknown, members: readonly Address<never>[]): void {
  for (const member of members as readonly Address<never>[]) {
    const line = `${String(group)} ${member}`
    const count = (ledger.get(line) ?? 0) + (kind === 'join' ? 1 : -1)
    if (count < 0) throw new Error(`${line}: told to have left more often than joined`)
    ledger.set(line, count)
  }
}

test(
  'whatever is joined, left, claimed and lost, and however the nodes part, they agree with the model when it is over',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3, max: 5 }),
        fc.array(draft, { minLength: 10, maxLength: 50, size: 'max' }),
        fc.nat(),
        async (nodes, drafts, network) => {
          const world = new World(network, nodes)
          await world.open()
          for (const each of drafts) await world.perform(each)
          await world.close()
        },
      ),
      { seed, numRuns },
    )
  },
  60_000 + numRuns * 500,
)
