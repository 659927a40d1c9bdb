/** Strangers at the door of a node in an OS process of its own, over mutual TLS: very many, and those with a wrong cookie. */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import type { Limits } from '../../src/limits.js'
import { sees, TestCluster, type TestNode } from '../cluster/cluster-kit.js'
import { type ChildNode, startNode } from '../support/child-node.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

const program = `
import { Node } from 'reign'
const { name, cluster, limits } = JSON.parse(process.argv[2])
const lines = []
const keep = (fields, message) => lines.push({ ...fields, message })
const logger = { error: keep, warn: keep, info: () => {}, debug: () => {}, trace: () => {} }
const node = await Node.start(name, { cluster, limits, logger })
process.on('message', () => process.send({ lines }))
process.send({ port: node.endpoint.port })
`

let cluster: TestCluster
let child: ChildNode
let port: number
const sockets = new Set<Socket>()
afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
  await child?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

async function start(limits: Partial<Limits> = {}): Promise<void> {
  cluster = await TestCluster.make({ tls: true })
  child = await startNode({
    source: program,
    args: [JSON.stringify({ name: b, cluster: await cluster.spec(b), limits })],
  })
  port = (await child.expect((message: { port?: number }) => message.port !== undefined, deadlineMs)).port as number
}

async function lines(): Promise<{ message: string; code?: string }[]> {
  child.send({})
  return (await child.expect((message: { lines?: [] }) => message.lines !== undefined, deadlineMs)).lines as never
}

/** Kilobytes of memory that the node has. */
function residentKb(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.process.pid}/status`, 'utf8'))?.[1])
}

/** Opens so many connections, and says nothing on them. */
async function crowd(count: number): Promise<void> {
  for (let open = 0; open < count; ) {
    const more = Math.min(200, count - open)
    await within(deadlineMs, Promise.all(Array.from({ length: more }, stranger)), 'connections')
    open += more
  }
}

function stranger(): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', resolve)
    sockets.add(socket)
    socket.on('error', reject)
    socket.on('close', () => sockets.delete(socket))
    socket.resume()
  })
}

async function friendJoins(): Promise<TestNode> {
  const node = await cluster.start(a)
  expect(await within(deadlineMs, node.connect(b), 'a friend to get in')).toBe(true)
  expect(await node.ping(b)).toBe(true)
  return node
}

describe('strangers who connect and say nothing', () => {
  test('ten thousand of them cost at most 12 KiB each, and a friend gets in meanwhile', async () => {
    const count = 10_000
    // Longer than seven seconds: on a busy machine the first would be gone before the last are there.
    await start({ pendingConnectionsMax: count, handshakeMs: 120_000 })
    const before = residentKb()
    await crowd(count)
    expect(sockets.size).toBe(count)
    expect((residentKb() - before) / count).toBeLessThan(12)
    await friendJoins()
    // One of them has given way to the friend, and the others have not.
    await eventually(() => sockets.size === count - 1, deadlineMs, 'one to give way')
    expect((await lines()).length).toBeLessThan(20)
  })

  test('where there are more than there may be, the oldest give way, a friend gets in, and all are cut off in the end', async () => {
    // Long enough for the friend to come while they are there.
    await start({ handshakeMs: 12_000 })
    await crowd(3_000)
    await eventually(() => sockets.size <= 1_024, deadlineMs, 'the rest to be cut off')
    const node = await cluster.start(a)
    const among = sockets.size
    expect(await within(deadlineMs, node.connect(b), 'a friend to get in')).toBe(true)
    expect(among).toBeGreaterThan(0)
    await eventually(() => sockets.size === 0, deadlineMs, 'all to be cut off')
    await sees(node, b)
    const told = await lines()
    expect(told[0]).toMatchObject({ message: 'refused a connection', code: 'ERR_REIGN_OVERLOAD' })
    expect(told.length).toBeLessThan(20)
  })
})

describe('a member with another cookie', () => {
  test.each([
    ['of the same length', 'a-cookie-of-the-tests-alonf'],
    ['that is longer', 'a-cookie-of-the-tests-alone-'],
    ['that is the beginning of ours', 'a'],
    ['that is another', 'x'.repeat(255)],
  ])('%s is refused at once, and the others notice nothing', async (_, cookie) => {
    const limits = { handshakeMs: 120_000 }
    await start(limits)
    const friend = await friendJoins()
    const spec = { ...(await cluster.spec('c@127.0.0.1')), cookie, weakCookie: true }
    const other = await cluster.start('c@127.0.0.1', { cluster: spec, limits })
    const from = performance.now()
    expect(await within(deadlineMs, other.connect(b), 'an answer')).toBe(false)
    // And not when the time of the handshake is over.
    expect(performance.now() - from).toBeLessThan(limits.handshakeMs / 2)
    expect(await lines()).toMatchObject([{ message: 'refused a connection', code: 'ERR_REIGN_COOKIE' }])
    expect(friend.nodes()).toEqual([b])
    expect(await friend.ping(b)).toBe(true)
  })

  test('that is empty does not even start', async () => {
    cluster = await TestCluster.make({ tls: true })
    const spec = { ...(await cluster.spec(a)), cookie: '', weakCookie: true }
    await expect(cluster.start(a, { cluster: spec })).rejects.toMatchObject({ code: 'ERR_REIGN_CLUSTER_SPEC' })
  })
})
