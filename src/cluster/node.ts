/** Nodes as programs use them: a local node, and what being in a cluster adds. */
import {
  checkFunction,
  checkMethods,
  checkNumber,
  checkObject,
  checkOneOf,
  checkOptions,
  checkPart,
  checkText,
  refused,
} from '../arguments.js'
import { type Entropy, systemEntropy } from '../entropy.js'
import { ReignError } from '../errors.js'
import { nodeStarted, nodeStopped } from '../events.js'
import { defaultLimits, type Limits } from '../limits.js'
import { type Memory, systemMemory } from '../memory.js'
import type { Transport } from '../net/transport.js'
import { LocalNode, type NodeSetup, nowhereName } from '../node/local-node.js'
import { checkLocalOptions, type LocalOptions } from '../node/local-options.js'
import { checkInbox } from '../process/checks.js'
import type { Entity } from '../process/entity.js'
import { publish } from '../process/guard.js'
import { checkBounds } from '../process/waiter.js'
import { steadyLogger } from '../steady-logger.js'
import { named } from '../term/named.js'
import { parseNodeName } from '../term/node-name.js'
import { Cluster, type ClusterParts } from './cluster.js'
import { defaultLogger } from './default-logger.js'
import { checkDiscoveries, type Discovery } from './discovery.js'
import { endpointArgument } from './endpoint.js'
import { erlangModule } from './erlang-module.js'
import { serveErpc } from './erpc.js'
import { Global } from './global.js'
import { Groups } from './groups.js'
import { type CodecChoice, checkCodecs } from './link-codecs.js'
import type { Reloaded } from './membership.js'
import { Names, nameNodes } from './names.js'
import { pingAnswer, pingRequest, startNetKernel } from './net-kernel.js'
import { checkKinds, type NodeKind } from './node-kind.js'
import { startRex } from './rex.js'
import { type ResolveOptions, resolveMembers, resolveSpec, resolveTls } from './spec.js'
import type { ClusterSpecInput } from './spec-schema.js'
import { strictCopy } from './strict.js'

/** What a node in a cluster can be told. */
export interface StartOptions extends LocalOptions {
  /** The cluster specification: a folder that `reign init` made, a file, JSON text, or the object itself. */
  cluster: string | ClusterSpecInput
  /** Bounds, where they are to differ from the defaults. */
  limits?: Partial<Limits> | undefined
  /**
   * Whether Erlang's cluster services see this node (`nodes()`, `global`), and it takes part in them: it shares `global`'s names and locks, dials the
   * nodes that others are connected with, and parts with those that others have lost. Off by default: see `docs/membership.md`.
   */
  visible?: boolean | undefined
  /** Whether to listen for other nodes; a node that does not can only dial. On by default, except for visitors. */
  listen?: boolean | undefined
  /**
   * Whether to dial the members of the cluster, now and whenever they are not there. On by default; otherwise a node is dialled
   * when something is sent to it.
   */
  dialMembers?: boolean | undefined
  /** Where members are found, beside the cluster file: see `discoverDns`, `discoverSrv`, `discoverEpmd` and `discoverBy`. */
  discovery?: Discovery | readonly Discovery[] | undefined
  /**
   * Whether to connect with all nodes that peers are connected with, and to tell them of one's own: a full mesh of nodes of reign. Off by
   * default, or as the cluster file has it.
   */
  mesh?: boolean | undefined
  /** `text` (default): binaries that are valid UTF-8 arrive as strings. `bytes`: every binary arrives as a `Uint8Array`. */
  binaries?: 'text' | 'bytes' | undefined
  /** `number` (default): floats arrive as numbers. `exact`: integral ones arrive as `Float`, and so go back as floats. */
  floats?: 'number' | 'exact' | undefined
  /**
   * In what forms messages may go to other nodes of reign, best first; two nodes use the first of the one that listens that the other
   * has, too. `'js'`: all values of JavaScript arrive as what they were; `'etf'`: as from a node of Erlang; or a {@link Codec}. Default:
   * `['js', 'etf']`, which also stand behind any list without `'etf'`. Agreed on by TLS: without it all is `'etf'`, as with nodes of Erlang.
   */
  codecs?: readonly CodecChoice[] | undefined
  /** Where to look whether memory is short: the heap of this program; of a simulation, whose program is no node's alone, nothing. */
  memory?: Memory | undefined
  /** The network; a simulation passes its own. */
  transport?: Transport | undefined
}

