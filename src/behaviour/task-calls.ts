/** Tasks, from the side that starts them: `task.async` and `task.map`. See `task.ts`. */
import { checkFunction } from '../arguments.js'
import type { Starter } from '../process/behaviour.js'
import { checkStarter } from '../process/checks.js'
import { Inbox } from '../process/inbox.js'
import type { Process } from '../process/process.js'
import { Task, type TaskFunction, type TaskResult } from './task.js'
import { mapTasks, type TaskMapOptions } from './task-map.js'

/**
 * Starts a task of `by`, with these arguments. Elixir: `Task.async`.
 *
 * @param by A process or mailbox, which is linked with the task; or a node, which is not, as nothing can end it.
 * @throws `ERR_REIGN_EXIT`, `ERR_REIGN_CLOSED`, `ERR_REIGN_NODE_STOPPED` when `by` has ended.
 */
export function async<A extends readonly unknown[], T>(by: Starter, run: TaskFunction<A, T>, ...args: A): Task<T> {
  checkStarter(by)
  checkFunction(run, 'what a task runs')
  const { entity: owner } = by
  if (!owner.alive) throw owner.endError(owner.exitReason)
  let task: Task<T> | undefined
  const process = async (self: Process<unknown>) => task?.returned(await run(self, ...args))
  Object.defineProperty(process, 'name', { value: run.name === '' ? 'task' : run.name })
  const parent = owner instanceof Inbox ? (owner as unknown as Inbox<never>) : undefined
  const ties = { link: parent !== undefined, monitor: false }
  const { address } = owner.host.spawner.spawnProcess<unknown, []>(parent, process, [], ties)
  // It begins when this turn of work is done: nothing of it is missed.
  task = new Task<T>(owner, address)
  return task
}

/**
 * The results of a task for each item, a bounded number of them at once: for `for await`. The tasks are `by`'s, as by {@link async}; where
 * the fault of one does not end `by`, it is the result of its item. Leaving the loop ends the tasks that run. Elixir: `Task.async_stream`.
 *
 * @throws `ERR_REIGN_TIMEOUT`, in the loop, when a task takes longer than 5,000 ms, or what is given, unless `onTimeout` is `kill_task`: then its
 *   result has the reason `timeout`; what the items throw; `ERR_REIGN_ARGUMENT`, at once.
 */
export function map<I, T>(
  by: Starter,
  items: Iterable<I> | AsyncIterable<I>,
  run: TaskFunction<[item: I], T>,
  options: TaskMapOptions = {},
): AsyncGenerator<TaskResult<T>, void, undefined> {
  checkStarter(by)
  checkFunction(run, 'what a task runs')
  return mapTasks(by.entity, items, (item) => async(by, run, item), options)
}
