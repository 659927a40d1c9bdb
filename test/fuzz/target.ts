/** What is fuzzed: readers of what strangers send, each with what has to hold whatever that is. */
import { ReignError } from '../../src/errors.js'
import type { Chance } from './chance.js'

/** See the head of this file. */
export interface Target {
  readonly name: string
  /** Inputs that are right, or were interesting once: captured, or made by hand. */
  seeds(): readonly Uint8Array[]
  /** An input by the grammar, most of them right; a view that is good until the next call. */
  make?(chance: Chance): Uint8Array
  /** Another way to mutate, for inputs that have parts; `undefined`: the usual way, this time. */
  mutate?(original: Uint8Array, others: ArrayLike<Uint8Array>, chance: Chance): Uint8Array | undefined
  /** How many frames or messages are in an input; one unless given. */
  frames?(input: Uint8Array): number
  /**
   * Has it read, and compares what has to agree. The input must not change.
   *
   * @returns what became of it: `taken`, or the code of the error that refused it.
   * @throws what must not be: a {@link Finding}, or whatever the reader threw that is no coded error.
   */
  run(input: Uint8Array): string
  /** For what is kept between inputs and would fill the memory: called every now and then. */
  renew?(): void
}

/** Something that does not hold. */
export class Finding extends Error {
  override readonly name = 'Finding'
}

/** What a reader gave, or the code by which it refused. What is no error of one of these codes passes through. */
export type Outcome<T> = { readonly value: T; readonly code: undefined } | { readonly code: string }

/** Runs a reader. `codes`: what its error codes begin with. */
export function outcomeOf<T>(read: () => T, codes: readonly string[]): Outcome<T> {
  try {
    return { value: read(), code: undefined }
  } catch (error) {
    if (error instanceof ReignError && codes.some((code) => error.code.startsWith(code))) return { code: error.code }
    throw error
  }
}

/** Fails unless it holds. */
export function holds(condition: boolean, what: () => string): asserts condition {
  if (!condition) throw new Finding(what())
}

export const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
