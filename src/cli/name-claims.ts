/** What a command learns of the cluster-wide names of one node: what it claims, and with whom it has exchanged its names. */
import type { Node } from '../cluster/node.js'
import { ErpcError, ReignError } from '../errors.js'
import type { Deadline } from './deadline.js'

const waiting = Symbol.for('waiting')

/**
 * Resolves when a node that is connected has told its claims: `node.names` knows them then.
 *
 * @throws `ERR_REIGN_TIMEOUT`; `ERR_REIGN_CONNECTION_LOST`; `ERR_REIGN_CALL` when the other node takes no part in names: an Erlang node where nobody
 *   has started the scope (`pg:start_link(reign)`); the reason of the deadline's signal.
 */
export async function learnNames(
  node: Node,
  peer: string,
  { timeoutMs: timeout, stop: signal }: Deadline,
): Promise<void> {
  await node.names.sync({ nodes: [peer], timeout, signal })
  const found = node.names.nodes().find((each) => each.node === peer)
  if (found === undefined) throw new ReignError('ERR_REIGN_CONNECTION_LOST', `the connection with ${peer} is lost`)
  if (found.state === 'synced') return
  throw new ReignError('ERR_REIGN_CALL', `${peer} takes no part in names: no scope "reign" of pg runs there`)
}

/** A node with which another one has not exchanged its names. */
export interface Gap {
  readonly node: string
  readonly reason: 'not connected' | 'not answered yet'
}

/**
 * With which of `others` a node has not exchanged its names, as that node says; `undefined` when it cannot say, as an Erlang node.
 *
 * @throws `ERR_REIGN_TIMEOUT`; `ERR_REIGN_ERPC` when the connection is lost; the reason of the deadline's signal.
 */
export async function gapsOf(
  node: Node,
  peer: string,
  others: readonly string[],
  { timeoutMs: timeout, stop }: Deadline,
): Promise<readonly Gap[] | undefined> {
  let told: unknown
  try {
    told = await node.erpc(peer).call('reign', 'name_nodes', [], { timeout })
  } catch (error) {
    stop.throwIfAborted()
    if (error instanceof ErpcError && error.origin !== 'erpc') return undefined
    throw error
  }
  const states = statesIn(told)
  return others.flatMap((other): Gap[] => {
    if (other === peer) return []
    const state = states.get(other)
    if (state === undefined) return [{ node: other, reason: 'not connected' }]
    return state === waiting ? [{ node: other, reason: 'not answered yet' }] : []
  })
}

/** Nothing that a node tells is trusted to have its shape. */
function statesIn(told: unknown): ReadonlyMap<unknown, unknown> {
  const entries = Array.isArray(told) ? told : []
  return new Map(
    entries.flatMap((entry: { node?: unknown; state?: unknown } | null) =>
      typeof entry === 'object' && entry !== null ? [[entry.node, entry.state] as const] : [],
    ),
  )
}
