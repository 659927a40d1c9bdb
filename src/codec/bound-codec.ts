/** A codec of others as one node uses it: bound to its addresses, and what it throws made a failure of the term. */
import { describe, ReignError, TermError } from '../errors.js'
import type { Codec, CodecTerms } from './codec.js'
import { type DecodeContext, TermReader } from './decode.js'
import { type EncodeContext, encodeTerm } from './encode.js'
import { Writer } from './writer.js'

/** See the head of this file. */
export class BoundCodec {
  readonly name: string
  readonly #codec: Codec
  readonly #encoding: EncodeContext
  readonly #terms: CodecTerms

  /** @param encoding and @param decoding What the parts are written and read with that the codec leaves to reign. */
  constructor(codec: Codec, encoding: EncodeContext, decoding: DecodeContext) {
    this.name = codec.name
    this.#codec = codec
    this.#encoding = encoding
    this.#terms = {
      encode(value) {
        const writer = new Writer(256)
        encodeTerm(writer, value, encoding)
        return writer.buffer.slice(0, writer.length)
      },
      decode(bytes) {
        const reader = new TermReader(decoding)
        reader.load(bytes, 0, bytes.length)
        const value = reader.readPayload()
        if (reader.position === bytes.length) return value
        throw new TermError('ERR_REIGN_TERM_TRAILING', `bytes after the term (at byte ${reader.position})`)
      },
    }
  }

  /** The same codec, with what it leaves to reign read in another way. */
  reading(decoding: DecodeContext): BoundCodec {
    return new BoundCodec(this.#codec, this.#encoding, decoding)
  }

  /** The bytes of a value; `undefined` for one that the codec leaves to reign. */
  encode(value: unknown): Uint8Array | undefined {
    let bytes: unknown
    try {
      bytes = this.#codec.encode(value, this.#terms)
    } catch (error) {
      throw this.#failure('ERR_REIGN_TERM_UNSUPPORTED', 'cannot write this', error)
    }
    if (bytes === undefined || bytes instanceof Uint8Array) return bytes
    throw new TermError('ERR_REIGN_TERM_UNSUPPORTED', `the codec ${this.name} gave something else than bytes`)
  }

  /** The value of bytes. */
  decode(bytes: Uint8Array): unknown {
    try {
      return this.#codec.decode(bytes, this.#terms)
    } catch (error) {
      throw this.#failure('ERR_REIGN_TERM_INVALID', 'cannot read this', error)
    }
  }

  #failure(code: 'ERR_REIGN_TERM_UNSUPPORTED' | 'ERR_REIGN_TERM_INVALID', what: string, error: unknown): ReignError {
    if (error instanceof ReignError) return error
    return new TermError(code, `the codec ${this.name} ${what}: ${describe(error)}`, { cause: error })
  }
}
