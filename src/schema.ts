/**
 * Schemas: what a mailbox, a process or a server accepts, said by a library of the program's choice.
 *
 * The interface is Standard Schema, version 1 (https://standardschema.dev), which zod, valibot, arktype and others implement; it is
 * declared here in our own words, so that none of them is needed. A schema answers at once: one that gives a promise would let a later
 * message overtake an earlier one.
 */
import { describe } from './describe.js'
import { ReignError } from './errors.js'

/** What a schema says of one value. */
export type SchemaResult<O> =
  | { readonly value: O; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] }

/** A Standard Schema: `I` is what it takes, `O` what it makes of that. */
export interface Schema<I = unknown, O = I> {
  readonly '~standard': {
    readonly version: 1
    /** The library that it is of. */
    readonly vendor: string
    readonly validate: (value: unknown) => SchemaResult<O> | Promise<SchemaResult<O>>
    /** Type only. */
    readonly types?: { readonly input: I; readonly output: O } | undefined
  }
}

/** What a schema takes: what is sent. */
export type InputOf<S extends Schema> = NonNullable<S['~standard']['types']>['input']

/** What a schema makes of what it takes: what is received. */
export type OutputOf<S extends Schema> = NonNullable<S['~standard']['types']>['output']

/** One thing that is wrong with a value; a term, so that it can be told to another node. */
export interface Issue {
  /** In the words of the schema, cut to 200 characters. */
  readonly message: string
  /** Where in the value: the keys that lead there. */
  readonly path: readonly (string | number)[]
}

/** So much is told of what does not fit, however much is wrong: it may come from a stranger, and goes into logs and back over the wire. */
const issuesMax = 10
const pathMax = 20
const charactersMax = 200

/** A value does not fit, and why. */
export class Refusal {
  readonly issues: readonly Issue[]

  constructor(issues: readonly Issue[]) {
    this.issues = issues
  }
}

/**
 * Takes a schema from a program.
 *
 * @param where What it is for: `accepts`.
 * @throws `ERR_REIGN_SCHEMA` when it is none.
 */
export function checkSchema<S>(schema: S, where: string): S & Schema {
  // Those of some libraries are functions.
  const isObject = (typeof schema === 'object' && schema !== null) || typeof schema === 'function'
  const standard = isObject ? (schema as Partial<Schema>)['~standard'] : undefined
  if (standard?.version === 1 && typeof standard.validate === 'function') return schema as S & Schema
  throw new ReignError('ERR_REIGN_SCHEMA', `${where} is a Standard Schema of version 1, not ${describe(schema)}`)
}

/**
 * What a schema makes of a value; a {@link Refusal} when it does not fit. A schema that throws refuses.
 *
 * @throws `ERR_REIGN_SCHEMA` when it gives a promise.
 */
export function judged(schema: Schema, value: unknown): unknown {
  let result: SchemaResult<unknown> | Promise<SchemaResult<unknown>>
  try {
    result = schema['~standard'].validate(value)
  } catch (error) {
    return new Refusal([{ message: cut(`the schema threw: ${describe(error)}`), path: [] }])
  }
  if (result instanceof Promise || typeof (result as { then?: unknown }).then === 'function') {
    // What comes of it is of no use to anybody any more.
    ;(result as Promise<unknown>).then(ignore, ignore)
    const { vendor } = schema['~standard']
    throw new ReignError('ERR_REIGN_SCHEMA', `a schema (${vendor}) gave a promise: what is accepted is decided at once`)
  }
  return result.issues === undefined ? result.value : new Refusal(told(result.issues))
}

function told(issues: (SchemaResult<unknown> & { issues: object })['issues']): readonly Issue[] {
  // Arrays of our own: those of some libraries are of classes of theirs.
  return Array.from(issues.slice(0, issuesMax), ({ message, path = [] }) => ({
    message: cut(String(message)),
    path: Array.from(path.slice(0, pathMax), keyOf),
  }))
}

/** A step of a path is a key, or an object that holds it. */
function keyOf(step: unknown): string | number {
  const key = typeof step === 'object' && step !== null && 'key' in step ? step.key : step
  return typeof key === 'number' && Number.isSafeInteger(key)
    ? key
    : cut(typeof key === 'symbol' ? (key.description ?? '') : String(key))
}

/** Bounded, and a text that can be written down anywhere. */
function cut(text: string): string {
  return (text.length > charactersMax ? `${text.slice(0, charactersMax)}…` : text).toWellFormed()
}

function ignore(): void {}
