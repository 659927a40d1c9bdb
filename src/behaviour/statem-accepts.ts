/** What a state machine accepts from others, said by schemas, and the types that follow from it. */
import type { Down, Exit } from '../process/notices.js'
import { checkSchema, type InputOf, type OutputOf, type Schema } from '../schema.js'
import { type RequestSchemas, requestGate } from './request-gate.js'
import type { AnyRequest, StatemContents } from './statem-event.js'

/** The schema of the arguments of a request: an array of what follows its name. */
type ArgumentsSchema = Schema<readonly unknown[], readonly unknown[]>

/** Schemas by the names of requests, or one for each request as it is. */
export type RequestSchema = Schema | Readonly<Record<string, ArgumentsSchema>>

/**
 * What a state machine accepts. Where requests are given by name, those that are not named are refused; what is left out accepts
 * everything.
 */
export interface StatemAccepts {
  readonly calls?: RequestSchema
  readonly casts?: RequestSchema
  /** Of all that is no request. What the runtime tells (`Down`, `Exit`) is not looked at. */
  readonly info?: Schema
}

/** What a request is to a state, by the schemas `R` of its kind. */
type Told<R> = R extends Schema
  ? AnyRequest<OutputOf<R>>
  : R extends Readonly<Record<string, ArgumentsSchema>>
    ? {
        [N in keyof R & string]: { readonly content: unknown; readonly name: N; readonly args: OutputOf<R[N]> }
      }[keyof R & string]
    : AnyRequest

/** What states are told, by what their machine accepts. */
export interface ContentsOf<X> extends StatemContents {
  readonly call: X extends { readonly calls: infer R } ? Told<R> : AnyRequest
  readonly cast: X extends { readonly casts: infer R } ? Told<R> : AnyRequest
  readonly info: X extends { readonly info: infer I extends Schema } ? OutputOf<I> | Down | Exit : unknown
}

type Sent<R> = R extends Schema
  ? Record<never, never>
  : R extends Readonly<Record<string, ArgumentsSchema>>
    ? { readonly [N in keyof R]: (...args: InputOf<R[N]> extends readonly [...infer T] ? T : never) => unknown }
    : Record<never, never>

/** The calls and casts that are named; what a call gives, no schema says. */
export interface AcceptedProtocol<X> {
  readonly calls: X extends { readonly calls: infer R } ? Sent<R> : Record<never, never>
  readonly casts: X extends { readonly casts: infer R } ? Sent<R> : Record<never, never>
}

/** Refuses whatever has no schema of its own, where others have. */
const unnamed: Schema = {
  '~standard': {
    version: 1,
    vendor: 'reign',
    validate: () => ({ issues: [{ message: 'a request of this name is not accepted' }] }),
  },
}

/** The gate of a machine, if it says what it accepts. @throws `ERR_REIGN_SCHEMA` for what is no schema. */
export function statemGate({ calls, casts, info }: StatemAccepts = {}): ReturnType<typeof requestGate> {
  return requestGate({
    calls: schemasOf(calls),
    casts: schemasOf(casts),
    info: info && checkSchema(info, where),
  })
}

const where = 'what a state machine accepts'

function schemasOf(given: RequestSchema | undefined): RequestSchemas {
  if (given === undefined) return { byName: new Map(), others: undefined }
  if ('~standard' in given) return { byName: new Map(), others: checkSchema(given as Schema, where) }
  const named = Object.entries(given).map(([name, schema]) => [Symbol.for(name), checkSchema(schema, where)] as const)
  return { byName: new Map(named), others: unnamed }
}
