/** Which news of lost connections have been heard: each is handed on once. */
import type { Clock } from '../../clock.js'

/** For so long they are remembered, in milliseconds; then they are no news to anybody. */
const rememberedMs = 3_600_000

interface Heard {
  /** Which run of the node has said it, and when in that run. */
  readonly run: unknown
  readonly at: number | bigint
  readonly until: number
}

/** See the head of this file. */
export class LostConnections {
  readonly #clock: Clock
  readonly #heard = new Map<string, Heard>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A node says that it has lost another. `false` when that is no news. */
  isNews(by: string, lost: string, run: unknown, at: number | bigint): boolean {
    const now = this.#clock.now()
    const key = `${by} ${lost}`
    const before = this.#heard.get(key)
    if (before !== undefined && before.until > now && before.run === run && at <= before.at) return false
    this.#forgetOld(now)
    // The latest stands last: those before it are to be forgotten first.
    this.#heard.delete(key)
    this.#heard.set(key, { run, at, until: now + rememberedMs })
    return true
  }

  #forgetOld(now: number): void {
    for (const [key, { until }] of this.#heard) {
      if (until > now) return
      this.#heard.delete(key)
    }
  }
}
