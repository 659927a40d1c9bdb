/** Patterns and functions, prepared for a look at many messages. */
import { Address } from '../term/address.js'
import { Ref } from '../term/ref.js'
import { accepts, any } from './match.js'

/** What is wanted of messages. */
export interface Matcher {
  /** Whether a message is wanted. What a function of the program throws comes through. */
  accepts(message: unknown): boolean
  /** Properties by which wanted messages can be found: each has the very value (`===`) that {@link valueOf} says. */
  readonly keys: readonly (string | number)[]
  /** The value that one of these properties has in every message that is wanted. */
  valueOf(key: string | number): unknown
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
  readonly ref = undefined
  readonly #guard: (message: unknown) => unknown

  constructor(guard: (message: unknown) => unknown) {
    this.#guard = guard
  }

  accepts(message: unknown): boolean {
    const guard = this.#guard // Not as a method: the function is not to be given this object.
    return Boolean(guard(message))
  }

  valueOf(): undefined {
    return undefined
  }
}

/** The parts at the top level of a pattern that `===` decides are compared first, and often they are all there is. */
class PatternMatcher implements Matcher {
  keys: readonly (string | number)[] = none
  ref: Ref | undefined = undefined
  readonly #pattern: unknown
  /** Whether the parts say all that there is to say. */
  #flat = false

  constructor(pattern: unknown) {
    this.#pattern = pattern
    if (typeof pattern !== 'object' || pattern === null) return
    if (pattern instanceof Ref) this.ref = pattern
    // Of an array the length counts too, and whether it is a tuple.
    else if (Array.isArray(pattern)) this.keys = this.#leaves([...pattern.keys()])
    else if (isPlain(pattern)) {
      const keys = Object.keys(pattern)
      this.keys = this.#leaves(keys)
      this.#flat = keys.length > 0 && this.keys.length === keys.length
    }
  }

  accepts(message: unknown): boolean {
    const { keys } = this
    if (keys.length > 0) {
      if (typeof message !== 'object' || message === null) return false
      for (const key of keys) if ((message as Structure)[key] !== (this.#pattern as Structure)[key]) return false
    }
    return this.#flat || accepts(this.#pattern, message)
  }

  valueOf(key: string | number): unknown {
    return (this.#pattern as Structure)[key]
  }

  /** Those of the keys whose parts `===` decides. */
  #leaves<K extends string | number>(keys: readonly K[]): readonly K[] {
    const pattern = this.#pattern as Structure
    let leaves = 0
    for (const key of keys) {
      const part = pattern[key]
      if (!isLeaf(part)) continue
      leaves++
      if (this.ref === undefined && part instanceof Ref) this.ref = part
    }
    return leaves === keys.length ? keys : keys.filter((key) => isLeaf(pattern[key]))
  }
}

type Structure = Readonly<Record<string | number, unknown>>

function isPlain(pattern: object): boolean {
  const prototype = Object.getPrototypeOf(pattern)
  return prototype === Object.prototype || prototype === null
}

/** Whether `===` says all that there is to say about a part of a pattern. */
function isLeaf(part: unknown): boolean {
  if (typeof part === 'object') return part === null || part instanceof Ref || part instanceof Address
  return part !== any && !(typeof part === 'number' && (Number.isNaN(part) || part === 0))
}
