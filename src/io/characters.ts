/**
 * The text in Erlang's `chardata` and `iodata`: characters and binaries in lists, however nested. Source: OTP's unicode.erl, io_lib.erl.
 */
import { ImproperList } from '../term/improper-list.js'
import { bytes } from '../term/text.js'
import { isTuple } from '../term/tuple.js'
import type { TextBudget } from './text-budget.js'

/** What binaries hold, and how far characters go: UTF-8 and all of Unicode, or bytes. */
export type Encoding = 'unicode' | 'latin1'

/** What is no text in that encoding. */
export class NoText extends Error {
  override readonly name: string = 'NoText'
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of a binary. One that is no UTF-8 is read as bytes where that is allowed, as `~ts` does. */
export function binaryText(binary: string | Uint8Array, encoding: Encoding, lenient = false): string {
  // A binary that is valid UTF-8 has come as text; where bytes are meant, it has to become bytes again.
  if (encoding === 'latin1') return Buffer.from(bytes(binary)).toString('latin1')
  if (typeof binary === 'string') return binary
  try {
    return utf8.decode(binary)
  } catch {
    if (lenient) return Buffer.from(binary).toString('latin1')
    throw new NoText()
  }
}

/**
 * The text of characters and binaries in lists.
 *
 * @throws `NoText` for what is none, `TextTooLong` for what is too much.
 */
export function charactersText(data: unknown, encoding: Encoding, budget: TextBudget, lenient = false): string {
  const parts: string[] = []
  const add = (part: unknown): void => {
    if (typeof part === 'number') parts.push(budget.spend(character(part, encoding)))
    else if (typeof part === 'string' || part instanceof Uint8Array) {
      parts.push(budget.spend(binaryText(part, encoding, lenient)))
    } else if (Array.isArray(part) && !isTuple(part)) {
      for (const each of part) add(each)
    } else if (part instanceof ImproperList && typeof part.tail !== 'number') {
      for (const each of part.elements) add(each)
      add(part.tail)
    } else throw new NoText()
  }
  if (typeof data === 'number') throw new NoText()
  add(data)
  return parts.join('')
}

/** One character. */
export function character(code: number, encoding: Encoding): string {
  const max = encoding === 'latin1' ? 0xff : 0x10ffff
  const isSurrogate = code >= 0xd800 && code <= 0xdfff
  if (!Number.isInteger(code) || code < 0 || code > max || isSurrogate) throw new NoText()
  return String.fromCodePoint(code)
}
