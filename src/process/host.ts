/** What a mailbox or process wants from the node that it lives on. The node tower implements it. */

import type { Clock } from '../clock.js'
import type { Deadlines } from '../deadlines.js'
import type { DeadLetter, DeadLetterCause } from '../events.js'
import type { Logger } from '../logger.js'
import type { Signal, SignalTarget } from '../signal.js'
import type { Address } from '../term/address.js'
import type { AddressBook } from '../term/address-book.js'
import type { Ref } from '../term/ref.js'
import type { Timers } from '../timers.js'
import type { Entity } from './entity.js'
import type { Guard } from './guard.js'
import type { IoReplies } from './io.js'
import type { TimeoutNotice } from './notices.js'
import type { Spawner } from './process.js'
import type { RemoteSpawner } from './remote-spawner.js'
import type { Scheduler } from './scheduler.js'
import type { Trees } from './trees.js'

/** Messages at a later time, as processes and nodes offer them. */
export interface MessageTimers {
  sendAfter<M>(delayMs: number, to: Address<M>, message: M): Ref
  startTimer<M>(delayMs: number, to: Address<TimeoutNotice<M>>, message: M): Ref
  cancel(ref: Ref): number | false
  read(ref: Ref): number | false
}

/** See the head of this file. */
export interface Host {
  readonly scheduler: Scheduler
  /** What starts processes. */
  readonly spawner: Spawner
  /** The supervision trees, which end in order when the node stops. */
  readonly trees: Trees
  /** What has other nodes start them. */
  readonly remoteSpawner: RemoteSpawner
  /** Where the output of processes goes that have no group leader of their own. */
  readonly groupLeader: Address<never>
  /** Where answers of io servers come in. */
  readonly ioReplies: IoReplies
  readonly timers: Timers
  readonly clock: Clock
  readonly logger: Logger
  /** For what is nearly always over in time. */
  readonly deadlines: Deadlines
  readonly messageTimers: MessageTimers
  readonly addressBook: AddressBook
  /** Charges stray errors to processes, where the node is guarded. */
  readonly guard: Guard | undefined
  /** Passes a local message through the codec, in strict mode; as it is, otherwise. */
  readonly copy: ((message: unknown) => unknown) | undefined
  /** Asked before a message gets into a mailbox of this node; `false` drops it. For tests; `undefined` otherwise. */
  readonly admit: ((to: Address<never>, message: unknown) => boolean) | undefined
  /** The server whose handler runs just now, on this stack: what calls it would wait for ever. */
  running: Entity | undefined
  /** Carries a signal to whoever it is for, on that node: this one or another. */
  signal(node: string, signal: Signal): void
  /** Sends a call to another node as one signal, or the reply to such. `false`: that node does not know them, and nothing was sent. */
  call(node: string, signal: Signal & { op: 'call' | 'reply' }): boolean
  /** The live process of this node behind one of its addresses or names. */
  find(target: SignalTarget): Entity | undefined
  /**
   * The entity is about to have a link or monitor that crosses to that node, and is to be told when the connection is lost. That the
   * last one was lost it may hear only now, and end of it.
   */
  crosses(node: string, entity: Entity): void
  /** The next number for an unlink; unique in this run, from 1. */
  nextUnlinkId(): bigint
  /** The entity has ended: forget its address and names at once; call its `announce` when the present one is done. */
  ended(entity: Entity): void
  /** A process function threw; nobody may be linked with it, so it is said here, with what else its kind knows of the crash. */
  crashed(entity: Entity, error: unknown, details?: object): void
  /** A message that found no receiver. */
  deadLetter(
    cause: DeadLetterCause,
    to: Address<never> | Ref | symbol,
    message: unknown,
    more?: Pick<DeadLetter, 'from' | 'issues'>,
  ): void
}
