/**
 * OTP's `global`, as a visible node takes part in it: the process `global_name_server`, which every visible node of Erlang expects of another.
 *
 * It keeps locks and names for others, gets to know other nodes (`acquaintances.ts`), and parts with those that others have lost (`islands.ts`).
 * Nodes that do not answer it make `global:sync`, `global:trans` and what is built on them wait.
 */
import { LogPace } from '../../log-pace.js'
import type { LocalNode } from '../../node/local-node.js'
import { callIn, reply } from '../../process/call.js'
import type { Process } from '../../process/process.js'
import type { Service } from '../../process/service.js'
import { Address } from '../../term/address.js'
import { named } from '../../term/named.js'
import type { Ref } from '../../term/ref.js'
import { isTuple, type Tuple, tuple } from '../../term/tuple.js'
import { Acquaintances } from './acquaintances.js'
import { type Hands, settle } from './conflicts.js'
import { Islands } from './islands.js'
import { LockTable } from './lock-table.js'
import { type LockerMessage, runLocker } from './locker.js'
import { NameTable } from './name-table.js'
import { type GlobalName, nodeOf, ownVersion, readLock, serverName, word } from './terms.js'

/** What the server needs of the cluster. */
export interface GlobalCluster {
  isConnected(node: string): boolean
  connect(node: string): Promise<boolean>
  disconnect(node: string): void
  /** Does not dial the node by itself for a while, so that islands can settle. */
  rest(node: string): void
  /** Runs a function on another node. */
  run(node: string, module: string, name: string, args: readonly unknown[]): Promise<unknown>
}

/** See the head of this file. */
export class GlobalServer {
  readonly locks: LockTable
  readonly names: NameTable
  readonly #node: LocalNode
  readonly #cluster: GlobalCluster
  readonly #service: Service
  readonly #locker: Address<LockerMessage>
  readonly #acquaintances: Acquaintances
  readonly #islands: Islands
  readonly #hands: Hands
  /** Those that are to be connected with again as soon as their connection is closed. */
  readonly #anew = new Set<string>()
  readonly #faults: LogPace
  readonly #strangers: LogPace
  #stopped = false

  constructor(node: LocalNode, cluster: GlobalCluster) {
    this.#faults = new LogPace(node.clock)
    this.#strangers = new LogPace(node.clock)
    this.#node = node
    this.#cluster = cluster
    this.#service = node.service((message) => this.#guarded(message), serverName)
    const monitors = {
      makeRef: () => node.addressBook.makeRef(),
      start: (address: Address<never>, ref: Ref) => void this.#service.startMonitor(address, {}, ref),
      stop: (ref: Ref) => void this.#service.stopMonitor(ref),
    }
    this.locks = new LockTable(monitors)
    this.names = new NameTable(monitors)
    this.#hands = {
      kill: (pid) => node.exit(pid, Symbol.for('kill')),
      send: (pid, message) => void (pid as Address<unknown>).send(message),
    }
    this.#locker = this.#startLocker()
    this.#acquaintances = this.#makeAcquaintances()
    this.#islands = this.#makeIslands()
    // Who finds a conflict asks the node of the process that has the name.
    node.expose('global', {
      resolve_it: (method: unknown, name: unknown, one: Address<never>, other: Address<never>) =>
        settle(method, name, one, other, this.#hands) ?? tuple(Symbol.for('EXIT'), Symbol.for('undef')),
    } as never)
  }

  /** The nodes that share their names with this one. */
  get known(): string[] {
    return this.#acquaintances.known
  }

  /** A visible node has come up. */
  up(node: string): void {
    this.#acquaintances.up(node)
  }

  /** A visible node is lost. */
  down(node: string): void {
    if (this.#stopped) return
    this.#islands.lost(node)
    if (this.#anew.delete(node)) void this.#cluster.connect(node)
  }

  /** The node stops: that its connections end is no news to anybody. */
  stop(): void {
    this.#stopped = true
    this.#acquaintances.stop()
  }

  // --- the parts ----------------------------------------------------------------------------------------------------

  #startLocker(): Address<LockerMessage> {
    const { entropy } = this.#node
    return this.#node.spawn((self: Process<LockerMessage>) =>
      runLocker(self, {
        locks: this.locks,
        random: (below) => entropy.uint32() % Math.max(1, below),
        cast: (to, message) => this.#cast(to, message),
        lockIsSet: (node, tag, id) => this.#acquaintances.lockIsSet(node, tag, id),
      }),
    )
  }

