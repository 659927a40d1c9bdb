/**
 * A growing output buffer: what terms and control messages are written into.
 *
 * Fields are public because the outbox of a connection uses a writer as its slab, and takes the filled buffer away.
 */
import { TermError } from '../errors.js'

/** Bytes by which what is reserved may exceed what is then written: three for each unit of a text of medium length. */
const reserveSlackBytes = 16 * 1024
/** Bytes from which a binary is put aside instead of copied, where the owner of the writer takes that. */
export const asideBytesMin: number = 8 * 1024
/** Bytes that a writer holds unless its owner sets {@link Writer.lengthMax}. */
const lengthMaxDefault = 1024 * 1024 * 1024

/** Bytes that belong into what is written before the byte at {@link offset}, and have not been copied there. */
export interface Aside {
  readonly offset: number
  readonly bytes: Uint8Array
  /** As it was then: a buffer can be taken away from its owner in the middle of an encoding. */
  readonly length: number
}

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
  /** Bytes before this offset are nobody's any more: they are not copied when the buffer has to grow. */
  keptFrom = 0
  /** A buffer to grow into, if it is large enough, instead of a new one. */
  spare: Uint8Array | undefined
  /** Large binaries that were put aside, in order. Only where the owner has set it: who does copies them before anybody may change them. */
  asides: Aside[] | undefined
  /** How many bytes were ever put aside. */
  asideBytes = 0
  /** Where the payload of a control message begins, for those that have one: set by who writes it. */
  payloadAt = -1
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

  /** Appends these bytes: a copy of them, or, where they are many and the owner takes that, puts them aside. */
  bulk(bytes: Uint8Array): void {
    if (this.takesAside(bytes.length)) this.putAside(bytes)
    else this.raw(bytes)
  }

  /** Whether so many bytes are better put aside: they are many, the owner takes that, and there is no room for them here. */
  takesAside(bytes: number): boolean {
    return this.asides !== undefined && bytes >= asideBytesMin && this.length + bytes > this.buffer.length
  }

  /** Puts these bytes aside: they stand before what is written next. Nobody may change them before the owner has copied them. */
  putAside(bytes: Uint8Array): void {
    const { length } = bytes
    this.mayHold(length)
    // They count for the bound at once: the same bytes a thousand times take no memory until they are sent.
    this.lengthMax -= length
    this.asideBytes += length
    this.asides?.push({ offset: this.length, bytes, length })
  }

  /** Throws `ERR_REIGN_TERM_TOO_LARGE` when so many bytes more are too many. */
  mayHold(bytes: number): void {
    if (this.length + bytes > this.lengthMax) throw this.#tooLarge()
  }

  /** Takes back everything from `length` on: how a caller drops a term that could not be written to its end. */
  truncate(length: number): void {
    this.length = length
  }

  #grow(bytes: number): void {
    const needed = this.length + bytes
    if (needed > this.lengthMax + reserveSlackBytes) throw this.#tooLarge()
    const { buffer, spare, keptFrom, length } = this
    const grown =
      spare !== undefined && spare !== buffer && spare.length >= needed
        ? spare
        : Buffer.allocUnsafeSlow(Math.max(needed, Math.min(buffer.length * 2, this.lengthMax), 64))
    grown.set(buffer.subarray(keptFrom, length), keptFrom)
    this.buffer = grown
  }

  #tooLarge(): TermError {
    const bytesMax = this.lengthMax + this.asideBytes - this.keptFrom
    return new TermError('ERR_REIGN_TERM_TOO_LARGE', `written out, this has more than ${bytesMax} bytes`)
  }
}
