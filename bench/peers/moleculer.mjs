/** moleculer: services behind brokers, which speak plain TCP with each other here. A call of a service of the same broker is a function call. */
import { createRequire } from 'node:module'
import { Count, rateOf, rateOfCalls } from './rate.mjs'

const { ServiceBroker } = createRequire(import.meta.url)('moleculer')

const count = new Count()
const counter = {
  name: 'counter',
  actions: { get: (context) => context.params.by + 1 },
  events: { add: () => count.one() },
}

/** @param ports Of the one that serves and of the one that calls; none without a network. */
async function start(nodeID, port, ports = []) {
  const [server, client] = ports
  const urls = [`127.0.0.1:${server}/server`, `127.0.0.1:${client}/client`]
  const transporter = port && { type: 'TCP', options: { port, udpDiscovery: false, urls } }
  const broker = new ServiceBroker({ nodeID, logger: false, requestTimeout: 0, transporter: transporter ?? null })
  if (nodeID !== 'client') broker.createService(counter)
  await broker.start()
  return broker
}

async function tell() {
  const broker = await start('alone')
  return rateOf((n) => {
    const all = count.expect(n)
    for (let i = 0; i < n; i++) broker.emit('add', { by: 1 })
    return all
  })
}

async function ask(atOnce) {
  const broker = await start('alone')
  return rateOfCalls(atOnce, () => broker.call('counter.get', { by: 1 }))
}

async function askThere(atOnce, ...ports) {
  const broker = await start('client', ports[1], ports)
  await broker.waitForServices('counter', 30_000)
  return rateOfCalls(atOnce, () => broker.call('counter.get', { by: 1 }))
}

export const cases = {
  tell,
  'ask-1': () => ask(1),
  'ask-64': () => ask(64),
  'remote-ask-1': (...ports) => askThere(1, ...ports),
  'remote-ask-64': (...ports) => askThere(64, ...ports),
}

export const serve = (...ports) => start('server', ports[0], ports)
