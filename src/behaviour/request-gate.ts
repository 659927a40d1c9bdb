/** What a server accepts: schemas of its requests by their names, and the gates that are made of them. */
import { ReignError } from '../errors.js'
import { callIn, isCast } from '../process/call.js'
import type { Gate } from '../process/gate.js'
import { judged, Refusal, type Schema } from '../schema.js'
import { isTuple, Tuple, tuple } from '../term/tuple.js'
import { systemRequest } from './sys.js'

/** The schemas of one kind of request: by the atom at its head, for each that has a handler, and for all others. */
export interface RequestSchemas {
  readonly byName: ReadonlyMap<unknown, Schema | undefined>
  readonly others: Schema | undefined
}

/** What a server accepts: requests, and all other messages. */
export interface Accepted {
  readonly calls: RequestSchemas
  readonly casts: RequestSchemas
  readonly info: Schema | undefined
}

/** The gate of a server; none when it accepts everything. System messages are not its business. */
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
function admitted(schemas: RequestSchemas, request: unknown, message: Tuple, place: number): unknown {
  const made = judgedRequest(schemas, request)
  return made === request ? message : made instanceof Refusal ? made : replaced(message, place, made)
}

/** A message with something else at a place of it. Another message: the sender may have kept the one that it sent. */
export function replaced(message: Tuple, place: number, value: unknown): Tuple {
  const copy = Tuple.ofLength(message.length)
  for (let i = 0; i < message.length; i++) copy[i] = message[i]
  copy[place] = value
  return copy
}

/** What a request becomes: itself where it has no schema. */
export function judgedRequest({ byName, others }: RequestSchemas, request: unknown): unknown {
  const name = isTuple(request) ? request[0] : request
  const isNamed = byName.has(name)
  const schema = isNamed ? byName.get(name) : others
  if (schema === undefined) return request
  const made = judged(schema, isNamed ? (isTuple(request) ? request.slice(1) : []) : request)
  return made instanceof Refusal || !isNamed ? made : tuple(name, ...listed(made))
}

function listed(args: unknown): readonly unknown[] {
  if (Array.isArray(args)) return args
  throw new ReignError('ERR_REIGN_SCHEMA', 'the schema of a handler made no array of its arguments')
}
