/** reign: a process and its mailbox; a gen_server, here and on another node, over mutual TLS unless PEERS_CLUSTER is one of plain TCP. */
import { libraryModule } from '../measure.mjs'
import { Count, rateOf, rateOfCalls } from './rate.mjs'

const { Node, named } = await libraryModule('index.js')
const { genServer } = await libraryModule('behaviour/index.js')

const counter = genServer({ init: () => ({}), calls: { get: (_state, by) => by + 1 } })
const cluster = process.env.PEERS_CLUSTER

async function tell() {
  const node = await Node.local()
  const count = new Count()
  const address = node.spawn(async (self) => {
    for (;;) {
      await self.receive()
      count.one()
    }
  })
  return rateOf((n) => {
    const all = count.expect(n)
    for (let i = 0; i < n; i++) address.send({ by: 1 })
    return all
  })
}

async function ask(atOnce) {
  const node = await Node.local()
  const server = await node.start(counter)
  return rateOfCalls(atOnce, () => server.call.get(1))
}

async function askThere(atOnce) {
  const node = await Node.start('a@127.0.0.1', { cluster })
  const server = node.server(named('counter', 'b@127.0.0.1'))
  await server.call.get(1)
  return rateOfCalls(atOnce, () => server.call.get(1))
}

export const cases = {
  tell,
  'ask-1': () => ask(1),
  'ask-64': () => ask(64),
  'remote-ask-1': () => askThere(1),
  'remote-ask-64': () => askThere(64),
}

export async function serve() {
  const node = await Node.start('b@127.0.0.1', { cluster })
  await node.start({ name: 'counter' }, counter)
}
