/** Tuples: an array that remembers that it is one, so that it goes to Erlang as `{a, b}` and not as `[a, b]`. */

import { describe, described } from '../describe.js'

/**
 * An Erlang tuple: a read-only array in all ways but one, that it stays a tuple on the wire.
 *
 * Make one with {@link tuple}. What `map`, `filter` or `slice` make of it is an ordinary array.
 */
export class Tuple<T = unknown> extends Array<T> {
  /** @internal Written out, as V8 makes an array twenty times as fast so: the constructor that it would add passes a list on. */
  constructor(length: number) {
    super(length)
  }

  static override get [Symbol.species](): ArrayConstructor {
    return Array
  }

  /** As Erlang writes it, shortened where it is long: `{shutdown, "late"}`. For people to read: use the elements, not this. */
  override toString(): string {
    return describe(this)
  }

  /** @internal */
  [described](list: (elements: Iterable<unknown>) => string): string {
    return `{${list(this)}}`
  }

  /** @internal A tuple of that many elements, to be filled at once by a decoder. */
  static ofLength(length: number): Tuple {
    return new Tuple(length)
  }
}

/** What {@link tuple} returns: a read-only array type, so that a tuple type such as `readonly [symbol, number]` fits. */
export type TupleOf<T extends readonly unknown[]> = Readonly<T>

/** A tuple of these elements: `tuple(atom('ok'), 42)` is Erlang's `{ok, 42}`. */
export function tuple<const T extends readonly unknown[]>(...elements: T): TupleOf<T> {
  const length = elements.length
  const made = new Tuple(length)
  for (let i = 0; i < length; i++) made[i] = elements[i]
  return made as unknown as TupleOf<T>
}

/** Whether a value is a tuple, and not just an array. */
export function isTuple(value: unknown): value is Tuple {
  return value instanceof Tuple
}
