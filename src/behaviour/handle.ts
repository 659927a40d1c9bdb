/** What a behaviour that runs already is used through, whether it is of ours or of Erlang's. */
import { normal } from '../exit-reason.js'
import type { Starter } from '../process/behaviour.js'
import { checkDestination, checkStarter } from '../process/checks.js'
import { stop } from '../process/stop.js'
import { addressOf, type Destination } from '../process/via.js'
import type { ReceiveOptions } from '../process/waiter.js'
import type { Address } from '../term/address.js'
import { named } from '../term/named.js'

/** See the head of this file. */
export abstract class Handle {
  /** Whom it stands for: an address, or a name that is looked up at each use, and so outlives restarts. */
  readonly target: Destination
  /** @internal In whose name it is used. */
  protected readonly by: Starter

  /** @internal */
  constructor(by: Starter, target: Destination) {
    checkStarter(by)
    checkDestination(target)
    this.by = by
    this.target = target
  }

  /** Its address. @throws `ERR_REIGN_ARGUMENT` when it is known by name alone. */
  get address(): Address<unknown> {
    return addressOf(this.target)
  }

  /**
   * Ends it with a reason (`normal` unless given), after all that it does before its end: the children of a supervisor end in reverse order, the
   * handlers of an event manager terminate. Waits until it has ended; for as long as that takes, unless a time is given. Erlang:
   * `gen_server:stop`, `gen_event:stop`.
   *
   * @throws `ERR_REIGN_CALL` when it was not there, or ended with another reason; `ERR_REIGN_TIMEOUT`, and it may end yet.
   */
  stop(reason: unknown = normal, options?: ReceiveOptions): Promise<void> {
    return stop(this.by.entity, this.target, reason, options)
  }
}

/** @internal Where a destination leads for somebody: a text is a registered name of the same node. */
export function targetOf(by: Starter, target: Destination | string): Destination {
  checkStarter(by)
  return typeof target === 'string' ? named(target, by.entity.self.node) : target
}
