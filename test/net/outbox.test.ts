import { describe, expect, test } from 'vitest'
import { Framer } from '../../src/dist/framer.js'
import { ReignError } from '../../src/errors.js'
import { defaultLimits, type Limits } from '../../src/limits.js'
import { Outbox } from '../../src/net/outbox.js'
import { remoteAddressOf } from '../../src/net/remote-address.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { MemoryStream } from './memory-transport.js'

const remote = remoteAddressOf('127.0.0.1', 1)

function setUp(limits: Partial<Limits> = {}) {
  const clock = new VirtualClock({ turns: 'by hand' })
  const [stream, far] = MemoryStream.pair({ remote }, { remote })
  let overloads = 0
  const parts = { clock, limits: { ...defaultLimits, ...limits } }
  const broken = () => expect.unreachable()
  const outbox = new Outbox(stream, { ...parts, overload: () => overloads++, broken })
  const frames: string[] = []
  const framer = new Framer(4, 1 << 30)
  const read = () => {
    far.start({
      data: (bytes) =>
        framer.push(bytes, (from, start, end) => frames.push(Buffer.from(from.slice(start, end)).toString())),
      drain: () => {},
      closed: () => {},
    })
  }
  stream.start({ data: () => {}, drain: () => outbox.streamDrained(), closed: () => {} })
  const send = (text: string | number) => {
    outbox.begin().raw(typeof text === 'number' ? new Uint8Array(text) : Buffer.from(text))
    return outbox.end()
  }
  return { clock, stream, far, outbox, frames, read, send, overloads: () => overloads }
}

/** A text with its runs counted: `3a`, for texts that are long. */
const brief = (text: string) => text.replaceAll(/(.)\1{9,}/gs, (run) => `(${run.length}${run[0]})`)

const microtasks = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('flushing', () => {
  test('the first frame after a pause leaves in a microtask', async () => {
    const { send, stream } = setUp()
    send('a')
    expect(stream.writes).toEqual([])
    await Promise.resolve()
    expect(stream.writes.map(String)).toEqual(['\0\0\0\x01a'])
  })

  test('frames sent together leave in one write', async () => {
    const { send, stream, frames, read } = setUp()
    read()
    for (let index = 0; index < 1_000; index++) send(`frame ${index}`)
    await microtasks()
    expect(stream.writes).toHaveLength(1)
    expect(frames).toHaveLength(1_000)
    expect(frames[999]).toBe('frame 999')
  })

  test('those sent later in the same turn leave together, in the next', async () => {
    const { send, stream, clock } = setUp()
    send('a')
    await microtasks()
    for (const text of ['b', 'c', 'd']) {
      send(text)
      await microtasks() // microtasks run, but the turn is not over
    }
    expect(stream.writes).toHaveLength(1)
    clock.turn()
    expect(stream.writes.map(String)).toEqual(['\0\0\0\x01a', '\0\0\0\x01b\0\0\0\x01c\0\0\0\x01d'])
  })

  test('after a turn without frames the next one leaves in a microtask again', async () => {
    const { send, stream, clock } = setUp()
    send('a')
    await microtasks()
    send('b')
    clock.turn() // b leaves; there was traffic
    send('c')
    await microtasks()
    expect(stream.writes).toHaveLength(2)
    clock.turn() // c leaves
    clock.turn() // nothing
    expect(clock.turnsPending).toBe(0)
    send('d')
    await microtasks()
    expect(stream.writes.map((each) => each.subarray(4).toString())).toEqual(['a', 'b', 'c', 'd'])
  })

  test('flush hands over at once what waits', () => {
    const { send, stream, outbox } = setUp()
    send('a')
    outbox.flush()
    expect(stream.writes).toHaveLength(1)
    outbox.flush()
    expect(stream.writes).toHaveLength(1)
  })
})

describe('slabs', () => {
  test('what was handed over is never written over while it waits', async () => {
    const { send, outbox, frames, read, clock } = setUp({ outboxSoftBytes: 1 << 30, outboxHardBytes: 1 << 30 })
    const texts = Array.from({ length: 500 }, (_, index) => `${index} ${'x'.repeat((index * 37) % 3_000)}`)
    for (const [index, text] of texts.entries()) {
      send(text)
      if (index % 3 === 1) await clock.settle()
    }
    await clock.settle()
    expect(outbox.bytesWaiting).toBeGreaterThan(500_000)
    read()
    await clock.settle()
    expect(frames).toEqual(texts)
  })

  test('what was written is right when every frame is taken at once, and slabs are used again', async () => {
    const { send, frames, read, clock } = setUp()
    read()
    const texts = Array.from({ length: 2_000 }, (_, index) => `${index} ${'y'.repeat((index * 131) % 500)}`)
    for (const [index, text] of texts.entries()) {
      send(text)
      if (index % 7 === 0) await clock.settle()
    }
    await clock.settle()
    expect(frames).toEqual(texts)
  })

  test('a frame that is longer than a slab goes through, between others', async () => {
    const { send, frames, read, clock } = setUp()
    read()
    const texts = ['small', 'L'.repeat(300_000), 'small again', 'M'.repeat(70_000), 'end']
    for (const text of texts) send(text)
    await clock.settle()
    expect(frames).toEqual(texts)
    send('and on')
    await clock.settle()
    expect(frames.at(-1)).toBe('and on')
  })
})

