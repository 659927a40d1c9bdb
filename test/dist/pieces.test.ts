import { describe, expect, test } from 'vitest'
import { Pieces } from '../../src/dist/pieces.js'
import { seeded } from '../support/memory-network.js'

const noise = (length: number, seed = 1) => {
  const random = seeded(seed)
  return Uint8Array.from({ length }, () => random() * 256)
}

/** Cuts bytes into chunks of their own of these lengths, the last one taking the rest. */
function chunksOf(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = []
  let at = 0
  for (const length of [...lengths, Number.POSITIVE_INFINITY]) {
    if (at >= bytes.length) break
    chunks.push(Uint8Array.from(bytes.subarray(at, at + length)))
    at += length
  }
  return chunks
}

function gathered(chunks: readonly Uint8Array[], expected?: number): Pieces {
  const pieces = new Pieces()
  for (const chunk of chunks) pieces.add(chunk, 0, chunk.length, expected)
  return pieces
}

test('whatever the pieces are, joined they are what was cut', () => {
  const random = seeded(7)
  for (let round = 0; round < 200; round++) {
    const bytes = noise(Math.floor(random() ** 3 * 100_000), round)
    const largest = [10, 1_000, 30_000][round % 3] as number
    const lengths = Array.from({ length: 2_000 }, () => Math.ceil(random() * largest))
    const pieces = gathered(chunksOf(bytes, lengths), round % 2 === 0 ? bytes.length : undefined)
    expect(pieces.length).toBe(bytes.length)
    const head = Math.floor(random() * bytes.length)
    expect(Buffer.compare(pieces.head(head).subarray(0, head), bytes.subarray(0, head))).toBe(0)
    expect(Buffer.compare(pieces.join(), bytes)).toBe(0)
  }
})

test('they can be gone through one after the other, and more be added then', () => {
  const bytes = noise(50_000)
  const chunks = chunksOf(bytes, [3, 20_000, 10, 100, 17_000])
  const pieces = gathered(chunks.slice(0, 4))
  const seen = () => Buffer.concat([...pieces].map((piece) => piece.bytes))
  expect(Buffer.compare(seen(), bytes.subarray(0, 20_113))).toBe(0)
  for (const chunk of chunks.slice(4)) pieces.add(chunk, 0, chunk.length)
  expect(Buffer.compare(seen(), bytes)).toBe(0)
  expect(Buffer.compare(pieces.join(), bytes)).toBe(0)
})

describe('memory', () => {
  const held = (make: () => unknown): number => {
    const before = process.memoryUsage().arrayBuffers
    const kept = make()
    const bytes = process.memoryUsage().arrayBuffers - before
    expect(kept).toBeDefined()
    return bytes
  }

  test('bytes that come one by one cost blocks, not a buffer each', () => {
    const one = Uint8Array.of(7)
    expect(held(() => gathered(Array.from({ length: 100_000 }, () => one)))).toBeLessThan(200_000)
  })

  test('a few bytes of a chunk do not keep it', () => {
    const pieces = new Pieces()
    const bytes = held(() => {
      for (let count = 0; count < 100; count++) {
        const chunk = new Uint8Array(65_536)
        pieces.add(chunk, 0, 5_000)
      }
      globalThis.gc?.()
      return pieces
    })
    // Copied, as they are less than half of their chunk: nothing refers to the chunks any more.
    expect(pieces.join().length).toBe(500_000)
    expect(pieces.head(1).buffer.byteLength).toBeLessThan(600_000)
    expect(bytes).toBeGreaterThan(0)
  })

  test('a large piece is not copied until all are joined, and not then if it is the only one', () => {
    const chunk = noise(20_000)
    expect(gathered([chunk]).join().buffer).toBe(chunk.buffer)
  })

  test('a chunk that nobody else looks at is given back once it is copied', () => {
    const chunks = chunksOf(noise(60_000), [20_000, 20_000])
    const pieces = new Pieces()
    chunks.forEach((chunk, index) => {
      pieces.add(chunk, index === 0 ? 4 : 0, chunk.length, undefined, index < 2)
    })
    const joined = pieces.join()
    expect(Buffer.compare(joined, noise(60_000).subarray(4))).toBe(0)
    expect(chunks.map((chunk) => chunk.length)).toEqual([0, 0, 20_000])
    expect(pieces.join()).toBe(joined)
    expect(joined.length).toBe(59_996)
  })

  test('the only chunk is handed on, not given back', () => {
    const chunk = noise(20_000)
    const pieces = new Pieces()
    pieces.add(chunk, 0, chunk.length, undefined, true)
    expect(pieces.join().length).toBe(20_000)
    expect(chunk.length).toBe(20_000)
  })

  test('what is expected is not set aside before it comes, beyond a block', () => {
    expect(held(() => gathered([Uint8Array.of(1)], 64 << 20))).toBeLessThan(20_000)
  })
})
