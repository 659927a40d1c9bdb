/** Messages at a later time: Erlang's `send_after`, `start_timer`, `cancel_timer`. */
import type { TimeoutNotice } from '../process/notices.js'
import type { Address } from '../term/address.js'
import type { AddressBook } from '../term/address-book.js'
import type { Ref } from '../term/ref.js'
import type { Timer, Timers } from '../timers.js'

/** See the head of this file. Cost: O(log n) to start and cancel; about 300 bytes while pending. */
export class TimerService {
  readonly #timers: Timers
  readonly #book: AddressBook
  readonly #pending = new Map<Ref, Timer>()

  constructor(timers: Timers, book: AddressBook) {
    this.#timers = timers
    this.#book = book
  }

  /** Sends `message` in `delayMs` milliseconds. */
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
    const timer = this.#pending.get(ref)
    if (timer !== undefined) {
      this.#timers.cancel(timer)
      this.#pending.delete(ref)
    }
    return left
  }

  /** Milliseconds that are left, or `false`. */
  read(ref: Ref): number | false {
    const timer = this.#pending.get(ref)
    return timer === undefined ? false : (this.#timers.left(timer) ?? false)
  }

  #start<M>(delayMs: number, to: Address<M>, message: (ref: Ref) => M): Ref {
    const ref = this.#book.makeRef()
    const fire = () => {
      this.#pending.delete(ref)
      to.send(message(ref))
    }
    this.#pending.set(ref, this.#timers.after(delayMs, fire))
    return ref
  }
}
