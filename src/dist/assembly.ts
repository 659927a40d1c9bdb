/**
 * A long message that comes in parts, put together as they come: with the last of them nothing is left to be done, however long
 * it is, and nobody waits for it to be copied in one go.
 *
 * From the second part on it is known how long the message is, near enough: memory for all of it is set aside then, which the
 * system gives only as it is written to. One that is not so very long is kept in pieces until it is there, and joined: that takes
 * no time to speak of, and a buffer that lives for no longer than it must is much cheaper to the garbage collector.
 */
import { giveBack } from '../spent-memory.js'
import { type Piece, Pieces } from './pieces.js'

/** Bytes up to which a message is joined when it is there. */
const joinedMax = 2 * 1024 * 1024
const noBytes: Uint8Array = new Uint8Array(0)
/** By how much it grows at least, so that parts of a peer's choice cost no more than copying each byte a few times. */
const growth = 1.5

/** See the head of this file. */
export class Assembly {
  readonly #joinedMax: number
  /** What has come, while it may be joined in the end. */
  #pieces: Pieces | undefined = new Pieces()
  #bytes = noBytes
  #length = 0

  /** @param joined Bytes up to which it may be joined. */
  constructor(joined: number = joinedMax) {
    this.#joinedMax = joined
  }

  /** How many bytes have come. */
  get length(): number {
    return this.#length
  }

  /** For how many bytes memory is set aside. */
  get reserved(): number {
    return this.#bytes.length
  }

  /** All that has come; nothing may be added then. */
  get bytes(): Uint8Array {
    return this.#pieces?.join() ?? this.#bytes.subarray(0, this.#length)
  }

  /**
   * Adds a part, in some pieces, which must not change from then on. Nobody may look at those that nobody else looked at before.
   *
   * @param from The bytes of the first pieces that do not belong to it.
   * @param bytes How many bytes it has.
   * @param more How many parts are to follow: as long as this one, as far as is known.
   * @param reserveMax For how many bytes memory may be set aside that have not come.
   */
  add(pieces: Iterable<Piece>, from: number, bytes: number, more: number, reserveMax: number): void {
    // The first part has the control message, and may be short for that.
    const expected = this.#length === 0 ? 0 : more * bytes
    const needed = this.#length + bytes
    if (this.#pieces !== undefined && needed + expected > this.#joinedMax) {
      const come = this.#pieces
      this.#pieces = undefined
      this.#length = 0
      this.#reserve(needed, expected, reserveMax)
      this.#put(come, 0)
    }
    if (this.#pieces === undefined && needed > this.#bytes.length) this.#reserve(needed, expected, reserveMax)
    this.#put(pieces, from)
  }

  #put(pieces: Iterable<Piece>, from: number): void {
    let skip = from
    for (const { bytes, sole } of pieces) {
      if (skip < bytes.length) {
        if (this.#pieces !== undefined) this.#pieces.add(bytes, skip, bytes.length, Number.POSITIVE_INFINITY, sole)
        else this.#bytes.set(skip > 0 ? bytes.subarray(skip) : bytes, this.#length)
        this.#length += bytes.length - skip
      }
      skip = Math.max(0, skip - bytes.length)
    }
    if (this.#pieces === undefined) giveBack(pieces)
  }

  #reserve(needed: number, expected: number, reserveMax: number): void {
    const held = this.#bytes
    const ahead = Math.max(Math.min(expected, reserveMax), needed * (growth - 1))
    this.#bytes = Buffer.allocUnsafeSlow(needed + Math.ceil(ahead))
    this.#bytes.set(held.subarray(0, this.#length))
  }
}
