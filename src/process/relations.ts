/** The links, monitors and aliases of one process: the tables, and nothing that acts on them. */

import { ReignError } from '../errors.js'
import type { SignalTarget } from '../signal.js'
import { Address } from '../term/address.js'
import { Named } from '../term/named.js'
import type { Ref } from '../term/ref.js'
import type { Target } from './notices.js'

/** A monitor that this process has set. */
export interface OwnMonitor {
  readonly target: Target
  /** The target as signals name it; `undefined` while it is what a spawn that is not answered yet will make. */
  readonly to: SignalTarget | undefined
  readonly node: string
  /** Whether its reference is an alias, which ends with the monitor. */
  readonly aliased: boolean
  /** Takes the reason instead of a {@link Down} in the mailbox: how a call learns that its server is gone. */
  readonly take: ((reason: unknown) => void) | undefined
}

/** A monitor that somebody has set on this process. */
export interface Watcher {
  readonly from: Address<never>
  /** What the monitor was set on: this process's address, or a name that it had then. */
  readonly as: SignalTarget
}

/** A link that holds. Any other state is the number of the unlink that waits for its acknowledgement. */
export const linked = 0n

/** See the head of this file. Empty tables are not made: most processes have no relations at all. */
export class Relations {
  /** To {@link linked}, or to the id of an unlink that is not acknowledged yet (protocol reference, links). */
  readonly links: Map<Address<never>, bigint> = new Map()
  readonly monitors: Map<Ref, OwnMonitor> = new Map()
  readonly watchers: Map<Ref, Watcher> = new Map()
  readonly aliases: Set<Ref> = new Set()
}

/**
 * A target as signals name it.
 *
 * @throws `ERR_REIGN_ARGUMENT` when it is neither an address nor a name on a node.
 */
export function signalTarget(target: Target): SignalTarget {
  if (target instanceof Address) return target
  if (target instanceof Named) return Symbol.for(target.name)
  throw new ReignError('ERR_REIGN_ARGUMENT', 'a monitor or call has an address or named(name, node) as its target')
}
