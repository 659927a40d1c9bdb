/** The words of OTP's `global`, and what its messages are made of. */
import { Address } from '../../term/address.js'
import { atomName } from '../../term/atom.js'
import { isTuple, tuple } from '../../term/tuple.js'

/** The registered process of every visible node. */
export const serverName = 'global_name_server'

const words = [
  '$gen_cast',
  'cancel_connect',
  'del_lock',
  'delete',
  'exchange',
  'get_known',
  'get_names_ext',
  'get_protocol_version',
  'get_synced',
  'global',
  'in_sync',
  'init_connect',
  'init_connect_ack',
  'insert',
  'lock',
  'lock_set',
  'locker',
  'lost_connection',
  'new_nodes',
  'no_longer_a_pid',
  'ok',
  'register',
  'register_ext',
  'remove_connection',
  'resolved',
  'set_lock',
  'unregister',
  'unused',
  'vsn',
  'yes',
] as const

/** The atoms, by their names. */
export const word = Object.fromEntries(words.map((each) => [each, Symbol.for(each)])) as Record<
  (typeof words)[number],
  symbol
>

/** Our version of the protocol: that of OTP 25.2 and later. */
export const ownVersion = 8
/** From this version on both sides tell each other which attempt at getting to know each other is under way. */
export const verifyVersion = 8
/** From this version on nodes tell each other of lost connections, and the versions of those that they know. */
export const partitionsVersion = 7
/** Older ones talk between lockers. Nodes of OTP 25 and later, which alone can connect, are all beyond that. */
export const oldestVersion = 6

/** A lock: what is locked, and in whose name; several processes may hold it for one requester. */
export interface LockId {
  readonly resource: unknown
  readonly requester: unknown
}

export function lockTerm({ resource, requester }: LockId): readonly unknown[] {
  return tuple(resource, requester)
}

export function readLock(term: unknown): LockId | undefined {
  return isTuple(term) && term.length === 2 ? { resource: term[0], requester: term[1] } : undefined
}

/** A name, who has it, and the function that settles conflicts: opaque, as a rule. */
export interface GlobalName {
  readonly name: unknown
  readonly pid: Address<never>
  readonly method: unknown
}

/** A change of names. */
export type NameOp =
  | { readonly op: 'insert'; readonly entry: GlobalName }
  | { readonly op: 'delete'; readonly name: unknown }

export function nameTerm({ name, pid, method }: GlobalName): readonly unknown[] {
  return tuple(name, pid, method)
}

export function readName(term: unknown): GlobalName | undefined {
  if (!isTuple(term) || term.length !== 3 || !(term[1] instanceof Address)) return undefined
  return { name: term[0], pid: term[1], method: term[2] }
}

export function opTerm(op: NameOp): readonly unknown[] {
  return op.op === 'insert' ? tuple(word.insert, nameTerm(op.entry)) : tuple(word.delete, op.name)
}

/** The changes in a list; what is none is left out. */
export function readOps(term: unknown): NameOp[] {
  return readList(term, (each) => {
    if (!isTuple(each)) return undefined
    if (each[0] === word.delete) return { op: 'delete', name: each[1] }
    const entry = each[0] === word.insert ? readName(each[1]) : undefined
    return entry === undefined ? undefined : { op: 'insert', entry }
  })
}

/** Nodes with the versions of the protocol that they speak; 0 where it is not known. */
export type NodeVersions = readonly (readonly [node: string, version: number])[]

export function versionsTerm(nodes: NodeVersions): readonly unknown[] {
  return nodes.map(([node, version]) => tuple(Symbol.for(node), version))
}

/** Nodes alone, or with their versions. */
export function readVersions(term: unknown): NodeVersions {
  return readList(term, (each) => {
    const node = nodeOf(isTuple(each) ? each[0] : each)
    if (node === undefined) return undefined
    return [node, isTuple(each) && typeof each[1] === 'number' ? each[1] : 0] as const
  })
}

export function nodeOf(term: unknown): string | undefined {
  return typeof term === 'symbol' ? atomName(term) : undefined
}

export function readList<T>(term: unknown, read: (element: unknown) => T | undefined): T[] {
  return Array.isArray(term) ? term.map(read).filter((each) => each !== undefined) : []
}

/** Names of nodes as Erlang orders atoms: by code points. */
export function compareNodes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other))
}

/** The greatest of some nodes, which is locked first and unlocked last. */
export function bossOf(nodes: readonly string[]): string {
  return nodes.reduce((boss, node) => (compareNodes(node, boss) > 0 ? node : boss))
}

/** Processes as Erlang orders them: by their numbers, then by their nodes. */
export function comparePids(one: Address<never>, other: Address<never>): number {
  return (
    one.serial - other.serial ||
    one.id - other.id ||
    compareNodes(one.node, other.node) ||
    one.home.creation - other.home.creation
  )
}
