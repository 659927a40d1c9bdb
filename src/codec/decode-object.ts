/** Maps as objects: the few keys that an object cannot take in the ordinary way. */
import { atomValue } from './atom-value.js'

/** The last array index there is: an object that ever had it keeps its indexed entries in a dictionary. */
const lastIndex = '4294967294'

/** @internal Whether a key needs {@link setEntry}: names that objects inherit, and array indexes past the first few. */
export function isHazardousKey(name: string): boolean {
  return name in Object.prototype || /^[1-9]\d{1,9}$/.test(name)
}

/**
 * Gives an object an own entry of a hazardous name.
 *
 * `__proto__` would switch the prototype instead, and where `Object.prototype` is frozen `toString` and its like could not be
 * set at all. An index would make V8 allocate an array up to it: twelve kilobytes for a map of ten bytes.
 */
export function setEntry(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name in Object.prototype) {
    Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
    return
  }
  if (!Object.hasOwn(object, lastIndex)) {
    object[lastIndex] = undefined
    delete object[lastIndex]
  }
  object[name] = value
}

/** The same entries as a Map, whose keys are the atoms that the names stand for. */
export function toMap(object: Record<string, unknown>): Map<unknown, unknown> {
  const map = new Map<unknown, unknown>()
  for (const name of Object.keys(object)) map.set(atomValue(name), object[name])
  return map
}
