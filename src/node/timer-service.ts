/** Messages at a later time: Erlang's `send_after`, `start_timer`, `cancel_timer`. */
import { tell } from '../process/entity.js'
import type { TimeoutNotice } from '../process/notices.js'
import type { Address } from '../term/address.js'
import type { AddressBook } from '../term/address-book.js'
import { checkAddress, checkRef } from '../term/checks.js'
import { Ref } from '../term/ref.js'
import type { Timer, Timers } from '../timers.js'

/**
 * A message that is due at a time, in a list of all that are for its receiver; and the reference that it is found by, which are one object,
 * as there may be a hundred thousand.
 */
class MessageTimer extends Ref implements Timer {
  order = 0
  position = -1
  readonly service: TimerService
  /** As long as it is pending; so nothing is kept by whoever keeps the reference. */
  to: Address<never> | undefined
  message: unknown
  /** Whether it is sent as a notice, with the reference. */
  readonly isNotice: boolean
  previous: MessageTimer | undefined = undefined
  next: MessageTimer | undefined = undefined

  constructor(service: TimerService, book: AddressBook, to: Address<never>, message: unknown, isNotice: boolean) {
    super(book.self, book.freshNumber())
    this.service = service
    this.to = to
    this.message = message
    this.isNotice = isNotice
  }

  get pending(): boolean {
    return this.position >= 0
  }

  fire(): void {
    const { to, message } = this
    if (to === undefined) return
    this.service.forget(this)
    if (this.isNotice) tell(to, { type: 'timeout', ref: this, message } satisfies TimeoutNotice)
    else (to as Address<unknown>).send(message)
  }
}

/**
 * See the head of this file. A timer ends with the process that it is for, as in Erlang: nothing is sent, and nothing is
 * kept until then. Cost: O(log n) to start and cancel; about 200 bytes while pending.
 */
export class TimerService {
  readonly #timers: Timers
  readonly #book: AddressBook
  /** The first of the timers for each process of this node: it may end before their time. */
  readonly #ofReceiver = new Map<Address<never>, MessageTimer>()

  constructor(timers: Timers, book: AddressBook) {
    this.#timers = timers
    this.#book = book
  }

  /** Sends `message` in `delayMs` milliseconds; nothing to a process of this node that has ended. */
  sendAfter<M>(delayMs: number, to: Address<M>, message: M): Ref {
    return this.#start(delayMs, to as Address<never>, message, false)
  }

  /** Sends `{ type: 'timeout', ref, message }` in `delayMs` milliseconds, `ref` being what this returns. */
  startTimer<M>(delayMs: number, to: Address<TimeoutNotice<M>>, message: M): Ref {
    return this.#start(delayMs, to as Address<never>, message, true)
  }

  /** Milliseconds that were left, or `false` when it had fired or was cancelled: a message may be in the mailbox then. */
  cancel(ref: Ref): number | false {
    checkRef(ref, 'a timer is known by')
    const timer = this.#find(ref)
    if (timer === undefined) return false
    const left = this.#timers.left(timer) ?? 0
    this.#timers.cancel(timer)
    this.forget(timer)
    return left
  }

  /** Milliseconds that are left, or `false`. */
  read(ref: Ref): number | false {
    checkRef(ref, 'a timer is known by')
    const timer = this.#find(ref)
    return timer === undefined ? false : (this.#timers.left(timer) ?? false)
  }

  /** A process of this node has ended: what was to be sent to it is not. */
  ended(address: Address<never>): void {
    if (this.#ofReceiver.size === 0) return
    for (let timer = this.#ofReceiver.get(address); timer !== undefined; timer = timer.next) {
      this.#timers.cancel(timer)
      timer.to = undefined
      timer.message = undefined
    }
    this.#ofReceiver.delete(address)
  }

  #find(ref: Ref): MessageTimer | undefined {
    // It may be another node's, in the same program; or have gone with all timers, as its node has stopped.
    return ref instanceof MessageTimer && ref.service === this && ref.pending ? ref : undefined
  }

  #start(delayMs: number, to: Address<never>, message: unknown, isNotice: boolean): Ref {
    checkAddress(to, 'a message is sent later to')
    if (to.entrance === this.#book.gone) return this.#book.makeRef()
    const timer = new MessageTimer(this, this.#book, to, message, isNotice)
    this.#timers.set(timer, delayMs)
    if (to.home === this.#book.self) this.#enlist(timer, to)
    return timer
  }

  /** Behind the first, so that the map need not be written for each. */
  #enlist(timer: MessageTimer, to: Address<never>): void {
    const first = this.#ofReceiver.get(to)
    if (first === undefined) {
      this.#ofReceiver.set(to, timer)
      return
    }
    timer.previous = first
    timer.next = first.next
    if (first.next !== undefined) first.next.previous = timer
    first.next = timer
  }

  /** @internal It is pending no more. */
  forget(timer: MessageTimer): void {
    const { previous, next, to } = timer
    timer.to = undefined
    timer.message = undefined
    if (next !== undefined) next.previous = previous
    if (previous !== undefined) previous.next = next
    else if (to?.home === this.#book.self) {
      if (next === undefined) this.#ofReceiver.delete(to)
      else this.#ofReceiver.set(to, next)
    }
    timer.previous = undefined
    timer.next = undefined
  }
}
