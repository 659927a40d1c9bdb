/** The links, monitors, aliases and calls of one process: the tables, and nothing that acts on them. */

import { ReignError } from '../errors.js'
import type { SignalTarget } from '../signal.js'
import { Address } from '../term/address.js'
import { Named } from '../term/named.js'
import type { Ref } from '../term/ref.js'
import type { Call } from './call.js'
import type { Entity } from './entity.js'
import type { Target } from './notices.js'
import type { Start } from './start.js'

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
export class Watcher {
  readonly ref: Ref
  readonly from: Address<never>
  /** What the monitor was set on: this process's address, or a name that it had then. */
  readonly as: SignalTarget
  /** Who is watched: somebody else may have that name since. */
  readonly watched: Entity
  /** Where it is in the list of those on the same process. */
  place: number
  /** Whether it is that of a call which came as one signal. */
  readonly ofCall: boolean

  constructor(ref: Ref, from: Address<never>, as: SignalTarget, watched: Entity, place: number, ofCall: boolean) {
    this.ref = ref
    this.from = from
    this.as = as
    this.watched = watched
    this.place = place
    this.ofCall = ofCall
  }

  /** Whether it was set by another node. */
  get crosses(): boolean {
    return this.from.node !== this.watched.self.node
  }
}

/** A link that holds. Any other state is the number of the unlink that waits for its acknowledgement. */
export const linked = 0n

/**
 * Links: by address, {@link linked} or the id of an unlink that is not acknowledged yet (protocol reference, links); oldest first. Most
 * processes have one, to whoever started them, and it needs no table.
 */
export class Links {
  #first: Address<never> | undefined = undefined
  #firstState: bigint = linked
  #others: Map<Address<never>, bigint> | undefined = undefined

  get(to: Address<never>): bigint | undefined {
    return this.#first === to ? this.#firstState : this.#others?.get(to)
  }

  has(to: Address<never>): boolean {
    return this.get(to) !== undefined
  }

  set(to: Address<never>, state: bigint): void {
    const others = this.#others
    if (this.#first === to) this.#firstState = state
    else if (others !== undefined) others.set(to, state)
    else if (this.#first !== undefined) this.#others = new Map([[to, state]])
    else {
      this.#first = to
      this.#firstState = state
    }
  }

  delete(to: Address<never>): void {
    if (this.#first === to) this.#first = undefined
    else this.#others?.delete(to)
  }

  /** Those that are there when their turn comes, whatever is done to them meanwhile. */
  forEach(each: (state: bigint, to: Address<never>) => void): void {
    if (this.#first !== undefined) each(this.#firstState, this.#first)
    this.#others?.forEach(each)
  }
}

/** See the head of this file. A table is made when something is to be put into it: most processes have no more than one. */
export class Relations {
  links: Links | undefined
  monitors: Map<Ref, OwnMonitor> | undefined
  /** The monitors on it, in no order; a reference knows its own. */
  watchers: Watcher[] | undefined
  aliases: Set<Ref> | undefined
  /** The calls that it has made and that are not over, in no order. */
  calls: Call[] | undefined
  /** The calls within this node that wait for it to answer, in no order. */
  callers: Call[] | undefined
  /** The start that waits for its word. */
  starting: Start | undefined
  /** The starts that it waits for, in no order. */
  starts: Start[] | undefined
}

/** Nothing comes through the aliases of a process that has ended, nor does a reply to one of its calls. */
export function endAliases({ aliases, monitors, calls }: Relations): void {
  for (const ref of aliases ?? []) ref.alias = undefined
  for (const [ref, monitor] of monitors ?? []) if (monitor.aliased) ref.alias = undefined
  for (const call of calls ?? []) call.ref.alias = undefined
}

/**
 * A target as signals name it.
 *
 * @throws `ERR_REIGN_ARGUMENT` when it is neither an address nor a name on a node.
 */
export function signalTarget(target: Target): SignalTarget {
  if (target instanceof Address) return target
  if (target instanceof Named) return target.atom
  throw new ReignError('ERR_REIGN_ARGUMENT', 'a monitor or call has an address or named(name, node) as its target')
}
