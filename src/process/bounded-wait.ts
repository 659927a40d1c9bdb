/** Waits that end once: by what is waited for, when their time is over, or by an abort signal. */
import { TimeoutError } from '../errors.js'
import type { Entity } from './entity.js'
import { Pending } from './pending.js'
import type { ReceiveOptions } from './waiter.js'

/** How a wait is ended by whoever knows what came of it. Only the first end counts. */
export interface Settle<T> {
  resolve(value: T): void
  reject(error: unknown): void
}

/**
 * Waits in the name of `by`.
 *
 * @param what What has not happened, for the text of the error: `'no answer'`.
 * @param begin Begins to listen, and gives what stops listening, which is called however the wait ends.
 * @throws `ERR_REIGN_TIMEOUT` (a `TimeoutError`) when a time was given and is over, at once where it is none (0): then it was only asked; the
 *   reason of the abort signal; `ERR_REIGN_ARGUMENT` for a time that is none; what the wait is rejected with; `by`'s own end when it has
 *   ended before.
 */
export function boundedWait<T>(
  by: Entity,
  options: ReceiveOptions,
  what: string,
  begin: (settle: Settle<T>) => () => void,
): Promise<T> {
  return new BoundedWait(by, options, what, begin).begin() as Promise<T>
}

class BoundedWait<T> extends Pending {
  readonly #what: string
  readonly #listen: (settle: Settle<T>) => () => void
  #stop: (() => void) | undefined = undefined
  #ended = false

  constructor(by: Entity, options: ReceiveOptions, what: string, listen: (settle: Settle<T>) => () => void) {
    super(by, options)
    this.#what = what
    this.#listen = listen
  }

  protected ask(): void {
    const stop = this.#listen({ resolve: (value) => this.settle(value), reject: (error) => this.fail(error) })
    // It may have ended on the spot.
    if (this.#ended) return stop()
    this.#stop = stop
    if (this.timeoutMs <= 0) this.expire()
  }

  expire(): void {
    this.fail(new TimeoutError(this.timeoutMs, this.#what))
  }

  protected over(): void {
    this.#ended = true
    this.#stop?.()
  }
}
