/**
 * The functions of Erlang's module `erlang` that other nodes may run here: questions about processes, and nothing that acts.
 * Observers and people at an Erlang shell ask them: `erpc:call(Node, erlang, process_info, [Pid])`.
 *
 * What is queued in a mailbox is not told: it belongs to the process.
 */

import { ReignError } from '../errors.js'
import type { ProcessInfo } from '../node/inspect.js'
import type { LocalNode } from '../node/local-node.js'
import { Address } from '../term/address.js'
import { atomName } from '../term/atom.js'
import { tuple } from '../term/tuple.js'

const process = Symbol.for('process')

/** The items that are told, as Erlang has them. */
const items: Readonly<Record<string, (info: ProcessInfo) => unknown>> = {
  current_function: (info) => tuple(Symbol.for('reign'), Symbol.for(info.initial_call ?? 'anonymous'), 0),
  group_leader: (info) => info.group_leader,
  initial_call: (info) => tuple(Symbol.for('reign'), Symbol.for(info.initial_call ?? 'anonymous'), 0),
  links: (info) => info.links,
  message_queue_len: (info) => info.message_queue_len,
  monitored_by: (info) => info.monitored_by,
  monitors: (info) =>
    info.monitors.map((target) =>
      tuple(process, target instanceof Address ? target : tuple(Symbol.for(target.name), Symbol.for(target.node))),
    ),
  registered_name: (info) => (info.registered_name === undefined ? [] : Symbol.for(info.registered_name)),
  status: (info) => Symbol.for(info.status),
  trap_exit: (info) => info.trap_exit,
}

/** The functions, for `expose`. */
export function erlangModule(
  node: LocalNode,
  nodes: () => readonly string[],
): Record<string, (...args: never[]) => unknown> {
  const tell = (info: ProcessInfo, item: unknown): unknown => {
    const name = typeof item === 'symbol' ? atomName(item) : undefined
    const value = name === undefined || !Object.hasOwn(items, name) ? undefined : items[name]
    if (value === undefined) throw badArgument()
    return name === 'registered_name' && info.registered_name === undefined ? [] : tuple(item, value(info))
  }
  return {
    is_process_alive: (address: Address<never>) => node.isAlive(local(node, address)),
    node: () => Symbol.for(node.name),
    nodes: () => nodes().map((name) => Symbol.for(name)),
    process_info: (address: Address<never>, ...wanted: unknown[]) => {
      const info = node.processInfo(local(node, address))
      if (info === undefined) return undefined
      const [what] = wanted
      if (wanted.length === 0) {
        return Object.keys(items)
          .filter((name) => name !== 'registered_name' || info.registered_name !== undefined)
          .map((name) => tell(info, Symbol.for(name)))
      }
      return Array.isArray(what) ? what.map((item) => tell(info, item)) : tell(info, what)
    },
    processes: () => node.processes(),
    registered: () => node.registered().map((name) => Symbol.for(name)),
    whereis: (name: symbol) => node.whereis(atomName(name) ?? ''),
  }
}

function local(node: LocalNode, address: unknown): Address<never> {
  if (address instanceof Address && address.node === node.name) return address
  throw badArgument()
}

function badArgument(): ReignError {
  return new ReignError('ERR_REIGN_ARGUMENT', 'badarg')
}
