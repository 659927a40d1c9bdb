/**
 * When what was written leaves.
 *
 * The first frame after a pause leaves in a microtask, when the code that sends it has come to its end: nothing is gained
 * by waiting longer, as nothing else may come. If more follow in the same turn there is traffic, and the rest of the turn
 * is worth waiting for: all of it leaves together when the turn is over, as does what later turns send, until a turn
 * goes by without.
 *
 * Measured on one machine over loopback TCP, microtasks only / this / turns only: a ping-pong takes 38.5 / 41 / 42 us, and
 * a reply among 64 that microtasks make one after the other 7.8 / 1.3 / 1.05 us. Over TLS 62 / 68 / 69 and 3.1 / 2.2 / 1.6.
 */
import type { Clock } from '../clock.js'

/** See the head of this file. */
export class FlushPace {
  readonly #clock: Clock
  readonly #flush: () => void
  /** Whether a flush is due, and when. */
  #due: 'no' | 'microtask' | 'turn' = 'no'
  /** Whether there was a flush in this turn of the event loop, or in the one before. */
  #flushedLately = false

  constructor(clock: Clock, flush: () => void) {
    this.#clock = clock
    this.#flush = flush
  }

  /** There is something to flush. */
  ask(): void {
    if (this.#due !== 'no') return
    if (this.#flushedLately) this.#due = 'turn'
    else {
      this.#due = 'microtask'
      this.#clock.microtask(this.#inMicrotask)
    }
  }

  readonly #inMicrotask = (): void => {
    this.#due = 'no'
    this.#flushedLately = true
    this.#clock.nextTurn(this.#turnOver)
    this.#flush()
  }

  readonly #turnOver = (): void => {
    if (this.#due === 'no') {
      this.#flushedLately = false
      return
    }
    this.#due = 'no'
    this.#clock.nextTurn(this.#turnOver)
    this.#flush()
  }
}
