/** Long messages in fragments beside others: what arrives in what order, who waits for whom, and what is left behind. */
import { describe, expect, test } from 'vitest'
import { Framer } from '../../src/dist/framer.js'
import { ReignError } from '../../src/errors.js'
import { defaultLimits, type Limits } from '../../src/limits.js'
import { nobody, Outbox } from '../../src/net/outbox.js'
import { remoteAddressOf } from '../../src/net/remote-address.js'
import { SlabPool, slabBytes } from '../../src/net/slab-pool.js'
import { seeded } from '../support/memory-network.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { MemoryStream } from './memory-transport.js'

const remote = remoteAddressOf('127.0.0.1', 1)
const controlBytes = 30

/** Counts what is taken and not given back. */
class CountingPool extends SlabPool {
  out = 0

  override take(): Uint8Array {
    this.out++
    return super.take()
  }

  override give(slab: Uint8Array): void {
    this.out--
    super.give(slab)
  }
}

function setUp(limits: Partial<Limits> = {}, fragments = true) {
  const clock = new VirtualClock()
  const [stream, far] = MemoryStream.pair({ remote }, { remote })
  const slabs = new CountingPool()
  let overloads = 0
  const broken: unknown[] = []
  const outbox = new Outbox(stream, {
    clock,
    limits: { ...defaultLimits, outboxSoftBytes: 1 << 30, outboxHardBytes: 1 << 30, ...limits },
    slabs,
    fragments,
    overload: () => overloads++,
    broken: (error) => broken.push(error),
  })
  stream.start({ data: () => {}, drain: () => outbox.streamDrained(), closed: () => {} })

  /** The numbers of the messages that have arrived whole, in that order; and the kinds of all frames. */
  const arrived: number[] = []
  const kinds: string[] = []
  const unfinished = new Map<string, { next: bigint; parts: Buffer[] }>()
  const take = (message: Buffer) => {
    const n = message.readUInt32BE(1)
    expect(message.length).toBe(1 + controlBytes + message.readUInt32BE(5))
    const payload = message.subarray(1 + controlBytes)
    if (!payload.equals(Buffer.alloc(payload.length, n & 255))) expect.fail(`message ${n} was altered`)
    arrived.push(n)
  }
  const framer = new Framer(4, 1 << 30)
  const read = (bytes: Uint8Array) =>
    framer.push(bytes, (from, start, end) => {
      const frame = Buffer.from(from.subarray(start, end))
      if (frame.length === 0) return kinds.push('tick')
      expect(frame[0]).toBe(131)
      if (frame[1] === 68) {
        kinds.push('whole')
        return take(frame.subarray(2))
      }
      const [id, fragment] = [frame.toString('hex', 2, 10), frame.readBigUInt64BE(10)]
      kinds.push(`part of ${Number(`0x${id}`)}`)
      if (frame[1] === 69) unfinished.set(id, { next: fragment, parts: [] })
      const message = unfinished.get(id)
      expect(message?.next).toBe(fragment)
      message?.parts.push(frame.subarray(18))
      if (message !== undefined) message.next--
      if (fragment > 1n) return
      take(Buffer.concat(message?.parts ?? []))
      unfinished.delete(id)
    })
  const listen = () => far.start({ data: read, drain: () => {}, closed: () => {} })

  let count = 0
  /** Sends a message with so many bytes of payload. */
  const send = (bytes: number, receiver?: object): boolean => {
    const n = count++
    const writer = outbox.begin()
    const head = Buffer.alloc(3 + controlBytes)
    head.set([131, 68, 0])
    head.writeUInt32BE(n, 3)
    head.writeUInt32BE(bytes, 7)
    writer.raw(head)
    writer.payloadAt = writer.length
    writer.bulk(new Uint8Array(bytes).fill(n & 255))
    return outbox.end(receiver)
  }
  return {
    clock,
    stream,
    far,
    outbox,
    slabs,
    arrived,
    kinds,
    unfinished,
    listen,
    send,
    overloads: () => overloads,
    broken,
  }
}

const long = 1_000_000
const [alice, bob, carol] = [{ name: 'alice' }, { name: 'bob' }, { name: 'carol' }]

test('a long message keeps one to another waiting for no more than a fragment', async () => {
  const { send, listen, kinds, arrived, clock } = setUp()
  send(long, alice)
  send(10, bob)
  listen()
  await clock.settle()
  expect(kinds.indexOf('whole')).toBeLessThanOrEqual(2)
  expect(kinds.filter((kind) => kind === 'part of 1')).toHaveLength(Math.ceil((long + 31) / (slabBytes - 22)))
  expect(arrived).toEqual([1, 0])
})

