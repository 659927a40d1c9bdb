/** Why a value cannot be sent, and what to send in its place: one line for each kind that people try. */
import { types } from 'node:util'

/** A short text for an error message: what the value is, and what would do. */
export function unsupportedAdvice(value: unknown): string {
  if (typeof value === 'function') return 'a function cannot be sent: send data, and call by name'
  if (value instanceof Date) return 'a Date is no term: send getTime() or toISOString()'
  if (value instanceof RegExp) return 'a RegExp is no term: send its source'
  if (types.isSet(value)) return 'a Set is no term: send an array, [...set]'
  if (types.isPromise(value)) return 'a promise cannot be sent: await it first'
  if (types.isAnyArrayBuffer(value)) return 'an ArrayBuffer is no term: send new Uint8Array(buffer)'
  if (ArrayBuffer.isView(value)) {
    return `${nameOf(value)} is no term: send an array of its numbers, or new Uint8Array(view.buffer, view.byteOffset, view.byteLength)`
  }
  if (types.isBoxedPrimitive(value)) return `${nameOf(value)} wraps a primitive: send value.valueOf()`
  if (types.isWeakMap(value) || types.isWeakSet(value)) return `${nameOf(value)} cannot be sent: nobody can list it`
  return `an instance of ${nameOf(value)} is no term: send a plain object, an array or a tuple of its data`
}

/** The name of the class of a value, quoted and bounded; it may be anybody's text. */
function nameOf(value: unknown): string {
  const prototype: unknown = Object.getPrototypeOf(value)
  const made =
    prototype === null || prototype === undefined
      ? undefined
      : Object.getOwnPropertyDescriptor(prototype, 'constructor')
  const name: unknown = typeof made?.value === 'function' ? made.value.name : undefined
  return typeof name === 'string' && name !== '' ? name.slice(0, 64) : 'a class without a name'
}
