/** Nodes as programs use them: a local node, and what being in a cluster adds. */
import { keyText } from '../codec/encode.js'
import { type Entropy, systemEntropy } from '../entropy.js'
import { ReignError } from '../errors.js'
import { defaultLimits, type Limits } from '../limits.js'
import type { Logger } from '../logger.js'
import type { Transport } from '../net/transport.js'
import { LocalNode, type LocalOptions, type NodeSetup, nowhereName } from '../node/local-node.js'
import type { Entity } from '../process/entity.js'
import { named } from '../term/named.js'
import { Cluster, type ClusterParts } from './cluster.js'
import { erlangModule } from './erlang-module.js'
import { type Erpc, erpcTo, serveErpc } from './erpc.js'
import type { GroupKey } from './group-view.js'
import { Groups } from './groups.js'
import { Names } from './names.js'
import { pingAnswer, pingRequest, startNetKernel } from './net-kernel.js'
import { type ResolveOptions, resolveSpec, resolveTls } from './spec.js'
import type { ClusterSpecInput } from './spec-schema.js'

/** What a node in a cluster can be told. */
export interface StartOptions extends LocalOptions {
  /** The cluster specification: a folder that `reign init` made, a file, JSON text, or the object itself. */
  cluster: string | ClusterSpecInput
  /** Bounds, where they are to differ from the defaults. */
  limits?: Partial<Limits> | undefined
  /**
   * Whether Erlang's cluster services see this node (`nodes()`, `global`); off by default: a visible node that does not take
   * part in all of them is a burden to the others.
   */
  visible?: boolean | undefined
  /** Whether to listen for other nodes; a node that does not can only dial. On by default, except for visitors. */
  listen?: boolean | undefined
  /**
   * Whether to dial the members of the cluster, now and whenever they are not there. On by default; otherwise a node is dialled
   * when something is sent to it.
   */
  dialMembers?: boolean | undefined
  /** `text` (default): binaries that are valid UTF-8 arrive as strings. `bytes`: every binary arrives as a `Uint8Array`. */
  binaries?: 'text' | 'bytes' | undefined
  /** `number` (default): floats arrive as numbers. `exact`: integral ones arrive as `Float`, and so go back as floats. */
  floats?: 'number' | 'exact' | undefined
  /** The network; a simulation passes its own. */
  transport?: Transport | undefined
}

/** Pings wait so long for a node that does not answer, in milliseconds: as a call does. */
const pingMs = 7_000

/** A node: the home of processes and mailboxes. Several can live in one program; nothing is global. */
export class Node extends LocalNode {
  /** Names across the cluster; on a local node, across itself. */
  readonly names: Names
  readonly #scope: Groups
  #cluster: Cluster | undefined

