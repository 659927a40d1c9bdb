/**
 * The other nodes: at most one connection with each, whoever dialled it.
 *
 * Decides who may come in (the table of simultaneous connects), dials what is wanted, dials members for ever, and says in
 * the right order what a new or lost connection means: everything of the old one first (P3), then the news of it, then the
 * next. Protocol: "Distribution handshake" (status), reference section 7.8 (node down).
 */
import type { ClockTimer } from '../clock.js'
import type { HandshakePeer } from '../dist/handshake.js'
import type { Verdict } from '../dist/handshake-acceptor.js'
import { ReignError } from '../errors.js'
import type { Limits } from '../limits.js'
import type { Connection } from '../net/connection.js'
import type { LocalNode } from '../node/local-node.js'
import type { RemotePort } from '../node/remote-port.js'
import type { Signal } from '../signal.js'
import type { Address, Entrance } from '../term/address.js'
import type { Incarnation } from '../term/incarnation.js'
import type { Ref } from '../term/ref.js'
import { Backoff } from './backoff.js'
import type { FrameReader } from './frame-reader.js'
import type { NodeEvents } from './node-events.js'
import { Peer, type PeerOwner } from './peer.js'
import { type PeerFinder, Route } from './route.js'

/** After a failed attempt, in milliseconds: so long nobody's sending makes the next one. Erlang tries each time. */
const coolDownMs = 100

/** Tries to connect with a node; tells once what came of it, unless it is cancelled. */
export type Dial = (
  node: string,
  outcome: { up(connection: Connection): void; failed(error: ReignError, stepAside: boolean): void },
) => { cancel(): void }

interface Entry {
  readonly peer: Peer
  /** Whether it belongs to the cluster, and is dialled until it is there. */
  member: boolean
  attempt: { cancel(): void } | undefined
  /** Whether `attempt` is the other side's: we gave up ours for it. */
  expected: boolean
  timer: ClockTimer | undefined
  readonly backoff: Backoff
  failedAt: number
  lastError: string | undefined
}

/** See the head of this file. */
export class Peers implements RemotePort, PeerFinder {
  readonly #node: LocalNode
  readonly #limits: Limits
  readonly #dial: Dial
  readonly #events: NodeEvents
  readonly #makeReader: (connection: Connection) => FrameReader
  readonly #owner: PeerOwner
  readonly #entries = new Map<string, Entry>()
  #stopped = false

