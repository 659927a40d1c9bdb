/**
 * Erlang's `io_lib:format`: what `io:format` on another node asks the process to do that its output goes to.
 *
 * All control sequences of OTP 25, with their fields and modifiers; `~p` breaks no lines. Source: OTP's io_lib_format.erl.
 */
import { atomName } from '../term/atom.js'
import { Float } from '../term/float.js'
import { isTuple } from '../term/tuple.js'
import { binaryText, character, charactersText, type Encoding, NoText } from './characters.js'
import { exponentText, fixedText, generalText } from './number-text.js'
import { termText } from './term-text.js'
import { type TextBudget, TextTooLong } from './text-budget.js'

/** A format that is none, or arguments that do not fit it: Erlang's `badarg`. */
export class BadFormat extends Error {
  override readonly name: string = 'BadFormat'
}

/** Fields are numbers up to this; longer text would be too long anyway. */
const fieldMax = 1_000_000

interface Spec {
  readonly width: number | undefined
  readonly left: boolean
  readonly precision: number | undefined
  readonly pad: string
  readonly encoding: Encoding
  readonly strings: boolean
  readonly control: string
  readonly args: readonly unknown[]
}

/** How many arguments each control sequence takes. */
const argumentsOf: Readonly<Record<string, number>> = {
  w: 1,
  p: 1,
  W: 2,
  P: 2,
  s: 1,
  e: 1,
  f: 1,
  g: 1,
  b: 1,
  B: 1,
  x: 2,
  X: 2,
  '+': 1,
  '#': 1,
  c: 1,
  '~': 0,
  n: 0,
  i: 1,
}

/**
 * The text of a format and its arguments.
 *
 * @throws `BadFormat`; `TextTooLong` when the text would be longer than the budget allows.
 */
export function formatText(format: unknown, args: unknown, budget: TextBudget): string {
  if (!Array.isArray(args) || isTuple(args)) throw new BadFormat()
  try {
    const text = formatOf(format, budget)
    return new Formatter(Array.from(text), args, budget).run()
  } catch (error) {
    if (error instanceof NoText) throw new BadFormat()
    throw error
  }
}

function formatOf(format: unknown, budget: TextBudget): string {
  if (typeof format === 'symbol') return atomName(format) ?? ''
  // A binary is taken byte by byte, as Erlang does.
  if (typeof format === 'string' || format instanceof Uint8Array) return budget.spend(binaryText(format, 'latin1'))
  return charactersText(format, 'unicode', budget)
}

class Formatter {
  readonly #format: readonly string[]
  readonly #args: readonly unknown[]
  readonly #budget: TextBudget
  #at = 0
  #used = 0

  constructor(format: readonly string[], args: readonly unknown[], budget: TextBudget) {
    this.#format = format
    this.#args = args
    this.#budget = budget
  }

  run(): string {
    const parts: string[] = []
    while (this.#at < this.#format.length) {
      const each = this.#next()
      parts.push(each === '~' ? this.#sequence(this.#spec()) : each)
    }
    if (this.#used !== this.#args.length) throw new BadFormat()
    return parts.join('')
  }

  #sequence(spec: Spec): string {
    this.#budget.reserve(spec.width ?? 0)
    const text = this.#text(spec)
    // What terms and strings cost was taken when they were written.
    return /[wWpPs]/.test(spec.control) ? text : this.#budget.spend(text)
  }

  #next(): string {
    const each = this.#format[this.#at++]
    if (each === undefined) throw new BadFormat()
    return each
  }

  #takes(wanted: string): boolean {
    if (this.#format[this.#at] !== wanted) return false
    this.#at++
    return true
  }

  #argument(): unknown {
    if (this.#used >= this.#args.length) throw new BadFormat()
    return this.#args[this.#used++]
  }

