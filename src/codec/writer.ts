/**
 * A growing output buffer: what terms and control messages are written into.
 *
 * Fields are public because the outbox of a connection uses a writer as its slab, and takes the filled buffer away.
 */
import { TermError } from '../errors.js'

/** Bytes by which what is reserved may exceed what is then written: three for each unit of a text of medium length. */
const reserveSlackBytes = 16 * 1024
/** Bytes that a writer holds unless its owner sets {@link Writer.lengthMax}. */
const lengthMaxDefault = 1024 * 1024 * 1024

/** See the head of this file. All integers are written big-endian, as all of Erlang's protocols have them. */
export class Writer {
  /** Where the bytes are: the first {@link length} of them count. May be swapped for another between two terms. */
  buffer: Uint8Array
  /** How many bytes are written, and where the next one goes. */
  length = 0
  /**
   * The length past which writing throws `ERR_REIGN_TERM_TOO_LARGE`: what stops a value that is small in memory and
   * vast when written out (the same array held a million times). Checked exactly after each term, and to within 16 KiB
   * whenever the buffer grows.
   */
  lengthMax: number = lengthMaxDefault
  /** @internal Whether a term is being written now, so that a getter of the value can be kept from writing between. */
  busy = false

  constructor(initialBytes = 1_024) {
    this.buffer = Buffer.allocUnsafeSlow(initialBytes)
  }

  /** Makes room for that many more bytes. Cost: amortised O(1) per byte, as the buffer doubles. */
  reserve(bytes: number): void {
    if (this.length + bytes > this.buffer.length) this.#grow(bytes)
  }

  u8(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value
  }

  u16(value: number): void {
    this.reserve(2)
    const { buffer, length } = this
    buffer[length] = value >>> 8
    buffer[length + 1] = value
    this.length = length + 2
  }

  /** Also right for signed values: their two's complement is what is written. */
  u32(value: number): void {
    this.reserve(4)
    this.patchU32(this.length, value)
    this.length += 4
  }

  u64(value: bigint): void {
    this.u32(Number(BigInt.asUintN(32, value >> 32n)))
    this.u32(Number(BigInt.asUintN(32, value)))
  }

  /** Overwrites four bytes that are already written, or at least reserved: lengths known only afterwards. */
  patchU32(offset: number, value: number): void {
    const buffer = this.buffer
    buffer[offset] = value >>> 24
    buffer[offset + 1] = value >>> 16
    buffer[offset + 2] = value >>> 8
    buffer[offset + 3] = value
  }

  /** Appends a copy of these bytes. */
  raw(view: Uint8Array): void {
    const count = view.length
    this.reserve(count)
    const { buffer, length } = this
    // Below some dozens of bytes a loop beats the call of `set`.
    if (count <= 32) for (let i = 0; i < count; i++) buffer[length + i] = view[i] as number
    else buffer.set(view, length)
    this.length = length + count
  }

  /** Takes back everything from `length` on: how a caller drops a term that could not be written to its end. */
  truncate(length: number): void {
    this.length = length
  }

  #grow(bytes: number): void {
    const needed = this.length + bytes
    if (needed > this.lengthMax + reserveSlackBytes) {
      throw new TermError('ERR_REIGN_TERM_TOO_LARGE', `written out, this has more than ${this.lengthMax} bytes`)
    }
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(this.buffer.length * 2, this.lengthMax), 64))
    grown.set(this.buffer.subarray(0, this.length))
    this.buffer = grown
  }
}
