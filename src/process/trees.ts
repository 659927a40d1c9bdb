/**
 * The supervision trees of a node, which it stops in order before it ends everybody else: the tree that was started last goes
 * first, and each goes as its supervisors have it. Source: OTP's init (stop) and application_controller, for whole applications.
 */
import { shutdown } from '../exit-reason.js'
import type { Address } from '../term/address.js'
import type { Entity } from './entity.js'
import { stop } from './stop.js'

/** See the head of this file. */
export class Trees {
  readonly #supervisors = new Set<Address<never>>()
  /** Those of them that no other supervises, oldest first. */
  readonly #roots = new Set<Address<never>>()

  /**
   * A supervisor has begun.
   *
   * @returns what says that it has ended.
   */
  add(supervisor: Address<never>, parent: Address<never> | undefined): () => void {
    this.#supervisors.add(supervisor)
    if (parent === undefined || !this.#supervisors.has(parent)) this.#roots.add(supervisor)
    return () => {
      this.#supervisors.delete(supervisor)
      this.#roots.delete(supervisor)
    }
  }

  /** Whether there is none. */
  get empty(): boolean {
    return this.#roots.size === 0
  }

  /**
   * Asks one root after the other to end with `shutdown`, and waits until it has; also those that are started meanwhile.
   *
   * @param by Who asks.
   * @param cut Waits no longer once it is aborted: what has not ended by then is the caller's to end.
   */
  async stop(by: Entity, cut: AbortSignal): Promise<void> {
    while (!this.empty && !cut.aborted) {
      const last = [...this.#roots].at(-1) as Address<never>
      this.#roots.delete(last)
      try {
        await stop(by, last, shutdown, { signal: cut })
      } catch {
        // It had ended, ends with a reason of its own, which it says itself, or takes longer than there is time.
      }
    }
  }
}