/** What {@link Node.connect} can be told. */
export interface ConnectOptions {
  /** Where the node listens, `host:port`: for this attempt and every later one, until the node is forgotten. */
  address?: string | undefined
  /**
   * The node belongs to the cluster from now on, as if it stood in the cluster file: it is dialled now and whenever it is not
   * there, until it leaves or is forgotten.
   */
  member?: boolean | undefined
}

/** How a node is stopped. */
export interface StopOptions {
  /** Milliseconds that supervisors may take to stop in order, and the others to read what was sent to them. Default: 10,000. */
  deadlineMs?: number | undefined
}

const stopMs = 10_000
/** How much of that time supervisors may take: the rest is for what was sent, so that a child that does not end costs no messages. */
const treesShare = 0.9
/** Longer timers fire at once. */
const timerMsMax = 2 ** 31 - 1

/** Pings wait so long for a node that does not answer, in milliseconds: as a call does. */
const pingMs = 7_000

/** A node: the home of processes and mailboxes. Several can live in one program; nothing is global. */
export class Node extends LocalNode {
  /** Names across the cluster; on a local node, across itself. */
  readonly names: Names
  /** Process groups across the cluster, Erlang's `pg`; on a local node, across itself. */
  readonly groups: Groups
  #cluster: Cluster | undefined
  #global: Global | undefined
  /** Whether those who observe were told that it runs, and not yet that it does no more. */
  #saidToRun = false

