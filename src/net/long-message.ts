/**
 * A long message on its way out: cut into fragments one at a time, when the stream takes the next.
 *
 * So the largest message costs neither a copy of its own nor the time to make one. Protocol: erl_dist_protocol, "Distribution
 * Header for fragmented messages".
 */
import { versionMagic } from '../codec/tags.js'
import { firstFragment, laterFragment } from '../dist/control-ops.js'
import { fragmentHeadBytes } from '../dist/fragments.js'
import type { FrameParts } from './frame-parts.js'
import { slabBytes } from './slab-pool.js'

/** Bytes before a frame that say how long it is. */
export const lengthBytes: number = 4
/** Bytes at the beginning of a whole message for which a fragment has its own: the version, and the kind. */
const kindBytes = 2
const headBytes = lengthBytes + fragmentHeadBytes
/** Bytes of a message in one fragment: as many as leave it in one slab. */
export const fragmentBytes: number = slabBytes - headBytes

/** See the head of this file. */
export class LongMessage {
  readonly #parts: FrameParts
  readonly #id: number
  #kind: number = firstFragment
  #fragments: number

  /**
   * @param id Its number, of which no other that is under way may be.
   * @param parts A whole message behind a distribution header, kept for as long as this takes.
   */
  constructor(id: number, parts: FrameParts) {
    parts.read(new Uint8Array(kindBytes), 0, kindBytes)
    this.#parts = parts
    this.#id = id
    this.#fragments = Math.ceil(parts.left / fragmentBytes)
  }

  /** Bytes that have not been cut, with what stands before each fragment; 0 when all is done. */
  get bytes(): number {
    return this.#parts.left + this.#fragments * headBytes
  }

  /**
   * Writes the next fragment into a slab, its length before it. @returns how many bytes that are.
   *
   * @throws `ERR_REIGN_ARGUMENT` when a binary of it has another length by now: there is no end to the message then.
   */
  cut(slab: Uint8Array): number {
    const count = this.#parts.read(slab, headBytes, fragmentBytes)
    const view = new DataView(slab.buffer, slab.byteOffset, slab.byteLength)
    view.setUint32(0, fragmentHeadBytes + count)
    view.setUint8(4, versionMagic)
    view.setUint8(5, this.#kind)
    view.setUint32(6, 0)
    view.setUint32(10, this.#id)
    view.setUint32(14, 0)
    view.setUint32(18, this.#fragments--)
    this.#kind = laterFragment
    return headBytes + count
  }
}
