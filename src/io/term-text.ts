/**
 * Terms as Erlang writes them: `~w`, and `~p`, which shows what reads like text as text. All on one line, where Erlang breaks long ones.
 * Source: OTP's io_lib.erl and io_lib_pretty.erl.
 */
import { describe } from '../describe.js'
import { Address } from '../term/address.js'
import { atomName } from '../term/atom.js'
import { Bits } from '../term/bits.js'
import { Float } from '../term/float.js'
import { ExportFun, Fun } from '../term/fun.js'
import { ImproperList } from '../term/improper-list.js'
import { Port } from '../term/port.js'
import { Ref } from '../term/ref.js'
import { bytes } from '../term/text.js'
import { isTuple } from '../term/tuple.js'
import { binaryText, type Encoding } from './characters.js'
import { floatText } from './number-text.js'
import type { TextBudget } from './text-budget.js'

/** How a term is written. */
export interface TermStyle {
  /** Whether lists and binaries that read like text are shown as text: `~p`. */
  readonly strings: boolean
  /** Which characters read like text: those of Latin-1, or of all Unicode (`~tp`). */
  readonly encoding: Encoding
  /** Levels that are shown, in Erlang's way of counting; no bound when negative. */
  readonly depth: number
}

const reserved = new Set(
  `after and andalso band begin bnot bor bsl bsr bxor case catch cond div else end fun if let maybe not of or orelse receive rem try
  when xor`.split(/\s+/),
)
// Reserved in later releases only.
for (const later of ['else', 'maybe']) reserved.delete(later)

const latin1Name = /^[a-zß-öø-ÿ][\w@À-ÖØ-öø-ÿ]*$/
const escapes: Readonly<Record<string, string>> = {
  '\n': '\\n',
  '\t': '\\t',
  '\v': '\\v',
  '\b': '\\b',
  '\r': '\\r',
  '\f': '\\f',
  '\x1b': '\\e',
  '\x7f': '\\d',
  '\\': '\\\\',
}

/** An atom, in quotes where it needs them. */
export function atomText(name: string, encoding: Encoding): string {
  if (latin1Name.test(name) && !reserved.has(name)) return name
  return quoted(name, "'", encoding)
}

function quoted(text: string, quote: string, encoding: Encoding): string {
  let inside = ''
  for (const each of text) {
    const code = each.codePointAt(0) as number
    if (each === quote) inside += `\\${quote}`
    else if (escapes[each] !== undefined) inside += escapes[each]
    else if (code < 0x20 || (code > 0x7e && code < 0xa0)) inside += `\\${code.toString(8).padStart(3, '0')}`
    else if (code > 0xff && encoding === 'latin1') inside += `\\x{${code.toString(16).toUpperCase()}}`
    else inside += each
  }
  return `${quote}${inside}${quote}`
}

/** Control characters that text may hold, and all that is to be seen. */
const controls = '\\n\\r\\t\\v\\b\\f\\x1b'
const printableLatin1 = new RegExp(`^[${controls}\\x20-\\x7e\\xa0-\\xff]*$`)
const printableUnicode = new RegExp(
  `^[${controls}\\x20-\\x7e\\xa0-\\ud7ff\\ue000-\\ufffd\\u{10000}-\\u{10ffff}]*$`,
  'u',
)

function isPrintable(text: string, encoding: Encoding): boolean {
  return (encoding === 'latin1' ? printableLatin1 : printableUnicode).test(text)
}

/**
 * The text of a term.
 *
 * @throws `TextTooLong`.
 */
export function termText(term: unknown, style: TermStyle, budget: TextBudget): string {
  return new Writer(style, budget).write(term, style.depth)
}

class Writer {
  readonly #style: TermStyle
  readonly #budget: TextBudget

  constructor(style: TermStyle, budget: TextBudget) {
    this.#style = style
    this.#budget = budget
  }

  write(term: unknown, depth: number): string {
    if (depth === 0) return this.#spend('...')
    switch (typeof term) {
      case 'symbol':
        return this.#spend(atomText(atomName(term) ?? '', this.#style.encoding))
      case 'boolean':
      case 'undefined':
      case 'bigint':
        return this.#spend(String(term))
      case 'number':
        return this.#spend(Number.isInteger(term) && !Object.is(term, -0) ? String(BigInt(term)) : floatText(term))
      case 'string':
        return this.#binary(term, depth)
      case 'object':
        return term === null ? this.#spend('null') : this.#object(term, depth)
      default:
        return this.#spend(describe(term))
    }
  }

