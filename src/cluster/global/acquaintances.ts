/**
 * How two visible nodes get to know each other, so that they share names: four steps, each in its own time.
 *
 * `init_connect` (here I am); the locks of the lockers; `exchange` (these are my names); `resolved` (this is what becomes of yours, and these are the
 * nodes that I know). Then both tell their parts of the cluster of each other (`new_nodes`), and everybody connects with everybody
 * (`in_sync`). An attempt is told from earlier and later ones by two tags, one of each side; what does not fit starts it anew. Source:
 * OTP's global.erl, version 8 of its protocol, whose comments tell the reasons.
 */
import type { Clock, ClockTimer } from '../../clock.js'
import { Address } from '../../term/address.js'
import { isTuple, type Tuple, tuple } from '../../term/tuple.js'
import { compareNames } from './conflicts.js'
import type { LockTable } from './lock-table.js'
import type { LockerMessage } from './locker.js'
import type { NameTable } from './name-table.js'
import {
  type GlobalName,
  type LockId,
  lockTerm,
  type NameOp,
  type NodeVersions,
  nameTerm,
  oldestVersion,
  opTerm,
  ownVersion,
  partitionsVersion,
  readList,
  readLock,
  readName,
  readOps,
  readVersions,
  verifyVersion,
  versionsTerm,
  word,
} from './terms.js'

/** So long, in milliseconds, the news may take that somebody is known who says so: all that is sent meanwhile is on its way already. */
const claimMs = 5_000

/** What {@link Acquaintances} need of the server. */
export interface AcquaintancesServer {
  /** The name of this node. */
  readonly self: string
  readonly clock: Clock
  readonly locks: LockTable
  readonly names: NameTable
  readonly locker: Address<LockerMessage>
  /** Sends to the server of another node, connecting if need be. */
  cast(node: string, message: readonly unknown[]): void
  /** Sends to it if it is connected. */
  tell(node: string, message: readonly unknown[]): void
  /** Connects with a node that others know of. */
  meet(node: string): void
  /** Parts with a node, and connects with it again. */
  meetAnew(node: string): void
  /** Who keeps a name that is somebody's on both sides. */
  settle(own: GlobalName, their: GlobalName): Promise<unknown>
}

/** One attempt at getting to know a node. */
interface Attempt {
  readonly myTag: number
  hisTag: unknown
  /** Their names have come. */
  names: readonly GlobalName[] | undefined
  /** The lock that both sides hold. */
  lock: LockId | undefined
  /** What becomes of our names, once both have compared. */
  ops: readonly NameOp[] | undefined
  /** What they have said of that, and which nodes they know. */
  resolved: { readonly ops: readonly NameOp[]; readonly known: NodeVersions } | undefined
  over: boolean
}

/** See the head of this file. */
export class Acquaintances {
  readonly #server: AcquaintancesServer
  /** The nodes that this one shares its names with, by the version that they speak. */
  readonly #known = new Map<string, number>()
  /** Those that have greeted, and are not known yet. */
  readonly #pending = new Map<string, number>()
  readonly #attempts = new Map<string, Attempt>()
  /** Greetings of nodes with which there is no attempt, as they are known, or not there yet. */
  readonly #early = new Map<string, Tuple>()
  readonly #synced = new Set<string>()
  /** Those that say that they know us, and whom we do not know: until when news of them are waited for. */
  readonly #claims = new Map<string, ClockTimer>()
  #tags = 0

  constructor(server: AcquaintancesServer) {
    this.#server = server
  }

