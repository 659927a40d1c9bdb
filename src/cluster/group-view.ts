/**
 * Who is in which group, as one node sees it: its own members, and what each other scope process has told. Pure data.
 *
 * A process can be in a group several times, as in OTP's `pg`; it is listed as often. Groups without members are not kept: a
 * name that nobody has is no name.
 */
import type { Address } from '../term/address.js'
import { type GroupKey, groupKey, groupName } from './group-key.js'
import { MemberBag } from './member-bag.js'

interface Group {
  readonly name: unknown
  readonly key: GroupKey
  readonly own: MemberBag
  /** By the scope process that has told of them; none without members. */
  readonly remote: Map<Address<never>, MemberBag>
  /** Another one whenever somebody has come who was not in before, or has gone altogether. */
  version: number
}

/** One change of membership: these have come or gone, each as often as it stands here. */
export interface MembershipChange {
  readonly kind: 'join' | 'leave'
  readonly group: unknown
  readonly key: GroupKey
  readonly members: readonly Address<never>[]
}

/** A group's name, and members of it, each as often as it is in. */
export type GroupMembers = readonly [name: unknown, members: readonly Address<never>[]]

/** See the head of this file. Cost: look-ups are O(members of the group), changes O(what changes); neither of the cluster. */
export class GroupView {
  readonly #groups = new Map<GroupKey, Group>()
  /** Where each own member is in, and how often: so that its end costs what it had joined, not all groups. */
  readonly #joined = new Map<Address<never>, Map<Group, number>>()
  /** The groups in which each known scope process has members. */
  readonly #peers = new Map<Address<never>, Set<Group>>()
  #versions = 0

  // --- what is seen -----------------------------------------------------------------------------------------------

  /** The scope processes of other nodes that are known. */
  get peers(): IterableIterator<Address<never>> {
    return this.#peers.keys()
  }

  isKnown(peer: Address<never>): boolean {
    return this.#peers.has(peer)
  }

  /** All members, those of this node first. */
  members(name: unknown): Address<never>[] {
    const members: Address<never>[] = []
    const group = this.#groups.get(groupKey(name))
    if (group === undefined) return members
    group.own.appendTo(members)
    for (const bag of group.remote.values()) bag.appendTo(members)
    return members
  }

  /** The members of this node. */
  localMembers(name: unknown): Address<never>[] {
    const members: Address<never>[] = []
    this.#groups.get(groupKey(name))?.own.appendTo(members)
    return members
  }

