/** Kinds of nodes, as Erlang's `nodes/1` has them. */
import { refused } from '../arguments.js'

/**
 * A kind of node: `visible` and `hidden` (connected, and seen or not seen by Erlang's cluster services on both sides), `connected` (either
 * of these), `this` (the node itself), `known` (all that this node has heard of: itself, those that are connected or members, and
 * those of whom it holds addresses or references).
 */
export type NodeKind = 'visible' | 'hidden' | 'connected' | 'this' | 'known'

const all: ReadonlySet<unknown> = new Set<NodeKind>(['visible', 'hidden', 'connected', 'this', 'known'])

/** One or several kinds, as they were given. @throws `ERR_REIGN_ARGUMENT` for what is none. */
export function checkKinds(kinds: NodeKind | readonly NodeKind[]): ReadonlySet<NodeKind> {
  const list = typeof kinds === 'string' ? [kinds] : kinds
  if (Array.isArray(list) && list.every((kind) => all.has(kind))) return new Set(list)
  throw refused(`kinds of nodes are ${[...all].join(', ')}`, kinds)
}
