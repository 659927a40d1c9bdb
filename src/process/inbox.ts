/**
 * Receiving: the queue of one mailbox, and those who wait for its messages.
 *
 * Who waits first is served first: a message goes to the earliest waiter that accepts it, and is queued if none does. Each
 * queued message is looked at once per wait, each arrival once per waiter. Erlang's `receive`, with promises.
 */
import { ReignError, TimeoutError } from '../errors.js'
import { Address } from '../term/address.js'
import { named } from '../term/named.js'
import type { Ref } from '../term/ref.js'
import { type Caller, call, reply } from './call.js'
import { Delivery } from './delivery.js'
import { type AliasMode, Entity } from './entity.js'
import type { Host } from './host.js'
import type { Matched, Matcher, Pattern } from './match.js'
import { MessageQueue, type QueueMark } from './message-queue.js'
import type { Target } from './notices.js'
import { resume } from './scheduler.js'
import { type Server, serverAt } from './server.js'
import { type ReceiveOptions, timeoutFault, type Waiter } from './waiter.js'
import { markRef, wanted } from './wanted.js'

/** The inbox for which {@link armPlain} is called: an executor runs at once, so a closure for each wait is saved. */
let arming: Inbox<never>

const armPlain = (resolve: (value: never) => void): void => {
  arming.armed(resolve)
}

