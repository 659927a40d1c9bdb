/**
 * Receiving: the queue of one mailbox, and those who wait for its messages.
 *
 * Who waits first is served first: a message goes to the earliest waiter that accepts it, and is queued if none does. Each
 * queued message is looked at once per wait, if at all, each arrival once per waiter. Erlang's `receive`, with promises.
 */
import { TimeoutError } from '../errors.js'
import { Refusal } from '../schema.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import { BoundedQueue, type MailboxLimit } from './bounded-queue.js'
import type { Consumer } from './consumer.js'
import { Delivery, PlainDelivery, rejectThrough } from './delivery.js'
import { Entity } from './entity.js'
import { Door, type Gate } from './gate.js'
import type { Matched, Pattern } from './match.js'
import { type Matcher, matcher } from './matcher.js'
import { MessageQueue, nothing } from './message-queue.js'
import { isNotice } from './notices.js'
import { resume } from './scheduler.js'
import { boundsFault, promiseOf, type ReceiveOptions, type Settler, Waiter } from './waiter.js'
import { isOptions, markOf, markRef } from './wanted.js'

const unbounded: ReceiveOptions = {}

/** See the head of this file. */
export abstract class Receiver<M, I = M> extends Entity {
  #queue: MessageQueue | undefined = undefined
  // The commonest wait by far, one receiver that accepts anything for ever, needs no Waiter: this field is it.
  #resolve: ((value: never) => void) | undefined = undefined
  /** The first of those who wait otherwise; each knows the next. */
  #waiter: Waiter | undefined = undefined
  /** What takes the messages that nobody waits for, if anything does. */
  #consumer: Consumer | undefined = undefined

  /** Where messages for this inbox go; can be sent anywhere, inside any message. */
  get address(): Address<I> {
    return this.self as Address<unknown> as Address<I>
  }

  /** @internal */
  get entity(): Entity {
    return this
  }

  /** How many messages are queued. */
  get length(): number {
    return this.#queue?.length ?? 0
  }

