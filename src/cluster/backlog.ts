/**
 * What was sent to a node with which there is no connection yet: encoded when it was sent, so that it goes as it was then.
 *
 * Nothing else is kept of it, so that the bounds are bounds on memory: what is lost in the end is decoded again, for those who look
 * at dead letters. Frames are kept as they are written behind a distribution header; how the peer wants them is only known later.
 */
import { Writer } from '../codec/writer.js'
import { copyFrame } from '../dist/control.js'
import { ReignError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { Connection } from '../net/connection.js'
import type { SlabPool } from '../net/slab-pool.js'

/** Before each frame: its length, and where its payload begins; 0 for one without. */
const headBytes = 8
/** Bytes before each frame on the wire: they count as they will on a connection. */
const lengthBytes = 4
const roomBytesMin = 4 * 1024
/** A buffer that a frame outgrew its slab into is kept for the next such frame, if it is no larger, and as long as frames wait. */
const spareBytesMax = 1024 * 1024
/** A frame stays in the buffer that it has outgrown its slab into if it is as long as this, and takes up most of that. */
const aloneBytesMin = 1024 * 1024
const mostOf = 0.8
const noBytes: Uint8Array = new Uint8Array(0)

/** A buffer, and from where to where it holds frames, the last of which may go on in the next. */
interface Filled {
  readonly buffer: Uint8Array
  readonly from: number
  readonly to: number
}

/** See the head of this file. Used as the outbox of a connection is. */
export class Backlog {
  readonly #limits: Limits
  readonly #slabs: SlabPool
  readonly #writer = new Writer(0)
  /** Buffers with frames, oldest first. */
  #full: Filled[] = []
  #slab = noBytes
  #start = -1
  #count = 0
  #bytes = 0

  constructor(limits: Limits, slabs: SlabPool) {
    this.#limits = limits
    this.#slabs = slabs
  }

  /** How many frames wait. */
  get count(): number {
    return this.#count
  }

  /** Their bytes, as a connection counts them. */
  get bytesWaiting(): number {
    return this.#bytes
  }

  /** Begins a frame, to be written behind a header that brings no atoms: then {@link end} it, or {@link abort} it. */
  begin(): Writer {
    if (this.#start >= 0) {
      throw new ReignError('ERR_REIGN_ARGUMENT', 'a value that is being sent must not send anything itself')
    }
    const writer = this.#writer
    if (this.#slab.length - writer.length < roomBytesMin) this.#nextSlab()
    const start = writer.length
    this.#start = start
    writer.keptFrom = start
    writer.length = start + headBytes
    writer.lengthMax = start + headBytes + this.#limits.frameBytesMax
    writer.payloadAt = -1
    return writer
  }

  /**
   * Ends the frame: it waits.
   *
   * @returns whether so much may wait: `false` when it is too much, so that all of it is to be given up.
   * @throws `ERR_REIGN_FRAME_TOO_LARGE` for a frame that no peer would take.
   */
  end(): boolean {
    const writer = this.#writer
    const start = this.#start
    const length = writer.length - start - headBytes
    const { frameBytesMax, outboxSoftBytes, outboxHardBytes } = this.#limits
    if (length > frameBytesMax) {
      this.abort()
      const text = `a message of ${length} bytes is too large; the limit is ${frameBytesMax} (limits.frameBytesMax)`
      throw new ReignError('ERR_REIGN_FRAME_TOO_LARGE', text)
    }
    writer.patchU32(start, length)
    writer.patchU32(start + 4, writer.payloadAt < 0 ? 0 : writer.payloadAt - start - headBytes)
    this.#start = -1
    this.#count++
    this.#bytes += length + lengthBytes
    if (writer.buffer !== this.#slab) this.#outgrown(start)
    // One frame alone is never too much, or the largest could not be sent at all.
    return this.#bytes <= outboxHardBytes || this.#bytes - length - lengthBytes <= outboxSoftBytes
  }

  /** Takes the frame back that is being written. */
  abort(): void {
    if (this.#start < 0) return
    this.#writer.truncate(this.#start)
    this.#writer.buffer = this.#slab
    this.#start = -1
  }

  /** Sends all of it, in order, on a connection; nothing waits any more. */
  sendOn({ outbox }: Connection, headers: boolean): void {
    this.#drain((frame, payloadAt) => {
      copyFrame(outbox.begin(), frame, payloadAt, headers)
      outbox.end()
    })
  }

  /** Gives all of it up: shows each frame, behind its header. It is valid during the call only. */
  drop(lost: (frame: Uint8Array) => void): void {
    this.#drain(lost)
  }

  #drain(take: (frame: Uint8Array, payloadAt: number) => void): void {
    this.#put()
    const full = this.#full
    this.#full = []
    this.#count = 0
    this.#bytes = 0
    this.#writer.spare = undefined
    // Where a frame is put together that crosses from one slab to another.
    const scratch = full.length > 1 ? this.#slabs.take() : noBytes
    let whole = noBytes
    let payloadAt = 0
    let missing = 0
    for (const { buffer, from, to } of full) {
      const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
      for (let at = from; at < to; ) {
        if (missing === 0) {
          missing = view.getUint32(at)
          payloadAt = view.getUint32(at + 4)
          at += headBytes
          if (at + missing > to)
            whole = missing > scratch.length ? new Uint8Array(missing) : scratch.subarray(0, missing)
          else whole = buffer.subarray(at, at + missing)
        }
        const next = Math.min(to, at + missing)
        if (whole.buffer !== buffer.buffer) whole.set(buffer.subarray(at, next), whole.length - missing)
        missing -= next - at
        at = next
        if (missing === 0) take(whole, payloadAt)
      }
      this.#slabs.give(buffer)
    }
    this.#slabs.give(scratch)
  }

  #nextSlab(): void {
    this.#put()
    this.#slab = this.#slabs.take()
    this.#writer.buffer = this.#slab
  }

  /**
   * A frame that has outgrown what was left of its slab fills it up, and goes on in the next: so what waits takes hardly more memory than
   * it has bytes. A very long one stays alone.
   */
  #outgrown(start: number): void {
    const writer = this.#writer
    const { buffer, length } = writer
    writer.buffer = this.#slab
    writer.truncate(start)
    if (length - start >= Math.max(aloneBytesMin, buffer.length * mostOf)) {
      this.#put()
      this.#full.push({ buffer, from: start, to: length })
      return
    }
    for (let at = start; at < length; ) {
      if (writer.length === this.#slab.length) this.#nextSlab()
      const end = Math.min(length, at + this.#slab.length - writer.length)
      writer.raw(buffer.subarray(at, end))
      at = end
    }
    if (buffer.length <= spareBytesMax) writer.spare = buffer
  }

  /** Puts the slab aside, with what is in it. */
  #put(): void {
    const { length } = this.#writer
    if (length > 0) this.#full.push({ buffer: this.#slab, from: 0, to: length })
    else if (this.#slab.length > 0) this.#slabs.give(this.#slab)
    this.#slab = noBytes
    this.#writer.buffer = noBytes
    this.#writer.truncate(0)
  }
}
