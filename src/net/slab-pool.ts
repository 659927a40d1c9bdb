/**
 * Buffers of one size that are used again and again: memory that is in use already is several times cheaper to write to than
 * memory that the system has yet to give.
 */
import { type Clock, type ClockTimer, systemClock } from '../clock.js'

/** Bytes of a slab: what one write to a stream has at most, and one fragment of a long message. */
export const slabBytes: number = 64 * 1024

/** Slabs that are kept for the next who wants one, in any case. */
const keptMin = 16
/** How often is looked for those that nobody has wanted. */
const idleMs = 5_000

/**
 * See the head of this file. One for all connections of a node.
 *
 * What is given back is kept while it may be wanted again soon: a peer that is flooded, lost, and flooded again costs the memory
 * that may wait for it once, and not once more for each time that the garbage collector has not come yet. What nobody has wanted
 * for some seconds is let go of.
 */
export class SlabPool {
  readonly #clock: Clock
  readonly #kept: Uint8Array[] = []
  /** How many have been here all the time since the last look. */
  #idle = 0
  #timer: ClockTimer | undefined

  constructor(clock: Clock = systemClock) {
    this.#clock = clock
  }

  /** How many slabs are kept. */
  get kept(): number {
    return this.#kept.length
  }

  /** A slab, its content undefined. */
  take(): Uint8Array {
    const slab = this.#kept.pop()
    if (this.#idle > this.#kept.length) this.#idle = this.#kept.length
    return slab ?? Buffer.allocUnsafeSlow(slabBytes)
  }

  /** Takes a slab back, and lets go of what is none. Nobody may look at it any more. */
  give(slab: Uint8Array): void {
    if (slab.length !== slabBytes) return
    this.#kept.push(slab)
    if (this.#kept.length > keptMin && this.#timer === undefined) this.#lookLater()
  }

  #lookLater(): void {
    this.#idle = this.#kept.length
    this.#timer = this.#clock.setTimer(this.#look, idleMs)
    this.#clock.holdProgram(this.#timer, false)
  }

  readonly #look = (): void => {
    this.#timer = undefined
    this.#kept.length -= Math.max(0, Math.min(this.#idle, this.#kept.length - keptMin))
    if (this.#kept.length > keptMin) this.#lookLater()
  }
}
