/** The output buffer: integers of each size, growth, truncation, and the bound on its length. */
import { describe, expect, test } from 'vitest'
import { encodeTerm } from '../../src/codec/encode.js'
import { Writer } from '../../src/codec/writer.js'
import { bookOf, errorOf, toHex } from './etf-kit.js'

const hexOf = (writer: Writer) => toHex(writer.buffer.subarray(0, writer.length))

test("integers are big-endian, and signed ones their two's complement", () => {
  const writer = new Writer(1)
  writer.u8(0x101)
  writer.u16(0x12345)
  writer.u32(0xdeadbeef)
  writer.u32(-2)
  writer.u64(0x0123456789abcdefn)
  expect(hexOf(writer)).toBe(`01${'2345'}deadbeef${'fffffffe'}0123456789abcdef`)
})

describe('growing', () => {
  test('keeps what was written, from any size on', () => {
    for (const size of [0, 1, 7, 64]) {
      const writer = new Writer(size)
      const bytes = Uint8Array.from({ length: 1_000 }, (_, i) => i)
      for (let at = 0; at < 1_000; at += 100) writer.raw(bytes.subarray(at, at + 100))
      for (const byte of bytes) writer.u8(byte)
      expect(hexOf(writer)).toBe(toHex(bytes).repeat(2))
    }
  })

  test('doubles, so that a million bytes take some twenty copies', () => {
    const writer = new Writer(1)
    const buffers = new Set<Uint8Array>()
    for (let i = 0; i < 1_000_000; i++) {
      writer.u8(i)
      buffers.add(writer.buffer)
    }
    expect(buffers.size).toBeLessThan(22)
  })

  test('reserved room is there, and lengths can be filled in afterwards', () => {
    const writer = new Writer(4)
    writer.u8(1)
    writer.u32(0)
    writer.reserve(1_000)
    const { buffer } = writer
    for (let i = 0; i < 1_000; i++) writer.u8(0)
    expect(writer.buffer).toBe(buffer)
    writer.patchU32(1, writer.length - 5)
    expect(hexOf(writer).slice(0, 10)).toBe('01000003e8')
  })
})

test('another buffer may be put in its place, a plain one, too', () => {
  const writer = new Writer(16)
  writer.raw(Uint8Array.of(1, 2, 3))
  const filled = writer.buffer.subarray(0, writer.length)
  writer.buffer = new Uint8Array(2)
  writer.length = 0
  encodeTerm(writer, ['a text of more than twenty-four characters', 'é'.repeat(40)], bookOf('n@h').book)
  expect(toHex(filled)).toBe('010203')
  expect(hexOf(writer)).toContain(Buffer.from('a text of more than twenty-four characters').toString('hex'))
  writer.buffer = new Uint8Array(4_096)
  writer.length = 0
  encodeTerm(writer, 'a text of more than twenty-four characters', bookOf('n@h').book)
  expect(hexOf(writer)).toBe(`6d0000002a${Buffer.from('a text of more than twenty-four characters').toString('hex')}`)
})

test('past its bound it neither grows nor takes another term', () => {
  const { book } = bookOf('n@h')
  const writer = new Writer(16)
  writer.lengthMax = 100
  for (const length of [96, 1_000, 1_000_000]) {
    expect(errorOf(() => encodeTerm(writer, 'x'.repeat(length), book)).code).toBe('ERR_REIGN_TERM_TOO_LARGE')
    expect(errorOf(() => encodeTerm(writer, Array(length).fill('x'), book)).code).toBe('ERR_REIGN_TERM_TOO_LARGE')
    expect(writer.buffer.length).toBeLessThan(20_000)
    writer.truncate(0)
  }
  writer.truncate(0)
  encodeTerm(writer, 'x'.repeat(95), book)
  expect(writer.length).toBe(100)
  // A slab may be larger than what one term may fill of it.
  const slab = new Writer(1_000)
  slab.lengthMax = 100
  expect(errorOf(() => encodeTerm(slab, 'x'.repeat(96), book)).code).toBe('ERR_REIGN_TERM_TOO_LARGE')
  expect(slab.busy).toBe(false)
})
