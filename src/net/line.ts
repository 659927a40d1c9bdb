/** What waits to leave one behind the other: pieces of slabs, and long messages, which are cut as they leave. */
import { LongMessage } from './long-message.js'
import type { SlabPool } from './slab-pool.js'

/** A piece of a slab that has not been handed to the stream. */
export interface Piece {
  readonly slab: Uint8Array
  readonly from: number
  readonly to: number
  /** Whether its last frame goes on in the next piece, so that nothing may come between. Never so in lanes. */
  readonly split: boolean
}

/** See the head of this file. */
export class Line {
  readonly #slabs: SlabPool
  #items: (Piece | LongMessage)[] = []
  #bytes = 0

  constructor(slabs: SlabPool) {
    this.#slabs = slabs
  }

  /** Bytes that wait in it. */
  get bytes(): number {
    return this.#bytes
  }

  push(item: Piece | LongMessage): void {
    this.#items.push(item)
    this.#bytes += item instanceof LongMessage ? item.bytes : item.to - item.from
  }

  /** Puts all that waits in another behind this. */
  append(other: Line): void {
    this.#items.push(...other.#items)
    this.#bytes += other.#bytes
    other.#clear()
  }

  /**
   * Takes the next piece off; `undefined` when nothing waits.
   *
   * @throws as {@link LongMessage.cut}.
   */
  next(): Piece | undefined {
    const [item] = this.#items
    if (item === undefined) return undefined
    const piece = item instanceof LongMessage ? this.#cut(item) : item
    if (piece === item || (item as LongMessage).bytes === 0) this.#items.shift()
    this.#bytes -= piece.to - piece.from
    return piece
  }

  /** Lets go of all that waits; the slabs that nothing was handed over of may be used again. */
  drop(): void {
    for (const item of this.#items) {
      if (!(item instanceof LongMessage) && item.from === 0) this.#slabs.give(item.slab)
    }
    this.#clear()
  }

  #cut(message: LongMessage): Piece {
    const slab = this.#slabs.take()
    return { slab, from: 0, to: message.cut(slab), split: false }
  }

  #clear(): void {
    this.#items = []
    this.#bytes = 0
  }
}
