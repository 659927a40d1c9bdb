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
import type { Entity } from '../process/entity.js'
import { Pending } from '../process/pending.js'
import { boundsFault, type ReceiveOptions } from '../process/waiter.js'

/** What came of one request. */
export type Answer<L, R> =
  | { readonly label: L; readonly ok: true; readonly reply: R }
  | { readonly label: L; readonly ok: false; readonly error: unknown }

/** See the head of this file. `L` is what requests are told apart by, `R` what they are answered with. */
export class Requests<L, R = unknown> implements AsyncIterable<Answer<L, R>> {
  readonly #by: Starter
  readonly #arrived: Answer<L, R>[] = []
  #waiting: NextAnswer[] = []
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
    return new NextAnswer(this.#by.entity, options, (next, waits) => {
      if (waits) this.#waiting.push(next)
      else this.#waiting = this.#waiting.filter((each) => each !== next)
    }).begin() as Promise<Answer<L, R> | undefined>
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
    waiting.settle(answer)
  }
}

/** Somebody who waits for an answer. */
class NextAnswer extends Pending {
  readonly #waits: (next: NextAnswer, waits: boolean) => void

  constructor(by: Entity, options: ReceiveOptions, waits: (next: NextAnswer, waits: boolean) => void) {
    super(by, options)
    this.#waits = waits
  }

  protected ask(): void {
    this.#waits(this, true)
  }

  expire(): void {
    this.fail(new TimeoutError(this.timeoutMs, 'no answer'))
  }

  protected over(): void {
    this.#waits(this, false)
  }
}
