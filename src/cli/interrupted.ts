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

  /** What shells expect of a program that a signal has ended: 130 for Ctrl-C, 143 for SIGTERM. */
  get exitCode(): number {
    return 128 + constants.signals[this.signal]
  }
}
