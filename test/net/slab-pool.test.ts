import { expect, test } from 'vitest'
import { SlabPool, slabBytes } from '../../src/net/slab-pool.js'
import { VirtualClock } from '../support/virtual-clock.js'

const takeFrom = (pool: SlabPool, count: number) => Array.from({ length: count }, () => pool.take())
const giveTo = (pool: SlabPool, slabs: readonly Uint8Array[]) => {
  for (const slab of slabs) pool.give(slab)
}

test('what was given back is used again, be it much', () => {
  const pool = new SlabPool(new VirtualClock())
  const taken = takeFrom(pool, 200)
  expect(new Set(taken).size).toBe(200)
  expect(taken.every(({ length }) => length === slabBytes)).toBe(true)
  giveTo(pool, taken)
  expect(new Set(takeFrom(pool, 200))).toEqual(new Set(taken))
  expect(taken).not.toContain(pool.take())
})

test('what is no slab is not kept', () => {
  const pool = new SlabPool(new VirtualClock())
  giveTo(pool, [new Uint8Array(slabBytes - 1), new Uint8Array(0)])
  expect(pool.kept).toBe(0)
})

test('what is used again and again is kept; what nobody wants for some seconds is let go of, but for a few', async () => {
  const clock = new VirtualClock()
  const pool = new SlabPool(clock)
  giveTo(pool, takeFrom(pool, 200))
  for (let second = 0; second < 60; second++) {
    giveTo(pool, takeFrom(pool, 120))
    await clock.run(1_000)
  }
  expect(pool.kept).toBe(120)
  await clock.run(20_000)
  expect(pool.kept).toBe(16)
  giveTo(pool, takeFrom(pool, 10))
  await clock.run(20_000)
  expect(pool.kept).toBe(16)
})
