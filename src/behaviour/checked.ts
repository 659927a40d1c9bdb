/**
 * Handlers that are told what they accept: each request, or message, is looked at by a Standard Schema as it comes in, and the handler gets
 * what the schema makes of it.
 *
 *   const shop = genServer({
 *     init: () => ({ sold: 0 }),
 *     calls: { buy: checked(z.tuple([z.string(), z.number().int().positive()]), (state, item, count) => (state.sold += count)) },
 *   })
 *
 * The types of the arguments are the schema's: what is sent is its input, what the handler gets its output.
 */
import type { Down, Exit } from '../process/notices.js'
import type { Schema } from '../schema.js'
import { Checked } from './checked-handler.js'
import type { Accepted } from './request-gate.js'
import type { Handler } from './server-engine.js'

/** What the runtime tells a server, to which no schema is applied: notices, and the atom `timeout` of a server that asked for it. */
export type InfoNotice = Down | Exit | symbol

/**
 * A handler of `calls` or `casts` of a gen_server, or of the `calls` of an event handler, and the schema of its arguments: an array of
 * what follows the name in the request.
 *
 * @throws `ERR_REIGN_SCHEMA` when the schema is none.
 */
export function checked<T, S, I extends readonly unknown[], O extends readonly unknown[], R>(
  schema: Schema<I, O>,
  handler: (this: T, state: S, ...args: O) => R,
): (this: T, state: S, ...args: I) => R {
  return new Checked(schema, handler as unknown as Handler) as never
}

/**
 * `handleCall` or `handleCast` of a gen_server, or `handleCall` of an event handler, and the schema of the requests that no other handler
 * takes.
 *
 * @throws `ERR_REIGN_SCHEMA` when the schema is none.
 */
export function checkedRequest<T, S, I, O, A extends readonly unknown[], R>(
  schema: Schema<I, O>,
  handler: (this: T, state: S, request: O, ...rest: A) => R,
): (this: T, state: S, request: unknown, ...rest: A) => R {
  return new Checked(schema, handler as unknown as Handler) as never
}

/**
 * `handleInfo` of a gen_server or event handler, and the schema of all that is no request or event. It also gets what the runtime tells it: notices of its monitors
 * and links, and the atom `timeout` if it asks for that.
 *
 * @throws `ERR_REIGN_SCHEMA` when the schema is none.
 */
export function checkedInfo<T, S, I, O, R>(
  schema: Schema<I, O>,
  handler: (this: T, state: S, message: O | InfoNotice) => R,
): (this: T, state: S, message: unknown) => R {
  return new Checked(schema, handler as unknown as Handler) as never
}

type Handlers = Readonly<Record<string, Handler | Checked>>

/** A gen_server or event handler, taken apart: what its engine runs, and what it accepts. */
export interface Parts<C> {
  readonly calls: Readonly<Record<string, Handler>>
  readonly casts: Readonly<Record<string, Handler>>
  readonly callbacks: C
  readonly accepted: Accepted
}

/** See {@link Parts}. */
export function takenApart<C extends { handleCall?: unknown; handleCast?: unknown; handleInfo?: unknown }>(
  definition: C & { readonly calls?: Handlers; readonly casts?: Handlers },
): Parts<C> {
  const { calls = {}, casts = {}, handleCall, handleCast, handleInfo } = definition
  const accepted = {
    calls: { byName: schemasOf(calls), others: schemaOf(handleCall) },
    casts: { byName: schemasOf(casts), others: schemaOf(handleCast) },
    info: schemaOf(handleInfo),
  }
  const handlersOf = (handlers: Handlers) =>
    Object.fromEntries(Object.entries(handlers).map(([name, handler]) => [name, handlerOf(handler)]))
  // With the definition behind it: its other functions may be anywhere, as those of an object of a class are.
  const callbacks = Object.create(definition)
  for (const [name, handler] of Object.entries({ handleCall, handleCast, handleInfo })) {
    if (handler !== undefined) callbacks[name] = handlerOf(handler as Handler)
  }
  return { calls: handlersOf(calls), casts: handlersOf(casts), callbacks, accepted }
}

function handlerOf(handler: Handler | Checked): Handler {
  return handler instanceof Checked ? handler.handler : handler
}

function schemaOf(handler: unknown): Schema | undefined {
  return handler instanceof Checked ? handler.schema : undefined
}

function schemasOf(handlers: Handlers): Map<unknown, Schema | undefined> {
  return new Map(Object.entries(handlers).map(([name, handler]) => [Symbol.for(name), schemaOf(handler)]))
}
