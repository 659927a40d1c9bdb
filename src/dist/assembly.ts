/**
 * A long message that comes in parts, put together as they come: with the last of them nothing is left to be done, however long
 * it is, and nobody waits for it to be copied in one go.
 *
 * From the second part on it is known how long the message is, near enough: memory for all of it is set aside then, which the
 * system gives only as it is written to.
 */

const noBytes: Uint8Array = new Uint8Array(0)
/** By how much it grows at least, so that parts of a peer's choice cost no more than copying each byte a few times. */
const growth = 1.5

/** See the head of this file. */
export class Assembly {
  #bytes = noBytes
  #length = 0

  /** How many bytes have come. */
  get length(): number {
    return this.#length
  }

  /** For how many bytes memory is set aside. */
  get reserved(): number {
    return this.#bytes.length
  }

  /** What has come; a view, valid until more is added. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /**
   * Adds a part, in some pieces, which are copied.
   *
   * @param from The bytes of the first pieces that do not belong to it.
   * @param bytes How many bytes it has.
   * @param more How many parts are to follow: as long as this one, as far as is known.
   * @param reserveMax For how many bytes memory may be set aside that have not come.
   */
  add(pieces: Iterable<Uint8Array>, from: number, bytes: number, more: number, reserveMax: number): void {
    if (this.#length + bytes > this.#bytes.length) this.#reserve(bytes, more * bytes, reserveMax)
    let skip = from
    for (const piece of pieces) {
      if (skip < piece.length) {
        this.#bytes.set(skip > 0 ? piece.subarray(skip) : piece, this.#length)
        this.#length += piece.length - skip
      }
      skip = Math.max(0, skip - piece.length)
    }
  }

  #reserve(bytes: number, expected: number, reserveMax: number): void {
    const held = this.#bytes
    const needed = this.#length + bytes
    // The first part has the control message, and may be short for that.
    const ahead = held.length === 0 ? 0 : Math.max(Math.min(expected, reserveMax), needed * (growth - 1))
    this.#bytes = Buffer.allocUnsafeSlow(needed + Math.ceil(ahead))
    this.#bytes.set(held.subarray(0, this.#length))
  }
}
