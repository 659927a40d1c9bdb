/** What atoms are in JavaScript. */

/** Symbols, but for the four atoms that are values of JavaScript's own. */
export type AtomValue = symbol | boolean | null | undefined

/** The value of the atom of that name. */
export function atomValue(name: string): AtomValue {
  if (name === 'undefined') return undefined
  if (name === 'true') return true
  if (name === 'false') return false
  if (name === 'null') return null
  return Symbol.for(name)
}

/** The name of the atom of that value. */
export function atomValueName(value: AtomValue): string {
  return typeof value === 'symbol' ? (value.description ?? '') : String(value)
}
