import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { ChaosProxy, type Conditions } from './chaos-proxy.js'
import { deadlineMs, eventually, within } from './deadline.js'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

/** One end of a connection, with what came of it. */
class End {
  readonly socket: Socket
  readonly chunks: Buffer[] = []
  ended = false
  error: NodeJS.ErrnoException | undefined
  closed = false

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.chunks.push(chunk))
    socket.on('end', () => (this.ended = true))
    socket.on('error', (error) => (this.error = error))
    socket.on('close', () => (this.closed = true))
    cleanups.push(() => socket.destroy())
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }

  has(count: number): Promise<boolean> {
    return eventually(() => this.bytes.length >= count, deadlineMs, `${count} bytes`)
  }
}

/** A proxy, and a connection through it: who dialled, and who was dialled. */
async function linked(conditions: Conditions = {}, seed = 1): Promise<{ proxy: ChaosProxy; near: End; far: End }> {
  const server = createServer({ allowHalfOpen: true })
  const came = once(server, 'connection')
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  cleanups.push(() => server.close())
  const { port } = server.address() as AddressInfo
  const proxy = await ChaosProxy.start({ target: { host: '127.0.0.1', port }, seed, conditions })
  cleanups.push(() => proxy[Symbol.asyncDispose]())
  const near = new End(connect({ ...proxy.endpoint, allowHalfOpen: true }))
  const [socket] = await within(deadlineMs, came, 'the connection')
  return { proxy, near, far: new End(socket as Socket) }
}

const megabyte = randomBytes(1_048_576)

test('without conditions all passes unchanged, both ways, and so do the ends, each of its direction alone', async () => {
  const { proxy, near, far } = await linked()
  for (let n = 0; n < 8; n++) near.socket.write(megabyte)
  near.socket.end()
  await eventually(() => far.ended, deadlineMs)
  expect(far.bytes.equals(Buffer.concat(Array(8).fill(megabyte)))).toBe(true)
  expect(near.ended).toBe(false)
  far.socket.end(megabyte)
  await eventually(() => near.ended, deadlineMs)
  expect(near.bytes.equals(megabyte)).toBe(true)
  await eventually(() => proxy.links === 0, deadlineMs)
})

test.each<[string, Conditions]>([
  ['one by one', { pieceBytes: 1 }],
  ['a thousand at a time', { pieceBytes: 1_000 }],
  ['gathered', { gatherBytes: 1_048_576 }],
  ['late, each by its own time', { delayMs: 20, jitterMs: 20 }],
  ['in pieces that come late', { pieceBytes: 700, delayMs: 5, jitterMs: 5 }],
])('bytes come %s: all of them, in order', async (_, conditions) => {
  const { near, far } = await linked(conditions)
  const bytes = megabyte.subarray(0, conditions.pieceBytes === 1 ? 5_000 : undefined)
  for (let at = 0; at < bytes.length; at += 777) near.socket.write(bytes.subarray(at, at + 777))
  near.socket.end()
  await eventually(() => far.ended, deadlineMs)
  expect(far.bytes.equals(bytes)).toBe(true)
})

test('what is gathered comes as one', async () => {
  const { near, far } = await linked({ gatherBytes: 100 })
  // A turn between each two: without the proxy they come one by one.
  for (let n = 0; n < 10; n++) {
    near.socket.write(Buffer.alloc(10, n))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await far.has(100)
  expect(far.chunks).toHaveLength(1)
})

test('a delay is never shorter than it should be', async () => {
  const { near, far } = await linked({ delayMs: 100 })
  const from = performance.now()
  near.socket.write('x')
  await far.has(1)
  far.socket.write('y')
  await near.has(1)
  expect(performance.now() - from).toBeGreaterThan(195)
})

test('a slow line takes its time', async () => {
  const { near, far } = await linked({ bytesPerSecond: 1_000_000 })
  const from = performance.now()
  near.socket.write(megabyte.subarray(0, 300_000))
  await far.has(300_000)
  expect(performance.now() - from).toBeGreaterThan(270)
})

test('a sender is slowed down when its bytes do not pass', async () => {
  const { proxy, near, far } = await linked({ passes: 'later' })
  // The kernel has buffers of its own, which may take some megabytes.
  for (let n = 0; n < 24; n++) near.socket.write(megabyte)
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(near.socket.writableLength).toBeGreaterThan(0)
  expect(far.bytes.length).toBe(0)
  proxy.heal()
  await far.has(24 * megabyte.length)
})

test('what waits passes when it is healed, ends too', async () => {
  const { proxy, near, far } = await linked()
  proxy.impair({ passes: 'later' })
  near.socket.end('late')
  far.socket.write('also late')
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect([near.bytes.length, far.bytes.length, far.ended]).toEqual([0, 0, false])
  proxy.heal()
  await eventually(() => far.ended, deadlineMs)
  expect(String(far.bytes)).toBe('late')
  await near.has(9)
})

test('a cable that is pulled in one direction lets the other pass, and neither side hears of what is lost, nor of an end', async () => {
  const { proxy, near, far } = await linked()
  proxy.impair({ passes: 'nothing' }, 'there')
  near.socket.write('lost')
  far.socket.write('not lost')
  await near.has(8)
  near.socket.destroy()
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect([far.bytes.length, far.ended, far.closed]).toEqual([0, false, false])
  proxy.heal()
  // Back again, it finds that nobody is there any more.
  await eventually(() => far.closed, deadlineMs)
  expect(far.error?.code).toBe('ECONNRESET')
})

test('a reset is seen by both sides', async () => {
  const { proxy, near, far } = await linked()
  near.socket.write('x')
  await far.has(1)
  proxy.reset()
  await eventually(() => near.closed && far.closed, deadlineMs)
  expect([near.error?.code, far.error?.code]).toEqual(['ECONNRESET', 'ECONNRESET'])
  expect(proxy.links).toBe(0)
})

test('a reset of one side reaches the other', async () => {
  const { near, far } = await linked()
  near.socket.write('x')
  await far.has(1)
  near.socket.resetAndDestroy()
  await eventually(() => far.closed, deadlineMs)
  expect(far.error?.code).toBe('ECONNRESET')
})

test('who refuses, resets; and so does one that leads nowhere', async () => {
  const { proxy } = await linked()
  proxy.refusing = true
  const refused = new End(connect(proxy.endpoint))
  await eventually(() => refused.closed, deadlineMs)
  expect(refused.error?.code).toBe('ECONNRESET')
  proxy.heal()
  proxy.target = undefined
  const lost = new End(connect(proxy.endpoint))
  await eventually(() => lost.closed, deadlineMs)
  expect(lost.error?.code).toBe('ECONNRESET')
  expect(proxy.accepted).toBe(3)
})
