/** Bytes to texts. Strict: what is not valid UTF-8 is no text; a byte order mark is a character like any other. */
import { constants, isUtf8 } from 'node:buffer'

/** Bytes up to which a loop in JavaScript beats the call into native code. */
const loopBytesMax = 20
/** Bytes looked at before a longer binary is handed to native code: most binaries that are no text show it there. */
const prefixBytes = 32
/** Bytes from which it pays to check first: below, a needless text is cheaper than a needless call. */
const checkBytesMin = 4_096

/** For each length up to {@link loopBytesMax} an array to gather the code units of a text in. */
const unitsOfLength: readonly number[][] = Array.from({ length: loopBytesMax + 1 }, (_, length) =>
  Array(length).fill(0),
)

/** The text of these bytes; `undefined` when they are not valid UTF-8, or more than a string can hold. */
export function textOf(bytes: Buffer, start: number, length: number): string | undefined {
  const end = start + length
  if (length > loopBytesMax) return longTextOf(bytes, start, end)
  const units = unitsOfLength[length] as number[]
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i] as number
    if (byte > 0x7f) return isUtf8From(bytes, start + i, end, end) ? bytes.toString('utf8', start, end) : undefined
    units[i] = byte
  }
  return String.fromCharCode(...units)
}

function longTextOf(bytes: Buffer, start: number, end: number): string | undefined {
  if (end - start > constants.MAX_STRING_LENGTH) return undefined
  if (!isUtf8From(bytes, start, Math.min(start + prefixBytes, end), end)) return undefined
  const checked = end - start >= checkBytesMin
  if (checked && !isUtf8(bytes.subarray(start, end))) return undefined
  const text = bytes.toString('utf8', start, end)
  // Bytes that are not valid become U+FFFD; so does U+FFFD itself, and only then is a second look needed.
  if (!checked && text.includes('\ufffd') && !isUtf8(bytes.subarray(start, end))) return undefined
  return text
}

/** Whether every character that starts from `from` to before `until` is valid UTF-8 and complete before `end`. */
function isUtf8From(bytes: Uint8Array, from: number, until: number, end: number): boolean {
  let at = from
  while (at < until) {
    const lead = bytes[at++] as number
    if (lead < 0x80) continue
    if (lead < 0xc2 || lead > 0xf4) return false
    const more = lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : 3
    if (at + more > end) return false
    // The second byte also keeps out over-long forms, surrogates, and what is past U+10FFFF.
    const second = bytes[at] as number
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
    if (second < low || second > high) return false
    for (let i = 1; i < more; i++) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return false
    at += more
  }
  return true
}
