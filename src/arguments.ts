/**
 * Arguments that are not what they must be: the caller's mistake, which throws before anything has begun.
 *
 * A check says what must be there, as `a callback is a function`, and the error adds what was given instead.
 */
import { describe, ReignError } from './errors.js'

/** The error for an argument. @param must What it must be: `a callback is a function`. */
export function refused(must: string, given: unknown): ReignError {
  return new ReignError('ERR_REIGN_ARGUMENT', `${must}, not ${shown(given)}`)
}

/** A text in quotes, so that an empty one is seen. */
function shown(given: unknown): string {
  if (typeof given === 'string') return JSON.stringify(describe(given))
  return typeof given === 'function' || typeof given === 'object' ? describe(given) : String(given)
}

/** @throws `ERR_REIGN_ARGUMENT` unless it holds. */
export function check(holds: boolean, must: string, given: unknown): asserts holds {
  if (!holds) throw refused(must, given)
}

/** @param what `a callback`. @throws `ERR_REIGN_ARGUMENT`. */
export function checkFunction(given: unknown, what: string): void {
  check(typeof given === 'function', `${what} is a function`, given)
}

/** @param what `the name of a node`. @throws `ERR_REIGN_ARGUMENT` for what is no text, and for an empty one. */
export function checkText(given: unknown, what: string): void {
  check(typeof given === 'string' && given !== '', `${what} is a text`, given)
}

/** @throws `ERR_REIGN_ARGUMENT` for what is no object with options, or nothing at all. */
export function checkOptions(given: unknown, what = 'options'): void {
  if (given !== undefined) checkObject(given, what)
}

/** @param what `the definition of a server`. @throws `ERR_REIGN_ARGUMENT` for what is no object of parts. */
export function checkObject(given: unknown, what: string): void {
  check(typeof given === 'object' && given !== null, `${what} ${what.endsWith('s') ? 'are' : 'is'} an object`, given)
}

/** A part of options or a definition that may be missing; else it is of this type. @throws `ERR_REIGN_ARGUMENT`. */
export function checkPart(
  of: object,
  name: string,
  type: 'function' | 'string' | 'boolean' | 'object',
  what: string = name,
): void {
  const given = (of as Readonly<Record<string, unknown>>)[name]
  if (given === undefined) return
  check(typeof given === type && given !== null, `${what} is a${type === 'object' ? 'n' : ''} ${type}`, given)
}

/** @throws `ERR_REIGN_ARGUMENT` for what lacks one of these methods; nothing at all may be missing. */
export function checkMethods(of: object, name: string, methods: readonly string[]): void {
  const given = (of as Readonly<Record<string, unknown>>)[name]
  if (given === undefined) return
  const lacks = methods.find(
    (each) => typeof (given as Readonly<Record<string, unknown>> | null)?.[each] !== 'function',
  )
  check(lacks === undefined, `${name} has the method${methods.length === 1 ? '' : 's'} ${methods.join(', ')}`, given)
}

/** @throws `ERR_REIGN_ARGUMENT` for what is none of these; nothing at all may be missing. */
export function checkOneOf(given: unknown, what: string, all: readonly unknown[]): void {
  if (given !== undefined) check(all.includes(given), `${what} is one of ${all.join(', ')}`, given)
}

/** @throws `ERR_REIGN_ARGUMENT` for what is no number from `min` to `max`. */
export function checkNumber(given: unknown, what: string, min = 0, max: number = Number.MAX_VALUE): void {
  const bounds = max === Number.MAX_VALUE ? (min === 0 ? '' : ` from ${min}`) : ` from ${min} to ${max}`
  check(typeof given === 'number' && given >= min && given <= max, `${what} is a number${bounds}`, given)
}
