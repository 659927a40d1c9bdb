/** Texts to UTF-8: as the bytes of a binary, and as the name of an atom. */
import { atomCharactersMax } from '../term/atom.js'
import { atomUtf8Ext, binaryExt, smallAtomUtf8Ext } from './tags.js'
import type { Writer } from './writer.js'

/** Code units up to which a loop beats the call into native code. */
const loopUnitsMax = 24
/** Code units from which it pays to measure first, and not to reserve three bytes for each. */
const measureUnitsMin = 4_096
/** The length of a key has one byte up to here; what stands in that byte of a longer one. */
export const shortKeyBytesMax = 254
export const longKeyMark = 255

/**
 * Writes a text as a binary.
 *
 * @returns `false` when it holds a lone surrogate, which UTF-8 cannot express; nothing has been written then.
 */
export function writeText(writer: Writer, text: string): boolean {
  const units = text.length
  if (units > loopUnitsMax) return writeLongText(writer, text)
  writer.reserve(5 + units * 3)
  const buffer = writer.buffer
  const start = writer.length
  let at = start + 5
  for (let i = 0; i < units; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) {
      at = writeUtf8(buffer, at, text, i)
      if (at < 0) return false
      break
    }
    buffer[at++] = unit
  }
  buffer[start] = binaryExt
  writer.patchU32(start + 1, at - start - 5)
  writer.length = at
  return true
}

function writeLongText(writer: Writer, text: string): boolean {
  const bytesMax = text.length < measureUnitsMin ? text.length * 3 : Buffer.byteLength(text)
  if (text.length >= measureUnitsMin && writer.takesAside(bytesMax)) return putTextAside(writer, text, bytesMax)
  writer.reserve(5 + bytesMax)
  const start = writer.length
  const written = native(writer.buffer).write(text, start + 5, bytesMax, 'utf8')
  // As many bytes as code units: it was all ASCII.
  if (written !== text.length && !text.isWellFormed()) return false
  writer.buffer[start] = binaryExt
  writer.patchU32(start + 1, written)
  writer.length = start + 5 + written
  return true
}

function putTextAside(writer: Writer, text: string, length: number): boolean {
  writer.mayHold(length)
  const bytes = Buffer.allocUnsafeSlow(length)
  bytes.write(text, 'utf8')
  if (length !== text.length && !text.isWellFormed()) return false
  writer.u8(binaryExt)
  writer.u32(length)
  writer.putAside(bytes)
  return true
}

/**
 * Writes the atom of that name; most are short and ASCII.
 *
 * @returns `undefined`, or what is wrong with the name when Erlang could not hold the atom; nothing is written then.
 */
export function writeAtomName(writer: Writer, name: string): string | undefined {
  const units = name.length
  if (units > atomCharactersMax) return writeLongAtomName(writer, name)
  writer.reserve(3 + units * 3)
  const buffer = writer.buffer
  const start = writer.length
  let at = start + 2
  for (let i = 0; i < units; i++) {
    const unit = name.charCodeAt(i)
    if (unit > 0x7f) return writeLongAtomName(writer, name)
    buffer[at++] = unit
  }
  buffer[start] = smallAtomUtf8Ext
  buffer[start + 1] = units
  writer.length = at
  return undefined
}

/**
 * Writes the key of an object: a byte with its length, or 255 and four of them, and its UTF-8. No atom: any text will do.
 *
 * @returns `undefined`, or what is wrong with the key; nothing is written then.
 */
export function writeKey(writer: Writer, key: string): string | undefined {
  const units = key.length
  if (units > shortKeyBytesMax) return writeLongKey(writer, key)
  writer.reserve(1 + units)
  const buffer = writer.buffer
  let at = writer.length + 1
  for (let i = 0; i < units; i++) {
    const unit = key.charCodeAt(i)
    if (unit > 0x7f) return writeLongKey(writer, key)
    buffer[at++] = unit
  }
  buffer[writer.length] = units
  writer.length = at
  return undefined
}

function writeLongKey(writer: Writer, key: string): string | undefined {
  if (!key.isWellFormed()) return 'a lone surrogate cannot be part of a key'
  const bytes = Buffer.byteLength(key)
  writer.reserve(5 + bytes)
  if (bytes <= shortKeyBytesMax) writer.u8(bytes)
  else {
    writer.u8(longKeyMark)
    writer.u32(bytes)
  }
  writer.length += native(writer.buffer).write(key, writer.length, bytes, 'utf8')
  return undefined
}

function writeLongAtomName(writer: Writer, name: string): string | undefined {
  // At most two code units per character: longer ones need not be counted.
  if (
    name.length > 2 * atomCharactersMax ||
    (name.length > atomCharactersMax && [...name].length > atomCharactersMax)
  ) {
    return `an atom has at most ${atomCharactersMax} characters`
  }
  if (!name.isWellFormed()) return 'a lone surrogate cannot be part of an atom'
  const bytes = Buffer.byteLength(name)
  writer.reserve(3 + bytes)
  if (bytes <= 255) {
    writer.u8(smallAtomUtf8Ext)
    writer.u8(bytes)
  } else {
    writer.u8(atomUtf8Ext)
    writer.u16(bytes)
  }
  writeUtf8(writer.buffer, writer.length, name, 0)
  writer.length += bytes
  return undefined
}

/** Writes the code units from `from` on; gives the offset after them, or -1 at a lone surrogate. */
function writeUtf8(buffer: Uint8Array, offset: number, text: string, from: number): number {
  let at = offset
  for (let i = from; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0x80) {
      buffer[at++] = unit
    } else if (unit < 0x800) {
      buffer[at++] = 0xc0 | (unit >>> 6)
      buffer[at++] = 0x80 | (unit & 0x3f)
    } else if (unit < 0xd800 || unit > 0xdfff) {
      buffer[at++] = 0xe0 | (unit >>> 12)
      buffer[at++] = 0x80 | ((unit >>> 6) & 0x3f)
      buffer[at++] = 0x80 | (unit & 0x3f)
    } else {
      const low = i + 1 < text.length ? text.charCodeAt(++i) : 0
      if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) return -1
      const point = 0x10000 + ((unit & 0x3ff) << 10) + (low & 0x3ff)
      buffer[at++] = 0xf0 | (point >>> 18)
      buffer[at++] = 0x80 | ((point >>> 12) & 0x3f)
      buffer[at++] = 0x80 | ((point >>> 6) & 0x3f)
      buffer[at++] = 0x80 | (point & 0x3f)
    }
  }
  return at
}

/** The same bytes with the native methods of a Buffer. A writer's own buffers are Buffers; an owner may have swapped. */
function native(buffer: Uint8Array): Buffer {
  return buffer instanceof Buffer ? buffer : Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength)
}
