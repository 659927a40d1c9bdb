/** Whether two terms are the same term, as Erlang's `=:=` has it, for values as this library maps them. */
import { Bits } from './bits.js'
import { Float } from './float.js'
import { ExportFun } from './fun.js'
import { ImproperList } from './improper-list.js'
import { Port } from './port.js'
import { isTuple } from './tuple.js'

/**
 * Whether two terms are the same: structure by structure, text and bytes by content, addresses and references by identity.
 *
 * `0` and `-0` differ, as they do on the wire; an array is not the tuple of its elements. Cost: the size of the smaller
 * term. Cyclic values are no terms; nesting is bounded only by the stack.
 */
export function sameTerm(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length || isTuple(a) !== isTuple(b)) return false
    return a.every((element, i) => sameTerm(element, b[i]))
  }
  if (a instanceof Uint8Array) return b instanceof Uint8Array && sameBytes(a, b)
  if (a instanceof Map) return b instanceof Map && sameMap(a, b)
  if (a instanceof Float) return b instanceof Float && Object.is(a.value, b.value)
  if (a instanceof Bits) return b instanceof Bits && a.lastBits === b.lastBits && sameBytes(a.bytes, b.bytes)
  if (a instanceof ImproperList) {
    return b instanceof ImproperList && sameTerm(a.elements, b.elements) && sameTerm(a.tail, b.tail)
  }
  if (a instanceof Port) return b instanceof Port && a.node === b.node && a.id === b.id && a.creation === b.creation
  if (a instanceof ExportFun) {
    return b instanceof ExportFun && a.module === b.module && a.function === b.function && a.arity === b.arity
  }
  return isPlain(a) && isPlain(b) && sameObject(a, b)
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function sameObject(a: Record<string, unknown>, b: Record<string, unknown>): boolean {
  const keys = Object.keys(a)
  if (keys.length !== Object.keys(b).length) return false
  return keys.every((key) => Object.hasOwn(b, key) && sameTerm(a[key], b[key]))
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Keys that are not primitive are found by comparing, each once: such maps are rare and small. */
function sameMap(a: Map<unknown, unknown>, b: Map<unknown, unknown>): boolean {
  if (a.size !== b.size) return false
  const found = new Set<unknown>()
  for (const [key, value] of a) {
    if (b.has(key)) {
      if (!sameTerm(value, b.get(key))) return false
      continue
    }
    const sizeBefore = found.size
    for (const [other, otherValue] of b) {
      if (!a.has(other) && !found.has(other) && sameTerm(key, other) && sameTerm(value, otherValue)) {
        found.add(other)
        break
      }
    }
    if (found.size === sizeBefore) return false
  }
  return true
}
