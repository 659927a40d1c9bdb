import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Address, any, atom, Bits, float, improperList, isTuple, Node, type Ref, tuple } from '../../src/index.js'
import { accepts } from '../../src/process/match.js'
import { matcher } from '../../src/process/matcher.js'

let node: Node
let address: Address<unknown>
let ref: Ref
let otherRef: Ref

beforeAll(async () => {
  node = await Node.local()
  const mailbox = node.mailbox()
  address = mailbox.address
  ref = mailbox.makeRef()
  otherRef = mailbox.makeRef()
})
afterAll(() => node.stop())

/** Both forms of the same question must agree: the one that looks, and the one that was prepared for many looks. */
function matches(pattern: unknown, value: unknown): boolean {
  const looked = accepts(pattern, value)
  expect(matcher(pattern).accepts(value)).toBe(looked)
  return looked
}

describe('values that are no structures', () => {
  test.each([
    ['text', 'a', 'a', 'b'],
    ['a number', 1, 1, 2],
    ['NaN', Number.NaN, Number.NaN, 1],
    ['a bigint', 1n, 1n, 1],
    ['a boolean', false, false, 0],
    ['null', null, null, undefined],
    ['an atom', atom('ok'), atom('ok'), 'ok'],
    ['a float', float(1), float(1), 1],
    ['bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 2), Uint8Array.of(1, 3)],
    ['bits', new Bits(Uint8Array.of(0xa0), 3), new Bits(Uint8Array.of(0xbf), 3), new Bits(Uint8Array.of(0xa0), 4)],
    ['an improper list', improperList([1], 2), improperList([1], 2), improperList([1], 3)],
    ['a map', new Map([[1, { a: 2 }]]), new Map([[1, { a: 2 }]]), new Map([[1, { a: 3 }]])],
  ])('%s accepts the same term alone', (_, pattern, same, other) => {
    expect(matches(pattern, same)).toBe(true)
    expect(matches(pattern, other)).toBe(false)
    expect(matches({ in: pattern }, { in: same, and: 'more' })).toBe(true)
    expect(matches({ in: pattern }, { in: other })).toBe(false)
    expect(matches([pattern], [same])).toBe(true)
    expect(matches([pattern], [other])).toBe(false)
  })

  test('addresses and references are compared by identity, as they are interned', () => {
    expect(matches({ from: address }, { from: address })).toBe(true)
    expect(matches({ from: address }, { from: node.system.self })).toBe(false)
    expect(matches(ref, ref)).toBe(true)
    expect(matches({ ref }, { ref: otherRef })).toBe(false)
    expect(matches(tuple(ref, any), tuple(ref, 1))).toBe(true)
    expect(matches(tuple(ref, any), tuple(otherRef, 1))).toBe(false)
  })
})

describe('objects', () => {
  test('every property of the pattern is to be accepted, others do not matter', () => {
    expect(matches({ type: 'a' }, { type: 'a', n: 1 })).toBe(true)
    expect(matches({ type: 'a', n: 1 }, { type: 'a' })).toBe(false)
    expect(matches({}, { any: 'thing' })).toBe(true)
    expect(matches({}, 'text')).toBe(false)
    expect(matches({ type: 'a' }, null)).toBe(false)
    expect(matches({ type: 'a' }, undefined)).toBe(false)
    expect(matches({ a: { b: { c: 1 } } }, { a: { b: { c: 1, d: 2 }, e: 3 } })).toBe(true)
    expect(matches({ a: { b: { c: 1 } } }, { a: { b: 1 } })).toBe(false)
  })

  test('a property that is undefined in the pattern accepts one that is not there', () => {
    expect(matches({ error: undefined }, { value: 1 })).toBe(true)
    expect(matches({ error: undefined }, { error: 'x' })).toBe(false)
  })

  test('objects of any class are looked into', () => {
    class Point {
      constructor(readonly x: number) {}
    }
    expect(matches({ x: 1 }, new Point(1))).toBe(true)
    expect(matches({ message: 'no' }, new Error('no'))).toBe(true)
  })

  test('objects without a prototype are as good as others, on both sides', () => {
    const bare = Object.assign(Object.create(null), { a: 1, b: 2 })
    expect(matches({ a: 1 }, bare)).toBe(true)
    expect(matches(Object.assign(Object.create(null), { a: 1 }), { a: 1 })).toBe(true)
  })

  test('__proto__ in a message is data like any, and changes nothing', () => {
    const message = JSON.parse('{"__proto__": {"admin": true}, "type": "a"}')
    expect(matches({ admin: true }, message)).toBe(false)
    expect(matches(JSON.parse('{"__proto__": {"admin": true}}'), message)).toBe(true)
  })
})

describe('arrays and tuples', () => {
  test('same length, element by element', () => {
    expect(matches([1, any], [1, 'x'])).toBe(true)
    expect(matches([1, any], [1])).toBe(false)
    expect(matches([1], [1, 2])).toBe(false)
    expect(matches([], [])).toBe(true)
    expect(matches([], {})).toBe(false)
    expect(matches([{ a: 1 }, [2, any]], [{ a: 1, b: 1 }, [2, 3]])).toBe(true)
  })

  test('a tuple accepts tuples alone, a plain array both', () => {
    expect(matches(tuple(1, 2), tuple(1, 2))).toBe(true)
    expect(matches(tuple(1, 2), [1, 2])).toBe(false)
    expect(matches([1, 2], tuple(1, 2))).toBe(true)
    expect(matches(tuple(atom('ok'), [1]), tuple(atom('ok'), tuple(1)))).toBe(true)
  })
})

test('any accepts anything, wherever it stands, but no missing element', () => {
  for (const value of [undefined, null, 0, 'x', [], {}, address]) {
    expect(matches(any, value)).toBe(true)
    expect(matches([any], [value])).toBe(true)
    expect(matches({ x: any }, { x: value })).toBe(true)
  }
  expect(matches([any], [])).toBe(false)
})

test('what is looked at may throw, and does so in both forms', () => {
  const hostile = {
    get type(): string {
      throw new Error('no looking')
    },
  }
  expect(() => accepts({ type: 'a' }, hostile)).toThrow('no looking')
  expect(() => matcher({ type: 'a' }).accepts(hostile)).toThrow('no looking')
})

/** The same structure, made anew. */
function copyOf(value: unknown): unknown {
  if (isTuple(value)) return tuple(...value.map(copyOf))
  if (Array.isArray(value)) return value.map(copyOf)
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copyOf(part)]))
}

