/**
 * What waits to be written to one peer: frames are encoded straight into a slab, and slabs go to the stream, one at a time.
 *
 * A send costs no allocation and no system call of its own: frames sent together leave in one write, which is one
 * encryption and one system call for all. The stream gets the next write when it has done with the one before: Node.js
 * would join what waits in it into fresh memory, whereas here it lies ready, in memory that is used again and again. A
 * slab is append-only while the stream may still look at what it was handed.
 */
import type { Clock } from '../clock.js'
import { Writer } from '../codec/writer.js'
import { ReignError } from '../errors.js'
import type { Limits } from '../limits.js'
import { Flight } from './flight.js'
import { FlushPace } from './flush-pace.js'
import { FrameParts } from './frame-parts.js'
import { HandedOver } from './handed-over.js'
import { behindBytesMax, Lanes } from './lanes.js'
import { Line } from './line.js'
import { fragmentBytes, LongMessage, lengthBytes } from './long-message.js'
import { SlabPool } from './slab-pool.js'
import type { ByteStream } from './transport.js'
import { Waiters } from './waiters.js'

/** With less room than this a new slab is begun: a frame that outgrows its slab is copied once more. */
const roomBytesMin = 4 * 1024
/** A buffer that a frame outgrew its slab into is kept for the next such frame, if it is no larger. */
const spareBytesMax = 1024 * 1024

const noBytes: Uint8Array = new Uint8Array(0)

/** What {@link Outbox} needs. */
export interface OutboxParts {
  readonly clock: Clock
  readonly limits: Limits
  /** Where slabs come from; its own, unless given. */
  readonly slabs?: SlabPool
  /** Whether long messages may be cut into fragments: both sides have offered that. Frames then begin with a header. */
  readonly fragments?: boolean
  /** Called, in a microtask, when more waits than may. Nothing is taken any more then. */
  overload(): void
  /**
   * Called when so much begins to wait that senders should pause, with how many bytes, and when it is no longer so much (0): for who
   * watches.
   */
  congested?(bytesWaiting: number): void
  /** Called, in a microtask, when a message that has begun to leave has no end: a buffer of it was taken away from its sender. */
  broken(error: unknown): void
}

/** Bytes up to which a message goes whole, also where it could be cut into fragments. */
const wholeBytesMax = 2 * fragmentBytes

/** Said to be the receiver of what nobody receives in particular: it need not wait for anything that was sent to others. */
export const nobody: object = Object.freeze({})

/** See the head of this file. */
export class Outbox {
  readonly #stream: ByteStream
  readonly #clock: Clock
  readonly #limits: Limits
  readonly #slabs: SlabPool
  readonly #fragments: boolean
  readonly #overload: () => void
  readonly #broken: (error: unknown) => void
  readonly #tellCongested: (bytesWaiting: number) => void
  readonly #pace: FlushPace
  readonly #lanes: Lanes
  readonly #writer = new Writer(0)
  /** The slab that is written into; the writer's buffer is another only while a frame outgrows it. */
  #slab: Uint8Array = noBytes
  /** Where the frame that is being written begins, its length included; -1 when none is. */
  #start = -1
  /** Up to where the slab has been handed to the stream. */
  #handed = 0
  /** What goes before the slab that is written into: full ones, and long messages that must leave in this order. */
  readonly #full: Line
  /** How many messages have been cut. */
  #cut = 0
  readonly #handedOver: HandedOver
  /** All bytes ever handed to the stream that were in no lane. */
  #firstHanded = 0
  /** Whether the stream is at work on what it was handed last. */
  #blocked = false
  #lost: ReignError | undefined
  /** Whether it was told that so much waits that senders should pause. */
  #isCongested = false
  #tickBytes = 0
  /** Set where the other side answers probes. */
  #flight: Flight | undefined
  /** Whether the frame that is being written is a probe. */
  #probing = false
  readonly #waiters = new Waiters()
  /** Whether some of them were let go on in this turn of the event loop. */
  #wokenLately = false
  /** Whether the last piece that was handed over was one of the lanes; and whether its last frame goes on in the next. */
  #lanesLast = false
  #split = false

  constructor(stream: ByteStream, parts: OutboxParts) {
    this.#stream = stream
    this.#clock = parts.clock
    this.#limits = parts.limits
    this.#slabs = parts.slabs ?? new SlabPool()
    this.#fragments = parts.fragments ?? false
    this.#overload = parts.overload
    this.#broken = parts.broken
    this.#tellCongested = parts.congested ?? (() => {})
    this.#pace = new FlushPace(parts.clock, () => this.flush())
    this.#handedOver = new HandedOver(stream, this.#slabs)
    this.#lanes = new Lanes(this.#slabs)
    this.#full = new Line(this.#slabs)
    this.#writer.asides = []
  }

