/**
 * Messages taken by an object instead of a loop around `receive`: what behaviours run on.
 *
 * It sees what such a loop would see: one message at a time, in order, in turns that the scheduler grants. But no promise is made
 * and awaited for each message, and what is queued is taken several at a time. There may be a hundred thousand of them that wait for
 * their first message: what only those need to whom one came is made then.
 */
import type { Matcher } from './matcher.js'
import { nothing } from './message-queue.js'
import type { Receiver } from './receiver.js'
import type { Runnable } from './scheduler.js'

/** How many messages are taken in one go, if so many are queued: those who were answered go on in between. */
const batchMax = 16

const resolved = Promise.resolve()

/** See the head of this file. It begins when it is given to `Receiver.consume`. */
export abstract class Consumer implements Runnable {
  /** Which messages are taken; all, when there is none. The others stay queued. */
  filter: Matcher | undefined = undefined
  /** Whether somebody has ever looked at the queue, and so may hold what is taken from it. */
  peeked = false
  readonly #receiver: Receiver<never>
  /** {@link run} as a function of its own. */
  #turn: (() => void) | undefined = undefined
  #scheduled = false
  /** Whether a message is being handled, or one could not be: nothing is taken meanwhile. */
  #busy = false

  constructor(receiver: Receiver<never>) {
    this.#receiver = receiver
  }

  /** Handles a message. A promise that it returns is waited for; after a throw no more is taken. */
  protected abstract take(message: unknown): unknown
  /** A message could not be handled. */
  protected abstract failed(error: unknown): void
  /** The inbox has ended. */
  abstract ended(reason: unknown): void

  /** Whether it waits for a message. */
  get waits(): boolean {
    return !this.#scheduled && !this.#busy
  }

  /** There may be something to take: now, or from now on. */
  wake(): void {
    if (this.#scheduled || this.#busy) return
    this.#scheduled = true
    const { scheduler } = this.#receiver.host
    // Never on the stack of whoever sends.
    if (scheduler.claim()) void resolved.then((this.#turn ??= () => this.run()))
    else scheduler.enqueue(this)
  }

  /** @internal Its turn has come. */
  run(): void {
    this.#scheduled = false
    const receiver = this.#receiver
    const { guard, scheduler } = receiver.host
    for (let left = batchMax; left > 0; left--) {
      if (!receiver.alive || this.#busy) return
      const message = receiver.takeQueued(this.filter)
      if (message === nothing) return
      if (guard === undefined) this.#take(message)
      else guard.run(receiver.owner, () => this.#take(message))
      if (!scheduler.claim()) break
    }
    if (receiver.length > 0) this.wake()
  }

  /** Takes nothing any more. */
  protected close(): void {
    this.#busy = true
  }

  #take(message: unknown): void {
    try {
      const handled = this.take(message)
      if (handled === undefined) return
      this.#busy = true
      ;(handled as PromiseLike<unknown>).then(
        () => this.#handled(),
        (error) => this.failed(error),
      )
    } catch (error) {
      this.#busy = true
      this.failed(error)
    }
  }

  #handled(): void {
    this.#busy = false
    if (this.#receiver.length > 0) this.wake()
  }
}
