/**
 * One other node: the connection with it, or what waits until there is one.
 *
 * Whatever is sent is encoded at once, so that it goes as it was when it was sent and what cannot be encoded throws at
 * the sender. Without a connection the frames wait, in order and within the bounds of the outbox; with it they go first.
 * When the attempt fails, or the connection is lost, everything that crosses it is told so, once (P3).
 */

import type { EncodeContext } from '../codec/encode.js'
import { Writer } from '../codec/writer.js'
import { type ControlContext, encodeSend, encodeSignal } from '../dist/control.js'
import { hiddenFlags } from '../dist/flags.js'
import { describe, ReignError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { Connection } from '../net/connection.js'
import type { Signal } from '../signal.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import { tuple } from '../term/tuple.js'

/** What a {@link Peer} wants from the cluster. */
export interface PeerOwner {
  readonly limits: Limits
  readonly encoding: EncodeContext
  /** The sender that the wire is told where no process is known to be one. */
  readonly sender: Address<never>
  /** There is something to be sent and no connection: dial, or say {@link Peer.failed}. */
  wanted(peer: Peer): void
  /** This could not be sent, or may not have arrived. */
  lost(to: Address<never> | symbol | Ref, message: unknown): void
  /** More waited for a connection than may: soon give the attempt up, with {@link Peer.failed} and all that follows. */
  overloaded(peer: Peer): void
}

interface Waiting {
  readonly end: number
  readonly to: Address<never> | symbol | Ref | undefined
  readonly message: unknown
}

/** Bytes before each frame that say how long it is: they count against the bounds once the frames are sent. */
const lengthBytes = 4

/**
 * About something that a connection carried. Without that connection it is over on the other side too, so none is made for
 * the sake of saying so.
 */
const afterthoughts: ReadonlySet<Signal['op']> = new Set([
  'unlink',
  'unlink-ack',
  'link-exit',
  'demonitor',
  'down',
  'spawned',
])

/** See the head of this file. */
export class Peer {
  readonly name: string
  /** Whether it was dropped from the cluster's table: whoever holds it is to ask for the node anew. */
  forgotten = false
  readonly #owner: PeerOwner
  #connection: Connection | undefined
  #context: ControlContext
  #waiting: Waiting[] = []
  #frames: Writer | undefined
  /** Whether more waited than may, so that all of it is lost, and nothing is taken until that has been said. */
  #overloaded = false
  #drained: { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } | undefined

  constructor(name: string, owner: PeerOwner) {
    this.name = name
    this.#owner = owner
    this.#context = { refLeaves: (ref) => owner.encoding.refLeaves(ref), flags: hiddenFlags }
  }

  /** The connection, while there is one. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Whether frames wait for a connection. */
  get hasWaiting(): boolean {
    return this.#waiting.length > 0
  }

  // --- sending ----------------------------------------------------------------------------------------------------

  /** Sends a message. `false` when the sender should pause. Throws when the message cannot be encoded. */
  deliver(to: Address<never>, message: unknown): boolean {
    const connection = this.#connection
    if (connection === undefined) {
      return this.#wait(to, message, (writer) => encodeSend(writer, this.#owner.sender, to, message, this.#context))
    }
    const writer = connection.outbox.begin()
    try {
      encodeSend(writer, this.#owner.sender, to, message, this.#context)
    } catch (error) {
      connection.outbox.abort()
      throw error
    }
    return connection.outbox.end()
  }

  /** Sends any signal. Throws when it cannot be encoded, except for the news of an end. */
  signal(signal: Signal): void {
    try {
      this.#encode(signal)
    } catch (error) {
      if (!(error instanceof ReignError) || (signal.op !== 'link-exit' && signal.op !== 'down')) throw error
      // A process may end with any value as its reason; the others are told in any case, if need be only by a text.
      this.#encode({ ...signal, reason: tuple(Symbol.for('unencodable'), describe(signal.reason)) })
    }
  }

  #encode(signal: Signal): void {
    const connection = this.#connection
    if (connection === undefined) {
      if (this.#waiting.length === 0 && afterthoughts.has(signal.op)) return
      const isMessage = 'message' in signal
      this.#wait(isMessage ? signal.to : undefined, isMessage ? signal.message : undefined, (writer) =>
        encodeSignal(writer, signal, this.#context),
      )
      return
    }
    const writer = connection.outbox.begin()
    try {
      encodeSignal(writer, signal, this.#context)
    } catch (error) {
      connection.outbox.abort()
      throw error
    }
    connection.outbox.end()
  }

  #wait(to: Waiting['to'], message: unknown, encode: (writer: Writer) => void): boolean {
    const { frameBytesMax, outboxHardBytes, outboxSoftBytes } = this.#owner.limits
    this.#frames ??= new Writer(1_024)
    const frames = this.#frames
    const start = frames.length
    // As on a connection: what no frame can hold is refused at once, and not when it is too late to tell the sender.
    frames.lengthMax = start + frameBytesMax
    try {
      encode(frames)
      if (frames.length > frames.lengthMax) throw tooLarge(frames.length - start, frameBytesMax)
    } catch (error) {
      frames.truncate(start)
      throw error
    }
    if (this.#overloaded) {
      frames.truncate(start)
      this.#lost(to, message)
      return false
    }
    this.#waiting.push({ end: frames.length, to, message })
    const before = this.#bytesWaiting - (frames.length - start) - lengthBytes
    // One frame alone is never too much, or the largest could not be sent at all.
    if (this.#bytesWaiting > outboxHardBytes && before > outboxSoftBytes) {
      this.#overload()
      return false
    }
    if (this.#waiting.length === 1) this.#owner.wanted(this)
    return this.#bytesWaiting <= outboxSoftBytes
  }

  get #bytesWaiting(): number {
    return (this.#frames?.length ?? 0) + this.#waiting.length * lengthBytes
  }

  #overload(): void {
    this.#overloaded = true
    this.#loseWaiting()
    // Not on the stack of whoever sends: what follows fires links and monitors, perhaps the sender's own.
    this.#owner.overloaded(this)
  }

  #loseWaiting(): void {
    const waiting = this.#waiting
    this.#frames = undefined
    this.#waiting = []
    for (const { to, message } of waiting) this.#lost(to, message)
  }

  #lost(to: Waiting['to'], message: unknown): void {
    if (to !== undefined) this.#owner.lost(to, message)
  }

  /** Resolves when {@link deliver} would return `true`; rejects when the connection, or the attempt at one, fails. */
  drained(): Promise<void> {
    if (this.#connection !== undefined) return this.#connection.outbox.drained()
    if (this.#bytesWaiting <= this.#owner.limits.outboxSoftBytes) return Promise.resolve()
    if (this.#drained === undefined) {
      let resolve: () => void = () => {}
      let reject: (error: unknown) => void = () => {}
      const promise = new Promise<void>((yes, no) => {
        resolve = yes
        reject = no
      })
      // Whoever waits handles it; when nobody does any more, it is nobody's error.
      promise.catch(() => {})
      this.#drained = { promise, resolve, reject }
    }
    return this.#drained.promise
  }

  // --- the connection comes and goes --------------------------------------------------------------------------------

  /** There is a connection: what waited goes first, in order. */
  up(connection: Connection): void {
    this.#connection = connection
    this.#context = { ...this.#context, flags: connection.peer.flags }
    const frames = this.#frames
    const waiting = this.#waiting
    this.#frames = undefined
    this.#waiting = []
    let start = 0
    for (const { end } of waiting) {
      connection.outbox.begin().raw((frames as Writer).buffer.subarray(start, end))
      connection.outbox.end()
      start = end
    }
    const drained = this.#drained
    this.#drained = undefined
    if (drained !== undefined) connection.outbox.drained().then(drained.resolve, drained.reject)
  }

  /** The connection is gone. What was not written yet is lost; its links and monitors are the owner's to fire. */
  down(): void {
    this.#connection = undefined
    this.#context = { ...this.#context, flags: hiddenFlags }
  }

  /** There is no way to that node now: what waited is lost, and said to be. */
  failed(error: ReignError): void {
    this.#overloaded = false
    this.#loseWaiting()
    this.#drained?.reject(error)
    this.#drained = undefined
  }
}

function tooLarge(bytes: number, bytesMax: number): ReignError {
  const text = `a message of ${bytes} bytes is too large; the limit is ${bytesMax} (limits.frameBytesMax)`
  return new ReignError('ERR_REIGN_FRAME_TOO_LARGE', text)
}
