/** Strict mode: messages within a node as they would be if they went to another one. */
import { BoundCodec } from '../codec/bound-codec.js'
import { decode, decodeContextOf, encode, encodeContextOf, type TermNode } from '../codec/stand-alone.js'
import { Named } from '../term/named.js'
import { type CodecChoice, checkCodecs } from './link-codecs.js'

/** Passes a message through a codec, and back. Addresses and references stay the objects that they are. @throws as sending does. */
export type StrictCopy = (message: unknown, node: TermNode) => unknown

/**
 * What a node in strict mode does with each message; `undefined` for one that is not.
 *
 * @param strict `true`: as it would go to another node of reign that speaks the same; `'etf'`: as it would to a node of Erlang.
 */
export function strictCopy(
  strict: boolean | 'etf' | undefined,
  codecs?: readonly CodecChoice[],
): StrictCopy | undefined {
  if (!strict) return undefined
  const choice = strict === 'etf' ? 'etf' : (checkCodecs(codecs)[0] ?? 'etf')
  let codec: BoundCodec | undefined
  const copy: StrictCopy = (message, node) => {
    const options = { node, javascript: choice !== 'etf' }
    if (typeof choice === 'object') codec ??= new BoundCodec(choice, encodeContextOf(options), decodeContextOf(options))
    const target = (message as { address?: unknown } | null)?.address
    // What a monitor by name tells of is said by this node, and never sent.
    if (target instanceof Named) {
      return { ...(copy({ ...(message as object), address: null }, node) as object), address: target }
    }
    return decode(encode(message, { ...options, codec }), { ...options, codec })
  }
  return copy
}
