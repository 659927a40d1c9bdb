/**
 * Receiving: the queue of one mailbox, and those who wait for its messages.
 *
 * Who waits first is served first: a message goes to the earliest waiter that accepts it, and is queued if none does. Each
 * queued message is looked at once per wait, each arrival once per waiter. Erlang's `receive`, with promises.
 */
import { ClosedError, ReignError, TimeoutError } from '../errors.js'
import { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import { type AliasMode, Entity } from './entity.js'
import type { Host } from './host.js'
import { type Matched, type Matcher, matcher, type Pattern, refIn } from './match.js'
import { MessageQueue, type QueueMark } from './message-queue.js'
import type { Target } from './notices.js'
import { Resumption } from './scheduler.js'
import type { ReceiveOptions, Waiter } from './waiter.js'

/** Where in its owner's queue a reference was made: nothing queued before can hold it. */
const marks = new WeakMap<Ref, QueueMark>()

/** The inbox for which {@link armPlain} is called: an executor runs at once, so a closure for each wait is saved. */
let arming: Inbox<never>

const armPlain = (resolve: (value: never) => void, reject: (error: unknown) => void): void => {
  arming.armed(resolve, reject)
}

/** Options of {@link Inbox.monitor}. */
export interface MonitorOptions {
  /**
   * Makes the reference an alias too, to which others can send: until `unalias`, until the monitor ends, or also until the
   * first message comes through it.
   */
  alias?: AliasMode | undefined
}

/** What mailboxes and processes have in common: an address, messages, links and monitors. */
export abstract class Inbox<M> extends Entity {
  #queue: MessageQueue | undefined
  // The commonest wait by far, one receiver that accepts anything for ever, needs no Waiter: these two fields are it.
  #resolve: ((value: never) => void) | undefined
  #reject: ((error: unknown) => void) | undefined
  #waiters: Waiter[] | undefined

  /** @internal */
  constructor(host: Host, id: number, serial: number) {
    super(host, id, serial)
  }

  /** Where messages for this inbox go; can be sent anywhere, inside any message. */
  get address(): Address<M> {
    return this.self as Address<unknown> as Address<M>
  }

  /** How many messages are queued. */
  get length(): number {
    return this.#queue?.length ?? 0
  }

  /** @internal The queued messages, oldest first, undisturbed. */
  peek(): unknown[] {
    return this.#queue?.toArray() ?? []
  }

  /** @internal Whether somebody waits for a message. */
  get waiting(): boolean {
    return this.#resolve !== undefined || (this.#waiters?.length ?? 0) > 0
  }

  /** What a wait ends with when this inbox has ended. */
  protected abstract endError(reason: unknown): ReignError

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
   * `monitor`, `makeRef` or `alias` of this inbox, as nothing older can match it.
   *
   * @throws `ERR_REIGN_TIMEOUT` (a `TimeoutError`) when the time is over; the reason of the abort signal; `ERR_REIGN_CLOSED` when
   *   the mailbox is closed, `ERR_REIGN_EXIT` when the process has exited.
   */
  receive(options?: ReceiveOptions): Promise<M>
  receive<T extends M>(guard: (message: M) => message is T, options?: ReceiveOptions): Promise<T>
  receive(match: (message: M) => boolean, options?: ReceiveOptions): Promise<M>
  receive<const P extends Pattern<M>>(pattern: P, options?: ReceiveOptions): Promise<Matched<M, P>>
  receive(first?: unknown, second?: ReceiveOptions): Promise<unknown> {
    if (first === undefined && second === undefined) return this.#receiveAny()
    const { match, mark, options } = request(first, second)
    return this.#receiveMatch(match, mark, options, false)
  }

  /**
   * The next message that is wanted if it is queued already, else `undefined`; never waits.
   * Takes what `receive` takes, without options.
   */
  poll(): M | undefined
  poll<T extends M>(guard: (message: M) => message is T): T | undefined
  poll(match: (message: M) => boolean): M | undefined
  poll<const P extends Pattern<M>>(pattern: P): Matched<M, P> | undefined
  poll(wanted?: unknown): unknown {
    if (!this.alive) throw this.endError(this.exitReason)
    if (this.#queue === undefined) return undefined
    if (wanted === undefined) return this.#queue.shift()
    const { match, mark } = request(wanted, {})
    return this.#queue.take(match as Matcher, mark).message
  }

  /** Message after message, until the mailbox is closed. Leaving the loop closes nothing. */
  [Symbol.asyncIterator](): AsyncIterableIterator<M> {
    const next = (): Promise<IteratorResult<M>> => {
      if (!this.alive) return this.#endOfIteration()
      const queue = this.#queue
      if (queue === undefined || queue.length === 0) {
        return this.#wait<IteratorResult<M>>(undefined, {}, true)
      }
      return this.#resume<IteratorResult<M>>({ value: queue.shift() as M, done: false })
    }
    const iterator: AsyncIterableIterator<M> = {
      next,
      return: () => Promise.resolve({ value: undefined, done: true }),
      [Symbol.asyncIterator]: () => iterator,
    }
    return iterator
  }

  #receiveAny(): Promise<unknown> {
    const queue = this.#queue
    if (queue !== undefined && queue.length > 0) return this.#resume(queue.shift())
    if (!this.alive) return Promise.reject(this.endError(this.exitReason))
    if (this.#resolve !== undefined || this.#waiters !== undefined) return this.#wait(undefined, {}, false)
    arming = this as unknown as Inbox<never>
    return new Promise(armPlain)
  }

  #receiveMatch(
    match: Matcher | undefined,
    mark: QueueMark | undefined,
    options: ReceiveOptions,
    iterates: boolean,
  ): Promise<unknown> {
    if (!this.alive) return Promise.reject(this.endError(this.exitReason))
    const queue = this.#queue
    if (queue !== undefined && queue.length > 0) {
      try {
        const { found, message } = queue.take(match ?? acceptAll, mark)
        if (found) return this.#resume(message)
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return this.#wait(match, options, iterates)
  }

  /** @internal */
  armed(resolve: (value: never) => void, reject: (error: unknown) => void): void {
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Goes on with a message: at once while the slice lasts, else when the event loop has had a turn. */
  #resume<T>(value: T): Promise<T> {
    const { scheduler } = this.host
    if (scheduler.claim()) return Promise.resolve(value)
    return new Promise((resolve) => scheduler.enqueue(new Resumption(resolve as (value: never) => void, value)))
  }

  #wait<T>(match: Matcher | undefined, options: ReceiveOptions, iterates: boolean): Promise<T> {
    const { timeout, signal } = options
    if (signal?.aborted) return Promise.reject(signal.reason)
    if (timeout !== undefined && timeout <= 0) return Promise.reject(new TimeoutError(timeout))
    return new Promise<T>((resolve, reject) => {
      this.#listWaiters()
      const waiter: Waiter = { match, resolve, reject, iterates, timer: undefined, unlisten: undefined }
      this.#waiters = [...(this.#waiters ?? []), waiter]
      if (timeout !== undefined && timeout !== Number.POSITIVE_INFINITY) {
        waiter.timer = this.host.timers.after(timeout, () => this.#giveUp(waiter, new TimeoutError(timeout)))
      }
      if (signal !== undefined) {
        const aborted = () => this.#giveUp(waiter, signal.reason)
        signal.addEventListener('abort', aborted, { once: true })
        waiter.unlisten = () => signal.removeEventListener('abort', aborted)
      }
    })
  }

  /** Turns the plain wait, if there is one, into the first of the list. */
  #listWaiters(): void {
    if (this.#resolve === undefined) return
    const plain: Waiter = {
      match: undefined,
      resolve: this.#resolve,
      reject: this.#reject as (error: unknown) => void,
      iterates: false,
      timer: undefined,
      unlisten: undefined,
    }
    this.#resolve = undefined
    this.#reject = undefined
    this.#waiters = [plain, ...(this.#waiters ?? [])]
  }

  #giveUp(waiter: Waiter, error: unknown): void {
    if (this.#leave(waiter)) waiter.reject(error)
  }

  #leave(waiter: Waiter): boolean {
    const waiters = this.#waiters
    const at = waiters?.indexOf(waiter) ?? -1
    if (waiters === undefined || at < 0) return false
    this.#waiters = waiters.length === 1 ? undefined : waiters.toSpliced(at, 1)
    if (waiter.timer !== undefined) this.host.timers.cancel(waiter.timer)
    waiter.unlisten?.()
    return true
  }

  // --- being sent to --------------------------------------------------------------------------------------------

  /** @internal */
  override deliver(_to: Address<never>, sent: unknown): boolean {
    const { host } = this
    const message = host.copy === undefined ? sent : host.copy(sent)
    const resolve = this.#resolve
    if (resolve !== undefined) {
      this.#resolve = undefined
      this.#reject = undefined
      if (host.scheduler.claim()) resolve(message as never)
      else host.scheduler.enqueue(new Resumption(resolve, message))
      return true
    }
    if (this.#waiters !== undefined && this.#serve(this.#waiters, message)) return true
    this.#queue ??= new MessageQueue()
    this.#queue.push(message)
    return true
  }

  #serve(waiters: readonly Waiter[], message: unknown): boolean {
    for (const waiter of waiters) {
      try {
        if (waiter.match !== undefined && !waiter.match(message as never)) continue
      } catch (error) {
        // The receiver's mistake, not the sender's: its wait ends with it, and the message stays for the others.
        this.#giveUp(waiter, error)
        continue
      }
      this.#leave(waiter)
      const value = waiter.iterates ? { value: message, done: false } : message
      const { scheduler } = this.host
      if (scheduler.claim()) waiter.resolve(value as never)
      else scheduler.enqueue(new Resumption(waiter.resolve, value))
      return true
    }
    return false
  }

  /** @internal */
  protected override onExit(reason: unknown): void {
    const queued = this.#queue?.drain() ?? []
    this.#queue = undefined
    for (const message of queued) this.host.deadLetter('noproc', this.self, message)
    const reject = this.#reject
    const waiters = this.#waiters
    this.#resolve = undefined
    this.#reject = undefined
    this.#waiters = undefined
    reject?.(this.endError(reason))
    for (const waiter of waiters ?? []) {
      if (waiter.timer !== undefined) this.host.timers.cancel(waiter.timer)
      waiter.unlisten?.()
      if (waiter.iterates && this.endsIteration(reason)) waiter.resolve({ value: undefined, done: true } as never)
      else waiter.reject(this.endError(reason))
    }
  }

  /** Whether iterations end in peace, rather than with an error, for that reason. */
  protected abstract endsIteration(reason: unknown): boolean

  #endOfIteration(): Promise<IteratorResult<M>> {
    if (this.endsIteration(this.exitReason)) return Promise.resolve({ value: undefined, done: true })
    return Promise.reject(this.endError(this.exitReason))
  }

  // --- links, monitors, aliases ---------------------------------------------------------------------------------

  /**
   * Ties the fates of both: when one exits, the other is told, and exits too unless it traps exits. Linking twice is linking
   * once. A link to a process that is not there gives the exit `noproc`. Erlang: `link/1`.
   */
  link(to: Address<never>): void {
    if (!(to instanceof Address)) throw new ReignError('ERR_REIGN_ARGUMENT', 'a link is made to an address')
    this.linkTo(to)
  }

  /** Undoes a link: no exit of that link arrives from now on. Erlang: `unlink/1`. */
  unlink(from: Address<never>): void {
    this.unlinkFrom(from)
  }

  /**
   * Asks to be told once, by a `Down` message, when the target has ended; at once (`noproc`) when it is not there. Erlang:
   * `monitor/2`; Go's reign: `OnCloseNotify`.
   *
   * @param target An address, or `named(name, node)`: then the process that has the name now is what is watched.
   * @returns The reference that the `Down` will carry.
   */
  monitor(target: Target, options: MonitorOptions = {}): Ref {
    return this.#marked(() => this.startMonitor(target, { alias: options.alias }))
  }

  /** Takes a monitor back: no `Down` with this reference arrives from now on, and one that is queued is removed. */
  demonitor(ref: Ref): void {
    this.stopMonitor(ref)
    this.#queue?.take(
      ((message: { type?: unknown; ref?: unknown } | null) =>
        typeof message === 'object' && message !== null && message.type === 'DOWN' && message.ref === ref) as Matcher,
    )
  }

  /** A unique reference, to find an answer by: put it into a question, and receive the message that holds it. */
  makeRef(): Ref {
    return this.#marked(() => this.host.addressBook.makeRef())
  }

  /**
   * A reference that others can send to (`node.send(alias, message)`) until {@link unalias}: then what still comes is
   * dropped. `reply`: until the first message came through it. Erlang: `alias/1`.
   */
  alias(mode: 'explicit_unalias' | 'reply' = 'explicit_unalias'): Ref {
    return this.#marked(() => this.makeAlias(mode === 'reply'))
  }

  /** Ends an alias. `false` when it was none of this inbox, or had ended. */
  unalias(ref: Ref): boolean {
    return this.dropAlias(ref)
  }

  /** The place is taken before the reference is made: the answer can be there at once (`noproc`). */
  #marked(make: () => Ref): Ref {
    const queue = this.#queue
    if (queue === undefined || queue.length === 0) return make()
    const mark = queue.mark()
    const ref = make()
    marks.set(ref, mark)
    return ref
  }
}

