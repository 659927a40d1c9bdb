/**
 * Membership while a node runs: nodes join and leave, the cluster file changes, and those that belong are dialled for ever.
 *
 * Who belongs is counted by `members.ts`, connections are the work of `peers.ts`; this moves the news from the one to the other.
 * Parting is mutual: who forgets a node, or leaves, says so to the other side, which forgets it in turn; otherwise that would
 * dial again at once. The word goes to a process that only reign nodes have; Erlang's nodes redial nobody by themselves.
 */
import type { Clock } from '../clock.js'
import { filesRefused, membersChanged } from '../events.js'
import type { LocalNode } from '../node/local-node.js'
import { publish } from '../process/guard.js'
import { type Service, speaksFor } from '../process/service.js'
import { Address } from '../term/address.js'
import { named } from '../term/named.js'
import { isTuple, tuple } from '../term/tuple.js'
import type { Discovery } from './discovery.js'
import { DiscoveryRun } from './discovery-run.js'
import type { Endpoint } from './endpoint.js'
import { FileWatch } from './file-watch.js'
import { Members, type MembersChange, type Named } from './members.js'
import type { Peers } from './peers.js'
import { Rereader } from './rereader.js'
import type { MembersSpec } from './spec.js'

/** What came of reading the cluster file anew, by the names of nodes. */
export interface Reloaded {
  /** They belong from now on, and are dialled. */
  readonly added: readonly string[]
  /** They belong no more: they were disconnected, and are forgotten. */
  readonly removed: readonly string[]
  /** Their address is another: for the next time that they are dialled. */
  readonly moved: readonly string[]
}

/** What {@link Membership} needs. */
export interface MembershipParts {
  readonly node: LocalNode
  readonly peers: Peers
  /** What the specification said at the start. */
  readonly spec: MembersSpec
  /** Reads it anew. @throws a coded error that says all that is wrong. */
  readonly read: () => Promise<MembersSpec>
  /** Whether those that belong are dialled by themselves; otherwise only those that the program has asked for. */
  readonly dialMembers: boolean
  /** Where else members are found, in order of precedence for addresses. */
  readonly discoveries: readonly Discovery[]
}

const program = 'the program'
const file = 'the cluster file'
const discoveryName = (n: number) => `discovery ${n}`
/** The name of the process that nodes of reign tell each other about membership through. */
export const membersName = 'reign_members'
const leaving = Symbol.for('leaving')

/** See the head of this file. */
export class Membership {
  readonly #node: LocalNode
  readonly #peers: Peers
  readonly #parts: MembershipParts
  readonly #members: Members
  /** Where the program has said that nodes are, be they members or not. */
  readonly #told = new Map<string, Endpoint>()
  readonly #wanted = new Set<string>()
  readonly #watch: FileWatch
  readonly #discoveries: readonly DiscoveryRun[]
  readonly #service: Service
  #spec: MembersSpec
  readonly #rereader: Rereader<MembersSpec, Reloaded>

