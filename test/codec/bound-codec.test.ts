/** Codecs of others: what they are asked for, and what becomes of what they throw. */
import { deepStrictEqual } from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import { BoundCodec } from '../../src/codec/bound-codec.js'
import type { Codec } from '../../src/codec/codec.js'
import { tuple } from '../../src/codec/index.js'
import { TermError } from '../../src/errors.js'
import { bookOf, contextOf, errorOf, fromHex, toHex } from './etf-kit.js'
import { readJs, through, writeJs } from './javascript-kit.js'

class Money {
  readonly cents: number
  constructor(cents: number) {
    this.cents = cents
  }
}

const money: Codec = {
  name: 'money',
  encode: (value) => (value instanceof Money ? Uint8Array.of(value.cents) : undefined),
  decode: (bytes) => new Money(bytes[0] as number),
}

/** A codec as a node has it. */
function bind(codec: Partial<Codec>): BoundCodec {
  const { book } = bookOf('test@127.0.0.1')
  const refLeaves = book.refLeaves.bind(book)
  return new BoundCodec({ ...money, ...codec }, { refLeaves, javascript: true }, contextOf({ javascript: true }))
}

const encodes = (codec: Partial<Codec>, value: unknown) => errorOf(() => writeJs(value, { codec: bind(codec) }))
const decodes = (codec: Partial<Codec>, hex = '43 00000001 05') =>
  errorOf(() => readJs(fromHex(hex), { codec: bind(codec) }))

describe('a codec', () => {
  test('is asked for the message as a whole, and for each object in it that has no form', () => {
    const asked: unknown[] = []
    const codec = bind({
      encode: (value, terms) => {
        asked.push(value)
        return money.encode(value, terms)
      },
    })
    const message = { prices: [new Money(5), 1, new Date(0)], list: tuple(new Money(7)) }
    deepStrictEqual(through(message, codec), message)
    expect(asked).toEqual([message, message.prices[0], message.list[0]])
  })

  test('may take a message whole, whatever it is', () => {
    const json = bind({
      encode: (value) => Buffer.from(JSON.stringify(value)),
      decode: (bytes) => JSON.parse(Buffer.from(bytes).toString()),
    })
    expect(toHex(writeJs([1], { codec: json }))).toBe('43000000035b315d')
    expect(through({ a: [1, 'x'] }, json)).toEqual({ a: [1, 'x'] })
    expect(through('text', json)).toBe('text')
  })

  test('leaves to the node what only that can write: an address comes back as the very object', () => {
    const { book } = bookOf('test@127.0.0.1')
    const address = book.address('a@127.0.0.1', 5, 0, 7)
    const decoding = { ...contextOf({ javascript: true }), address: () => address }
    const refLeaves = book.refLeaves.bind(book)
    const codec = new BoundCodec(
      {
        name: 'parts',
        encode: (value, terms) => (value instanceof Map ? terms.encode([...value.values()]) : undefined),
        decode: (bytes, terms) => terms.decode(bytes),
      },
      { refLeaves, javascript: true },
      decoding,
    )
    const back = readJs(writeJs(new Map([[1, address]]), { codec }), { codec }) as unknown[]
    expect(back[0]).toBe(address)
  })

  test('is not asked for the parts that it leaves to the node: those are what can be sent without it', () => {
    const codec = { encode: (_: unknown, terms: Parameters<Codec['encode']>[1]) => terms.encode([new Money(1)]) }
    expect(encodes(codec, 1)).toMatchObject({ code: 'ERR_REIGN_TERM_UNSUPPORTED', path: '$[0]' })
  })

  test('gets all the bytes of a large one', () => {
    let seen: Uint8Array = new Uint8Array()
    const codec = bind({
      encode: () => new Uint8Array(300_000).fill(7),
      decode: (bytes) => {
        seen = bytes
      },
    })
    through(1, codec)
    expect(seen).toHaveLength(300_000)
    expect(seen.every((byte) => byte === 7)).toBe(true)
  })
})

describe('what goes wrong', () => {
  const failing = () => {
    throw new Error('out of sorts')
  }

  test.each<[string, Partial<Codec>, string]>([
    ['it throws', { encode: failing }, 'the codec money cannot write this: Error: out of sorts'],
    ['it gives no bytes', { encode: () => 'text' as never }, 'the codec money gave something else than bytes'],
  ])('as it writes: %s', (_, codec, message) => {
    const error = encodes(codec, 1)
    expect(error.code).toBe('ERR_REIGN_TERM_UNSUPPORTED')
    expect(error.message).toContain(message)
  })

  test('as it reads: it throws anything at all', () => {
    const error = decodes({ decode: failing })
    expect(error.code).toBe('ERR_REIGN_TERM_INVALID')
    expect(error.cause).toMatchObject({ message: 'out of sorts' })
    const odd = decodes({
      decode: () => {
        throw undefined
      },
    })
    expect(odd.code).toBe('ERR_REIGN_TERM_INVALID')
  })

  test('errors with a code of ours stay what they are, in both directions', () => {
    const own = new TermError('ERR_REIGN_TERM_TOO_LARGE', 'more than I take')
    const throwing = () => {
      throw own
    }
    expect(encodes({ encode: throwing }, 1)).toBe(own)
    expect(decodes({ decode: throwing })).toBe(own)
  })

  test('parts that are no terms, or more than one', () => {
    const parts: Partial<Codec> = { decode: (bytes, terms) => terms.decode(bytes) }
    expect(decodes(parts, '43 00000001 00').code).toBe('ERR_REIGN_TERM_TAG')
    expect(decodes(parts, '43 00000002 6a6a').code).toBe('ERR_REIGN_TERM_TRAILING')
    expect(decodes(parts, '43 00000000').code).toBe('ERR_REIGN_TERM_TRUNCATED')
    expect(decodes(parts, '43 000000ff 00').code).toBe('ERR_REIGN_TERM_TRUNCATED')
  })
})