const acceptAll: Matcher = () => true

/** What the arguments of a receive ask for. */
function request(
  first: unknown,
  second: ReceiveOptions | undefined,
): { match: Matcher | undefined; mark: QueueMark | undefined; options: ReceiveOptions } {
  if (second === undefined && isOptions(first)) return { match: undefined, mark: undefined, options: first }
  const options = second ?? {}
  if (first === undefined) return { match: undefined, mark: undefined, options }
  if (typeof first === 'function') return { match: first as Matcher, mark: undefined, options }
  const ref = refIn(first)
  return { match: matcher(first), mark: ref === undefined ? undefined : marks.get(ref), options }
}

function isOptions(value: unknown): value is ReceiveOptions {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Object.keys(value).every((key) => key === 'timeout' || key === 'signal')
}

/** A mailbox of ordinary code: what receives messages where there is no process. Go's reign: `NewMailbox`. */
export class Mailbox<M = unknown> extends Inbox<M> implements Disposable {
  /**
   * Whether exits of linked processes come as `Exit` messages; else they close the mailbox. On by default, unlike in a
   * process: there is no function here that could end.
   */
  trapExit = true

  /** @internal */
  get trapsExits(): boolean {
    return this.trapExit
  }

  /**
   * Closes the mailbox: who waits gets a `ClosedError`, who iterates comes to the end, who monitors gets a `Down` with the
   * reason, and what is queued or still sent becomes a dead letter. Closing twice is closing once.
   */
  close(reason: unknown = Symbol.for('normal')): void {
    this.terminate(reason)
  }

  [Symbol.dispose](): void {
    this.close()
  }

  protected override endError(reason: unknown): ReignError {
    return new ClosedError(reason)
  }

  protected override endsIteration(_reason: unknown): boolean {
    return true
  }
}
