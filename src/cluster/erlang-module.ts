/**
 * The functions of Erlang's module `erlang` that other nodes may run here: questions about processes and nodes, and nothing that acts.
 * Observers and people at an Erlang shell ask them: `erpc:call(Node, erlang, process_info, [Pid])`.
 *
 * What is queued in a mailbox is not told: it belongs to the process. Nor is what Node.js does not know of a single process (`memory`,
 * `reductions`): like an item that Erlang does not have, it is a `badarg`. Source: Erlang's reference manual, module `erlang`.
 */
import { RaisedError } from '../errors.js'
import type { ProcessInfo } from '../node/inspect.js'
import type { LocalNode } from '../node/local-node.js'
import { Address } from '../term/address.js'
import { atomName } from '../term/atom.js'
import { charlist } from '../term/text.js'
import { tuple } from '../term/tuple.js'
import { checkKinds, type NodeKind } from './node-kind.js'

/** The release of OTP whose distribution protocol is spoken here: what Erlang nodes ask for before they rely on anything. */
const otpRelease = '25'

const [badarg, erlang, process, reign] = ['badarg', 'erlang', 'process', 'reign'].map(Symbol.for) as [
  symbol,
  symbol,
  symbol,
  symbol,
]

/** What a process runs, as Erlang names it: what is exposed under its own name, other functions as those of a module `reign`. */
const spawnedName = /^([^:]{1,100}):([^:]{1,100})\/(\d{1,3})$/
const functionName = /^[\w$ .<>]{1,100}$/

function functionOf({ initial_call: name = '' }: ProcessInfo): unknown {
  const [, module, called, arity] = spawnedName.exec(name) ?? []
  if (module !== undefined && called !== undefined) return tuple(Symbol.for(module), Symbol.for(called), Number(arity))
  return tuple(reign, Symbol.for(functionName.test(name) ? name : 'anonymous'), 0)
}

/** What `process_info/1` tells, in Erlang's order. */
const commonItems: Readonly<Record<string, (info: ProcessInfo, node: LocalNode) => unknown>> = {
  registered_name: (info) => (info.registered_name === undefined ? [] : Symbol.for(info.registered_name)),
  current_function: functionOf,
  initial_call: functionOf,
  status: (info) => Symbol.for(info.status),
  message_queue_len: (info) => info.message_queue_len,
  links: (info) => info.links,
  dictionary: () => [],
  trap_exit: (info) => info.trap_exit,
  priority: () => Symbol.for('normal'),
  group_leader: (info, node) => info.group_leader ?? node.runtime.groupLeader,
  suspending: () => [],
}

/** All that is told when it is asked for. */
const items: typeof commonItems = {
  ...commonItems,
  monitored_by: (info) => info.monitored_by,
  monitors: (info) =>
    info.monitors.map((target) =>
      tuple(process, target instanceof Address ? target : tuple(Symbol.for(target.name), Symbol.for(target.node))),
    ),
}

/** The functions, for `expose`. */
export function erlangModule(
  node: LocalNode,
  nodes: (kinds: ReadonlySet<NodeKind>) => readonly string[],
): Record<string, (...args: never[]) => unknown> {
  const item = (name: unknown, info: ProcessInfo): unknown => {
    const key = typeof name === 'symbol' ? atomName(name) : undefined
    const tell = key === undefined || !Object.hasOwn(items, key) ? undefined : items[key]
    if (tell === undefined) throw badarg
    return tuple(name, tell(info, node))
  }
  const local = (address: unknown): Address<never> => {
    if (address instanceof Address && address.node === node.name) return address
    throw badarg
  }
  const atoms = (names: readonly string[]) => names.map((name) => Symbol.for(name))
  const systemInfo: Readonly<Record<string, () => unknown>> = {
    creation: () => node.addressBook.self.creation,
    otp_release: () => charlist(otpRelease),
    process_count: () => node.runtime.table.size,
    process_limit: () => node.runtime.table.sizeMax,
  }

  return raising({
    is_process_alive: (address) => node.isAlive(local(address)),
    node: () => Symbol.for(node.name),
    nodes: (...kinds) => atoms(nodes(kinds.length === 0 ? new Set<NodeKind>(['visible']) : kindsOf(kinds[0]))),
    process_info: (address, ...wanted) => {
      const info = node.processInfo(local(address))
      if (info === undefined) return undefined
      const [what] = wanted
      if (Array.isArray(what)) return what.map((name) => item(name, info))
      // Erlang's two exceptions for who has no name: left out of everything, and no pair when it alone is asked for.
      const nameless = info.registered_name === undefined
      if (wanted.length > 0) return nameless && what === Symbol.for('registered_name') ? [] : item(what, info)
      return Object.keys(commonItems)
        .filter((name) => name !== 'registered_name' || !nameless)
        .map((name) => item(Symbol.for(name), info))
    },
    processes: () => node.processes(),
    registered: () => atoms(node.registered()),
    system_info: (what) => {
      const key = typeof what === 'symbol' ? atomName(what) : undefined
      if (key === undefined || !Object.hasOwn(systemInfo, key)) throw badarg
      return systemInfo[key]?.()
    },
    whereis: (name) => {
      // `true`, `false`, `undefined` and `null` are atoms too, which nobody is registered under.
      if (typeof name === 'symbol') return node.whereis(atomName(name) ?? '')
      if (typeof name === 'boolean' || name === undefined || name === null) return undefined
      throw badarg
    },
  })
}

function kindsOf(given: unknown): ReadonlySet<NodeKind> {
  const names = (Array.isArray(given) ? given : [given]).map((kind) =>
    typeof kind === 'symbol' ? atomName(kind) : undefined,
  )
  try {
    return checkKinds(names as NodeKind[])
  } catch {
    throw badarg
  }
}

/** What throws `badarg` raises it as Erlang does, with the call that it was. */
function raising(
  functions: Readonly<Record<string, (...args: unknown[]) => unknown>>,
): Record<string, (...args: never[]) => unknown> {
  const raise = (name: string, run: (...args: unknown[]) => unknown) => {
    return (...args: unknown[]) => {
      try {
        return run(...args)
      } catch (error) {
        if (error !== badarg) throw error
        throw new RaisedError(badarg, [tuple(erlang, Symbol.for(name), args, [])])
      }
    }
  }
  return Object.fromEntries(Object.entries(functions).map(([name, run]) => [name, raise(name, run)]))
}