  get known(): string[] {
    return [...this.#known.keys()]
  }

  /** Those that have the same names, as far as they have said so. */
  get synced(): string[] {
    return [...this.#synced]
  }

  /** Those that are known, or about to be, each with its version. */
  around(): [node: string, version: number][] {
    return [...this.#known, ...this.#pending]
  }

  isAround(node: string): boolean {
    return this.#known.has(node) || this.#pending.has(node)
  }

  /** A visible node has come up, or is to be greeted anew. */
  up(node: string): void {
    if (this.#known.has(node) || this.#attempts.has(node)) return
    const myTag = ++this.#tags
    const attempt: Attempt = {
      myTag,
      hisTag: undefined,
      names: undefined,
      lock: undefined,
      ops: undefined,
      resolved: undefined,
      over: false,
    }
    this.#attempts.set(node, attempt)
    const greeting = tuple(word.locker, word.no_longer_a_pid, new Map(), this.#server.locker)
    this.#server.cast(node, tuple(word.init_connect, tuple(ownVersion, myTag), Symbol.for(this.#server.self), greeting))
    const early = this.#early.get(node)
    this.#early.delete(node)
    if (early !== undefined) this.greeted(node, early)
  }

  /** The node stops: nobody is waited for any more. */
  stop(): void {
    for (const node of [...this.#claims.keys()]) this.#dropClaim(node)
  }

  /** A node is lost, or parted with. */
  forget(node: string): void {
    this.#dropClaim(node)
    this.#cancel(node)
    this.#server.locker.send({ type: 'unknown', node })
    this.#reset(node)
    this.#pending.delete(node)
    this.#known.delete(node)
    this.#synced.delete(node)
    // The connection may still stand for a while. Until it does not, others must not get names of that node from this one.
    this.#server.locks.dropNode(node)
    this.#server.names.dropNode(node)
  }

  /** `{init_connect, {Vsn, Tag}, Node, {locker, _, _, Locker}}`: a node has come up, from its side. */
  greeted(node: string, message: Tuple): void {
    const [, versioned, , greeting] = message
    if (!isTuple(versioned) || !isTuple(greeting) || !(greeting[3] instanceof Address)) return
    const version = Math.min(Number(versioned[0]), ownVersion)
    if (!(version >= oldestVersion)) return
    const hisTag = versioned[1]
    if (this.#pending.has(node)) {
      // It begins anew while an attempt is under way: so do we. The new one is given up too, and each greets again.
      this.#cancelConnect(node, hisTag)
      this.#restart(node)
    }
    const attempt = this.#attempts.get(node)
    if (attempt === undefined) return void this.#early.set(node, message)
    attempt.hisTag = hisTag
    const { myTag } = attempt
    this.#server.locker.send({ type: 'candidate', node, locker: greeting[3], version, myTag, hisTag })
    if (version >= verifyVersion) {
      this.#server.tell(node, tuple(word.init_connect_ack, Symbol.for(this.#server.self), hisTag, myTag))
    }
    this.#pending.set(node, version)
  }

  /** `{init_connect_ack, Node, MyTag, HisTag}`: which attempt the other side has under way. */
  acknowledged(node: string, mine: unknown, his: unknown): void {
    const attempt = this.#attempts.get(node)
    if (attempt !== undefined && attempt.myTag === mine && attempt.hisTag === his) return
    this.#cancelConnect(node, his)
    this.#restart(node)
  }

  /** `{cancel_connect, Node, MyTag}`: the other side has given an attempt up. */
  cancelled(node: string, tag: unknown): void {
    if (this.#attempts.get(node)?.myTag !== tag) return
    this.#pending.delete(node)
    this.#restart(node)
  }

  #restart(node: string): void {
    const isUp = this.#attempts.has(node)
    this.#cancel(node)
    this.#reset(node)
    this.#pending.delete(node)
    if (isUp) this.up(node)
  }

  /** Ends the attempt at a node, if there is one; its locks are given back after the casts. */
  #cancel(node: string, casts: Extract<LockerMessage, { type: 'cancel' }>['casts'] = []): void {
    const attempt = this.#attempts.get(node)
    this.#server.locker.send({ type: 'cancel', node, tag: attempt?.myTag, casts })
    if (attempt === undefined) return
    attempt.over = true
    if ((this.#pending.get(node) ?? 0) >= verifyVersion) this.#cancelConnect(node, attempt.hisTag)
  }

  #cancelConnect(node: string, hisTag: unknown): void {
    this.#server.tell(node, tuple(word.cancel_connect, Symbol.for(this.#server.self), hisTag))
  }

  #reset(node: string): void {
    this.#attempts.delete(node)
    this.#early.delete(node)
  }

  /** Both lockers hold their locks: nobody changes names now. */
  lockIsSet(node: string, tag: number, lock: LockId): void {
    const attempt = this.#attemptOf(node, tag)
    if (attempt === undefined) {
      this.#server.locker.send({ type: 'cancel', node, tag, casts: [] })
      return
    }
    const names = this.#server.names.all().map(nameTerm)
    this.#server.cast(node, tuple(word.exchange, Symbol.for(this.#server.self), names, [], attempt.hisTag))
    attempt.lock = lock
    this.#compare(node, attempt)
  }

  /** `{exchange, Node, Names, _, MyTag}`: the names of the other part. */
  exchanged(node: string, names: unknown, tag: unknown): void {
    const attempt = this.#attemptOf(node, tag)
    if (attempt === undefined) return
    attempt.names = readList(names, readName)
    this.#compare(node, attempt)
  }

  /** Compares names, when there are those of both sides; what is to become of theirs is told to them. */
  #compare(node: string, attempt: Attempt): void {
    const { names, lock } = attempt
    if (names === undefined || lock === undefined) return
    const parts = { self: this.#server.self, peer: node, own: (name: unknown) => this.#server.names.get(name) }
    const ask = (own: GlobalName, their: GlobalName) => this.#server.settle(own, their)
    void compareNames(parts, names, ask).then(({ here, there }) => {
      if (attempt.over) return
      const version = this.#pending.get(node) ?? this.#known.get(node) ?? 0
      const known = [...this.#known]
      const knownTerm = version < partitionsVersion ? known.map(([each]) => Symbol.for(each)) : versionsTerm(known)
      const self = Symbol.for(this.#server.self)
      this.#server.cast(node, tuple(word.resolved, self, there.map(opTerm), knownTerm, word.unused, [], attempt.hisTag))
      attempt.ops = here
      this.#conclude(node, attempt)
    })
  }

  /** `{resolved, Node, Ops, Known, _, _, MyTag}`: what becomes of our names there, and whom they know. */
  resolved(node: string, ops: unknown, known: unknown, tag: unknown): void {
    const attempt = this.#attemptOf(node, tag)
    if (attempt === undefined) return
    attempt.resolved = { ops: readOps(ops), known: readVersions(known) }
    this.#conclude(node, attempt)
  }

  /** Takes the names over, and tells our part of theirs. */
  #conclude(node: string, { ops: ours, resolved, lock }: Attempt): void {
    if (ours === undefined || resolved === undefined || lock === undefined) return
    const ops = [...ours, ...resolved.ops]
    const before = [...this.#known]
    const nodes: NodeVersions = [[node, this.#pending.get(node) ?? 0], ...resolved.known]
    const theirs = resolved.known.map(([each]) => each)
    for (const each of theirs) this.#server.meet(each)
    this.#server.names.apply(ops)
    // What is under way with those is no more needed: they come with this one.
    for (const each of theirs) this.#settleAttempt(each)
    const version = this.#pending.get(node) ?? 0
    const extra = [tuple(word.vsn, version), tuple(word.lock, lockTerm(lock))]
    const news = (known: readonly unknown[]) =>
      tuple(word.new_nodes, Symbol.for(this.#server.self), ops.map(opTerm), [], known, extra)
    const casts = before.map(([each, its]) => {
      const known = its < partitionsVersion ? nodes.map(([name]) => Symbol.for(name)) : versionsTerm(nodes)
      return [each, news(known)] as const
    })
    this.#settleAttempt(node, casts)
    this.#learn(nodes)
    this.#synced.add(node)
  }

  /** An attempt has come to a good end: so nothing is cancelled on the other side. */
  #settleAttempt(node: string, casts: Extract<LockerMessage, { type: 'cancel' }>['casts'] = []): void {
    this.#pending.delete(node)
    this.#cancel(node, casts)
    this.#reset(node)
  }

  /** `{new_nodes, Node, Ops, _, Nodes, Extra}`: another node of our part has got to know these. */
  newNodes(ops: unknown, nodes: unknown, extra: unknown): void {
    const lock = readList(extra, (each) => (isTuple(each) && each[0] === word.lock ? readLock(each[1]) : undefined))[0]
    // If their lock has ended, we are no more of their part. To know whom they know, without the names, would part us from nobody and
    // tell us nothing: we meet them by ourselves.
    if (!this.#server.locks.covers(lock?.requester)) return
    const added = this.#learn(readVersions(nodes))
    for (const each of added) this.#server.meet(each)
    this.#server.names.apply(readOps(ops))
  }

  /** Adds nodes to those that are known; gives those that were not. */
  #learn(nodes: NodeVersions): string[] {
    const added: string[] = []
    for (const [node, version] of nodes) {
      if (node === this.#server.self) continue
      if (!this.#known.has(node)) added.push(node)
      this.#dropClaim(node)
      if ((this.#known.get(node) ?? 0) === 0) this.#known.set(node, version)
    }
    if (added.length > 0) this.#server.locker.send({ type: 'known', nodes: added })
    return added
  }

  /**
   * `{in_sync, Node, _}`: a node of the other part has taken our names over. It may say so before our own part tells us of it. If that does
   * not follow, partings and restarts have overtaken each other: it knows us, and we not it. Then both are to meet anew.
   */
  inStep(node: string): void {
    this.#synced.add(node)
    this.#settleAttempt(node)
    if (this.#known.has(node) || this.#claims.has(node)) return
    const { clock } = this.#server
    const timer = clock.setTimer(() => {
      this.#claims.delete(node)
      this.#server.meetAnew(node)
    }, claimMs)
    clock.holdProgram(timer, false)
    this.#claims.set(node, timer)
  }

  #dropClaim(node: string): void {
    const timer = this.#claims.get(node)
    if (timer !== undefined) this.#server.clock.clearTimer(timer)
    this.#claims.delete(node)
  }

  /** `{lock_set, Locker, IsSet, _, MyTag}`, for our locker; those of older versions, without a tag, are of the attempt that is under way. */
  lockSet(from: unknown, isSet: unknown, message: Tuple): void {
    if (!(from instanceof Address)) return
    const tag = this.#attempts.get(from.node)?.myTag
    if (tag === undefined || (message.length > 4 && message[4] !== tag)) return
    this.#server.locker.send({ type: 'set', from, isSet: isSet === true, tag })
  }

  /** The attempt with that tag; what is of another is over on the other side too, or soon will be. */
  #attemptOf(node: string, tag: unknown): Attempt | undefined {
    const attempt = this.#attempts.get(node)
    return attempt?.myTag === tag ? attempt : undefined
  }
}
