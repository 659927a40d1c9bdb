/** Conflicts of names, when two parts of a cluster meet that both have one: who keeps it. Source: OTP's global.erl. */
import type { Address } from '../../term/address.js'
import { sameTerm } from '../../term/equal.js'
import { ExportFun } from '../../term/fun.js'
import { tuple } from '../../term/tuple.js'
import { compareNodes, type GlobalName, type NameOp } from './terms.js'

/**
 * How a conflict about a name is settled, by Erlang's words: of the two processes one is killed (`random_exit_name`), or loses the name and
 * gets the message `{global_name_conflict, Name}` (`random_notify_name`); or both lose it, and each gets
 * `{global_name_conflict, Name, OtherPid}` (`notify_all_name`). In spite of its name, it is always the one of the greater node.
 */
export type ResolveMethod = 'random_exit_name' | 'random_notify_name' | 'notify_all_name'

const exitMethod = new ExportFun('global', 'random_exit_name', 3)
const notifyMethod = new ExportFun('global', 'random_notify_name', 3)
const notifyAllMethod = new ExportFun('global', 'notify_all_name', 3)

/** The functions of `global` itself. */
export const methods: ReadonlyMap<ResolveMethod, ExportFun> = new Map([
  ['random_exit_name', exitMethod],
  ['random_notify_name', notifyMethod],
  ['notify_all_name', notifyAllMethod],
])

const none = Symbol.for('none')
const conflict = Symbol.for('global_name_conflict')

/** What a settlement does to processes. */
export interface Hands {
  kill(pid: Address<never>): void
  send(pid: Address<never>, message: unknown): void
}

/**
 * Carries a method out, if it is one of the three that `global` itself has; functions of Erlang cannot be run here.
 *
 * @returns The process that keeps the name, or the atom `none`; `undefined` for a method that is unknown here.
 */
export function settle(
  method: unknown,
  name: unknown,
  one: Address<never>,
  other: Address<never>,
  hands: Hands,
): Address<never> | symbol | undefined {
  const [min, max] = compareNodes(one.node, other.node) < 0 ? [one, other] : [other, one]
  if (sameTerm(method, exitMethod)) {
    hands.kill(max)
    return min
  }
  if (sameTerm(method, notifyMethod)) {
    hands.send(max, tuple(conflict, name))
    return min
  }
  if (sameTerm(method, notifyAllMethod)) {
    hands.send(one, tuple(conflict, name, other))
    hands.send(other, tuple(conflict, name, one))
    return none
  }
  return undefined
}

/** What is to be done on this side, and what on the other, after both have told each other their names. */
export interface Settlement {
  readonly here: NameOp[]
  readonly there: NameOp[]
}

/**
 * Compares the names of another part of the cluster with ours. Of two nodes the smaller settles the conflicts, so that each is
 * settled once.
 *
 * @param ask Asks the node of a process of ours to carry out its method: gives who keeps the name.
 */
export async function compareNames(
  parts: { readonly self: string; readonly peer: string; readonly own: (name: unknown) => GlobalName | undefined },
  theirs: readonly GlobalName[],
  ask: (own: GlobalName, their: GlobalName) => Promise<unknown>,
): Promise<Settlement> {
  const here: NameOp[] = []
  const there: NameOp[] = []
  for (const their of theirs) {
    const own = parts.own(their.name)
    if (own === undefined) here.push({ op: 'insert', entry: their })
    else if (own.pid !== their.pid && compareNodes(parts.self, parts.peer) < 0) {
      const winner = await ask(own, their).catch(() => their.pid)
      if (winner === their.pid) here.push({ op: 'insert', entry: their })
      else if (winner === own.pid) there.push({ op: 'insert', entry: own })
      else {
        const gone: NameOp = { op: 'delete', name: their.name }
        here.push(gone)
        there.push(gone)
      }
    }
  }
  return { here, there }
}