/** Rejects a promise through its `resolve`: a wait keeps one function instead of two, and a node may have a million waits. */
function rejectThrough(resolve: (value: never) => void): (error: unknown) => void {
  return (error) => resolve(Promise.reject(error) as never)
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
  // The commonest wait by far, one receiver that accepts anything for ever, needs no Waiter: this field is it.
  #resolve: ((value: never) => void) | undefined
  #waiters: Waiter[] | undefined

  /** @internal */
  constructor(host: Host, id: number, serial: number) {
    super(host, id, serial)
  }

  /** Where messages for this inbox go; can be sent anywhere, inside any message. */
  get address(): Address<M> {
    return this.self as Address<unknown> as Address<M>
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
    return this.#queue?.toArray() ?? []
  }

  /** @internal Whether somebody waits for a message. */
  get waiting(): boolean {
    return this.#resolve !== undefined || (this.#waiters?.length ?? 0) > 0
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
   * `monitor`, `makeRef` or `alias` of this inbox, as nothing older can match it.
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
    if (first === undefined && second === undefined) return this.#receiveAny()
    const { match, mark, options } = wanted(first, second)
    return this.#receiveMatch(match, mark, options)
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
    if (first === undefined) return this.#queue.shift()
    const { match, mark } = wanted(first, {})
    return this.#queue.take(match as Matcher, mark).message
  }

  /** Message after message, until the mailbox is closed. Leaving the loop closes nothing. */
  [Symbol.asyncIterator](): AsyncIterableIterator<M> {
    const next = (): Promise<IteratorResult<M>> => {
      if (!this.alive) return this.#endOfIteration()
      const queue = this.#queue
      if (queue === undefined || queue.length === 0) {
        return this.#wait<IteratorResult<M>>(undefined, {}, iterator)
      }
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
    if (this.#resolve !== undefined || this.#waiters !== undefined) return this.#wait(undefined, {}, undefined)
    arming = this as unknown as Inbox<never>
    return new Promise(armPlain)
  }

  #receiveMatch(match: Matcher | undefined, mark: QueueMark | undefined, options: ReceiveOptions): Promise<unknown> {
    if (!this.alive) return this.refused()
    if (options.signal?.aborted) return this.#refuse(options.signal.reason)
    const fault = timeoutFault(options.timeout)
    if (fault !== undefined) return this.#refuse(fault)
    const queue = this.#queue
    if (queue !== undefined && queue.length > 0) {
      try {
        const { found, message } = queue.take(match ?? acceptAll, mark)
        if (found) return this.#take(message)
      } catch (error) {
        return this.#refuse(error)
      }
    }
    return this.#wait(match, options, undefined)
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
      scheduler.enqueue(new Delivery(this as unknown as Inbox<never>, message, resolve as never, reject, iteration))
    })
  }

  /** Goes on with a message that has just come, likewise. */
  #give(message: unknown, { resolve, reject, iteration }: Waiter): void {
    const { scheduler } = this.host
    if (scheduler.claim()) resolve((iteration === undefined ? message : { value: message, done: false }) as never)
    else scheduler.enqueue(new Delivery(this as unknown as Inbox<never>, message, resolve, reject, iteration))
  }

  /** A wait that does not begin. */
  #refuse(error: unknown): Promise<never> {
    return new Promise((_, reject) => resume(this.host.scheduler, (why) => this.rejectWait(reject, why), error))
  }

  /** A wait on an inbox that has ended. */
  protected refused(): Promise<never> {
    return this.#refuse(this.endError(this.exitReason))
  }

  #wait<T>(match: Matcher | undefined, options: ReceiveOptions, iteration: object | undefined): Promise<T> {
    const { timeout, signal } = options
    if (timeout !== undefined && timeout <= 0) return this.#refuse(new TimeoutError(timeout))
    return new Promise<T>((resolve, reject) => {
      this.#listWaiters()
      const waiter: Waiter = { match, resolve, reject, iteration, timer: undefined, unlisten: undefined }
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
      reject: rejectThrough(this.#resolve),
      iteration: undefined,
      timer: undefined,
      unlisten: undefined,
    }
    this.#resolve = undefined
    this.#waiters = [plain, ...(this.#waiters ?? [])]
  }

  /** A wait that an iteration has left behind must not take a message that nobody would see. */
  #leaveIteration(iteration: object): void {
    for (const waiter of this.#waiters ?? []) {
      if (waiter.iteration === iteration && this.#leave(waiter))
        waiter.resolve({ value: undefined, done: true } as never)
    }
  }

  #giveUp(waiter: Waiter, error: unknown): void {
    if (this.#leave(waiter)) this.rejectWait(waiter.reject, error)
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
      if (host.scheduler.claim()) resolve(message as never)
      else {
        const inbox = this as unknown as Inbox<never>
        host.scheduler.enqueue(new Delivery(inbox, message, resolve, rejectThrough(resolve), undefined))
      }
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
      this.#give(message, waiter)
      return true
    }
    return false
  }

  /** @internal */
  protected override onExit(reason: unknown): void {
    const queued = this.#queue?.drain() ?? []
    this.#queue = undefined
    for (const message of queued) this.host.deadLetter('noproc', this.self, message)
    const resolve = this.#resolve
    const waiters = this.#waiters
    this.#resolve = undefined
    this.#waiters = undefined
    if (resolve !== undefined) this.rejectWait(rejectThrough(resolve), this.endError(reason))
    for (const waiter of waiters ?? []) {
      if (waiter.timer !== undefined) this.host.timers.cancel(waiter.timer)
      waiter.unlisten?.()
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

  // --- calls ----------------------------------------------------------------------------------------------------

  /**
   * Sends a request and waits for the reply, which comes beside the messages: the cost does not depend on how many are queued.
   * Erlang: `gen:call`, which `gen_server:call` is made of.
   *
   * @param target An address, or a name, here (`'counter'`) or elsewhere (`named('counter', node)`).
   * @throws `ERR_REIGN_CALL` (a `CallError` with the reason) when the server ends before it replies, is not there (`noproc`), or is
   *   out of reach (`noconnection`); `ERR_REIGN_TIMEOUT` after `timeout` ms (5,000 unless given); the reason of the abort
   *   signal; `ERR_REIGN_EXIT`, `ERR_REIGN_CLOSED` when the caller itself ends.
   */
  call(target: Target | string, request: unknown, options?: ReceiveOptions): Promise<unknown> {
    if (!this.alive) return this.refused()
    return call(this, typeof target === 'string' ? named(target, this.self.node) : target, request, options)
  }

  /** A server, typed as by `node.server`, that is called in the name of this process or mailbox. */
  server<D>(target: Target | string | Server<D>): Server<D> {
    return serverAt(this, target) as Server<D>
  }

  /** Answers a call that came as a message (see `callIn`); a caller that gave up gets nothing. Erlang: `gen:reply`. */
  reply(to: Caller, value: unknown): void {
    reply(this, to, value)
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
    markRef(ref, mark)
    return ref
  }
}

const acceptAll: Matcher = () => true
