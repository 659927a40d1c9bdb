import { describe, expect, test } from 'vitest'
import { Framer } from '../../src/dist/framer.js'
import type { Pieces } from '../../src/dist/pieces.js'
import { seeded } from '../support/memory-network.js'
import { spentMs } from '../support/quickest.js'

function frameOf(body: string, lengthBytes: 2 | 4 = 4): Buffer {
  const bytes = Buffer.alloc(lengthBytes + body.length)
  bytes.writeUIntBE(body.length, 0, lengthBytes)
  bytes.write(body, lengthBytes, 'latin1')
  return bytes
}

function prefixOf(length: number): Buffer {
  const prefix = Buffer.alloc(4)
  prefix.writeUInt32BE(length)
  return prefix
}

/** Pushes the pieces; gives the frames, each copied as the contract asks. */
function framesOf(pieces: Iterable<Uint8Array>, framer = new Framer(4, 1_000_000)): string[] {
  const frames: string[] = []
  for (const piece of pieces) {
    framer.push(piece, (bytes, start, end) => frames.push(Buffer.from(bytes.slice(start, end)).toString('latin1')))
  }
  return frames
}

const bodies = ['p first', '', 'x', `long ${'y'.repeat(300)}`, '', 'last']
const stream = Buffer.concat(bodies.map((body) => frameOf(body)))

test('frames and ticks that come in one chunk', () => {
  expect(framesOf([stream])).toEqual(bodies)
})

test('split in two at every byte', () => {
  for (let at = 0; at <= stream.length; at++) {
    expect(framesOf([stream.subarray(0, at), stream.subarray(at)])).toEqual(bodies)
  }
})

test('split in three at every pair of bytes near the borders of frames', () => {
  const short = Buffer.concat(['ab', '', 'c'].map((body) => frameOf(body)))
  for (let one = 0; one <= short.length; one++) {
    for (let two = one; two <= short.length; two++) {
      expect(framesOf([short.subarray(0, one), short.subarray(one, two), short.subarray(two)])).toEqual(['ab', '', 'c'])
    }
  }
})

test('byte by byte', () => {
  expect(framesOf(Array.from(stream, (byte) => Uint8Array.of(byte)))).toEqual(bodies)
})

test('a mebibyte of frames in one chunk', () => {
  const many = Buffer.concat(Array.from({ length: 10_000 }, (_, index) => frameOf(`${index}`.padEnd(100))))
  const frames = framesOf([many])
  expect(frames).toHaveLength(10_000)
  expect(frames[9_999]?.trim()).toBe('9999')
})

test('a frame inside one chunk is handed up where it lies, without a copy', () => {
  const seen: [Uint8Array, number, number][] = []
  new Framer(4, 100).push(stream.subarray(0, 12), (...frame) => seen.push(frame))
  expect(seen).toHaveLength(1)
  expect(seen[0]?.[0].buffer).toBe(stream.buffer)
  expect(seen[0]?.slice(1)).toEqual([4, 11])
})

test('two-byte prefixes, then four-byte ones from the same chunk on', () => {
  for (const at of [0, 1, 5, 7, 8, 9, 10, 11, 12, 16]) {
    const framer = new Framer(2, 1_024)
    const bytes = Buffer.concat([frameOf('name', 2), frameOf('', 2), frameOf('frame', 4), frameOf('', 4)])
    const frames: string[] = []
    for (const piece of [bytes.subarray(0, at), bytes.subarray(at)]) {
      framer.push(piece, (from, start, end) => {
        frames.push(Buffer.from(from.slice(start, end)).toString())
        if (frames.length === 2) framer.switchTo(4, 1_000)
      })
    }
    expect(frames).toEqual(['name', '', 'frame', ''])
  }
})

describe('bounds', () => {
  test.each([0xffff_ffff, 0x8000_0000, 65_537])(
    'an announcement of %s bytes is refused before anything is kept',
    (length) => {
      const framer = new Framer(4, 65_536)
      const prefix = Buffer.alloc(4)
      prefix.writeUInt32BE(length)
      for (const pieces of [
        [prefix],
        [prefix.subarray(0, 1), prefix.subarray(1)],
        [prefix.subarray(0, 3), prefix.subarray(3)],
      ]) {
        expect(() => framesOf(pieces, new Framer(4, 65_536))).toThrow(
          expect.objectContaining({ code: 'ERR_REIGN_FRAME_TOO_LARGE', message: expect.stringContaining(`${length}`) }),
        )
      }
      expect(framer.bytesHeld).toBe(0)
    },
  )

  test('the largest frame of the bound passes', () => {
    expect(framesOf([frameOf('z'.repeat(64))], new Framer(4, 64))).toEqual(['z'.repeat(64)])
    expect(() => framesOf([frameOf('z'.repeat(65))], new Framer(4, 64))).toThrow('the limit is 64')
  })

  test('what was announced is not allocated before it comes', () => {
    const before = process.memoryUsage().arrayBuffers
    const framers = Array.from({ length: 50 }, () => {
      const framer = new Framer(4, 64 * 1024 * 1024)
      framer.push(Buffer.from('04000000ff', 'hex'), () => {}) // 64 MiB announced, one byte sent
      return framer
    })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50 * 70 * 1024)
    expect(framers.every((framer) => framer.bytesHeld === 1)).toBe(true)
  })

  test('frames before the refused one are handed up', () => {
    const frames: string[] = []
    const bytes = Buffer.concat([frameOf('good'), Buffer.from('ffffffff', 'hex')])
    expect(() =>
      new Framer(4, 64).push(bytes, (from, start, end) => frames.push(from.slice(start, end).toString())),
    ).toThrow()
    expect(frames).toHaveLength(1)
  })
})

