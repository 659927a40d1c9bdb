/** Properties: what is encoded comes back, in one form, however it is read. */
import { deepStrictEqual } from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { test } from 'vitest'
import { keyText } from '../../src/codec/encode.js'
import { bytes, decode, encode, Float, Tuple, tuple } from '../../src/codec/index.js'
import { arbitraryTerm, arbitraryNode as node } from './arbitrary-term.js'
import { toHex } from './etf-kit.js'

const options = { node, floats: 'exact' } as const
const runs = { numRuns: 1_500 }

test('every term comes back equal, and is written again in the same bytes', () => {
  fc.assert(
    fc.property(arbitraryTerm, (term) => {
      const written = encode(term, { node })
      const back = decode(written, options)
      deepStrictEqual(back, term)
      deepStrictEqual(toHex(encode(back, { node })), toHex(written))
    }),
    runs,
  )
})

test('read with the everyday options, a term is the same but for Floats and texts', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.double({ noNaN: true, noDefaultInfinity: true }))),
      (list) => {
        deepStrictEqual(decode(encode(list)), list)
        const asBytes = (decode(encode(list), { binaries: 'bytes' }) as unknown[]).map((value) =>
          value instanceof Uint8Array ? Buffer.from(value).toString() : value,
        )
        deepStrictEqual(asBytes, list)
      },
    ),
    runs,
  )
})

test('numbers: a float is told from an integer as far as it can be', () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      const exact = decode(encode(value), options)
      if (Number.isSafeInteger(value) && !Object.is(value, -0)) deepStrictEqual(exact, value)
      else deepStrictEqual(exact, Number.isInteger(value) ? new Float(value) : value)
      deepStrictEqual(decode(encode(value)), value)
      deepStrictEqual(decode(encode(new Float(value))), value)
    }),
    runs,
  )
})

test('a binary of any bytes comes back as text when they are UTF-8, else as they are', () => {
  // Mostly bytes that have a part in UTF-8, so that both cases and all their borders come up.
  const byte = fc.oneof(
    fc.constantFrom(0x61, 0x80, 0xbf, 0xc2, 0xe0, 0xed, 0xa0, 0x9f, 0xf0, 0x90, 0xf4, 0x8f, 0xef),
    fc.nat(255),
  )
  fc.assert(
    fc.property(fc.array(byte, { maxLength: 60 }), fc.nat(40), (list, padding) => {
      const value = Uint8Array.from([...Buffer.alloc(padding, 'p'), ...list])
      const back = decode(encode(value)) as string | Uint8Array
      deepStrictEqual(typeof back === 'string', isText(value))
      deepStrictEqual(Buffer.from(bytes(back)), Buffer.from(value))
    }),
    { numRuns: 10_000 },
  )

  function isText(value: Uint8Array): boolean {
    try {
      new TextDecoder('utf-8', { fatal: true }).decode(value)
      return true
    } catch {
      return false
    }
  }
})

test('the text of a key is the same for the same term, in whatever order its pairs stand, and only for it', () => {
  fc.assert(
    fc.property(arbitraryTerm, arbitraryTerm, (one, other) => {
      deepStrictEqual(keyText(turned(decode(encode(one, { node }), options))), keyText(one))
      deepStrictEqual(keyText(one) === keyText(other), isDeepStrictEqual(one, other))
    }),
    runs,
  )

  /** The same term with the pairs of its maps the other way round. */
  function turned(value: unknown): unknown {
    if (value instanceof Map) return new Map([...value].reverse().map(([key, inner]) => [turned(key), turned(inner)]))
    if (value instanceof Tuple) return tuple(...value.map(turned))
    if (Array.isArray(value)) return value.map(turned)
    if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, turned(inner)]),
    )
  }
})
