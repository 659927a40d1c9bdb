/**
 * Process groups across the cluster, spoken as OTP's `pg` speaks them, so that Erlang nodes take part.
 *
 * Each node has one scope process, registered under the name of the scope. A node that comes up is greeted with
 * `{discover, Me}`; it answers with a sync of its own members, and greets back if the greeter is new. From then on joins and
 * leaves are broadcast. Nothing is agreed upon: each node says who its members are, and is believed about these alone. A
 * node that is lost takes its members with it, and its sync brings them back when it returns. Source: OTP's pg.erl.
 *
 * Unlike OTP, where pg watches visible nodes only, the greeting goes to every node that comes up: hidden nodes, which we
 * are by default, take part when they greet first (protocol reference, "pg").
 */
import { isUtf8 } from 'node:buffer'
import { ReignError } from '../errors.js'
import type { LocalNode } from '../node/local-node.js'
import { callIn, reply } from '../process/call.js'
import type { Down } from '../process/notices.js'
import type { Service } from '../process/service.js'
import { Address } from '../term/address.js'
import { named } from '../term/named.js'
import type { Ref } from '../term/ref.js'
import { isTuple, tuple } from '../term/tuple.js'
import { type GroupKey, GroupView, type MembershipChange } from './group-view.js'

const discover = Symbol.for('discover')
const sync = Symbol.for('sync')
const join = Symbol.for('join')
const leave = Symbol.for('leave')
const genCast = Symbol.for('$gen_cast')
const ok = Symbol.for('ok')

/** See the head of this file. */
export class Groups {
  readonly scope: string
  readonly #node: LocalNode
  readonly #view: GroupView
  readonly #service: Service
  /** Monitors on the members of this node, so that their end takes them out. */
  readonly #watched = new Map<Address<never>, Ref>()
  /** Monitors on the scope processes of others. A `Down` is believed by its reference alone: anybody can write the rest. */
  readonly #met = new Map<Ref, Address<never>>()
  readonly #listeners = new Set<(change: MembershipChange) => unknown>()

  /** @param key Makes map keys of structured group names. */
  constructor(node: LocalNode, scope: string, key: (name: unknown) => GroupKey) {
    this.scope = scope
    this.#node = node
    this.#view = new GroupView(key)
    this.#service = node.service((message) => this.#guarded(() => this.#handle(message)), scope)
  }

  // --- members ----------------------------------------------------------------------------------------------------

