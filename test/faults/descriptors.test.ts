/** A node in an OS process of its own that has no file descriptors left: strangers have taken them all. */
import { execFileSync } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { TestCluster } from '../cluster/cluster-kit.js'
import { startNode } from '../support/child-node.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'

const [a, b, c, d] = ['a@127.0.0.1', 'b@127.0.0.1', 'c@127.0.0.1', 'd@127.0.0.1'] as const

const program = `
import { Node } from 'reign'
const { name, cluster, limits } = JSON.parse(process.argv[2])
const lines = []
const keep = (fields, message) => lines.push({ ...fields, message })
const logger = { error: keep, warn: keep, info: () => {}, debug: () => {}, trace: () => {} }
const node = await Node.start(name, { cluster, limits, logger })
process.on('message', async ({ dial }) => {
  if (dial === undefined) {
    const { user, system } = process.cpuUsage()
    process.send({ lines, cpuMs: (user + system) / 1_000 })
  } else process.send({ dialled: await node.connect(dial) })
})
process.send({ port: node.endpoint.port })
`

const sockets = new Set<Socket>()
afterEach(() => {
  for (const socket of sockets) socket.destroy()
  sockets.clear()
})

test('a node without descriptors keeps its connections, rests, and lets others in again when it has some', async () => {
  await using cluster = await TestCluster.make({ tls: true })
  // Strangers stay for as long as they like here: they are to go when the test says so.
  const limits = { handshakeMs: 120_000, pendingConnectionsMax: 10_000 }
  await using child = await startNode({
    source: program,
    args: [JSON.stringify({ name: b, cluster: await cluster.spec(b), limits })],
  })
  const { port } = await child.expect((message: { port?: number }) => message.port !== undefined, deadlineMs)
  const state = () => {
    child.send({})
    type State = { lines: { message: string }[]; cpuMs: number }
    return child.expect<State>((message: Partial<State>) => message.lines !== undefined, deadlineMs)
  }
  // To load a program takes more of them than it has afterwards.
  execFileSync('prlimit', ['--pid', String(child.process.pid), '--nofile=64'])
  const friend = await cluster.start(a, { limits })
  expect(await within(deadlineMs, friend.connect(b), 'a friend to get in')).toBe(true)

  // Such as are not accepted are closed at once; the others stay.
  let over = 0
  for (let n = 0; n < 200; n++) {
    const socket = connect(Number(port), '127.0.0.1')
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => over++)
    socket.resume()
  }
  await eventually(() => over > 100, deadlineMs, 'most of the strangers to be closed')
  expect(over).toBeLessThan(200)

  // It can neither be joined nor dial, and says so to whoever wants it.
  const late = await cluster.start(c, { limits })
  expect(await within(deadlineMs, late.connect(b), 'a refusal')).toBe(false)
  await cluster.start(d, { limits })
  child.send({ dial: d })
  expect(await child.expect((message: { dialled?: boolean }) => message.dialled !== undefined, deadlineMs)).toEqual({
    dialled: false,
  })
  // What there is goes on, and nothing spins.
  const before = await state()
  const from = performance.now()
  expect(await friend.ping(b)).toBe(true)
  await new Promise((resolve) => setTimeout(resolve, 1_000))
  expect(await friend.ping(b)).toBe(true)
  const after = await state()
  expect((after.cpuMs - before.cpuMs) / (performance.now() - from)).toBeLessThan(0.5)
  expect(after.lines.length).toBeLessThan(20)

  for (const socket of sockets) socket.destroy()
  const joins = async () => (await late.connect(b)) && (await late.ping(b))
  await eventually(joins, deadlineMs, 'the one that came too late to get in')
  expect(friend.nodes()).toContain(b)
})
