/** Bit strings: binaries whose last byte is not whole, Erlang's `<<5:3>>`. */
import { check } from '../arguments.js'
import { ReignError } from '../errors.js'

/** A bit string: whole bytes, then a last byte of which only the high `lastBits` bits count. */
export class Bits {
  /** The bytes; the unused low bits of the last one are 0. */
  readonly bytes: Uint8Array
  /** How many bits of the last byte count: 1 to 7. */
  readonly lastBits: number

  /** @throws `ERR_REIGN_ARGUMENT` when there is no byte, or `lastBits` is not 1 to 7. */
  constructor(bytes: Uint8Array, lastBits: number) {
    check(bytes instanceof Uint8Array, 'the bytes of a bit string are a Uint8Array', bytes)
    if (bytes.length === 0 || !Number.isInteger(lastBits) || lastBits < 1 || lastBits > 7) {
      throw new ReignError('ERR_REIGN_ARGUMENT', 'a bit string has at least one byte, and 1 to 7 bits of the last')
    }
    const last = bytes.length - 1
    const masked = (bytes[last] as number) & (0xff << (8 - lastBits)) & 0xff
    if (masked === bytes[last]) this.bytes = bytes
    else {
      this.bytes = bytes.slice()
      this.bytes[last] = masked
    }
    this.lastBits = lastBits
  }

  /** The length in bits. */
  get bitLength(): number {
    return (this.bytes.length - 1) * 8 + this.lastBits
  }
}
