/**
 * Notices when memory is short, before the program ends of it: nobody else is let in then, each of whom would cost more, and an operator is told.
 *
 * What there is goes on: connections, and all processes. Nothing is ended to make room, as nobody here knows what could be done without.
 */
import type { Clock, ClockTimer } from '../clock.js'
import { ReignError } from '../errors.js'
import { nodeMemory } from '../events.js'
import type { Logger } from '../logger.js'
import type { Memory } from '../memory.js'
import { publish } from '../process/guard.js'

/** Between two looks, in milliseconds. */
export const memoryLookMs = 1_000

/** While it is short, it is said again so often, in milliseconds. */
const shortToldMs = 60_000

/** So many percent below the mark it is no longer short: at the mark itself it would come and go with each collection of garbage. */
const reliefPercent = 10

/** See the head of this file. */
export class MemoryWatch {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #memory: Memory
  readonly #percentMax: number
  readonly #node: string
  #timer: ClockTimer | undefined
  #shortSince: number | undefined
  #toldAt = 0

  constructor(parts: { node: string; clock: Clock; logger: Logger; memory: Memory; percentMax: number }) {
    this.#node = parts.node
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#memory = parts.memory
    this.#percentMax = parts.percentMax
  }

  /** Begins; once. Does not keep the program from ending. */
  start(): void {
    if (this.#timer === undefined) this.#arm()
  }

  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer)
    this.#timer = undefined
  }

  /** Why nobody is to be let in, while memory is short. */
  get shortage(): ReignError | undefined {
    if (this.#shortSince === undefined) return undefined
    const text = `memory is short: more than ${this.#percentMax} of 100 bytes of the heap are in use (limits.heapPercentMax)`
    return new ReignError('ERR_REIGN_OVERLOAD', text)
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(() => {
      this.#look()
      this.#arm()
    }, memoryLookMs)
    this.#clock.holdProgram(this.#timer, false)
  }

  #look(): void {
    const heapPercent = Math.round(this.#memory.heapUse() * 100)
    const now = this.#clock.now()
    if (this.#shortSince === undefined) {
      if (heapPercent < this.#percentMax) return
      this.#shortSince = now
      this.#publish(true, heapPercent)
    } else if (heapPercent < this.#percentMax - reliefPercent) {
      const shortMs = Math.round(now - this.#shortSince)
      this.#shortSince = undefined
      this.#publish(false, heapPercent)
      this.#logger.warn({ heapPercent, shortMs }, 'memory is no longer short: others are let in again')
      return
    } else if (now - this.#toldAt < shortToldMs) return
    this.#toldAt = now
    this.#logger.warn({ heapPercent }, 'memory is short: no other node is let in')
  }
  #publish(short: boolean, heapPercent: number): void {
    if (nodeMemory.hasSubscribers) publish(nodeMemory, { node: this.#node, short, heapPercent })
  }
}
