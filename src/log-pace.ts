/** Keeps what may happen again and again from filling a log: one line in a while, and the next one says how many were not told. */
import type { Clock } from './clock.js'

/** See the head of this file. One for each thing to be told. */
export class LogPace {
  readonly #clock: Pick<Clock, 'now'>
  readonly #quietMs: number
  #toldAt = Number.NEGATIVE_INFINITY
  #untold = 0

  /** @param quietMs From one line to the next, in milliseconds. */
  constructor(clock: Pick<Clock, 'now'>, quietMs = 1_000) {
    this.#clock = clock
    this.#quietMs = quietMs
  }

  /** Lets it be told, or counts it. `write` gets what goes among the fields of the line: how many were not told, if any. */
  tell(write: (untold: { readonly untold?: number }) => void): void {
    const now = this.#clock.now()
    if (now - this.#toldAt < this.#quietMs) {
      this.#untold++
      return
    }
    const untold = this.#untold
    this.#toldAt = now
    this.#untold = 0
    write(untold > 0 ? { untold } : {})
  }
}
