import { expect, test } from 'vitest'
import { atom, isTuple, tuple } from '../../src/index.js'
import { Tuple } from '../../src/term/tuple.js'

test('a tuple is an array that remembers that it is one', () => {
  const made = tuple('a', 1, [2])
  expect(isTuple(made)).toBe(true)
  expect(Array.isArray(made)).toBe(true)
  expect([...made]).toEqual(['a', 1, [2]])
  const [first, second] = made
  expect([first, second]).toEqual(['a', 1])
  expect(JSON.stringify(made)).toBe('["a",1,[2]]')
})

test('one number is an element, not a length', () => {
  expect([...tuple(3)]).toEqual([3])
  expect([...tuple()]).toEqual([])
})

test('an array is none, nor is anything else', () => {
  for (const value of [[], [1], {}, null, undefined, 'x', { length: 1, 0: 1 }]) expect(isTuple(value)).toBe(false)
})

test('what is made of a tuple is an ordinary array', () => {
  const made = tuple(1, 2, 3) as readonly number[]
  for (const other of [made.map((n) => n), made.filter(Boolean), made.slice(), made.concat([4]), [...made]]) {
    expect(isTuple(other)).toBe(false)
  }
  expect(made.map((n) => n * 2)).toEqual([2, 4, 6])
})

test('of a length, for a decoder to fill', () => {
  const made = Tuple.ofLength(2)
  expect(made).toHaveLength(2)
  expect(isTuple(made)).toBe(true)
})

test('reads as Erlang writes it, shortened where it is long or deep', () => {
  expect(String(tuple(atom('shutdown'), 'late', [1, 2n], tuple(), { a: tuple(atom('x')) }))).toBe(
    '{shutdown, "late", [1, 2], {}, {a: {x}}}',
  )
  expect(`${tuple(...Array.from({ length: 100 }, (_, n) => n))}`).toBe('{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, …}')
  let deep: unknown = atom('bottom')
  for (let i = 0; i < 100_000; i++) deep = tuple(deep, i)
  expect(String(deep)).toBe('{{{{{…}, 99996}, 99997}, 99998}, 99999}')
})