  constructor(
    node: LocalNode,
    parts: {
      limits: Limits
      dial: Dial
      events: NodeEvents
      lost: (to: Address<never> | symbol | Ref, message: unknown) => void
      reader: (connection: Connection) => FrameReader
    },
  ) {
    this.#node = node
    this.#limits = parts.limits
    this.#dial = parts.dial
    this.#events = parts.events
    this.#makeReader = parts.reader
    this.#owner = {
      limits: parts.limits,
      encoding: node.addressBook,
      sender: node.system.self,
      wanted: (peer) => this.#wanted(peer),
      lost: parts.lost,
      overloaded: (peer) => this.#overloaded(this.#entry(peer.name)),
    }
  }

  // --- for the router -----------------------------------------------------------------------------------------------

  signal(node: string, signal: Signal): void {
    this.peer(node).signal(signal)
  }

  entrance(incarnation: Incarnation): Entrance {
    return new Route(this, incarnation.node)
  }

  peer(node: string): Peer {
    return this.#entry(node).peer
  }

  #entry(node: string): Entry {
    const known = this.#entries.get(node)
    if (known !== undefined) return known
    const made: Entry = {
      peer: new Peer(node, this.#owner),
      member: false,
      attempt: undefined,
      expected: false,
      timer: undefined,
      backoff: new Backoff(this.#node.entropy),
      failedAt: Number.NEGATIVE_INFINITY,
      lastError: undefined,
    }
    this.#entries.set(node, made)
    return made
  }

  // --- who is there -------------------------------------------------------------------------------------------------

  /** The nodes with which there is a connection. */
  connected(): Connection[] {
    return Array.from(this.#entries.values(), ({ peer }) => peer.connection).filter((c) => c !== undefined)
  }

  /** These belong to the cluster: dials them, now and whenever they are not there. */
  keep(nodes: Iterable<string>): void {
    for (const node of nodes) {
      const entry = this.#entry(node)
      entry.member = true
      if (entry.peer.connection === undefined && entry.attempt === undefined) this.#start(entry)
    }
  }

  /** Dials a node if it is not there; resolves with whether it is. */
  connect(node: string): Promise<boolean> {
    if (node === this.#node.name) return Promise.resolve(true)
    const entry = this.#entry(node)
    if (entry.peer.connection !== undefined) return Promise.resolve(true)
    if (entry.attempt === undefined) this.#start(entry)
    return new Promise((resolve) => {
      const settle = (up: boolean) => (name: string) => {
        if (name !== node) return
        stopUp()
        this.#failures.delete(failed)
        resolve(up)
      }
      const stopUp = this.#events.onUp(settle(true))
      const failed = settle(false)
      this.#failures.add(failed)
    })
  }

  readonly #failures = new Set<(node: string) => void>()

  /** Closes the connection with a node; `false` when there is none. A member is dialled again. */
  disconnect(node: string): boolean {
    const connection = this.#entries.get(node)?.peer.connection
    void connection?.close('disconnect')
    return connection !== undefined
  }

  /** Closes all connections, when what was sent has left, and dials no more. */
  async stop(): Promise<void> {
    this.#stopped = true
    const closed: (Promise<void> | undefined)[] = []
    for (const entry of [...this.#entries.values()]) {
      entry.attempt?.cancel()
      entry.attempt = undefined
      if (entry.timer !== undefined) this.#node.clock.clearTimer(entry.timer)
      entry.timer = undefined
      closed.push(entry.peer.connection?.close('net_kernel_terminated'))
    }
    await Promise.all(closed)
  }

  // --- dialling -----------------------------------------------------------------------------------------------------

  #wanted(peer: Peer): void {
    const entry = this.#entry(peer.name)
    if (entry.attempt !== undefined) return
    if (this.#stopped) return this.#giveUp(entry, new ReignError('ERR_REIGN_NODE_STOPPED', 'the node has stopped'))
    if (this.#node.clock.now() - entry.failedAt < coolDownMs) {
      // Not on the stack of the sender: its `monitor` has not returned yet, and a caller expects nothing before that.
      const error = new ReignError('ERR_REIGN_UNREACHABLE', entry.lastError ?? `${peer.name} is out of reach`)
      return this.#node.clock.microtask(() => {
        if (entry.peer.connection === undefined && entry.attempt === undefined) this.#giveUp(entry, error)
      })
    }
    this.#start(entry)
  }

  #start(entry: Entry): void {
    if (this.#stopped) return
    if (entry.timer !== undefined) this.#node.clock.clearTimer(entry.timer)
    entry.timer = undefined
    const { name } = entry.peer
    entry.attempt = this.#dial(name, {
      up: (connection) => {
        entry.attempt = undefined
        this.#up(entry, connection)
      },
      failed: (error, stepAside) => {
        entry.attempt = undefined
        // The other side keeps its own attempt at us: what waits, waits for that.
        if (stepAside && entry.peer.connection === undefined) this.#expect(entry, error)
        else if (entry.peer.connection === undefined) this.#failed(entry, error)
      },
    })
  }

  #expect(entry: Entry, error: ReignError): void {
    entry.attempt = { cancel: () => this.#node.clock.clearTimer(timer) }
    entry.expected = true
    const timer = this.#node.clock.setTimer(() => {
      entry.attempt = undefined
      entry.expected = false
      if (entry.peer.connection === undefined) this.#failed(entry, error)
    }, this.#limits.handshakeMs)
  }

  #failed(entry: Entry, error: ReignError): void {
    entry.failedAt = this.#node.clock.now()
    entry.lastError = error.message
    this.#node.logger.debug({ peer: entry.peer.name, code: error.code, error: error.message }, 'no connection')
    this.#giveUp(entry, error)
  }

  #overloaded(entry: Entry): void {
    entry.attempt?.cancel()
    entry.attempt = undefined
    const { name } = entry.peer
    this.#failed(entry, new ReignError('ERR_REIGN_OVERLOAD', `more waits for a connection to ${name} than may`))
  }

  /** What waits for the connection is lost, and what crosses it fires; a member is tried again later. */
  #giveUp(entry: Entry, error: ReignError): void {
    entry.peer.failed(error)
    this.#node.disconnected(entry.peer.name)
    for (const failed of [...this.#failures]) failed(entry.peer.name)
    this.#redialOrForget(entry)
  }

  #redialOrForget(entry: Entry): void {
    if (entry.attempt !== undefined || entry.peer.connection !== undefined) return
    if (this.#stopped || !entry.member) return this.#forget(entry)
    if (entry.timer !== undefined) return
    entry.timer = this.#node.clock.setTimer(() => {
      entry.timer = undefined
      if (entry.peer.connection === undefined && entry.attempt === undefined) this.#start(entry)
    }, entry.backoff.next())
  }

  /** Nodes that nobody needs any more are not kept: a peer could name any number of them. */
  #forget(entry: Entry): void {
    if (entry.peer.hasWaiting || this.#node.clock.now() - entry.failedAt < coolDownMs) return
    entry.peer.forgotten = true
    this.#entries.delete(entry.peer.name)
  }

  // --- accepting ----------------------------------------------------------------------------------------------------

  /** What a node that knocks is told: protocol reference, "Simultaneous connect" and "Duplicate of a live connection". */
  decide(knocking: HandshakePeer): Verdict {
    if (this.#stopped || knocking.name === this.#node.name) return 'not_allowed'
    const entry = this.#entries.get(knocking.name)
    if (entry === undefined) return 'ok'
    if (entry.peer.connection !== undefined) return 'alive'
    if (entry.attempt === undefined) return 'ok'
    // Both dial: the greater name keeps its attempt, compared code point by code point as Erlang compares atoms.
    if (Buffer.compare(Buffer.from(this.#node.name), Buffer.from(knocking.name)) > 0) return 'nok'
    entry.attempt.cancel()
    this.#expect(entry, new ReignError('ERR_REIGN_UNREACHABLE', `${knocking.name} gave up its own attempt`))
    return 'ok_simultaneous'
  }

  /** A node that knocked has proved who it is. A connection that is there already is replaced. */
  accepted(connection: Connection): void {
    if (this.#stopped) return void connection.close('net_kernel_terminated')
    const entry = this.#entry(connection.peer.name)
    entry.attempt?.cancel()
    entry.attempt = undefined
    entry.expected = false
    this.#up(entry, connection)
  }

  /** A node that was to come in has not: what waits for it is tried the other way. */
  dropped(node: string, error: ReignError): void {
    const entry = this.#entries.get(node)
    if (entry === undefined || !entry.expected || entry.peer.connection !== undefined) return
    entry.attempt?.cancel()
    entry.attempt = undefined
    entry.expected = false
    this.#failed(entry, error)
  }

  /** Whether a peer that thinks it is connected with us is to replace that by our attempt: when we know of nothing better. */
  takesOver(node: string): boolean {
    return this.#entries.get(node)?.peer.connection === undefined
  }

  #up(entry: Entry, connection: Connection): void {
    const old = entry.peer.connection
    // First all that the loss of the old one means, to its end; then the new one.
    if (old !== undefined) void old.close('connection_closed')
    if (entry.timer !== undefined) this.#node.clock.clearTimer(entry.timer)
    entry.timer = undefined
    entry.backoff.reset()
    entry.failedAt = Number.NEGATIVE_INFINITY
    const reader = this.#makeReader(connection)
    connection.onFrame = (bytes, start, end) => reader.read(bytes, start, end)
    connection.onClose = ({ reason }) => this.#down(entry, connection, reason)
    this.#node.logger.info({ peer: entry.peer.name, creation: connection.peer.creation }, 'node up')
    // The news comes before any message, in either direction: what callbacks send goes after what waited.
    entry.peer.up(connection)
    this.#events.up(entry.peer.name)
  }

  #down(entry: Entry, connection: Connection, reason: string): void {
    if (entry.peer.connection !== connection) return
    entry.peer.down()
    this.#node.logger.info({ peer: entry.peer.name, reason }, 'node down')
    this.#node.disconnected(entry.peer.name)
    this.#events.down(entry.peer.name, reason)
    this.#redialOrForget(entry)
  }
}
