/**
 * A node's part in its cluster: listens, is known to the port mapper, keeps connections with the other members.
 *
 * Puts the parts together and starts and stops them in order; what each does is its own.
 */
import { AtomBudget } from '../codec/atom-budget.js'
import type { DecodeContext } from '../codec/decode.js'
import type { ShortSends } from '../dist/control.js'
import { headerFlags, hiddenFlags, publishedFlags, reignFlags } from '../dist/flags.js'
import type { HandshakePeer } from '../dist/handshake.js'
import { ReignError } from '../errors.js'
import { connectionRefused, signalReceived } from '../events.js'
import type { Limits } from '../limits.js'
import { LogPace } from '../log-pace.js'
import type { Memory } from '../memory.js'
import type { Connection } from '../net/connection.js'
import { EpmdClient } from '../net/epmd-client.js'
import { type Listener, listenForNodes } from '../net/listener.js'
import { type LocalEnd, localEnd } from '../net/local-end.js'
import { PortMapper } from '../net/port-mapper.js'
import { tcpTransport } from '../net/tcp-transport.js'
import { tlsTransport } from '../net/tls-transport.js'
import type { Transport } from '../net/transport.js'
import type { LocalNode } from '../node/local-node.js'
import { publish } from '../process/guard.js'
import type { Signal } from '../signal.js'
import { cookieBetween } from './cookie.js'
import { Credentials } from './credentials.js'
import { dialer } from './dialer.js'
import type { Discovery } from './discovery.js'
import type { Endpoint } from './endpoint.js'
import { FrameReader } from './frame-reader.js'
import { GlobalServer } from './global/server.js'
import { IdentityGuard } from './identity-guard.js'
import { type CodecChoice, LinkCodecs, readingOf } from './link-codecs.js'
import { LostMessages } from './lost-messages.js'
import { Membership } from './membership.js'
import { MemoryWatch } from './memory-watch.js'
import { Mesh } from './mesh.js'
import { NodeEvents } from './node-events.js'
import { Peers } from './peers.js'
import { isProbe } from './probe.js'
import { SignalTrace } from './signal-trace.js'
import type { ClusterSpec, MembersSpec, TlsSpec } from './spec.js'
import { StallWatch } from './stall-watch.js'

/** What a cluster can be told beside its specification. */
export interface ClusterParts {
  readonly spec: ClusterSpec
  readonly limits: Limits
  /** Whether OTP's own cluster services see us: `nodes()`, `global`. */
  readonly visible: boolean
  /** Whether to listen, and to be found; otherwise this node only dials. */
  readonly listen: boolean
  /** Whether to dial the members, now and whenever they are not there; otherwise only what something is sent to. */
  readonly dialMembers: boolean
  /** Where members are found, beside the specification. */
  readonly discoveries: readonly Discovery[]
  /** Whether to take part in the full mesh of nodes of reign. */
  readonly mesh: boolean
  /** `text`: binaries that are text arrive as strings; `bytes`: all arrive as bytes. */
  readonly binaries: 'text' | 'bytes'
  /** `exact`: integral floats of Erlang arrive as `Float`, so that they go back as floats. */
  readonly floats: 'number' | 'exact'
  /** In what forms payloads can go to other nodes of reign, best first. */
  readonly codecs: readonly CodecChoice[]
  /** Reads what the specification says of TLS anew. */
  readonly readTls: () => Promise<{ readonly tls: TlsSpec; readonly warnings: readonly string[] }>
  /** Runs a function on another node. */
  readonly run: (node: string, module: string, name: string, args: readonly unknown[]) => Promise<unknown>
  /** Reads what the specification says of members anew. */
  readonly readMembers: () => Promise<MembersSpec>
  /** Where to look whether memory is short; nowhere in a simulation, whose program is no node's alone. */
  readonly memory: Memory | undefined
  /** The network; TLS or TCP, as the specification has it, unless a simulation passes its own. */
  readonly transport: Transport | undefined
}