  /** @internal The queued messages, oldest first, undisturbed. */
  peek(): unknown[] {
    if (this.#consumer !== undefined) this.#consumer.peeked = true
    return this.#queue?.toArray() ?? []
  }

  /** @internal Whether messages that its behaviour takes may have been seen by somebody else as well. */
  get peeked(): boolean {
    return this.#consumer?.peeked === true
  }

  /** @internal Whether somebody waits for a message. */
  get waiting(): boolean {
    return this.#resolve !== undefined || this.#waiter !== undefined || this.#consumer?.waits === true
  }

  // --- receiving ------------------------------------------------------------------------------------------------

  /**
   * The next message, or the next that is wanted; the others stay queued, in order.
   *
   * A pattern is plain data, compared with each message (see `Pattern`), and narrows the type; a type guard narrows it too; any
   * function that says yes or no selects. A function is called once per queued message, then once per arrival, and must have
   * no effects; what it throws ends the wait. An object that has no other keys than `timeout` and `signal`, as the
   * only argument, is the options; a pattern of just these keys needs the second argument as well, be it `{}`.
   *
   * Several waits at once are served in the order in which they began.
   *
   * Cost: O(queued) for the first look, O(1) for each later arrival; O(1) for a pattern that holds a reference made by
   * `monitor`, `makeRef` or `alias` of this inbox, as nothing older can match it. For a pattern with properties whose values are
   * texts, atoms, addresses or the like (`{ type: 'reply', key: 7 }`), O(queued) the first few times; from then on only messages
   * that share its rarest value are looked at.
   *
   * @throws `ERR_REIGN_TIMEOUT` (a `TimeoutError`) when the time is over; the reason of the abort signal (at once when it is
   *   aborted already, whatever is queued); `ERR_REIGN_CLOSED` when the mailbox is closed, `ERR_REIGN_EXIT` when the process has
   *   exited; `ERR_REIGN_ARGUMENT` when the time is no number.
   */
  receive(options?: ReceiveOptions): Promise<M>
  receive<T extends M>(guard: (message: M) => message is T, options?: ReceiveOptions): Promise<T>
  receive(match: (message: M) => boolean, options?: ReceiveOptions): Promise<M>
  receive<const P extends Pattern<M>>(pattern: P, options?: ReceiveOptions): Promise<Matched<M, P>>
  receive(first?: unknown, second?: ReceiveOptions): Promise<unknown> {
    if (second === undefined) {
      if (first === undefined) return this.#receiveAny()
      if (isOptions(first)) return this.#receive(undefined, first)
    }
    return this.#receive(first === undefined ? undefined : matcher(first), second === undefined ? unbounded : second)
  }

  /**
   * The next message that is wanted if it is queued already, else `undefined`; never waits.
   * Takes what `receive` takes, without options.
   */
  poll(): M | undefined
  poll<T extends M>(guard: (message: M) => message is T): T | undefined
  poll(match: (message: M) => boolean): M | undefined
  poll<const P extends Pattern<M>>(pattern: P): Matched<M, P> | undefined
  poll(first?: unknown): unknown {
    if (!this.alive) throw this.endError(this.exitReason)
    if (this.#queue === undefined) return undefined
    const message = first === undefined ? this.#queue.shift() : takeFrom(this.#queue, matcher(first))
    return message === nothing ? undefined : message
  }

  /** Message after message, until the mailbox is closed. Leaving the loop closes nothing. */
  [Symbol.asyncIterator](): AsyncIterableIterator<M> {
    const next = (): Promise<IteratorResult<M>> => {
      if (!this.alive) return this.#endOfIteration()
      const queue = this.#queue
      if (queue === undefined || queue.length === 0) return this.#wait(undefined, unbounded, iterator)
      return this.#take(queue.shift(), iterator)
    }
    const iterator: AsyncIterableIterator<M> = {
      next,
      return: () => {
        this.#leaveIteration(iterator)
        return Promise.resolve({ value: undefined, done: true })
      },
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  #receiveAny(): Promise<unknown> {
    const queue = this.#queue
    if (queue !== undefined && queue.length > 0) return this.#take(queue.shift())
    if (!this.alive) return this.refused()
    if (this.waiting) return this.#wait(undefined, unbounded, undefined)
    return promiseOf(this as Settler)
  }

  #receive(wanted: Matcher | undefined, options: ReceiveOptions): Promise<unknown> {
    if (!this.alive) return this.refused()
    const fault = boundsFault(options)
    if (fault !== undefined) return this.#refuse(fault)
    if (options.signal?.aborted) return this.#refuse(options.signal.reason)
    const queue = this.#queue
    if (queue !== undefined && queue.length > 0) {
      try {
        const message = wanted === undefined ? queue.shift() : takeFrom(queue, wanted)
        if (message !== nothing) return this.#take(message)
      } catch (error) {
        return this.#refuse(error)
      }
    }
    return this.#wait(wanted, options, undefined)
  }

  /** @internal */
  armed(resolve: (value: never) => void): void {
    this.#resolve = resolve
  }

  /** Goes on with a message that was queued: at once while the slice lasts, else when the event loop has had a turn. */
  #take<T>(message: unknown, iteration?: object): Promise<T> {
    const { scheduler } = this.host
    if (scheduler.claim())
      return Promise.resolve((iteration === undefined ? message : { value: message, done: false }) as T)
    return new Promise((resolve, reject) => {
      scheduler.enqueue(new Delivery(this as unknown as Receiver<never>, message, resolve as never, reject, iteration))
    })
  }

  /** Goes on with a message that has just come, likewise. */
  #give(message: unknown, { resolve, reject, iteration }: Waiter): void {
    const { scheduler } = this.host
    if (scheduler.claim()) resolve((iteration === undefined ? message : { value: message, done: false }) as never)
    else scheduler.enqueue(new Delivery(this as unknown as Receiver<never>, message, resolve, reject, iteration))
  }

