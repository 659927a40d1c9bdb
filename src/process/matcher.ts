/** Patterns and functions, prepared for a look at many messages. */
import { Address } from '../term/address.js'
import { Ref } from '../term/ref.js'
import { accepts, any } from './match.js'

/** What is wanted of messages. */
export interface Matcher {
  /** Whether a message is wanted. What a function of the program throws comes through. */
  accepts(message: unknown): boolean
  /** Properties by which wanted messages can be found, … */
  readonly keys: readonly (string | number)[]
  /** … and the value of each: a message is wanted only if it has these very values (`===`). */
  readonly values: readonly unknown[]
  /** A reference that every wanted message holds: only those that were sent after it was made can. */
  readonly ref: Ref | undefined
}

/** The matcher of a pattern, or of a function that says yes or no. */
export function matcher(wanted: unknown): Matcher {
  return typeof wanted === 'function' ? new GuardMatcher(wanted as never) : new PatternMatcher(wanted)
}

const none: readonly never[] = []

class GuardMatcher implements Matcher {
  readonly keys = none
  readonly values = none
  readonly ref = undefined
  readonly #guard: (message: unknown) => unknown

  constructor(guard: (message: unknown) => unknown) {
    this.#guard = guard
  }

  accepts(message: unknown): boolean {
    const guard = this.#guard // Not as a method: the function is not to be given this object.
    return Boolean(guard(message))
  }
}

/** The parts at the top level of a pattern that `===` decides are compared first, and often they are all there is. */
class PatternMatcher implements Matcher {
  readonly keys: (string | number)[] = []
  readonly values: unknown[] = []
  ref: Ref | undefined = undefined
  readonly #pattern: unknown
  /** Whether the values say all that there is to say. */
  readonly #flat: boolean

  constructor(pattern: unknown) {
    this.#pattern = pattern
    this.#flat = this.#takeApart(pattern)
  }

  accepts(message: unknown): boolean {
    const { keys } = this
    if (keys.length > 0) {
      if (typeof message !== 'object' || message === null) return false
      for (let i = 0; i < keys.length; i++) {
        if ((message as Record<string | number, unknown>)[keys[i] as string | number] !== this.values[i]) return false
      }
    }
    return (this.#flat && keys.length > 0) || accepts(this.#pattern, message)
  }

  /** @returns whether the parts that were found are all. */
  #takeApart(pattern: unknown): boolean {
    if (typeof pattern !== 'object' || pattern === null) return false
    if (pattern instanceof Ref) this.ref = pattern
    if (Array.isArray(pattern)) {
      for (let i = 0; i < pattern.length; i++) this.#part(i, pattern[i])
      return false // The length counts too, and whether it is a tuple.
    }
    const prototype = Object.getPrototypeOf(pattern)
    if (prototype !== Object.prototype && prototype !== null) return false
    let flat = true
    for (const key of Object.keys(pattern)) {
      if (!this.#part(key, (pattern as Record<string, unknown>)[key])) flat = false
    }
    return flat
  }

  #part(key: string | number, part: unknown): boolean {
    if (!isLeaf(part)) return part === any
    this.keys.push(key)
    this.values.push(part)
    if (this.ref === undefined && part instanceof Ref) this.ref = part
    return true
  }
}

/** Whether `===` says all that there is to say about a part of a pattern. */
function isLeaf(part: unknown): boolean {
  if (typeof part === 'object') return part === null || part instanceof Ref || part instanceof Address
  return part !== any && !(typeof part === 'number' && (Number.isNaN(part) || part === 0))
}
