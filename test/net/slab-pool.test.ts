import { expect, test } from 'vitest'
import { SlabPool, slabBytes } from '../../src/net/slab-pool.js'

test('what was given back is used again, be it much', () => {
  const pool = new SlabPool()
  const taken = Array.from({ length: 200 }, () => pool.take())
  expect(new Set(taken).size).toBe(200)
  for (const slab of taken) {
    expect(slab.length).toBe(slabBytes)
    pool.give(slab)
  }
  // Nothing is collected within a turn, so what is remembered only weakly is there, too.
  const again = Array.from({ length: 200 }, () => pool.take())
  expect(new Set(again)).toEqual(new Set(taken))
  expect(taken).not.toContain(pool.take())
})
