/** What one run of the encoder carries along: its bounds, what it still may write, and where in the value it stands. */
import { type ReignErrorCode, TermError } from '../errors.js'
import { defaultLimits } from '../limits.js'
import type { Ref } from '../term/ref.js'
import type { BoundCodec } from './bound-codec.js'

/** What the encoder asks of the node that a term leaves. An `AddressBook` is one. */
export interface EncodeContext {
  /** Called before a reference is written down. */
  refLeaves(ref: Ref): void
  /** Levels of nesting; the default is what a reign node accepts by default, so that the send fails and not the link. */
  readonly depthMax?: number | undefined
  /** Terms, counting every element; the default is likewise what a reign node accepts by default. */
  readonly termCountMax?: number | undefined
  /** Bytes of one big integer; the default is likewise what a reign node accepts by default. */
  readonly bigintBytesMax?: number | undefined
  /** Whether all values of JavaScript are written as what they are, in the form that nodes of reign have for each other. */
  readonly javascript?: boolean | undefined
  /** Asked for each term as a whole, and for what has no form in it; only beside {@link javascript}. */
  readonly codec?: BoundCodec | undefined
}

/** @internal One run of the encoder. Kept and used again, as every send needs one. */
export class EncodeState {
  context: EncodeContext
  depthMax = 0
  bigintBytesMax = 0
  termsLeft = 0
  javascript = false
  /** Whether the pairs of maps are to be sorted, so that equal maps give equal bytes. */
  sorted = false
  /**
   * The way to the value at hand: an index, the key of an object, or for the entries of a Map -1 - 2i for the key of entry i and
   * -2 - 2i for its value. Entries at and past the current depth are left over from before.
   */
  readonly path: (number | string)[] = []

  constructor(context: EncodeContext) {
    this.context = context
  }

  start(context: EncodeContext): void {
    this.context = context
    this.depthMax = context.depthMax ?? defaultLimits.termDepthMax
    this.bigintBytesMax = context.bigintBytesMax ?? defaultLimits.bigintBytesMax
    this.termsLeft = context.termCountMax ?? defaultLimits.termCountMax
    this.javascript = context.javascript ?? false
  }

  /** The error for the value at this depth, with the path to it. */
  refusal(depth: number, code: ReignErrorCode, complaint: string): TermError {
    const path = this.#pathText(depth)
    return new TermError(code, `${complaint} (at ${path})`, { path })
  }

  unsupported(depth: number, complaint: string): TermError {
    return this.refusal(depth, 'ERR_REIGN_TERM_UNSUPPORTED', complaint)
  }

  tooLarge(depth: number, limit: string): TermError {
    return this.refusal(depth, 'ERR_REIGN_TERM_TOO_LARGE', `this is more than ${limit}`)
  }

  /** Checks that the term which starts at this depth may hold others. A value that holds itself ends here, too. */
  enter(depth: number): void {
    if (depth < this.depthMax) return
    throw this.refusal(depth, 'ERR_REIGN_TERM_DEPTH', `nested more than ${this.depthMax} levels deep, or in itself`)
  }

  /** Counts for that many terms. */
  weigh(depth: number, terms: number): void {
    this.termsLeft -= terms
    if (this.termsLeft < 0) throw this.tooLarge(depth, 'the limit of terms in one message')
  }

  /** Throws the complaint of a writing step, if it had one. */
  check(depth: number, complaint: string | undefined): void {
    if (complaint !== undefined) throw this.unsupported(depth, complaint)
  }

  #pathText(depth: number): string {
    let text = '$'
    for (const [level, step] of this.path.slice(0, depth).entries()) {
      // A path of hundreds of steps helps nobody: its ends do.
      if (depth > 20 && level >= 10 && level < depth - 10) {
        if (level === 10) text += `… ${depth - 20} more …`
      } else if (typeof step === 'string') text += /^[A-Za-z_$][\w$]*$/.test(step) ? `.${step}` : `[${quoted(step)}]`
      else if (step >= 0) text += `[${step}]`
      else text += step % 2 === 0 ? `.values[${-1 - step / 2}]` : `.keys[${(-1 - step) / 2}]`
    }
    return text
  }
}

const quoted = (key: string): string => JSON.stringify(key.length > 64 ? `${key.slice(0, 64)}…` : key)
