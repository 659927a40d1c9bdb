/** Messages that were encoded, and then could not be sent: dead letters. */
import { type DecodeContext, TermReader } from '../codec/decode.js'
import { ControlReader, carriesMessage, emptyHeaderBytes } from '../dist/control.js'
import type { DeadLetters } from '../process/dead-letters.js'

/** See the head of this file. What nobody looks at is only counted: there may be a million at once. */
export class LostMessages {
  readonly #deadLetters: DeadLetters
  readonly #reader: ControlReader

  constructor(deadLetters: DeadLetters, context: DecodeContext) {
    this.#deadLetters = deadLetters
    this.#reader = new ControlReader(new TermReader(context))
  }

  /** @param frame Of any kind, behind a distribution header that brings no atoms; valid during the call only. */
  take(frame: Uint8Array): void {
    if (!carriesMessage(frame)) return
    if (!this.#deadLetters.watched) return this.#deadLetters.count('noconnection')
    const signal = this.#reader.readBehindHeader(frame, emptyHeaderBytes, frame.length, [])
    if (signal !== undefined && 'message' in signal) {
      this.#deadLetters.record('noconnection', signal.to, signal.message)
    }
  }
}
