/**
 * Many tasks, a bounded number of them at once, one for each of some items. Elixir: `Task.async_stream`.
 *
 * Items are taken, and tasks started, as results are asked for: no more than `concurrency` run, and no more than that wait, finished,
 * for one before them that is slow.
 */

import { check } from '../arguments.js'
import { ReignError, TimeoutError } from '../errors.js'
import type { Entity } from '../process/entity.js'
import { forgetExit } from '../process/start.js'
import { checkBounds } from '../process/waiter.js'
import { type Task, type TaskResult, taskTimeoutMs } from './task.js'

/** How many run at once, how long each may take, and in which order the results come. */
export interface TaskMapOptions {
  /** How many run at once: 16 unless given. */
  readonly concurrency?: number
  /** Whether results come in the order of the items, which is so unless told otherwise, or as they are there. */
  readonly ordered?: boolean
  /** Milliseconds for each: 5,000 unless given. */
  readonly timeout?: number
  /** What happens then: all end, and the loop gets a `TimeoutError` (`exit`, as in Elixir unless told otherwise); or that task is killed. */
  readonly onTimeout?: 'exit' | 'kill_task'
}

const concurrencyDefault = 16
const timeoutReason = Symbol.for('timeout')

/** @throws `ERR_REIGN_ARGUMENT` */
function checked(options: TaskMapOptions) {
  checkBounds(options)
  const { concurrency = concurrencyDefault, ordered = true, timeout, onTimeout = 'exit' } = options
  if (!(Number.isInteger(concurrency) && concurrency > 0)) {
    throw new ReignError('ERR_REIGN_ARGUMENT', `concurrency is a count, not ${String(concurrency)}`)
  }
  if (onTimeout !== 'exit' && onTimeout !== 'kill_task') {
    throw new ReignError('ERR_REIGN_ARGUMENT', `onTimeout is exit or kill_task, not ${String(onTimeout)}`)
  }
  return { concurrency, ordered, timeout: timeout ?? taskTimeoutMs, onTimeout }
}

/** The results of a task for each item; see the head of this file. Leaving the loop ends the tasks that run. */
export function mapTasks<I, T>(
  owner: Entity,
  items: Iterable<I> | AsyncIterable<I>,
  begin: (item: I) => Task<T> | PromiseLike<Task<T>>,
  options: TaskMapOptions,
): AsyncGenerator<TaskResult<T>, void, undefined> {
  const given = items as Partial<Iterable<I> & AsyncIterable<I>> | null | undefined
  check(
    given != null && (Symbol.asyncIterator in Object(given) || typeof given[Symbol.iterator] === 'function'),
    'items are iterable',
    items,
  )
  return new TaskMap(owner, items, begin, checked(options)).results()
}

class TaskMap<I, T> {
  readonly #owner: Entity
  readonly #items: Iterator<I> | AsyncIterator<I>
  readonly #begin: (item: I) => Task<T> | PromiseLike<Task<T>>
  readonly #options: ReturnType<typeof checked>
  readonly #running = new Set<Task<T>>()
  /** By the place of their items: finished, and not taken. */
  readonly #finished = new Map<number, TaskResult<T>>()
  /** How many were begun, and how many of them are not finished. */
  #begun = 0
  #underWay = 0
  #pulling = false
  #exhausted = false
  #over = false
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => {}

  constructor(
    owner: Entity,
    items: Iterable<I> | AsyncIterable<I>,
    begin: (item: I) => Task<T> | PromiseLike<Task<T>>,
    options: ReturnType<typeof checked>,
  ) {
    this.#owner = owner
    this.#items = Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : items[Symbol.iterator]()
    this.#begin = begin
    this.#options = options
  }

  async *results(): AsyncGenerator<TaskResult<T>, void, undefined> {
    try {
      for (let next = 0; ; ) {
        this.#pull()
        if (this.#failure !== undefined) throw this.#failure.error
        const at = this.#options.ordered ? next : this.#first()
        const result = this.#finished.get(at)
        if (result !== undefined) {
          this.#finished.delete(at)
          next++
          yield result
        } else if (this.#exhausted && this.#underWay === 0) return
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
        }
      }
    } finally {
      await this.#end()
    }
  }

  #first(): number {
    for (const at of this.#finished.keys()) return at
    return -1
  }

  /** Takes the next item, and begins its task, unless enough are under way; and so on. */
  #pull(): void {
    const { concurrency } = this.#options
    if (this.#pulling || this.#exhausted || this.#over) return
    if (this.#underWay >= concurrency || this.#finished.size >= concurrency) return
    this.#pulling = true
    this.#taken().then(
      () => this.#woken(),
      (error) => this.#failed(error),
    )
  }

  async #taken(): Promise<void> {
    const { value, done } = await this.#items.next()
    this.#pulling = false
    if (done) this.#exhausted = true
    else if (!this.#over) this.#run(this.#begun++, value)
  }

  #run(at: number, item: I): void {
    this.#underWay++
    this.#ran(item).then(
      (result) => {
        this.#underWay--
        this.#finished.set(at, result)
        this.#woken()
      },
      (error) => this.#failed(error),
    )
  }

  async #ran(item: I): Promise<TaskResult<T>> {
    const { timeout, onTimeout } = this.#options
    const task = await this.#begin(item)
    this.#running.add(task)
    if (this.#over) await task.shutdown('brutal_kill')
    const result = (await task.yield({ timeout })) ?? (await task.shutdown('brutal_kill'))
    this.#running.delete(task)
    if (result === undefined && onTimeout === 'exit') throw new TimeoutError(timeout, 'no result of a task')
    // An owner that traps exits learns of a failure by the result, and not once more by a message.
    if (!result?.ok) forgetExit(this.#owner, task.address)
    return result ?? { ok: false, reason: timeoutReason }
  }

  #failed(error: unknown): void {
    this.#failure ??= { error }
    this.#woken()
  }

  #woken(): void {
    this.#pull()
    this.#wake()
  }

  /** Nobody wants more: ends the tasks that run, and tells whoever gives the items. */
  async #end(): Promise<void> {
    this.#over = true
    if (this.#owner.alive) await Promise.all(Array.from(this.#running, (task) => task.shutdown('brutal_kill')))
    if (!this.#exhausted) await this.#items.return?.()
  }
}
