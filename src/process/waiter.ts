/** Somebody who waits for a message: what it accepts, and how it is told. */
import { refused } from '../arguments.js'
import { Expiring } from '../deadlines.js'
import { type ReignError, TimeoutError } from '../errors.js'
import type { Matcher } from './matcher.js'
import type { Receiver } from './receiver.js'

/** How a receive may be bounded. */
export interface ReceiveOptions {
  /** Milliseconds to wait; 0 or less looks at what is queued and does not wait; omitted or infinite, waits for ever. */
  timeout?: number | undefined
  /** Ends the wait, with the signal's reason, when it is aborted. */
  signal?: AbortSignal | undefined
}

/** What is wrong with a time-out, if anything is. */
export function timeoutFault(timeout: number | undefined): ReignError | undefined {
  if (timeout === undefined || (typeof timeout === 'number' && !Number.isNaN(timeout))) return undefined
  return refused('a timeout is a number of milliseconds', timeout)
}

/** What is wrong with the bounds of a wait, if anything is. */
export function boundsFault(options: ReceiveOptions | undefined): ReignError | undefined {
  if (options === undefined) return undefined
  if (typeof options !== 'object' || options === null) return refused('options are an object', options)
  const { timeout, signal } = options
  if (signal !== undefined && typeof signal?.addEventListener !== 'function') {
    return refused('a signal is an AbortSignal', signal)
  }
  return timeoutFault(timeout)
}

/** @throws `ERR_REIGN_ARGUMENT` for bounds of a wait that are none. */
export function checkBounds(options: ReceiveOptions | undefined): void {
  const fault = boundsFault(options)
  if (fault !== undefined) throw fault
}

/** What keeps the functions that settle a promise. */
export interface Settler {
  armed(resolve: (value: never) => void, reject: (error: unknown) => void): void
}

/** The settler for which {@link arm} is called: an executor runs at once, so a closure for each promise is saved. */
let arming: Settler

const arm = (resolve: (value: never) => void, reject: (error: unknown) => void): void => {
  arming.armed(resolve, reject)
}

/** A promise that `settler` settles. */
export function promiseOf<T>(settler: Settler): Promise<T> {
  arming = settler
  return new Promise<never>(arm)
}

/** See the head of this file. */
export class Waiter extends Expiring implements Settler {
  /** Accepts every message when there is none. */
  readonly matcher: Matcher | undefined
  /** The iteration that it belongs to: it wants a result around the message, and an end when the mailbox closes. */
  readonly iteration: object | undefined
  /** How long it waits, in milliseconds. */
  readonly timeoutMs: number
  resolve: (value: never) => void = unarmed
  reject: (error: unknown) => void = unarmed
  /** Who is served after it. */
  next: Waiter | undefined = undefined
  readonly #receiver: Receiver<never>
  /** Takes back the listener on the abort signal. */
  #unlisten: (() => void) | undefined = undefined

  constructor(
    receiver: Receiver<never>,
    matcher: Matcher | undefined,
    iteration: object | undefined,
    timeoutMs: number,
  ) {
    super()
    this.#receiver = receiver
    this.matcher = matcher
    this.iteration = iteration
    this.timeoutMs = timeoutMs
  }

  armed(resolve: (value: never) => void, reject: (error: unknown) => void): void {
    this.resolve = resolve
    this.reject = reject
  }

  /** Begins to wait. */
  begin(signal: AbortSignal | undefined): void {
    if (this.timeoutMs !== Number.POSITIVE_INFINITY) this.#receiver.host.deadlines.set(this)
    if (signal === undefined) return
    const aborted = () => this.#receiver.giveUp(this, signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    this.#unlisten = () => signal.removeEventListener('abort', aborted)
  }

  /** Waits no more: leaves neither deadline nor listener behind. */
  end(): void {
    this.#receiver.host.deadlines.clear(this)
    this.#unlisten?.()
  }

  expire(): void {
    this.#receiver.giveUp(this, new TimeoutError(this.timeoutMs))
  }
}

const unarmed = (): void => {}
