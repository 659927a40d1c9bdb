/** Connections with other nodes, as the side that is dialled. */
import type { HandshakeFailure, HandshakePeer } from '../dist/handshake.js'
import { type AcceptorInput, acceptorStart, acceptorStep, type Verdict } from '../dist/handshake-acceptor.js'
import { describe, ReignError } from '../errors.js'
import { LogPace } from '../log-pace.js'
import type { Connection } from './connection.js'
import { type Handshaking, handshakeEnv, shakeHands } from './handshaking.js'
import type { LocalEnd } from './local-end.js'
import { RefusalLog } from './refusal-log.js'
import type { ByteStream, Endpoint, IncomingStream, RemoteAddress, TransportListener } from './transport.js'

/** What the owner of the connections is asked and told. */
export interface ListenerOwner {
  /**
   * What to say to a node that knocks, at once. Its name is proved by its certificate (over TLS, unless identity is `ca`)
   * but the cookie is not checked yet.
   *
   * For every answer that lets it in, `accepted` or `dropped` follows, and until then the node counts as being dialled: who
   * dials it meanwhile sets two attempts against each other, and each side can give up the one that the other keeps.
   */
  decide(peer: HandshakePeer): Verdict
  /**
   * A node that was told `alive` insists: whether it may have the place of the connection that there is. To be found out well within
   * `limits.handshakeMs`, as that is for the whole handshake, and the other side's is as short.
   */
  mayReplace(peer: HandshakePeer): boolean | Promise<boolean>
  /**
   * The node has proved that it knows the cookie. If there is a connection with it, that is to be replaced now: the new one
   * is the peer's choice. To set `onFrame` and `onClose` is the first thing to be done here.
   */
  accepted(connection: Connection): void
  /** Why nobody is to be let in now: asked for each connection, before anything of it is read. `undefined` where somebody may be. */
  shortage?(): ReignError | undefined
  /** Somebody was refused, be it logged or not. */
  refused?(remote: RemoteAddress, error: ReignError): void
  /** A node that was to be let in has not come in. It has been logged, unless it has itself stepped back. */
  dropped?(peer: HandshakePeer, error: ReignError): void
}

/** That nobody can be accepted is told so often, in milliseconds. */
const failureToldMs = 10_000

/** A port on which other nodes are accepted. Made by {@link listenForNodes}. */
export class Listener {
  readonly #end: LocalEnd
  readonly #owner: ListenerOwner
  readonly #log: RefusalLog
  readonly #pending = new Set<Pending>()
  /** The same, by remote address; in both, the oldest first. */
  readonly #byAddress = new Map<string, Set<Pending>>()
  #port: TransportListener | undefined

  /** @internal */
  constructor(end: LocalEnd, owner: ListenerOwner) {
    this.#end = end
    this.#owner = owner
    this.#log = new RefusalLog(end.clock, end.logger, (remote, error) => owner.refused?.(remote, error))
  }

  /** Where it listens; with the port that was chosen, if port 0 was asked for. */
  get endpoint(): Endpoint {
    if (this.#port === undefined) throw new ReignError('ERR_REIGN_CLOSED', 'the listener is not open')
    return this.#port.endpoint
  }

  /** Connections whose handshake is not over. */
  get pending(): number {
    return this.#pending.size
  }

  /** Stops listening, and ends the handshakes under way; connections that are up stay. Resolves when the port is free. */
  async close(): Promise<void> {
    const closed = this.#port?.close()
    for (const each of [...this.#pending])
      each.drop(new ReignError('ERR_REIGN_NODE_STOPPED', 'the node stops listening'))
    await closed
  }

  /** @internal */
  async open(endpoint: Endpoint): Promise<void> {
    const { alpn, clock, logger, transport } = this.#end
    // Out of descriptors, for one, the system says so for everybody who knocks.
    const pace = new LogPace(clock, { everyMs: failureToldMs })
    this.#port = await transport.listen(endpoint, {
      alpn,
      accept: (incoming) => this.#accept(incoming),
      failed: ({ message: error }) =>
        pace.tell((untold) => logger.error({ error, ...untold }, 'cannot accept connections')),
    })
  }

  #accept(incoming: IncomingStream): void {
    const { remote } = incoming
    const { pendingConnectionsMax, pendingConnectionsPerAddressMax } = this.#end.limits
    const here = this.#byAddress.get(remote.address) ?? new Set()
    // All nodes of a machine come from its loop, and they are no strangers to it.
    const tooManyHere = () =>
      remote.loopback
        ? undefined
        : this.#makeRoom(here, pendingConnectionsPerAddressMax, 'limits.pendingConnectionsPerAddressMax')
    // In this order: nobody is to give way for somebody who is refused.
    const refusal =
      this.#owner.shortage?.() ??
      tooManyHere() ??
      this.#makeRoom(this.#pending, pendingConnectionsMax, 'limits.pendingConnectionsMax')
    if (refusal !== undefined) {
      incoming.refuse()
      return this.#log.refused(remote, refusal)
    }
    this.#byAddress.set(remote.address, here)
    const pending: Pending = new Pending(this.#end, incoming, this.#owner, this.#log, () => {
      this.#pending.delete(pending)
      here.delete(pending)
      if (here.size === 0 && this.#byAddress.get(remote.address) === here) this.#byAddress.delete(remote.address)
    })
    this.#pending.add(pending)
    here.add(pending)
    pending.begin()
  }

