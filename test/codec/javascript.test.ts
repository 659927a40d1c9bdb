/** The form that nodes of reign have for each other: every value of JavaScript arrives as what it was. */
import { deepStrictEqual } from 'node:assert/strict'
import { types } from 'node:util'
import { runInNewContext } from 'node:vm'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AtomBudget } from '../../src/codec/atom-budget.js'
import { TermReader } from '../../src/codec/decode.js'
import {
  atom,
  Bits,
  bytes,
  decode,
  ExportFun,
  encode,
  Float,
  float,
  improperList,
  isTuple,
  Port,
  tuple,
} from '../../src/codec/index.js'
import { RaisedError, ReignError } from '../../src/errors.js'
import { arbitraryTerm } from './arbitrary-term.js'
import { bookOf, contextOf, errorOf, fromHex, seeded, toHex } from './etf-kit.js'
import { readJs, through, writeJs } from './javascript-kit.js'

const { book } = bookOf('test@127.0.0.1')
const address = book.address('a@127.0.0.1', 5, 0, 7)
const ref = book.ref('a@127.0.0.1', 7, [1, 2, 3])
const port = new Port('a@127.0.0.1', 4n, 7)
const written = (value: unknown) => toHex(writeJs(value))
const read = (hex: string, given = {}) => readJs(fromHex(hex), given)

describe('what Erlang has no term for, or no term of its own', () => {
  test.each<[string, unknown, string]>([
    ['bytes', Uint8Array.of(97, 98), '42 00000002 6162'],
    ['a text', 'ab', '6d 00000002 6162'],
    ['not-a-number', Number.NaN, '46 7ff8000000000000'],
    ['infinity', Number.NEGATIVE_INFINITY, '46 fff0000000000000'],
    ['minus zero', -0, '46 8000000000000000'],
    ['a number beyond the safe ones', 2 ** 53, '46 4340000000000000'],
    ['a small bigint', 5n, '47 6105'],
    ['the largest bigint that would be a number', BigInt(Number.MAX_SAFE_INTEGER), '47 6e0700ffffffffffff1f'],
    ['a larger bigint', 2n ** 53n, '6e070000000000000020'],
    ['a Float', float(1), '48 3ff0000000000000'],
    ['a Float with a fraction', float(1.5), '48 3ff8000000000000'],
    ['an object', { a: 1, é: undefined }, '4f 00000002 01 61 6101 02 c3a9 7709756e646566696e6564'],
    ['an object without a key', {}, '4f 00000000'],
    [
      'a Map',
      new Map<unknown, unknown>([
        [1, 'x'],
        [1n, {}],
      ]),
      '74 00000002 6101 6d0000000178 476101 4f00000000',
    ],
    ['a Map with atoms for keys', new Map([[atom('a'), 1]]), '74 00000001 770161 6101'],
    ['a Set', new Set([1, 'a']), '53 00000002 6101 6d0000000161'],
    ['a Date', new Date(1), '54 3ff0000000000000'],
    ['an Int8Array', Int8Array.of(-1), '56 00 00000001 ff'],
    ['a Uint8ClampedArray', Uint8ClampedArray.of(9), '56 01 00000001 09'],
    ['an Int16Array', Int16Array.of(1, -2), '56 02 00000004 0100 feff'],
    ['a Uint16Array', Uint16Array.of(258), '56 03 00000002 0201'],
    ['an Int32Array', Int32Array.of(1), '56 04 00000004 01000000'],
    ['a Uint32Array', Uint32Array.of(0xfffffffe), '56 05 00000004 feffffff'],
    ['a Float32Array', Float32Array.of(1), '56 06 00000004 0000803f'],
    ['a Float64Array', Float64Array.of(1, Number.NaN), '56 07 00000010 000000000000f03f 000000000000f87f'],
    ['a BigInt64Array', BigInt64Array.of(-1n), '56 08 00000008 ffffffffffffffff'],
    ['a BigUint64Array', BigUint64Array.of(1n), '56 09 00000008 0100000000000000'],
    ['a DataView', new DataView(Uint8Array.of(1, 2).buffer), '56 0a 00000002 0102'],
    ['an ArrayBuffer', Uint8Array.of(1, 2).buffer, '56 0b 00000002 0102'],
  ])('%s', (_, value, hex) => {
    expect(written(value)).toBe(hex.replaceAll(' ', ''))
    const back = read(hex.replaceAll(' ', ''))
    deepStrictEqual(back, value)
    expect(Object.prototype.toString.call(back)).toBe(Object.prototype.toString.call(value))
  })

  test('a Date that is none stays one', () => {
    expect(written(new Date(Number.NaN))).toBe('547ff8000000000000')
    expect((read('547ff8000000000000') as Date).getTime()).toBeNaN()
  })

  test('part of a buffer is sent alone, and has one of its own when it comes', () => {
    const part = new Uint16Array(Uint16Array.of(1, 2, 3, 4).buffer, 2, 2)
    const back = through(part) as Uint16Array
    deepStrictEqual(back, Uint16Array.of(2, 3))
    expect(back.buffer.byteLength).toBe(4)
    deepStrictEqual(through(Buffer.from('ab')), Uint8Array.of(97, 98))
  })

  test('values of another realm are what they are in this one', () => {
    const theirs = runInNewContext(
      '({ set: new Set([1]), date: new Date(5), map: new Map([[1, 2]]), view: Int16Array.of(7), bytes: Uint8Array.of(8), error: new RangeError("far"), object: { a: 1 } })',
    )
    const back = through(theirs) as Record<string, never>
    expect(back).toMatchObject({ set: new Set([1]), date: new Date(5), map: new Map([[1, 2]]), object: { a: 1 } })
    deepStrictEqual([back.view, back.bytes], [Int16Array.of(7), Uint8Array.of(8)])
    expect(back.error).toBeInstanceOf(Error)
    expect(back.error).toMatchObject({ name: 'RangeError', message: 'far' })
  })
})