describe('large binaries', () => {
  const large = (bytes: number, of: number) => new Uint8Array(bytes).fill(of)

  test('are sent as they were when they were sent, whatever their sender does with them then', async () => {
    const { outbox, send, frames, read, clock } = setUp()
    const bytes = large(300_000, 0x61)
    send('before')
    const writer = outbox.begin()
    writer.raw(Buffer.from('<'))
    writer.bulk(bytes)
    writer.raw(Buffer.from('|'))
    writer.bulk(large(9_000, 0x62))
    writer.raw(Buffer.from('>'))
    outbox.end()
    bytes.fill(0x7a)
    send('after')
    read()
    await clock.settle()
    expect(frames.map(brief)).toEqual(['before', `<${'a'.repeat(300_000)}|${'b'.repeat(9_000)}>`, 'after'].map(brief))
  })

  test('of every size, wherever they fall in a slab', async () => {
    const { outbox, send, frames, read, clock } = setUp({ outboxSoftBytes: 1 << 30, outboxHardBytes: 1 << 30 })
    const sent: string[] = []
    for (let at = 0; at < 60; at++) {
      const [head, body] = [`${at} ${'h'.repeat((at * 997) % 5_000)}`, (at * 7_919) % 150_000]
      const writer = outbox.begin()
      writer.raw(Buffer.from(head))
      writer.bulk(large(body, 0x62))
      writer.raw(Buffer.from('e'))
      outbox.end()
      send('s')
      sent.push(`${head}${'b'.repeat(body)}e`, 's')
      if (at % 7 === 0) await clock.settle()
      if (at === 30) read()
    }
    await clock.settle()
    expect(frames.map(brief)).toEqual(sent.map(brief))
  })

  test('count for the limit before they are copied', async () => {
    const { outbox, send, frames, read, clock } = setUp({ frameBytesMax: 1_000_000 })
    const writer = outbox.begin()
    for (let count = 0; count < 3; count++) writer.bulk(large(300_000, 0x61))
    expect(() => writer.bulk(large(300_000, 0x61))).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_TERM_TOO_LARGE', message: expect.stringContaining('1000004 bytes') }),
    )
    outbox.abort()
    send('fine')
    read()
    await clock.settle()
    expect(frames).toEqual(['fine'])
  })

  test('that are taken away while they are being sent are refused, and the stream is as if nothing had been', async () => {
    const { outbox, send, frames, read, clock } = setUp()
    const bytes = large(100_000, 0x61)
    const writer = outbox.begin()
    writer.bulk(bytes)
    structuredClone(bytes, { transfer: [bytes.buffer] })
    expect(() => outbox.end()).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    send('fine')
    read()
    await clock.settle()
    expect(frames).toEqual(['fine'])
  })
})

describe('a frame that is taken back', () => {
  test('leaves no trace', async () => {
    const { send, outbox, frames, read, clock } = setUp()
    read()
    send('before')
    outbox.begin().raw(Buffer.from('half of'))
    outbox.abort()
    outbox.abort() // once is enough, twice does no harm
    send('after')
    await clock.settle()
    expect(frames).toEqual(['before', 'after'])
  })

  test('also when it was too large to be written', async () => {
    const { outbox, frames, read, send, clock } = setUp({ frameBytesMax: 1_000 })
    read()
    const writer = outbox.begin()
    expect(() => writer.raw(new Uint8Array(200_000))).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_TERM_TOO_LARGE' }),
    )
    outbox.abort()
    send('fine')
    await clock.settle()
    expect(frames).toEqual(['fine'])
  })

  test('one byte above the limit is refused at the sender, and nothing is sent', async () => {
    const { send, frames, read, clock } = setUp({ frameBytesMax: 1_000 })
    read()
    expect(send('x'.repeat(1_000))).toBe(true)
    expect(() => send('x'.repeat(1_001))).toThrow(expect.objectContaining({ code: 'ERR_REIGN_FRAME_TOO_LARGE' }))
    send('next')
    await clock.settle()
    expect(frames.map((frame) => frame.length)).toEqual([1_000, 4])
  })

  test('a value that sends something while it is being sent is told not to', () => {
    const { outbox } = setUp()
    outbox.begin()
    expect(() => outbox.begin()).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    expect(outbox.end()).toBe(true)
  })
})

