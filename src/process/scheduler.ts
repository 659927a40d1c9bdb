/**
 * How much processes may do in one turn of the event loop.
 *
 * A waiting receiver is resumed by settling its promise, so it goes on in a microtask; microtasks starve timers and
 * sockets if they beget each other for ever, as two processes that play ping-pong do. So resuming is rationed: within a
 * slice of time a receiver goes on at once; past it, receivers queue until the event loop has had a turn.
 */
import type { Clock } from '../clock.js'

/** Something that waits for its turn. */
export interface Runnable {
  run(): void
}

/** The seam between processes and the order in which they go on. A simulator passes one that is driven by a seed. */
export interface Scheduler {
  /** Whether a receiver may go on at once; `false`: it is to {@link enqueue} itself. Counts against the slice. */
  claim(): boolean
  /** Runs it when its turn comes: this turn of the event loop if the slice allows, never before the caller has ended. */
  enqueue(runnable: Runnable): void
}

/** Settles somebody's promise with what they waited for, or with why it will not come. */
export class Resumption implements Runnable {
  readonly #settle: (value: never) => void
  readonly #value: unknown
  constructor(settle: (value: never) => void, value: unknown) {
    this.#settle = settle
    this.#value = value
  }
  run(): void {
    this.#settle(this.#value as never)
  }
}

/**
 * Lets somebody who waits go on: at once while the slice lasts, else when the event loop has had a turn.
 *
 * Refusals go this way too: whoever tries again and again what is refused at once must not keep the event loop to itself.
 */
export function resume(scheduler: Scheduler, settle: (value: never) => void, value: unknown): void {
  if (scheduler.claim()) settle(value as never)
  else scheduler.enqueue(new Resumption(settle, value))
}

/** How long processes may run before timers and sockets get a turn, in milliseconds. */
export const sliceMs = 5

/** Resumptions between two looks at the clock, while they are short. A look costs as much as a third of a resumption. */
const batchMax = 32

/** A batch that took longer than this, in milliseconds, has the next one looked at after a single resumption. */
const batchMs = 1

/** First come, first served, in slices of {@link sliceMs}. */
export class SliceScheduler implements Scheduler {
  readonly #clock: Clock
  #queue: Runnable[] = []
  #head = 0
  #left = batchMax
  #batchFrom = 0
  #sliceEnd = 0
  #waitsForTurn = false
  #draining = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  claim(): boolean {
    return --this.#left > 0 || this.#look()
  }

  enqueue(runnable: Runnable): void {
    this.#queue.push(runnable)
    if (!this.#draining && !this.#waitsForTurn) {
      this.#draining = true
      this.#clock.microtask(this.#drain)
    }
  }

  /** The batch is used up: goes on with another one, or ends the slice. */
  #look(): boolean {
    if (this.#waitsForTurn) return false
    const now = this.#clock.now()
    if (now < this.#sliceEnd) {
      this.#left = now - this.#batchFrom > batchMs ? 1 : batchMax
      this.#batchFrom = now
      return true
    }
    this.#waitsForTurn = true
    this.#clock.nextTurn(this.#turn)
    return false
  }

  readonly #turn = (): void => {
    this.#waitsForTurn = false
    this.#batchFrom = this.#clock.now()
    this.#sliceEnd = this.#batchFrom + sliceMs
    this.#left = batchMax
    if (this.#head < this.#queue.length) {
      this.#draining = true
      this.#drain()
    }
  }

  /** Runs a batch, then lets what it resumed go on (microtasks are first in, first out) before the next one. */
  readonly #drain = (): void => {
    this.#draining = false
    for (let n = batchMax; n > 0 && this.#head < this.#queue.length; n--) {
      if (!this.claim()) return
      const next = this.#queue[this.#head] as Runnable
      this.#queue[this.#head++] = undefined as never
      next.run()
    }
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    } else {
      if (this.#head > 1_024 && this.#head * 2 > this.#queue.length) {
        this.#queue.splice(0, this.#head)
        this.#head = 0
      }
      this.#draining = true
      this.#clock.microtask(this.#drain)
    }
  }
}