  /** Bytes that were sent and have not left: here, and in the stream. */
  get bytesWaiting(): number {
    return this.#waitingFor(nobody) + this.#lanes.bytes
  }

  /** Bytes that wait here, and in no lane. */
  get #firstWaiting(): number {
    return this.#full.bytes + this.#writer.length - this.#handed
  }

  /** Bytes that are to leave before what would be sent to that receiver now, or along with it. */
  #waitingFor(receiver: object | undefined): number {
    const first = this.#firstWaiting + this.#stream.bytesWaiting
    if (!this.#lanes.busy) return first
    return first + (receiver === undefined ? this.#lanes.bytes : (this.#lanes.bytesFor(receiver) ?? 0))
  }

  /** Bytes of frames ever handed to the stream; ticks do not count. */
  get bytesWritten(): number {
    return this.#handedOver.bytes - this.#tickBytes
  }

  /**
   * From now on no more of long messages leaves than the other side reads in time: see `flight.ts`.
   *
   * @param probe Sends a small frame that the other side answers at once; for each answer, call {@link answered}.
   */
  probeWith(probe: () => void): void {
    const send = () => {
      this.#probing = true
      if (this.#lost === undefined) probe()
      this.#probing = false
    }
    this.#flight = new Flight(this.#clock, send, () => this.flush())
  }

  /** The other side has answered a probe. */
  answered(): void {
    this.#flight?.answered()
  }

  /**
   * Begins a frame: write it into what this gives, then {@link end} it, or {@link abort} it. Nothing else may be begun
   * meanwhile, and the writer not be kept. Large binaries that the writer puts aside must not change until then; those of at least
   * `referredBytesMin` bytes not before they have left.
   *
   * @throws `ERR_REIGN_ARGUMENT` when a frame is being written: a value that is being sent sends something itself.
   */
  begin(): Writer {
    if (this.#start >= 0) {
      throw new ReignError('ERR_REIGN_ARGUMENT', 'a value that is being sent must not send anything itself')
    }
    const writer = this.#writer
    if (this.#handed === writer.length && this.#handed > 0) this.#rewind()
    if (this.#slab.length - writer.length < roomBytesMin) this.#nextSlab(false)
    const start = writer.length
    this.#start = start
    writer.keptFrom = start
    writer.length = start + lengthBytes
    // So that a value that is vast when written out stops being written when it is too long for any frame.
    writer.lengthMax = start + lengthBytes + this.#limits.frameBytesMax
    writer.asideBytes = 0
    writer.payloadAt = -1
    return writer
  }

  /**
   * Ends the frame: it is on its way. Frames to one receiver leave in the order in which they were ended; a long message to one
   * keeps others waiting for no more than a fragment of it.
   *
   * @param receiver Who it is for: the same object each time. `undefined` when that may be anybody: it leaves after all that was
   * sent before, whoever for. {@link nobody}: no receiver that anything was sent to before.
   * @returns `false` when so much waits that the sender should pause until {@link drained}; also when the connection is
   * lost, and the frame with it.
   * @throws `ERR_REIGN_FRAME_TOO_LARGE` for a frame that no peer would take (`limits.frameBytesMax`); nothing of it is sent.
   */
  end(receiver?: object): boolean {
    const writer = this.#writer
    const start = this.#start
    const length = writer.length - start - lengthBytes + writer.asideBytes
    const { frameBytesMax, outboxSoftBytes, outboxHardBytes } = this.#limits
    if (length > frameBytesMax || this.#lost !== undefined) {
      this.abort()
      if (this.#lost !== undefined) return false
      const text = `a message of ${length} bytes is too large; the limit is ${frameBytesMax} (limits.frameBytesMax)`
      throw new ReignError('ERR_REIGN_FRAME_TOO_LARGE', text)
    }
    const aside = this.#lanes.busy && (receiver === undefined || this.#lanes.bytesFor(receiver) !== undefined)
    if (aside || length > wholeBytesMax || writer.buffer !== this.#slab || writer.asideBytes > 0) {
      this.#lay(length, receiver)
    } else {
      writer.patchU32(start, length)
      this.#start = -1
    }
    if (this.#lanes.busy && !aside && !this.#probing && length > 0 && length <= wholeBytesMax) this.#flight?.beside()
    const waiting = this.#waitingFor(receiver)
    const all = this.#lanes.busy ? this.bytesWaiting : waiting
    if (all > outboxHardBytes && all - length > outboxSoftBytes) {
      // One frame alone is never too much, or the largest could not be sent at all; but to a peer that is behind, it is.
      this.#overloaded(all)
      return false
    }
    this.#schedule()
    if (waiting <= outboxSoftBytes) return true
    this.#congest(all)
    return false
  }

  /** Takes the frame back that is being written, because it could not be encoded to its end. */
  abort(): void {
    if (this.#start < 0) return
    this.#writer.truncate(this.#start)
    this.#reclaim()
    this.#start = -1
  }

  /**
   * Resolves when what is to leave before the next message to that receiver (before anything, if none is named) is no more than the
   * soft limit; at once when it is not more now.
   *
   * @returns rejects with `ERR_REIGN_CONNECTION_LOST` when the connection is lost, before or meanwhile.
   */
  drained(receiver?: object): Promise<void> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    if (this.#waitingFor(receiver) <= this.#limits.outboxSoftBytes) return Promise.resolve()
    return this.#waiters.wait(receiver)
  }

  /** Sends a tick, an empty frame: something to hear for a peer to whom nothing else was sent. */
  tick(): void {
    if (this.#lost !== undefined || this.#start >= 0) return
    this.begin()
    this.end(nobody)
    this.#tickBytes += lengthBytes
  }

  /** Hands to the stream what waits here, as far as it takes more. */
  flush(): void {
    if (this.#lost !== undefined || this.#start >= 0) return
    this.#pump()
    if (this.#isCongested && this.bytesWaiting <= this.#limits.outboxSoftBytes) {
      this.#isCongested = false
      this.#tellCongested(0)
    }
  }

  #congest(bytesWaiting: number): void {
    if (this.#isCongested) return
    this.#isCongested = true
    this.#tellCongested(bytesWaiting)
  }

  /** Hands all that waits here to the stream, whether it has room or not: nothing follows. */
  finish(): void {
    if (this.#lost !== undefined || this.#start >= 0) return
    this.#flight?.stop()
    this.#flight = undefined
    for (let piece = this.#next(); piece !== undefined; piece = this.#next()) this.#stream.write(piece)
  }

  /** The stream has done with what it was handed. */
  streamDrained(): void {
    this.#blocked = false
    this.#handedOver.free()
    this.flush()
    this.#wake()
  }

  /** The connection is lost: takes nothing any more, and tells those that wait. */
  lose(error: ReignError): void {
    if (this.#lost !== undefined) return
    this.#lost = error
    this.#flight?.stop()
    if (this.#start < 0) this.#drop()
    this.#waiters.fail(error)
  }

  // --- slabs ----------------------------------------------------------------------------------------------------------

  /** Lays a frame out that lies in several places, or that is to go another way than the slab at hand. */
  #lay(length: number, receiver: object | undefined): void {
    const writer = this.#writer
    const from = this.#start + lengthBytes
    const { payloadAt } = writer
    const behind = receiver !== undefined && this.#lanes.bytesFor(receiver) !== undefined
    const canCut = this.#fragments && payloadAt >= 0 && payloadAt - from <= fragmentBytes
    const cuts = canCut && length > (behind ? behindBytesMax : wholeBytesMax)
    const parts = this.#partsOf(from, cuts)
    if (receiver === undefined && this.#lanes.busy) this.#join()
    if (cuts) return this.#layLong(parts, receiver)
    if (behind && length <= behindBytesMax) return this.#lanes.addBehind(receiver, parts)
    if (behind) this.#join()
    writer.u32(length)
    while (parts.left > 0) {
      if (writer.length === this.#slab.length) this.#nextSlab(true)
      writer.length += parts.read(this.#slab, writer.length, this.#slab.length - writer.length)
    }
  }

  #layLong(parts: FrameParts, receiver: object | undefined): void {
    const message = new LongMessage(++this.#cut, parts)
    if (receiver !== undefined) {
      // What nobody in particular receives needs no order, also among itself.
      this.#lanes.addLong(receiver === nobody ? message : receiver, message, this.#firstHanded + this.#firstWaiting)
    } else {
      this.#nextSlab(false)
      this.#full.push(message)
    }
  }

  /** The frame that was written from there on, which is over for the writer. */
  #partsOf(from: number, keeps: boolean): FrameParts {
    const { buffer } = this.#writer
    const copies = buffer === this.#slab || (keeps && buffer.length <= spareBytesMax)
    try {
      const parts = new FrameParts(this.#writer, from, copies)
      if (keeps) parts.keep()
      return parts
    } finally {
      this.abort()
    }
  }

  /** All that waits in lanes goes before what is sent next, in one line: that may be for anybody. */
  #join(): void {
    this.#nextSlab(false)
    this.#lanes.joinTo(this.#full)
  }

  /** A frame is over: what it was written into beside the slab is kept for the next, or let go. */
  #reclaim(): void {
    const writer = this.#writer
    if (writer.buffer !== this.#slab) {
      if (writer.buffer.length <= spareBytesMax) writer.spare = writer.buffer
      writer.buffer = this.#slab
    }
    if (writer.asideBytes > 0) writer.asides = []
    if (this.#lost !== undefined) this.#drop()
  }

  /**
   * The slab is full, or as good as: it waits, and another is written into.
   *
   * @param split Whether the frame that stands last in it goes on in the next.
   */
  #nextSlab(split: boolean): void {
    const writer = this.#writer
    const { length } = writer
    const slab = this.#slab
    if (this.#handed < length) {
      this.#full.push({ slab, from: this.#handed, to: length, split })
    } else if (slab.length > 0) this.#handedOver.leave(slab)
    this.#handedOver.free()
    this.#slab = this.#slabs.take()
    this.#handed = 0
    writer.buffer = this.#slab
    writer.truncate(0)
    // What one turn sends beyond a slab begins to leave at once.
    this.#pump()
  }

  /** All of the slab has been handed over: uses it anew from its beginning, if the stream has done with it. */
  #rewind(): void {
    if (this.#stream.bytesWaiting > 0) return
    this.#writer.truncate(0)
    this.#handed = 0
  }

  /** Lets go of what is written here. What the stream was handed may still be going out (`close` waits for it): it is left alone. */
  #drop(): void {
    this.#lanes.joinTo(this.#full)
    this.#full.drop()
    if (this.#handed === 0 && this.#slab.length > 0) this.#slabs.give(this.#slab)
    this.#handedOver.drop()
    this.#slab = noBytes
    this.#handed = 0
    this.#writer.buffer = noBytes
    this.#writer.spare = undefined
    this.#writer.truncate(0)
  }

  // --- handing over ---------------------------------------------------------------------------------------------------

  #schedule(): void {
    // When the stream has done with what it has, all that waits by then goes to it.
    if (!this.#blocked) this.#pace.ask()
  }

  #pump(): void {
    while (!this.#blocked) {
      const piece = this.#next()
      if (piece === undefined) return this.#wake()
      this.#blocked = !this.#stream.write(piece)
    }
  }

  /** What the stream is to be handed next; `undefined` when there is nothing, or when what there is cannot be. */
  #next(): Uint8Array | undefined {
    try {
      return this.#nextPiece()
    } catch (error) {
      // Nothing may follow what has no end. Not on the stack of whoever sends, as with overload.
      this.#blocked = true
      this.#clock.microtask(() => this.#broken(error))
      return undefined
    }
  }

  /** A piece of the lanes, and one of all else, in turn. */
  #nextPiece(): Uint8Array | undefined {
    const gone = this.#firstHanded
    const onlyLanes = this.#firstWaiting === 0
    const isTurn = !this.#split && (onlyLanes || !this.#lanesLast) && this.#lanes.ready(gone)
    this.#lanesLast = isTurn && (this.#flight?.mayGo() ?? true)
    const piece = this.#lanesLast ? this.#lanes.next(gone) : this.#full.next()
    if (piece !== undefined) {
      const { slab, from, to, split } = piece
      if (this.#lanesLast) this.#flight?.left(to - from)
      else this.#firstHanded += to - from
      this.#split = split
      this.#handedOver.count(to - from)
      this.#handedOver.leave(slab)
      return slab.subarray(from, to)
    }
    const from = this.#handed
    const to = this.#writer.length
    if (from === to) return undefined
    this.#split = false
    this.#handed = to
    this.#firstHanded += to - from
    this.#handedOver.count(to - from)
    return this.#slab.subarray(from, to)
  }

  /**
   * Lets senders go on, once a turn of the event loop: what the system takes at once is drained before the turn is over, and a sender
   * that went on each time would keep the event loop for as long as it has something to send.
   */
  #wake(): void {
    if (this.#wokenLately) return
    this.#wokenLately = this.#waiters.wake((receiver) => this.#waitingFor(receiver) <= this.#limits.outboxSoftBytes)
    if (this.#wokenLately) this.#clock.nextTurn(this.#wakeAgain)
  }

  readonly #wakeAgain = (): void => {
    this.#wokenLately = false
    this.#wake()
  }

  #overloaded(waiting: number): void {
    const { outboxHardBytes } = this.#limits
    const text = `${waiting} bytes wait to be written; the limit is ${outboxHardBytes} (limits.outboxHardBytes)`
    this.lose(new ReignError('ERR_REIGN_CONNECTION_LOST', text))
    // Not on the stack of whoever sends: the loss of the connection fires links and monitors, perhaps the sender's own.
    this.#clock.microtask(this.#overload)
  }
}