test('what follows it to the same receiver comes after it, be it short, long, or just too long for one frame', async () => {
  const { send, listen, arrived, clock } = setUp()
  const sizes = [long, 10, 3_000, slabBytes - 40, slabBytes, 2 * slabBytes, long, 0]
  for (const size of sizes) send(size, alice)
  listen()
  await clock.settle()
  send(5, alice)
  await clock.settle()
  expect(arrived).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
})

test('what may be for anybody overtakes nothing, and is not overtaken', async () => {
  const { send, listen, arrived, clock } = setUp()
  send(long, alice)
  send(long, bob)
  send(10, carol)
  send(10)
  send(10, carol)
  send(long)
  send(10, alice)
  listen()
  await clock.settle()
  expect(arrived.slice(-4)).toEqual([3, 4, 5, 6])
  expect(new Set(arrived.slice(0, 3))).toEqual(new Set([0, 1, 2]))
})

test('what is for nobody in particular waits for nobody', async () => {
  const { send, listen, arrived, kinds, clock, outbox } = setUp()
  send(long, alice)
  send(10, nobody)
  outbox.tick()
  listen()
  await clock.settle()
  expect(arrived).toEqual([1, 0])
  expect(kinds.indexOf('tick')).toBeLessThan(4)
})

test('long messages to several take turns, sixteen at a time', async () => {
  const { send, listen, arrived, kinds, clock, unfinished } = setUp()
  for (let n = 0; n < 40; n++) send(300_000, { n })
  let most = 0
  const timer = setInterval(() => {
    most = Math.max(most, unfinished.size)
  }, 0)
  listen()
  await clock.settle()
  clearInterval(timer)
  expect(arrived).toHaveLength(40)
  expect(kinds.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, n) => `part of ${n + 1}`))
  expect(most).toBeLessThanOrEqual(16)
})

test('without fragments everything leaves in one line', async () => {
  const { send, listen, arrived, kinds, clock } = setUp({}, false)
  send(long, alice)
  send(10, bob)
  send(10)
  listen()
  await clock.settle()
  expect(arrived).toEqual([0, 1, 2])
  expect(kinds).toEqual(['whole', 'whole', 'whole'])
})

test('whatever is sent to whom, whenever the stream takes it: order between two of one receiver holds, and nothing is lost', async () => {
  for (let seed = 1; seed <= 25; seed++) {
    const random = seeded(seed)
    const { send, listen, arrived, clock, outbox, slabs } = setUp()
    const receivers = [alice, bob, carol, { name: 'dave' }, undefined, nobody]
    const sent: (object | undefined)[] = []
    const total = 120
    for (let n = 0; n < total; n++) {
      const receiver = receivers[Math.floor(random() ** 2 * receivers.length)]
      const bytes = Math.floor(random() < 0.3 ? random() * 500_000 : random() * 5_000)
      sent.push(receiver)
      send(bytes, receiver)
      if (random() < 0.2) await clock.settle()
      if (n === 30) listen()
    }
    if (seed % 3 === 0) outbox.finish()
    await clock.settle()
    expect(arrived.toSorted((a, b) => a - b)).toEqual(Array.from({ length: total }, (_, n) => n))
    const at = new Map(arrived.map((n, index) => [n, index]))
    const overtaken: [number, number][] = []
    for (let later = 0; later < total; later++) {
      for (let earlier = 0; earlier < later; earlier++) {
        const [one, other] = [sent[earlier], sent[later]]
        const bound = one === other || one === undefined || other === undefined
        if (one === nobody || other === nobody || !bound) continue
        if ((at.get(earlier) as number) > (at.get(later) as number)) overtaken.push([earlier, later])
      }
    }
    expect(overtaken).toEqual([])
    expect(outbox.bytesWaiting).toBe(0)
    // The one that is written into, and those that the next write would find free.
    expect(slabs.out).toBeLessThanOrEqual(3)
  }
})

