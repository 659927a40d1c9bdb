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

/** The most resumptions between two looks at the clock. A look costs as much as a third of a resumption. */
const batchMax = 32

/** How long a batch of resumptions between two looks may take, in milliseconds; the next batch is sized to that. */
const batchMs = 1

/** First come, first served, in slices of {@link sliceMs}: one slice a turn of the event loop. */
export class SliceScheduler implements Scheduler {
  readonly #clock: Clock
  #queue: Runnable[] = []
  #head = 0
  /** How many resumptions go between two looks: as many as take {@link batchMs}, as far as the last ones tell. */
  #batch = 1
  #left = 0
  #batchFrom = 0
  #sliceEnd = 0
  /** Whether this turn of the event loop has a slice. It ends with the turn, or when its time is used up. */
  #inSlice = false
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
    if (!this.#inSlice) {
      this.#begin(now)
      return true
    }
    const tookMs = now - this.#batchFrom
    if (tookMs > batchMs) this.#batch = Math.max(1, Math.floor((this.#batch * batchMs) / tookMs))
    else if (tookMs < batchMs / 2) this.#batch = Math.min(batchMax, this.#batch * 2)
    if (now >= this.#sliceEnd) {
      this.#waitsForTurn = true
      return false
    }
    this.#batchFrom = now
    this.#left = this.#batch
    return true
  }

  #begin(now: number): void {
    this.#inSlice = true
    this.#batchFrom = now
    this.#sliceEnd = now + sliceMs
    this.#left = this.#batch
    this.#clock.nextTurn(this.#turn)
  }

  readonly #turn = (): void => {
    this.#inSlice = false
    this.#left = 0
    if (!this.#waitsForTurn) return
    this.#waitsForTurn = false
    if (this.#head < this.#queue.length) {
      this.#draining = true
      this.#drain()
    }
  }

  /**
   * Runs a batch, then lets what it resumed go on (microtasks are first in, first out) before the next one. The look comes
   * first, as it is then that the work of the batch before is done.
   */
  readonly #drain = (): void => {
    this.#draining = false
    if (!this.#look()) return
    for (let n = this.#batch; n > 0 && this.#head < this.#queue.length; n--) {
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