  /** Whether a process of this node is in a group. */
  hasOwn(name: unknown, member: Address<never>): boolean {
    return (this.#groups.get(groupKey(name))?.own.count(member) ?? 0) > 0
  }

  /** Each member once, those of this node first; and the version of this set, by which two looks can be told apart. */
  distinct(key: GroupKey): { readonly members: Address<never>[]; readonly version: number } {
    const group = this.#groups.get(key)
    if (group === undefined) return { members: [], version: 0 }
    const members = new Set(group.own.distinct())
    for (const bag of group.remote.values()) for (const member of bag.distinct()) members.add(member)
    return { members: [...members], version: group.version }
  }

  /** The first of {@link members}: the same one for as long as it is in, and no member of this node comes before it. */
  first(name: unknown): Address<never> | undefined {
    const group = this.#groups.get(groupKey(name))
    return group?.own.first() ?? group?.remote.values().next().value?.first()
  }

  /** The names of all groups. */
  names(): unknown[] {
    return Array.from(this.#groups.values(), (group) => group.name)
  }

  /** All groups and their members, as {@link members} gives them. */
  all(): GroupMembers[] {
    return Array.from(this.#groups.values(), ({ name }) => [name, this.members(name)] as const)
  }

  /** The groups that have members of this node, and these: what a sync tells. */
  own(): GroupMembers[] {
    const groups: GroupMembers[] = []
    for (const { name, own } of this.#groups.values()) {
      if (own.isEmpty) continue
      const members: Address<never>[] = []
      own.appendTo(members)
      groups.push([name, members])
    }
    return groups
  }

  /** The processes of this node that are in any group. */
  get ownMembers(): IterableIterator<Address<never>> {
    return this.#joined.keys()
  }

  /** Whether it is in any group of this node. */
  isMember(member: Address<never>): boolean {
    return this.#joined.has(member)
  }

  /** How many groups have members of this scope process. */
  groupCountOf(peer: Address<never>): number {
    return this.#peers.get(peer)?.size ?? 0
  }

  // --- own members ------------------------------------------------------------------------------------------------

  /** Puts processes of this node into a group, each as often as it stands there. */
  join(name: unknown, members: readonly Address<never>[]): MembershipChange {
    const group = this.#group(name)
    let isNew = false
    for (const member of members) {
      isNew = group.own.add(member) || isNew
      const joined = this.#joined.get(member) ?? new Map<Group, number>()
      this.#joined.set(member, joined.set(group, (joined.get(group) ?? 0) + 1))
    }
    if (isNew) group.version = ++this.#versions
    return change('join', group, members)
  }

  /** Takes them out again, as often; `undefined` when none of them is in. */
  leave(name: unknown, members: readonly Address<never>[]): MembershipChange | undefined {
    const group = this.#groups.get(groupKey(name))
    const left = members.filter((member) => group !== undefined && this.#takeOut(group, member))
    if (group === undefined || left.length === 0) return undefined
    this.#settle(
      group,
      left.some((member) => group.own.count(member) === 0),
    )
    return change('leave', group, left)
  }

  /** Takes a member that has ended out of all its groups: a change for each time that it is in, as OTP's `pg` has it. */
  leaveAll(member: Address<never>): MembershipChange[] {
    const joined = [...(this.#joined.get(member) ?? [])]
    this.#joined.delete(member)
    return joined.flatMap(([group, times]) => {
      group.own.remove(member, times)
      this.#settle(group, true)
      return Array.from({ length: times }, () => change('leave', group, [member]))
    })
  }

  #takeOut(group: Group, member: Address<never>): boolean {
    if (group.own.remove(member) === 0) return false
    const joined = this.#joined.get(member)
    const times = joined?.get(group) ?? 0
    if (times > 1) joined?.set(group, times - 1)
    else joined?.delete(group)
    if (joined?.size === 0) this.#joined.delete(member)
    return true
  }

  // --- what others have told ----------------------------------------------------------------------------------------

  /** Replaces all that was known of a peer; what it told before and tells again keeps its place. */
  sync(peer: Address<never>, told: readonly GroupMembers[]): MembershipChange[] {
    const wanted = new Map<GroupKey, { name: unknown; bag: MemberBag }>()
    for (const [name, members] of told) {
      if (members.length === 0) continue
      const key = groupKey(name)
      const entry = wanted.get(key) ?? { name, bag: new MemberBag() }
      wanted.set(key, entry)
      for (const member of members) entry.bag.add(member)
    }
    const groups = this.#peers.get(peer) ?? new Set<Group>()
    this.#peers.set(peer, groups)
    const changes: MembershipChange[] = []
    for (const group of [...groups]) if (!wanted.has(group.key)) changes.push(this.#withdraw(group, peer))
    for (const { name, bag } of wanted.values()) this.#become(this.#group(name), peer, bag, changes)
    return changes
  }

  /** A peer says that some of its processes have joined. A peer that has not synced is not listened to: `undefined`. */
  remoteJoin(peer: Address<never>, name: unknown, members: readonly Address<never>[]): MembershipChange | undefined {
    if (!this.isKnown(peer) || members.length === 0) return undefined
    const group = this.#group(name)
    const bag = this.#bagOf(group, peer)
    let isNew = false
    for (const member of members) isNew = bag.add(member) || isNew
    if (isNew) group.version = ++this.#versions
    return change('join', group, members)
  }

  /** A peer says that some of its processes have left these groups, once each. */
  remoteLeave(peer: Address<never>, members: readonly Address<never>[], names: readonly unknown[]): MembershipChange[] {
    return names.flatMap((name) => {
      const group = this.#groups.get(groupKey(name))
      const bag = group?.remote.get(peer)
      const left = members.filter((member) => bag !== undefined && bag.remove(member) > 0)
      if (group === undefined || bag === undefined || left.length === 0) return []
      if (bag.isEmpty) this.#forgetBag(group, peer)
      this.#settle(
        group,
        left.some((member) => bag.count(member) === 0),
      )
      return [change('leave', group, left)]
    })
  }

  /** A peer is gone, with all that it had told. */
  drop(peer: Address<never>): MembershipChange[] {
    const groups = [...(this.#peers.get(peer) ?? [])]
    const changes = groups.map((group) => this.#withdraw(group, peer))
    this.#peers.delete(peer)
    return changes
  }

  /** Takes all members of a peer out of a group. */
  #withdraw(group: Group, peer: Address<never>): MembershipChange {
    const members: Address<never>[] = []
    group.remote.get(peer)?.appendTo(members)
    this.#forgetBag(group, peer)
    this.#settle(group, true)
    return change('leave', group, members)
  }

  /** Makes the members that a peer has in a group those of `wanted`. */
  #become(group: Group, peer: Address<never>, wanted: MemberBag, changes: MembershipChange[]): void {
    const bag = this.#bagOf(group, peer)
    const gone: Address<never>[] = []
    const come: Address<never>[] = []
    let isOther = false
    for (const [member, times] of [...bag.entries()]) {
      const extra = times - wanted.count(member)
      if (extra <= 0) continue
      bag.remove(member, extra)
      isOther ||= extra === times
      for (let n = 0; n < extra; n++) gone.push(member)
    }
    for (const [member, times] of wanted.entries()) {
      const missing = times - bag.count(member)
      if (missing <= 0) continue
      if (bag.add(member, missing)) isOther = true
      for (let n = 0; n < missing; n++) come.push(member)
    }
    if (isOther) group.version = ++this.#versions
    if (gone.length > 0) changes.push(change('leave', group, gone))
    if (come.length > 0) changes.push(change('join', group, come))
  }

  #bagOf(group: Group, peer: Address<never>): MemberBag {
    const known = group.remote.get(peer)
    if (known !== undefined) return known
    const bag = new MemberBag()
    group.remote.set(peer, bag)
    this.#peers.get(peer)?.add(group)
    return bag
  }

  #forgetBag(group: Group, peer: Address<never>): void {
    group.remote.delete(peer)
    this.#peers.get(peer)?.delete(group)
  }

  // --- groups come and go -------------------------------------------------------------------------------------------

  #group(name: unknown): Group {
    const key = groupKey(name)
    const known = this.#groups.get(key)
    if (known !== undefined) return known
    const group: Group = { name: groupName(name), key, own: new MemberBag(), remote: new Map(), version: 0 }
    this.#groups.set(key, group)
    return group
  }

  /** After members have gone; `isOther`: some of them altogether. */
  #settle(group: Group, isOther: boolean): void {
    if (isOther) group.version = ++this.#versions
    if (group.own.isEmpty && group.remote.size === 0) this.#groups.delete(group.key)
  }
}

function change(kind: MembershipChange['kind'], { name, key }: Group, members: readonly Address<never>[]) {
  return { kind, group: name, key, members }
}
