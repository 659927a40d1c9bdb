/** Messages that found no receiver: counted by cause, and shown to whoever wants to see them. */
import { checkFunction } from '../arguments.js'
import { type DeadLetter, type DeadLetterCause, deadLetter } from '../events.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import { publish } from './guard.js'

/** The dead letters of one node. Cost when nobody listens: one addition. */
export class DeadLetters {
  readonly #node: string
  readonly #counts: Record<DeadLetterCause, number> = {
    noproc: 0,
    noname: 0,
    noalias: 0,
    noconnection: 0,
    full: 0,
    refused: 0,
  }
  readonly #listeners = new Set<(letter: DeadLetter) => void>()

  /** @internal */
  constructor(node: string) {
    this.#node = node
  }

  /** How many there were of each cause since the node started. */
  get counts(): Readonly<Record<DeadLetterCause, number>> {
    return { ...this.#counts }
  }

  /** Shows every further dead letter to `listener`, until the returned function is called. What it throws is ignored. */
  subscribe(listener: (letter: DeadLetter) => void): () => void {
    checkFunction(listener, 'who listens')
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  /** @internal Whether anybody listens. */
  get watched(): boolean {
    return this.#listeners.size > 0 || deadLetter.hasSubscribers
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
    if (deadLetter.hasSubscribers) {
      publish(deadLetter, { node: this.#node, cause, to, message, from: more?.from, issues: more?.issues })
    }
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
