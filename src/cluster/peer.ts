/**
 * One other node: the connection with it, or what waits until there is one.
 *
 * Whatever is sent is encoded at once, in the form that the node speaks or, before it is known, is taken to speak; so that it goes as it was when it was sent (but for the largest binaries, which are read as
 * they leave) and what cannot be encoded throws at the sender. Without a connection the frames wait, in order and within the bounds of the outbox; with it they go first.
 * When the attempt fails, or the connection is lost, everything that crosses it is told so, once (P3).
 */

import { type ControlContext, controlContext, encodeSend, encodeShortSend, encodeSignal } from '../dist/control.js'
import { hasHeaders, headerFlags, hiddenFlags } from '../dist/flags.js'
import { describe, ReignError } from '../errors.js'
import { signalSent } from '../events.js'
import type { Limits } from '../limits.js'
import type { Connection } from '../net/connection.js'
import { nobody } from '../net/outbox.js'
import type { SlabPool } from '../net/slab-pool.js'
import { publish } from '../process/guard.js'
import type { Signal } from '../signal.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import { tuple } from '../term/tuple.js'
import { Backlog } from './backlog.js'
import type { LinkCodec, LinkCodecs } from './link-codecs.js'
import type { LostMessages } from './lost-messages.js'
import { probe } from './probe.js'
import type { SignalTrace } from './signal-trace.js'

