/**
 * Buffers of one size that are used again and again: memory that is in use already is several times cheaper to write to than
 * memory that the system has yet to give.
 */

/** Bytes of a slab: what one write to a stream has at most, and one fragment of a long message. */
export const slabBytes: number = 64 * 1024

/** Slabs that are kept for the next who wants one, in any case. */
const keptMax = 16

/**
 * See the head of this file. One for all connections of a node.
 *
 * What is given back beyond a few slabs is remembered only weakly: the next burst uses it again, unless the garbage collector
 * comes first. So a peer that is flooded, lost, and flooded again does not cost twice the memory that may wait for it.
 */
export class SlabPool {
  readonly #kept: Uint8Array[] = []
  readonly #remembered: WeakRef<Uint8Array>[] = []

  /** A slab, its content undefined. */
  take(): Uint8Array {
    const kept = this.#kept.pop()
    if (kept !== undefined) return kept
    for (let weak = this.#remembered.pop(); weak !== undefined; weak = this.#remembered.pop()) {
      const slab = weak.deref()
      if (slab !== undefined) return slab
    }
    return Buffer.allocUnsafeSlow(slabBytes)
  }

  /** Takes a slab back. Nobody may look at it any more. */
  give(slab: Uint8Array): void {
    if (this.#kept.length < keptMax) this.#kept.push(slab)
    else this.#remembered.push(new WeakRef(slab))
  }
}