  /** A wait that does not begin. */
  #refuse(error: unknown): Promise<never> {
    return new Promise((_, reject) => resume(this.host.scheduler, (why) => this.rejectWait(reject, why), error))
  }

  /** A wait on an inbox that has ended. */
  protected refused(): Promise<never> {
    return this.#refuse(this.endError(this.exitReason))
  }

  #wait<T>(wanted: Matcher | undefined, options: ReceiveOptions, iteration: object | undefined): Promise<T> {
    const { timeout = Number.POSITIVE_INFINITY, signal } = options
    if (timeout <= 0) return this.#refuse(new TimeoutError(timeout))
    this.#listPlain()
    const waiter = new Waiter(this as unknown as Receiver<never>, wanted, iteration, timeout)
    const outcome = promiseOf<T>(waiter)
    this.#join(waiter)
    waiter.begin(signal)
    return outcome
  }

  /** Turns the plain wait, if there is one, into the first of the others. */
  #listPlain(): void {
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#resolve = undefined
    const plain = new Waiter(this as unknown as Receiver<never>, undefined, undefined, Number.POSITIVE_INFINITY)
    plain.armed(resolve, rejectThrough(resolve))
    this.#join(plain)
  }

  #join(waiter: Waiter): void {
    let last = this.#waiter
    if (last === undefined) {
      this.#waiter = waiter
      return
    }
    while (last.next !== undefined) last = last.next
    last.next = waiter
  }

  /** Whether the waiter was still waiting. It keeps its `next`: somebody may be on the way from one to the other. */
  #leave(waiter: Waiter): boolean {
    if (this.#waiter === waiter) this.#waiter = waiter.next
    else {
      let before = this.#waiter
      while (before !== undefined && before.next !== waiter) before = before.next
      if (before === undefined) return false
      before.next = waiter.next
    }
    waiter.end()
    return true
  }

  /** A wait that an iteration has left behind must not take a message that nobody would see. */
  #leaveIteration(iteration: object): void {
    for (let waiter = this.#waiter; waiter !== undefined; waiter = waiter.next) {
      if (waiter.iteration === iteration && this.#leave(waiter))
        waiter.resolve({ value: undefined, done: true } as never)
    }
  }

  /** @internal Ends a wait with an error. */
  giveUp(waiter: Waiter, error: unknown): void {
    if (this.#leave(waiter)) this.rejectWait(waiter.reject, error)
  }

  // --- being sent to --------------------------------------------------------------------------------------------

  /** @internal */
  override deliver(_to: Address<never>, sent: unknown, _from?: Address<never>): boolean {
    const { copy } = this.host
    return this.#enter(copy === undefined ? sent : copy(sent))
  }

  #enter(message: unknown): boolean {
    const { host } = this
    if (host.admit !== undefined && !host.admit(this.self, message)) return true
    const resolve = this.#resolve
    if (resolve !== undefined) {
      this.#resolve = undefined
      if (host.scheduler.claim()) resolve(message as never)
      else host.scheduler.enqueue(new PlainDelivery(this as unknown as Receiver<never>, message, resolve))
      return true
    }
    if (this.#waiter !== undefined && this.#serve(message)) return true
    this.#queue ??= new MessageQueue()
    const taken = this.#queue.push(message)
    this.#consumer?.wake()
    return taken
  }

  /** @internal */
  override tell(message: unknown): void {
    const { host } = this
    if (this.alive) this.#enter(host.copy === undefined ? message : host.copy(message))
    else host.deadLetter('noproc', this.self, message)
  }

  /** @internal Lets nothing in any more but what fits; nor does anything else stay that has come. */
  gate(gate: Gate): void {
    const door = new Door(gate, this)
    const admit = (message: unknown, from?: Address<never>): boolean => {
      const admitted = door.admit(message, from)
      return admitted instanceof Refusal ? true : this.#enter(admitted)
    }
    // A property of its own: who has no gate does not even ask whether there is one.
    this.deliver = (_to, sent, from) => {
      const { copy } = this.host
      return admit(copy === undefined ? sent : copy(sent), from)
    }
    for (const message of this.#queue?.drain() ?? []) {
      if (isNotice(message)) this.#enter(message)
      else admit(message)
    }
  }

  /** @internal Shows all that is sent to it to a function first, which may take it: then it is no message. What has come is shown as well. */
  intercept(takes: (message: unknown) => boolean): void {
    const { deliver } = this
    this.deliver = (to, sent, from) => takes(sent) || deliver.call(this, to, sent, from)
    for (const message of this.#queue?.drain() ?? []) if (!takes(message)) this.#enter(message)
  }

  /** @internal Bounds the messages that may wait; before the first comes. */
  bound(limit: MailboxLimit): void {
    this.#queue = new BoundedQueue(limit, this)
  }

  /** @internal */
  override drained(): Promise<void> {
    return this.#queue instanceof BoundedQueue ? this.#queue.drained() : super.drained()
  }

  /** @internal Lets a consumer take the messages from now on, those that are queued first; who waits in a `receive` comes before it. */
  consume(consumer: Consumer): void {
    if (!this.alive) return consumer.ended(this.exitReason)
    this.#consumer = consumer
    if (this.length > 0) consumer.wake()
  }

  /** @internal The oldest message that is queued, or the oldest that is wanted; {@link nothing} if there is none. */
  takeQueued(wanted?: Matcher): unknown {
    const queue = this.#queue
    if (queue === undefined || queue.length === 0) return nothing
    return wanted === undefined ? queue.shift() : queue.take(wanted)
  }

  #serve(message: unknown): boolean {
    for (let waiter = this.#waiter; waiter !== undefined; waiter = waiter.next) {
      try {
        if (waiter.matcher !== undefined && !waiter.matcher.accepts(message)) continue
      } catch (error) {
        // The receiver's mistake, not the sender's: its wait ends with it, and the message stays for the others.
        this.giveUp(waiter, error)
        continue
      }
      this.#leave(waiter)
      this.#give(message, waiter)
      return true
    }
    return false
  }

  /** Makes a reference, and remembers that nothing that is queued now can hold it. */
  protected marked(make: () => Ref): Ref {
    const queue = this.#queue
    if (queue === undefined || queue.length === 0) return make()
    // The place is taken before the reference is made: the answer can be there at once (`noproc`).
    const mark = queue.mark()
    const ref = make()
    markRef(ref, mark)
    return ref
  }

  /** Takes a message out of the queue, if it is there. */
  protected remove(pattern: object): void {
    if (this.#queue !== undefined) takeFrom(this.#queue, matcher(pattern))
  }

  /** @internal */
  protected override onExit(reason: unknown): void {
    const queued = this.#queue?.drain() ?? []
    this.#queue = undefined
    for (const message of queued) this.host.deadLetter('noproc', this.self, message)
    const resolve = this.#resolve
    let waiter = this.#waiter
    this.#resolve = undefined
    this.#waiter = undefined
    if (resolve !== undefined) this.rejectWait(rejectThrough(resolve), this.endError(reason))
    this.#consumer?.ended(reason)
    for (; waiter !== undefined; waiter = waiter.next) {
      waiter.end()
      this.endWait(waiter.resolve, waiter.reject, waiter.iteration)
    }
  }

  /** @internal Tells one who waits that there is nothing more to come. */
  endWait(resolve: (value: never) => void, reject: (error: unknown) => void, iteration: object | undefined): void {
    if (iteration !== undefined && this.endsIteration(this.exitReason))
      resolve({ value: undefined, done: true } as never)
    else this.rejectWait(reject, this.endError(this.exitReason))
  }

  /** Whether iterations end in peace, rather than with an error, for that reason. */
  protected abstract endsIteration(reason: unknown): boolean

  #endOfIteration(): Promise<IteratorResult<M>> {
    if (this.endsIteration(this.exitReason)) return Promise.resolve({ value: undefined, done: true })
    return this.refused()
  }
}

function takeFrom(queue: MessageQueue, wanted: Matcher): unknown {
  return queue.take(wanted, markOf(wanted))
}
