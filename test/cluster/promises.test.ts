/**
 * What is promised of everything that crosses between nodes (order, no holes, losses that are told, runs that are not mixed), held against
 * random traffic over connections that are lost again and again, or whose other end is started anew.
 */
import { describe, expect, test } from 'vitest'
import type { NodeDown, NodeUp } from '../../src/cluster/node-events.js'
import type { Down, Exit } from '../../src/process/notices.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { named } from '../../src/term/named.js'
import type { Ref } from '../../src/term/ref.js'
import { seeded } from '../support/memory-network.js'
import type { TestNode } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const noconnection = Symbol.for('noconnection')
/** Where the seeds begin: another part of the world for a longer look, `REIGN_SEED=5000 npx vitest run …`. */
const seedFrom = Number(process.env.REIGN_SEED ?? 0)
/** In bytes: what rides with others in a packet, and what takes many. */
const sizes = [0, 0, 0, 100, 3_000, 70_000, 300_000]

/** The nth thing that the speaker has sent; or an exit that it asked for, with n as the reason. */
type Said = { n: number; text: string }
type Heard = Said | Exit | Down | NodeUp | NodeDown

/** The speaker on one node, the listener on the other: what is said goes by address, name and alias, and as exits. */
class Scene {
  readonly simulation: Simulation
  readonly random: () => number
  readonly speaker: Process<unknown>
  readonly one: TestNode
  readonly other: TestNode
  readonly ear: ReturnType<typeof earOf>
  said = 0

  private constructor(simulation: Simulation, seed: number, one: TestNode, other: TestNode, speaker: Process<unknown>) {
    this.simulation = simulation
    this.random = seeded(seed + 1)
    this.one = one
    this.other = other
    this.speaker = speaker
    this.ear = earOf(other, speaker.address)
  }

  static async open(seed: number): Promise<Scene> {
    const simulation = new Simulation(seed, [a, b])
    const one = await simulation.start(a)
    const other = await simulation.start(b)
    let speaker: Process<unknown> | undefined
    one.spawn(async (self) => {
      speaker = self
      self.trapExit = true
      for await (const _ of self);
    })
    await simulation.clock.settle()
    const scene = new Scene(simulation, seed, one, other, speaker as unknown as Process<unknown>)
    await simulation.clock.run(1_000)
    return scene
  }

  /** Says the next number, in one of the ways that there are; now and then ties and unties both in between. */
  say(): void {
    const { one, speaker, ear } = this
    const n = ++this.said
    const size = sizes[Math.floor(this.random() * sizes.length)] as number
    const message: Said = { n, text: textOf(n).repeat(size) }
    // Addresses and references of the other node, as this one knows them.
    const { id, serial, home } = ear.box.address
    const to = one.addressBook.address(b, id, serial, home.creation) as Address<unknown>
    const ways = [
      () => to.send(message),
      () => one.send(named('ear', b), message),
      () => one.send(one.addressBook.ref(b, ear.alias.creation, ear.alias.words) as Ref, message),
      () => speaker.exit(to, n),
    ]
    ways[Math.floor(this.random() * ways.length)]?.()
    if (this.random() < 0.1) speaker.demonitor(speaker.monitor(to))
  }

  async close(): Promise<void> {
    const stopped = Promise.all([this.one.stop(), this.other.stop()])
    await this.simulation.clock.run(20_000)
    await stopped
  }
}

/** A mailbox that writes down what it gets, and is tied to the speaker anew with every connection. */
function earOf(node: TestNode, speaker: Address<never>) {
  const box = node.mailbox<Heard>()
  node.register('ear', box.address)
  const refs: Ref[] = []
  node.onNodeUp(() => {
    const { id, serial, home } = speaker
    const far = node.addressBook.address(a, id, serial, home.creation)
    refs.push(box.monitor(far))
    box.link(far)
  })
  node.monitorNodes(box)
  const alias = box.alias()
  // As if it had been sent to the speaker.
  node.addressBook.refLeaves(alias)
  return { box, refs, alias }
}

const textOf = (n: number) => String.fromCharCode(97 + (n % 26))

function numberOf(heard: Heard): number | undefined {
  if ('n' in heard) return heard.n
  return heard.type === 'EXIT' && heard.reason !== noconnection ? (heard.reason as number) : undefined
}

/** What came over each connection, from its `nodeup` to its `nodedown`. */
function connections(heard: readonly Heard[]): Heard[][] {
  const found: Heard[][] = []
  for (const each of heard) {
    if ('type' in each && each.type === 'nodeup') found.push([])
    found.at(-1)?.push(each)
  }
  return found
}

