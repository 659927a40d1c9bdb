/**
 * Who is in which group, as one node sees it: its own members, and what each other scope process has told. Pure data.
 *
 * A process can be in a group several times, as in OTP's `pg`; it is listed as often.
 */
import type { Address } from '../term/address.js'

/** A group's name as a map key: names that are primitive are their own key. */
export type GroupKey = string | symbol | number | bigint | boolean | null | undefined

interface Group {
  readonly name: unknown
  readonly members: Address<never>[]
}

type Groups = Map<GroupKey, Group>

/** One change of membership: these have come or gone, each as often as it stands here. */
export interface MembershipChange {
  readonly kind: 'join' | 'leave'
  readonly group: unknown
  readonly members: readonly Address<never>[]
}

/** See the head of this file. Cost: look-ups are O(members of the group), not of the cluster. */
export class GroupView {
  readonly #key: (name: unknown) => GroupKey
  readonly #own: Groups = new Map()
  /** What each own member has joined, once for each time: so that its end costs what it had joined, not all groups. */
  readonly #joined = new Map<Address<never>, unknown[]>()
  readonly #remote = new Map<Address<never>, Groups>()
  /** Key to all members, own first: what look-ups read. */
  readonly #all = new Map<GroupKey, { readonly name: unknown; own: Address<never>[]; remote: Address<never>[] }>()

  /** @param key Makes the key of a group's name: structured names that are the same term must have the same key. */
  constructor(key: (name: unknown) => GroupKey) {
    this.#key = key
  }

  /** The scope processes of other nodes that are known. */
  get peers(): Address<never>[] {
    return [...this.#remote.keys()]
  }

  isKnown(peer: Address<never>): boolean {
    return this.#remote.has(peer)
  }

  /** All members, those of this node first. */
  members(name: unknown): Address<never>[] {
    const group = this.#all.get(this.#key(name))
    return group === undefined ? [] : [...group.own, ...group.remote]
  }

  localMembers(name: unknown): Address<never>[] {
    return [...(this.#own.get(this.#key(name))?.members ?? [])]
  }

  /** The names of all groups that have a member. */
  names(): unknown[] {
    return Array.from(this.#all.values(), (group) => group.name)
  }

  /** The groups of this node and their members: what a sync tells. */
  ownGroups(): readonly (readonly [name: unknown, members: readonly Address<never>[]])[] {
    return Array.from(this.#own.values(), (group) => [group.name, [...group.members]] as const)
  }

  // --- own members ------------------------------------------------------------------------------------------------

  join(name: unknown, member: Address<never>): MembershipChange {
    add(this.#own, this.#key(name), name, [member])
    const joined = this.#joined.get(member)
    if (joined === undefined) this.#joined.set(member, [name])
    else joined.push(name)
    this.#refresh(name, 'own')
    return { kind: 'join', group: name, members: [member] }
  }

  /** Takes a member out once; `undefined` when it is not in. */
  leave(name: unknown, member: Address<never>): MembershipChange | undefined {
    const key = this.#key(name)
    if (!removeOnce(this.#own, key, member)) return undefined
    const joined = this.#joined.get(member) ?? []
    joined.splice(
      joined.findIndex((other) => this.#key(other) === key),
      1,
    )
    if (joined.length === 0) this.#joined.delete(member)
    this.#refresh(name, 'own')
    return { kind: 'leave', group: name, members: [member] }
  }

  /** Takes a member that has ended out of all its groups, as often as it is in each. */
  leaveAll(member: Address<never>): MembershipChange[] {
    const joined = [...(this.#joined.get(member) ?? [])]
    return joined.flatMap((name) => this.leave(name, member) ?? [])
  }

  /** Whether it is in any group of this node. */
  isMember(member: Address<never>): boolean {
    return this.#joined.has(member)
  }

  // --- what others have told ----------------------------------------------------------------------------------------

  /** Replaces all that was known of a peer. */
  sync(
    peer: Address<never>,
    told: readonly (readonly [name: unknown, members: readonly Address<never>[]])[],
  ): MembershipChange[] {
    const before = this.#remote.get(peer) ?? (new Map() as Groups)
    const now: Groups = new Map()
    for (const [name, members] of told) add(now, this.#key(name), name, members)
    this.#remote.set(peer, now)
    const changes: MembershipChange[] = []
    for (const [key, group] of before) {
      const gone = without(group.members, now.get(key)?.members ?? [])
      if (gone.length > 0) changes.push({ kind: 'leave', group: group.name, members: gone })
    }
    for (const [key, group] of now) {
      const come = without(group.members, before.get(key)?.members ?? [])
      if (come.length > 0) changes.push({ kind: 'join', group: group.name, members: come })
    }
    for (const group of new Set([...before.values(), ...now.values()])) this.#refresh(group.name, 'remote')
    return changes
  }

  /** A peer says that some of its processes have joined. A peer that has not synced is not listened to: `undefined`. */
  remoteJoin(peer: Address<never>, name: unknown, members: readonly Address<never>[]): MembershipChange | undefined {
    const groups = this.#remote.get(peer)
    if (groups === undefined || members.length === 0) return undefined
    add(groups, this.#key(name), name, members)
    this.#refresh(name, 'remote')
    return { kind: 'join', group: name, members }
  }

  /** A peer says that some of its processes have left these groups, once each. */
  remoteLeave(peer: Address<never>, members: readonly Address<never>[], names: readonly unknown[]): MembershipChange[] {
    const groups = this.#remote.get(peer)
    if (groups === undefined) return []
    return names.flatMap((name) => {
      const key = this.#key(name)
      const left = members.filter((member) => removeOnce(groups, key, member))
      if (left.length === 0) return []
      this.#refresh(name, 'remote')
      return [{ kind: 'leave' as const, group: name, members: left }]
    })
  }

  /** A peer is gone, with all that it had told. */
  drop(peer: Address<never>): MembershipChange[] {
    const groups = this.#remote.get(peer)
    if (groups === undefined) return []
    this.#remote.delete(peer)
    return Array.from(groups.values(), (group) => {
      this.#refresh(group.name, 'remote')
      return { kind: 'leave', group: group.name, members: group.members }
    })
  }

  #refresh(name: unknown, side: 'own' | 'remote'): void {
    const key = this.#key(name)
    const entry = this.#all.get(key) ?? { name, own: [], remote: [] }
    if (side === 'own') entry.own = this.#own.get(key)?.members ?? []
    else entry.remote = [...this.#remote.values()].flatMap((groups) => groups.get(key)?.members ?? [])
    if (entry.own.length + entry.remote.length === 0) this.#all.delete(key)
    else this.#all.set(key, entry)
  }
}

/** Groups without members are not kept: a name that nobody has is no name. */
function add(groups: Groups, key: GroupKey, name: unknown, members: readonly Address<never>[]): void {
  if (members.length === 0) return
  const group = groups.get(key)
  if (group === undefined) groups.set(key, { name, members: [...members] })
  else group.members.push(...members)
}

/** `false` when it is not in. */
function removeOnce(groups: Groups, key: GroupKey, member: Address<never>): boolean {
  const group = groups.get(key)
  const at = group?.members.indexOf(member) ?? -1
  if (group === undefined || at < 0) return false
  group.members.splice(at, 1)
  if (group.members.length === 0) groups.delete(key)
  return true
}

/** The members of `all` that are left when each of `taken` takes one away. */
function without(all: readonly Address<never>[], taken: readonly Address<never>[]): Address<never>[] {
  const left = [...taken]
  return all.filter((member) => {
    const at = left.indexOf(member)
    if (at >= 0) left.splice(at, 1)
    return at < 0
  })
}
