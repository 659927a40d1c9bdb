/**
 * A connection with another node, from the end of its handshake to its loss. Made by `dial.ts` and `listener.ts`.
 *
 * Joins the parts and decides nothing that a protocol decides: the framer cuts what comes in, the outbox gathers what
 * goes out, the ticker says when to send a sign of life and when there was none for too long.
 */
import type { Objection } from '../certs/trust.js'
import { hasFragments } from '../dist/flags.js'
import type { FrameHandler, Framer, PiecesHandler } from '../dist/framer.js'
import type { HandshakePeer } from '../dist/handshake.js'
import { isSilent, type TickCounts, tickStart, tickStep } from '../dist/ticker.js'
import { describe, ReignError } from '../errors.js'
import type { LocalEnd } from './local-end.js'
import { Outbox } from './outbox.js'
import type { ByteStream, PeerIdentity, RemoteAddress } from './transport.js'

/** Why a connection is gone; Erlang's words (`net_kernel:monitor_nodes` with `nodedown_reason`) where it has some. */
export type ConnectionLossReason =
  /** The other side has closed, or the network has. */
  | 'connection_closed'
  /** The other side was silent for too long. */
  | 'net_tick_timeout'
  /** More waited to be written than may: the other side does not read. */
  | 'overload'
  /** The other side sent what the protocol does not have. */
  | 'protocol'
  /** We have closed it. */
  | 'disconnect'
  /** We have closed it because the node stops. */
  | 'net_kernel_terminated'
  /** We have closed it because of a certificate that was good when it was made. */
  | Objection

/** How a connection ended. */
export interface ConnectionLoss {
  readonly reason: ConnectionLossReason
  /** More about it, where there is more: for a log. */
  readonly error: Error | undefined
}

/** The node at the other end. */
export interface ConnectionPeer extends HandshakePeer {
  /** The application protocol that TLS has agreed on; `undefined` for none, as with all of Erlang's nodes. */
  readonly alpn: string | undefined
  /** Who it has proved to be; `undefined` without TLS. */
  readonly identity: PeerIdentity | undefined
}

/** How long the other side may take to read our last bytes after {@link Connection.close}, unless that says otherwise. */
const closeMs = 5_000

/** See the head of this file. */
export class Connection {
  readonly peer: ConnectionPeer
  readonly remote: RemoteAddress
  /** Whether we dialled. */
  readonly outgoing: boolean
  /** Where frames are sent. */
  readonly outbox: Outbox
  /**
   * Called with each frame that is no tick; the bytes belong to nobody else. What it throws closes the connection as `protocol`.
   * To be set by the owner at once when it is handed the connection: until then frames are lost.
   */
  onFrame: FrameHandler = () => {}
  /** Called instead for a frame that came in pieces; by default they are joined for {@link onFrame}. */
  onPieces: PiecesHandler = (frame) => this.onFrame(frame.join(), 0, frame.length)
  /**
   * Called once when the connection is lost, after its last frame: by {@link close} before that returns, otherwise by
   * an event of the stream or the clock, never from within {@link outbox}.
   */
  onClose: (loss: ConnectionLoss) => void = () => {}
  /** Called when so much begins to wait in {@link outbox} that senders should pause, with how many bytes; with 0, when it no longer does. */
  onCongestion: (bytesWaiting: number) => void = () => {}
  readonly #stream: ByteStream
  readonly #framer: Framer
  readonly #end: LocalEnd
  readonly #ended: { promise: Promise<void>; resolve: () => void }
  #state: 'up' | 'closing' | 'over' = 'up'
  #paused = false
  #bytesRead = 0
  #ticks = tickStart
  readonly #leaveBeat: () => void

  /** @internal `framer` may hold bytes already; `stream` has been started, and its events are handed on. */
  constructor(end: LocalEnd, stream: ByteStream, framer: Framer, peer: HandshakePeer, outgoing: boolean) {
    this.peer = { ...peer, alpn: stream.alpn, identity: stream.identity }
    this.remote = stream.remote
    this.outgoing = outgoing
    this.#end = end
    this.#stream = stream
    this.#framer = framer
    this.#ended = deferred()
    const overload = () => this.#lose('overload', undefined)
    const broken = (error: unknown) => this.#unsendable(error)
    const { clock, limits, slabs } = end
    const congested = (bytesWaiting: number) => this.onCongestion(bytesWaiting)
    const fragments = hasFragments(peer.flags)
    this.outbox = new Outbox(stream, { clock, limits, slabs, fragments, overload, congested, broken })
    this.#leaveBeat = end.beat.join(() => this.#tick())
  }

  /** Whether it still stands. */
  get isUp(): boolean {
    return this.#state === 'up'
  }

  /** Bytes ever read, ticks included. */
  get bytesRead(): number {
    return this.#bytesRead
  }

