/**
 * When a peer is taken for dead and when not, in virtual time: cables that are pulled, programs that stand still, nodes that
 * restart behind a cut. The windows are those of OTP: from T - T/I to T + T/I.
 */
import { describe, expect, test } from 'vitest'
import { atom, observe } from '../../src/index.js'
import type { Down, Exit } from '../../src/process/notices.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { named } from '../../src/term/named.js'
import { seeded } from '../support/memory-network.js'
import type { TestNode } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const noconnection = atom('noconnection')
/** Where the seeds begin: another part of the world for a longer look, `REIGN_SEED=5000 npx vitest run …`. */
const seedFrom = Number(process.env.REIGN_SEED ?? 0)
const seeds = (count: number) => Array.from({ length: count }, (_, n) => seedFrom + n)

/** Two nodes that are connected, on two machines. */
class Pair implements AsyncDisposable {
  readonly simulation: Simulation
  readonly random: () => number
  readonly #nodes: TestNode[] = []
  /** What each was told of the other, and when. */
  readonly events: { readonly by: string; readonly what: string; readonly at: number }[] = []

  constructor(seed: number, ticks: { tickTimeMs?: number; tickIntensity?: number } = {}) {
    this.simulation = new Simulation(seed, [a, b], { latency: { minMs: 1, maxMs: 5 }, spec: ticks })
    this.random = seeded(seed + 77)
  }

  static async open(seed: number, ticks: { tickTimeMs?: number; tickIntensity?: number } = {}): Promise<Pair> {
    const { tickTimeMs = 60_000, tickIntensity = 4 } = ticks
    const pair = new Pair(seed, ticks)
    await pair.start(a)
    await pair.run(pair.random() * 20_000)
    await pair.start(b)
    await pair.run(20_000)
    // The two begin to tick at the same time: from now on one ticks later than the other.
    await pair.stall(a, (tickTimeMs / tickIntensity) * (1 + 0.7 * pair.random()))
    await pair.run(tickTimeMs)
    expect(pair.events.map(({ what }) => what)).toEqual(['up', 'up'])
    pair.events.length = 0
    for (const { log } of [pair.one, pair.two]) log.lines.length = 0
    return pair
  }

  async start(name: string): Promise<TestNode> {
    const node = await this.simulation.start(name)
    this.#nodes.push(node)
    node.onNodeUp(() => this.events.push({ by: name, what: 'up', at: this.now }))
    node.onNodeDown((_, reason) => this.events.push({ by: name, what: reason, at: this.now }))
    return node
  }

  get one(): TestNode {
    return this.#nodes[0] as TestNode
  }

  get two(): TestNode {
    return this.#nodes.at(-1) as TestNode
  }

  get now(): number {
    return this.simulation.clock.now()
  }

  run(ms: number): Promise<void> {
    return this.simulation.clock.run(ms)
  }

  /** Lets a machine stand still for a while. */
  async stall(name: string, ms: number): Promise<void> {
    const { network } = this.simulation
    network.freeze(name)
    await this.run(ms)
    network.thaw(name)
  }

