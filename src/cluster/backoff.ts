/** How long to wait before the next attempt: longer after each failure, and never in step with others. */
import type { Entropy } from '../entropy.js'

/** Bounds of the waits, in milliseconds. */
export interface BackoffLimits {
  readonly firstMs: number
  readonly maxMs: number
}

/** Quick at first, as a restarting peer is back in a second or so; then seldom enough to cost nothing. */
export const redialBackoff: BackoffLimits = { firstMs: 100, maxMs: 10_000 }

/** See the head of this file. Doubles from `firstMs` to `maxMs`; each wait is that, or down to half of it, at random. */
export class Backoff {
  readonly #entropy: Entropy
  readonly #limits: BackoffLimits
  #failures = 0

  constructor(entropy: Entropy, limits: BackoffLimits = redialBackoff) {
    this.#entropy = entropy
    this.#limits = limits
  }

  /** How long to wait now, in milliseconds; counts one more failure. */
  next(): number {
    const { firstMs, maxMs } = this.#limits
    const full = Math.min(maxMs, firstMs * 2 ** Math.min(this.#failures++, 30))
    return full * (0.5 + this.#entropy.uint32() / 2 ** 33)
  }

  /** It worked: the next failure is the first again. */
  reset(): void {
    this.#failures = 0
  }
}
