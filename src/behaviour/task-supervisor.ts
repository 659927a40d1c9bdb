/**
 * Supervisors of tasks: tasks that do not share the fate of their owner, and end in order with a supervision tree. Elixir's
 * `Task.Supervisor`.
 *
 *   const tasks = await node.start({ name: 'tasks' }, taskSupervisor())
 *   const page = await tasks.asyncNolink((task) => fetch(url, { signal: task.signal }))
 *   const result = await page.yield()                                // { ok: false, reason } when it failed
 */
import { checkFunction, checkObject } from '../arguments.js'
import { ReignError } from '../errors.js'
import { normal } from '../exit-reason.js'
import type { Behaviour, Starter } from '../process/behaviour.js'
import type { Down } from '../process/notices.js'
import type { Process } from '../process/process.js'
import { type Destination, nodeOf } from '../process/via.js'
import type { Address } from '../term/address.js'
import { checkAddress } from '../term/checks.js'
import { Ref } from '../term/ref.js'
import type { AnyChildSpec } from './child-spec.js'
import { dynamicSupervisor } from './dynamic-supervisor.js'
import { targetOf } from './handle.js'
import { SupervisorBase } from './supervisor-handle.js'
import { Task, type TaskFunction, type TaskResult } from './task.js'
import { mapTasks, type TaskMapOptions } from './task-map.js'

/** What one task is to run; and, when somebody owns it, who that is and by what word it begins. */
interface Job {
  readonly run: TaskFunction<readonly unknown[], unknown>
  readonly args: readonly unknown[]
  readonly owned?: { readonly by: Address<never>; readonly begin: Ref; readonly returned: (value: unknown) => void }
}

/** The process of a task. One that is owned waits until its owner watches it: so nothing of it is missed. */
async function runJob(self: Process<unknown>, { run, args, owned }: Job): Promise<void> {
  if (owned === undefined) return void (await run(self, ...args))
  const owner = self.monitor(owned.by)
  const isDown = (message: unknown) => (message as Partial<Down> | null)?.ref === owner
  const word = await self.receive((message) => message === owned.begin || isDown(message))
  self.demonitor(owner)
  if (!(word instanceof Ref)) self.exit(normal)
  owned.returned(await run(self, ...args))
}

/** A supervisor of tasks, as those see it who use it. */
export class TaskSupervisor extends SupervisorBase {
  /**
   * Starts a task that is linked with its supervisor alone: its fault is told by what came of it, and ends nobody. Elixir:
   * `Task.Supervisor.async_nolink`.
   *
   * @throws `ERR_REIGN_CHILD` (`max_children`); `ERR_REIGN_CALL` when the supervisor is gone; `ERR_REIGN_ARGUMENT` when it is on another node:
   *   functions run on their own.
   */
  asyncNolink<A extends readonly unknown[], T>(run: TaskFunction<A, T>, ...args: A): Promise<Task<T>> {
    return this.#async(run, args, false)
  }

  /** Starts a task that is linked with its supervisor, and with its owner, as by `task.async`. Elixir: `Task.Supervisor.async`. */
  async<A extends readonly unknown[], T>(run: TaskFunction<A, T>, ...args: A): Promise<Task<T>> {
    return this.#async(run, args, true)
  }

  /** Starts a task of which nobody wants the value: it is done for what it does. Elixir: `Task.Supervisor.start_child`. */
  startChild<A extends readonly unknown[]>(run: TaskFunction<A, unknown>, ...args: A): Promise<Address<unknown>> {
    return this.#start({ run: run as unknown as Job['run'], args })
  }

  /** The results of a task for each item, as by `task.map`; their faults end nobody. Elixir: `Task.Supervisor.async_stream_nolink`. */
  map<I, T>(
    items: Iterable<I> | AsyncIterable<I>,
    run: TaskFunction<[item: I], T>,
    options: TaskMapOptions = {},
  ): AsyncGenerator<TaskResult<T>, void, undefined> {
    checkFunction(run, 'what a task runs')
    return mapTasks(this.by.entity, items, (item) => this.asyncNolink(run, item), options)
  }

  /** Ends a task. @throws `ERR_REIGN_CHILD` (`not_found`). */
  async terminateChild(task: Address<never>): Promise<void> {
    checkAddress(task, 'a task is')
    await this.request('terminate_child', task)
  }

  async #async<T>(run: TaskFunction<never, T>, args: readonly unknown[], linked: boolean): Promise<Task<T>> {
    const { entity: owner } = this.by
    let task: Task<T> | undefined
    const begin = owner.host.addressBook.makeRef()
    const owned = { by: owner.self, begin, returned: (value: unknown) => task?.returned(value as T) }
    const address = await this.#start({ run: run as unknown as Job['run'], args, owned })
    if (linked) owner.linkTo(address)
    task = new Task<T>(owner, address)
    address.send(begin)
    return task
  }

  async #start(job: Job): Promise<Address<unknown>> {
    checkFunction(job.run, 'what a task runs')
    if (nodeOf(this.target) !== this.by.entity.self.node) {
      throw new ReignError('ERR_REIGN_ARGUMENT', `a task runs on its own node, not on ${nodeOf(this.target)}`)
    }
    return (await this.startWith(runJob, [job])) as Address<unknown>
  }
}

/** How tasks are supervised. */
export interface TaskSupervisorDefinition extends Pick<AnyChildSpec, 'shutdown'> {
  /** How many tasks there may be at once; more are refused (`max_children`). No bound unless one is given. */
  readonly limit?: number
  /** A name for what it does, for reports. */
  readonly module?: string
}

/** Makes a supervisor of tasks; they are not started again. See the head of this file. */
export function taskSupervisor(definition: TaskSupervisorDefinition = {}): Behaviour<[], TaskSupervisor> {
  checkObject(definition, 'the definition of a supervisor')
  const { module = 'task_supervisor', ...rules } = definition
  const made = dynamicSupervisor({ ...rules, module, start: runJob, restart: 'temporary' })
  return { ...made, handle: (address, by) => new TaskSupervisor(by, address) }
}

/** A supervisor of tasks that runs already; its tasks are `by`'s. */
export function taskSupervisorAt(by: Starter, target: Destination | string): TaskSupervisor {
  return new TaskSupervisor(by, targetOf(by, target))
}
