/** Frames of one connection to signals for the router: where the wire's tower meets the tower of processes. */
import { type DecodeContext, TermReader } from '../codec/decode.js'
import { ControlReader, type ShortSends } from '../dist/control.js'
import { hasHeaders } from '../dist/flags.js'
import type { FragmentLimits } from '../dist/fragments.js'
import type { HandshakePeer } from '../dist/handshake.js'
import { HeaderFrames } from '../dist/header-frames.js'
import type { Pieces } from '../dist/pieces.js'
import type { Signal } from '../signal.js'
import { isProbeAnswer } from './probe.js'

/** What {@link FrameReader} needs. */
export interface FrameReaderParts {
  readonly peer: HandshakePeer
  readonly context: DecodeContext
  readonly short: ShortSends
  readonly limits: FragmentLimits
  receive(signal: Signal): void
  /** The peer has answered a probe. */
  answered(): void
}

/** See the head of this file. */
export class FrameReader {
  readonly #simple: ControlReader
  /** `undefined` where frames are in pass-through form. */
  readonly #headers: HeaderFrames | undefined
  readonly #receive: (signal: Signal) => void
  readonly #answered: () => void

  constructor({ peer, context, short, limits, receive, answered }: FrameReaderParts) {
    const { name: node, creation } = peer
    this.#simple = new ControlReader(new TermReader(context), { peer: { node, creation }, short })
    if (hasHeaders(peer.flags)) this.#headers = new HeaderFrames(this.#simple, context.atoms, limits)
    this.#receive = receive
    this.#answered = answered
  }

  /** Reads a frame and hands on what it says. What it throws means that the connection must be closed. */
  read(bytes: Uint8Array, start: number, end: number): void {
    const reader = this.#headers ?? this.#simple
    const signal = reader.read(bytes, start, end)
    if (signal !== undefined) this.#handOn(signal)
  }

  /** The same for a frame that came in pieces. */
  readPieces(frame: Pieces): void {
    if (this.#headers === undefined) return this.read(frame.join(), 0, frame.length)
    const signal = this.#headers.readPieces(frame)
    if (signal !== undefined) this.#handOn(signal)
  }

  #handOn(signal: Signal): void {
    // The answer may come by way of an alias: so it is known whose that is, and what the answer must not overtake.
    if (signal.op === 'monitor' || signal.op === 'spawn' || signal.op === 'call') signal.ref.owner = signal.from
    if (isProbeAnswer(signal)) this.#answered()
    else this.#receive(signal)
  }
}
