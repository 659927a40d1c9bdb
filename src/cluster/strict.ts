/** Strict mode: messages within a node as they would be if they went to another one. */
import { decode, encode, type TermNode } from '../codec/stand-alone.js'
import { Named } from '../term/named.js'

/** Passes a message through the codec, and back. Addresses and references stay the objects that they are. @throws as sending does. */
export function throughCodec(message: unknown, node: TermNode): unknown {
  const target = (message as { address?: unknown } | null)?.address
  // What a monitor by name tells of is said by this node, and never sent.
  if (target instanceof Named)
    return { ...(throughCodec({ ...(message as object), address: null }, node) as object), address: target }
  return decode(encode(message, { node }), { node })
}
