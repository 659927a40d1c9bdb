/** Ctrl-C, and what others send to end a program. */
import { constants } from 'node:os'

/** The signals that end a command in good order; a second one ends it at once. */
export const endingSignals = ['SIGINT', 'SIGTERM'] as const

/** One of them. */
export type EndingSignal = (typeof endingSignals)[number]

/** The command was asked to end. The reason of `CommandContext.stop`, and what a command that was cut short throws. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly signal: EndingSignal

  constructor(signal: EndingSignal) {
    super(`ended by ${signal}`)
    this.signal = signal
  }

  /**
   * Of a command that has ended in good order: 0 after SIGTERM, which is how whoever runs a service stops it, and is to see that it
   * did; 130 after Ctrl-C, by which shells know not to go on.
   */
  get exitCode(): number {
    return this.signal === 'SIGTERM' ? 0 : this.exitCodeAtOnce
  }

  /** Of one that the signal has ended on the spot: 130 or 143, as shells have it. */
  get exitCodeAtOnce(): number {
    return 128 + constants.signals[this.signal]
  }
}
