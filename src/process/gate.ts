/**
 * Gates: what stands at the entrance of a mailbox that was told what it accepts.
 *
 * A message is looked at once, as it comes in, and before it is queued: so what does not fit takes no place, the order of the others is
 * as it was, and selective receive sees nothing but what fits. What the runtime itself tells an inbox (`Down`, `Exit` and the like)
 * passes by.
 */
import type { ReignError } from '../errors.js'
import { checkSchema, judged, Refusal, type Schema } from '../schema.js'
import type { Address } from '../term/address.js'
import { type Caller, callIn } from './call.js'
import type { Entity } from './entity.js'
import { Refusals } from './refusals.js'

/** What decides. */
export interface Gate {
  /**
   * What is taken in place of a message; a {@link Refusal} when it is not to come in.
   *
   * @throws `ERR_REIGN_SCHEMA`: nothing can be decided, and so nothing can come in any more.
   */
  admit(message: unknown): unknown
  /** Who waits for an answer to a message, where calls come in another form than those of a gen_server. */
  callerIn?(message: unknown): Caller | undefined
}

/** A gate of one schema for all messages. */
export class MessageGate implements Gate {
  readonly #schema: Schema

  constructor(schema: Schema) {
    this.#schema = schema
  }

  admit(message: unknown): unknown {
    return judged(this.#schema, message)
  }
}

/** The gate of what a program says that is accepted, if it says anything. @throws `ERR_REIGN_SCHEMA` when that is no schema. */
export function gateOf(accepts: Schema | undefined): Gate | undefined {
  return accepts === undefined ? undefined : new MessageGate(checkSchema(accepts, 'accepts'))
}

/** The gate of one mailbox, and what becomes of those that are turned away. */
export class Door {
  readonly #gate: Gate
  readonly #owner: Entity
  readonly #refusals: Refusals

  constructor(gate: Gate, owner: Entity) {
    this.#gate = gate
    this.#owner = owner
    this.#refusals = new Refusals(owner)
  }

  /** What is taken in place of a message; a {@link Refusal} when it is not, and all that follows from that is done. */
  admit(message: unknown, from: Address<never> | undefined): unknown {
    const owner = this.#owner
    try {
      const admitted = this.#gate.admit(message)
      if (admitted instanceof Refusal) this.#refusals.refused(message, admitted, this.#callerIn(message), from)
      return admitted
    } catch (error) {
      // The receiver's mistake: nothing can come in any more, and whoever waits for it is to know.
      owner.host.crashed(owner, error)
      owner.host.deadLetter('refused', owner.self, message)
      owner.terminate(error)
      return new Refusal([{ message: (error as ReignError).message, path: [] }])
    }
  }

  #callerIn(message: unknown): Caller | undefined {
    return this.#gate.callerIn === undefined ? callIn(message)?.from : this.#gate.callerIn(message)
  }
}