/** That the port mapper does not know this node is told so often, in milliseconds. */
const unregisteredToldMs = 60_000

/** See the head of this file. */
export class Cluster {
  readonly spec: ClusterSpec
  readonly peers: Peers
  readonly events: NodeEvents
  readonly membership: Membership
  /** Our part in OTP's `global`; a hidden node has none. */
  readonly global: GlobalServer | undefined
  readonly #node: LocalNode
  readonly #parts: ClusterParts
  readonly #end: LocalEnd
  readonly #atoms: AtomBudget
  readonly #codecs: LinkCodecs
  /** `undefined` without TLS: nobody shows anything. */
  readonly #credentials: Credentials | undefined
  readonly #guard: IdentityGuard | undefined
  readonly #stalls: StallWatch
  readonly #memory: MemoryWatch | undefined
  readonly #mesh: Mesh | undefined
  #listener: Listener | undefined
  #mapper: PortMapper | undefined

  constructor(node: LocalNode, parts: ClusterParts) {
    const { spec, limits } = parts
    this.spec = spec
    this.#node = node
    this.#parts = parts
    this.#atoms = new AtomBudget(limits.atomCountMax)
    this.events = new NodeEvents((error) => node.logger.error({ err: error }, 'a callback for node events failed'))
    this.#codecs = new LinkCodecs({
      choices: parts.codecs,
      encoding: node.addressBook,
      decoding: this.#decoding('own'),
      negotiable: parts.transport !== undefined || spec.tls !== undefined,
    })
    this.#credentials = this.#makeCredentials()
    this.#guard = this.#makeGuard()
    this.#end = localEnd({
      transport: parts.transport ?? transportOf(spec, this.#credentials),
      cookie: (peer) => {
        const { cookies, cookie } = this.membership.spec
        return cookieBetween(node.name, peer, cookies, cookie)
      },
      name: node.name,
      creation: node.addressBook.self.creation,
      flags: (parts.visible ? publishedFlags : hiddenFlags) | headerFlags | reignFlags,
      entropy: node.entropy,
      identity: spec.identity,
      alpn: this.#codecs.alpn,
      ticks: { tickTimeMs: spec.tickTimeMs, tickIntensity: spec.tickIntensity },
      limits,
      clock: node.clock,
      logger: node.logger,
    })
    this.#stalls = new StallWatch(this.#end)
    const { memory } = parts
    if (memory !== undefined) {
      const { name, clock, logger } = node
      this.#memory = new MemoryWatch({ node: name, clock, logger, memory, percentMax: limits.heapPercentMax })
    }
    const { epmd } = spec
    this.peers = new Peers(node, {
      limits,
      events: this.events,
      lost: new LostMessages(node.runtime.deadLetters, this.#decoding('own')),
      codecs: this.#codecs,
      slabs: this.#end.slabs,
      reader: (connection) => {
        this.#guard?.watch(connection)
        return this.#reader(connection)
      },
      dial: dialer({
        end: this.#end,
        address: (name) => this.membership.address(name),
        epmd: epmd === undefined ? undefined : new EpmdClient({ port: epmd.port, clock: node.clock }),
        // Of two commands that are the same visitor, on two machines, the second is refused: it does not end the first.
        takesOver: (name) => spec.self.member && this.peers.takesOver(name),
      }),
    })
    node.router.remote = this.peers
    const { dialMembers, discoveries, readMembers: read } = parts
    this.membership = new Membership({ node, peers: this.peers, spec, dialMembers, discoveries, read })
    this.events.onUp((name) => this.membership.up(name))
    this.#mesh = parts.mesh ? this.#makeMesh() : undefined
    this.global = parts.visible ? this.#makeGlobal() : undefined
  }

  /** Where this node listens; `undefined` when it does not. */
  get endpoint(): Listener['endpoint'] | undefined {
    return this.#listener?.endpoint
  }

  /**
   * Listens, registers, and begins to dial the other members; nobody dials a visitor.
   *
   * @throws `ERR_REIGN_PORT_IN_USE`, `ERR_REIGN_NAME_IN_USE`, `ERR_REIGN_CERTIFICATE`, `ERR_REIGN_INSECURE`.
   */
  async start(): Promise<void> {
    for (const warning of this.spec.warnings) this.#node.logger.warn({}, warning)
    if (this.#parts.visible && this.spec.epmd === undefined) {
      this.#node.logger.warn(
        {},
        'visible without a port mapper: nodes that others know of can be dialled by no address',
      )
    }
    if (this.#parts.listen) await this.#listen()
    this.#credentials?.start()
    this.#guard?.start()
    this.#stalls.start()
    this.#memory?.start()
    this.membership.start()
  }

  async #listen(): Promise<void> {
    this.#listener = await listenForNodes(this.#end, this.spec.listen, {
      decide: (peer) => this.peers.decide(peer),
      mayReplace: (peer) => this.peers.mayReplace(peer),
      accepted: (connection) => this.peers.accepted(connection),
      dropped: (peer, error) => this.peers.dropped(peer.name, error),
      refused: ({ text: remote }, error) => {
        if (connectionRefused.hasSubscribers) publish(connectionRefused, { node: this.#node.name, remote, error })
      },
      shortage: () => this.#memory?.shortage,
    })
    const { epmd } = this.spec
    if (epmd === undefined) return
    const { logger } = this.#node
    // It is tried again every two seconds.
    const losses = new LogPace(this.#node.clock, { everyMs: unregisteredToldMs })
    this.#mapper = new PortMapper({
      alive: this.spec.self.alive,
      listenPort: this.#listener.endpoint.port,
      epmdPort: epmd.port,
      embedded: epmd.embedded ? {} : false,
      clock: this.#node.clock,
      entropy: this.#node.entropy,
      onLost: (error) =>
        losses.tell((untold) =>
          logger.warn({ error: error?.message, ...untold }, 'not registered with the port mapper'),
        ),
      onRegistered: () => this.#node.logger.info({}, 'registered with the port mapper again'),
    })
    try {
      await this.#mapper.start()
    } catch (error) {
      // A name that is taken is another run of this node. No port mapper at all is less: those with addresses find us.
      if (error instanceof ReignError && error.code === 'ERR_REIGN_NAME_IN_USE') {
        await this.stop()
        throw error
      }
      this.#node.logger.warn({ error: String(error) }, 'not registered with a port mapper')
    }
  }

  /**
   * Reads certificates, key, authorities and revocation lists anew, and uses them from the next connection on.
   *
   * @returns Whether others are in use than before; `false` without TLS.
   * @throws `ERR_REIGN_CLUSTER_SPEC`, with all that is wrong: the old ones stay in use. `ERR_REIGN_NODE_STOPPED`.
   */
  async reloadCertificates(): Promise<boolean> {
    return (await this.#credentials?.reload()) ?? false
  }

  #makeGlobal(): GlobalServer {
    const { peers, events } = this
    const global = new GlobalServer(this.#node, {
      isConnected: (node) => peers.isConnected(node),
      connect: (node) => peers.connect(node),
      disconnect: (node) => void peers.disconnect(node),
      rest: (node) => peers.rest(node),
      run: this.#parts.run,
    })
    const visible = new Set<string>()
    events.onUp((node) => {
      if (!peers.isVisible(node)) return
      visible.add(node)
      global.up(node)
    })
    events.onDown((node) => {
      if (visible.delete(node)) global.down(node)
    })
    return global
  }

  #makeMesh(): Mesh {
    const mesh = new Mesh({
      node: this.#node,
      namedMax: this.#parts.limits.meshNodesMax,
      address: () => this.spec.self.address ?? dialable(this.endpoint),
      names: (peer, nodes) => this.membership.named(peer, nodes),
    })
    this.events.onUp((name) => mesh.up(name))
    this.events.onDown((name) => mesh.down(name))
    return mesh
  }

  #makeCredentials(): Credentials | undefined {
    const { spec, readTls: read } = this.#parts
    if (spec.tls === undefined) return undefined
    const { name: node, clock, logger } = this.#node
    return new Credentials({ node, tls: spec.tls, read, renewed: () => this.#guard?.look(), clock, logger })
  }

  #makeGuard(): IdentityGuard | undefined {
    if (this.#credentials === undefined) return undefined
    const { name: node, clock, logger } = this.#node
    const connections = () => this.peers.connected()
    return new IdentityGuard({ node, credentials: this.#credentials, connections, clock, logger })
  }

  /** Takes no more connections; those that are up stay. Resolves when the port is free. */
  async stopAccepting(): Promise<void> {
    await this.#listener?.close()
  }

  /**
   * Closes the connections when what was sent has left, or after `flushMs` milliseconds. The name is given back last: another run
   * of this node is not to start before this one is gone.
   */
  async stop(flushMs?: number): Promise<void> {
    this.#credentials?.stop()
    this.#guard?.stop()
    this.#stalls.stop()
    this.#memory?.stop()
    this.membership.stop()
    this.#mesh?.stop()
    this.global?.stop()
    await this.stopAccepting()
    await this.peers.stop(flushMs)
    await this.#mapper?.stop()
  }

  #reader({ peer, outbox }: Connection): FrameReader {
    const { limits } = this.#parts
    const atoms = this.#atoms.share(peer.name, limits.atomCountPerPeerMax)
    const context = readingOf(this.#codecs.of(peer.alpn), this.#decoding('shared', atoms))
    const { name: node, router } = this.#node
    const trace = SignalTrace.of(this.#node.logger, peer.name)
    const show = (signal: Signal) => {
      if (isProbe(signal)) return
      trace?.received(signal)
      if (signalReceived.hasSubscribers) publish(signalReceived, { node, peer: peer.name, signal })
    }
    const receive = (signal: Signal) => {
      if (signalReceived.hasSubscribers || trace !== undefined) show(signal)
      router.receive(signal)
    }
    return new FrameReader({
      peer,
      context,
      short: this.#short(peer),
      limits,
      receive,
      answered: () => outbox.answered(),
    })
  }

  #short({ name, creation }: HandshakePeer): ShortSends {
    const { addressBook, system } = this.#node
    const { node, creation: ownCreation } = addressBook.self
    // The first process of every node of this library is the node itself, so that it has the same numbers in all of them.
    const { id, serial } = system.self
    return {
      from: addressBook.address(name, id, serial, creation),
      to: (id, serial) => addressBook.address(node, id, serial, ownCreation),
    }
  }

  #decoding(memory: 'own' | 'shared', atoms = this.#atoms): DecodeContext {
    const { limits, binaries, floats } = this.#parts
    const book = this.#node.addressBook
    return {
      address: (node, id, serial, creation) => book.address(node, id, serial, creation),
      ref: (node, creation, words) => book.ref(node, creation, words),
      signalRef: (node, creation, words) => book.signalRef(node, creation, words),
      atoms,
      binaries,
      floats,
      memory,
      depthMax: limits.termDepthMax,
      termCountMax: limits.termCountMax,
      bigintBytesMax: limits.bigintBytesMax,
    }
  }
}

/** Where others can dial what listens there; nobody can dial all addresses of a machine. */
function dialable(endpoint: Endpoint | undefined): Endpoint | undefined {
  return endpoint?.host === '0.0.0.0' || endpoint?.host === '::' ? undefined : endpoint
}

function transportOf(spec: ClusterSpec, credentials: Credentials | undefined): Transport {
  const { localAddress, plainTcpBeyondLoopback: anywhere } = spec
  if (credentials === undefined) return tcpTransport({ localAddress, anywhere })
  return tlsTransport({ credentials: () => credentials.current(), localAddress })
}