  heard(by: string): string[] {
    return this.events.filter((event) => event.by === by).map(({ what }) => what)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.simulation.network.heal()
    const stopped = Promise.all(this.#nodes.map((node) => node.stop()))
    await this.run(10_000)
    await stopped
    expect(this.simulation.clock.timersPending).toBe(0)
  }
}

describe('a cable that is pulled', () => {
  const settings = [
    { tickTimeMs: 60_000, tickIntensity: 4 },
    { tickTimeMs: 8_000, tickIntensity: 4 },
    { tickTimeMs: 30_000, tickIntensity: 10 },
    { tickTimeMs: 5_000, tickIntensity: 50 },
  ]
  test.each(settings)('is noticed by both sides within the window: %o', async (ticks) => {
    const { tickTimeMs: T, tickIntensity: I } = ticks
    for (const seed of seeds(8)) {
      await using pair = await Pair.open(seed, ticks)
      await pair.run(pair.random() * 2 * T)
      const cutAt = pair.now
      pair.simulation.network.cut(a, b)
      await pair.run(T + T / I + 10)
      const events = pair.events.map(({ by, what }) => `${by} ${what}`).sort()
      expect({ seed, events }).toEqual({ seed, events: [`${a} net_tick_timeout`, `${b} net_tick_timeout`] })
      for (const { at } of pair.events) {
        // A piece of bytes may have been under way for some milliseconds.
        expect({ seed, after: at - cutAt }).toSatisfy(({ after }) => after >= T - T / I - 10 && after <= T + T / I + 10)
      }
      pair.simulation.network.heal()
      await pair.run(20_000)
      expect([pair.one.nodes(), pair.two.nodes()]).toEqual([[b], [a]])
    }
  })

  test('in one direction only is noticed by both sides all the same', async () => {
    const ticks = { tickTimeMs: 8_000, tickIntensity: 4 }
    for (const seed of seeds(8)) {
      await using pair = await Pair.open(seed, ticks)
      await pair.run(pair.random() * 8_000)
      pair.simulation.network.cut(a, b, false)
      await pair.run(10_020)
      expect({ seed, heard: [pair.heard(a), pair.heard(b)] }).toEqual({
        seed,
        heard: [['connection_closed'], ['net_tick_timeout']],
      })
    }
  })

  test('for less than the window is nothing: what was sent meanwhile arrives, in order', async () => {
    for (const seed of seeds(8)) {
      await using pair = await Pair.open(seed)
      const box = pair.two.mailbox<number>()
      pair.two.register('box', box.address)
      await pair.run(pair.random() * 60_000)
      pair.simulation.network.cut(a, b)
      for (let n = 0; n < 10; n++) {
        pair.one.send(named('box', b), n)
        await pair.run(4_000)
      }
      pair.simulation.network.heal()
      await pair.run(100_000)
      expect(Array.from({ length: box.length }, () => box.poll())).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
      expect({ seed, events: pair.events }).toEqual({ seed, events: [] })
    }
  })
})

describe('a program that stands still', () => {
  test('for less than the window loses nobody, and is not lost; its timers fire once each, in order', async () => {
    for (const seed of seeds(20)) {
      await using pair = await Pair.open(seed)
      const box = pair.two.mailbox<string>()
      pair.two.register('box', box.address)
      await pair.run(pair.random() * 60_000)
      for (const ms of [1_000, 3_000, 9_000, 70_000]) pair.two.sendAfter(ms, box.address, `after ${ms}`)
      pair.one.send(named('box', b), 'from a')
      // 10 s of 60; up to just below 45, at whatever instant between two ticks.
      await pair.stall(b, seed % 2 === 0 ? 10_000 : 44_900 * pair.random())
      await pair.run(100_000)
      expect({ seed, events: pair.events }).toEqual({ seed, events: [] })
      const got = Array.from({ length: box.length }, () => box.poll())
      expect(got.filter((each) => each !== 'from a')).toEqual(['after 1000', 'after 3000', 'after 9000', 'after 70000'])
      expect(got).toContain('from a')
    }
  })

  test('for longer than the window is dropped by its peer, hears of it when it goes on, and rejoins as the same run', async () => {
    for (const seed of seeds(20)) {
      await using pair = await Pair.open(seed, { tickTimeMs: 8_000 })
      const { one, two } = pair
      const watchers = [one.mailbox<Down | Exit>(), two.mailbox<Down | Exit>()] as const
      const waits = (self: Process) => self.receive()
      const far = two.spawn(waits)
      const near = one.spawn(waits)
      two.register('far', far)
      one.register('near', near)
      const refs = [watchers[0].monitor(named('far', b)), watchers[1].monitor(named('near', a))]
      const linked = one.spawn({ name: 'linked' }, waits)
      watchers[1].link(two.addressBook.address(a, linked.id, linked.serial, linked.home.creation))
      await pair.run(100)
      linked.leave()
      await pair.run(pair.random() * 8_000)

      const from = pair.now
      await pair.stall(b, 12_000 + 60_000 * pair.random())
      const dropped = pair.events[0]
      expect({ seed, dropped: [dropped?.by, dropped?.what] }).toEqual({ seed, dropped: [a, 'net_tick_timeout'] })
      expect((dropped?.at ?? 0) - from).toBeGreaterThan(6_000 - 10)
      expect((dropped?.at ?? 0) - from).toBeLessThan(10_000 + 10)
      expect(pair.heard(b)).not.toContain('net_tick_timeout')
      await pair.run(30_000)
      expect({ seed, heard: [pair.heard(a), pair.heard(b)] }).toEqual({
        seed,
        heard: [
          ['net_tick_timeout', 'up'],
          ['connection_closed', 'up'],
        ],
      })
      // Each monitor and link once; the processes are those of before.
      expect(watchers.map(({ length }) => length)).toEqual([1, 2])
      expect(watchers[0].poll()).toMatchObject({ type: 'DOWN', ref: refs[0], reason: noconnection })
      const told = [watchers[1].poll(), watchers[1].poll()]
      expect(told).toContainEqual(expect.objectContaining({ type: 'DOWN', ref: refs[1], reason: noconnection }))
      expect(told).toContainEqual(expect.objectContaining({ type: 'EXIT', reason: noconnection }))
      expect([one.whereis('near'), two.whereis('far')]).toEqual([near, far])
      // The links of before are void: nobody hears of the end of what was linked.
      one.exit(linked, 'late')
      one.send(named('far', b), 'a message')
      await pair.run(1_000)
      expect(watchers[1].length).toBe(0)
      expect(two.whereis('far')).toBe(undefined)
    }
  })

  test('just when the sign of life of a peer comes in, and is judged by a timer first, reads before it takes it for dead', async () => {
    // Ticks each 2 s: after 5.5 s of standing still a peer was silent for 7.5 s at most, of 8.
    for (let round = 0; round < 40; round++) {
      const seed = seedFrom + (round % 5)
      const phase = round * 50
      await using pair = await Pair.open(seed, { tickTimeMs: 8_000 })
      const { network } = pair.simulation
      await pair.run(phase)
      network.freeze(b)
      await pair.run(5_400)
      network.freeze(a)
      await pair.run(100)
      network.thaw(b)
      await pair.run(2_400)
      network.thaw(a)
      await pair.run(20_000)
      expect({ seed, phase, events: pair.events }).toEqual({ seed, phase, events: [] })
    }
  })

  test('takes nobody else for dead, however often and long, and whoever else stands still', async () => {
    const T = 8_000
    for (const seed of seeds(20)) {
      await using pair = await Pair.open(seed, { tickTimeMs: T })
      // How much of the last while each has stood still, so as to excuse the other.
      const stalls: { name: string; from: number; to: number }[] = []
      for (let round = 0; round < 30; round++) {
        const name = pair.random() < 0.5 ? a : b
        const from = pair.now
        await pair.stall(name, 10 ** (2 + pair.random() * 2.3))
        stalls.push({ name, from, to: pair.now })
        await pair.run(10 ** (1 + pair.random() * 3))
      }
      await pair.run(60_000)
      const verdicts = pair.events.filter(({ what }) => what === 'net_tick_timeout')
      for (const { by, at } of verdicts) {
        // Whoever was taken for dead had stood still for most of the tick time at one go, just before that or while the one that
        // says so stood still itself: between two shorter stalls there would have been a tick.
        const other = by === a ? b : a
        const own = stalls.filter(({ name, to }) => name === by && to <= at && to > at - T).map(({ from }) => from)
        const since = Math.min(at, ...own) - T - T / 4
        const longest = stalls
          .filter(({ name, from, to }) => name === other && to > since && from < at)
          .reduce((longest, { from, to }) => Math.max(longest, Math.min(to, at) - from), 0)
        expect({ seed, by, at, longest }).toSatisfy((verdict) => verdict.longest > T - 2 * (T / 4) - 100)
      }
      expect(verdicts.length).toBeGreaterThan(0)
      expect([pair.one.nodes(), pair.two.nodes()]).toEqual([[b], [a]])
    }
  })

  test('is told to the log, with how long it was', async () => {
    await using pair = await Pair.open(1)
    await pair.stall(b, 10_000)
    await pair.run(1_000)
    const [line, ...more] = pair.two.log.at('warn', 'error').filter(({ fields }) => 'stalledMs' in fields)
    expect(more).toEqual([])
    expect(line?.fields.stalledMs).toBeGreaterThan(8_900)
    expect(line?.fields.stalledMs).toBeLessThan(10_100)
    expect(pair.one.log.lines.filter(({ fields }) => 'stalledMs' in fields)).toEqual([])
  })
})

describe('a node that restarts faster than its peers notice', () => {
  test('replaces its old connection: first the end of that, to the last monitor, then the new run, and nothing stale', async () => {
    for (const seed of seeds(20)) {
      await using pair = await Pair.open(seed)
      const { one } = pair
      const box = one.mailbox<unknown>()
      one.register('box', box.address)
      one.monitorNodes(box)
      const first = pair.two
      const mortal = first.spawn({ name: 'mortal' }, (self: Process) => self.receive())
      const ref = box.monitor(named('mortal', b))
      first.send(named('box', a), 'before')
      await pair.run(100)
      expect(Array.from({ length: box.length }, () => box.poll())).toEqual(['before'])
      // What the first run says from here on is lost, like the run itself.
      pair.simulation.network.vanish(b)
      first.send(named('box', a), 'never')
      await pair.run(100 * pair.random())
      const second = await pair.start(b)
      second.spawn({ name: 'mortal' }, (self: Process) => self.receive())
      second.send(named('box', a), 'after')
      await pair.run(10_000)
      const seen = Array.from({ length: box.length }, () => box.poll() as { type?: string })
      expect({ seed, seen: seen.map((each) => each.type ?? each) }).toEqual({
        seed,
        seen: ['DOWN', 'nodedown', 'nodeup', 'after'],
      })
      expect(seen[0]).toMatchObject({ ref, reason: noconnection })
      expect(seen[1]).toMatchObject({ node: b, reason: 'connection_closed' })
      // An address of the first run is nobody's in the second.
      const late = box.monitor(one.addressBook.address(b, mortal.id, mortal.serial, first.addressBook.self.creation))
      await pair.run(1_000)
      expect(box.poll()).toMatchObject({ type: 'DOWN', ref: late, reason: atom('noproc') })
      expect(second.whereis('mortal')).toBeDefined()
    }
  })

  test('what is sent to its first run does not come to whoever has the same numbers in the second', async () => {
    await using pair = await Pair.open(1)
    const { one } = pair
    const first = pair.two.mailbox<string>()
    // As one has it who was sent it: an address of that run, with these numbers.
    const known = ({ id, serial, creation }: Address<string>) =>
      one.addressBook.address(b, id, serial, creation) as Address<string>
    const old = known(first.address)
    old.send('to the first')
    await pair.run(100)
    expect(first.poll()).toBe('to the first')
    pair.simulation.network.vanish(b)
    const second = (await pair.start(b)).mailbox<string>()
    expect([second.address.id, second.address.serial]).toEqual([old.id, old.serial])
    await pair.run(10_000)
    old.send('to the first again')
    known(second.address).send('to the second')
    await pair.run(1_000)
    expect(second.peek()).toEqual(['to the second'])
  })

  test('what is sent to an address comes from the node itself, as what is sent to a name does', async () => {
    await using pair = await Pair.open(1)
    const { one, two } = pair
    const { id, serial, creation } = two.mailbox<string>().address
    const senders: unknown[] = []
    const stop = observe('reign:signal:received', ({ node, signal }) => {
      if (node === b && 'message' in signal) senders.push(signal.from)
    })
    one.send(one.addressBook.address(b, id, serial, creation) as Address<string>, 'to an address')
    one.send(named('nobody', b), 'to a name')
    await pair.run(100)
    stop()
    const itself = one.system.self
    const known = two.addressBook.address(one.name, itself.id, itself.serial, itself.creation)
    expect(senders).toEqual([known, known])
  })
})