  /** @internal Nodes are made by {@link Node.local} and {@link Node.start}. */
  constructor(setup: NodeSetup) {
    super(setup)
    startNetKernel(this)
    this.groups = new Groups(this, {
      all: () => this.#cluster?.peers.connected().map((connection) => connection.peer.name) ?? [],
      has: (node) => this.#cluster?.peers.isConnected(node) ?? false,
    })
    this.names = new Names(this.groups.scope('reign'), this.name)
    serveErpc(this.runtime.exposed)
    startRex(this)
    this.expose('reign', { name_nodes: () => nameNodes(this.names) })
    this.expose(
      'erlang',
      erlangModule(this, (kinds) => this.#nodesOf(kinds)),
    )
  }

  /**
   * A node without a network: all that processes and mailboxes can do, with no configuration.
   *
   * Declare it with `await using`, or call `stop`.
   */
  static async local(options: LocalOptions = {}): Promise<Node> {
    checkLocalOptions(options)
    const logger = steadyLogger(options.logger ?? defaultLogger())
    // A creation of its own, unlike Erlang's: an address that was written down in an earlier run is to lead nowhere.
    const creation = freshCreation(options.entropy ?? systemEntropy)
    const node = new Node({
      ...options,
      logger,
      name: nowhereName,
      creation,
      copy: strictCopy(options.strict),
    })
    node.#started()
    return node
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
    const { cluster = null } = options ?? {}
    if (typeof cluster !== 'string' && (typeof cluster !== 'object' || cluster === null)) {
      throw new ReignError(
        'ERR_REIGN_ARGUMENT',
        'Node.start needs { cluster }: a folder, a file, JSON text or an object',
      )
    }
    checkText(name, 'the name of a node')
    checkLocalOptions(options)
    checkStartOptions(options)
    const discoveries = checkDiscoveries(options.discovery)
    const codecs = checkCodecs(options.codecs)
    const { clock } = options
    // Relative paths are relative to where we are now, also when they are read again.
    const where: ResolveOptions = { folder: process.cwd(), ...(clock !== undefined && { clock }) }
    const spec = await resolveSpec(options.cluster, name, where)
    const logger = steadyLogger(options.logger ?? defaultLogger())
    const entropy = options.entropy ?? systemEntropy
    const creation = freshCreation(entropy)
    const node = new Node({
      ...options,
      logger,
      name: spec.self.name,
      creation,
      copy: strictCopy(options.strict, codecs),
    })
    await node.#join({
      spec,
      limits: { ...defaultLimits, ...options.limits },
      visible: options.visible ?? false,
      listen: options.listen ?? spec.self.member,
      dialMembers: options.dialMembers ?? true,
      discoveries,
      mesh: options.mesh ?? spec.mesh,
      binaries: options.binaries ?? 'text',
      floats: options.floats ?? 'number',
      codecs,
      readTls: () => resolveTls(options.cluster, name, where),
      readMembers: () => resolveMembers(options.cluster, name, where),
      run: (other, module, fun, args) => node.erpc(other).call(module, fun, args),
      memory: options.memory ?? (clock === undefined ? systemMemory : undefined),
      transport: options.transport,
    })
    node.#started()
    return node
  }

  async #join(parts: ClusterParts): Promise<void> {
    const cluster = new Cluster(this, parts)
    this.#cluster = cluster
    if (cluster.global !== undefined) this.#global = new Global(this, cluster.global)
    cluster.events.onUp((node) => this.groups.nodeUp(node))
    try {
      await cluster.start()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  #started(): void {
    this.#saidToRun = true
    if (!nodeStarted.hasSubscribers) return
    publish(nodeStarted, { node: this.name, creation: this.addressBook.self.creation, endpoint: this.endpoint })
  }

  // --- other nodes --------------------------------------------------------------------------------------------------

  /**
   * The names of other nodes: those that this one is connected with, or those of a kind, or of any of several kinds. Erlang: `nodes/1`;
   * its `nodes/0` gives the visible ones only, of which nodes of reign are none unless they are told to be.
   *
   * @throws `ERR_REIGN_ARGUMENT` for what is no kind.
   */
  nodes(kinds: NodeKind | readonly NodeKind[] = 'connected'): string[] {
    return this.#nodesOf(checkKinds(kinds))
  }

  #nodesOf(kinds: ReadonlySet<NodeKind>): string[] {
    const found = new Set<string>()
    if (kinds.has('this') || kinds.has('known')) found.add(this.name)
    for (const [name, kind] of this.#cluster?.peers.kinds() ?? []) {
      if (kinds.has(kind) || kinds.has('connected') || kinds.has('known')) found.add(name)
    }
    if (kinds.has('known')) {
      for (const name of this.#cluster?.membership.names ?? []) found.add(name)
      for (const name of this.addressBook.nodes()) found.add(name)
    }
    return [...found]
  }

  /**
   * Connects with a node, if it is not connected; resolves with whether it is then. Erlang: `net_kernel:connect_node/1`.
   *
   * Any node can be connected with: its address is the one that is given, else that of the cluster file or of a discovery, else what the
   * port mapper of its host says. Whether it is who it says it is decided by its certificate, wherever the address is from.
   *
   * @throws `ERR_REIGN_ARGUMENT` for an address that is none; `ERR_REIGN_NODE_NAME` for a member that cannot be one.
   */
  async connect(node: string, options: ConnectOptions = {}): Promise<boolean> {
    checkText(node, 'the name of a node')
    checkOptions(options)
    const { address, member = false } = options
    checkPart(options, 'member', 'boolean')
    const endpoint = address === undefined ? undefined : endpointArgument(address)
    if (member) parseNodeName(node)
    if (this.#cluster === undefined) return node === this.name
    if (endpoint !== undefined) this.#cluster.membership.locate(node, endpoint)
    if (member) this.#cluster.membership.join(node)
    return this.#cluster.peers.connect(node)
  }

  /** Closes the connection with a node; a member of the cluster is dialled again. `false` when there was none. */
  disconnect(node: string): boolean {
    checkText(node, 'the name of a node')
    return this.#cluster?.peers.disconnect(node) ?? false
  }

  /**
   * Parts with a node for good: closes the connection, dials it no more by itself, and forgets the address that {@link connect} was
   * given. A node of reign that is connected is told, and forgets this one in turn.
   *
   * It belongs again when it comes by itself, when somebody here sends to it, or when {@link connect} says so. Who is to be kept out needs
   * a certificate that is revoked.
   *
   * @returns `false` when it neither belonged nor was connected.
   */
  forget(node: string): boolean {
    checkText(node, 'the name of a node')
    return this.#cluster?.membership.forget(node) ?? false
  }

  /**
   * Leaves the cluster for good, and stops: the nodes that are connected forget this one, and do not dial it again. Those that are
   * out of reach do not hear of it. Whoever is only away for a while just calls {@link stop}.
   */
  async leave(): Promise<void> {
    // First: who stops in order may have something to say to the others, and they are to hear it.
    await this.stopTrees(stopMs * treesShare)
    this.#cluster?.membership.leave()
    await this.stop()
  }

  /**
   * Reads the cluster file anew: members that are new there are dialled, members that are there no more are disconnected and forgotten,
   * an address that has changed is used the next time that its node is dialled; cookies are those that stand there now. All else
   * needs another start. The file is watched: this is for who does not want to wait some seconds, or wants to know what came of it.
   *
   * @returns What has changed, by names; nothing on a local node.
   * @throws `ERR_REIGN_CLUSTER_SPEC`, with all that is wrong (`issues`): then nothing changes. `ERR_REIGN_NODE_STOPPED`.
   */
  async reload(): Promise<Reloaded> {
    return (await this.#cluster?.membership.reload()) ?? { added: [], removed: [], moved: [] }
  }

  /** Whether a node is there and answers: Erlang's `net_adm:ping`. Connects if need be. */
  async ping(node: string, options: { timeout?: number } = {}): Promise<boolean> {
    checkText(node, 'the name of a node')
    checkBounds(options)
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
    checkFunction(callback, 'what is called back')
    return this.#cluster?.events.onUp(callback) ?? (() => {})
  }

  /**
   * Calls back when a node is lost, after its last message and after its loss was told to those with links and monitors there.
   * The reason is one of Erlang's words: `connection_closed`, `net_tick_timeout`, `disconnect`, …; or, where a certificate has ended
   * the connection, `certificate_expired`, `certificate_revoked` or `unknown_ca`.
   */
  onNodeDown(callback: (node: string, reason: string) => unknown): () => void {
    checkFunction(callback, 'what is called back')
    return this.#cluster?.events.onDown(callback) ?? (() => {})
  }

  /** Sends `NodeUp` and `NodeDown` messages to a mailbox or process, from now on or no longer. Erlang: `monitor_nodes/1`. */
  monitorNodes(inbox: Entity, wanted = true): void {
    checkInbox(inbox)
    checkPart({ wanted }, 'wanted', 'boolean')
    this.#cluster?.events.monitor(inbox, wanted)
  }

  /** Names of Erlang's `global`, which visible nodes share; `undefined` on a hidden node. */
  get global(): Global | undefined {
    return this.#global
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

  /**
   * Drains: takes no more connections; stops the supervision trees, the last that was started first, each in the order and with the
   * times of its supervisors; ends every other process (`shutdown`) and mailbox; closes the connections when what was sent has left;
   * and gives the name back. A further call with less time shortens the wait of the first.
   *
   * @param options.deadlineMs How long all of that may take, in milliseconds; 10,000 unless given. Trees that have not stopped when nine
   *   tenths of it are over end with everybody else, at once; what other nodes have not read at its end is lost, and their
   *   connections are cut. 0 waits for nobody, trees included.
   * @returns resolves when nothing of the node is left that would keep the program from ending; at the deadline, as a rule long before.
   * @throws `ERR_REIGN_ARGUMENT` for a deadline that is no time.
   */
  override async stop(options: StopOptions = {}): Promise<void> {
    checkOptions(options)
    const { deadlineMs = stopMs } = options
    checkNumber(deadlineMs, 'deadlineMs', 0, timerMsMax)
    const end = this.clock.now() + deadlineMs
    const closed = this.#cluster?.stopAccepting()
    const trees = this.stopTrees(deadlineMs * treesShare)
    if (trees !== undefined) await trees
    await super.stop()
    await closed
    await this.#cluster?.stop(Math.max(0, end - this.clock.now()))
    if (!this.#saidToRun) return
    this.#saidToRun = false
    if (nodeStopped.hasSubscribers) publish(nodeStopped, { node: this.name })
  }
}

/** @throws `ERR_REIGN_ARGUMENT` for what is wrong with what a node in a cluster is told, beside its specification. */
function checkStartOptions(options: StartOptions): void {
  const { limits = {}, binaries, floats } = options
  checkObject(limits, 'limits')
  for (const [name, value] of Object.entries(limits)) {
    if (!(name in defaultLimits)) throw refused(`a limit is one of ${Object.keys(defaultLimits).join(', ')}`, name)
    if (value !== undefined) checkNumber(value, `limits.${name}`, 0, Number.POSITIVE_INFINITY)
  }
  for (const name of ['visible', 'listen', 'dialMembers', 'mesh']) checkPart(options, name, 'boolean')
  checkOneOf(binaries, 'binaries', ['text', 'bytes'])
  checkOneOf(floats, 'floats', ['number', 'exact'])
  checkMethods(options, 'memory', ['heapUse'])
  checkMethods(options, 'transport', ['dial', 'listen'])
}

/** Numbers below are reserved for runs that were numbered by old port mappers. */
const creationMin = 4

function freshCreation(entropy: Entropy): number {
  for (;;) {
    const creation = entropy.uint32()
    if (creation >= creationMin) return creation
  }
}
