/**
 * Bytes that come in pieces, kept until they are wanted in one.
 *
 * A large piece is kept where it lies and copied once, into a buffer of exactly the right size, when all are joined. Small
 * pieces are gathered in blocks: who sends byte by byte must not cost more than who sends all at once, and no few bytes are
 * to keep a large chunk in memory. Chunks that have been copied, and that nobody else looks at, are given back at once.
 */
import { giveBack } from '../spent-memory.js'

/** Bytes from which a piece may be kept where it lies. */
const keptBytesMin = 4 * 1024
/** The most that is set aside for bytes that have not come. */
const blockBytesMax = 16 * 1024

const noBytes: Uint8Array = new Uint8Array(0)

/** Some bytes, and whether nobody else looks at the memory that they are in: it may be given back when they have been copied. */
export interface Piece {
  readonly bytes: Uint8Array
  readonly sole: boolean
}

/** See the head of this file. */
export class Pieces {
  /** The pieces that are complete, in order: views of chunks, and full blocks. */
  #pieces: Piece[] = []
  #block = noBytes
  #blockBytes = 0
  #length = 0

  /** How many bytes there are. */
  get length(): number {
    return this.#length
  }

  /**
   * Adds the bytes of a chunk from `start` to before `end`. The chunk must not change from then on.
   *
   * @param expected How many bytes there will be in all, if that is known: a single block is made of the right size.
   * @param sole Whether nobody else looks at the chunk's memory, nor will.
   * @returns Whether it is kept where it lies; if not, it has been copied.
   */
  add(
    chunk: Uint8Array,
    start: number,
    end: number,
    expected: number = Number.POSITIVE_INFINITY,
    sole = false,
  ): boolean {
    const bytes = end - start
    this.#length += bytes
    // At most half of what is kept in memory is not what is wanted.
    const stays = bytes >= keptBytesMin && bytes * 2 >= chunk.buffer.byteLength
    if (stays) {
      this.#closeBlock()
      this.#pieces.push({ bytes: chunk.subarray(start, end), sole })
    } else this.#gather(chunk, start, end, expected)
    return stays
  }

  /** The pieces, one after the other; what is added later may not be among them. */
  *[Symbol.iterator](): Generator<Piece> {
    yield* this.#pieces
    if (this.#blockBytes > 0) yield { bytes: this.#block.subarray(0, this.#blockBytes), sole: false }
  }

  /** The first bytes, at least as many as are asked for, if there are so many: a view, or a copy. */
  head(bytes: number): Uint8Array {
    const first = this.#pieces[0]?.bytes ?? this.#block.subarray(0, this.#blockBytes)
    return first.length >= bytes ? first : this.join().subarray(0, bytes)
  }

  /** All of it, in one. What has been joined must not be added to. */
  join(): Uint8Array {
    this.#closeBlock()
    const pieces = this.#pieces
    if (pieces.length === 1) return (pieces[0] as Piece).bytes
    const joined = Buffer.allocUnsafeSlow(this.#length)
    let at = 0
    for (const { bytes } of pieces) {
      joined.set(bytes, at)
      at += bytes.length
    }
    giveBack(pieces)
    this.#pieces = [{ bytes: joined, sole: false }]
    return joined
  }

  #gather(chunk: Uint8Array, start: number, end: number, expected: number): void {
    let at = start
    while (at < end) {
      if (this.#blockBytes === this.#block.length) {
        this.#closeBlock()
        this.#block = Buffer.allocUnsafeSlow(Math.min(blockBytesMax, Math.max(end - at, expected - this.#length)))
      }
      const next = Math.min(end, at + this.#block.length - this.#blockBytes)
      this.#block.set(chunk.subarray(at, next), this.#blockBytes)
      this.#blockBytes += next - at
      at = next
    }
  }

  #closeBlock(): void {
    if (this.#blockBytes > 0) this.#pieces.push({ bytes: this.#block.subarray(0, this.#blockBytes), sole: true })
    this.#block = noBytes
    this.#blockBytes = 0
  }
}
