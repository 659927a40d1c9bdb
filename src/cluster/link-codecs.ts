/**
 * In what form payloads go over a link: messages, exit reasons, arguments. Framing and control messages are the same for all.
 *
 * Two nodes of reign agree on it by ALPN, which TLS has for that; with a peer that offers none, as all of Erlang's nodes, it is ETF.
 */
import { BoundCodec } from '../codec/bound-codec.js'
import type { Codec } from '../codec/codec.js'
import type { DecodeContext } from '../codec/decode.js'
import type { EncodeContext } from '../codec/encode.js'
import { ReignError } from '../errors.js'

/**
 * A form of payloads. `'js'`: all values of JavaScript arrive as what they were. `'etf'`: what they are to Erlang, as every node of
 * Erlang writes it. Or a {@link Codec} of one's own, with `'js'` for what it leaves.
 */
export type CodecChoice = 'js' | 'etf' | Codec

/** The forms that a node speaks unless it is told otherwise, best first. */
export const defaultCodecs: readonly CodecChoice[] = ['js', 'etf']

/** One form of payloads, as this node writes and reads it. */
export interface LinkCodec {
  readonly name: string
  readonly encoding: EncodeContext
  /** What decoding needs to know beside what is the same for all. */
  readonly decoding: Pick<DecodeContext, 'javascript' | 'codec'>
}

/** What {@link LinkCodecs} is made of. */
export interface LinkCodecsParts {
  /** Best first; completed by the defaults, as every node of reign has them, unless they end with ETF. */
  readonly choices: readonly CodecChoice[]
  readonly encoding: Pick<EncodeContext, 'refLeaves'>
  readonly decoding: DecodeContext
  /** Whether links can agree on anything at all. */
  readonly negotiable: boolean
}

const alpnPrefix = 'reign/'
const namePattern = /^[A-Za-z0-9][\w./-]{0,63}$/

/** See the head of this file. */
export class LinkCodecs {
  /** The application protocols to offer, best first. */
  readonly alpn: readonly string[]
  /** What a node is taken to speak with which there has been no connection. */
  readonly assumed: LinkCodec
  readonly #byAlpn: ReadonlyMap<string, LinkCodec>
  readonly #etf: LinkCodec

  constructor(parts: LinkCodecsParts) {
    const all = completed(parts.choices).map((choice) => linkCodec(choice, parts))
    this.#etf = all.find(({ name }) => name === 'etf') as LinkCodec
    this.#byAlpn = new Map(all.map((codec) => [alpnPrefix + codec.name, codec]))
    this.alpn = parts.negotiable ? [...this.#byAlpn.keys()] : []
    this.assumed = parts.negotiable ? (all[0] as LinkCodec) : this.#etf
  }

  /** What is spoken over a link on which TLS has agreed on this application protocol. */
  of(alpn: string | undefined): LinkCodec {
    return (alpn === undefined ? undefined : this.#byAlpn.get(alpn)) ?? this.#etf
  }
}

/** What reading needs to know over a link of that form; `context` has what that of the peer is. */
export function readingOf({ decoding }: LinkCodec, context: DecodeContext): DecodeContext {
  const { javascript, codec } = decoding
  return { ...context, javascript, codec: codec?.reading({ ...context, javascript, memory: 'own' }) }
}

/**
 * Checks what a program has chosen.
 *
 * @throws `ERR_REIGN_ARGUMENT` for what is no codec, a name that is none, or one that is there twice.
 */
export function checkCodecs(choices: readonly CodecChoice[] = defaultCodecs): readonly CodecChoice[] {
  if (!Array.isArray(choices)) throw refusal('codecs is a list')
  const names = new Set<string>()
  for (const choice of choices) {
    const name = nameOf(choice)
    if (name === undefined) throw refusal("a codec is 'js', 'etf', or has a name, encode and decode")
    if (!namePattern.test(name)) throw refusal(`${JSON.stringify(name)} is no name for a codec`)
    if (names.has(name)) throw refusal(`two codecs are called ${name}`)
    names.add(name)
  }
  return choices
}

function nameOf(choice: CodecChoice): string | undefined {
  if (choice === 'js' || choice === 'etf') return choice
  if (typeof choice !== 'object' || choice === null || typeof choice.name !== 'string') return undefined
  return typeof choice.encode === 'function' && typeof choice.decode === 'function' ? choice.name : undefined
}

function refusal(complaint: string): ReignError {
  return new ReignError('ERR_REIGN_ARGUMENT', complaint)
}

/** Every node has the defaults, behind what it prefers; where ETF is in the list, that is all of it. */
function completed(choices: readonly CodecChoice[]): readonly CodecChoice[] {
  if (choices.includes('etf')) return choices
  return [...choices, ...defaultCodecs.filter((choice) => !choices.includes(choice))]
}

function linkCodec(choice: CodecChoice, parts: LinkCodecsParts): LinkCodec {
  const javascript = choice !== 'etf'
  const refLeaves: EncodeContext['refLeaves'] = (ref) => parts.encoding.refLeaves(ref)
  const codec =
    typeof choice === 'string'
      ? undefined
      : new BoundCodec(choice, { refLeaves, javascript }, { ...parts.decoding, javascript })
  return {
    name: typeof choice === 'string' ? choice : choice.name,
    encoding: { refLeaves, javascript, codec },
    decoding: { javascript, codec },
  }
}
