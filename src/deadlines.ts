/**
 * Deadlines of what is nearly always over in time, as a call is, or a receive with a time-out.
 *
 * Most of it is over within the turn of the event loop in which it began, and pays for no timer: only what outlives that
 * turn gets one, and its time runs from the end of the turn. So a deadline is never early, and late by one turn at most.
 */
import type { Clock } from './clock.js'
import { Timer, type Timers } from './timers.js'

/** What has a deadline. It is its own timer, when it needs one. */
export abstract class Expiring extends Timer {
  /** @internal Where it is among those that began in this turn; -1 when it is not. */
  place = -1

  /** Its time is over. */
  abstract expire(): void
  /** How long it may take, in milliseconds; finite. */
  abstract readonly timeoutMs: number

  /** @internal */
  override fire(): void {
    this.expire()
  }
}

/** See the head of this file. Cost: O(1) for what is over within its turn, that of a timer for the rest. */
export class Deadlines {
  readonly #clock: Clock
  readonly #timers: Timers
  /** Those that began in this turn, in that order, with a hole for each that is over. */
  readonly #young: (Expiring | undefined)[] = []
  #turnAsked = false

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock
    this.#timers = timers
  }

  /** Lets it expire in its time, unless it is taken back with {@link clear}. */
  set(item: Expiring): void {
    item.place = this.#young.push(item) - 1
    if (this.#turnAsked) return
    this.#turnAsked = true
    this.#clock.nextTurn(this.#turn)
  }

  /** It was over in time. Nothing happens if it has expired, or had no deadline. */
  clear(item: Expiring): void {
    const { place } = item
    if (place >= 0) {
      item.place = -1
      if (place === this.#young.length - 1) this.#young.pop()
      else this.#young[place] = undefined
    } else if (item.pending) this.#timers.cancel(item)
  }

  /** Takes all back that have no timer yet; the others end with the timers. */
  stop(): void {
    for (const item of this.#young.splice(0)) if (item !== undefined) item.place = -1
  }

  readonly #turn = (): void => {
    this.#turnAsked = false
    for (const item of this.#young.splice(0)) {
      if (item === undefined) continue
      item.place = -1
      this.#timers.set(item, item.timeoutMs)
    }
  }
}
