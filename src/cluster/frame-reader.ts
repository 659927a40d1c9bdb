/** Frames of one connection to signals for the router: where the wire's tower meets the tower of processes. */
import { type DecodeContext, TermReader } from '../codec/decode.js'
import { ControlReader } from '../dist/control.js'
import type { HandshakePeer } from '../dist/handshake.js'
import type { Signal } from '../signal.js'

/** See the head of this file. */
export class FrameReader {
  readonly #reader: ControlReader
  readonly #receive: (signal: Signal) => void

  constructor(peer: HandshakePeer, context: DecodeContext, receive: (signal: Signal) => void) {
    this.#reader = new ControlReader(new TermReader(context), { peer: { node: peer.name, creation: peer.creation } })
    this.#receive = receive
  }

  /** Reads a frame and hands on what it says. What it throws means that the connection must be closed. */
  read(bytes: Uint8Array, start: number, end: number): void {
    const signal = this.#reader.read(bytes, start, end)
    if (signal !== undefined) this.#receive(signal)
  }
}
