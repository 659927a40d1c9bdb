/** Every term that was captured from a live OTP: read as OTP reads it, written as OTP writes it, refused where OTP refuses. */
import { describe, expect, test } from 'vitest'
import { Address, Bits, decode, encode, Float, Fun, tuple } from '../../src/codec/index.js'
import { errorOf, fromHex, toHex, type Vector, vectors } from './etf-kit.js'

const written = vectors.filter(({ category }) => category !== 'option' && category !== 'decode')
const judged = vectors.filter(({ category }) => category === 'decode')
const again = (hex: string) => toHex(encode(decode(fromHex(hex), { floats: 'exact' })))

/** Where we differ from `binary_to_term` on purpose: it ignores what follows a term. */
const refusedHere = ['trailing bytes']

test('there is something to test: all vectors are there', () => {
  expect(vectors.length).toBe(176)
  expect(written.length).toBe(124)
  expect(judged.length).toBe(47)
})

describe('what OTP writes', () => {
  test.each(written)('$category $term: comes back in the same bytes', ({ hex }) => {
    expect(again(hex)).toBe(hex)
  })

  test('is understood when it is written with options', () => {
    const values = Object.fromEntries(
      vectors.filter(({ category }) => category === 'option').map(({ term, hex }) => [term, decode(fromHex(hex))]),
    )
    expect(values).toEqual({
      'lists:duplicate(100,abc), [compressed,{minor_version,2}]': Array(100).fill(Symbol.for('abc')),
      'binary:copy(<<"ab">>,200), [{compressed,9}]': 'ab'.repeat(200),
      '3.14, [{minor_version,0}]': 3.14,
      'foo, [{minor_version,1}]': Symbol.for('foo'),
      'foo, [{minor_version,2}]': Symbol.for('foo'),
    })
  })
})

describe('what OTP was asked to read', () => {
  const accepted = judged.filter(({ accepted, term }) => accepted === true && !refusedHere.includes(term))
  test.each(accepted)('$term: is read, and written as OTP writes it', ({ hex, canonical }) => {
    expect(again(hex)).toBe(canonical)
  })

  const refused = judged.filter(({ accepted, term }) => accepted === false || refusedHere.includes(term))
  test.each(refused)('$term: is refused', ({ hex }) => {
    expect(errorOf(() => decode(fromHex(hex))).code).toMatch(/^ERR_REIGN_TERM_/)
  })

  test.each<[string, string]>([
    ['reference with 6 words', 'ERR_REIGN_TERM_INVALID'],
    ['MAP_EXT duplicate key', 'ERR_REIGN_TERM_INVALID'],
    ['BIT_BINARY_EXT bits 0', 'ERR_REIGN_TERM_INVALID'],
    ['BIT_BINARY_EXT len 0', 'ERR_REIGN_TERM_INVALID'],
    ['NEW_FLOAT_EXT NaN', 'ERR_REIGN_TERM_INVALID'],
    ['NEW_FLOAT_EXT +inf', 'ERR_REIGN_TERM_INVALID'],
    ['ATOM_UTF8_EXT 256 ASCII characters', 'ERR_REIGN_TERM_INVALID'],
    ['SMALL_ATOM_UTF8_EXT bad UTF-8', 'ERR_REIGN_TERM_INVALID'],
    ['ATOM_CACHE_REF outside distribution', 'ERR_REIGN_TERM_INVALID'],
    ['unknown tag 1', 'ERR_REIGN_TERM_TAG'],
    ['wrong version 130', 'ERR_REIGN_TERM_INVALID'],
    ['trailing bytes', 'ERR_REIGN_TERM_TRAILING'],
    ['truncated binary', 'ERR_REIGN_TERM_TRUNCATED'],
    ['pid with SMALL_INTEGER as node', 'ERR_REIGN_TERM_INVALID'],
    ['compressed wrong size', 'ERR_REIGN_TERM_INVALID'],
    ['compressed nested', 'ERR_REIGN_TERM_TAG'],
    ['FUN_EXT removed', 'ERR_REIGN_TERM_TAG'],
    ['LOCAL_EXT', 'ERR_REIGN_TERM_TAG'],
  ])('%s: the code says what is wrong', (term, code) => {
    const { hex } = vectors.find((vector) => vector.term === term) as Vector
    expect(errorOf(() => decode(fromHex(hex))).code).toBe(code)
  })
})

describe('a vector that is cut short', () => {
  test.each(vectors.filter(({ accepted }) => accepted !== false))(
    '$term: is refused at every length',
    ({ hex, term }) => {
      const whole = fromHex(hex)
      const length = term === 'trailing bytes' ? whole.length - 1 : whole.length
      for (let cut = 0; cut < length; cut++) {
        const { code, byteOffset } = errorOf(() => decode(whole.subarray(0, cut)))
        if (whole[1] === 80 && cut > 1) expect(code).toMatch(/^ERR_REIGN_TERM_(TRUNCATED|INVALID)$/)
        else expect(code).toBe('ERR_REIGN_TERM_TRUNCATED')
        expect(byteOffset).toBeLessThanOrEqual(cut)
      }
    },
  )
})

test('values: each kind of term becomes what the table in docs/terms.md says', () => {
  const value = (term: string) => decode(fromHex((vectors.find((vector) => vector.term === term) as Vector).hex))
  expect(value('9007199254740991')).toBe(Number.MAX_SAFE_INTEGER)
  expect(value('9007199254740992')).toBe(9007199254740992n)
  expect(value('-9007199254740993')).toBe(-9007199254740993n)
  expect(value('(1 bsl 2040) - 1')).toBe(2n ** 2040n - 1n)
  expect(value('1.0')).toBe(1)
  expect(Object.is(value('-0.0'), -0)).toBe(true)
  expect(value("'it\\'s'")).toBe(Symbol.for("it's"))
  expect(value('undefined')).toBe(undefined)
  expect(value('nil')).toBe(Symbol.for('nil'))
  expect(value('<<104,195,169>>')).toBe('hé')
  expect(value('<<5:3>>')).toEqual(new Bits(Uint8Array.of(0xa0), 3))
  expect(value('{a,{b,{c}}}')).toEqual(tuple(Symbol.for('a'), tuple(Symbol.for('b'), tuple(Symbol.for('c')))))
  expect(value('#{a => 1,b => 2}')).toEqual({ a: 1, b: 2 })
  const keyed = value('#{1 => 2, <<"k">> => [v], "s" => #{}}') as Map<unknown, unknown>
  expect([...keyed.keys()]).toEqual([1, [115], 'k'])
  const numbers = value('#{1 => y,1.0 => x}') as Map<unknown, unknown>
  expect([...numbers]).toEqual([
    [1, Symbol.for('y')],
    [new Float(1), Symbol.for('x')],
  ])
  const pid = value('external pid n@h id=16#ffffffff serial=16#ffffffff creation=1')
  expect(pid).toBeInstanceOf(Address)
  expect(String(pid)).toBe('pid:n@h:4294967295.4294967295:1')
  expect(value('closure with 1 free variable (compiled module)')).toBeInstanceOf(Fun)
})
