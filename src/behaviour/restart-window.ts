/** How many restarts in how long are too many. Pure: time is passed in. Source: OTP's supervisor (add_restart, in_period). */

/** The bound on restarts of a supervisor: more than `restarts` of them `within` so many milliseconds, and it gives up. */
export interface Intensity {
  /** How many restarts are borne; 0: none. */
  readonly restarts: number
  /** In how long, in milliseconds. */
  readonly within: number
}

/** OTP's own default: one restart in five seconds. */
export const defaultIntensity: Intensity = { restarts: 1, within: 5_000 }

/** The restarts that still count. At most one more than are borne is kept. */
export class RestartWindow {
  readonly #intensity: Intensity
  #times: number[] = []

  constructor(intensity: Intensity) {
    this.#intensity = intensity
  }

  /** Counts a restart at `nowMs`, on a clock that never steps back. `false`: it is one too many. */
  add(nowMs: number): boolean {
    const { restarts, within } = this.#intensity
    this.#times = this.#times.filter((at) => at >= nowMs - within)
    this.#times.push(nowMs)
    return this.#times.length <= restarts
  }

  /** How many more are borne at `nowMs`. */
  left(nowMs: number): number {
    const { restarts, within } = this.#intensity
    return Math.max(0, restarts - this.#times.filter((at) => at >= nowMs - within).length)
  }
}
