/**
 * The other nodes: at most one connection with each, whoever dialled it.
 *
 * Decides who may come in (the table of simultaneous connects), dials what is wanted, dials members for ever, and says in
 * the right order what a new or lost connection means: everything of the old one first (P3), then the news of it, then the
 * next. Protocol: "Distribution handshake" (status), reference section 7.8 (node down).
 */
import { flags } from '../dist/flags.js'
import type { HandshakePeer } from '../dist/handshake.js'
import type { Verdict } from '../dist/handshake-acceptor.js'
import { ReignError } from '../errors.js'
import type { Limits } from '../limits.js'
import { LogPace } from '../log-pace.js'
import type { Connection, ConnectionLoss } from '../net/connection.js'
import type { SlabPool } from '../net/slab-pool.js'
import type { LocalNode } from '../node/local-node.js'
import type { RemotePort } from '../node/remote-port.js'
import type { Signal } from '../signal.js'
import type { Entrance } from '../term/address.js'
import type { Incarnation } from '../term/incarnation.js'
import { tellCongested, tellFailed, tellLost, tellOpened } from './connection-news.js'
import { aroundFrom, DialPace } from './dial-pace.js'
import type { FrameReader } from './frame-reader.js'
import { KnownNode, restBackoff } from './known-node.js'
import type { LinkCodecs } from './link-codecs.js'
import type { LostMessages } from './lost-messages.js'
import type { NodeEvents } from './node-events.js'
import type { Peer, PeerOwner } from './peer.js'
import { Rivals } from './rivals.js'
import { type PeerFinder, Route } from './route.js'
import { SignalTrace } from './signal-trace.js'

/** After a failed attempt, in milliseconds: so long nobody's sending makes the next one. Erlang tries each time. */
const coolDownMs = 100

/** A connection that did not last so long, in milliseconds, is no better than a failed attempt: the next one waits longer. */
const settledMs = 1_000

/** That another node has our name is told so often, in milliseconds: every peer says so at every attempt. */
const inUseToldMs = 60_000

/** Tries to connect with a node; tells once what came of it, unless it is cancelled. */
export type Dial = (
  node: string,
  outcome: { up(connection: Connection): void; failed(error: ReignError, stepAside: boolean): void },
) => { cancel(): void }

/** See the head of this file. */
export class Peers implements RemotePort, PeerFinder {
  readonly #node: LocalNode
  readonly #limits: Limits
  readonly #dial: Dial
  readonly #pace: DialPace
  readonly #events: NodeEvents
  readonly #makeReader: (connection: Connection) => FrameReader
  readonly #owner: PeerOwner
  readonly #entries = new Map<string, KnownNode>()
  readonly #rivals: Rivals
  readonly #inUse: LogPace
  /** Those that the stop of this node has closed, and that are not gone yet. */
  readonly #closing = new Set<Connection>()
  #stopped = false

  constructor(
    node: LocalNode,
    parts: {
      limits: Limits
      dial: Dial
      events: NodeEvents
      lost: LostMessages
      codecs: LinkCodecs
      slabs: SlabPool
      reader: (connection: Connection) => FrameReader
    },
  ) {
    this.#node = node
    this.#pace = new DialPace(node.clock)
    this.#rivals = new Rivals(node, Math.min(parts.limits.rivalAnswerMs, parts.limits.handshakeMs / 2))
    this.#inUse = new LogPace(node.clock, { everyMs: inUseToldMs })
    this.#limits = parts.limits
    this.#dial = parts.dial
    this.#events = parts.events
    this.#makeReader = parts.reader
    const unsendable = new LogPace(node.clock)
    this.#owner = {
      limits: parts.limits,
      slabs: parts.slabs,
      codecs: parts.codecs,
      sender: node.system.self,
      makeRef: () => node.addressBook.makeRef(),
      wanted: (peer) => this.#wanted(peer),
      lost: parts.lost,
      unsendable: (peer, { code, message }) =>
        unsendable.tell((untold) =>
          node.logger.warn({ peer, code, error: message, ...untold }, 'lost a message that the node cannot be sent'),
        ),
      trace: (peer) => SignalTrace.of(node.logger, peer),
      overloaded: (peer) => node.clock.microtask(() => this.#overloaded(this.#entry(peer.name))),
    }
  }

  // --- for the router -----------------------------------------------------------------------------------------------

  signal(node: string, signal: Signal): void {
    this.peer(node).signal(signal)
  }

  call(node: string, signal: Signal & { op: 'call' | 'reply' }): boolean {
    return this.peer(node).call(signal)
  }

  entrance(incarnation: Incarnation): Entrance {
    return new Route(this, incarnation.node)
  }

