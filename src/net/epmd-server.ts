/**
 * An epmd inside this program, for machines where none runs: real Erlang nodes register with it and find each other.
 *
 * As careful as a daemon that the whole machine depends on must be: loopback only unless told otherwise, registration from
 * loopback alone, a bound on every connection, request and wait, and no KILL or STOP at all. A name lives as long as the
 * connection that registered it. Protocol: "Distribution protocol", sections on EPMD.
 */
import type { Clock } from '../clock.js'
import { ByteGather } from '../dist/byte-gather.js'
import {
  type EpmdNode,
  type EpmdRequest,
  encodeLookupAnswer,
  encodeNamesAnswer,
  encodeRegisterAnswer,
  epmdRequestBytesMax,
  readRequest,
} from '../dist/epmd-messages.js'
import type { Entropy } from '../entropy.js'
import { ReignError } from '../errors.js'
import {
  type EpmdListener,
  type EpmdSocket,
  type EpmdSocketEvents,
  type EpmdSockets,
  systemEpmdSockets,
} from './epmd-sockets.js'

/** Bounds on what the embedded epmd holds for others. */
export interface EpmdServerLimits {
  /** Milliseconds that a connection may take for its request and for fetching the answer. */
  readonly requestMs: number
  /** Connections that are not registrations; further ones are closed at once. */
  readonly pendingConnectionsMax: number
  /** The same for one remote address; loopback addresses are bounded by {@link pendingConnectionsMax} alone. */
  readonly pendingConnectionsPerAddressMax: number
  /** Names; further ones are refused. */
  readonly namesMax: number
}

/** The defaults. */
export const epmdServerLimits: EpmdServerLimits = {
  requestMs: 5_000,
  pendingConnectionsMax: 128,
  pendingConnectionsPerAddressMax: 16,
  namesMax: 1_000,
}

/** What {@link EpmdServer.listen} needs. */
export interface EpmdServerOptions {
  /** The port to listen on; 0 for any that is free. */
  readonly port: number
  /** The loopback address, where nodes register: `127.0.0.1` when absent; `::1` for nodes that speak only IPv6. */
  readonly host?: string
  /** Addresses to listen on beside loopback, for look-ups from other hosts. Default: none. */
  readonly addresses?: readonly string[]
  readonly clock: Clock
  readonly entropy: Entropy
  readonly sockets?: EpmdSockets
  readonly limits?: Partial<EpmdServerLimits>
}

/** Where Erlang's nodes register unless they speak IPv6. */
export const epmdHostDefault = '127.0.0.1'
const wildcards: readonly string[] = ['0.0.0.0', '::']
/** Numbers of runs that old nodes gave a meaning of their own. */
const creationsReserved = 4

/** See the head of this file. */
export class EpmdServer {
  readonly #clock: Clock
  readonly #limits: EpmdServerLimits
  readonly #names = new Map<string, EpmdNode>()
  readonly #visitors = new Set<Visitor>()
  #creation: number
  #listeners: EpmdListener[] = []
  #port = 0

  private constructor(options: EpmdServerOptions) {
    this.#clock = options.clock
    this.#limits = { ...epmdServerLimits, ...options.limits }
    this.#creation = options.entropy.uint32()
  }

