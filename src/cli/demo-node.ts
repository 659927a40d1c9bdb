/**
 * One node of the demo, in an operating-system process of its own: the chat, told to the conductor over IPC.
 *
 *   node demo-node.js NAME CLUSTER_FOLDER
 */
import { Node } from '../cluster/node.js'
import { silent } from '../logger.js'
import { chatName, readSaid, type Said } from './said.js'

/** What a node of the demo tells the conductor. */
export type DemoReport =
  | { readonly kind: 'down'; readonly node: string; readonly reason: string }
  /** The nodes that claim the name of the chat, as this one sees it, sorted. */
  | { readonly kind: 'present'; readonly names: readonly string[] }
  | { readonly kind: 'heard'; readonly by: string; readonly text: string }

/** What the conductor tells a node of the demo. */
export type DemoOrder = { readonly kind: 'say'; readonly text: string }

const [name = '', cluster = ''] = process.argv.slice(2)
const report = (message: DemoReport): void => {
  process.send?.(message)
}

const node = await Node.start(name, { cluster, logger: silent })
const mailbox = node.mailbox<unknown>()
const present = () => {
  const names = node.names.lookupAll(chatName).map((address) => address.node)
  report({ kind: 'present', names: names.sort() })
}
node.onNodeDown((down, reason) => report({ kind: 'down', node: down, reason }))
node.names.watch(chatName, present)
node.names.register(chatName, mailbox.address)

process.on('message', (order: DemoOrder) => {
  for (const address of node.names.lookupAll<Said>(chatName)) {
    if (address !== mailbox.address) address.send({ type: 'said', by: name, text: order.text })
  }
})
// The conductor is gone: so is the demo.
process.on('disconnect', () => process.exit(0))
for await (const message of mailbox) {
  const said = readSaid(message)
  if (said !== undefined) report({ kind: 'heard', ...said })
}