  /**
   * Ends the oldest of them that has proved nothing, if there are as many as may be. A friend takes some round trips, and so gets
   * in however many strangers hold connections that they do nothing with; were it the newcomer that is refused, nobody
   * would, until the strangers' time is over.
   *
   * @returns Why there is no room: when all of them have shown a certificate of the cluster.
   */
  #makeRoom(among: ReadonlySet<Pending>, max: number, limit: string): ReignError | undefined {
    if (among.size < max) return undefined
    const text = `too many connections have not finished their handshake (${limit})`
    const error = new ReignError('ERR_REIGN_OVERLOAD', text)
    for (const each of among) {
      if (each.proved) continue
      each.drop(error)
      return undefined
    }
    return error
  }
}

/** Whoever leaves before having said anything has given up an attempt: as a node does that was dialled by ours meanwhile. */
const hasLeft = 'somebody has left before saying who it is'

/** One connection that has not finished its handshake. */
class Pending {
  readonly #end: LocalEnd
  readonly #incoming: IncomingStream
  readonly #owner: ListenerOwner
  readonly #log: RefusalLog
  readonly #leave: () => void
  readonly #abort = new AbortController()
  readonly #env: ReturnType<typeof handshakeEnv>
  readonly #timer: unknown
  /** The node that the owner will let in. */
  #expected: HandshakePeer | undefined
  #handshaking: Handshaking<AcceptorInput> | undefined
  #told = false
  #over = false
  /** Whether it has said who it is. */
  #named = false
  /** Whether it has shown a certificate of the cluster. */
  proved = false

  constructor(end: LocalEnd, incoming: IncomingStream, owner: ListenerOwner, log: RefusalLog, leave: () => void) {
    this.#end = end
    this.#incoming = incoming
    this.#owner = owner
    this.#log = log
    this.#leave = leave
    this.#env = handshakeEnv(end)
    this.#timer = end.clock.setTimer(() => {
      const text = `no handshake within ${end.limits.handshakeMs} ms (limits.handshakeMs)`
      this.drop(new ReignError('ERR_REIGN_HANDSHAKE_TIMEOUT', text))
    }, end.limits.handshakeMs)
  }

  begin(): void {
    this.#incoming
      .open(this.#abort.signal)
      .then((stream) => this.#shake(stream))
      .catch((error: unknown) => {
        const coded = error instanceof ReignError ? error : new ReignError('ERR_REIGN_TLS', describe(error))
        this.#failed(coded, coded.code === 'ERR_REIGN_CONNECTION_LOST' && hasLeft)
        this.#gone()
      })
  }

  /** Ends it at once. */
  drop(error: ReignError): void {
    this.#handshaking?.abandon()
    this.#abort.abort(error)
    this.#failed(error)
    this.#gone()
  }

  #shake(stream: ByteStream): void {
    if (this.#over) return stream.destroy()
    this.proved = stream.secure
    const env = {
      ...this.#env,
      identifies: (name: string) => identifies(this.#end, stream, name),
      decide: (peer: HandshakePeer) => this.#decide(peer),
      mayReplace: (peer: HandshakePeer) => this.#mayReplace(peer),
    }
    this.#handshaking = shakeHands(
      this.#end,
      stream,
      { start: { state: acceptorStart, send: [] }, step: (state, input) => acceptorStep(state, input, env) },
      false,
      {
        up: (connection) => {
          this.#told = true
          this.#gone()
          this.#owner.accepted(connection)
        },
        failed: ({ error, reason }) => this.#failed(error, this.#ordinary(reason)),
        gone: () => this.#gone(),
      },
    )
  }

  #decide(peer: HandshakePeer): Verdict {
    this.#named = true
    const verdict = this.#owner.decide(peer)
    if (verdict !== 'nok' && verdict !== 'not_allowed') this.#expected = peer
    return verdict
  }

  #mayReplace(peer: HandshakePeer): boolean | undefined {
    const judgement = this.#owner.mayReplace(peer)
    if (typeof judgement === 'boolean') return judgement
    void judgement.then((mayReplace) => this.#handshaking?.tell({ input: 'judged', mayReplace }))
    return undefined
  }

  /** Two that dial each other at once, or again too soon: one of the attempts ends, on either side, and nothing is wrong. */
  #ordinary(reason: HandshakeFailure['reason']): string | undefined {
    if (reason === 'nok' || reason === 'alive') return 'one connection is enough'
    return reason === 'closed' && !this.#named ? hasLeft : undefined
  }

  /** @param ordinary What is to be said when nothing is wrong, and nobody was refused. */
  #failed(error: ReignError, ordinary?: string | false): void {
    if (this.#told) return
    this.#told = true
    const { remote } = this.#incoming
    if (ordinary) this.#end.logger.debug({ remote: remote.text, error: error.message }, ordinary)
    else this.#log.refused(remote, error)
    if (this.#expected !== undefined) this.#owner.dropped?.(this.#expected, error)
  }

  #gone(): void {
    if (this.#over) return
    this.#over = true
    this.#end.clock.clearTimer(this.#timer)
    this.#env.retire()
    this.#leave()
  }
}

/** Whether the other end may call itself by that name, as far as the transport can tell. */
function identifies(end: LocalEnd, stream: ByteStream, name: string): boolean {
  if (!stream.secure || end.identity === 'ca') return true
  return stream.identity?.nodeNames.includes(name) ?? false
}

/**
 * Listens for other nodes.
 *
 * @param endpoint Port 0 for any free port.
 * @returns rejects with `ERR_REIGN_PORT_IN_USE`, `ERR_REIGN_CERTIFICATE`, `ERR_REIGN_INSECURE`, or `ERR_REIGN_UNREACHABLE`
 * for an address that is not this machine's.
 */
export async function listenForNodes(end: LocalEnd, endpoint: Endpoint, owner: ListenerOwner): Promise<Listener> {
  const listener = new Listener(end, owner)
  await listener.open(endpoint)
  return listener
}
