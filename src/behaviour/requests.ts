/**
 * Many requests under way at once, and their answers in the order in which they come: Erlang's request id collections
 * (`gen_server:send_request/4`, `receive_response/3`, `check_response/3`).
 *
 * A request that is under way is a promise, so `const answer = server.call.add(3)` without `await` is Erlang's `send_request`, and
 * `await answer` is `receive_response`. A collection is for when it matters which one comes first.
 */
import { check } from '../arguments.js'
import { TimeoutError } from '../errors.js'
import type { Starter } from '../process/behaviour.js'
import { checkStarter } from '../process/checks.js'
import { resume } from '../process/scheduler.js'
import { boundsFault, type ReceiveOptions } from '../process/waiter.js'
import type { Timer } from '../timers.js'

/** What came of one request. */
export type Answer<L, R> =
  | { readonly label: L; readonly ok: true; readonly reply: R }
  | { readonly label: L; readonly ok: false; readonly error: unknown }

interface Waiting<L, R> {
  readonly resolve: (answer: Answer<L, R> | undefined) => void
  readonly settle: () => void
}

/** See the head of this file. `L` is what requests are told apart by, `R` what they are answered with. */
export class Requests<L, R = unknown> implements AsyncIterable<Answer<L, R>> {
  readonly #by: Starter
  readonly #arrived: Answer<L, R>[] = []
  readonly #waiting: Waiting<L, R>[] = []
  #underWay = 0

  /** @param by Who waits for the answers: a node or a process. */
  constructor(by: Starter) {
    checkStarter(by)
    this.#by = by
  }

  /** How many answers are still to be taken: those that have come, and those that have not. */
  get size(): number {
    return this.#arrived.length + this.#underWay
  }

  /** Adds a request that is under way. A failure is an answer too, and is not thrown. */
  add(label: L, request: PromiseLike<R>): this {
    check(typeof (request as PromiseLike<R> | undefined)?.then === 'function', 'a request is a promise', request)
    this.#underWay++
    request.then(
      (reply) => this.#came({ label, ok: true, reply }),
      (error) => this.#came({ label, ok: false, error }),
    )
    return this
  }

  /** The answer that has come first, of those that have come; never waits. Erlang: `check_response`. */
  check(): Answer<L, R> | undefined {
    return this.#arrived.shift()
  }

  /**
   * The next answer, in the order in which they come; `undefined` when no request is left. Erlang: `receive_response`.
   *
   * @throws `ERR_REIGN_TIMEOUT` when none has come in time, and the reason of the abort signal: the requests stay as they are.
   */
  next(options: ReceiveOptions = {}): Promise<Answer<L, R> | undefined> {
    const fault = boundsFault(options)
    if (fault !== undefined) return Promise.reject(fault)
    const arrived = this.#arrived.shift()
    if (arrived !== undefined) return Promise.resolve(arrived)
    if (this.#underWay <= this.#waiting.length) return Promise.resolve(undefined)
    const { timeout = Number.POSITIVE_INFINITY, signal } = options
    return new Promise((resolve, reject) => {
      const { host } = this.#by.entity
      const fail = (error: unknown) => resume(host.scheduler, reject, error)
      if (signal?.aborted) return fail(signal.reason)
      let timer: Timer | undefined
      const giveUp = (error: unknown) => {
        waiting.settle()
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1)
        fail(error)
      }
      const aborted = () => giveUp(signal?.reason)
      const waiting: Waiting<L, R> = {
        resolve,
        settle: () => {
          if (timer !== undefined) host.timers.cancel(timer)
          signal?.removeEventListener('abort', aborted)
        },
      }
      this.#waiting.push(waiting)
      signal?.addEventListener('abort', aborted, { once: true })
      if (timeout === Number.POSITIVE_INFINITY) return
      timer = host.timers.after(timeout, () => giveUp(new TimeoutError(timeout, 'no answer')))
    })
  }

  /** Answer after answer, until no request is left. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Answer<L, R>, void, undefined> {
    for (let answer = await this.next(); answer !== undefined; answer = await this.next()) yield answer
  }

  #came(answer: Answer<L, R>): void {
    this.#underWay--
    const waiting = this.#waiting.shift()
    if (waiting === undefined) {
      this.#arrived.push(answer)
      return
    }
    waiting.settle()
    waiting.resolve(answer)
  }
}
