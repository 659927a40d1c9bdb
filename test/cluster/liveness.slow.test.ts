/**
 * Nodes in processes of their own, over mutual TLS, whose event loop is blocked or that are stopped: F6, F24 and F25 as they are,
 * with the tick times that they name. In virtual time, and with every phase: `liveness.test.ts`.
 */
import { describe, expect, test } from 'vitest'
import type { Down } from '../../src/process/notices.js'
import type { Address } from '../../src/term/address.js'
import { atom } from '../../src/term/atom.js'
import { type ChildNode, startNode } from '../support/child-node.js'
import { deadlineMs, within } from '../support/deadline.js'
import { TestCluster, type TestNode } from './cluster-kit.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

/** What the child says. */
interface Said {
  readonly ready?: true
  readonly blocked?: number
  readonly down?: string
  readonly reason?: string
  readonly timer?: string
  readonly stalledMs?: number
}

/** A node with a process, that blocks when it is told to, and says who comes and goes, what stalls it logs, and which timers fire. */
const program = `
import { Node } from 'reign'
const [name, cluster] = process.argv.slice(2)
const say = (fields) => 'stalledMs' in fields && process.send({ stalledMs: fields.stalledMs })
const logger = { error: say, warn: say, info: say, debug() {}, trace() {} }
const node = await Node.start(name, { cluster: JSON.parse(cluster), logger })
const mortal = node.spawn({ name: 'mortal' }, async (self) => { for (;;) await self.receive() })
node.expose('here', { mortal: () => mortal, creation: () => node.addressBook.self.creation })
node.onNodeUp((up) => process.send({ up }))
node.onNodeDown((down, reason) => process.send({ down, reason }))
const timers = node.spawn(async (self) => { for (;;) process.send({ timer: await self.receive() }) })
process.on('message', ({ blockMs }) => {
  for (const ms of [9_000, 1_000, 5_000]) node.sendAfter(ms, timers, 'after ' + ms)
  const end = performance.now() + blockMs
  while (performance.now() < end);
  process.send({ blocked: blockMs })
})
process.send({ ready: true })
`

/** Two nodes that are connected: one here, one in a process of its own. */
class Pair implements AsyncDisposable {
  readonly downs: string[] = []

  private constructor(
    readonly cluster: TestCluster,
    readonly node: TestNode,
    readonly child: ChildNode,
    readonly mortal: Address<never>,
    readonly creation: unknown,
  ) {
    node.onNodeDown((_, reason) => this.downs.push(reason))
  }

  static async make(spec = {}): Promise<Pair> {
    const cluster = await TestCluster.make({ tls: true, spec })
    const node = await cluster.start(a)
    const child = await startNode({ source: program, args: [b, JSON.stringify(await cluster.spec(b))] })
    await child.expect((said) => (said as Said).ready === true, deadlineMs)
    await within(deadlineMs, node.connect(b), 'the connection')
    const here = node.erpc(b)
    const mortal = (await here.call('here', 'mortal', [])) as Address<never>
    return new Pair(cluster, node, child, mortal, await here.call('here', 'creation', []))
  }

  async hears(what: (said: Said) => boolean): Promise<Said> {
    return (await this.child.expect((said) => what(said as Said), deadlineMs)) as Said
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child[Symbol.asyncDispose]()
    await this.cluster[Symbol.asyncDispose]()
  }
}

/** Waits until the node is taken for dead: not early, and not late. */
async function isTakenForDead({ node, mortal, downs }: Pair, provoke: () => void): Promise<void> {
  using mailbox = node.mailbox<Down>()
  mailbox.monitor(mortal)
  expect(await node.ping(b)).toBe(true)
  const from = performance.now()
  provoke()
  expect(await mailbox.receive({ timeout: deadlineMs })).toMatchObject({ reason: atom('noconnection') })
  const silentMs = performance.now() - from
  // With a tick time of 8 s and four ticks in it: from 6 to 10 s; this machine may be busy.
  expect(silentMs).toBeGreaterThan(5_900)
  expect(silentMs).toBeLessThan(40_000)
  expect(downs).toEqual(['net_tick_timeout'])
  expect(mailbox.length).toBe(0)
}

/** It goes on as the run that it was, over a new connection; nothing of the old one comes. */
async function isBack(pair: Pair): Promise<void> {
  const { node, mortal } = pair
  await pair.hears(({ down, reason }) => down === a && reason === 'connection_closed')
  expect(await within(deadlineMs, node.connect(b), 'the node that goes on')).toBe(true)
  expect(await node.erpc(b).call('here', 'mortal', [])).toBe(mortal)
  expect(await node.erpc(b).call('here', 'creation', [])).toBe(pair.creation)
  using mailbox = node.mailbox<Down>()
  const ref = mailbox.monitor(mortal)
  node.exit(mortal, 'late')
  expect(await mailbox.receive({ timeout: deadlineMs })).toMatchObject({ ref, reason: 'late' })
  expect(mailbox.length).toBe(0)
  expect(pair.downs).toEqual(['net_tick_timeout'])
}

describe.concurrent('a node', () => {
  test('whose event loop is blocked for 10 s, at the default tick time, loses nobody and is not lost', async () => {
    await using pair = await Pair.make()
    pair.child.send({ blockMs: 10_000 })
    await pair.hears(({ blocked }) => blocked === 10_000)
    const { stalledMs } = await pair.hears((said) => said.stalledMs !== undefined)
    expect(stalledMs).toBeGreaterThan(8_900)
    expect(stalledMs).toBeLessThan(40_000)
    const fired: unknown[] = []
    for (const _ of [1, 2, 3]) fired.push((await pair.hears((said) => said.timer !== undefined)).timer)
    expect(fired).toEqual(['after 1000', 'after 5000', 'after 9000'])
    expect(await pair.node.ping(b)).toBe(true)
    expect(pair.downs).toEqual([])
    // Everything that it has said up to here has been taken: nothing fired twice, and nobody was lost.
    pair.child.send({ blockMs: 0 })
    expect(await pair.hears(({ timer, down, blocked }) => (timer ?? down ?? blocked) !== undefined)).toEqual({
      blocked: 0,
    })
  })

  test('whose event loop is blocked for longer than the tick time is dropped, and comes back as the same run', async () => {
    await using pair = await Pair.make({ tickTimeMs: 8_000 })
    await isTakenForDead(pair, () => pair.child.send({ blockMs: 12_000 }))
    await isBack(pair)
  })

  test('that is stopped is dropped within the window, and is welcome when it goes on', async () => {
    await using pair = await Pair.make({ tickTimeMs: 8_000 })
    await isTakenForDead(pair, () => pair.child.suspend())
    pair.child.resume()
    await isBack(pair)
  })
})
