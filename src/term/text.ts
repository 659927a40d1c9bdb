/** Text and its Erlang forms: binaries (what most code uses) and charlists (lists of code points). */

import { check } from '../arguments.js'

const encoder = new TextEncoder()

/** The bytes of a binary, whichever way it arrived: a text gives its UTF-8. */
export function bytes(value: string | Uint8Array): Uint8Array {
  if (typeof value === 'string') return encoder.encode(value)
  check(value instanceof Uint8Array, 'a binary is a text or a Uint8Array', value)
  return value
}

/** The charlist of a text: `charlist('ab')` is Erlang's `"ab"`, the list `[97, 98]`. */
export function charlist(text: string): number[] {
  check(typeof text === 'string', 'a charlist is made of a text', text)
  return Array.from(text, (character) => character.codePointAt(0) as number)
}

/** The text of a charlist; `undefined` when the value is not a list of code points. */
export function charlistText(value: unknown): string | undefined {
  if (!Array.isArray(value)) return undefined
  let text = ''
  for (const point of value) {
    if (!Number.isInteger(point) || point < 0 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
      return undefined
    text += String.fromCodePoint(point)
  }
  return text
}
