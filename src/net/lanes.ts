/**
 * Long messages on their way, beside everything else: cut into fragments, so that others need not wait for their end.
 *
 * What is sent to one receiver arrives in the order in which it was sent, so that whatever follows a long message to the same
 * receiver follows it here. Each receiver that a long message is under way to has a lane of its own; the lanes take turns.
 */
import type { FrameParts } from './frame-parts.js'
import { Line, type Piece } from './line.js'
import { type LongMessage, lengthBytes } from './long-message.js'
import { type SlabPool, slabBytes } from './slab-pool.js'

/** The longest message that may follow another in a lane without being cut. */
export const behindBytesMax: number = slabBytes - lengthBytes
/** The longest that shares a slab with others. */
const sharedBytesMax = 8 * 1024
/** Lanes that take turns; further ones wait. A peer bounds how many messages may be unfinished. */
const turnsMax = 16

interface Lane {
  readonly receiver: object
  /** How much of all else must have gone before: what was sent to the receiver before it is in that. */
  readonly after: number
  readonly line: Line
  /** The slab that what follows a long message is written into, and up to where. */
  slab: Uint8Array | undefined
  used: number
}

/** See the head of this file. */
export class Lanes {
  readonly #slabs: SlabPool
  readonly #lanes = new Map<object, Lane>()
  /** The same, in the order in which they began. */
  readonly #order: Lane[] = []
  #turn = 0
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
    const lane = this.#lanes.get(receiver)
    return lane && lane.line.bytes + lane.used
  }

  /**
   * Adds a long message, to the lane of its receiver, or as a new one.
   *
   * @param after A new one waits until so many bytes of all else have gone: see {@link next}.
   */
  addLong(receiver: object, message: LongMessage, after: number): void {
    const lane = this.#lanes.get(receiver) ?? this.#open(receiver, after)
    this.#close(lane)
    lane.line.push(message)
    this.#bytes += message.bytes
  }

  /** Adds a whole message of at most {@link behindBytesMax} bytes behind a long one to the same receiver. */
  addBehind(receiver: object, parts: FrameParts): void {
    const lane = this.#lanes.get(receiver) as Lane
    const bytes = lengthBytes + parts.left
    if (lane.slab === undefined || lane.slab.length - lane.used < bytes) {
      this.#close(lane)
      // What takes a good part of a slab has a buffer of its own: what waits must not take much more memory than it has bytes.
      lane.slab = bytes > sharedBytesMax ? Buffer.allocUnsafeSlow(bytes) : this.#slabs.take()
    }
    const { slab, used } = lane
    new DataView(slab.buffer, slab.byteOffset).setUint32(used, parts.left)
    parts.read(slab, used + lengthBytes, parts.left)
    lane.used += bytes
    this.#bytes += bytes
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
    if (lane.line.bytes === 0) this.#close(lane)
    const piece = lane.line.next() as Piece
    this.#bytes -= piece.to - piece.from
    if (lane.line.bytes + lane.used > 0) this.#turn++
    else {
      this.#lanes.delete(lane.receiver)
      this.#order.splice(this.#turn, 1)
    }
    return piece
  }

  /** All that waits, one lane after the other, put into a line; there are no lanes then. */
  joinTo(line: Line): void {
    for (const lane of this.#order) {
      this.#close(lane)
      line.append(lane.line)
    }
    this.#order.length = 0
    this.#lanes.clear()
    this.#bytes = 0
  }

  #open(receiver: object, after: number): Lane {
    const lane: Lane = { receiver, after, line: new Line(this.#slabs), slab: undefined, used: 0 }
    this.#lanes.set(receiver, lane)
    this.#order.push(lane)
    return lane
  }

  /** What is written into goes behind what waits. */
  #close(lane: Lane): void {
    if (lane.slab !== undefined) lane.line.push({ slab: lane.slab, from: 0, to: lane.used, split: false })
    lane.slab = undefined
    lane.used = 0
  }
}
