/** What somebody waits for that comes beside the messages: its promise, its deadline and its abort signal. */
import { Expiring } from '../deadlines.js'
import type { Entity } from './entity.js'
import { resume } from './scheduler.js'
import { boundsFault, promiseOf, type ReceiveOptions, type Settler } from './waiter.js'

/** See the head of this file. It is settled once; what comes later is nothing. */
export abstract class Pending extends Expiring implements Settler {
  readonly timeoutMs: number
  readonly caller: Entity
  readonly #signal: AbortSignal | undefined
  readonly #fault: unknown
  #resolve: ((value: never) => void) | undefined = undefined
  #reject: ((error: unknown) => void) | undefined = undefined
  #unlisten: (() => void) | undefined = undefined

  constructor(caller: Entity, options: ReceiveOptions) {
    super()
    this.#fault = boundsFault(options)
    const { timeout = Number.POSITIVE_INFINITY, signal } = this.#fault === undefined ? options : {}
    this.caller = caller
    this.timeoutMs = timeout
    this.#signal = signal
  }

  /** Asks for what is waited for. What it throws ends the wait. */
  protected abstract ask(): void
  /** The wait is over: nothing may be left behind. */
  protected abstract over(): void

  armed(resolve: (value: never) => void, reject: (error: unknown) => void): void {
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Begins, unless something keeps it from that: `fault`, an end of the caller, an abort, a time that is none. */
  begin(fault?: unknown): Promise<unknown> {
    const outcome = promiseOf<unknown>(this)
    const { caller } = this
    const signal = this.#signal
    const why =
      (caller.alive ? undefined : caller.endError(caller.exitReason)) ??
      (signal?.aborted ? signal.reason : undefined) ??
      fault ??
      this.#fault
    if (why === undefined) this.#begin(signal)
    else this.fail(why)
    return outcome
  }

  #begin(signal: AbortSignal | undefined): void {
    if (this.timeoutMs !== Number.POSITIVE_INFINITY) this.caller.host.deadlines.set(this)
    if (signal !== undefined) {
      const aborted = () => this.fail(signal.reason)
      signal.addEventListener('abort', aborted, { once: true })
      this.#unlisten = () => signal.removeEventListener('abort', aborted)
    }
    try {
      this.ask()
    } catch (error) {
      this.fail(error)
    }
  }

  /** Ends the wait with what was waited for. */
  settle(value: unknown): void {
    const resolve = this.#resolve
    if (resolve === undefined) return
    this.#over()
    resume(this.caller.host.scheduler, resolve, value)
  }

  /** Ends the wait with an error. */
  fail(error: unknown): void {
    const reject = this.#reject
    if (reject === undefined) return
    this.#over()
    resume(this.caller.host.scheduler, (why) => this.caller.rejectWait(reject, why), error)
  }

  #over(): void {
    this.#resolve = undefined
    this.#reject = undefined
    this.caller.host.deadlines.clear(this)
    this.#unlisten?.()
    this.over()
  }
}