  /** `F.P.PadModC`. */
  #spec(): Spec {
    const minus = this.#takes('-')
    const field = this.#field()
    const left = minus !== (field !== undefined && field < 0)
    const width = field === undefined ? undefined : bounded(Math.abs(field))
    let precision: number | undefined
    let pad = ' '
    if (this.#takes('.')) {
      const given = this.#field()
      precision = given === undefined ? undefined : bounded(given)
      if (this.#takes('.')) pad = this.#takes('*') ? character(integer(this.#argument()), 'unicode') : this.#next()
    }
    let [encoding, strings]: [Encoding, boolean] = ['latin1', true]
    for (;;) {
      if (this.#takes('t')) encoding = 'unicode'
      else if (this.#takes('l')) strings = false
      else break
    }
    const control = this.#next()
    const count = Object.hasOwn(argumentsOf, control) ? argumentsOf[control] : undefined
    if (count === undefined) throw new BadFormat()
    const args = Array.from({ length: count }, () => this.#argument())
    return { width, left, precision, pad, encoding, strings, control, args }
  }

  #field(): number | undefined {
    if (this.#takes('*')) return integer(this.#argument())
    let digits = ''
    while (/^[0-9]$/.test(this.#format[this.#at] ?? '')) digits += this.#next()
    return digits === '' ? undefined : bounded(Number(digits))
  }

  #text(spec: Spec): string {
    const { control, encoding, precision } = spec
    const [arg, extra] = spec.args
    switch (control) {
      case '~':
        return repeated('~', spec)
      case 'n':
        return '\n'.repeat(spec.width ?? 1)
      case 'c': {
        const code = integer(arg)
        return repeated(character(encoding === 'unicode' ? code : code & 255, 'unicode'), spec)
      }
      case 'i':
        return ''
      case 's':
        return stringField(this.#string(arg, encoding), spec)
      case 'w':
        return termField(this.#term(arg, spec, -1, false), spec)
      case 'W':
        return termField(this.#term(arg, spec, integer(extra), false), spec)
      case 'p':
        return this.#term(arg, spec, -1, spec.strings)
      case 'P':
        return this.#term(arg, spec, integer(extra), spec.strings)
      case 'f':
        return termField(fixedText(real(arg), atLeast(1, precision ?? 6)), { ...spec, precision: undefined })
      case 'e':
        return termField(exponentText(real(arg), atLeast(2, precision ?? 6)), { ...spec, precision: undefined })
      case 'g':
        return termField(generalText(real(arg), atLeast(1, precision ?? 6)), { ...spec, precision: undefined })
      default:
        return termField(this.#integer(spec), { ...spec, precision: undefined })
    }
  }

  #term(term: unknown, spec: Spec, depth: number, strings: boolean): string {
    return termText(term, { strings, encoding: spec.encoding, depth }, this.#budget)
  }

  #string(value: unknown, encoding: Encoding): string {
    if (typeof value === 'symbol') return atomName(value) ?? ''
    if (typeof value === 'boolean' || value === undefined || value === null) return String(value)
    return charactersText(value, encoding, this.#budget, true)
  }

  #integer({ control, args, precision = 10 }: Spec): string {
    const [value, given] = args
    if (precision < 2 || precision > 36) throw new BadFormat()
    const number = typeof value === 'bigint' ? value : BigInt(integer(value))
    const negative = number < 0n
    const digits = (negative ? -number : number).toString(precision)
    const isLower = control === 'b' || control === 'x' || control === '+'
    const prefix =
      control === '+' || control === '#'
        ? `${precision}#`
        : control === 'x' || control === 'X'
          ? this.#string(given, 'unicode')
          : ''
    return `${negative ? '-' : ''}${prefix}${isLower ? digits : digits.toUpperCase()}`
  }
}

function integer(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw new BadFormat()
  return value
}

/** A float that is integral has come as an integer, so any number is taken. */
function real(value: unknown): number {
  if (value instanceof Float) return value.value
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new BadFormat()
  return value
}

function atLeast(min: number, value: number): number {
  if (value < min) throw new BadFormat()
  return value
}

function bounded(field: number): number {
  if (field < 0) throw new BadFormat()
  if (field > fieldMax) throw new TextTooLong()
  return field
}

function padded(text: string, length: number, { width, left, pad }: Spec): string {
  const padding = pad.repeat(Math.max(0, (width ?? 0) - length))
  return left ? text + padding : padding + text
}

/** What does not fit into its field is stars. */
function termField(text: string, spec: Spec): string {
  const { width = spec.precision, precision } = spec
  if (width === undefined) return text
  const length = characters(text)
  const shown = Math.min(length, precision === undefined ? width : Math.min(precision, width))
  return padded(length > shown ? '*'.repeat(shown) : text, shown, { ...spec, width })
}

/** What does not fit into its field is cut. */
function stringField(text: string, spec: Spec): string {
  const { width, precision } = spec
  if (width === undefined && precision === undefined) return text
  if (width !== undefined && precision !== undefined && width < precision) throw new BadFormat()
  const room = precision ?? (width as number)
  const length = characters(text)
  const cut = length > room ? Array.from(text).slice(0, room).join('') : text
  const filled = precision === undefined ? cut : cut + spec.pad.repeat(Math.max(0, room - length))
  return padded(filled, Math.max(precision === undefined ? 0 : room, Math.min(length, room)), spec)
}

function repeated(each: string, spec: Spec): string {
  const { width, precision } = spec
  if (width !== undefined && precision !== undefined && width < precision) throw new BadFormat()
  const count = precision ?? width ?? 1
  return padded(each.repeat(count), count, spec)
}

function characters(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}