/** What a {@link Peer} wants from the cluster. */
export interface PeerOwner {
  readonly limits: Limits
  /** In what form payloads go over a link. */
  readonly codecs: LinkCodecs
  readonly slabs: SlabPool
  /** The sender that the wire is told where no process is known to be one. */
  readonly sender: Address<never>
  /** A reference that stands for nothing. */
  makeRef(): Ref
  /** Takes what could not be sent. */
  readonly lost: LostMessages
  /** A message was sent before it was known what the node speaks, and that has no form for it. */
  unsendable(node: string, error: ReignError): void
  /** There is something to be sent and no connection: dial, or say {@link Peer.failed}. */
  wanted(peer: Peer): void
  /** What writes down all that is sent over a connection, if somebody reads that. */
  trace(node: string): SignalTrace | undefined
  /** More waited for a connection than may: soon give the attempt up, with {@link Peer.failed} and all that follows. */
  overloaded(peer: Peer): void
}

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
  readonly #backlog: Backlog
  /** What the node spoke when it was last connected; until then, what it is taken to speak. */
  #codec: LinkCodec
  #unconnected: ControlContext
  #connection: Connection | undefined
  #trace: SignalTrace | undefined
  #context: ControlContext
  /** Whether more waited than may, so that all of it is lost, and nothing is taken until that has been said. */
  #overloaded = false
  #drained: { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } | undefined

  constructor(name: string, owner: PeerOwner) {
    this.name = name
    this.#owner = owner
    this.#trace = owner.trace(name)
    this.#backlog = new Backlog(owner.limits, owner.slabs)
    this.#codec = owner.codecs.assumed
    this.#unconnected = waitingContext(this.#codec)
    this.#context = this.#unconnected
  }

  /** The connection, while there is one. */
  get connection(): Connection | undefined {
    return this.#connection
  }

  /** Whether frames wait for a connection. */
  get hasWaiting(): boolean {
    return this.#backlog.count > 0
  }

  // --- sending ----------------------------------------------------------------------------------------------------

  /** Sends a message. `false` when the sender should pause. Throws when the message cannot be encoded. */
  deliver(to: Address<never>, message: unknown): boolean {
    const out = this.#connection?.outbox ?? this.#backlog
    const writer = out.begin()
    try {
      const context = this.#context
      if (to.home.creation === context.shortTo) encodeShortSend(writer, to, message, context)
      else encodeSend(writer, this.#owner.sender, to, message, context)
    } catch (error) {
      out.abort()
      throw error
    }
    const isFree = out === this.#backlog ? this.#wait() : out.end(to)
    if (signalSent.hasSubscribers || this.#trace !== undefined) {
      this.#show({ op: 'message', from: undefined, to, message })
    }
    return isFree
  }

  /** Sends any signal. Throws when it cannot be encoded, except for the news of an end. */
  signal(signal: Signal): void {
    if (this.#carry(signal) && (signalSent.hasSubscribers || this.#trace !== undefined)) this.#show(signal)
  }

  /** `false` when it was of no use to anybody, and is not sent. */
  #carry(signal: Signal): boolean {
    try {
      return this.#encode(signal)
    } catch (error) {
      if (!(error instanceof ReignError) || (signal.op !== 'link-exit' && signal.op !== 'down')) throw error
      // A process may end with any value as its reason; the others are told in any case, if need be only by a text.
      return this.#encode({ ...signal, reason: tuple(Symbol.for('unencodable'), describe(signal.reason)) })
    }
  }

  /** Sends a call, or the reply to one, in one frame. `false`, and nothing is sent, where the other side does not know that, or is not there. */
  call(signal: Signal & { op: 'call' | 'reply' }): boolean {
    if (!this.#context.calls) return false
    this.#encode(signal)
    if (signalSent.hasSubscribers || this.#trace !== undefined) this.#show(signal)
    return true
  }

  #encode(signal: Signal, receiver: object | undefined = receiverOf(signal)): boolean {
    if (this.#connection === undefined && !this.hasWaiting && afterthoughts.has(signal.op)) return false
    const out = this.#connection?.outbox ?? this.#backlog
    const writer = out.begin()
    try {
      encodeSignal(writer, signal, this.#context)
    } catch (error) {
      out.abort()
      throw error
    }
    if (out === this.#backlog) this.#wait()
    else out.end(receiver)
    return true
  }

  /** Shows a signal that was sent to whoever wants to see it. */
  #show(signal: Signal): void {
    this.#trace?.sent(signal)
    if (signalSent.hasSubscribers) publish(signalSent, { node: this.#owner.sender.node, peer: this.name, signal })
  }

  /** What was written waits for a connection; `false` when the sender should pause. */
  #wait(): boolean {
    const backlog = this.#backlog
    const fits = backlog.end()
    if (this.#overloaded) {
      this.#loseWaiting()
      return false
    }
    if (!fits) {
      this.#overloaded = true
      this.#loseWaiting()
      // Not on the stack of whoever sends: what follows fires links and monitors, perhaps the sender's own.
      this.#owner.overloaded(this)
      return false
    }
    if (backlog.count === 1) this.#owner.wanted(this)
    return backlog.bytesWaiting <= this.#owner.limits.outboxSoftBytes
  }

  #loseWaiting(): void {
    this.#backlog.drop((frame) => this.#owner.lost.take(frame, this.#codec))
  }

  /** Resolves when {@link deliver} would return `true`; rejects when the connection, or the attempt at one, fails. */
  drained(to: Address<never>): Promise<void> {
    if (this.#connection !== undefined) return this.#connection.outbox.drained(to)
    if (this.#backlog.bytesWaiting <= this.#owner.limits.outboxSoftBytes) return Promise.resolve()
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
    const { flags, alpn, creation } = connection.peer
    this.#connection = connection
    this.#trace = this.#owner.trace(this.name)
    const codec = this.#owner.codecs.of(alpn)
    this.#context = controlContext(codec.encoding, flags, creation)
    const { sender } = this.#owner
    const question = probe(sender, this.#owner.makeRef())
    connection.outbox.probeWith(() => this.#encode(question, nobody))
    if (codec === this.#codec) this.#backlog.sendOn(connection, hasHeaders(flags))
    else this.#sendAnew(codec)
    const drained = this.#drained
    this.#drained = undefined
    if (drained !== undefined) connection.outbox.drained().then(drained.resolve, drained.reject)
  }

  /** What waited was written in another form than this node speaks: it is read, and written again. */
  #sendAnew(codec: LinkCodec): void {
    const { lost } = this.#owner
    const written = this.#codec
    this.#codec = codec
    this.#unconnected = waitingContext(codec)
    this.#backlog.drop((frame) => {
      try {
        const signal = lost.read(frame, written)
        if (signal !== undefined) this.#carry(signal)
      } catch (error) {
        if (!(error instanceof ReignError)) throw error
        this.#owner.unsendable(this.name, error)
        lost.take(frame, written)
      }
    })
  }

  /** The connection is gone. What was not written yet is lost; its links and monitors are the owner's to fire. */
  down(): void {
    this.#connection = undefined
    this.#context = this.#unconnected
  }

  /** There is no way to that node now: what waited is lost, and said to be. */
  failed(error: ReignError): void {
    this.#overloaded = false
    this.#loseWaiting()
    this.#drained?.reject(error)
    this.#drained = undefined
  }
}

/** What is to be written without a connection: in the form that the backlog keeps, with payloads as the node is taken to speak. */
function waitingContext({ encoding }: LinkCodec): ControlContext {
  return controlContext(encoding, hiddenFlags | headerFlags)
}

/**
 * Who a signal is for, as far as that is known here: what is for the same must not overtake. Behind a name may be anybody, and behind
 * an alias, too, unless a monitor or a request has told whose it is.
 */
function receiverOf(signal: Signal): object | undefined {
  switch (signal.op) {
    case 'named-message':
      return undefined
    case 'alias-message':
    case 'reply':
      return signal.to.owner
    case 'spawn':
      return nobody
    default:
      return typeof signal.to === 'symbol' ? undefined : signal.to
  }
}
