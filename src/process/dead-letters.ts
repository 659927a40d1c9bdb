/** Messages that found no receiver: counted by cause, and shown to whoever wants to see them. */
import type { Issue } from '../schema.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'

/**
 * Why a message found no receiver: its mailbox is closed or never was (`noproc`), nobody has that name (`noname`), its
 * alias is over (`noalias`), there is no way to its node (`noconnection`), its mailbox has a bound (`full`), or accepts no such message (`refused`).
 */
export type DeadLetterCause = 'noproc' | 'noname' | 'noalias' | 'noconnection' | 'full' | 'refused'

/** One such message. */
export interface DeadLetter {
  readonly cause: DeadLetterCause
  readonly to: Address<never> | Ref | symbol
  readonly message: unknown
  /** Who sent it, where that is known; told of what was refused alone. */
  readonly from?: Address<never> | undefined
  /** What is wrong with it, when it was refused. */
  readonly issues?: readonly Issue[] | undefined
}

/** The dead letters of one node. Cost when nobody listens: one addition. */
export class DeadLetters {
  readonly #counts: Record<DeadLetterCause, number> = {
    noproc: 0,
    noname: 0,
    noalias: 0,
    noconnection: 0,
    full: 0,
    refused: 0,
  }
  readonly #listeners = new Set<(letter: DeadLetter) => void>()

  /** How many there were of each cause since the node started. */
  get counts(): Readonly<Record<DeadLetterCause, number>> {
    return { ...this.#counts }
  }

  /** Shows every further dead letter to `listener`, until the returned function is called. What it throws is ignored. */
  subscribe(listener: (letter: DeadLetter) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** @internal Whether anybody listens. */
  get watched(): boolean {
    return this.#listeners.size > 0
  }

  /** @internal One that is not shown, for nobody listens. */
  count(cause: DeadLetterCause): void {
    this.#counts[cause]++
  }

  /** @internal */
  record(
    cause: DeadLetterCause,
    to: Address<never> | Ref | symbol,
    message: unknown,
    more?: Pick<DeadLetter, 'from' | 'issues'>,
  ): void {
    this.#counts[cause]++
    if (this.#listeners.size === 0) return
    for (const listener of this.#listeners) {
      try {
        listener({ cause, to, message, ...more })
      } catch {
        // The sender must not pay for a listener's mistake.
      }
    }
  }
}