  /**
   * Puts a process of this node into a group; twice, if it is in it already.
   *
   * @throws `ERR_REIGN_ARGUMENT` when it is not a live process of this node: each node speaks for its own.
   */
  join(group: unknown, member: Address<never>): void {
    if (!this.#node.isAlive(member)) {
      throw new ReignError('ERR_REIGN_ARGUMENT', `only a live process of this node can join a group, not ${member}`)
    }
    if (!this.#watched.has(member)) this.#watched.set(member, this.#service.startMonitor(member))
    this.#tell(this.#view.join(group, member))
    this.#broadcast(tuple(join, this.#service.self, group, member))
  }

  /** Takes it out again, once; `false` when it is not in. */
  leave(group: unknown, member: Address<never>): boolean {
    const change = this.#view.leave(group, member)
    if (change === undefined) return false
    this.#unwatch(member)
    this.#tell(change)
    this.#broadcast(tuple(leave, this.#service.self, member, [group]))
    return true
  }

  /** All members, those of this node first, each as often as it has joined. Known locally: no message, no wait. */
  members<M = unknown>(group: unknown): Address<M>[] {
    return this.#view.members(group) as Address<unknown>[] as Address<M>[]
  }

  /** The members on this node. */
  localMembers<M = unknown>(group: unknown): Address<M>[] {
    return this.#view.localMembers(group) as Address<unknown>[] as Address<M>[]
  }

  /** The names of all groups that have members. */
  groups(): unknown[] {
    return this.#view.names()
  }

  /**
   * Tells of every change of membership, here or elsewhere, in the order in which this node sees them. What a listener throws,
   * or rejects with, is logged.
   */
  onChange(listener: (change: MembershipChange) => unknown): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  // --- the protocol -----------------------------------------------------------------------------------------------

  /** A node has come up: greets its scope process, if it has one. */
  nodeUp(node: string): void {
    this.#node.send(named(this.scope, node), tuple(discover, this.#service.self))
  }

  #handle(message: unknown): void {
    if (isDown(message)) return this.#down(message)
    if (!isTuple(message)) return
    const called = callIn(message)
    // OTP's pg answers its calls by `ok`; what they ask of a scope (join, leave, monitor) is for local processes.
    if (called !== undefined) return reply(this.#service, called.from, ok)
    const [tag, first, second, third] = message
    if (tag === genCast) return this.#cast(first)
    if (!(first instanceof Address)) return
    if (tag === discover) return this.#greeted(first)
    if (tag === join) return this.#told(this.#view.remoteJoin(first, nameOf(second), membersOf(first, third)))
    if (tag === leave && Array.isArray(third)) {
      const left = this.#view.remoteLeave(first, membersOf(first, second), third.map(nameOf))
      for (const change of left) this.#told(change)
    }
  }

  #greeted(peer: Address<never>): void {
    if (peer.node === this.#node.name) return
    this.#send(peer, tuple(genCast, tuple(sync, this.#service.self, this.#ownGroups())))
    if (this.#view.isKnown(peer)) return
    this.#meet(peer)
    this.#send(peer, tuple(discover, this.#service.self))
  }

  #cast(message: unknown): void {
    if (!isTuple(message) || message[0] !== sync || !(message[1] instanceof Address)) return
    const [, peer, told] = message as unknown as [unknown, Address<never>, unknown]
    if (!Array.isArray(told) || peer.node === this.#node.name) return
    if (!this.#view.isKnown(peer)) this.#meet(peer)
    const groups = told.flatMap((entry) =>
      isTuple(entry) && entry.length === 2 ? [[nameOf(entry[0]), membersOf(peer, entry[1])] as const] : [],
    )
    for (const change of this.#view.sync(peer, groups)) this.#told(change)
  }

  #meet(peer: Address<never>): void {
    this.#met.set(this.#service.startMonitor(peer), peer)
    this.#view.sync(peer, [])
  }

  #down({ ref, address }: Down): void {
    const peer = this.#met.get(ref)
    if (peer !== undefined) {
      this.#met.delete(ref)
      for (const change of this.#view.drop(peer)) this.#told(change)
      return
    }
    if (!(address instanceof Address) || this.#watched.get(address) !== ref) return
    this.#watched.delete(address)
    const changes = this.#view.leaveAll(address)
    if (changes.length === 0) return
    for (const change of changes) this.#tell(change)
    // One message for all its groups, each named as often as it was in it.
    const names = changes.map((change) => change.group)
    this.#broadcast(tuple(leave, this.#service.self, address, names))
  }

  #unwatch(member: Address<never>): void {
    const ref = this.#watched.get(member)
    if (ref === undefined || this.#view.isMember(member)) return
    this.#watched.delete(member)
    this.#service.stopMonitor(ref)
  }

  #ownGroups(): unknown[] {
    return this.#view.ownGroups().map(([name, members]) => tuple(name, members))
  }

  #broadcast(message: unknown): void {
    for (const peer of this.#view.peers) this.#send(peer, message)
  }

  #send(peer: Address<never>, message: unknown): void {
    ;(peer as Address<unknown>).send(message)
  }

  #told(change: MembershipChange | undefined): void {
    if (change !== undefined) this.#tell(change)
  }

  #tell(change: MembershipChange): void {
    for (const listener of this.#listeners) {
      this.#guarded(() => {
        const result = listener(change)
        if (result instanceof Promise) result.catch((error) => this.#failed(error))
      })
    }
  }

  /** What a message or a listener brings about must end neither the scope nor whoever joins. */
  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    this.#node.logger.error({ scope: this.scope, err: error }, 'a change of groups could not be handled')
  }
}

function isDown(message: unknown): message is Down {
  return typeof message === 'object' && message !== null && (message as Partial<Down>).type === 'DOWN'
}

/** A group's name as this node has it: text is text, also where all binaries are taken as bytes. */
function nameOf(name: unknown): unknown {
  return name instanceof Uint8Array && isUtf8(name) ? Buffer.from(name).toString() : name
}

/**
 * What a join or leave names: one process or a list of them. Each scope process speaks for its own node: anything else in
 * it, a process of a third node above all, is no member.
 */
function membersOf(peer: Address<never>, value: unknown): Address<never>[] {
  const named = Array.isArray(value) ? value : [value]
  return named.filter((member) => member instanceof Address && member.node === peer.node)
}
