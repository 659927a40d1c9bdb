/** What becomes of messages that do not fit: they are counted, shown and logged, and who waits for an answer is told. */
import { LogPace } from '../log-pace.js'
import type { Issue, Refusal } from '../schema.js'
import type { Address } from '../term/address.js'
import { type Caller, refuse } from './call.js'
import { Entity } from './entity.js'
import type { Host } from './host.js'

/** The refusals of one mailbox. */
export class Refusals {
  readonly #owner: Entity
  readonly #pace: LogPace

  constructor(owner: Entity) {
    this.#owner = owner
    this.#pace = new LogPace(owner.host.clock)
  }

  /**
   * A message is refused.
   *
   * @param caller Who waits for an answer to it, if anybody does.
   * @param sender Who has sent it, where that is known otherwise.
   */
  refused(message: unknown, refusal: Refusal, caller: Caller | undefined, sender?: Address<never>): void {
    const owner = this.#owner
    const from = caller?.[0] ?? sender ?? senderOf(owner.host)
    owner.host.deadLetter('refused', owner.self, message, { from, issues: refusal.issues })
    if (caller !== undefined) refuse(owner, caller, refusal)
    this.#tell(refusal.issues, from)
  }

  /** Never what the message holds: it is somebody's data. */
  #tell(issues: readonly Issue[], from: Address<never> | undefined): void {
    const { host, self } = this.#owner
    this.#pace.tell((untold) => {
      const fields = {
        process: self.toString(),
        from: from?.toString(),
        issues: issues.map(({ message, path }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`)),
        ...untold,
      }
      try {
        host.logger.warn(fields, 'refused a message that does not fit')
      } catch {
        // The sender must not pay for a logger's mistake.
      }
    })
  }
}

/** Who sends within this node, where that is known: a server whose handler runs, or the process that a guard keeps track of. */
function senderOf(host: Host): Address<never> | undefined {
  const sender = host.running ?? host.guard?.owner
  return sender instanceof Entity ? sender.self : undefined
}
