/**
 * A scope: process groups across the cluster that are looked after together, and apart from those of other scopes. Erlang's nodes
 * see it, and take part, as a scope of `pg` of the same name.
 *
 * There is no consensus behind it. Each node says which of its processes are members, and the others know it as soon as the news
 * has travelled; a node that is lost takes its members with it, and brings them back when it returns.
 */
import { describe, ReignError, TimeoutError } from '../errors.js'
import { LogPace } from '../log-pace.js'
import type { LocalNode } from '../node/local-node.js'
import { checkInbox } from '../process/checks.js'
import type { Entity } from '../process/entity.js'
import type { Inbox } from '../process/inbox.js'
import { checkBounds, type ReceiveOptions } from '../process/waiter.js'
import { Address } from '../term/address.js'
import { checkRef } from '../term/checks.js'
import type { Ref } from '../term/ref.js'
import { type ConnectedNodes, type ExchangeState, GroupExchange } from './group-exchange.js'
import { type GroupKey, groupKey, groupName } from './group-key.js'
import { GroupMonitors } from './group-monitors.js'
import { type GroupMembers, GroupView, type MembershipChange } from './group-view.js'
import { MembershipFeed } from './membership-feed.js'
import { ScopeProcess } from './scope-process.js'

/** How long `sync` waits unless told otherwise, in milliseconds: as a call does. */
const syncMs = 5_000

/** Options of {@link GroupScope.sync}. */
export interface SyncOptions extends ReceiveOptions {
  /** The nodes to wait for, instead of all that are connected. */
  readonly nodes?: readonly string[] | undefined
}

/** See the head of this file. */
export class GroupScope {
  /** The name of the scope, and of its process on each node. */
  readonly name: string
  readonly #node: LocalNode
  readonly #nodes: ConnectedNodes
  readonly #view = new GroupView()
  readonly #feed: MembershipFeed
  readonly #process: ScopeProcess
  readonly #exchange: GroupExchange
  readonly #monitors: GroupMonitors
  /** Takes back the monitors on the members of this node, whose end takes them out. */
  readonly #watched = new Map<Address<never>, () => void>()
  readonly #onStop: () => void
  readonly #restarts: LogPace
  #stopped = false