describe('what Erlang has, too, stays what it is', () => {
  test.each<[string, unknown]>([
    ['atoms', [atom('ok'), true, false, undefined, null]],
    ['integers and floats', [0, -1, 255, 2 ** 31, -(2 ** 40), Number.MAX_SAFE_INTEGER, 0.1, 1e300]],
    ['texts', ['', 'ö', '\ufeffx', '🙂', 'x'.repeat(5_000)]],
    ['a list of bytes', [1, 2, 3]],
    ['a list', [[], [[]], ['a']]],
    ['an improper list', improperList([1], 2)],
    ['bits', new Bits(Uint8Array.of(0xa0), 3)],
    ['a port', port],
    ['a fun', new ExportFun('lists', 'map', 2)],
  ])('%s', (_, value) => {
    deepStrictEqual(through(value), value)
  })

  test('a tuple is one, an address and a reference are the very same', () => {
    const node = { ...contextOf(), address: () => address, ref: () => ref }
    const back = readJs(writeJs(tuple(address, ref)), { address: node.address, ref: node.ref })
    expect(isTuple(back)).toBe(true)
    expect((back as unknown[])[0]).toBe(address)
    expect((back as unknown[])[1]).toBe(ref)
  })

  test('what `binaries` and `floats` say is said of Erlang: texts and numbers stay what they are', () => {
    const given = { binaries: 'bytes', floats: 'exact' } as const
    deepStrictEqual(readJs(writeJs(['a', bytes('a'), 1e300, float(2)]), given), ['a', bytes('a'), 1e300, new Float(2)])
  })
})

