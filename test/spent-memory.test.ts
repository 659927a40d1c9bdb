import { markAsUntransferable } from 'node:worker_threads'
import { expect, test } from 'vitest'
import { giveBack } from '../src/spent-memory.js'

const sole = (bytes: Uint8Array) => ({ bytes, sole: true })

test('what nobody else looks at is gone at once, and its memory with it', () => {
  const before = process.memoryUsage().arrayBuffers
  const buffers = Array.from({ length: 64 }, () => new Uint8Array(1024 * 1024))
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(60 * 1024 * 1024)
  giveBack(buffers.map(sole))
  expect(buffers.every((bytes) => bytes.length === 0)).toBe(true)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024)
})

test('what somebody else looks at stays, and so does what is small', () => {
  const seen = new Uint8Array(10_000).fill(1)
  const small = new Uint8Array(100).fill(1)
  giveBack([{ bytes: seen, sole: false }, sole(small)])
  expect([seen.length, small.length, seen[0], small[0]]).toEqual([10_000, 100, 1, 1])
})

test('what Node.js does not let go stays, and nothing is thrown', () => {
  const own = new Uint8Array(10_000)
  markAsUntransferable(own.buffer)
  giveBack([sole(own)])
  expect(own.length).toBe(10_000)
})
