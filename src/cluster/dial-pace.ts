/**
 * Few dials at a time, of those that nobody waits for.
 *
 * When a whole cluster starts, or comes back, each node has all others to dial. A TLS handshake costs both ends some milliseconds of
 * processor time: begun all at once, none is over before its deadline, and all are begun anew. With a few at a time, each has the
 * processor time that it needs to be over.
 */
import type { Clock, ClockTimer } from '../clock.js'

/** Under way at the same time. More would not be over sooner: they share the processor. */
const togetherMax = 4

/** In this time, in milliseconds, one more begins, whatever became of those: they may be waiting for hosts that do not answer. */
const patienceMs = 250

/** See the head of this file. */
export class DialPace {
  readonly #clock: Clock
  /** In the order in which they came. */
  readonly #waiting = new Map<string, (over: () => void) => void>()
  #together = 0
  #timer: ClockTimer | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Calls `dial` when it is its turn: at once, if few are under way. It is to call `over` when it is over, or was not needed after all.
   * One that waits already under that name is replaced, and keeps its place.
   */
  add(name: string, dial: (over: () => void) => void): void {
    this.#waiting.set(name, dial)
    this.#next()
  }

  /** Nobody gets a turn any more. */
  stop(): void {
    this.#waiting.clear()
    this.#disarm()
  }

  #next(): void {
    while (this.#together < togetherMax && this.#waiting.size > 0) this.#begin()
    if (this.#waiting.size === 0) this.#disarm()
    else this.#timer ??= this.#clock.setTimer(this.#impatient, patienceMs)
  }

  readonly #impatient = (): void => {
    this.#timer = undefined
    this.#begin()
    this.#next()
  }

  #begin(): void {
    const [first] = this.#waiting
    if (first === undefined) return
    const [name, dial] = first
    this.#waiting.delete(name)
    this.#together++
    let [isOver, isBegun] = [false, false]
    dial(() => {
      if (isOver) return
      isOver = true
      this.#together--
      // What was not needed is over at once: the loop that called goes on, or a thousand of those would be as deep a stack.
      if (isBegun) this.#next()
    })
    isBegun = true
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer)
    this.#timer = undefined
  }
}

/**
 * Names in the order in which a node dials them: beginning behind its own, and around. So of any two nodes that start at the same
 * time, one comes to dial the other well before the other comes to dial it, and few handshakes are made twice.
 */
export function aroundFrom(own: string, names: Iterable<string>): string[] {
  const sorted = [...names].sort()
  return [...sorted.filter((name) => name > own), ...sorted.filter((name) => name <= own)]
}