async function traffic(seed: number): Promise<{ connections: Heard[][]; refs: readonly Ref[]; said: number }> {
  const scene = await Scene.open(seed)
  const { simulation, ear, random } = scene
  for (let round = 0; round < 5; round++) {
    for (let left = 40; left > 0; left--) {
      if (random() < 0.5) await simulation.clock.run(random() * 10)
      scene.say()
    }
    // What is on its way is lost with the first two, and arrives with the third.
    const ways = [() => simulation.network.reset(a, b), () => scene.other.disconnect(a), () => scene.one.disconnect(b)]
    ways[Math.floor(random() * ways.length)]?.()
    if (random() < 0.5) await simulation.clock.run(random() * 3_000)
  }
  await simulation.clock.run(5_000)
  const heard = ear.box.length === 0 ? [] : Array.from({ length: ear.box.length }, () => ear.box.poll() as Heard)
  const { said } = scene
  await scene.close()
  return { connections: connections(heard), refs: ear.refs, said }
}

const seeds = Array.from({ length: 10 }, (_, n) => seedFrom + n)

describe('over connections that are lost again and again', () => {
  test('one order for messages and signals of all kinds, whatever their size: each after the one before, none twice', async () => {
    let lost = 0
    for (const seed of seeds) {
      const { connections, said } = await traffic(seed)
      const numbers = connections.flat().flatMap((each) => numberOf(each) ?? [])
      expect(numbers.length).toBeGreaterThan(40)
      expect({ seed, numbers }).toEqual({ seed, numbers: [...new Set(numbers)].sort((x, y) => x - y) })
      lost += said - numbers.length
    }
    // Or nothing would have been tried.
    expect(lost).toBeGreaterThan(0)
  })

  test('no holes inside a connection, and nothing is altered', async () => {
    for (const seed of seeds) {
      for (const heard of (await traffic(seed)).connections) {
        const numbers = heard.flatMap((each) => numberOf(each) ?? [])
        const first = numbers[0] ?? 0
        expect({ seed, numbers }).toEqual({ seed, numbers: numbers.map((_, i) => first + i) })
        for (const each of heard) {
          if ('n' in each) expect(each.text === textOf(each.n).repeat(each.text.length)).toBe(true)
        }
      }
    }
  })

  test('each loss is told once to each link and monitor: after the last message of its connection, before the first of the next', async () => {
    for (const seed of seeds) {
      const run = await traffic(seed)
      expect(run.connections.length).toBeGreaterThan(1)
      // The last one stands.
      for (const [nth, heard] of run.connections.slice(0, -1).entries()) {
        const lastMessage = heard.findLastIndex((each) => numberOf(each) !== undefined)
        const after = heard.slice(Math.max(lastMessage, 0) + 1).map((each) => ('type' in each ? each.type : 'message'))
        expect({ seed, nth, after: after.toSorted() }).toEqual({ seed, nth, after: ['DOWN', 'EXIT', 'nodedown'] })
        expect(after.at(-1)).toBe('nodedown')
        const downs = heard.filter((each): each is Down => 'type' in each && each.type === 'DOWN')
        expect(downs).toEqual([expect.objectContaining({ ref: run.refs[nth], reason: noconnection })])
      }
    }
  })
})

test('nothing that was made for one run of a node reaches the next', async () => {
  const scene = await Scene.open(seedFrom)
  const { simulation, one, other, ear, speaker } = scene
  const { id, serial, home } = ear.box.address
  const old = one.addressBook.address(b, id, serial, home.creation) as Address<unknown>
  const oldAlias = one.addressBook.ref(b, ear.alias.creation, ear.alias.words)
  // The run ends unseen, while nothing gets through; the next one has processes of the same numbers, and the same names.
  simulation.network.cut(a, b)
  simulation.network.vanish(b)
  const next = await simulation.start(b)
  const heir = next.mailbox<unknown>()
  expect(heir.address.toString()).toBe(
    old.toString().replace(String(home.creation), String(heir.address.home.creation)),
  )
  next.register('ear', heir.address)
  for (let i = 0; i < 10; i++) {
    old.send(i)
    one.send(oldAlias as Ref, i)
    speaker.exit(old, i)
  }
  simulation.network.heal()
  const before = one.mailbox<unknown>()
  before.link(old)
  const ref = before.monitor(old)
  const failed = one.call(old, 'request').catch((error) => error.reason)
  await simulation.clock.run(120_000)
  one.send(named('ear', b), 'for whoever has the name')
  await simulation.clock.run(10_000)
  expect(heir.peek()).toEqual(['for whoever has the name'])
  expect(next.processInfo(heir.address)).toMatchObject({ links: [], monitored_by: [] })
  // What was made while the old connection was thought to stand was lost with it; what is made now finds nobody.
  const told = before.peek()
  expect(told).toContainEqual({ type: 'DOWN', ref, address: old, reason: noconnection })
  expect([noconnection, Symbol.for('noproc')]).toContain(await failed)
  const late = before.monitor(old)
  before.link(old)
  await simulation.clock.run(1_000)
  const noproc = Symbol.for('noproc')
  expect(before.peek().slice(told.length)).toEqual([
    { type: 'DOWN', ref: late, address: old, reason: noproc },
    { type: 'EXIT', from: old, reason: noproc },
  ])
  const stopped = Promise.all([one.stop(), other.stop(), next.stop()])
  await simulation.clock.run(20_000)
  await stopped
})