  /** @internal Nodes are made by {@link Node.local} and {@link Node.start}. */
  constructor(setup: NodeSetup) {
    super(setup)
    startNetKernel(this)
    this.#scope = new Groups(this, 'reign', groupKey)
    this.names = new Names(this.#scope)
    serveErpc(this.exposed)
    this.expose(
      'erlang',
      erlangModule(this, () => this.nodes()),
    )
  }

  /**
   * A node without a network: all that processes and mailboxes can do, with no configuration.
   *
   * Declare it with `await using`, or call `stop`.
   */
  static async local(options: LocalOptions = {}): Promise<Node> {
    const logger = options.logger ?? (await defaultLogger())
    // A creation of its own, unlike Erlang's: an address that was written down in an earlier run is to lead nowhere.
    const creation = freshCreation(options.entropy ?? systemEntropy)
    return new Node({ ...options, logger, name: nowhereName, creation })
  }

  /**
   * Starts a node of a cluster: listens, registers with the port mapper where the specification says so, and connects with
   * the other members, now and whenever they are there.
   *
   * @param name The name of this node in the specification, `alive@host`.
   * @throws `ERR_REIGN_NODE_NAME`, `ERR_REIGN_CLUSTER_SPEC` (with all that is wrong), `ERR_REIGN_PORT_IN_USE`,
   *   `ERR_REIGN_NAME_IN_USE`, `ERR_REIGN_CERTIFICATE`, `ERR_REIGN_INSECURE`.
   */
  static async start(name: string, options: StartOptions): Promise<Node> {
    if (typeof options?.cluster !== 'string' && typeof options?.cluster !== 'object') {
      throw new ReignError(
        'ERR_REIGN_ARGUMENT',
        'Node.start needs { cluster }: a folder, a file, JSON text or an object',
      )
    }
    const { clock } = options
    // Relative paths are relative to where we are now, also when they are read again.
    const where: ResolveOptions = { folder: process.cwd(), ...(clock !== undefined && { clock }) }
    const spec = await resolveSpec(options.cluster, name, where)
    const logger = options.logger ?? (await defaultLogger())
    const entropy = options.entropy ?? systemEntropy
    const node = new Node({ ...options, logger, name: spec.self.name, creation: freshCreation(entropy) })
    await node.#join({
      spec,
      limits: { ...defaultLimits, ...options.limits },
      visible: options.visible ?? false,
      listen: options.listen ?? spec.self.member,
      dialMembers: options.dialMembers ?? true,
      binaries: options.binaries ?? 'text',
      floats: options.floats ?? 'number',
      readTls: () => resolveTls(options.cluster, name, where),
      transport: options.transport,
    })
    return node
  }

  async #join(parts: ClusterParts): Promise<void> {
    const cluster = new Cluster(this, parts)
    this.#cluster = cluster
    cluster.events.onUp((node) => this.#scope.nodeUp(node))
    try {
      await cluster.start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  // --- other nodes --------------------------------------------------------------------------------------------------

  /** The names of the nodes that this one is connected with. */
  nodes(): string[] {
    return this.#cluster?.peers.connected().map((connection) => connection.peer.name) ?? []
  }

  /** Connects with a node, if it is not connected; resolves with whether it is then. */
  connect(node: string): Promise<boolean> {
    return this.#cluster?.peers.connect(node) ?? Promise.resolve(node === this.name)
  }

  /** Closes the connection with a node; a member of the cluster is dialled again. `false` when there was none. */
  disconnect(node: string): boolean {
    return this.#cluster?.peers.disconnect(node) ?? false
  }

  /** Whether a node is there and answers: Erlang's `net_adm:ping`. Connects if need be. */
  async ping(node: string, options: { timeout?: number } = {}): Promise<boolean> {
    const { timeout = pingMs } = options
    try {
      if (!(await this.connect(node))) return false
      return (await this.call(named('net_kernel', node), pingRequest(this.name), { timeout })) === pingAnswer
    } catch (error) {
      if (error instanceof ReignError) return false
      throw error
    }
  }

  /** Calls back when a node has come up, before its first message; until the returned function is called. */
  onNodeUp(callback: (node: string) => unknown): () => void {
    return this.#cluster?.events.onUp(callback) ?? (() => {})
  }

  /**
   * Calls back when a node is lost, after its last message and after its loss was told to those with links and monitors there.
   * The reason is one of Erlang's words: `connection_closed`, `net_tick_timeout`, `disconnect`, …; or, where a certificate has ended
   * the connection, `certificate_expired`, `certificate_revoked` or `unknown_ca`.
   */
  onNodeDown(callback: (node: string, reason: string) => unknown): () => void {
    return this.#cluster?.events.onDown(callback) ?? (() => {})
  }

  /** Sends `NodeUp` and `NodeDown` messages to a mailbox or process, from now on or no longer. Erlang: `monitor_nodes/1`. */
  monitorNodes(inbox: Entity, wanted = true): void {
    this.#cluster?.events.monitor(inbox, wanted)
  }

  /** Functions of another node, Erlang's `erpc`: `node.erpc(name).call('lists', 'reverse', [[1, 2, 3]])`. */
  erpc(node: string): Erpc {
    return erpcTo(
      {
        makeRef: () => this.addressBook.makeRef(),
        spawnAndWait: (name, module, fun, args) => this.spawnAndWait(name, module, fun, args),
        after: (delayMs, fire) => {
          const timer = this.runtime.timers.after(delayMs, fire)
          return () => this.runtime.timers.cancel(timer)
        },
      },
      node,
    )
  }

  /** Where this node listens for others; `undefined` when it does not. */
  get endpoint(): { readonly host: string; readonly port: number } | undefined {
    return this.#cluster?.endpoint
  }

  /**
   * Reads the certificate, key, authorities and revocation lists of this node anew, from where the cluster specification says by
   * now, and uses them from the next connection on. Those that stand stay, unless a certificate of theirs is revoked, or comes from
   * an authority that is believed no more. Files are watched: this is for who does not want to wait some seconds, or wants
   * to know what came of it.
   *
   * @returns Whether others are in use than before; `false` on a local node, and without TLS.
   * @throws `ERR_REIGN_CLUSTER_SPEC`, with all that is wrong (`issues`), when a node could not start with the new ones: the old ones
   *   stay in use. `ERR_REIGN_NODE_STOPPED`.
   */
  reloadCertificates(): Promise<boolean> {
    return this.#cluster?.reloadCertificates() ?? Promise.resolve(false)
  }

  /** Ends every process and mailbox, tells the other nodes, and closes the connections when what was sent has left. */
  override async stop(): Promise<void> {
    await super.stop()
    await this.#cluster?.stop()
  }
}

/** Numbers below are reserved for runs that were numbered by old port mappers. */
const creationMin = 4

function freshCreation(entropy: Entropy): number {
  for (;;) {
    const creation = entropy.uint32()
    if (creation >= creationMin) return creation
  }
}

/** Primitive names are their own key; of others, that of the same term is the same. */
function groupKey(name: unknown): GroupKey {
  if (typeof name === 'object' && name !== null) return `term:${keyText(name)}`
  return typeof name === 'string' ? `text:${name}` : (name as GroupKey)
}

/** Warnings and crash reports as JSON lines on standard error. Loaded only when no logger was given: it takes its time. */
async function defaultLogger(): Promise<Logger> {
  const { pino } = await import('pino')
  return pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true })) as Logger
}