describe('chunks that are given back', () => {
  test('never are those that a frame lies in, or a piece that has not been joined', () => {
    const random = seeded(11)
    let gone = 0
    for (let round = 0; round < 100; round++) {
      const sent = Array.from({ length: 30 }, (_, index) => {
        return Buffer.alloc(Math.floor(random() ** 4 * 70_000), 1 + ((round + index) % 250))
      })
      const bytes = Buffer.concat(sent.map((body) => Buffer.concat([prefixOf(body.length), body])))
      const came: (Uint8Array | Pieces)[] = []
      const framer = new Framer(4, 100_000)
      const chunks: Uint8Array[] = []
      for (let at = 0; at < bytes.length; ) {
        const chunk = Uint8Array.from(bytes.subarray(at, at + Math.ceil(random() * 20_000)))
        at += chunk.length
        chunks.push(chunk)
        const whole = (from: Uint8Array, start: number, end: number) => came.push(from.subarray(start, end))
        // Some are joined at once, others when all is there, as the fragments of a long message are.
        framer.push(chunk, whole, (pieces) => came.push(random() < 0.5 ? pieces.join() : pieces))
      }
      const bodies = came.map((one) => (one instanceof Uint8Array ? one : one.join()))
      expect(bodies).toHaveLength(sent.length)
      for (const [index, body] of bodies.entries()) expect(Buffer.compare(body, sent[index] as Buffer)).toBe(0)
      gone += chunks.filter((chunk) => chunk.length === 0).length
    }
    expect(gone).toBeGreaterThan(100)
  })

  test('are all those that hold nothing but one frame that comes in many', () => {
    const body = Buffer.alloc(100_000, 7)
    const bytes = Buffer.concat([prefixOf(body.length), body])
    const chunks = [0, 1, 2, 3, 4, 5, 6].map((n) => Uint8Array.from(bytes.subarray(n * 16_384, (n + 1) * 16_384)))
    const frames: Uint8Array[] = []
    const framer = new Framer(4, 100_000)
    for (const chunk of chunks) framer.push(chunk, (from, start, end) => frames.push(from.subarray(start, end)))
    expect(frames).toHaveLength(1)
    expect(Buffer.compare(frames[0] as Uint8Array, body)).toBe(0)
    // The last is too short to be worth it.
    expect(chunks.map((chunk) => chunk.length)).toEqual([0, 0, 0, 0, 0, 0, 1_700])
  })

  test('never are those of which only a part was handed in', () => {
    const body = Buffer.alloc(60_000, 7)
    const bytes = Buffer.concat([prefixOf(body.length), body])
    expect(framesOf([bytes.subarray(0, 30_000), bytes.subarray(30_000)])).toEqual([body.toString('latin1')])
    expect(bytes.length).toBe(60_004)
  })
})

test('a large frame in small pieces costs time in proportion to its length', () => {
  const secondsFor = (length: number) => {
    const bytes = Buffer.alloc(4 + length)
    bytes.writeUInt32BE(length)
    const framer = new Framer(4, length)
    let frames = 0
    const start = spentMs()
    for (let at = 0; at < bytes.length; at += 64) framer.push(bytes.subarray(at, at + 64), () => frames++)
    expect(frames).toBe(1)
    return spentMs() - start
  }
  secondsFor(1 << 20) // warm up
  const small = Math.min(secondsFor(1 << 20), secondsFor(1 << 20), secondsFor(1 << 20))
  const large = Math.min(secondsFor(1 << 23), secondsFor(1 << 23))
  // 8 times the bytes. Joining pieces with each arrival would make it 64 times the work, and seconds of it.
  expect(large / small).toBeLessThan(32)
})

test('a stopped framer hands up nothing more, not even from the chunk at hand', () => {
  const framer = new Framer(4, 64)
  const frames: number[] = []
  framer.push(Buffer.concat([frameOf('a'), frameOf('b')]), (_, start) => {
    frames.push(start)
    framer.stop()
  })
  framer.push(frameOf('c'), () => frames.push(-1))
  expect(frames).toEqual([4])
})

test('a handler that throws stops the framer', () => {
  const framer = new Framer(4, 64)
  const boom = () => {
    throw new Error('boom')
  }
  expect(() => framer.push(Buffer.concat([frameOf('a'), frameOf('b')]), boom)).toThrow('boom')
  expect(framesOf([frameOf('c')], framer)).toEqual([])
})
