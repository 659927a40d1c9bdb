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
import { ReignError } from '../errors.js'
import { callIn, isCast } from '../process/call.js'
import type { Gate } from '../process/gate.js'
import type { Down, Exit } from '../process/notices.js'
import { checkSchema, judged, Refusal, type Schema } from '../schema.js'
import { isTuple, Tuple, tuple } from '../term/tuple.js'
import type { Handler, ServerCallbacks, ServerContext } from './server-engine.js'
import { systemRequest } from './sys.js'

/** What the runtime tells a server, to which no schema is applied: notices, and the atom `timeout` of a server that asked for it. */
export type InfoNotice = Down | Exit | symbol

/** A handler with its schema, as `genServer` finds it. */
export class Checked {
  readonly schema: Schema
  readonly handler: Handler

  constructor(schema: Schema, handler: Handler) {
    this.schema = checkSchema(schema, 'what a handler accepts')
    this.handler = handler
  }
}

/**
 * A handler of `calls` or `casts` of a gen_server, and the schema of its arguments: an array of what follows the name in the request.
 *
 * @throws `ERR_REIGN_SCHEMA` when the schema is none.
 */
export function checked<S, I extends readonly unknown[], O extends readonly unknown[], R>(
  schema: Schema<I, O>,
  handler: (this: ServerContext<S>, state: S, ...args: O) => R,
): (this: ServerContext<S>, state: S, ...args: I) => R {
  return new Checked(schema, handler as unknown as Handler) as never
}

/**
 * `handleCall` or `handleCast` of a gen_server, and the schema of the requests that no other handler takes.
 *
 * @throws `ERR_REIGN_SCHEMA` when the schema is none.
 */
export function checkedRequest<S, I, O, A extends readonly unknown[], R>(
  schema: Schema<I, O>,
  handler: (this: ServerContext<S>, state: S, request: O, ...rest: A) => R,
): (this: ServerContext<S>, state: S, request: unknown, ...rest: A) => R {
  return new Checked(schema, handler as unknown as Handler) as never
}

/**
 * `handleInfo` of a gen_server, and the schema of all that is no request. It also gets what the runtime tells it: notices of its monitors
 * and links, and the atom `timeout` if it asks for that.
 *
 * @throws `ERR_REIGN_SCHEMA` when the schema is none.
 */
export function checkedInfo<S, I, O, R>(
  schema: Schema<I, O>,
  handler: (this: ServerContext<S>, state: S, message: O | InfoNotice) => R,
): (this: ServerContext<S>, state: S, message: unknown) => R {
  return new Checked(schema, handler as unknown as Handler) as never
}

type Handlers = Readonly<Record<string, Handler | Checked>>

/** A gen_server, taken apart: what its engine runs, and what is to come in at all. */
export interface Parts {
  readonly calls: Readonly<Record<string, Handler>>
  readonly casts: Readonly<Record<string, Handler>>
  readonly callbacks: ServerCallbacks
  readonly gate: Gate | undefined
}

/** See {@link Parts}. */
export function takenApart(
  definition: ServerCallbacks & { readonly calls?: Handlers; readonly casts?: Handlers },
): Parts {
  const { calls = {}, casts = {}, handleCall, handleCast, handleInfo } = definition
  const gate = requestGate({
    calls: { byName: schemasOf(calls), others: schemaOf(handleCall) },
    casts: { byName: schemasOf(casts), others: schemaOf(handleCast) },
    info: schemaOf(handleInfo),
  })
  const handlersOf = (handlers: Handlers) =>
    Object.fromEntries(Object.entries(handlers).map(([name, handler]) => [name, handlerOf(handler)]))
  // With the definition behind it: its other functions may be anywhere, as those of an object of a class are.
  const callbacks: Record<string, unknown> = Object.create(definition)
  for (const [name, handler] of Object.entries({ handleCall, handleCast, handleInfo })) {
    if (handler !== undefined) callbacks[name] = handlerOf(handler as Handler)
  }
  return { calls: handlersOf(calls), casts: handlersOf(casts), callbacks, gate }
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

/** The schemas of one kind of request: by the atom at its head, for each that has a handler, and for all others. */
export interface RequestSchemas {
  readonly byName: ReadonlyMap<unknown, Schema | undefined>
  readonly others: Schema | undefined
}

/** @internal What a server accepts: requests, and all other messages. */
export interface Accepted {
  readonly calls: RequestSchemas
  readonly casts: RequestSchemas
  readonly info: Schema | undefined
}

/** @internal The gate of a server; none when it accepts everything. System messages are not its business. */
export function requestGate(accepted: Accepted): Gate | undefined {
  const { calls, casts, info } = accepted
  const schemas = [...calls.byName.values(), calls.others, ...casts.byName.values(), casts.others, info]
  return schemas.every((schema) => schema === undefined) ? undefined : new RequestGate(accepted)
}

class RequestGate implements Gate {
  readonly #accepted: Accepted

  constructor(accepted: Accepted) {
    this.#accepted = accepted
  }

  admit(message: unknown): unknown {
    const { calls, casts, info } = this.#accepted
    const called = callIn(message)
    if (called !== undefined) return admitted(calls, called.request, message as Tuple, 2)
    if (isCast(message)) return admitted(casts, message[1], message as unknown as Tuple, 1)
    if (info === undefined || systemRequest(message) !== undefined) return message
    return judged(info, message)
  }
}

/** The message with what becomes of its request, which stands at that place of it. */
function admitted({ byName, others }: RequestSchemas, request: unknown, message: Tuple, place: number): unknown {
  const name = isTuple(request) ? request[0] : request
  const isNamed = byName.has(name)
  const schema = isNamed ? byName.get(name) : others
  if (schema === undefined) return message
  const made = judged(schema, isNamed ? (isTuple(request) ? request.slice(1) : []) : request)
  if (made instanceof Refusal) return made
  // Another message: the sender may have kept the one that it sent.
  const copy = Tuple.ofLength(message.length)
  for (let i = 0; i < message.length; i++) copy[i] = message[i]
  copy[place] = isNamed ? tuple(name, ...listed(made)) : made
  return copy
}

function listed(args: unknown): readonly unknown[] {
  if (Array.isArray(args)) return args
  throw new ReignError('ERR_REIGN_SCHEMA', 'the schema of a handler made no array of its arguments')
}
