/** Two nodes of one name, on two machines: F36, where no port mapper can tell; and what is not to be taken for it. */
import { describe, expect, test } from 'vitest'
import { Node } from '../../src/cluster/node.js'
import { Rivals } from '../../src/cluster/rivals.js'
import { defaultLimits } from '../../src/limits.js'
import type { Connection } from '../../src/net/connection.js'
import { named } from '../../src/term/named.js'
import type { TestNode } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const a = 'a@127.0.0.1'
const c = 'c@127.0.0.1'
const x = 'x@127.0.0.1'
const { rivalAnswerMs } = defaultLimits

/** Members that are connected, and a second run of one of them, on a machine of its own, where nobody dials it. */
class Twins {
  readonly simulation: Simulation
  readonly others: TestNode[] = []
  readonly news: string[] = []
  first!: TestNode
  second!: TestNode

  private constructor(seed: number) {
    this.simulation = new Simulation(seed, [a, c, x])
  }

  static async open(seed = 1): Promise<Twins> {
    const twins = new Twins(seed)
    for (const name of [a, c]) twins.others.push(await twins.simulation.start(name))
    twins.first = await twins.simulation.start(x)
    await twins.run(5_000)
    for (const node of [...twins.others, twins.first]) expect(node.nodes()).toHaveLength(2)
    for (const node of twins.others) {
      node.onNodeUp((name) => twins.news.push(`${node.name}: ${name} up`))
      node.onNodeDown((name) => twins.news.push(`${node.name}: ${name} down`))
    }
    return twins
  }

  /** The second run of the name. */
  async join(): Promise<void> {
    const { network } = this.simulation
    this.second = await this.simulation.start(x, {
      listen: false,
      transport: network.transport('elsewhere'),
      clock: network.clockOf('elsewhere'),
    })
  }

  run(ms: number): Promise<void> {
    return this.simulation.clock.run(ms)
  }

