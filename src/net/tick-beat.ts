/**
 * One timer for the ticks of all connections of a node, as in Erlang.
 *
 * With a timer for each, a node in a mesh of fifty is woken three times a second by its own timers, and as often by those of others;
 * waking up is most of what an idle node does.
 */
import type { Clock, ClockTimer } from '../clock.js'

/** So many have their ticks in one turn of the event loop: writing one takes some ten microseconds. */
const turnMax = 100

/** See the head of this file. */
export class TickBeat {
  readonly #clock: Clock
  readonly #intervalMs: number
  readonly #steps = new Set<() => void>()
  #timer: ClockTimer | undefined

  constructor(clock: Clock, intervalMs: number) {
    this.#clock = clock
    this.#intervalMs = intervalMs
  }

  /** Calls `step` once in each interval from now on, the first time after an interval or less, until the returned function is called. */
  join(step: () => void): () => void {
    this.#steps.add(step)
    this.#timer ??= this.#clock.setTimer(this.#beat, this.#intervalMs)
    return () => {
      this.#steps.delete(step)
      if (this.#steps.size > 0 || this.#timer === undefined) return
      this.#clock.clearTimer(this.#timer)
      this.#timer = undefined
    }
  }

  readonly #beat = (): void => {
    this.#timer = this.#clock.setTimer(this.#beat, this.#intervalMs)
    this.#run([...this.#steps], 0)
  }

  #run(steps: readonly (() => void)[], from: number): void {
    for (const step of steps.slice(from, from + turnMax)) if (this.#steps.has(step)) step()
    if (from + turnMax < steps.length) this.#clock.nextTurn(() => this.#run(steps, from + turnMax))
  }
}
