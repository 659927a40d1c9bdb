/**
 * Gates: what stands at the entrance of a mailbox that was told what it accepts.
 *
 * A message is looked at once, as it comes in, and before it is queued: so what does not fit takes no place, the order of the others is
 * as it was, and selective receive sees nothing but what fits. What the runtime itself tells an inbox (`Down`, `Exit` and the like)
 * passes by.
 */
import type { ReignError } from '../errors.js'
import { checkSchema, type Issue, judged, Refusal, type Schema } from '../schema.js'
import type { Address } from '../term/address.js'
import { callIn, refuse } from './call.js'
import { Entity } from './entity.js'
import type { Host } from './host.js'

/** What decides. */
export interface Gate {
  /**
   * What is taken in place of a message; a {@link Refusal} when it is not to come in.
   *
   * @throws `ERR_REIGN_SCHEMA`: nothing can be decided, and so nothing can come in any more.
   */
  admit(message: unknown): unknown
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

/** Milliseconds between two lines in the log about one mailbox. */
const tellMs = 1_000

/** The gate of one mailbox, and what becomes of those that are turned away. */
export class Door {
  readonly #gate: Gate
  readonly #owner: Entity
  #toldAt = Number.NEGATIVE_INFINITY
  #untold = 0

  constructor(gate: Gate, owner: Entity) {
    this.#gate = gate
    this.#owner = owner
  }

  /** What is taken in place of a message; a {@link Refusal} when it is not, and all that follows from that is done. */
  admit(message: unknown, from: Address<never> | undefined): unknown {
    const owner = this.#owner
    try {
      const admitted = this.#gate.admit(message)
      if (admitted instanceof Refusal) this.#refuse(message, admitted, from)
      return admitted
    } catch (error) {
      // The receiver's mistake: nothing can come in any more, and whoever waits for it is to know.
      owner.host.crashed(owner, error)
      owner.host.deadLetter('refused', owner.self, message)
      owner.terminate(error)
      return new Refusal([{ message: (error as ReignError).message, path: [] }])
    }
  }

  #refuse(message: unknown, refusal: Refusal, told: Address<never> | undefined): void {
    const owner = this.#owner
    const called = callIn(message)
    const from = called?.from[0] ?? told ?? senderOf(owner.host)
    owner.host.deadLetter('refused', owner.self, message, { from, issues: refusal.issues })
    if (called !== undefined) refuse(owner, called.from, refusal)
    this.#tell(refusal.issues, from)
  }

  /** Never what the message holds: it is somebody's data. */
  #tell(issues: readonly Issue[], from: Address<never> | undefined): void {
    const { host, self } = this.#owner
    const now = host.clock.now()
    if (now - this.#toldAt < tellMs) {
      this.#untold++
      return
    }
    const fields = {
      process: self.toString(),
      from: from?.toString(),
      issues: issues.map(({ message, path }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)),
      untold: this.#untold,
    }
    this.#toldAt = now
    this.#untold = 0
    try {
      host.logger.warn(fields, 'refused a message that does not fit')
    } catch {
      // The sender must not pay for a logger's mistake.
    }
  }
}

/** Who sends within this node, where that is known: a server whose handler runs, or the process that a guard keeps track of. */
function senderOf(host: Host): Address<never> | undefined {
  const sender = host.running ?? host.guard?.owner
  return sender instanceof Entity ? sender.self : undefined
}