  /** @internal Scopes are made by `node.groups`. */
  constructor(node: LocalNode, nodes: ConnectedNodes, name: string, onStop: () => void) {
    this.name = name
    this.#node = node
    this.#nodes = nodes
    this.#onStop = onStop
    const failed = (error: unknown) =>
      node.logger.error({ scope: name, err: error }, 'a change of groups could not be handled')
    this.#restarts = new LogPace(node.clock)
    this.#feed = new MembershipFeed(failed)
    this.#process = new ScopeProcess(node, name, {
      handle: (message, from) => this.#exchange.handle(message, from),
      restarted: () => this.#restarted(),
      // Nobody is told any more on a node that stops.
      ended: () => void this.#end(),
      failed,
    })
    this.#exchange = new GroupExchange({
      process: this.#process,
      view: this.#view,
      nodes,
      clock: node.clock,
      changed: (changes) => this.#feed.tell(changes),
    })
    this.#monitors = new GroupMonitors(this.#feed, (target, ended) => this.#process.watch(target, ended))
    this.#exchange.start()
  }

  // --- members ----------------------------------------------------------------------------------------------------

  /**
   * Puts processes of this node into a group: one, or several at once. A process that joins twice is in twice, and is to leave
   * twice. Its end takes it out; one that has ended already does not come in. Erlang: `pg:join/3`.
   *
   * When this returns, this node knows of it; the others are told at the same time, in one message each.
   *
   * @param group Any Erlang term.
   * @throws `ERR_REIGN_ARGUMENT` when one of them is no process of this node, as each node speaks for its own: then none has joined;
   *   `ERR_REIGN_CLOSED` when the scope was stopped; `TermError` when the group's name is no Erlang term.
   */
  join(group: unknown, members: Address<never> | readonly Address<never>[]): void {
    this.#check()
    const joining = this.#own(members).filter((member) => this.#node.isAlive(member))
    if (joining.length === 0) return void groupKey(group)
    const change = this.#view.join(group, joining)
    try {
      // Before anybody is told here, who may leave at once.
      this.#exchange.tellJoin(groupName(group), joining)
    } catch (error) {
      this.#view.leave(group, joining)
      throw error
    }
    for (const member of joining) {
      if (!this.#watched.has(member))
        this.#watched.set(
          member,
          this.#process.watch(member, () => this.#gone(member)),
        )
    }
    this.#feed.tell([change])
  }

  /**
   * Takes processes of this node out of a group, each as often as it stands there. Erlang: `pg:leave/3`.
   *
   * @returns `false` when none of them was in.
   * @throws as {@link join}.
   */
  leave(group: unknown, members: Address<never> | readonly Address<never>[]): boolean {
    this.#check()
    const change = this.#view.leave(group, this.#own(members))
    if (change === undefined) return false
    for (const member of new Set(change.members)) if (!this.#view.isMember(member)) this.#unwatch(member)
    this.#exchange.tellLeave(change.members, [change.group])
    this.#feed.tell([change])
    return true
  }

  /**
   * All members, those of this node first, each as often as it has joined; those of each node in the order in which they came. Known
   * locally: no message, no wait. Erlang: `pg:get_members/2`.
   */
  members<M = unknown>(group: unknown): Address<M>[] {
    return typed(this.#view.members(group))
  }

  /** The members on this node. Erlang: `pg:get_local_members/2`. */
  localMembers<M = unknown>(group: unknown): Address<M>[] {
    return typed(this.#view.localMembers(group))
  }

  /** The first of {@link members}, at no cost: the same one for as long as it is in, and none of this node joins. */
  first<M = unknown>(group: unknown): Address<M> | undefined {
    return this.#view.first(group) as Address<unknown> | undefined as Address<M> | undefined
  }

  /** The names of all groups that have members. Erlang: `pg:which_groups/1`. */
  groups(): unknown[] {
    return this.#view.names()
  }

  /** The names of the groups that have members on this node. Erlang: `pg:which_local_groups/1`. */
  localGroups(): unknown[] {
    return this.#view.own().map(([name]) => name)
  }

  // --- being told -------------------------------------------------------------------------------------------------

  /**
   * Tells a mailbox or process, by `GroupJoin` and `GroupLeave` messages, of every change of a group from now on: `members` is what it
   * has at this moment, and nothing is missing or twice between the two. Ends with the mailbox. Erlang: `pg:monitor/2`.
   *
   * @throws `ERR_REIGN_CLOSED` when the scope was stopped; `TermError` when the group's name is no Erlang term.
   */
  monitor<M = unknown>(inbox: Entity, group: unknown): { ref: Ref; members: Address<M>[] } {
    this.#check()
    const ref = this.#monitors.add(checkedInbox(inbox), { key: groupKey(group) })
    return { ref, members: this.members(group) }
  }

  /** Tells of every change of every group, likewise; `groups` is what there is at this moment. Erlang: `pg:monitor_scope/1`. */
  monitorScope<M = unknown>(inbox: Entity): { ref: Ref; groups: (readonly [group: unknown, members: Address<M>[]])[] } {
    this.#check()
    const ref = this.#monitors.add(checkedInbox(inbox), 'all')
    return { ref, groups: this.#view.all().map(([group, members]) => [group, typed<M>(members)] as const) }
  }

  /** Ends a monitor: none of its messages comes any more, and those that are queued are removed. `false` when it is none. */
  demonitor(ref: Ref): boolean {
    checkRef(ref, 'a monitor is known by')
    return this.#monitors.remove(ref)
  }

  /**
   * Waits until each node that is connected has told its members, and knows those of this one: what was joined before, on either
   * side, is known on the other. A node that is lost meanwhile, or has no such scope, is not waited for.
   *
   * @throws `ERR_REIGN_TIMEOUT` after `timeout` ms (5,000 unless given); the reason of the abort signal; `ERR_REIGN_CLOSED` when the scope
   *   was stopped; `ERR_REIGN_ARGUMENT` for a time that is none.
   */
  async sync(options: SyncOptions = {}): Promise<void> {
    this.#check()
    checkBounds(options)
    const { timeout = syncMs, signal, nodes = this.#nodes.all() } = options
    signal?.throwIfAborted()
    const end = new AbortController()
    const aborted = () => end.abort(signal?.reason)
    const late = () => end.abort(new TimeoutError(timeout, 'not all nodes have told their groups'))
    const { timers } = this.#node.runtime
    const timer = timeout === Number.POSITIVE_INFINITY ? undefined : timers.after(timeout, late)
    signal?.addEventListener('abort', aborted, { once: true })
    try {
      await Promise.all(nodes.map((node) => this.#exchange.exchanged(node, end.signal)))
    } finally {
      if (timer !== undefined) timers.cancel(timer)
      signal?.removeEventListener('abort', aborted)
    }
  }

  /** Where each node that is connected stands, and how many groups it has members in. */
  nodes(): { readonly node: string; readonly state: ExchangeState; readonly groups: number }[] {
    return this.#nodes.all().map((node) => {
      return { node, state: this.#exchange.state(node), groups: this.#exchange.groupCountOf(node) }
    })
  }

  /**
   * Ends the scope on this node: its members here are in no group any more, for anybody, and what others tell is not heard.
   * `node.groups.scope(name)` starts it anew, with no members of this node. Stopping twice is stopping once.
   */
  stop(): void {
    if (this.#stopped) return
    this.#process.close()
    const changes = this.#end()
    this.#onStop()
    this.#feed.tell(changes)
  }

  // --- for names --------------------------------------------------------------------------------------------------

  /** @internal */
  get feed(): MembershipFeed {
    return this.#feed
  }

  /** @internal */
  distinct(key: GroupKey): { readonly members: Address<never>[]; readonly version: number } {
    return this.#view.distinct(key)
  }

  /** @internal Whether a process of this node is in a group. */
  hasOwn(group: unknown, member: Address<never>): boolean {
    return this.#view.hasOwn(group, member)
  }

  /** @internal All groups, with their members. */
  all(): GroupMembers[] {
    return this.#view.all()
  }

  /** @internal A node has come up. */
  nodeUp(node: string): void {
    this.#exchange.ask(node)
  }

  // --- what ends --------------------------------------------------------------------------------------------------

  /** A member of this node has ended: one message tells of all its groups, each named as often as it was in it. */
  #gone(member: Address<never>): void {
    this.#watched.delete(member)
    const changes = this.#view.leaveAll(member)
    if (changes.length === 0) return
    this.#exchange.tellLeave(
      [member],
      changes.map(({ group }) => group),
    )
    this.#feed.tell(changes)
  }

  #unwatch(member: Address<never>): void {
    this.#watched.get(member)?.()
    this.#watched.delete(member)
  }

  /** The scope process was killed, and there is another: our members are in, and what others have told is asked for anew. */
  #restarted(): void {
    const told = { scope: this.name }
    this.#restarts.tell((untold) =>
      this.#node.logger.warn(
        { ...told, ...untold },
        'the process of a scope was ended from outside, and is started again',
      ),
    )
    this.#monitors.rewatch()
    for (const member of [...this.#watched.keys()]) {
      this.#watched.set(
        member,
        this.#process.watch(member, () => this.#gone(member)),
      )
    }
    const changes = this.#exchange.reset()
    this.#exchange.start()
    this.#feed.tell(changes)
  }

  #end(): MembershipChange[] {
    this.#stopped = true
    const changes = this.#exchange.reset()
    for (const member of [...this.#view.ownMembers]) {
      this.#unwatch(member)
      changes.push(...this.#view.leaveAll(member))
    }
    return changes
  }

  // --- arguments --------------------------------------------------------------------------------------------------

  #check(): void {
    if (this.#stopped) throw new ReignError('ERR_REIGN_CLOSED', `the scope ${this.name} was stopped`)
  }

  /** @throws `ERR_REIGN_ARGUMENT` when one of them is no process of this node, alive or not. */
  #own(members: Address<never> | readonly Address<never>[]): Address<never>[] {
    const list: readonly unknown[] = Array.isArray(members) ? [...members] : [members]
    const own = list.filter((member) => member instanceof Address && member.home === this.#node.addressBook.self)
    if (own.length === list.length) return own as Address<never>[]
    const stranger = list.find((member) => !own.includes(member))
    throw new ReignError(
      'ERR_REIGN_ARGUMENT',
      `only processes of this node join and leave groups here, not ${describe(stranger)}`,
    )
  }
}

function checkedInbox(inbox: Entity): Inbox<unknown> {
  checkInbox(inbox)
  return inbox
}

function typed<M>(members: readonly Address<never>[]): Address<M>[] {
  return members as readonly Address<unknown>[] as Address<M>[]
}