describe('errors', () => {
  test.each([Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])('%o', (Kind) => {
    const error = new Kind('broken')
    const back = through(error) as Error
    expect(Object.getPrototypeOf(back)).toBe(Kind.prototype)
    expect(types.isNativeError(back)).toBe(true)
    expect(back).toMatchObject({ message: 'broken', name: Kind.name, stack: error.stack })
    expect(Object.keys(back)).toEqual([])
  })

  test('one of a class of its own is an error of the nearest kind, with its name and code', () => {
    class FullError extends RangeError {
      override readonly name = 'FullError'
      readonly code = 'E_FULL'
      readonly shelf = () => 'what a program has hung on it'
    }
    const back = through(new FullError('no room')) as FullError
    expect(back).toBeInstanceOf(RangeError)
    expect(back).toMatchObject({ name: 'FullError', code: 'E_FULL', message: 'no room' })
    expect(back.shelf).toBeUndefined()
    expect(through(Object.assign(new Error('gone'), { code: -32 }))).toMatchObject({ code: -32 })
  })

  test('with its cause, when that is an error or a primitive', () => {
    const back = through(new Error('outer', { cause: new TypeError('inner', { cause: 'root' }) })) as Error
    expect(back.cause).toBeInstanceOf(TypeError)
    expect(back.cause).toMatchObject({ message: 'inner', cause: 'root' })
    expect(through(new Error('alone', { cause: { socket: () => 1 } }))).not.toHaveProperty('cause')
  })

  test('in itself it is nested too deeply, and otherwise whatever its parts are it can be sent', () => {
    const error = new Error('around')
    error.cause = error
    expect(errorOf(() => writeJs(error)).code).toBe('ERR_REIGN_TERM_DEPTH')
    const odd = new Error('x')
    Object.defineProperty(odd, 'message', {
      get() {
        throw new Error('no message')
      },
    })
    Object.assign(odd, { name: 7, stack: '\ud800', code: {} })
    expect(through(odd)).toMatchObject({ name: '', message: '', stack: '\ufffd' })
  })

  test('what Erlang has raised is its term, as everywhere', () => {
    const raised = new RaisedError(atom('badarg'), [])
    deepStrictEqual(through(raised), tuple(atom('badarg'), []))
  })
})

describe('objects', () => {
  test('keys are texts of any length and content, and no atoms: nothing of them counts, or stays', () => {
    const atoms = new AtomBudget(3)
    const object = Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`user ${i}`, i]))
    const long = { ['k'.repeat(254)]: 1, ['k'.repeat(255)]: 2, ['ö'.repeat(1_000)]: 3, '': 4 }
    deepStrictEqual(readJs(writeJs(object), { atoms }), object)
    deepStrictEqual(readJs(writeJs(long), { atoms }), long)
    expect(atoms.count).toBe(0)
  })

  test('keys that objects inherit, and array indexes, are data', () => {
    const object = JSON.parse('{"__proto__": {"x": 1}, "constructor": 2, "toString": 3, "4294967294": 4, "17": 5}')
    const back = through([object, object]) as [object, object]
    deepStrictEqual(back, [object, object])
    for (const each of back) {
      expect(Object.getPrototypeOf(each)).toBe(Object.prototype)
      expect(Object.hasOwn(each, '__proto__')).toBe(true)
    }
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })

  test('one without a prototype arrives as any other', () => {
    deepStrictEqual(through(Object.assign(Object.create(null), { a: 1 })), { a: 1 })
  })
})

describe('what cannot be sent', () => {
  class Money {}
  test.each<[string, unknown, string]>([
    ['a function', { deep: [() => 1] }, '$.deep[0]'],
    ['a symbol of its own', [Symbol('own')], '$[0]'],
    ['an instance of a class', { price: new Money() }, '$.price'],
    ['a RegExp', [/x/], '$[0]'],
    ['a promise', [Promise.resolve()], '$[0]'],
    ['shared memory', [new SharedArrayBuffer(1)], '$[0]'],
    ['a WeakMap', new Map([[1, new WeakMap()]]), '$.values[0]'],
    ['a text with a lone surrogate', ['\ud800'], '$[0]'],
    ['a key with a lone surrogate', { 'a\ud800': 1 }, '$["a\\ud800"]'],
    ['an array with holes', new Set([Array(2)]), '$[0][0]'],
    ['keys that are symbols', [{ [atom('a')]: 1 }], '$[0]'],
  ])('%s, with the path to it', (_, value, path) => {
    expect(errorOf(() => writeJs(value))).toMatchObject({ code: 'ERR_REIGN_TERM_UNSUPPORTED', path })
  })

  test.each<[string, (inner: unknown) => unknown]>([
    ['Sets', (inner) => new Set([inner])],
    ['Maps', (inner) => new Map([[1, inner]])],
    ['objects', (inner) => ({ inner })],
    ['errors', (inner) => new Error('x', { cause: inner })],
  ])('%s in each other have a bound, and so has what holds itself', (_, wrap) => {
    let nested: unknown = wrap(new Error('core'))
    for (let i = 0; i < 1_000; i++) nested = wrap(nested)
    expect(errorOf(() => writeJs(nested)).code).toBe('ERR_REIGN_TERM_DEPTH')
    const self = new Set<unknown>()
    self.add(self)
    expect(errorOf(() => writeJs(self)).code).toBe('ERR_REIGN_TERM_DEPTH')
  })

  test('the same bounds hold on both sides: what is accepted here is accepted there', () => {
    const values = [
      Array.from({ length: 120 }, () => new Date(0)),
      Array.from({ length: 120 }, () => Int8Array.of(1)),
      Array.from({ length: 80 }, () => new Error('x')),
      Array.from({ length: 250 }, () => new Uint8Array(1)),
      [new Set(Array.from({ length: 999 }, (_, i) => i))],
      Array.from({ length: 500 }, (_, i) => BigInt(i)),
      Array.from({ length: 400 }, (_, i) => ({ [`k${i}`]: i })),
    ]
    for (const value of values) {
      /** The least bound on terms with which it is accepted. */
      const accepted = (call: (bound: { termCountMax: number }) => unknown) => {
        let [refused, taken] = [0, 8_000]
        while (taken - refused > 1) {
          const termCountMax = (refused + taken) >> 1
          const isTaken = attempt(() => call({ termCountMax }))
          if (isTaken) taken = termCountMax
          else refused = termCountMax
        }
        return taken
      }
      const here = accepted((bound) => writeJs(value, bound))
      const there = accepted((bound) => readJs(writeJs(value), bound))
      expect(here).toBeLessThan(8_000)
      expect(there).toBeLessThanOrEqual(here)
    }
  })
})

