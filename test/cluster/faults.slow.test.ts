/** What befalls a node from outside, with nodes in processes of their own over mutual TLS: killed, stopped, blocked, started twice. */
import { afterEach, describe, expect, test } from 'vitest'
import type { Down } from '../../src/process/notices.js'
import type { Address } from '../../src/term/address.js'
import { atom } from '../../src/term/atom.js'
import { type ChildNode, startNode } from '../support/child-node.js'
import { within } from '../support/deadline.js'
import { deadlineMs, losesSight, sees, TestCluster, type TestNode } from './cluster-kit.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

/** Short, so that the window of a silent peer is: from 1.5 s to 2.5 s of silence. */
const ticks = { tickTimeMs: 2_000, tickIntensity: 4 }

/** A node that has a process named `mortal`, blocks when it is told to, and says who comes and goes. */
const program = `
import { Node } from 'reign'
const [name, cluster] = process.argv.slice(2)
const node = await Node.start(name, { cluster: JSON.parse(cluster) })
node.spawn({ name: 'mortal' }, async (self) => { for (;;) await self.receive() })
node.expose('here', { mortal: () => node.whereis('mortal') })
node.onNodeUp((up) => process.send({ up }))
node.onNodeDown((down, reason) => process.send({ down, reason }))
process.on('message', ({ blockMs }) => {
  const end = performance.now() + blockMs
  while (performance.now() < end);
  process.send({ blocked: blockMs })
})
process.send({ ready: true })
`

let cluster: TestCluster
let node: TestNode
let child: ChildNode
afterEach(async () => {
  await child?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

async function start(): Promise<ChildNode> {
  const started = await startNode({ source: program, args: [b, JSON.stringify(await cluster.spec(b))] })
  await started.expect((message) => (message as { ready?: boolean }).ready === true, deadlineMs)
  return started
}

/** Two nodes that are connected, and the address of a process of the other. */
async function pair(spec = {}): Promise<Address<never>> {
  cluster = await TestCluster.make({ tls: true, spec })
  node = await cluster.start(a)
  child = await start()
  await within(deadlineMs, node.connect(b), 'the connection')
  return (await node.erpc(b).call('here', 'mortal', [])) as Address<never>
}

describe('a node', () => {
  test('that is killed: who watches and who is linked is told at once, and of its next run as of another', async () => {
    const mortal = await pair()
    using mailbox = node.mailbox<Down>()
    const ref = mailbox.monitor(mortal)
    await node.ping(b)
    child.kill()
    // 100 ms is promised; a busy machine may take longer to let the kernel say so, but not as long as ticks would take.
    expect(await mailbox.receive({ timeout: deadlineMs })).toEqual({
      type: 'DOWN',
      ref,
      address: mortal,
      reason: atom('noconnection'),
    })
    child = await start()
    expect(await within(deadlineMs, node.connect(b), 'the next run')).toBe(true)
    const late = mailbox.monitor(mortal)
    expect(await mailbox.receive({ timeout: deadlineMs })).toMatchObject({ ref: late, reason: atom('noproc') })
  })

  test('that is stopped is dropped within the window of its silence, and is welcome when it goes on', async () => {
    const mortal = await pair(ticks)
    using mailbox = node.mailbox<Down>()
    mailbox.monitor(mortal)
    await node.ping(b)
    const reasons: string[] = []
    node.onNodeDown((_, reason) => reasons.push(reason))
    const from = performance.now()
    child.suspend()
    expect(await mailbox.receive({ timeout: deadlineMs })).toMatchObject({ reason: atom('noconnection') })
    const silent = performance.now() - from
    expect(silent).toBeGreaterThan(1_000)
    expect(silent).toBeLessThan(30_000)
    expect(reasons).toEqual(['net_tick_timeout'])
    child.resume()
    await child.expect((message) => (message as { down?: string }).down === a, deadlineMs)
    expect(await within(deadlineMs, node.connect(b), 'the node that goes on')).toBe(true)
    // The same run: its addresses are good again.
    const again = mailbox.monitor(mortal)
    mailbox.demonitor(again)
    expect(await node.erpc(b).call('here', 'mortal', [])).toBe(mortal)
  })

  test('whose event loop is blocked for less than the window is kept, and keeps its peers', async () => {
    // More than a tick, and far from the window: a busy machine may stop either of them for a while, too.
    await pair({ tickTimeMs: 6_000, tickIntensity: 4 })
    const lost: string[] = []
    node.onNodeDown((down) => lost.push(down))
    child.send({ blockMs: 1_700 })
    await child.expect((message) => (message as { blocked?: number }).blocked === 1_700, deadlineMs)
    expect(await node.ping(b)).toBe(true)
    expect(lost).toEqual([])
  })

  test('whose event loop is blocked for longer is dropped, and comes back as the same run', async () => {
    const mortal = await pair(ticks)
    child.send({ blockMs: 4_000 })
    await losesSight(node, b)
    await child.expect((message) => (message as { blocked?: number }).blocked === 4_000, deadlineMs)
    await child.expect((message) => (message as { down?: string }).down === a, deadlineMs)
    expect(await within(deadlineMs, node.connect(b), 'the node that was blocked')).toBe(true)
    expect(await node.erpc(b).call('here', 'mortal', [])).toBe(mortal)
  })

  test('of a name that is taken is refused, and the first is not disturbed', async () => {
    await pair()
    const lost: string[] = []
    node.onNodeDown((down) => lost.push(down))
    await expect(cluster.start(b)).rejects.toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
    await sees(node, b)
    expect(await node.ping(b)).toBe(true)
    expect(lost).toEqual([])
  })
})
