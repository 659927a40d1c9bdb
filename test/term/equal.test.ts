import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { atom, Bits, ExportFun, float, improperList, Node, Port, sameTerm, tuple } from '../../src/index.js'

describe('terms that look alike', () => {
  test.each<[string, unknown, unknown, boolean]>([
    ['0 and -0', 0, -0, false],
    ['NaN and NaN', Number.NaN, Number.NaN, true],
    ['1 and 1n', 1, 1n, false],
    ['1 and 1.0', 1, float(1), false],
    ['1.0 and 1.0', float(1), float(1), true],
    ['0.0 and -0.0', float(0), float(-0), false],
    ['an atom and its text', atom('a'), 'a', false],
    ['two texts', 'ab', 'ab', true],
    ['text and its bytes', 'a', Uint8Array.of(97), false],
    ['bytes', Uint8Array.of(1, 2), Uint8Array.of(1, 2), true],
    ['a buffer and an array of the same bytes', Buffer.from([1, 2]), Uint8Array.of(1, 2), true],
    ['bytes of another length', Uint8Array.of(1), Uint8Array.of(1, 0), false],
    ['bits', new Bits(Uint8Array.of(0xe0), 3), new Bits(Uint8Array.of(0xff), 3), true],
    ['bits of another length', new Bits(Uint8Array.of(0xe0), 3), new Bits(Uint8Array.of(0xe0), 4), false],
    ['a list and a tuple', [1], tuple(1), false],
    ['a tuple and a list', tuple(1), [1], false],
    ['two tuples', tuple(1, [2]), tuple(1, [2]), true],
    ['a list and an object', [], {}, false],
    ['lists of another length', [1], [1, undefined], false],
    ['objects', { a: 1, b: [2] }, { b: [2], a: 1 }, true],
    ['objects with another key', { a: 1 }, { b: 1 }, false],
    ['objects with one key more', { a: 1 }, { a: 1, b: undefined }, false],
    ['an object without a prototype', Object.assign(Object.create(null), { a: 1 }), { a: 1 }, true],
    ['an object and a map', { a: 1 }, new Map([['a', 1]]), false],
    [
      'maps',
      new Map<unknown, unknown>([
        ['a', 1],
        [2, 3],
      ]),
      new Map<unknown, unknown>([
        [2, 3],
        ['a', 1],
      ]),
      true,
    ],
    ['maps with keys that are structures', new Map([[[1], 'x']]), new Map([[[1], 'x']]), true],
    ['maps with other values', new Map([['a', 1]]), new Map([['a', 2]]), false],
    ['maps with other keys', new Map([[[1], 'x']]), new Map([[[2], 'x']]), false],
    ['improper lists', improperList([1], 2), improperList([1], 2), true],
    ['improper lists with another tail', improperList([1], 2), improperList([1], 3), false],
    ['ports', new Port('a@b', 1n, 2), new Port('a@b', 1n, 2), true],
    ['ports of another run', new Port('a@b', 1n, 2), new Port('a@b', 1n, 3), false],
    ['names of functions', new ExportFun('m', 'f', 1), new ExportFun('m', 'f', 1), true],
    ['names of other functions', new ExportFun('m', 'f', 1), new ExportFun('m', 'f', 2), false],
    ['null and undefined', null, undefined, false],
    ['null and an object', null, {}, false],
    ['instances of a class, which are no terms', new Date(0), new Date(0), false],
  ])('%s', (_, a, b, same) => {
    expect(sameTerm(a, b)).toBe(same)
    expect(sameTerm(b, a)).toBe(same)
    expect(sameTerm([{ deep: a }], [{ deep: b }])).toBe(same)
  })
})

test('keys that hold each other’s places are told apart', () => {
  const a = new Map<unknown, unknown>([
    [[1], 'x'],
    [[1], 'y'],
  ])
  const b = new Map<unknown, unknown>([
    [[1], 'y'],
    [[1], 'x'],
  ])
  const c = new Map<unknown, unknown>([
    [[1], 'x'],
    [[1], 'x'],
  ])
  expect(sameTerm(a, b)).toBe(true)
  expect(sameTerm(a, c)).toBe(false)
  expect(sameTerm(c, a)).toBe(false)
})

test('__proto__ is a key like any', () => {
  const a = JSON.parse('{"__proto__": 1}')
  expect(sameTerm(a, JSON.parse('{"__proto__": 1}'))).toBe(true)
  expect(sameTerm(a, {})).toBe(false)
  expect(sameTerm({}, JSON.parse('{"__proto__": {}}'))).toBe(false)
})

test('addresses and references are the same when they are the same object', async () => {
  await using node = await Node.local()
  const [a, b] = [node.mailbox(), node.mailbox()]
  expect(sameTerm(tuple(a.address, a.address), tuple(a.address, a.address))).toBe(true)
  expect(sameTerm(a.address, b.address)).toBe(false)
  expect(sameTerm(a.makeRef(), a.makeRef())).toBe(false)
})

test('whatever a term is made of: it is the same as its copy, and both ways round', () => {
  const leaf = fc.oneof(
    fc.integer(),
    fc.string(),
    fc.boolean(),
    fc.bigInt(),
    fc.double(),
    fc.constantFrom(null, undefined, atom('a'), atom('b')),
    fc.uint8Array({ maxLength: 4 }),
  )
  const { term } = fc.letrec((tie) => ({
    term: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('term'), { maxLength: 4 }),
      fc.array(tie('term'), { maxLength: 4 }).map((elements) => tuple(...elements)),
      fc.dictionary(fc.string({ maxLength: 3 }), tie('term'), { maxKeys: 4 }),
      fc.array(fc.tuple(tie('term'), tie('term')), { maxLength: 3 }).map((entries) => new Map(entries)),
    ),
  }))
  fc.assert(
    fc.property(fc.clone(term, 2), fc.clone(term, 1), ([a, copy], [other]) => {
      expect(sameTerm(a, copy)).toBe(true)
      expect(sameTerm(a, other)).toBe(sameTerm(other, a))
      expect(sameTerm(tuple(a, other), tuple(copy, other))).toBe(true)
    }),
    { numRuns: 500 },
  )
})
