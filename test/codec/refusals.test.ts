/** What cannot be encoded: each with a code, the path to it, and what to do instead; and the writer as it was. */
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { encodeTerm } from '../../src/codec/encode.js'
import {
  Bits,
  decode,
  ExportFun,
  encode,
  Float,
  Fun,
  ImproperList,
  improperList,
  tuple,
} from '../../src/codec/index.js'
import { Writer } from '../../src/codec/writer.js'
import { bookOf, errorOf, toHex } from './etf-kit.js'

describe('no Erlang term', () => {
  test.each<[string, unknown, RegExp]>([
    ['NaN', Number.NaN, /NaN/],
    ['infinity', Number.POSITIVE_INFINITY, /Infinity/],
    ['minus infinity', Number.NEGATIVE_INFINITY, /Infinity/],
    ['a Float of NaN', new Float(Number.NaN), /NaN/],
    ['a lone high surrogate', 'a\ud83d', /surrogate/],
    ['a lone low surrogate', '\ude00a', /surrogate/],
    ['a lone surrogate in a long text', `${'x'.repeat(100)}\ud83d`, /surrogate/],
    ['a lone surrogate in a very long text', `${'é'.repeat(5_000)}\ud83d`, /surrogate/],
    ['swapped surrogates', '\ude00\ud83d', /surrogate/],
    ['an unregistered symbol', Symbol('ok'), /atom\(name\)/],
    ['a well-known symbol', Symbol.iterator, /atom\(name\)/],
    ['an atom of 256 characters', Symbol.for('x'.repeat(256)), /255/],
    ['an atom of 256 characters of two units', Symbol.for('😀'.repeat(256)), /255/],
    ['an atom with a lone surrogate', Symbol.for('\ud83d'), /surrogate/],
    ['a key of 256 characters', { ['x'.repeat(256)]: 1 }, /255/],
    ['a key with a lone surrogate', { '\ud83d': 1 }, /surrogate/],
    ['an object whose keys are symbols', { [Symbol.for('a')]: 1 }, /Map/],
    ['an array with a hole', Object.assign(new Array(3), { 0: 1, 2: 3 }), /holes/],
    ['an array of holes', new Array(3), /holes/],
    ['a function', () => 1, /call by name/],
    ['a class', class Shop {}, /call by name/],
    ['a promise', Promise.resolve(1), /await/],
    ['a Date', new Date(0), /getTime/],
    ['a RegExp', /x/, /source/],
    ['a Set', new Set([1]), /\[\.\.\.set\]/],
    ['an ArrayBuffer', new ArrayBuffer(1), /new Uint8Array\(buffer\)/],
    ['a SharedArrayBuffer', new SharedArrayBuffer(1), /new Uint8Array\(buffer\)/],
    ['a Float64Array', new Float64Array(1), /array of its numbers/],
    ['a Uint8ClampedArray', new Uint8ClampedArray(1), /array of its numbers/],
    ['a DataView', new DataView(new ArrayBuffer(1)), /Uint8Array/],
    ['a WeakMap', new WeakMap(), /list/],
    ['a boxed number', Object(1), /valueOf/],
    ['an instance of a class', new (class Basket {})(), /instance of Basket/],
    ['an object that inherits', Object.create({ a: 1 }), /no term/],
    ['a Set of another realm', runInNewContext('new Set()'), /\[\.\.\.set\]/],
    ['a fun of arity 256', fun({ arity: 256 }), /arity/],
    ['a fun with a short uniq', fun({ uniq: new Uint8Array(15) }), /uniq/],
    ['an external fun of an arity that none has', new ExportFun('m', 'f', 2 ** 40), /arity/],
    ['an external fun with too long a name', new ExportFun('m', 'f'.repeat(256), 1), /255/],
  ])('%s is refused', (_, value, advice) => {
    const error = errorOf(() => encode({ in: [1, value] }))
    expect(error.code).toBe('ERR_REIGN_TERM_UNSUPPORTED')
    expect(error.message).toMatch(advice)
    expect(error.path).toMatch(/^\$\.in\[1\]/)
  })

  function fun(given: { arity?: number; uniq?: Uint8Array }): Fun {
    const { book } = bookOf('n@h')
    return new Fun({
      module: 'm',
      arity: 1,
      uniq: new Uint8Array(16),
      index: 0,
      oldIndex: 0,
      oldUniq: 0,
      creator: book.address('n@h', 1, 0, 1),
      free: [],
      ...given,
    })
  }
})

