/** Integers and floats, in the shortest form that Erlang itself would choose: equal terms give equal bytes. */
import { integerExt, largeBigExt, newFloatExt, smallBigExt, smallIntegerExt } from './tags.js'
import type { Writer } from './writer.js'

const scratchFloat = new Float64Array(1)
const scratchWords = new Uint32Array(scratchFloat.buffer)
const scratchBig = new BigUint64Array(scratchFloat.buffer)
/** Which of the two words holds sign and exponent: depends on the byte order of this machine. */
const highWord = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0
const lowWord = 1 - highWord

/**
 * Writes a number: a safe integer as an integer, all else as a float (so `1e20` and `-0` are floats).
 *
 * @returns `false` for NaN and the infinities, which Erlang has no term for.
 */
export function writeNumber(writer: Writer, value: number): boolean {
  const int = value | 0
  if (int === value && (int !== 0 || !Object.is(value, -0))) {
    writeInt32(writer, int)
    return true
  }
  if (Number.isSafeInteger(value) && value !== 0) {
    writeSafeInteger(writer, value)
    return true
  }
  return writeFloat(writer, value)
}

function writeInt32(writer: Writer, value: number): void {
  writer.reserve(5)
  const buffer = writer.buffer
  const at = writer.length
  if (value >= 0 && value <= 255) {
    buffer[at] = smallIntegerExt
    buffer[at + 1] = value
    writer.length = at + 2
    return
  }
  buffer[at] = integerExt
  writer.patchU32(at + 1, value)
  writer.length = at + 5
}

function writeSafeInteger(writer: Writer, value: number): void {
  const magnitude = Math.abs(value)
  const low = magnitude >>> 0
  writeMagnitude(writer, value < 0, low, (magnitude - low) / 0x1_0000_0000)
}

/** Beyond 32 bits: 4 to 8 bytes of magnitude, the low ones first. */
function writeMagnitude(writer: Writer, negative: boolean, low: number, high: number): void {
  writer.reserve(11)
  const buffer = writer.buffer
  const at = writer.length
  buffer[at] = smallBigExt
  buffer[at + 2] = negative ? 1 : 0
  buffer[at + 3] = low
  buffer[at + 4] = low >>> 8
  buffer[at + 5] = low >>> 16
  buffer[at + 6] = low >>> 24
  let end = at + 7
  for (let rest = high; rest > 0; rest >>>= 8) buffer[end++] = rest
  buffer[at + 1] = end - at - 3
  writer.length = end
}

/** Writes a float, whatever its value. `false` for NaN and the infinities. */
export function writeFloat(writer: Writer, value: number): boolean {
  if (!Number.isFinite(value)) return false
  writeDouble(writer, newFloatExt, value)
  return true
}

/** Writes any number at all, as what follows that tag. */
export function writeDouble(writer: Writer, tag: number, value: number): void {
  writer.reserve(9)
  const at = writer.length
  scratchFloat[0] = value
  writer.buffer[at] = tag
  writer.patchU32(at + 1, scratchWords[highWord] as number)
  writer.patchU32(at + 5, scratchWords[lowWord] as number)
  writer.length = at + 9
}

/**
 * Writes a big integer.
 *
 * @returns `false` when its magnitude has more than `bytesMax` bytes.
 */
export function writeBigInt(writer: Writer, value: bigint, bytesMax: number): boolean {
  if (BigInt.asIntN(32, value) === value) {
    writeInt32(writer, Number(value))
    return true
  }
  const negative = value < 0n
  const magnitude = negative ? -value : value
  if (BigInt.asUintN(64, magnitude) === magnitude) {
    scratchBig[0] = magnitude
    writeMagnitude(writer, negative, scratchWords[lowWord] as number, scratchWords[highWord] as number)
    return true
  }
  // Through hexadecimal text, which takes time in proportion to the length; dividing step by step takes its square.
  const hex = magnitude.toString(16)
  const bytes = (hex.length + 1) >>> 1
  if (bytes > bytesMax) return false
  if (bytes <= 255) {
    writer.u8(smallBigExt)
    writer.u8(bytes)
  } else {
    writer.u8(largeBigExt)
    writer.u32(bytes)
  }
  writer.u8(negative ? 1 : 0)
  writer.raw(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').reverse())
  return true
}