  #object(term: object, depth: number): string {
    if (isTuple(term)) return this.#several('{', term as readonly unknown[], '}', depth)
    if (Array.isArray(term)) return this.#list(term, depth)
    if (term instanceof Uint8Array) return this.#binary(term, depth)
    if (term instanceof Map) return this.#map(term.entries(), term.size, depth)
    if (term instanceof ImproperList) {
      if (depth === 1) return this.#spend('[...]')
      return this.#several('[', term.elements, `|${this.write(term.tail, depth - 1)}]`, depth)
    }
    if (term instanceof Bits) return this.#bits(term)
    if (term instanceof Float) return this.#spend(floatText(term.value))
    if (term instanceof Address) return this.#spend(`<${term.node}.${term.id}.${term.serial}>`)
    if (term instanceof Ref) return this.#spend(`#Ref<${String(term).replace(/^ref:/, '')}>`)
    if (term instanceof Port) return this.#spend(`#Port<${String(term).replace(/^port:/, '')}>`)
    if (term instanceof ExportFun) return this.#spend(String(term))
    if (term instanceof Fun) return this.#spend(`#Fun<${term.module}.${term.index}.${term.arity}>`)
    const prototype = Object.getPrototypeOf(term)
    if (prototype !== Object.prototype && prototype !== null) return this.#spend(describe(term))
    const entries = Object.entries(term)
    // Keys of objects are atoms to Erlang, and written so; but no atom is made of them, as anybody's texts may be such keys.
    return this.#map(entries, entries.length, depth, (key) => this.#spend(atomText(key, this.#style.encoding)))
  }

  #list(list: readonly unknown[], depth: number): string {
    if (this.#style.strings && list.length > 0) {
      const text = textIn(list)
      if (text !== undefined && isPrintable(text, this.#style.encoding)) {
        return this.#spend(quoted(text, '"', this.#style.encoding))
      }
    }
    return this.#several('[', list, ']', depth)
  }

  /** What stands between brackets; of what is deeper than it may be, and of long tails then, three dots. */
  #several(open: string, elements: readonly unknown[], close: string, depth: number): string {
    if (depth === 1 && elements.length > 0) return this.#spend(`${open}...${close}`)
    const parts: string[] = []
    let left = depth
    for (const each of elements) {
      left--
      if (left === 0 && parts.length > 0) {
        // Erlang writes a list whose tail is left out with a bar.
        const bar = open === '['
        return this.#spend(`${open}${parts.join(',')}${bar ? '|' : ','}...${close}`)
      }
      this.#budget.reserve(1)
      parts.push(this.write(each, left))
    }
    return this.#spend(open) + parts.join(',') + this.#spend(close)
  }

  #map<K>(
    entries: Iterable<readonly [K, unknown]>,
    size: number,
    depth: number,
    keyText: (key: K) => string = (key) => this.write(key, depth - 1),
  ): string {
    if (depth === 1 && size > 0) return this.#spend('#{}')
    const parts: string[] = []
    let left = depth
    for (const [key, value] of entries) {
      left--
      if (left === 0 && parts.length > 0) return this.#spend(`#{${parts.join(',')},...}`)
      this.#budget.reserve(5)
      parts.push(`${keyText(key)} => ${this.write(value, depth - 1)}`)
    }
    return this.#spend('#{') + parts.join(',') + this.#spend('}')
  }

  #binary(binary: string | Uint8Array, depth: number): string {
    if (binary.length === 0) return this.#spend('<<>>')
    const { strings, encoding } = this.#style
    if (strings) {
      const asText = encoding === 'unicode' && typeof binary === 'string' ? binary : undefined
      if (asText !== undefined && isPrintable(asText, 'unicode')) {
        const mark = /^[\0-\x7f]*$/.test(asText) ? '' : '/utf8'
        return this.#spend(`<<${quoted(asText, '"', 'unicode')}${mark}>>`)
      }
      // What is no text of Unicode may read like text all the same, byte by byte.
      const asBytes = binaryText(binary, 'latin1')
      if ((encoding === 'latin1' || typeof binary !== 'string') && isPrintable(asBytes, 'latin1')) {
        return this.#spend(`<<${quoted(asBytes, '"', 'latin1')}>>`)
      }
    }
    const all = bytes(binary)
    if (depth === 1) return this.#spend('<<...>>')
    const shown = depth < 0 || all.length <= depth ? all : all.subarray(0, depth - 1)
    this.#budget.reserve(shown.length)
    return this.#spend(`<<${Array.from(shown).join(',')}${shown === all ? '' : ',...'}>>`)
  }

  #bits(bits: Bits): string {
    const all = Array.from(bits.bytes)
    const last = all.pop() ?? 0
    const shown = [...all, `${last >> (8 - bits.lastBits)}:${bits.lastBits}`]
    this.#budget.reserve(shown.length)
    return this.#spend(`<<${shown.join(',')}>>`)
  }

  #spend(text: string): string {
    return this.#budget.spend(text)
  }
}

/** The text that a list of characters is; nothing for any other list. */
function textIn(list: readonly unknown[]): string | undefined {
  let text = ''
  for (const code of list) {
    if (typeof code !== 'number' || !Number.isInteger(code) || code < 0 || code > 0x10ffff) return undefined
    if (code >= 0xd800 && code <= 0xdfff) return undefined
    text += String.fromCodePoint(code)
  }
  return text
}