  #makeAcquaintances(): Acquaintances {
    return new Acquaintances({
      self: this.#node.name,
      clock: this.#node.clock,
      locks: this.locks,
      names: this.names,
      locker: this.#locker,
      cast: (node, message) => this.#cast(node, message),
      tell: (node, message) => this.#tell(node, message),
      meet: (node) => void this.#meet(node),
      meetAnew: (node) => {
        this.#anew.add(node)
        this.#islands.release(node)
      },
      settle: (own, their) => this.#settle(own, their),
    })
  }

  #makeIslands(): Islands {
    const { addressBook, clock, entropy, logger, name } = this.#node
    const run = (BigInt(entropy.uint32() >>> 4) << 32n) + BigInt(addressBook.self.creation)
    const islands = {
      self: name,
      clock,
      around: () => this.#acquaintances.around(),
      isAround: (node: string) => this.#acquaintances.isAround(node),
      forget: (node: string) => this.#acquaintances.forget(node),
      tell: (node: string, message: readonly unknown[]) => this.#tell(node, message),
      disconnect: (node: string) => this.#cluster.disconnect(node),
      parting: (node: string) => {
        this.#cluster.rest(node)
        logger.warn({ peer: node }, 'parted with a node, so that partitions do not overlap')
      },
    }
    return new Islands(islands, run)
  }

  /** Connects with a node that others know of, and says that we are in step. */
  async #meet(node: string): Promise<void> {
    if (node === this.#node.name) return
    const isUp = await this.#cluster.connect(node)
    if (this.#stopped) return
    if (isUp) return this.#cast(node, tuple(word.in_sync, Symbol.for(this.#node.name), true))
    this.#strangers.tell((untold) =>
      this.#node.logger.warn({ peer: node, ...untold }, 'cannot connect with a node that others are connected with'),
    )
    this.#islands.lost(node)
  }

  /** Lets the method of a name decide, where the process is that has it: here, or on another node of this part. */
  async #settle(own: GlobalName, their: GlobalName): Promise<unknown> {
    const { node } = own.pid
    if (node === this.#node.name) return settle(own.method, own.name, their.pid, own.pid, this.#hands)
    return this.#cluster.run(node, 'global', 'resolve_it', [own.method, own.name, their.pid, own.pid])
  }

  // --- messages -----------------------------------------------------------------------------------------------------

  /** Whatever comes, this process goes on: without it the locks and names of all visible nodes would hang. */
  #guarded(message: unknown): void {
    try {
      this.#handle(message)
    } catch (error) {
      this.#faults.tell((untold) =>
        this.#node.logger.error({ err: error, ...untold }, 'a message of global could not be handled'),
      )
    }
  }

  #handle(message: unknown): void {
    if (isDown(message)) {
      if (!this.locks.ended(message.ref)) this.names.ended(message.ref)
      return
    }
    const called = callIn(message)
    if (called !== undefined) {
      const answer = this.#answer(called.request, called.from[0])
      if (answer !== undefined) reply(this.#service, called.from, answer)
    } else if (isTuple(message)) {
      if (message[0] !== word.$gen_cast) this.#told(message)
      else if (isTuple(message[1])) this.#castIn(message[1])
    }
  }

  /** The answer to a call; `undefined` for one that no other node makes. */
  #answer(request: unknown, caller: Address<never>): unknown {
    if (request === word.get_known) return this.known.map((node) => Symbol.for(node))
    if (request === word.get_synced) return this.#acquaintances.synced.map((node) => Symbol.for(node))
    if (request === word.get_protocol_version) return ownVersion
    if (request === word.get_names_ext) return []
    if (!isTuple(request)) return undefined
    const [what, first, pid, method] = request
    const lock = readLock(first)
    if (what === word.set_lock && lock !== undefined) return this.locks.set(lock, caller)
    if (what === word.del_lock && lock !== undefined) {
      this.locks.release(lock, caller)
      return true
    }
    if ((what === word.register || what === word.register_ext) && pid instanceof Address) {
      // Whoever registers has locked this node. If not, we were out of reach meanwhile, and the name may be somebody else's here.
      if (this.locks.holdsNames(caller)) this.names.insert({ name: first, pid, method })
      return word.yes
    }
    if (what !== word.unregister) return undefined
    if (this.locks.holdsNames(caller)) this.names.delete(first)
    return word.ok
  }

  #castIn(message: Tuple): void {
    const [what, second, third, fourth, fifth, sixth, seventh] = message
    if (what === word.lock_set) return this.#acquaintances.lockSet(second, third, message)
    const node = this.#other(what === word.init_connect ? third : second)
    if (node === undefined) return
    if (what === word.init_connect) this.#acquaintances.greeted(node, message)
    else if (what === word.exchange) this.#acquaintances.exchanged(node, third, fifth)
    else if (what === word.resolved) this.#acquaintances.resolved(node, third, fourth, seventh)
    else if (what === word.new_nodes) this.#acquaintances.newNodes(third, fifth, sixth)
    else if (what === word.in_sync) this.#acquaintances.inStep(node)
  }

  #told(message: Tuple): void {
    const [what, second, third, fourth] = message
    if (what === word.lost_connection) return this.#islands.lostElsewhere(message)
    const node = this.#other(second)
    if (node === undefined) return
    if (what === word.init_connect_ack) this.#acquaintances.acknowledged(node, third, fourth)
    else if (what === word.cancel_connect) this.#acquaintances.cancelled(node, third)
    else if (what === word.remove_connection) this.#islands.removed(node)
  }

  /** Another node. */
  #other(term: unknown): string | undefined {
    const node = nodeOf(term)
    return node === this.#node.name ? undefined : node
  }

  #cast(node: string, message: readonly unknown[]): void {
    this.#node.send(named(serverName, node), tuple(word.$gen_cast, message))
  }

  /** What is for a connection that stands, and for no other. */
  #tell(node: string, message: readonly unknown[]): void {
    if (this.#cluster.isConnected(node)) this.#node.send(named(serverName, node), message)
  }
}

function isDown(message: unknown): message is { readonly ref: Ref } {
  return typeof message === 'object' && message !== null && (message as { type?: unknown }).type === 'DOWN'
}
