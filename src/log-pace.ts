/** Keeps what may happen again and again from filling a log: some lines in a while, and the next one says how many were not told. */
import type { Clock } from './clock.js'

/** See the head of this file. One for each thing to be told. */
export class LogPace {
  readonly #clock: Pick<Clock, 'now'>
  readonly #everyMs: number
  readonly #linesMax: number
  #since = Number.NEGATIVE_INFINITY
  #lines = 0
  #untold = 0

  /** `linesMax` lines (1 unless given) in `everyMs` milliseconds (1,000). */
  constructor(
    clock: Pick<Clock, 'now'>,
    { everyMs = 1_000, linesMax = 1 }: { readonly everyMs?: number; readonly linesMax?: number } = {},
  ) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#linesMax = linesMax
  }

  /** Lets it be told, or counts it. `write` gets what goes among the fields of the line: how many were not told, if any. */
  tell(write: (untold: { readonly untold?: number }) => void): void {
    const now = this.#clock.now()
    if (now - this.#since >= this.#everyMs) {
      this.#since = now
      this.#lines = 0
    }
    if (this.#lines >= this.#linesMax) {
      this.#untold++
      return
    }
    const untold = this.#untold
    this.#lines++
    this.#untold = 0
    write(untold > 0 ? { untold } : {})
  }
}