test('both forms agree on random patterns and values', () => {
  const leaf = fc.oneof(
    fc.constantFrom<unknown>(
      undefined,
      null,
      true,
      0,
      -0,
      1,
      Number.NaN,
      'a',
      '',
      1n,
      atom('ok'),
      any,
      Uint8Array.of(1),
    ),
    fc.constantFrom<unknown>(new Map([[1, 1]]), float(0), float(-0), improperList([], 1)),
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      leaf,
      leaf.map((part) => (part === 'a' ? ref : part === '' ? address : part)),
      fc.dictionary(fc.constantFrom('a', 'b', 'type'), tie('value'), { maxKeys: 3, noNullPrototype: false }),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.array(tie('value'), { maxLength: 3 }).map((elements) => tuple(...elements)),
    ),
  }))
  fc.assert(
    fc.property(value, value, (pattern, other) => {
      matches(pattern, other)
      expect(matches(copyOf(other), other)).toBe(true)
    }),
    { numRuns: 2_000 },
  )
})

const refOf = (pattern: unknown) => matcher(pattern).ref

test('the reference that narrows a search is one at the top of the pattern, where nothing older can match', () => {
  expect(refOf({ type: 'DOWN', ref })).toBe(ref)
  expect(refOf(tuple(ref, any))).toBe(ref)
  expect(refOf([any, otherRef])).toBe(otherRef)
  expect(refOf(ref)).toBe(ref)
  for (const pattern of ['text', null, undefined, {}, { deep: { ref } }, [[ref]]])
    expect(refOf(pattern)).toBe(undefined)
})
