/** Long messages put together as they come: what comes out, and what memory they have meanwhile. */
import { describe, expect, test } from 'vitest'
import { Assembly } from '../../src/dist/assembly.js'
import type { Piece } from '../../src/dist/pieces.js'
import { seeded } from '../support/memory-network.js'

const mib = 1024 * 1024
const noise = (length: number, seed = 1) => {
  const random = seeded(seed)
  return Uint8Array.from({ length }, () => random() * 256)
}
/** Pieces that somebody else may look at as well. */
const shared = (...all: Uint8Array[]): Piece[] => all.map((bytes) => ({ bytes, sole: false }))

test('whatever the parts are, and the pieces that they come in, together they are what was sent', () => {
  const random = seeded(3)
  for (let round = 0; round < 200; round++) {
    const bytes = noise(Math.floor(random() ** 3 * 50_000), round)
    const assembly = new Assembly([0, 10_000, 1_000_000][round % 3])
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + Math.ceil(random() * 20_000))
      const head = Math.floor(random() * 30)
      const framed = Buffer.concat([new Uint8Array(head), part])
      const pieces: Uint8Array[] = []
      for (let from = 0; from < framed.length; ) {
        const piece = framed.subarray(from, from + Math.ceil(random() * 9_000))
        pieces.push(piece)
        from += piece.length
      }
      // What is said of the parts that follow may be wrong, and there may be no room for them.
      assembly.add(shared(...pieces), head, part.length, Math.floor(random() * 10), random() < 0.3 ? 0 : 100_000)
      at += part.length
      expect(assembly.length).toBe(at)
    }
    expect(Buffer.compare(assembly.bytes, bytes)).toBe(0)
  }
})

describe('memory', () => {
  test('is set aside once for parts of one length, and they are not copied again', () => {
    const assembly = new Assembly()
    const part = noise(60_000)
    assembly.add(shared(part.subarray(0, 50_000)), 0, 50_000, 99, 64 * mib)
    expect(assembly.reserved).toBe(0)
    const reserved = new Set<number>()
    for (let more = 98; more >= 0; more--) {
      assembly.add(shared(part), 0, part.length, more, 64 * mib)
      reserved.add(assembly.reserved)
    }
    expect(assembly.length).toBe(50_000 + 99 * 60_000)
    expect([...reserved]).toEqual([assembly.length])
  })

  test.each([0, 1_000_000])(
    'of pieces that nobody else looks at is given back when they are copied (joined up to %s bytes)',
    (joined) => {
      const bytes = noise(60_000)
      const assembly = new Assembly(joined)
      const parts = [0, 20_000, 40_000].map((at) => bytes.slice(at, at + 20_000))
      parts.forEach((part, index) => {
        assembly.add([{ bytes: part, sole: index !== 1 }], 0, part.length, 2 - index, mib)
      })
      expect(Buffer.compare(assembly.bytes, bytes)).toBe(0)
      expect(parts.map((part) => part.length)).toEqual([0, 20_000, 0])
    },
  )

  test('is never set aside for more than may come', () => {
    const assembly = new Assembly()
    for (let n = 0; n < 3; n++) assembly.add(shared(new Uint8Array(1_000)), 0, 1_000, 2 ** 64, 500_000)
    expect(assembly.reserved).toBe(502_000)
    const without = new Assembly()
    for (let n = 0; n < 3; n++) without.add(shared(new Uint8Array(1_000)), 0, 1_000, 2 ** 64, 0)
    expect(without.reserved).toBeLessThanOrEqual(4_500)
    const short = new Assembly()
    for (let n = 2; n >= 0; n--) short.add(shared(new Uint8Array(1_000)), 0, 1_000, n, 500_000)
    expect(short.reserved).toBe(0)
  })

  test('grows by a factor, so that parts that are each longer than the one before are not copied again and again', () => {
    const assembly = new Assembly(0)
    const reserved = new Set<number>()
    for (let length = 1; length <= 1_000; length++) {
      assembly.add(shared(new Uint8Array(length)), 0, length, 1, 64 * mib)
      reserved.add(assembly.reserved)
    }
    expect(assembly.length).toBe(500_500)
    expect(reserved.size).toBeLessThan(40)
  })
})
