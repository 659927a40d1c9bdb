/** Byte sequences to bytes: binaries, bit strings, and the short form for lists of bytes. */
import type { Bits } from '../term/bits.js'
import { binaryExt, bitBinaryExt, stringExt } from './tags.js'
import type { Writer } from './writer.js'

/**
 * For how many terms a `Uint8Array` counts: the empty one already takes some 200 bytes of memory, for five on the wire,
 * and the bound on terms is there to bound memory.
 */
export const bytesWeight = 4

export function writeBinary(writer: Writer, value: Uint8Array, tag: number = binaryExt): void {
  writer.u8(tag)
  writer.u32(value.length)
  writer.bulk(value)
}

export function writeBits(writer: Writer, value: Bits): void {
  writer.u8(bitBinaryExt)
  writer.u32(value.bytes.length)
  writer.u8(value.lastBits)
  writer.raw(value.bytes)
}

/**
 * Writes a list of 1 to 65535 bytes in its short form, which is how charlists travel.
 *
 * @returns `false`, and nothing written, when an element is something else.
 */
export function writeByteList(writer: Writer, list: readonly unknown[]): boolean {
  const length = list.length
  writer.reserve(3 + length)
  const buffer = writer.buffer
  const at = writer.length
  for (let i = 0; i < length; i++) {
    const element = list[i]
    if (!isByte(element)) return false
    buffer[at + 3 + i] = element
  }
  buffer[at] = stringExt
  buffer[at + 1] = length >>> 8
  buffer[at + 2] = length
  writer.length = at + 3 + length
  return true
}

/** Whether a value is an integer from 0 to 255. Minus zero is none: it is a float. */
export function isByte(value: unknown): value is number {
  return typeof value === 'number' && (value & 0xff) === value && (value !== 0 || !Object.is(value, -0))
}