  /**
   * Listens on loopback, and on the further addresses.
   *
   * @throws `ERR_REIGN_PORT_IN_USE` when the port is taken: most likely by an epmd, so be its client instead;
   *   `ERR_REIGN_ARGUMENT` when `host` is no loopback address; `ERR_REIGN_EPMD` when the machine lacks one of the addresses.
   */
  static async listen(options: EpmdServerOptions): Promise<EpmdServer> {
    const { host = epmdHostDefault } = options
    if (!isLoopback(host)) {
      throw new ReignError('ERR_REIGN_ARGUMENT', `an embedded epmd registers on loopback, and not on ${host}`)
    }
    const server = new EpmdServer(options)
    const sockets = options.sockets ?? systemEpmdSockets
    const further = options.addresses ?? []
    // Registration comes over loopback. A wildcard holds that already, and would not let it be bound twice.
    const wildcard = further.find((address) => wildcards.includes(address))
    const addresses = wildcard === undefined ? [...new Set([host, ...further])] : [wildcard]
    server.#port = options.port
    try {
      for (const address of addresses) {
        const listener = await sockets.listen(address, server.#port, (socket, from) => server.#accept(socket, from))
        server.#listeners.push(listener)
        server.#port = listener.port
      }
    } catch (error) {
      await server.close()
      throw error
    }
    return server
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#port
  }

  /** The nodes that are registered, in the order that they came. */
  get nodes(): EpmdNode[] {
    return [...this.#names.values()]
  }

  /** Connections that are not registrations. */
  get pendingConnections(): number {
    return this.#pending().length
  }

  /** Stops listening and closes every connection: all names are gone, and their nodes will look for another epmd. */
  async close(): Promise<void> {
    const listeners = this.#listeners
    this.#listeners = []
    for (const visitor of [...this.#visitors]) visitor.leave()
    await Promise.all(listeners.map((listener) => listener.close()))
  }

  #pending(): Visitor[] {
    return [...this.#visitors].filter(({ pending }) => pending)
  }

  #accept(socket: EpmdSocket, remoteAddress: string): EpmdSocketEvents | undefined {
    const local = isLoopback(remoteAddress)
    const pending = this.#pending()
    if (pending.length >= this.#limits.pendingConnectionsMax) return undefined
    const fromThere = pending.filter((each) => each.remoteAddress === remoteAddress).length
    if (!local && fromThere >= this.#limits.pendingConnectionsPerAddressMax) return undefined
    const visitor: Visitor = new Visitor(socket, remoteAddress, this.#clock, this.#limits.requestMs, {
      asks: (request) => this.#answer(visitor, request, local),
      left: () => this.#left(visitor),
    })
    this.#visitors.add(visitor)
    return visitor
  }

  #answer(visitor: Visitor, request: EpmdRequest, local: boolean): void {
    // Each answer leaves in one write: OTP's client reads one that comes in pieces wrongly.
    if (request.op === 'lookup') visitor.answer(encodeLookupAnswer(this.#names.get(request.alive)))
    else if (request.op === 'names') visitor.answer(encodeNamesAnswer(this.#port, this.nodes))
    else if (local) this.#register(visitor, request.node)
    else visitor.leave()
  }

  #register(visitor: Visitor, node: EpmdNode): void {
    if (this.#names.has(node.alive) || this.#names.size >= this.#limits.namesMax) {
      visitor.answer(encodeRegisterAnswer({ op: 'refused', result: 1 }, node.versionHigh))
      return
    }
    this.#names.set(node.alive, node)
    visitor.alive = node.alive
    visitor.stay(encodeRegisterAnswer({ op: 'registered', creation: this.#nextCreation() }, node.versionHigh))
  }

  /** Counts up from a random start, so that no two registrations here, and hardly any two elsewhere, get the same. */
  #nextCreation(): number {
    this.#creation = (this.#creation + 1) >>> 0
    if (this.#creation < creationsReserved) this.#creation = creationsReserved
    return this.#creation
  }

  #left(visitor: Visitor): void {
    this.#visitors.delete(visitor)
    if (visitor.alive !== undefined) this.#names.delete(visitor.alive)
  }
}

interface VisitorEvents {
  /** A whole request is there. */
  asks(request: EpmdRequest): void
  /** The connection is over. Called once, last. */
  left(): void
}

/** One connection: asking, then either fetching its answer or staying registered, then gone. */
class Visitor implements EpmdSocketEvents {
  readonly remoteAddress: string
  /** The name that it holds. */
  alive: string | undefined
  readonly #socket: EpmdSocket
  readonly #clock: Clock
  readonly #events: VisitorEvents
  readonly #timer: unknown
  readonly #gather = new ByteGather(epmdRequestBytesMax + 2)
  #state: 'asking' | 'fetching' | 'staying' | 'gone' = 'asking'

  constructor(socket: EpmdSocket, remoteAddress: string, clock: Clock, requestMs: number, events: VisitorEvents) {
    this.remoteAddress = remoteAddress
    this.#socket = socket
    this.#clock = clock
    this.#events = events
    // One deadline for everything: who sends, or fetches, a byte now and then does not move it.
    this.#timer = clock.setTimer(() => this.leave(), requestMs)
  }

  /** Whether it still has to ask, or to fetch what it asked for: what the bounds on connections count. */
  get pending(): boolean {
    return this.#state === 'asking' || this.#state === 'fetching'
  }

  data(bytes: Uint8Array): void {
    // One question for each connection; the answer to it is on its way all the same.
    if (this.#state === 'fetching') return
    // A registered node has nothing more to say; OTP's own daemon closes here, too.
    if (this.#state !== 'asking' || !this.#gather.add(bytes)) {
      this.leave()
      return
    }
    let request: EpmdRequest | undefined
    try {
      request = readRequest(this.#gather.bytes)
    } catch {
      // No request of epmd's: nothing that its sender could understand as an answer.
      this.leave()
      return
    }
    if (request !== undefined) this.#events.asks(request)
  }

  ended(): void {
    // Who has asked may close his direction and still fetch the answer; all others are done.
    if (this.#state !== 'fetching') this.leave()
  }

  closed(): void {
    this.leave()
  }

  /** Answers and closes. */
  answer(bytes: Uint8Array): void {
    this.#state = 'fetching'
    this.#socket.end(bytes)
  }

  /** Answers and stays, for as long as the other end wants. */
  stay(bytes: Uint8Array): void {
    this.#state = 'staying'
    this.#clock.clearTimer(this.#timer)
    this.#socket.write(bytes)
  }

  /** Closes at once. */
  leave(): void {
    if (this.#state === 'gone') return
    this.#state = 'gone'
    this.#clock.clearTimer(this.#timer)
    this.#socket.destroy()
    this.#events.left()
  }
}

/** Whether an address is of this machine's loopback: IPv4, IPv6, IPv4 inside IPv6 as systems write it, `localhost`. */
export function isLoopback(address: string): boolean {
  return address === '::1' || address === 'localhost' || /^(::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/i.test(address)
}
