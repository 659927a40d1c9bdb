/**
 * A codec of one's own: between the nodes that have it, orders go as JSON, and all else as ever.
 *
 *   reign init shop@127.0.0.1 customer@127.0.0.1     certificates, cookie and cluster.json, in ./cluster
 *   node codec.js shop@127.0.0.1                     in one terminal
 *   node codec.js customer@127.0.0.1                 in another
 */
import { type Address, type Codec, Node } from 'reign'

type Receipt = { kind: 'receipt'; item: string; cents: number }
type Order = { kind: 'order'; item: string; cents: number; replyTo: Address<Receipt> }

const isOurs = (message: unknown) => typeof message === 'object' && message !== null && 'kind' in message

// Both sides know it by its name: a form that changes gets another, and nodes with either still understand each other.
const json: Codec = {
  name: 'orders-json/1',
  encode(message) {
    if (!isOurs(message)) return undefined // names, groups, calls: as if there were no codec
    const text = JSON.stringify(message)
    console.log(text.replace(/"pid:[^"]*"/, '"…"'))
    return Buffer.from(text)
  },
  // What another node has sent. JSON makes nothing of it but data; the reviver makes addresses of what was one.
  decode: (bytes) => JSON.parse(Buffer.from(bytes).toString(), node.reviver),
}

const name = process.argv[2] ?? 'shop@127.0.0.1'
await using node = await Node.start(name, { cluster: './cluster', codecs: [json] })

if (name.startsWith('shop')) {
  using shop = node.mailbox<Order>()
  node.names.register('shop', shop.address)
  const { item, cents, replyTo } = await shop.receive()
  replyTo.send({ kind: 'receipt', item, cents })
} else {
  const shop = await new Promise<Address<Order>>((found) => {
    node.names.watch<Order>('shop', ([claimant]) => claimant && found(claimant))
  })
  using mailbox = node.mailbox<Receipt>()
  shop.send({ kind: 'order', item: 'tea', cents: 250, replyTo: mailbox.address })
  const { item, cents } = await mailbox.receive()
  console.log(`${item} for ${cents} cents`)
}
