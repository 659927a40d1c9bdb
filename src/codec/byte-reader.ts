/** Reading from bytes that somebody else made: nothing is read past their end, and each failure says where. */
// The global is a getter, which a look at each frame would show.
import { Buffer } from 'node:buffer'
import { type ReignErrorCode, TermError } from '../errors.js'

const noBytes = Buffer.alloc(0)

/** A place in some bytes. All integers are big-endian. Each step throws `ERR_REIGN_TERM_TRUNCATED` where bytes are missing. */
export class ByteReader {
  /** Where the next step reads: an offset into the loaded bytes. May be set. */
  position = 0
  /** @internal */
  protected bytes: Buffer = noBytes
  /** @internal */
  protected end = 0

  /** @internal Takes up the bytes from `start` to before `end`. */
  protected take(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.position = start
    this.end = Math.min(end, bytes.length)
  }

  /** @internal */
  protected u8(): number {
    if (this.position >= this.end) throw this.truncated()
    return this.bytes[this.position++] as number
  }

  /** @internal */
  protected u16(): number {
    const at = this.skip(2)
    return ((this.bytes[at] as number) << 8) | (this.bytes[at + 1] as number)
  }

  /** @internal */
  protected u32(): number {
    const at = this.skip(4)
    const bytes = this.bytes
    const high = ((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16)
    return (high | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0
  }

  /** @internal Moves over that many bytes, which have to be there; gives where they start. */
  protected skip(count: number): number {
    const at = this.position
    if (count > this.end - at) throw this.truncated()
    this.position = at + count
    return at
  }

  /** @internal */
  protected error(code: ReignErrorCode, complaint: string): TermError {
    return new TermError(code, `${complaint} (at byte ${this.position})`, { byteOffset: this.position })
  }

  /** @internal */
  protected truncated(): TermError {
    return this.error('ERR_REIGN_TERM_TRUNCATED', 'more is announced than the bytes that follow')
  }

  /** @internal */
  protected invalid(complaint: string): TermError {
    return this.error('ERR_REIGN_TERM_INVALID', complaint)
  }

  /** @internal */
  protected tooLarge(complaint: string): TermError {
    return this.error('ERR_REIGN_TERM_TOO_LARGE', complaint)
  }
}
