import { expect, test } from 'vitest'
import { oldBytesMax, systemMemory } from '../src/memory.js'

const mebibyte = 1024 * 1024

test.each([
  ['--max-old-space-size=128'],
  ['--max_old_space_size=128'],
  ['--max-old-space-size 128'],
  ['--trace-gc --max-old-space-size=64', '--expose-gc --max-old-space-size=128'],
])('what there is for objects that stay is what was asked for, on the command line last: %s %s', (...startedWith) => {
  for (const young of [48, 96, 192]) {
    expect(oldBytesMax((128 + young) * mebibyte, startedWith)).toBe(128 * mebibyte)
  }
})

test('in a thread it is what that was given', () => {
  expect(oldBytesMax(4_144 * mebibyte, ['--max-old-space-size=1024'], 64)).toBe(64 * mebibyte)
})

// With 4 GiB for what stays, V8 says so much in Node.js 20, 24 and 26.
test.each([4_144, 4_288, 4_192])('where nothing was asked for, of %i MiB in all it is nearly 4 GiB', (limitMb) => {
  const bytes = oldBytesMax(limitMb * mebibyte, ['', '--expose-gc'])
  expect(bytes).toBeGreaterThan(0.96 * 4_096 * mebibyte)
  expect(bytes).toBeLessThan(1.01 * 4_096 * mebibyte)
})

test('the heap of this program is in use, and not full', () => {
  expect(systemMemory.heapUse()).toBeGreaterThan(0)
  expect(systemMemory.heapUse()).toBeLessThan(1)
})
