/** What the tests of the form for all of JavaScript's values share: writing and reading as a connection does. */
import type { BoundCodec } from '../../src/codec/bound-codec.js'
import { type DecodeContext, TermReader } from '../../src/codec/decode.js'
import { type EncodeContext, encodeTerm } from '../../src/codec/encode.js'
import { Writer } from '../../src/codec/writer.js'
import { bookOf, contextOf } from './etf-kit.js'

/** The bytes of a payload. */
export function writeJs(value: unknown, given: Partial<EncodeContext> = {}): Buffer {
  const writer = new Writer()
  const { book } = bookOf('writer@127.0.0.1')
  encodeTerm(writer, value, { refLeaves: (ref) => book.refLeaves(ref), javascript: true, ...given })
  return Buffer.from(writer.buffer.subarray(0, writer.length))
}

/** The payload that such bytes are. */
export function readJs(bytes: Uint8Array, given: Partial<DecodeContext> = {}): unknown {
  const reader = new TermReader(contextOf({ javascript: true, ...given }))
  reader.load(bytes, 0, bytes.length)
  const value = reader.readPayload()
  if (reader.position !== bytes.length) throw new Error(`${bytes.length - reader.position} bytes are left`)
  return value
}

/** There and back. */
export const through = (value: unknown, codec?: BoundCodec): unknown => readJs(writeJs(value, { codec }), { codec })