describe('the path', () => {
  const bad = Symbol('bad')
  test.each<[unknown, string]>([
    [bad, '$'],
    [[1, [2, bad]], '$[1][1]'],
    [{ users: [{}, {}, {}, { born: bad }] }, '$.users[3].born'],
    [{ 'not an identifier': bad }, '$["not an identifier"]'],
    [{ '7': bad }, '$["7"]'],
    [tuple(1, { a: tuple(bad) }), '$[1].a[0]'],
    [improperList([1], bad), '$.tail'],
    [improperList([bad], 1), '$[0]'],
    [
      new Map<unknown, unknown>([
        [1, 2],
        [3, { x: bad }],
      ]),
      '$.values[1].x',
    ],
    [
      new Map<unknown, unknown>([
        [1, 2],
        [[bad], 3],
      ]),
      '$.keys[1]',
    ],
    [new Map<unknown, unknown>([[bad, 3]]), '$.keys[0]'],
  ])('leads to what is wrong: %#', (value, path) => {
    const error = errorOf(() => encode(value))
    expect(error.path).toBe(path)
    expect(error.message).toContain(`(at ${path})`)
  })

  test('is cut short in the middle when it is long, as are its keys', () => {
    let value: unknown = bad
    for (let i = 0; i < 500; i++) value = { [`${'k'.repeat(200)}-`]: value }
    const error = errorOf(() => encode(value))
    expect(error.path?.length).toBeLessThan(2_000)
    expect(error.path).toContain('480 more')
  })
})

describe('bounds', () => {
  test('a value that holds itself is refused, whatever it holds besides', () => {
    const list: unknown[] = [[], {}, 'x']
    list.push(list, list, list)
    expect(errorOf(() => encode(list)).code).toBe('ERR_REIGN_TERM_DEPTH')
    const object: Record<string, unknown> = {}
    object.self = { again: object }
    expect(errorOf(() => encode(object)).code).toBe('ERR_REIGN_TERM_DEPTH')
    const map = new Map()
    map.set(map, map)
    expect(errorOf(() => encode(map)).code).toBe('ERR_REIGN_TERM_DEPTH')
    const tail = new ImproperList([1], 2)
    Object.assign(tail, { tail })
    expect(errorOf(() => encode(tail)).code).toBe('ERR_REIGN_TERM_DEPTH')
  })

  test.each<[string, number, (inner: unknown) => unknown]>([
    ['lists', 1_000, (inner) => [inner]],
    ['tuples', 1_000, (inner) => tuple(inner)],
    ['objects', 1_000, (inner) => ({ a: inner })],
    ['Maps', 1_000, (inner) => new Map([[1, inner]])],
    ['keys', 1_000, (inner) => new Map([[inner, 1]])],
    ['improper lists in tuples', 500, (inner) => tuple(improperList([1], inner))],
  ])('%s: 1000 levels are encoded and decoded, more are refused', (_, levels, wrap) => {
    const nested = (count: number) => {
      let value: unknown = 'x'
      for (let i = 0; i < count; i++) value = wrap(value)
      return value
    }
    const bytes = encode(nested(levels))
    expect(toHex(encode(decode(bytes, { floats: 'exact' })))).toBe(toHex(bytes))
    expect(errorOf(() => encode(nested(levels + 1))).code).toBe('ERR_REIGN_TERM_DEPTH')
    expect(errorOf(() => decode(bytes, { depthMax: 999 })).code).toBe('ERR_REIGN_TERM_DEPTH')
    expect(errorOf(() => encode(nested(levels), { depthMax: 999 })).code).toBe('ERR_REIGN_TERM_DEPTH')
  })

  test('what is small here and vast when written out stops at the bound on bytes', () => {
    let value: unknown = 'x'.repeat(1_000)
    for (let i = 0; i < 30; i++) value = [value, value]
    expect(errorOf(() => encode(value, { bytesMax: 1_000_000 })).code).toBe('ERR_REIGN_TERM_TOO_LARGE')
  })

  test('the bound on bytes is exact to the byte', () => {
    expect(encode('x'.repeat(94), { bytesMax: 100 })).toHaveLength(100)
    expect(errorOf(() => encode('x'.repeat(95), { bytesMax: 100 })).code).toBe('ERR_REIGN_TERM_TOO_LARGE')
  })

  test('what a reign node would refuse for its number of terms is refused before it is sent', () => {
    const million = (value: unknown) => Array(1_000_001).fill(value)
    expect(encode(million(0))).toBeInstanceOf(Uint8Array)
    expect(errorOf(() => encode(Array(5).fill(million(-1)))).code).toBe('ERR_REIGN_TERM_TOO_LARGE')
    expect(errorOf(() => encode(million(Uint8Array.of(255)))).code).toBe('ERR_REIGN_TERM_TOO_LARGE')
    expect(errorOf(() => encode([1, 2, 3], { termCountMax: 3 })).code).toBe('ERR_REIGN_TERM_TOO_LARGE')
    expect(errorOf(() => encode({ a: 1 }, { termCountMax: 2 })).code).toBe('ERR_REIGN_TERM_TOO_LARGE')
    expect(encode({ a: [1] }, { termCountMax: 4 })).toBeInstanceOf(Uint8Array)
  })

  test('an integer of 64 KiB is sent, a longer one is not', () => {
    const longest = 2n ** (65_536n * 8n) - 1n
    expect(decode(encode(longest))).toBe(longest)
    expect(decode(encode(-longest))).toBe(-longest)
    const error = errorOf(() => encode({ n: longest + 1n }))
    expect(error.code).toBe('ERR_REIGN_TERM_TOO_LARGE')
    expect(error.path).toBe('$.n')
  })
})

