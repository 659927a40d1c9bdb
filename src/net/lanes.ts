/**
 * Long messages on their way, beside everything else: cut into fragments, so that others need not wait for their end.
 *
 * What is sent to one receiver arrives in the order in which it was sent, so that whatever follows a long message to the same
 * receiver follows it here. Each receiver that a long message is under way to has a lane of its own; the lanes take turns.
 * Protocol: erl_dist_protocol, "Distribution Header for fragmented messages".
 */

import { versionMagic } from '../codec/tags.js'
import { firstFragment, laterFragment } from '../dist/control-ops.js'
import { fragmentHeadBytes } from '../dist/fragments.js'
import type { FrameParts } from './frame-parts.js'
import { type SlabPool, slabBytes } from './slab-pool.js'

/** A piece of a slab that has not been handed to the stream. */
export interface Piece {
  readonly slab: Uint8Array
  readonly from: number
  readonly to: number
  /** Whether its last frame goes on in the next piece, so that nothing may come between. Never so in lanes. */
  readonly split: boolean
}

/** Bytes before a frame that say how long it is. */
const lengthBytes = 4
/** Bytes at the beginning of a whole message for which a fragment has its own: the version, and the kind. */
const kindBytes = 2
/** Bytes of a message in one fragment: as many as leave it in one slab. */
export const fragmentBytes: number = slabBytes - lengthBytes - fragmentHeadBytes
/** The longest message that may follow another in a lane without being cut. */
export const behindBytesMax: number = slabBytes - lengthBytes
/** Lanes that take turns; further ones wait. A peer bounds how many messages may be unfinished. */
const turnsMax = 16

interface Lane {
  readonly receiver: object
  /** How much of all else must have gone before: what was sent to the receiver before it is in that. */
  readonly after: number
  readonly pieces: Piece[]
  /** The slab that what follows a long message is written into, and up to where. */
  slab: Uint8Array | undefined
  used: number
  bytes: number
}

/** See the head of this file. */
export class Lanes {
  readonly #slabs: SlabPool
  readonly #lanes = new Map<object, Lane>()
  /** The same, in the order in which they began. */
  readonly #order: Lane[] = []
  #turn = 0
  #messages = 0
  #bytes = 0

  constructor(slabs: SlabPool) {
    this.#slabs = slabs
  }

  /** Whether there are any. */
  get busy(): boolean {
    return this.#order.length > 0
  }

  /** Bytes that wait in all lanes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Bytes that wait in the lane of a receiver; `undefined` for who has none. */
  bytesFor(receiver: object): number | undefined {
    return this.#lanes.get(receiver)?.bytes
  }

  /**
   * Adds a long message, to the lane of its receiver, or as a new one.
   *
   * @param after A new one waits until so many bytes of all else have gone: see {@link next}.
   */
  addLong(receiver: object, parts: FrameParts, after: number): void {
    const lane = this.#lanes.get(receiver) ?? this.#open(receiver, after)
    this.#close(lane)
    const id = ++this.#messages
    const kinds = new Uint8Array(kindBytes)
    parts.read(kinds, 0, kindBytes)
    let left = Math.ceil(parts.left / fragmentBytes)
    for (let kind = firstFragment; left > 0; left--, kind = laterFragment) {
      const slab = this.#slabs.take()
      const head = lengthBytes + fragmentHeadBytes
      const count = parts.read(slab, head, fragmentBytes)
      const view = new DataView(slab.buffer, slab.byteOffset, slab.byteLength)
      view.setUint32(0, fragmentHeadBytes + count)
      view.setUint8(4, versionMagic)
      view.setUint8(5, kind)
      view.setUint32(6, 0)
      view.setUint32(10, id)
      view.setUint32(14, 0)
      view.setUint32(18, left)
      lane.pieces.push({ slab, from: 0, to: head + count, split: false })
      this.#count(lane, head + count)
    }
  }

  /** Adds a whole message of at most {@link behindBytesMax} bytes behind a long one to the same receiver. */
  addBehind(receiver: object, parts: FrameParts): void {
    const lane = this.#lanes.get(receiver) as Lane
    const bytes = lengthBytes + parts.left
    if (lane.slab === undefined || lane.slab.length - lane.used < bytes) {
      this.#close(lane)
      lane.slab = this.#slabs.take()
    }
    const { slab, used } = lane
    new DataView(slab.buffer, slab.byteOffset).setUint32(used, parts.left)
    parts.read(slab, used + lengthBytes, parts.left)
    lane.used += bytes
    this.#count(lane, bytes)
  }

  /** Whether there is a piece that may go, after so many bytes of all else. */
  ready(gone: number): boolean {
    const first = this.#order[0]
    return first !== undefined && first.after <= gone
  }

  /** The next piece that may go after so many bytes of all else: of the lane whose turn it is. There must be one. */
  next(gone: number): Piece {
    const later = this.#order.findIndex(({ after }) => after > gone)
    const turns = Math.min(later < 0 ? this.#order.length : later, turnsMax)
    this.#turn %= turns
    const lane = this.#order[this.#turn] as Lane
    const piece = this.#shift(lane) as Piece
    if (lane.pieces.length > 0 || lane.used > 0) this.#turn++
    else {
      this.#lanes.delete(lane.receiver)
      this.#order.splice(this.#turn, 1)
    }
    return piece
  }

  /** All that waits, one lane after the other; there are none then. */
  *takeAll(): Generator<Piece> {
    for (const lane of this.#order) {
      for (let piece = this.#shift(lane); piece !== undefined; piece = this.#shift(lane)) yield piece
    }
    this.#order.length = 0
    this.#lanes.clear()
  }

  #open(receiver: object, after: number): Lane {
    const lane: Lane = { receiver, after, pieces: [], slab: undefined, used: 0, bytes: 0 }
    this.#lanes.set(receiver, lane)
    this.#order.push(lane)
    return lane
  }

  /** What is written into goes behind the pieces. */
  #close(lane: Lane): void {
    if (lane.slab !== undefined) lane.pieces.push({ slab: lane.slab, from: 0, to: lane.used, split: false })
    lane.slab = undefined
    lane.used = 0
  }

  #count(lane: Lane, bytes: number): void {
    lane.bytes += bytes
    this.#bytes += bytes
  }

  #shift(lane: Lane): Piece | undefined {
    if (lane.pieces.length === 0) this.#close(lane)
    const piece = lane.pieces.shift()
    if (piece === undefined) return undefined
    this.#count(lane, piece.from - piece.to)
    return piece
  }
}
