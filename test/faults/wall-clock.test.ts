/** The wall clock of a machine is put forward and back under a node: nothing that waits may hang on it. */
import { expect, test } from 'vitest'
import { TestCluster } from '../cluster/cluster-kit.js'
import { startNode } from '../support/child-node.js'
import { deadlineMs, within } from '../support/deadline.js'

const [a, b] = ['a@127.0.0.1', 'b@127.0.0.1'] as const
const tickTimeMs = 4_000
const waitMs = 200

interface Told {
  readonly tookMs: readonly number[]
  readonly lines: readonly string[]
}

/** As `Date` has it, which is where programs see the wall clock; time that only runs on (`performance`) is left alone, as the system leaves it. */
const program = `
import { Node } from 'reign'
const { name, cluster } = JSON.parse(process.argv[2])
const now = Date.now
let offsetMs = 0
Date.now = () => now() + offsetMs
const lines = []
const keep = (fields, message) => lines.push(message)
const node = await Node.start(name, { cluster, logger: { error: keep, warn: keep, info: () => {}, debug: () => {}, trace: () => {} } })
node.onNodeDown((peer, reason) => lines.push('down ' + reason))
process.on('message', async ({ jumpMs, waitMs }) => {
  const box = node.mailbox()
  const from = performance.now()
  const timer = node.sendAfter(waitMs, box.address, 'timer')
  // What waits already when the clock jumps.
  const waiting = node.mailbox().receive({ timeout: waitMs }).catch(() => performance.now() - from)
  offsetMs += jumpMs
  const later = node.mailbox().receive({ timeout: waitMs }).catch(() => performance.now() - from)
  await box.receive()
  process.send({ tookMs: [performance.now() - from, await waiting, await later], lines })
})
process.send({ port: node.endpoint.port })
`

test('the wall clock goes forward an hour, back two, back ten seconds: no time-out is early or late, and no peer is lost', async () => {
  await using cluster = await TestCluster.make({ tls: true })
  const spec = async (name: string) => ({ ...(await cluster.spec(name)), tickTimeMs })
  await using child = await startNode({ source: program, args: [JSON.stringify({ name: b, cluster: await spec(b) })] })
  await child.expect((message: { port?: number }) => message.port !== undefined, deadlineMs)
  const friend = await cluster.start(a, { cluster: await spec(a), dialMembers: false })
  expect(await within(deadlineMs, friend.connect(b), 'a friend to get in')).toBe(true)
  const losses: string[] = []
  friend.onNodeDown((_, reason) => losses.push(reason))
  const from = performance.now()
  for (let n = 0; performance.now() - from < tickTimeMs * 1.25; n++) {
    child.send({ jumpMs: [3_600_000, -7_200_000, -10_000, 3_610_000][n % 4], waitMs })
    const { tookMs, lines } = await child.expect<Told>(
      (message: Partial<Told>) => message.tookMs !== undefined,
      deadlineMs,
    )
    // A busy machine is late by seconds, not by an hour; early is nobody. Node.js rounds to milliseconds.
    for (const took of tookMs) expect(took).toBeGreaterThan(waitMs - 2)
    for (const took of tookMs) expect(took).toBeLessThan(deadlineMs)
    expect(lines).toEqual([])
    expect(await friend.ping(b)).toBe(true)
  }
  expect(losses).toEqual([])
})
