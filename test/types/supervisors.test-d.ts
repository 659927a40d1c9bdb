/** Types of supervisors: children are checked against what they start. */
import { child, dynamicSupervisor, dynamicSupervisorAt, startable, supervisor } from '../../src/behaviour/index.js'
import type { Address, Node, Process } from '../../src/index.js'

declare const node: Node
const worker = startable(async (self: Process<'stop'>, starting, _port: number, _host: string) => {
  starting.ack()
  await self.receive()
})
const plain = async (_self: Process<string>, _greeting: string) => {}
const bare = async (_self: Process<string>) => {}

supervisor({
  strategy: 'one_for_all',
  children: [
    { id: 'w', start: worker, args: [80, 'here'] },
    { id: 'p', start: plain, args: ['hello'], restart: 'transient' },
    { id: 'b', start: bare },
    { id: 's', start: supervisor({ children: [] }) },
  ],
})
// @ts-expect-error an argument of another type
supervisor({ children: [{ id: 'w', start: worker, args: ['80', 'here'] }] })
// @ts-expect-error too few arguments
supervisor({ children: [{ id: 'w', start: worker, args: [80] }] })
// @ts-expect-error no arguments where some are needed
supervisor({ children: [{ id: 'p', start: plain }] })
// @ts-expect-error no such strategy
supervisor({ strategy: 'two_for_one', children: [] })
// @ts-expect-error nothing that can be started
supervisor({ children: [{ id: 'x', start: 'worker' }] })

child({ id: 'w', start: worker, args: [80, 'here'] })
// @ts-expect-error an argument of another type, checked alone
child({ id: 'w', start: worker, args: [80, 80] })

export async function use(): Promise<void> {
  const made = await node.start(
    supervisor((port: number) => ({ children: [child({ id: 'w', start: worker, args: [port, 'here'] })] })),
    80,
  )
  const started: Address<'stop'> | undefined = await made.startChild({ id: 'w', start: worker, args: [80, 'here'] })
  started?.send('stop')
  // @ts-expect-error a message of another type
  started?.send('go')
  // @ts-expect-error an argument of another type
  await made.startChild({ id: 'w', start: worker, args: ['80', 'here'] })

  const many = await node.start(dynamicSupervisor({ start: worker, args: [80] }))
  await many.startChild('here')
  // @ts-expect-error the first argument is given already
  await many.startChild(80, 'here')
  // @ts-expect-error a first argument of another type
  await node.start(dynamicSupervisor({ start: worker, args: ['80'] }))
  // @ts-expect-error an argument is missing
  await many.startChild()

  const pool = dynamicSupervisor({ start: worker, args: [80] })
  await dynamicSupervisorAt(node, 'pool', pool).startChild('here')
  // @ts-expect-error typed by its definition
  await dynamicSupervisorAt(node, 'pool', pool).startChild(80)
}
