/** Decides which machine goes on next, and with what: a seed's choice among all that could, so that each seed is another interleaving. */
import type { Machine } from './machine.js'
import type { Random } from './random.js'

/** See the head of this file. */
export class Conductor {
  readonly #random: Random
  /** Those that have something to do at this instant. */
  readonly #ready: Machine[] = []
  readonly #listed = new Set<Machine>()
  readonly #pick = (count: number): number => (count > 1 ? this.#random.int(count) : 0)

  constructor(random: Random) {
    this.#random = random
  }

  /** There is something to do on that machine. */
  ready(machine: Machine): void {
    if (this.#listed.has(machine)) return
    this.#listed.add(machine)
    this.#ready.push(machine)
  }

  /** Lets one machine do one thing; `false` when none has anything to do. */
  work(): boolean {
    for (;;) {
      const count = this.#ready.length
      if (count === 0) return false
      const at = this.#pick(count)
      const machine = this.#ready[at] as Machine
      if (machine.pieces > 0) {
        machine.work(this.#pick)
        return true
      }
      // It may have been done with before, or stand still: then it comes back when it goes on.
      const last = this.#ready.pop() as Machine
      if (last !== machine) this.#ready[at] = last
      this.#listed.delete(machine)
    }
  }
}
