/**
 * One node of the demo, in an operating-system process of its own: the chat, told to the conductor over IPC.
 *
 *   node demo-node.js NAME CLUSTER_FOLDER
 */
import { Node } from '../cluster/node.js'
import { silent } from '../logger.js'
import type { Said } from './chat.js'

/** What a node of the demo tells the conductor. */
export type DemoReport =
  | { readonly kind: 'ready' }
  | { readonly kind: 'up'; readonly node: string }
  | { readonly kind: 'down'; readonly node: string; readonly reason: string }
  /** How many claim the name of the chat, as this node sees it. */
  | { readonly kind: 'present'; readonly count: number }
  | { readonly kind: 'heard'; readonly by: string; readonly text: string }

/** What the conductor tells a node of the demo. */
export type DemoOrder = { readonly kind: 'say'; readonly text: string } | { readonly kind: 'stop' }

const [name = '', cluster = ''] = process.argv.slice(2)
const report = (message: DemoReport): void => {
  process.send?.(message)
}

const node = await Node.start(name, { cluster, logger: silent })
const mailbox = node.mailbox<Said>()
const present = () => report({ kind: 'present', count: node.names.lookupAll('chat').length })
node.onNodeUp((up) => report({ kind: 'up', node: up }))
node.onNodeDown((down, reason) => report({ kind: 'down', node: down, reason }))
node.names.onChange('chat', present)
node.names.register('chat', mailbox.address)

process.on('message', (order: DemoOrder) => {
  if (order.kind === 'stop') return void node.stop().then(() => process.exit(0))
  for (const address of node.names.lookupAll<Said>('chat')) {
    if (address !== mailbox.address) address.send({ type: 'said', by: name, text: order.text })
  }
})
// The conductor is gone: so is the demo.
process.on('disconnect', () => process.exit(0))
report({ kind: 'ready' })
for await (const { by, text } of mailbox) report({ kind: 'heard', by, text })
