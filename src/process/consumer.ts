/**
 * Messages taken by a function instead of a loop around `receive`: what behaviours run on.
 *
 * The function sees what such a loop would see: one message at a time, in order, in turns that the scheduler grants. But no promise
 * is made and awaited for each message, and what is queued is taken several at a time.
 */
import type { Matcher } from './matcher.js'
import { type MessageQueue, nothing } from './message-queue.js'
import type { Receiver } from './receiver.js'
import type { Runnable } from './scheduler.js'

/** How many messages are taken in one go, if so many are queued: those who were answered go on in between. */
const batchMax = 16

const resolved = Promise.resolve()

/** See the head of this file. Made by `Receiver.consume`. */
export class Consumer implements Runnable {
  /** Which messages are taken; all, when there is none. The others stay queued. */
  filter: Matcher | undefined = undefined
  /** Whether somebody has ever looked at the queue, and so may hold what is taken from it. */
  peeked = false
  readonly #receiver: Receiver<never>
  readonly #queue: MessageQueue
  readonly #handle: (message: unknown) => unknown
  readonly #reject: (error: unknown) => void
  #scheduled = false
  /** Whether a message is being handled, or one could not be: nothing is taken meanwhile. */
  #busy = false

  /** @param handle A promise that it returns is waited for; what it throws ends the consumer, and is given to `reject`. */
  constructor(
    receiver: Receiver<never>,
    queue: MessageQueue,
    handle: (message: unknown) => unknown,
    reject: (error: unknown) => void,
  ) {
    this.#receiver = receiver
    this.#queue = queue
    this.#handle = handle
    this.#reject = reject
  }

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
    if (scheduler.claim()) void resolved.then(this.#run)
    else scheduler.enqueue(this)
  }

  /** @internal Its turn has come. */
  run(): void {
    this.#scheduled = false
    const receiver = this.#receiver
    const { guard, scheduler } = receiver.host
    for (let left = batchMax; left > 0; left--) {
      if (!receiver.alive || this.#busy) return
      const message = this.filter === undefined ? this.#next() : this.#queue.take(this.filter)
      if (message === nothing) return
      if (guard === undefined) this.#take(message)
      else guard.run(receiver.owner, () => this.#take(message))
      if (!scheduler.claim()) break
    }
    if (this.#queue.length > 0) this.wake()
  }

  /** @internal The inbox has ended. */
  ended(error: unknown): void {
    this.#receiver.rejectWait(this.#reject, error)
  }

  readonly #run = (): void => this.run()

  #next(): unknown {
    return this.#queue.length === 0 ? nothing : this.#queue.shift()
  }

  #take(message: unknown): void {
    try {
      const handled = this.#handle(message)
      if (handled === undefined) return
      this.#busy = true
      ;(handled as PromiseLike<unknown>).then(this.#handled, this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }

  readonly #handled = (): void => {
    this.#busy = false
    if (this.#queue.length > 0) this.wake()
  }

  readonly #failed = (error: unknown): void => {
    this.#busy = true
    this.#reject(error)
  }
}