/** Whether it is not too large. */
function attempt(call: () => unknown): boolean {
  try {
    call()
    return true
  } catch (error) {
    if ((error as ReignError).code !== 'ERR_REIGN_TERM_TOO_LARGE') throw error
    return false
  }
}

describe('bytes of a stranger', () => {
  test.each<[string, string]>([
    ['bytes', '42 ffffffff 00'],
    ['an object', '4f ffffffff 0000'],
    ['an object with half a pair', '4f 00000001 0161'],
    ['a key', '4f 00000001 ff ffffffff 61'],
    ['a Map', '74 ffffffff 6a6a'],
    ['a Set', '53 ffffffff 6a'],
    ['a view', '56 07 fffffff8 00'],
    ['a date', '54 3ff000'],
    ['a Float', '48 3ff000'],
    ['a bigint', '47'],
    ['an error', '57 00 6a'],
  ])('%s that is announced and not there is refused before anything is made for it', (_, hex) => {
    expect(errorOf(() => read(hex)).code).toBe('ERR_REIGN_TERM_TRUNCATED')
  })

  test.each<[string, string]>([
    ['a text that is not UTF-8', '6d 00000001 ff'],
    ['a key that is not UTF-8', '4f 00000001 01 ff 6101'],
    ['the same key twice', '4f 00000002 0161 6101 0161 6101'],
    ['the same long key twice', `4f 00000002 ${`50 ${'61'.repeat(80)} 6101`.repeat(2)}`],
    ['the same key of a Map twice', '74 00000002 6101 6101 6101 6101'],
    ['the same element twice', '53 00000002 6101 6101'],
    ['a bigint of something else', '47 6a'],
    ['a bigint that needs no mark', '47 6e070000000000000020'],
    ['a view of a kind that there is not', '56 0c 00000000'],
    ['a view with half a number', '56 07 00000004 00000000'],
    ['an error of a kind that there is not', '57 07 6d00000000 6d00000000 6d00000000 6a 6a'],
    ['an error whose message is none', '57 00 6d00000000 6101 6d00000000 6a 6a'],
    ['what a codec has written, where there is none', '43 00000001 00'],
  ])('%s is refused', (_, hex) => {
    expect(errorOf(() => read(hex)).code).toBe('ERR_REIGN_TERM_INVALID')
  })

  test('no such term is read from a node of Erlang, or by `decode`', () => {
    for (const value of [bytes('x'), {}, new Set(), new Date(), 1n, float(1), Int8Array.of(1), new Error('x')]) {
      const payload = writeJs(value)
      const reader = new TermReader(contextOf())
      reader.load(payload, 0, payload.length)
      expect(errorOf(() => reader.readPayload()).code).toBe('ERR_REIGN_TERM_TAG')
    }
  })

  test('between two payloads the reader reads what all nodes have', () => {
    const reader = new TermReader(contextOf({ javascript: true }))
    const payload = writeJs(new Set([1]))
    reader.load(payload, 0, payload.length)
    expect(errorOf(() => reader.read()).code).toBe('ERR_REIGN_TERM_TAG')
    reader.load(payload, 0, payload.length)
    deepStrictEqual(reader.readPayload(), new Set([1]))
    const map = encode({ a: 1 })
    reader.load(map, 1, map.length)
    deepStrictEqual(reader.read(), { a: 1 })
  })

  test('30,000 mutations of what is right throw nothing but coded errors', () => {
    const random = seeded(7)
    const samples = [
      { a: [new Date(5), new Set(['x', 1n])], __proto_: Uint8Array.of(1, 2, 3) },
      [Float64Array.of(1, 2), new Error('x', { cause: 'y' }), float(2), Number.NaN],
      new Map<unknown, unknown>([
        ['k', { deep: { deeper: [new TypeError('t')] } }],
        [2n, new Uint8Array(40)],
      ]),
      tuple(atom('$gen_call'), { 'a key of some length': 'ö'.repeat(30), constructor: 1 }),
    ].map((value) => writeJs(value))
    const reader = new TermReader(contextOf({ javascript: true, atoms: new AtomBudget(1_000_000) }))
    let read = 0
    for (let i = 0; i < 30_000; i++) {
      const bytes = Buffer.from(samples[i % samples.length] as Buffer)
      for (let n = 1 + random(3); n > 0; n--) bytes[random(bytes.length)] = random(256)
      const end = random(4) === 0 ? random(bytes.length) : bytes.length
      reader.load(bytes, 0, end)
      try {
        reader.readPayload()
        read++
      } catch (error) {
        if (!(error instanceof ReignError)) throw error
      }
    }
    expect(read).toBeGreaterThan(1_000)
    expect(({} as { x?: unknown }).x).toBeUndefined()
  })
})

