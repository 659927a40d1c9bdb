/** Atoms to bytes, by way of a cache: most programs use the same few dozen atoms in every message. */
import { atomName } from '../term/atom.js'
import { copyOf } from './copy.js'
import { writeAtomName } from './encode-text.js'
import type { Writer } from './writer.js'

/** Atoms that the cache holds before it starts anew. */
const cachedAtomsMax = 16_384

/**
 * Registered symbols and the bytes of their atoms. Shared by all nodes of the program, as registered symbols are: it
 * changes no result, only how fast it comes.
 */
const cache = new Map<symbol, Uint8Array>()

const encoded = (name: string): Uint8Array => Uint8Array.from([119, name.length, ...Buffer.from(name)])
export const atomTrue: Uint8Array = encoded('true')
export const atomFalse: Uint8Array = encoded('false')
export const atomNull: Uint8Array = encoded('null')
export const atomUndefined: Uint8Array = encoded('undefined')

/**
 * Writes a symbol as an atom.
 *
 * @returns `undefined`, or what is wrong with the symbol; nothing is written then.
 */
export function writeAtom(writer: Writer, symbol: symbol): string | undefined {
  const known = cache.get(symbol)
  if (known !== undefined) {
    writer.raw(known)
    return undefined
  }
  const name = atomName(symbol)
  if (name === undefined) return `${String(symbol)} is not registered, so no atom: make atoms with atom(name)`
  const start = writer.length
  const complaint = writeAtomName(writer, name)
  if (complaint !== undefined) return complaint
  if (cache.size >= cachedAtomsMax) cache.clear()
  cache.set(symbol, copyOf(writer.buffer, start, writer.length - start))
  return undefined
}