describe('keys that are two in JavaScript and one in Erlang', () => {
  test.each<[string, unknown[]]>([
    ['a text and its bytes', ['a', Uint8Array.of(97)]],
    ['a number and a bigint', [1, 1n]],
    ['an atom and its value', [true, Symbol.for('true')]],
    [
      'two arrays of the same elements',
      [
        [1, 2],
        [1, 2],
      ],
    ],
    ['two tuples, with another between', [tuple(1), 'x', tuple(1)]],
    ['two Floats', [new Float(1), new Float(1)]],
    [
      'objects whose entries stand in another order',
      [
        { a: 1, b: 2 },
        { b: 2, a: 1 },
      ],
    ],
    [
      'Maps inside of lists',
      [
        [
          new Map([
            [1, 2],
            [3, 4],
          ]),
        ],
        [
          new Map([
            [3, 4],
            [1, 2],
          ]),
        ],
      ],
    ],
    ['two bit strings', [new Bits(Uint8Array.of(0x80), 1), new Bits(Uint8Array.of(0xff), 1)]],
  ])('%s are refused together', (_, keys) => {
    const error = errorOf(() => encode(new Map(keys.map((key) => [key, 0]))))
    expect(error.code).toBe('ERR_REIGN_TERM_UNSUPPORTED')
    expect(error.message).toContain('same Erlang term')
    expect(error.path).toBe(`$.keys[${keys.length - 1}]`)
  })

  test.each<[string, unknown[]]>([
    ['1 and 1.0', [1, new Float(1)]],
    ['a text and the atom of that name', ['a', Symbol.for('a')]],
    ['a list and a tuple of the same elements', [[1], tuple(1)]],
    ['0.0 and -0.0', [new Float(0), new Float(-0)]],
  ])('%s are two keys', (_, keys) => {
    expect((decode(encode(new Map(keys.map((key) => [key, 0])))) as Map<unknown, unknown>).size).toBe(keys.length)
  })
})

describe('a failure leaves nothing behind', () => {
  test('the writer can be truncated to where it was, and used on', () => {
    const { book } = bookOf('n@h')
    const writer = new Writer(16)
    encodeTerm(writer, 'before', book)
    const { length } = writer
    expect(errorOf(() => encodeTerm(writer, ['x'.repeat(500), [Number.NaN]], book)).code).toBe(
      'ERR_REIGN_TERM_UNSUPPORTED',
    )
    writer.truncate(length)
    encodeTerm(writer, 'after', book)
    expect(toHex(writer.buffer.subarray(0, writer.length))).toBe(
      `${toHex(encode('before')).slice(2)}${toHex(encode('after')).slice(2)}`,
    )
  })

  test('what a getter throws comes through; the next value is encoded as if nothing had been', () => {
    const failing = {
      get now(): never {
        throw new TypeError('not now')
      },
    }
    expect(() => encode([1, failing])).toThrow(new TypeError('not now'))
    expect(toHex(encode(1))).toBe('836101')
  })

  test('a getter may encode another value, but not into the same writer', () => {
    const nested = {
      get inner(): string {
        return toHex(encode({ deep: [1, 2, Number.MAX_SAFE_INTEGER] }))
      },
      after: 1,
    }
    const inner = toHex(encode({ deep: [1, 2, Number.MAX_SAFE_INTEGER] }))
    expect(decode(encode(nested))).toEqual({ inner, after: 1 })
    const { book } = bookOf('n@h')
    const writer = new Writer()
    const codes: string[] = []
    const between = {
      a: 'x',
      get b(): string {
        const { length } = writer
        expect(writer.busy).toBe(true)
        codes.push(errorOf(() => encodeTerm(writer, 'between', book)).code)
        writer.truncate(length)
        return 'y'
      },
    }
    encodeTerm(writer, between, book)
    expect(codes).toEqual(['ERR_REIGN_ARGUMENT'])
    expect(writer.busy).toBe(false)
    expect(toHex(writer.buffer.subarray(0, writer.length))).toBe(toHex(encode({ a: 'x', b: 'y' })).slice(2))
  })
})