const key = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '0', '17', '4294967294', '4294967295'),
)
/** Whatever there is in JavaScript that can be sent, in whatever else. */
const arbitraryValue = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthIdentifier: 'value', maxDepth: 4, withCrossShrink: true },
    fc.oneof(
      fc.double(),
      fc.integer(),
      fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }),
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }),
      fc.date({ noInvalidDate: true }),
      fc.float64Array({ maxLength: 8 }),
      fc.int16Array({ maxLength: 8 }),
      fc.bigInt64Array({ maxLength: 4 }),
      fc.constantFrom(true, false, undefined, null, Symbol.for('ok')),
      fc.double().map((number) => float(number)),
    ),
    fc.array(tie('value'), { maxLength: 6, depthIdentifier: 'value' }),
    fc.array(tie('value'), { maxLength: 6, depthIdentifier: 'value' }).map((elements) => tuple(...elements)),
    fc.array(tie('value'), { maxLength: 6, depthIdentifier: 'value' }).map((elements) => new Set(elements)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 5 }).map((pairs) => new Map(pairs)),
    fc.dictionary(key, tie('value'), { maxKeys: 6, noNullPrototype: true }),
  ),
})).value

test('`encode` and `decode` of whole terms know the form, too', () => {
  const value = { at: new Date(5), bytes: bytes('ab'), set: new Set([1n]) }
  const whole = encode(value, { javascript: true })
  expect(whole[0]).toBe(131)
  deepStrictEqual(decode(whole, { javascript: true }), value)
  expect(errorOf(() => decode(whole)).code).toBe('ERR_REIGN_TERM_TAG')
  expect(errorOf(() => encode(value)).code).toBe('ERR_REIGN_TERM_UNSUPPORTED')
})

test('every value comes back equal', () => {
  fc.assert(
    fc.property(arbitraryValue, (value) => {
      deepStrictEqual(through(value), value)
    }),
    { numRuns: 2_000 },
  )
})

test('every term of Erlang comes back equal', () => {
  fc.assert(
    fc.property(arbitraryTerm, (term) => {
      const back = through(term)
      deepStrictEqual(toHex(encode(back)), toHex(encode(term)))
    }),
    { numRuns: 500 },
  )
})

test('cut short at any byte it is refused', () => {
  const whole = writeJs([{ a: 1n, b: new Set([Uint8Array.of(1)]) }, new Date(1), Int16Array.of(3), new Error('e')])
  for (let end = 0; end < whole.length; end++) {
    expect(errorOf(() => readJs(whole.subarray(0, end))).code).toBe('ERR_REIGN_TERM_TRUNCATED')
  }
})
