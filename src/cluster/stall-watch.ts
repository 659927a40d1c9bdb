/**
 * Notices when the event loop has stood still: a program that computes for long, is stopped, or gets no processor.
 *
 * While it does, this node sends no sign of life and reads none. Reading is made up for before any peer is judged (`net/connection.ts`),
 * so it takes nobody else for dead; but the others may take it for dead, and what happened to it is nowhere else to be seen.
 */
import type { Clock, ClockTimer } from '../clock.js'
import { type TickOptions, tickIntervalMs } from '../dist/ticker.js'
import { nodeStalled } from '../events.js'
import type { Logger } from '../logger.js'
import { publish } from '../process/guard.js'

/** Between two looks, in milliseconds: a stall is seen to be up to so much shorter than it was. */
export const stallLookMs = 1_000

/** From how many milliseconds on a stall is worth a line. */
const stallToldMs = 1_000

/** See the head of this file. */
export class StallWatch {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #ticks: TickOptions
  readonly #node: string
  #timer: ClockTimer | undefined
  #dueAt = 0

  constructor(parts: { clock: Clock; logger: Logger; ticks: TickOptions; node: { readonly name: string } }) {
    this.#clock = parts.clock
    this.#logger = parts.logger
    this.#ticks = parts.ticks
    this.#node = parts.node.name
  }

  /** Begins; once. Does not keep the program from ending. */
  start(): void {
    if (this.#timer === undefined) this.#arm()
  }

  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer)
    this.#timer = undefined
  }

  #arm(): void {
    this.#dueAt = this.#clock.now() + stallLookMs
    this.#timer = this.#clock.setTimer(() => this.#look(), stallLookMs)
    this.#clock.holdProgram(this.#timer, false)
  }

  #look(): void {
    const stalledMs = Math.round(this.#clock.now() - this.#dueAt)
    if (stalledMs >= stallToldMs) this.#tell(stalledMs)
    this.#arm()
  }

  #tell(stalledMs: number): void {
    const { tickTimeMs } = this.#ticks
    const fields = { stalledMs, tickTimeMs }
    if (nodeStalled.hasSubscribers) publish(nodeStalled, { node: this.#node, ...fields })
    const intervalMs = tickIntervalMs(this.#ticks)
    // What peers heard last may have been a whole interval before it began.
    if (stalledMs >= tickTimeMs - intervalMs) {
      this.#logger.warn(fields, 'the event loop stood still so long that peers may have taken this node for dead')
    } else if (stalledMs >= intervalMs / 2) this.#logger.warn(fields, 'the event loop stood still')
    else this.#logger.info(fields, 'the event loop stood still')
  }
}