  /**
   * Stops reading, so that the other side is slowed down, and its senders in the end stopped. Frames that have been read
   * already still come. A pause must be short: while it lasts nobody notices that the other side is gone.
   */
  pauseReading(): void {
    if (this.#state !== 'up') return
    this.#paused = true
    this.#stream.pause()
  }

  /** Reads on. */
  resumeReading(): void {
    if (this.#state !== 'up') return
    this.#paused = false
    this.#stream.resume()
  }

  /**
   * Closes the connection, when all that was sent has left. No frame comes any more.
   *
   * @param flushMs How long the other side may take to read it, in milliseconds; of several calls, the shortest counts.
   * @returns resolves when the stream is gone: at the latest after that time, with what the other side had not read by then lost.
   */
  close(reason: ConnectionLossReason = 'disconnect', flushMs: number = closeMs): Promise<void> {
    if (this.#state === 'over') return this.#ended.promise
    const closes = this.#state === 'up'
    if (closes) {
      this.outbox.finish()
      this.#leave('closing', reason, undefined)
    }
    const timer = this.#end.clock.setTimer(() => this.#gone(), flushMs)
    void this.#ended.promise.then(() => this.#end.clock.clearTimer(timer))
    if (closes) {
      this.#stream.close()
      this.#tellLoss(reason, undefined)
    }
    return this.#ended.promise
  }

  /** Closes the connection at once: what has not gone out is lost, and nothing that came is looked at any more. */
  cut(reason: ConnectionLossReason): void {
    this.#lose(reason, undefined)
  }

  /** @internal Bytes came. */
  received(bytes: Uint8Array): void {
    if (this.#state !== 'up') return
    this.#bytesRead += bytes.length
    try {
      this.#framer.push(bytes, this.frame, this.pieces)
    } catch (error) {
      this.broken(error)
    }
  }

  /** @internal A frame came. */
  readonly frame: FrameHandler = (bytes, start, end) => {
    // An empty one is a tick: that bytes came is all there is to it.
    if (start !== end && this.#state === 'up') this.onFrame(bytes, start, end)
  }

  /** @internal A frame came in pieces, which is no tick. */
  readonly pieces: PiecesHandler = (frame) => {
    if (this.#state === 'up') this.onPieces(frame)
  }

  /** @internal What the other side sent could not be taken. */
  broken(error: unknown): void {
    if (this.#state !== 'up') return
    const fields = { peer: this.peer.name, remote: this.remote.text }
    const { breaches, logger } = this.#end
    if (error instanceof ReignError) {
      const told = { ...fields, code: error.code, error: error.message }
      breaches.tell((untold) => logger.warn({ ...told, ...untold }, 'closed a connection: the peer broke the protocol'))
    } else {
      // A fault of ours. It must not end the host program, nor be overlooked.
      const told = { ...fields, err: error }
      breaches.tell((untold) =>
        logger.error({ ...told, ...untold }, 'closed a connection: a frame could not be handled'),
      )
    }
    this.#lose('protocol', error instanceof Error ? error : new Error(describe(error)))
  }

  /** A message of ours has begun to leave and cannot be ended: a fault of who sent it, which the peer must not be told half of. */
  #unsendable(error: unknown): void {
    if (this.#state === 'over') return
    this.#end.logger.error(
      { peer: this.peer.name, err: error },
      'closed a connection: a message changed before it had left',
    )
    if (this.#state === 'closing') this.#gone()
    else this.#lose('disconnect', error as Error)
  }

  /** @internal */
  streamDrained(): void {
    this.outbox.streamDrained()
  }

  /** @internal The stream is over. */
  streamClosed(error: Error | undefined): void {
    if (this.#state === 'up') this.#lose('connection_closed', error)
    else this.#gone()
  }

  #tick(): void {
    const step = tickStep(this.#ticks, this.#counts(), this.#end.ticks)
    this.#ticks = step.state
    if (step.sendTick) this.outbox.tick()
    if (!step.suspect) return
    // If this program was blocked, this timer may run before the bytes are read that came meanwhile.
    this.#end.clock.nextTurn(() => {
      if (this.#state === 'up' && isSilent(this.#ticks, this.#counts())) this.#lose('net_tick_timeout', undefined)
    })
  }

  #counts(): TickCounts {
    const { bytesWritten, bytesWaiting } = this.outbox
    return { bytesRead: this.#bytesRead, bytesWritten, bytesWaiting, readingPaused: this.#paused }
  }

  #lose(reason: ConnectionLossReason, error: Error | undefined): void {
    if (this.#state !== 'up') return
    this.#leave('over', reason, error)
    this.#stream.destroy()
    this.#ended.resolve()
    this.#tellLoss(reason, error)
  }

  #leave(state: 'closing' | 'over', reason: ConnectionLossReason, cause: Error | undefined): void {
    this.#state = state
    this.#leaveBeat()
    this.#framer.stop()
    const text = `the connection with ${this.peer.name} is lost: ${reason}`
    this.outbox.lose(new ReignError('ERR_REIGN_CONNECTION_LOST', text, cause === undefined ? {} : { cause }))
  }

  #tellLoss(reason: ConnectionLossReason, error: Error | undefined): void {
    const tell = this.onClose
    this.onFrame = () => {}
    this.onPieces = () => {}
    this.onClose = () => {}
    try {
      tell({ reason, error })
    } catch (fault) {
      // On the stack are a socket's event or a timer: what the owner throws would end the host program.
      this.#end.logger.error({ peer: this.peer.name, err: fault }, 'the owner of a connection failed')
    }
  }

  #gone(): void {
    this.#state = 'over'
    this.#stream.destroy()
    this.#ended.resolve()
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
