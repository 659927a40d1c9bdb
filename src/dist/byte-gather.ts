/** Bytes that arrive in pieces, kept together up to a bound: for short messages that are read whole or not at all. */

/** Grows by doubling, never past its bound; what a slow peer sends byte by byte costs no more than what it sends at once. */
export class ByteGather {
  readonly #bytesMax: number
  #bytes = new Uint8Array(64)
  #length = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** All bytes so far; a view, valid until the next {@link add}. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  /** Adds a piece. @returns `false`, and keeps nothing of it, when all together would be over the bound. */
  add(piece: Uint8Array): boolean {
    const length = this.#length + piece.length
    if (length > this.#bytesMax) return false
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.min(Math.max(length, this.#bytes.length * 2), this.#bytesMax))
      grown.set(this.bytes)
      this.#bytes = grown
    }
    this.#bytes.set(piece, this.#length)
    this.#length = length
    return true
  }
}
