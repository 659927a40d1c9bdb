import { expect, test } from 'vitest'
import { ChallengeBook } from '../../src/dist/challenge-book.js'

function drawing(...numbers: number[]): () => number {
  return () => numbers.shift() ?? 0
}

test('a challenge is ours from when it is given out to when its handshake is over', () => {
  const book = new ChallengeBook(drawing(7, 8))
  expect(book.isOurs(7)).toBe(false)
  expect([book.issue(), book.issue()]).toEqual([7, 8])
  expect([book.isOurs(7), book.isOurs(8), book.size]).toEqual([true, true, 2])
  book.retire(7)
  expect([book.isOurs(7), book.isOurs(8), book.size]).toEqual([false, true, 1])
})

test('none is given out twice at a time, nor one that the caller will not have', () => {
  const book = new ChallengeBook(drawing(7, 7, 8, 9))
  expect(book.issue()).toBe(7)
  expect(book.issue(8)).toBe(9)
})

test('challenges are unsigned', () => {
  expect(new ChallengeBook(() => -1).issue()).toBe(0xffff_ffff)
})

test('a generator that repeats itself is an error, not an endless loop', () => {
  const book = new ChallengeBook(() => 7)
  book.issue()
  expect(() => book.issue()).toThrow(expect.objectContaining({ code: 'ERR_REIGN_HANDSHAKE' }))
})
