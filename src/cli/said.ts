/** What participants of the chat send each other, and how it is shown: it comes from anybody, so nothing in it is trusted. */
import { atomName } from '../term/atom.js'
import { charlistText } from '../term/text.js'

/** What one participant sends to all others; from Erlang, `#{type => said, by => node(), text => <<"hello">>}`. */
export interface Said {
  readonly type: 'said'
  readonly by: string
  readonly text: string
}

/** The cluster-wide name that every participant claims. */
export const chatName = 'chat'

/** The most characters that are shown of a text, and of a name. */
const shownMax = { text: 4_096, by: 255 } as const

/** What a message says, ready to be shown; `undefined` when it is none of the chat's. Text may come in any of Erlang's forms. */
export function readSaid(message: unknown): { readonly by: string; readonly text: string } | undefined {
  if (textOf(field(message, 'type')) !== 'said') return undefined
  const by = textOf(field(message, 'by'))
  const text = textOf(field(message, 'text'))
  if (by === undefined || text === undefined) return undefined
  return { by: printable(by, shownMax.by), text: printable(text, shownMax.text) }
}

/**
 * A text without anything that would command a terminal, forge a line, or turn the direction of writing: white space becomes a
 * space, the rest U+FFFD. What letters and emoji are joined with stays.
 */
export function printable(text: string, charactersMax: number): string {
  const cut = text.length > charactersMax ? `${text.slice(0, charactersMax).toWellFormed()}…` : text.toWellFormed()
  return cut.replace(/[\t\n\v\f\r\u0085\p{Zl}\p{Zp}]+/gu, ' ').replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}]/gu, '\ufffd')
}

/** A field of an object, or of a map whose keys are texts or atoms. */
function field(message: unknown, name: string): unknown {
  if (message instanceof Map) return message.get(name) ?? message.get(Symbol.for(name))
  if (typeof message !== 'object' || message === null || !Object.hasOwn(message, name)) return undefined
  return Reflect.get(message, name)
}

/** The text of a string, an atom, a binary that is no UTF-8, or a charlist. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  if (typeof value === 'symbol') return atomName(value)
  if (value instanceof Uint8Array) return new TextDecoder().decode(value)
  return charlistText(value)
}