describe('bounds', () => {
  const soft = 10_000
  const hard = 50_000

  test('above the soft limit senders are told to pause, and woken when there is room', async () => {
    const { send, outbox, read, clock } = setUp({ outboxSoftBytes: soft })
    const answers = Array.from({ length: 12 }, () => send('x'.repeat(996)))
    expect(answers).toEqual([...Array(10).fill(true), false, false])
    let drained = false
    const waiting = outbox.drained().then(() => (drained = true))
    await clock.settle()
    // Handed to the stream, which nobody reads: that counts as well.
    expect(outbox.bytesWaiting).toBe(12_000)
    expect([drained, send('more')]).toEqual([false, false])
    read()
    await waiting
    expect(send('again')).toBe(true)
    await outbox.drained() // at once
  })

  test('senders that were told to pause go on once a turn, also when all that they send is taken at once', async () => {
    // More than a slab: what is full leaves at once, and not with the turn.
    const { send, outbox, stream, clock } = setUp({ outboxSoftBytes: 20 * soft })
    stream.write = () => {
      queueMicrotask(() => outbox.streamDrained())
      return false
    }
    let rounds = 0
    const sender = async () => {
      for (; rounds < 1_000; rounds++) {
        while (send('x'.repeat(996)));
        await outbox.drained()
      }
    }
    const sent = sender()
    const turnsMax = 20
    for (let turns = 0; turns < turnsMax; turns++) {
      await microtasks()
      expect(rounds).toBeLessThanOrEqual(turns + 1)
      clock.turn()
    }
    expect(rounds).toBeGreaterThanOrEqual(turnsMax / 2)
    rounds = 1_000
    await microtasks()
    clock.turn()
    await sent
  })

  test('above the hard limit the connection is given up, not on the stack of the sender', async () => {
    const { send, outbox, overloads, clock } = setUp({ outboxSoftBytes: soft, outboxHardBytes: hard })
    const waiting = Array.from({ length: 11 }, () => send('x'.repeat(996))) && outbox.drained()
    let sent = 11_000
    while (overloads() === 0 && sent < 2 * hard) {
      expect(send('x'.repeat(996))).toBe(false)
      expect(overloads()).toBe(0)
      sent += 1_000
      await Promise.resolve()
    }
    expect(overloads()).toBe(1)
    expect(sent).toBe(hard + 1_000)
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_REIGN_CONNECTION_LOST' })
    expect(send('late')).toBe(false)
    await clock.settle()
    expect(overloads()).toBe(1)
  })

  test('one large frame alone is never too much', async () => {
    const { send, overloads, clock } = setUp({ outboxSoftBytes: soft, outboxHardBytes: hard })
    expect(send(2 * hard)).toBe(false)
    await clock.settle()
    expect(overloads()).toBe(0)
    // But a second one behind it is.
    expect(send(hard)).toBe(false)
    await clock.settle()
    expect(overloads()).toBe(1)
  })

  test('while nothing is wrong there are no rejections', async () => {
    const { outbox } = setUp()
    await expect(outbox.drained()).resolves.toBeUndefined()
  })
})

describe('ticks', () => {
  test('are empty frames, and do not count as written', async () => {
    const { outbox, send, frames, read, clock } = setUp()
    read()
    outbox.tick()
    await clock.settle()
    expect([frames, outbox.bytesWritten]).toEqual([[''], 0])
    send('abc')
    outbox.tick()
    await clock.settle()
    expect([frames, outbox.bytesWritten]).toEqual([['', 'abc', ''], 7])
  })

  test('are not put inside a frame', () => {
    const { outbox } = setUp()
    const writer = outbox.begin()
    const { length } = writer
    outbox.tick()
    expect(writer.length).toBe(length)
  })
})

test('after the loss nothing is taken, nothing is kept, and nothing throws', async () => {
  const { outbox, send, stream, clock } = setUp()
  send('a')
  outbox.begin().raw(Buffer.from('open when it was lost'))
  outbox.lose(new ReignError('ERR_REIGN_CONNECTION_LOST', 'gone'))
  expect(outbox.end()).toBe(false)
  for (let index = 0; index < 1_000; index++) expect(send('x'.repeat(1_000))).toBe(false)
  outbox.tick()
  outbox.flush()
  await clock.settle()
  expect(stream.writes).toEqual([])
  expect(outbox.bytesWaiting).toBe(0)
  await expect(outbox.drained()).rejects.toMatchObject({ code: 'ERR_REIGN_CONNECTION_LOST', message: 'gone' })
})

test('what had been handed over goes out as it was, whatever is sent after the loss', async () => {
  const { outbox, send, frames, read, clock } = setUp()
  send('first')
  outbox.flush()
  const writer = outbox.begin()
  writer.raw(Buffer.from('open'))
  outbox.lose(new ReignError('ERR_REIGN_CONNECTION_LOST', 'gone'))
  writer.raw(Buffer.from('when it was lost'))
  outbox.end()
  for (const text of ['XXXXXXXXXXXX', 'YYYYYYYYYYYY'.repeat(1_000)]) send(text)
  read()
  await clock.settle()
  expect(frames).toEqual(['first'])
})
