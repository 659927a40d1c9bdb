/**
 * Shapes of what people write down: each says what may stand at a place, takes what fits, and reports what does not.
 *
 * All that is wrong is found at once, and the rest is read: a mistyped field does not hide another. Written by hand since every
 * node and every command reads a specification when it starts: a library for it took a fifth of that time.
 */
import { suggestion } from './suggestion.js'

/** Something that does not fit. Its message never holds the value, which may be a secret in the wrong place. */
export interface Fault {
  readonly path: readonly string[]
  readonly message: string
}

/** What may stand at a place. */
export interface Shape<T> {
  /** `a text`, `true or false`: what should have been there. */
  readonly wanted: string
  /** Gives what fits; `undefined` for what does not, which is reported. Takes own properties only, and throws nothing. */
  read(value: unknown, path: readonly string[], faults: Fault[]): T | undefined
}

/** The fields of an object. */
export type Fields<T> = { readonly [K in keyof T]-?: Shape<NonNullable<T[K]>> }

/** Makes a shape of a test: `false` for what is out of place, else what is wrong with what is in place, if anything. */
function tested<T>(wanted: string, test: (value: unknown) => false | readonly string[]): Shape<T> {
  return {
    wanted,
    read(value, path, faults) {
      const problems = test(value)
      if (problems === false) faults.push(outOfPlace(wanted, value, path))
      else if (problems.length === 0) return value as T
      else faults.push(...problems.map((message) => ({ path, message })))
      return undefined
    },
  }
}

/** A text; `check` gives what is wrong with it. */
export function text(check: (value: string) => string | undefined = () => undefined): Shape<string> {
  return tested('a text', (value) => typeof value === 'string' && some(check(value)))
}

/** `true` or `false`. */
export const flag: Shape<boolean> = tested('true or false', (value) => typeof value === 'boolean' && [])

/** A whole number. */
export function wholeNumber(min: number, max: number): Shape<number> {
  return tested('a number', (value) => {
    if (typeof value !== 'number' || !Number.isFinite(value)) return false
    const fits = Number.isInteger(value) && value >= min && value <= max
    return fits ? [] : [`is not a whole number from ${min} to ${max}`]
  })
}

/** One of some words. */
export function oneOf<const T extends string>(wanted: string, words: readonly T[]): Shape<T> {
  const known: readonly unknown[] = words
  return {
    wanted,
    read(value, path, faults) {
      if (known.includes(value)) return value as T
      // A text is a text, but not the right one: that it is one helps nobody.
      faults.push(typeof value === 'string' ? { path, message: `must be ${wanted}` } : outOfPlace(wanted, value, path))
      return undefined
    },
  }
}

/** A list of texts, or one text; `check` gives all that is wrong with it as a whole. */
export function textOrTexts(
  wanted: string,
  check: (value: string | readonly string[]) => readonly string[],
): Shape<string | readonly string[]> {
  return {
    wanted,
    read(value, path, faults) {
      // A list goes as a whole: what is left of it is not what was meant.
      const other = Array.isArray(value) ? value.findIndex((each) => typeof each !== 'string') : -1
      if (other >= 0) faults.push(outOfPlace('a text', (value as unknown[])[other], [...path, String(other)]))
      else if (typeof value !== 'string' && !Array.isArray(value)) faults.push(outOfPlace(wanted, value, path))
      else {
        const problems = check(value)
        if (problems.length === 0) return value
        faults.push(...problems.map((message) => ({ path, message })))
      }
      return undefined
    },
  }
}

/**
 * An object with these fields and no others, each of which may be missing.
 *
 * @param synonyms Other words for fields: other cases and `_` need not be here, `suggestion` looks past them.
 */
export function object<T extends object>(fields: Fields<T>, synonyms: Readonly<Record<string, string>> = {}): Shape<T> {
  const wanted = 'an object'
  const shapes: readonly (readonly [string, Shape<unknown>])[] = Object.entries(fields)
  return {
    wanted,
    read(value, path, faults) {
      if (!isObject(value)) return void faults.push(outOfPlace(wanted, value, path))
      const taken: [string, unknown][] = []
      for (const [name, shape] of shapes) {
        const inner = Object.hasOwn(value, name) ? value[name] : undefined
        const read = inner === undefined ? undefined : shape.read(inner, [...path, name], faults)
        if (read !== undefined) taken.push([name, read])
      }
      for (const name of Object.keys(value)) {
        if (Object.hasOwn(fields, name)) continue
        faults.push({ path: [...path, name], message: `is not known${didYouMean(name, fields, synonyms)}` })
      }
      return Object.fromEntries(taken) as T
    },
  }
}

/** An object with any names, and the same shape under each. */
export function record<T>(wanted: string, shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return {
    wanted,
    read(value, path, faults) {
      if (!isObject(value)) return void faults.push(outOfPlace(wanted, value, path))
      const taken = Object.entries(value).flatMap(([name, inner]): [string, T][] => {
        const read = shape.read(inner, [...path, name], faults)
        return read === undefined ? [] : [[name, read]]
      })
      return Object.fromEntries(taken)
    },
  }
}

/** One of several shapes: the one that is meant is told by the look of the value; none for what is out of place. */
export function meant<T>(wanted: string, which: (value: unknown) => Shape<T> | undefined): Shape<T> {
  return {
    wanted,
    read(value, path, faults) {
      const shape = which(value)
      if (shape !== undefined) return shape.read(value, path, faults)
      return void faults.push(outOfPlace(wanted, value, path))
    },
  }
}

/** Whether it is an object that is no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function outOfPlace(wanted: string, value: unknown, path: readonly string[]): Fault {
  return { path, message: `must be ${wanted}, not ${kindOf(value)}` }
}

const kinds: Readonly<Record<string, string>> = { string: 'a text', object: 'an object' }

/** What kind of thing stands there; never the thing itself. */
function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null || (typeof value === 'number' && !Number.isFinite(value))) return String(value)
  return Array.isArray(value) ? 'a list' : (kinds[typeof value] ?? `a ${typeof value}`)
}

function didYouMean(name: string, fields: object, synonyms: Readonly<Record<string, string>>): string {
  const plain = name.toLowerCase().replace(/[_-]/g, '')
  const synonym = Object.hasOwn(synonyms, plain) ? synonyms[plain] : undefined
  const near = synonym !== undefined && Object.hasOwn(fields, synonym) ? synonym : suggestion(name, Object.keys(fields))
  return near === undefined ? ` (there are ${Object.keys(fields).join(', ')})` : `: did you mean ${near}?`
}

function some(problem: string | undefined): readonly string[] {
  return problem === undefined ? [] : [problem]
}