  peer(node: string): Peer {
    return this.#entry(node).peer
  }

  #entry(node: string): KnownNode {
    const known = this.#entries.get(node)
    if (known !== undefined) return known
    const made = new KnownNode(node, this.#owner, this.#node)
    this.#entries.set(node, made)
    return made
  }

  // --- who is there -------------------------------------------------------------------------------------------------

  /** The nodes with which there is a connection. */
  connected(): Connection[] {
    return Array.from(this.#entries.values(), ({ peer }) => peer.connection).filter((c) => c !== undefined)
  }

  /** The nodes with which there is a connection, each with its kind. */
  kinds(): [string, 'visible' | 'hidden'][] {
    return this.connected().map(({ peer }) => [peer.name, this.isVisible(peer.name) ? 'visible' : 'hidden'])
  }

  /** Whether there is a connection with a node, and both sides are visible. */
  isVisible(node: string): boolean {
    return ((this.#entries.get(node)?.peer.connection?.peer.flags ?? 0n) & flags.PUBLISHED) !== 0n
  }

  /** How many other nodes are remembered: those that are connected, members, or wanted just now. */
  get size(): number {
    return this.#entries.size
  }

  /** These belong to the cluster: dials them, now and whenever they are not there. */
  keep(nodes: Iterable<string>): void {
    if (this.#stopped) return
    for (const node of aroundFrom(this.#node.name, nodes)) {
      const entry = this.#entry(node)
      entry.member = true
      if (entry.peer.connection === undefined && !entry.isComing) this.#startInTurn(entry)
    }
  }

  /** These do not belong any more: they are not dialled by themselves. Connections that stand, or are waited for, stay. */
  release(nodes: Iterable<string>): void {
    for (const node of nodes) {
      const entry = this.#entries.get(node)
      if (entry === undefined) continue
      entry.member = false
      if (entry.peer.connection !== undefined) continue
      // Of the timers, that of the next attempt falls; who sends now may still have to wait for the cool-down.
      entry.clearTimer()
      const waitedFor = entry.peer.hasWaiting || entry.connecting.length > 0
      if (!waitedFor && entry.knocking === 0) entry.standDown()
      this.#redialOrForget(entry)
    }
  }

  /** Whether there is a connection with a node. */
  isConnected(node: string): boolean {
    return this.#entries.get(node)?.peer.connection !== undefined
  }

  /** Dials a node if it is not there; resolves with whether it is. */
  connect(node: string): Promise<boolean> {
    if (node === this.#node.name) return Promise.resolve(true)
    if (this.#stopped) return Promise.resolve(false)
    const entry = this.#entry(node)
    if (entry.peer.connection !== undefined) return Promise.resolve(true)
    return new Promise((resolve) => {
      entry.connecting.push(resolve)
      if (!entry.isComing) this.#start(entry)
    })
  }

  /** Closes the connection with a node; `false` when there is none. A member is dialled again. */
  disconnect(node: string): boolean {
    const connection = this.#entries.get(node)?.peer.connection
    void connection?.close('disconnect')
    return connection !== undefined
  }

  /**
   * Does not dial a member by itself for a while, once its connection is lost: it is parted with for the sake of others, and would be
   * again. Longer each time, until a connection has lasted. Whoever sends to it dials it all the same.
   */
  rest(node: string): void {
    const entry = this.#entries.get(node)
    if (entry === undefined) return
    const now = this.#node.clock.now()
    if (now - entry.upAt >= restBackoff.maxMs) entry.rests.reset()
    entry.restsUntil = now + entry.rests.next()
  }

  /**
   * Closes all connections, when what was sent has left, and dials no more.
   *
   * @param flushMs How long the others may take to read it, in milliseconds. A further call may shorten that of an earlier one.
   */
  async stop(flushMs?: number): Promise<void> {
    this.#stopped = true
    this.#pace.stop()
    const error = new ReignError('ERR_REIGN_NODE_STOPPED', 'the node has stopped')
    for (const entry of [...this.#entries.values()]) {
      entry.standDown()
      const { connection } = entry.peer
      if (connection !== undefined) this.#closing.add(connection)
      void connection?.close('net_kernel_terminated', flushMs)
      this.#giveUp(entry, error)
      this.#node.settleLoss(entry.peer.name)
    }
    await Promise.all(Array.from(this.#closing, (connection) => connection.close('net_kernel_terminated', flushMs)))
    this.#closing.clear()
  }

  // --- dialling -----------------------------------------------------------------------------------------------------

  #wanted(peer: Peer): void {
    const entry = this.#entry(peer.name)
    if (entry.isComing) return
    if (this.#stopped) return this.#giveUp(entry, new ReignError('ERR_REIGN_NODE_STOPPED', 'the node has stopped'))
    if (this.#node.clock.now() - entry.failedAt < coolDownMs) {
      // Not on the stack of the sender: its `monitor` has not returned yet, and a caller expects nothing before that.
      const error = new ReignError('ERR_REIGN_UNREACHABLE', entry.lastError ?? `${peer.name} is out of reach`)
      return this.#node.clock.microtask(() => {
        if (entry.peer.connection === undefined && !entry.isComing) this.#giveUp(entry, error)
      })
    }
    this.#start(entry)
  }

  /** Dials a member that nobody waits for, when it is its turn, and if that is wanted then. Who waits does not wait for this. */
  #startInTurn(entry: KnownNode): void {
    const { name } = entry.peer
    this.#pace.add(name, (over) => {
      const isWanted = entry.member && this.#entries.get(name) === entry
      if (this.#stopped || !isWanted || entry.peer.connection !== undefined || entry.isComing) return over()
      this.#start(entry, over)
    })
  }

  /**
   * Dials. To be called when there is neither a connection nor one on its way.
   *
   * @param over Called when the attempt has come to its end, in whichever way.
   */
  #start(entry: KnownNode, over = () => {}): void {
    if (this.#stopped) return over()
    entry.clearTimer()
    const attempt = this.#dial(entry.peer.name, {
      up: (connection) => {
        entry.attempt = undefined
        over()
        this.#up(entry, connection)
      },
      failed: (error, stepAside) => {
        entry.attempt = undefined
        over()
        // An attempt of the other side that is under way may still succeed: what waits, waits for that.
        if (entry.peer.connection !== undefined || entry.isComing) return
        if (stepAside) this.#expect(entry, error)
        else this.#failed(entry, error)
      },
    })
    entry.attempt = {
      cancel: () => {
        attempt.cancel()
        over()
      },
    }
  }

  /** The other side keeps its own attempt at us; it may be a while until that arrives. */
  #expect(entry: KnownNode, error: ReignError): void {
    entry.expectation = this.#node.clock.setTimer(() => {
      entry.expectation = undefined
      if (entry.peer.connection === undefined && !entry.isComing) this.#failed(entry, error)
    }, this.#limits.handshakeMs)
  }

  #failed(entry: KnownNode, error: ReignError): void {
    entry.failedAt = this.#node.clock.now()
    entry.lastError = error.message
    const fields = { peer: entry.peer.name, code: error.code, error: error.message }
    this.#node.logger.debug(fields, 'no connection')
    tellFailed(this.#node.name, entry.peer.name, error)
    if (error.code === 'ERR_REIGN_NAME_IN_USE') {
      this.#inUse.tell((untold) => this.#node.logger.error({ ...fields, ...untold }, 'another node has our name'))
    }
    this.#giveUp(entry, error)
  }

  #overloaded(entry: KnownNode): void {
    entry.standDown()
    const { name } = entry.peer
    this.#failed(entry, new ReignError('ERR_REIGN_OVERLOAD', `more waits for a connection to ${name} than may`))
  }

  /** What waits for the connection is lost, and what crosses it fires; a member is tried again later. */
  #giveUp(entry: KnownNode, error: ReignError): void {
    entry.peer.failed(error)
    const connecting = entry.takeConnecting()
    this.#node.disconnected(entry.peer.name, () => {
      for (const tell of connecting) tell(false)
      this.#redialOrForget(entry)
    })
  }

  #redialOrForget(entry: KnownNode): void {
    if (entry.isComing || entry.peer.connection !== undefined) return
    if (this.#stopped) return this.#forget(entry)
    if (entry.timer !== undefined) return
    const { clock } = this.#node
    if (entry.member) {
      entry.timer = clock.setTimer(
        () => {
          entry.timer = undefined
          if (entry.peer.connection === undefined && !entry.isComing) this.#startInTurn(entry)
        },
        Math.max(entry.backoff.next(), entry.restsUntil - clock.now()),
      )
      return
    }
    const coolDown = entry.failedAt + coolDownMs - clock.now()
    if (coolDown <= 0) return this.#forget(entry)
    entry.timer = clock.setTimer(() => {
      entry.timer = undefined
      this.#redialOrForget(entry)
    }, coolDown)
  }

  /** Nodes that nobody needs any more are not kept: a peer could name any number of them. */
  #forget(entry: KnownNode): void {
    if (entry.peer.hasWaiting || entry.connecting.length > 0) return
    entry.clearTimer()
    entry.peer.forgotten = true
    if (this.#entries.get(entry.peer.name) === entry) this.#entries.delete(entry.peer.name)
  }

  // --- accepting ----------------------------------------------------------------------------------------------------

  /**
   * What a node that knocks is told: protocol reference, "Simultaneous connect" and "Duplicate of a live connection".
   *
   * From then on until it is in or dropped we do not dial it: its attempt and ours could otherwise each be given up for the
   * other, one on this side and one on that.
   */
  decide(knocking: HandshakePeer): Verdict {
    if (this.#stopped || knocking.name === this.#node.name) return 'not_allowed'
    const entry = this.#entry(knocking.name)
    if (entry.peer.connection !== undefined) {
      entry.knocking++
      return 'alive'
    }
    const dialling = entry.attempt !== undefined
    // Both dial: the greater name keeps its attempt, compared code point by code point as Erlang compares atoms.
    if (dialling && Buffer.compare(Buffer.from(this.#node.name), Buffer.from(knocking.name)) > 0) return 'nok'
    entry.standDown()
    entry.knocking++
    return dialling ? 'ok_simultaneous' : 'ok'
  }

  /** A node that knocks insists on the place of the connection that there is: not while another run of it is alive. */
  mayReplace(knocking: HandshakePeer): boolean | Promise<boolean> {
    if (this.#stopped) return false
    const { connection } = this.#entry(knocking.name).peer
    return connection === undefined || this.#rivals.mayReplace(connection, knocking)
  }

  /** A node that knocked has proved who it is. A connection that is there already is replaced. */
  accepted(connection: Connection): void {
    if (this.#stopped) return void connection.close('net_kernel_terminated')
    const entry = this.#entry(connection.peer.name)
    entry.knocking = Math.max(0, entry.knocking - 1)
    const rival = entry.peer.connection
    // Two runs knocked at the same time. The first stays; the second comes again, and is told what is wrong.
    if (rival !== undefined && this.#rivals.conflict(rival, connection.peer)) return void connection.close()
    entry.standDown()
    this.#up(entry, connection)
  }

  /** A node that was to come in has not: what waits for it is tried the other way. */
  dropped(node: string, error: ReignError): void {
    const entry = this.#entries.get(node)
    if (entry === undefined) return
    entry.knocking = Math.max(0, entry.knocking - 1)
    entry.lastError = error.message
    if (entry.peer.connection !== undefined || entry.isComing) return
    if (entry.peer.hasWaiting || entry.connecting.length > 0) this.#start(entry)
    else this.#redialOrForget(entry)
  }

  /** Whether a peer that thinks it is connected with us is to replace that by our attempt: when we know of nothing better. */
  takesOver(node: string): boolean {
    return this.#entries.get(node)?.peer.connection === undefined
  }

  #up(entry: KnownNode, connection: Connection): void {
    // First all that the loss of the last one means, to its end; then the new one, for which waits what is sent meanwhile.
    entry.knocking++
    void entry.peer.connection?.close('connection_closed')
    this.#node.settleLoss(entry.peer.name)
    entry.knocking--
    entry.clearTimer()
    entry.upAt = this.#node.clock.now()
    entry.failedAt = Number.NEGATIVE_INFINITY
    const reader = this.#makeReader(connection)
    connection.onFrame = (bytes, start, end) => reader.read(bytes, start, end)
    connection.onPieces = (frame) => reader.readPieces(frame)
    connection.onClose = (loss) => this.#down(entry, connection, loss)
    connection.onCongestion = (bytesWaiting) => tellCongested(this.#node.name, entry.peer.name, bytesWaiting)
    const { creation, alpn } = connection.peer
    const codec = this.#owner.codecs.of(alpn).name
    this.#node.logger.info({ peer: entry.peer.name, creation, codec }, 'node up')
    tellOpened(this.#node.name, connection, codec)
    // The news comes before any message, in either direction: what callbacks send goes after what waited.
    entry.peer.up(connection)
    this.#events.up(entry.peer.name)
    for (const tell of entry.takeConnecting()) tell(true)
  }

  #down(entry: KnownNode, connection: Connection, loss: ConnectionLoss): void {
    if (entry.peer.connection !== connection) return
    const { reason } = loss
    const upMs = this.#node.clock.now() - entry.upAt
    if (upMs >= settledMs) entry.backoff.reset()
    entry.peer.down()
    this.#node.logger.info({ peer: entry.peer.name, reason }, 'node down')
    tellLost(this.#node.name, connection, loss, upMs)
    this.#node.disconnected(entry.peer.name, () => {
      this.#events.down(entry.peer.name, reason)
      this.#redialOrForget(entry)
    })
  }
}