describe('large binaries', () => {
  const head = (n: number, bytes: number) => {
    const start = Buffer.alloc(3 + controlBytes)
    start.set([131, 68, 0])
    start.writeUInt32BE(n, 3)
    start.writeUInt32BE(bytes, 7)
    return start
  }

  /** Sends one message that is made of these. */
  function sendBinaries({ outbox }: ReturnType<typeof setUp>, binaries: Uint8Array[], receiver?: object): void {
    const writer = outbox.begin()
    const bytes = binaries.reduce((sum, { length }) => sum + length, 0)
    writer.raw(head(0, bytes))
    writer.payloadAt = writer.length
    for (const binary of binaries) writer.bulk(binary)
    outbox.end(receiver)
  }

  test.each([
    ['to one receiver', alice],
    ['to nobody in particular', nobody],
    ['that may be for anybody', undefined],
  ])('of a long message %s are not copied when they are sent', async (_, receiver) => {
    const parts = setUp()
    const large = new Uint8Array(20_000_000)
    sendBinaries(parts, [large], receiver)
    expect(parts.outbox.bytesWaiting).toBeGreaterThan(large.length)
    expect(parts.slabs.out).toBeLessThanOrEqual(3)
    parts.listen()
    await parts.clock.settle()
    expect([parts.arrived, parts.outbox.bytesWaiting]).toEqual([[0], 0])
  })

  test('that are smaller than that are, and go as they were when they were sent', async () => {
    const parts = setUp()
    const binaries = Array.from({ length: 10 }, () => new Uint8Array(200_000))
    sendBinaries(parts, binaries, alice)
    for (const binary of binaries) binary.fill(77)
    parts.listen()
    await parts.clock.settle()
    expect(parts.arrived).toEqual([0])
  })

  test('that are taken away before they have left end the connection: nothing follows, and it is said', async () => {
    const parts = setUp()
    const binary = new Uint8Array(3_000_000)
    sendBinaries(parts, [binary], alice)
    await parts.clock.settle()
    structuredClone(binary, { transfer: [binary.buffer] })
    parts.listen()
    await parts.clock.settle()
    expect(parts.broken).toEqual([expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' })])
    parts.send(10, bob)
    await parts.clock.settle()
    expect(parts.arrived).toEqual([])
  })
})

describe('with probes', () => {
  /** Probes are ticks here: empty frames, which are answered when they have arrived. */
  function setUpProbes() {
    const parts = setUp()
    let [asked, answered] = [0, 0]
    parts.outbox.probeWith(() => {
      asked++
      parts.outbox.begin()
      parts.outbox.end(nobody)
    })
    const answer = () => {
      const arrived = parts.kinds.filter((kind) => kind === 'tick').length
      for (; answered < arrived; answered++) parts.outbox.answered()
    }
    return { ...parts, answer, asked: () => asked }
  }

  test('a long message beside others goes on as it is read, and arrives', async () => {
    const { send, listen, arrived, kinds, clock, answer, asked } = setUpProbes()
    listen()
    send(20_000_000, alice)
    const seen: number[] = []
    for (let n = 0; n < 200 && arrived.at(-1) !== 0; n++) {
      send(10, bob)
      await clock.settle()
      seen.push(kinds.length)
      answer()
      await clock.settle()
    }
    expect(arrived).toContain(0)
    expect(asked()).toBeGreaterThan(20_000_000 / (512 * 1024))
    // It did not leave in one go.
    expect(new Set(seen).size).toBeGreaterThan(3)
  })

  test('what waits for an answer leaves when the connection is closed in an orderly way', async () => {
    const { send, listen, arrived, clock, outbox } = setUpProbes()
    listen()
    send(20_000_000, alice)
    send(10, bob)
    await clock.settle()
    expect(arrived).toEqual([1])
    outbox.finish()
    await clock.settle()
    expect(arrived).toEqual([1, 0])
  })
})

describe('room', () => {
  test('the sender of a long message is told to pause; who sends to others is not', async () => {
    const { send, outbox, listen, clock } = setUp({ outboxSoftBytes: 200_000 })
    expect(send(long, alice)).toBe(false)
    expect(send(10, bob)).toBe(true)
    expect(send(10, alice)).toBe(false)
    const free: string[] = []
    void outbox.drained(bob).then(() => free.push('bob'))
    void outbox.drained(alice).then(() => free.push('alice'))
    void outbox.drained().then(() => free.push('anybody'))
    await clock.settle()
    expect(free).toEqual(['bob'])
    listen()
    await clock.settle()
    expect(free.toSorted()).toEqual(['alice', 'anybody', 'bob'])
    expect(send(10, alice)).toBe(true)
  })

  test('all lanes count for the hard limit', async () => {
    const { send, overloads, outbox, clock, slabs } = setUp({ outboxSoftBytes: 100_000, outboxHardBytes: 2_500_000 })
    for (const receiver of [alice, bob]) send(long, receiver)
    expect(overloads()).toBe(0)
    expect(send(long, carol)).toBe(false)
    await clock.settle()
    expect(overloads()).toBe(1)
    expect(outbox.bytesWaiting).toBeLessThan(2 * slabBytes)
    expect(slabs.out).toBeLessThanOrEqual(2)
  })

  test('a connection that is lost keeps nothing of them', async () => {
    const { send, outbox, clock, slabs } = setUp()
    send(long, alice)
    send(10, alice)
    await clock.settle()
    outbox.lose(new ReignError('ERR_REIGN_CONNECTION_LOST', 'gone'))
    expect(slabs.out).toBeLessThanOrEqual(1)
  })
})
