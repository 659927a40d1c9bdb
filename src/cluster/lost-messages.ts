/** Messages that were encoded, and then could not be sent: dead letters. */
import { type DecodeContext, TermReader } from '../codec/decode.js'
import { ControlReader, carriesMessage, emptyHeaderBytes } from '../dist/control.js'
import { ReignError } from '../errors.js'
import type { DeadLetters } from '../process/dead-letters.js'
import type { Signal } from '../signal.js'
import type { LinkCodec } from './link-codecs.js'

/** See the head of this file. What nobody looks at is only counted: there may be a million at once. */
export class LostMessages {
  readonly #deadLetters: DeadLetters
  readonly #context: DecodeContext
  readonly #readers = new Map<LinkCodec, ControlReader>()

  constructor(deadLetters: DeadLetters, context: DecodeContext) {
    this.#deadLetters = deadLetters
    this.#context = context
  }

  /**
   * @param frame Of any kind, behind a distribution header that brings no atoms; valid during the call only.
   * @param codec What its payload was written with.
   */
  take(frame: Uint8Array, codec: LinkCodec): void {
    if (!carriesMessage(frame)) return
    if (!this.#deadLetters.watched) return this.#deadLetters.count('noconnection')
    try {
      const signal = this.read(frame, codec)
      if (signal !== undefined && 'message' in signal) {
        this.#deadLetters.record('noconnection', signal.to, signal.message)
      }
    } catch (error) {
      // A codec of the program's own that cannot read what it has written: nobody can be shown that.
      if (!(error instanceof ReignError)) throw error
      this.#deadLetters.count('noconnection')
    }
  }

  /** What a frame says that was written here, and has not left. */
  read(frame: Uint8Array, codec: LinkCodec): Signal | undefined {
    let reader = this.#readers.get(codec)
    if (reader === undefined) {
      reader = new ControlReader(new TermReader({ ...this.#context, ...codec.decoding }))
      this.#readers.set(codec, reader)
    }
    return reader.readBehindHeader(frame, emptyHeaderBytes, frame.length, [])
  }
}
