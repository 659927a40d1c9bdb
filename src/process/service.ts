/**
 * Services: addresses of the runtime itself. They handle a message at once, in the turn in which it arrives.
 *
 * Erlang nodes expect certain registered processes (`net_kernel`, `rex`, a scope of `pg`); these are ours. To others they
 * are processes like any: they can be linked, monitored and sent to.
 */
import { ExitError, ReignError } from '../errors.js'
import { shutdown } from '../exit-reason.js'
import type { Address } from '../term/address.js'
import { Entity } from './entity.js'
import type { Host } from './host.js'

/** Handles a message; `from` is who sent it, where that is known. */
export type ServiceHandler = (message: unknown, service: Service, from: Address<never> | undefined) => void

/**
 * Whether a message that speaks for a process was sent from its node, and so may be believed: of the processes of other nodes nobody has
 * anything to say.
 */
export function speaksFor(from: Address<never> | undefined, process: Address<never>): boolean {
  return from !== undefined && from.node === process.node
}

/** See the head of this file. */
export class Service extends Entity {
  readonly #handle: ServiceHandler

  /** @param handle Gets each message, notices (`DOWN`, `EXIT`) included. What it throws ends the service. */
  constructor(host: Host, id: number, serial: number, handle: ServiceHandler) {
    super(host, id, serial)
    this.#handle = handle
  }

  get trapsExits(): boolean {
    return true
  }

  deliver(_to: Address<never>, message: unknown, from?: Address<never>): boolean {
    try {
      this.#handle(message, this, from)
    } catch (error) {
      this.host.crashed(this, error)
      this.terminate(error)
    }
    return true
  }

  /** @internal The services of a node end with it, or of a fault of their own. */
  override endError(reason: unknown): ReignError {
    if (reason === shutdown) return new ReignError('ERR_REIGN_NODE_STOPPED', 'the node has stopped')
    return new ExitError(reason)
  }

  protected override onExit(): void {}
}
