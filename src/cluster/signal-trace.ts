/**
 * The signals that cross a connection, as lines of the log at level `trace`: what each is, and whom it is from and to; not what is in it,
 * which may be anything, and of any length.
 */
import { isHeard, type Logger } from '../logger.js'
import type { Signal } from '../signal.js'

/** See the head of this file. One for each connection, as whether they are wanted is asked once for each, and not for each signal. */
export class SignalTrace {
  readonly #logger: Logger
  readonly #peer: string

  private constructor(logger: Logger, peer: string) {
    this.#logger = logger
    this.#peer = peer
  }

  /** `undefined` where nobody would read it. */
  static of(logger: Logger, peer: string): SignalTrace | undefined {
    return isHeard(logger, 'trace') ? new SignalTrace(logger, peer) : undefined
  }

  sent(signal: Signal): void {
    this.#logger.trace(this.#fields(signal), 'sent a signal')
  }

  received(signal: Signal): void {
    this.#logger.trace(this.#fields(signal), 'received a signal')
  }

  #fields(signal: Signal): object {
    const from = 'from' in signal ? shownEnd(signal.from) : undefined
    const to = 'to' in signal ? shownEnd(signal.to) : undefined
    return { peer: this.#peer, signal: signal.op, from, to }
  }
}

/** A process, a name or an alias. */
function shownEnd(end: { toString(): string } | symbol | undefined): string | undefined {
  return typeof end === 'symbol' ? end.description : end?.toString()
}
