/** Messages at a later time: Erlang's `send_after`, `start_timer`, `cancel_timer`. */
import type { TimeoutNotice } from '../process/notices.js'
import type { Address } from '../term/address.js'
import type { AddressBook } from '../term/address-book.js'
import type { Ref } from '../term/ref.js'
import type { Timer, Timers } from '../timers.js'

interface Pending {
  readonly timer: Timer
  readonly to: Address<never>
}

/**
 * See the head of this file. A timer ends with the process that it is for, as in Erlang: nothing is sent, and nothing is
 * kept until then. Cost: O(log n) to start and cancel; about 400 bytes while pending.
 */
export class TimerService {
  readonly #timers: Timers
  readonly #book: AddressBook
  readonly #pending = new Map<Ref, Pending>()
  /** Those for processes of this node, which may end before their time. */
  readonly #ofReceiver = new Map<Address<never>, Set<Ref>>()

  constructor(timers: Timers, book: AddressBook) {
    this.#timers = timers
    this.#book = book
  }

  /** Sends `message` in `delayMs` milliseconds; nothing to a process of this node that has ended. */
  sendAfter<M>(delayMs: number, to: Address<M>, message: M): Ref {
    return this.#start(delayMs, to, () => message)
  }

  /** Sends `{ type: 'timeout', ref, message }` in `delayMs` milliseconds, `ref` being what this returns. */
  startTimer<M>(delayMs: number, to: Address<TimeoutNotice<M>>, message: M): Ref {
    return this.#start(delayMs, to, (ref) => ({ type: 'timeout' as const, ref, message }))
  }

  /** Milliseconds that were left, or `false` when it had fired or was cancelled: a message may be in the mailbox then. */
  cancel(ref: Ref): number | false {
    const left = this.read(ref)
    const timer = this.#forget(ref)
    if (timer !== undefined) this.#timers.cancel(timer)
    return left
  }

  /** Milliseconds that are left, or `false`. */
  read(ref: Ref): number | false {
    const pending = this.#pending.get(ref)
    return pending === undefined ? false : (this.#timers.left(pending.timer) ?? false)
  }

  /** A process of this node has ended: what was to be sent to it is not. */
  ended(address: Address<never>): void {
    if (this.#ofReceiver.size === 0) return
    for (const ref of this.#ofReceiver.get(address) ?? []) this.cancel(ref)
  }

  #start<M>(delayMs: number, to: Address<M>, message: (ref: Ref) => M): Ref {
    const ref = this.#book.makeRef()
    if (to.entrance === this.#book.gone) return ref
    const fire = () => {
      this.#forget(ref)
      to.send(message(ref))
    }
    const timer = this.#timers.after(delayMs, fire)
    this.#pending.set(ref, { timer, to: to as Address<never> })
    if (to.home === this.#book.self) this.#remember(to as Address<never>, ref)
    return ref
  }

  #remember(to: Address<never>, ref: Ref): void {
    const refs = this.#ofReceiver.get(to)
    if (refs === undefined) this.#ofReceiver.set(to, new Set([ref]))
    else refs.add(ref)
  }

  #forget(ref: Ref): Timer | undefined {
    const pending = this.#pending.get(ref)
    if (pending === undefined) return undefined
    this.#pending.delete(ref)
    const refs = this.#ofReceiver.get(pending.to)
    if (refs?.delete(ref) && refs.size === 0) this.#ofReceiver.delete(pending.to)
    return pending.timer
  }
}