  /** Which of the two runs each of the others is connected with. */
  seen(): string[] {
    return this.others.map((node) => {
      if (!node.nodes().includes(x)) return 'none'
      const up = node.log.lines.findLast(({ message, fields }) => message === 'node up' && fields.peer === x)
      return up?.fields.creation === this.first.addressBook.self.creation ? 'first' : 'second'
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stops = [...this.others, this.first, this.second].map((node) => node?.stop({ deadlineMs: 0 }))
    await this.run(1_000)
    await Promise.all(stops)
  }
}

/** What a node has logged as an error. */
const errors = (node: TestNode) => node.log.at('error').map(({ fields, message }) => ({ message, ...fields }))

test('the second is let in by nobody, and says so; the first is not disturbed, however long it lasts', async () => {
  await using twins = await Twins.open()
  await twins.join()
  const connecting = twins.second.connect(a)
  await twins.run(600_000)
  expect(await connecting).toBe(false)
  expect(twins.seen()).toEqual(['first', 'first'])
  expect(twins.news).toEqual([])
  expect(twins.second.nodes()).toEqual([])
  const told = errors(twins.second)
  expect(told[0]).toEqual({
    message: 'another node has our name',
    peer: expect.stringMatching(/^[ac]@/),
    code: 'ERR_REIGN_NAME_IN_USE',
    error: expect.stringMatching(/^another run of x@127\.0\.0\.1 is alive, and connected with "[ac]@127\.0\.0\.1"$/),
  })
  // It tries for ever, and says so once a minute.
  expect(told.length).toBeGreaterThan(8)
  expect(told.length).toBeLessThan(12)
  expect(told.at(-1)).toMatchObject({ untold: expect.any(Number) })
  for (const node of twins.others) expect(node.log.codes('warn')).toContain('ERR_REIGN_NAME_IN_USE')
  expect(errors(twins.first)).toEqual([])
})

test('the second is let in as soon as the first has gone', async () => {
  await using twins = await Twins.open()
  await twins.join()
  await twins.run(60_000)
  const stopped = twins.first.stop()
  await twins.run(20_000)
  await stopped
  expect(twins.seen()).toEqual(['second', 'second'])
  expect(twins.news.toSorted()).toEqual([a, c].flatMap((name) => [`${name}: ${x} down`, `${name}: ${x} up`]))
})

test('a run that was started again takes the place of one that is gone unseen, within the time for a sign of life', async () => {
  await using twins = await Twins.open()
  const { simulation, first } = twins
  simulation.network.vanish(x)
  void first.stop({ deadlineMs: 0 })
  const from = simulation.clock.now()
  twins.second = await simulation.start(x)
  const up = new Map<string, number>()
  for (const node of twins.others) node.onNodeUp(() => up.set(node.name, simulation.clock.now() - from))
  await twins.run(10_000)
  expect(twins.seen()).toEqual(['second', 'second'])
  // Time for the handshake, and for the sign of life that does not come.
  for (const took of up.values()) expect(took).toBeLessThan(rivalAnswerMs + 500)
  expect(up.size).toBe(2)
  expect(errors(twins.second)).toEqual([])
})

test('a first run that stands still loses its place, and is the one that is refused when it goes on', async () => {
  await using twins = await Twins.open()
  twins.simulation.network.freeze(x)
  await twins.join()
  await twins.run(10_000)
  expect(twins.seen()).toEqual(['second', 'second'])
  twins.simulation.network.thaw(x)
  await twins.run(60_000)
  expect(twins.seen()).toEqual(['second', 'second'])
  expect(twins.news.filter((line) => line.endsWith('up'))).toHaveLength(2)
  expect(errors(twins.first)[0]).toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
  expect(errors(twins.second)).toEqual([])
})

test('a first run that hears nothing, but is heard, keeps its place', async () => {
  await using twins = await Twins.open()
  const { simulation, first } = twins
  for (const { name } of twins.others) simulation.network.cut(name, x, false)
  const talk = () => {
    for (const { name } of twins.others) first.send(named('nobody', name), 'I am here')
    simulation.clock.setTimer(talk, 500)
  }
  talk()
  await twins.join()
  await twins.run(20_000)
  expect(twins.seen()).toEqual(['first', 'first'])
  expect(errors(twins.second)[0]).toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
})

test('the same run, when it comes again, is let in at once: it knows best which connection works', async () => {
  await using node = await Node.local()
  const peer = { name: x, creation: 7, flags: 0n }
  const connection = { peer, isUp: true, bytesRead: 0 } as Connection
  const rivals = new Rivals(node, rivalAnswerMs)
  expect(rivals.mayReplace(connection, { ...peer })).toBe(true)
  expect(rivals.mayReplace(connection, { ...peer, creation: 8 })).toBeInstanceOf(Promise)
})

describe('two that come at the same time', () => {
  test('are never both in: each of the others keeps one, and nothing changes any more', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const simulation = new Simulation(seed, [a, c, x])
      const { network } = simulation
      const others = [await simulation.start(a), await simulation.start(c)]
      await simulation.clock.run(1_000)
      const elsewhere = { transport: network.transport('elsewhere'), clock: network.clockOf('elsewhere') }
      const runs = await Promise.all([simulation.start(x), simulation.start(x, { listen: false, ...elsewhere })])
      await simulation.clock.run(60_000)
      const news: string[] = []
      for (const node of others) {
        expect({ seed, nodes: node.nodes().toSorted() }).toEqual({
          seed,
          nodes: [a, c, x].filter((name) => name !== node.name),
        })
        node.onNodeDown((name) => news.push(`${node.name}: ${name} down`))
      }
      // Between them they have one connection with each of the others.
      expect({ seed, nodes: runs.flatMap((run) => run.nodes()).toSorted() }).toEqual({ seed, nodes: [a, c] })
      await simulation.clock.run(120_000)
      expect({ seed, news }).toEqual({ seed, news: [] })
      // Whoever is not everywhere has heard why.
      for (const run of runs) {
        if (run.nodes().length === 2) expect(errors(run)).toEqual([])
        else expect(errors(run)[0]).toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
      }
      const stops = [...others, ...runs].map((node) => node.stop({ deadlineMs: 0 }))
      await simulation.clock.run(1_000)
      await Promise.all(stops)
    }
  })
})