  constructor(parts: MembershipParts) {
    this.#node = parts.node
    this.#peers = parts.peers
    this.#parts = parts
    this.#spec = parts.spec
    const found = parts.discoveries.map((_, n) => discoveryName(n))
    this.#members = new Members(parts.node.name, program, file, ...found)
    this.#members.set(file, membersOf(parts.spec))
    this.#rereader = new Rereader({
      read: () => parts.read(),
      use: (spec) => this.#use(spec),
      complain: (told) => {
        const { name: node, logger } = parts.node
        logger.error(told, 'the cluster file has changed and cannot be used: the members stay as they were')
        if (filesRefused.hasSubscribers) {
          publish(filesRefused, { node, what: 'cluster file', code: told.code, error: told.error })
        }
      },
    })
    this.#watch = watchOf(parts, () => this.#rereader.noticed())
    this.#discoveries = parts.discoveries.map((discovery, n) => this.#follower(discovery, discoveryName(n)))
    this.#service = parts.node.service((message, _, from) => this.#handle(message, from), membersName)
  }

  /** Begins to dial those that belong, and to watch the cluster file. */
  start(): void {
    this.#dial(this.#members.names())
    if (this.#spec.file !== undefined) this.#watch.start()
    for (const run of this.#discoveries) run.start()
  }

  stop(): void {
    this.#rereader.stop()
    this.#watch.stop()
    for (const run of this.#discoveries) run.stop()
  }

  /** What the specification says by now. */
  get spec(): MembersSpec {
    return this.#spec
  }

  /** Those that belong, the node itself not among them. */
  get names(): readonly string[] {
    return this.#members.names()
  }

  /** Where to dial a node; `undefined` when nobody has said so. */
  address(name: string): Endpoint | undefined {
    return this.#told.get(name) ?? this.#spec.nodes[name]?.address ?? this.#members.address(name)
  }

  /** The program says where a node is. */
  locate(name: string, address: Endpoint): void {
    if (name !== this.#node.name) this.#told.set(name, address)
  }

  /** A peer names those that it is connected with; when it is lost, nobody. */
  named(peer: string, nodes: Named): void {
    const source = `peer ${peer}`
    this.#follow(nodes.size === 0 ? this.#members.drop(source) : this.#members.set(source, nodes))
  }

  /** The program wants a node to belong. */
  join(name: string): void {
    if (name === this.#node.name) return
    this.#wanted.add(name)
    this.#members.add(program, name)
    this.#members.back(name)
    this.#dial([name])
  }

  /** Parts with a node: disconnects, and neither dials it nor knows where it is any more. `false` when it was nobody. */
  forget(name: string): boolean {
    const belonged = this.#part(name)
    return this.#disconnect(name) || belonged
  }

  /** Tells those that are connected that this node leaves; closing the connections is left to who calls. */
  leave(): void {
    for (const { peer } of this.#peers.connected()) this.#say(peer.name, tuple(leaving, this.#service.self))
  }

  /** A node has come up: should it have parted, it is back. */
  up(name: string): void {
    if (this.#members.back(name)) this.#dial([name])
  }

  /**
   * Reads the cluster file anew.
   *
   * @throws `ERR_REIGN_CLUSTER_SPEC`, with all that is wrong: everything stays as it was. `ERR_REIGN_NODE_STOPPED`.
   */
  reload(): Promise<Reloaded> {
    return this.#rereader.reload()
  }

  #use(spec: MembersSpec): Reloaded {
    const change = changeOf(this.#spec, spec, this.#node.name)
    this.#spec = spec
    for (const warning of spec.warnings) this.#node.logger.warn({}, warning)
    this.#follow(this.#members.set(file, membersOf(spec)))
    // A file is changed by people, who mean what they do: unlike what some discovery finds no more, they are to be gone.
    for (const name of change.removed) if (!this.#members.belongs(name)) this.forget(name)
    if (change.added.length + change.removed.length + change.moved.length > 0) {
      this.#node.logger.info({ ...change }, 'the members of the cluster have changed')
      if (membersChanged.hasSubscribers) publish(membersChanged, { node: this.#node.name, ...change })
    }
    return change
  }

  // --- what other nodes say -----------------------------------------------------------------------------------------

  #handle(message: unknown, from: Address<never> | undefined): void {
    if (!isTuple(message)) return
    const [what, peer] = message
    if (what !== leaving || !(peer instanceof Address) || peer.node === this.#node.name) return
    if (speaksFor(from, peer)) this.#left(peer.node)
  }

  /** It closes the connection itself, when all that it had to say is said. */
  #left(name: string): void {
    this.#node.logger.info({ peer: name }, 'a node has left')
    this.#part(name)
  }

  #say(name: string, message: unknown): void {
    this.#node.send(named(membersName, name), message)
  }

  #follower(discovery: Discovery, source: string): DiscoveryRun {
    const { name: node, clock, entropy, logger } = this.#node
    // What is found no more is not dialled any more, but not cut off either: it may only be missing in an answer.
    const found = (named: Named) => this.#follow(this.#members.set(source, named))
    return new DiscoveryRun({ node, discovery, found, clock, entropy, logger })
  }

  // --- dialling and not dialling ------------------------------------------------------------------------------------

  #follow({ added, removed }: MembersChange): void {
    this.#dial(added)
    this.#peers.release(removed)
  }

  #dial(names: readonly string[]): void {
    const { dialMembers } = this.#parts
    this.#peers.keep(dialMembers ? names : names.filter((name) => this.#wanted.has(name)))
  }

  /** Does not dial it any more; a connection that stands stays. */
  #part(name: string): boolean {
    this.#told.delete(name)
    this.#wanted.delete(name)
    const { removed } = this.#members.remove(program, name)
    const belonged = this.#members.part(name) || removed.length > 0
    this.#peers.release([name])
    return belonged
  }

  #disconnect(name: string): boolean {
    if (this.#peers.isConnected(name)) this.#say(name, tuple(leaving, this.#service.self))
    return this.#peers.disconnect(name)
  }
}

function membersOf({ nodes }: MembersSpec): ReadonlyMap<string, Endpoint | undefined> {
  const members = Object.values(nodes).filter(({ member }) => member)
  return new Map(members.map(({ name, address }) => [name, address]))
}

function changeOf(old: MembersSpec, spec: MembersSpec, self: string): Reloaded {
  const before = membersOf(old)
  const now = membersOf(spec)
  const others = (names: Iterable<string>) => [...names].filter((name) => name !== self)
  return {
    added: others(now.keys()).filter((name) => !before.has(name)),
    removed: others(before.keys()).filter((name) => !now.has(name)),
    moved: others(now.keys()).filter((name) => before.has(name) && !sameEndpoint(before.get(name), now.get(name))),
  }
}

function sameEndpoint(one: Endpoint | undefined, other: Endpoint | undefined): boolean {
  return one?.host === other?.host && one?.port === other?.port
}

function watchOf({ node, spec }: { node: { clock: Clock }; spec: MembersSpec }, noticed: () => Promise<boolean>) {
  return new FileWatch(node.clock, () => (spec.file === undefined ? [] : [spec.file]), noticed)
}
