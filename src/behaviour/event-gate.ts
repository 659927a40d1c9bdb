/** The gate of an event manager that says what events it accepts. All that is no event is the business of its handlers. */
import { type Caller, isCaller } from '../process/call.js'
import type { Gate } from '../process/gate.js'
import { judged, Refusal, type Schema } from '../schema.js'
import { isTuple, type Tuple, tuple } from '../term/tuple.js'
import { replaced } from './request-gate.js'

const notify = Symbol.for('notify')
const syncNotify = Symbol.for('sync_notify')

/** See the head of this file. */
export class EventGate implements Gate {
  readonly #schema: Schema

  constructor(schema: Schema) {
    this.#schema = schema
  }

  admit(message: unknown): unknown {
    if (isPair(message, notify)) return this.#judged(message[1], (event) => tuple(notify, event))
    const waits = this.callerIn(message) !== undefined
    if (!waits) return message
    const [, , request] = message as Tuple<unknown>
    if (!isPair(request, syncNotify)) return message
    return this.#judged(request[1], (event) => replaced(message as Tuple, 2, tuple(syncNotify, event)))
  }

  /** The label of a request to a gen_event is whoever asks. */
  callerIn(message: unknown): Caller | undefined {
    return isTuple(message) && message.length === 3 && isCaller(message[1]) ? message[1] : undefined
  }

  #judged(event: unknown, told: (event: unknown) => unknown): unknown {
    const made = judged(this.#schema, event)
    return made instanceof Refusal ? made : told(made)
  }
}

function isPair(value: unknown, head: symbol): value is readonly [symbol, unknown] {
  return isTuple(value) && value.length === 2 && value[0] === head
}
