/**
 * Tasks: processes that compute one value, for a process that goes on meanwhile. Elixir's `Task`.
 *
 *   const page = task.async(self, (task) => fetch(url, { signal: task.signal }))
 *   …
 *   const response = await page.await({ timeout: 10_000 })
 *
 * A task is linked with its owner, when that is a process or mailbox: the fault of either ends the other, unless it traps exits. The value
 * comes beside the owner's mailbox. One that has given its value is over, and leaves neither link, monitor nor message behind.
 */
import { check } from '../arguments.js'
import { TaskError, TimeoutError } from '../errors.js'
import { kill, killed, shutdown } from '../exit-reason.js'
import { boundedWait } from '../process/bounded-wait.js'
import type { Entity } from '../process/entity.js'
import type { Process } from '../process/process.js'
import { checkBounds, type ReceiveOptions } from '../process/waiter.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import type { Shutdown } from './child-spec.js'

/** What a task runs, with itself as the first argument. What it returns, or its promise gives, is the value of the task. */
export type TaskFunction<A extends readonly unknown[], T> = (self: Process<unknown>, ...args: A) => T | PromiseLike<T>

/** What came of a task. Elixir: `{:ok, value}`, `{:exit, reason}`. */
export type TaskResult<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: unknown }

/** How long one waits for a task unless told otherwise, in milliseconds: as in Elixir. */
export const taskTimeoutMs = 5_000

/** A task that was started. See the head of this file. */
export class Task<out T> {
  /** The process that it runs in. */
  readonly address: Address<never>
  readonly #owner: Entity
  readonly #ref: Ref
  #result: TaskResult<T> | undefined
  #watchers: (() => void)[] = []

  /** @internal Watches a process that has not begun yet, for who owns the task. */
  constructor(owner: Entity, address: Address<never>) {
    this.#owner = owner
    this.address = address
    this.#ref = owner.startMonitor(address, { take: (reason) => this.#settle({ ok: false, reason }) })
  }

  /**
   * Waits for the value. May be asked again, and gives the same.
   *
   * @throws `ERR_REIGN_TASK` (a `TaskError` with the reason) when the task ended without a value; `ERR_REIGN_TIMEOUT` after 5,000 ms, or what is
   *   given: the task runs on, and ends with its owner, should that not handle the error; the reason of an abort signal; the end of the owner.
   */
  async await(options: ReceiveOptions = {}): Promise<T> {
    checkBounds(options)
    const result = await this.#wait(options)
    if (result.ok) return result.value
    throw new TaskError(result.reason)
  }

  /** What came of it, or `undefined` when nothing has come after 5,000 ms, or what is given. Elixir: `Task.yield`. */
  async yield(options: ReceiveOptions = {}): Promise<TaskResult<T> | undefined> {
    checkBounds(options)
    try {
      return await this.#wait(options)
    } catch (error) {
      if (error instanceof TimeoutError) return undefined
      throw error
    }
  }

  /**
   * Undoes the link, ends the task, and waits until it has ended.
   *
   * @param how Milliseconds that it has to end, as one that traps exits may need, then it is killed: 5,000 unless given; or `brutal_kill`.
   * @returns What came of it, if something came before; `undefined` when it was ended by this.
   */
  async shutdown(how: Shutdown = taskTimeoutMs): Promise<TaskResult<T> | undefined> {
    check(
      how === 'brutal_kill' || (typeof how === 'number' && how >= 0),
      'a task is given a number of milliseconds, or brutal_kill',
      how,
    )
    if (this.#result !== undefined) return this.#result
    const owner = this.#owner
    const { host, self } = owner
    const ask = (reason: unknown) =>
      host.signal(this.address.node, { op: 'exit', from: self, to: this.address, reason })
    owner.unlinkFrom(this.address)
    const timer = typeof how === 'number' && how !== Number.POSITIVE_INFINITY && host.timers.after(how, () => ask(kill))
    ask(how === 'brutal_kill' ? kill : shutdown)
    const result = await this.#wait({ timeout: Number.POSITIVE_INFINITY })
    if (timer) host.timers.cancel(timer)
    const asked = !result.ok && (result.reason === killed || (how !== 'brutal_kill' && result.reason === shutdown))
    return asked ? undefined : result
  }

  /** @internal It has a value. What comes after its end, or that of its owner, is nobody's any more. */
  returned(value: T): void {
    const owner = this.#owner
    if (this.#result !== undefined || !owner.alive) return
    const { copy } = owner.host
    // What cannot be passed on, in strict mode, is a fault of the task.
    const passed = copy === undefined ? value : (copy(value) as T)
    owner.stopMonitor(this.#ref)
    // Before it ends: its exit is no news to an owner that traps exits, and has the value.
    owner.unlinkFrom(this.address)
    this.#settle({ ok: true, value: passed })
  }

  #settle(result: TaskResult<T>): void {
    this.#result = result
    const watchers = this.#watchers
    this.#watchers = []
    for (const told of watchers) told()
  }

  #wait({ timeout = taskTimeoutMs, signal }: ReceiveOptions): Promise<TaskResult<T>> {
    const owner = this.#owner
    if (this.#result !== undefined && owner.alive) return Promise.resolve(this.#result)
    return boundedWait(owner, { timeout, signal }, 'no result of a task', ({ resolve, reject }) => {
      const told = () => {
        if (owner.alive) resolve(this.#result as TaskResult<T>)
        else reject(owner.endError(owner.exitReason))
      }
      this.#watchers.push(told)
      return () => {
        this.#watchers = this.#watchers.filter((each) => each !== told)
      }
    })
  }
}
