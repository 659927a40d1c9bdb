/** Types of tasks and agents: arguments, values, states. */
import {
  type Agent,
  agent,
  agentAt,
  type Task,
  type TaskResult,
  task,
  taskSupervisor,
} from '../../src/behaviour/index.js'
import type { Node, Process } from '../../src/index.js'
import { expectType } from './expect.js'

declare const node: Node
declare const self: Process<unknown>

const length = async (own: Process<unknown>, text: string) => (own.alive ? text.length : 0)

expectType<Task<number>>()(task.async(self, length, 'text'))
expectType<Task<number>>()(task.async(node, length, 'text'))
expectType<Promise<number>>()(task.async(self, length, 'text').await({ timeout: 1 }))
expectType<Promise<TaskResult<number> | undefined>>()(task.async(self, length, 'text').yield())
// @ts-expect-error: it takes a text
task.async(self, length, 1)
// @ts-expect-error: it takes a text
task.async(self, length)
const result = await task.async(self, length, 'text').shutdown('brutal_kill')
if (result?.ok) expectType<number>()(result.value)
// @ts-expect-error: a task that failed has a reason, and no value
else result?.value
// @ts-expect-error: no such way to end
await task.async(self, length, 'text').shutdown('gently')

for await (const each of task.map(self, ['a', 'b'], length, { concurrency: 2, onTimeout: 'kill_task' })) {
  expectType<TaskResult<number>>()(each)
}
// @ts-expect-error: the items are no texts
task.map(self, [1, 2], length)
// @ts-expect-error: no such option
task.map(self, ['a'], length, { parallel: 2 })

const tasks = await node.start(taskSupervisor({ limit: 3 }))
expectType<Promise<Task<number>>>()(tasks.asyncNolink(length, 'text'))
// @ts-expect-error: it takes a text
await tasks.asyncNolink(length, 1)

const cart = agent(async (owner: string) => ({ owner, items: [] as string[] }))
type Cart = { owner: string; items: string[] }
const mine = await node.start(cart, 'ann')
expectType<Agent<Cart>>()(mine)
expectType<Agent<Cart>>()(agentAt<typeof cart>(node, 'cart'))
expectType<Promise<number>>()(mine.get((state) => state.items.length))
expectType<Promise<string>>()(mine.get(async (state) => state.owner))
expectType<Promise<string>>()(mine.getAndUpdate((state) => [state.owner, state]))
// @ts-expect-error: it starts with a text
await node.start(cart, 1)
// @ts-expect-error: the state has another shape
await mine.update(() => ({ owner: 'bob' }))
// @ts-expect-error: the state has no such property
await mine.get((state) => state.price)
