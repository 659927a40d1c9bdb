/**
 * What a stream has been handed, and has not done with: memory that it may still look at, and that nobody may write to.
 *
 * A stream tells how many bytes wait in it, and takes them in order: that is enough to know which of its slabs are free.
 */
import type { SlabPool } from './slab-pool.js'
import type { ByteStream } from './transport.js'

/** See the head of this file. */
export class HandedOver {
  readonly #stream: Pick<ByteStream, 'bytesWaiting'>
  readonly #slabs: SlabPool
  /** Slabs of which all has been handed over, and up to which of all bytes the stream must have come before they are free. */
  #left: { readonly slab: Uint8Array; readonly freeAt: number }[] = []
  #bytes = 0

  constructor(stream: Pick<ByteStream, 'bytesWaiting'>, slabs: SlabPool) {
    this.#stream = stream
    this.#slabs = slabs
  }

  /** All bytes ever handed to the stream. */
  get bytes(): number {
    return this.#bytes
  }

  /** So many bytes more are handed to it. */
  count(bytes: number): void {
    this.#bytes += bytes
  }

  /** Of this slab nothing will be handed over any more: it is free when the stream has come to the end of what it has. */
  leave(slab: Uint8Array): void {
    this.#left.push({ slab, freeAt: this.#bytes })
  }

  /** Gives the slabs back that the stream has done with. */
  free(): void {
    const done = this.#bytes - this.#stream.bytesWaiting
    for (let next = this.#left[0]; next !== undefined && next.freeAt <= done; next = this.#left[0]) {
      this.#left.shift()
      this.#slabs.give(next.slab)
    }
  }

  /** Leaves the slabs alone for good: nobody will say when the stream has done with them. */
  drop(): void {
    this.#left = []
  }
}
