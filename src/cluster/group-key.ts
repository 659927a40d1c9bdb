/** Names of groups: any Erlang term. Two names are the same group exactly when they are the same term. */
import { isUtf8 } from 'node:buffer'
import { atomValue } from '../codec/atom-value.js'
import { keyText } from '../codec/encode.js'
import { TermError } from '../errors.js'
import { atomCharactersMax, atomName } from '../term/atom.js'

/** A group's name as a map key. */
export type GroupKey = string | symbol | number | boolean | null | undefined

/** Comes before the bytes of a term in its key. No text can begin so: a lone surrogate is none. */
const termMark = '\ud800'

/**
 * The key of a name. Names that are text or atoms, as most are, are their own.
 *
 * @throws as `encode` of `reign/etf`, when the name is no Erlang term, and so could not be told to another node.
 */
export function groupKey(name: unknown): GroupKey {
  switch (typeof name) {
    case 'string':
      if (name.isWellFormed()) return name
      break
    case 'symbol': {
      const text = atomName(name)
      if (text !== undefined && text.length <= atomCharactersMax) return atomValue(text)
      break
    }
    case 'number':
      // Zero has one name, whatever its sign.
      if (Number.isSafeInteger(name)) return name + 0
      break
    case 'bigint':
      if (Number.isSafeInteger(Number(name))) return Number(name)
      break
    case 'boolean':
    case 'undefined':
      return name
    case 'object':
      if (name === null) return name
      if (name instanceof Uint8Array && isUtf8(name)) return Buffer.from(name).toString()
  }
  return termMark + keyText(name)
}

/** Whether what another node calls a group is a name: nodes of reign can say more to each other than there are terms. */
export function isGroupName(name: unknown): boolean {
  try {
    groupKey(name)
    return true
  } catch (error) {
    if (error instanceof TermError) return false
    throw error
  }
}

/** A name as this node has it: text is text, also where binaries are taken as bytes. */
export function groupName(name: unknown): unknown {
  return name instanceof Uint8Array && isUtf8(name) ? Buffer.from(name).toString() : name
}
