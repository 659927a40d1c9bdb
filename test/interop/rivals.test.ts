/** Two nodes of one name, in OS processes of their own and over mutual TLS, which no port mapper keeps apart: F36. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.js'
import { epmdNode } from '../../src/dist/epmd-messages.js'
import { systemEntropy } from '../../src/entropy.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import { EpmdServer } from '../../src/net/epmd-server.js'
import { deadlineMs, sees } from '../cluster/cluster-kit.js'
import { FolderCluster } from '../cluster/folder-cluster.js'
import { startNode } from '../support/child-node.js'
import { eventually } from '../support/deadline.js'
import { startErlang } from './erl.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

/** A busy machine may need long to let the first give a sign of life. */
const limits = { handshakeMs: 20_000, rivalAnswerMs: 10_000 }

let cluster: FolderCluster
/** The port mapper of the other machine. */
let elsewhere: EpmdServer
beforeEach(async () => {
  cluster = await FolderCluster.make(a, b)
  elsewhere = await EpmdServer.listen({ port: 0, clock: systemClock, entropy: systemEntropy })
})
afterEach(async () => {
  await cluster[Symbol.asyncDispose]()
  await elsewhere.close()
})

test('of Erlang: the second is refused, the first is not disturbed; when that ends, the second gets in', async () => {
  const node = await cluster.start(a, { limits, dialMembers: false })
  const port = node.endpoint?.port ?? 0
  const client = new EpmdClient({ port: elsewhere.port, clock: systemClock })
  const registration = await client.register('127.0.0.1', epmdNode('a', port))
  const start = (epmdPort: number) =>
    startErlang({ name: b, cookie: cluster.read('cookie'), epmdPort, tls: `${cluster.folder}/${b}.erlang.conf` })
  await using first = await start(cluster.epmdPort)
  await using second = await start(elsewhere.port)
  await eventually(async () => (await first.eval(`net_adm:ping('${a}')`)) === 'pong', 2 * deadlineMs, 'the first')
  await sees(node, b)
  // On a machine that is very busy an attempt may end of that: the verdict is waited for, and meanwhile none gets in.
  const answers = new Set<string>()
  const refused = async () => {
    answers.add(await second.eval(`net_kernel:connect_node('${a}')`))
    return node.log.codes('warn').includes('ERR_REIGN_NAME_IN_USE')
  }
  await eventually(refused, 2 * deadlineMs, 'the second to be refused')
  expect([...answers]).toEqual(['false'])
  expect(await first.eval(`net_adm:ping('${a}')`)).toBe('pong')
  expect(await first.eval('nodes(connected)')).toBe(`['${a}']`)
  expect(await second.eval('nodes(connected)')).toBe('[]')
  expect(node.events).toEqual([`up ${b}`])

  await first.kill()
  await eventually(
    async () => (await second.eval(`net_kernel:connect_node('${a}')`)) === 'true',
    deadlineMs,
    'the next run',
  )
  expect(await second.eval(`net_adm:ping('${a}')`)).toBe('pong')
  registration.close()
})

/** A node that dials the others, and tells what an operator would be told. */
const program = `
import { Node } from 'reign'
const [name, cluster] = process.argv.slice(2)
const nothing = () => {}
const error = (fields, message) => process.send({ message, ...fields })
const logger = { error, warn: nothing, info: nothing, debug: nothing, trace: nothing }
const node = await Node.start(name, { cluster: JSON.parse(cluster), logger })
node.onNodeUp((up) => process.send({ up }))
node.onNodeDown((down) => process.send({ down }))
`

test('of reign: the second says why it is alone, the first is not disturbed; when that ends, the second gets in', async () => {
  const node = await cluster.start(a, { limits, dialMembers: false })
  const file = (name: string) => cluster.read(name)
  const spec = {
    nodes: {
      [a]: { address: `127.0.0.1:${node.endpoint?.port}` },
      [b]: { listen: '127.0.0.1:0', cert: file(`${b}.pem`), key: file(`${b}.key`) },
    },
    ca: file('ca.pem'),
    cookie: file('cookie'),
    epmd: 'off',
  }
  const start = () => startNode({ source: program, args: [b, JSON.stringify(spec)] })
  await using first = await start()
  await first.expect((message) => (message as { up?: string }).up === a, deadlineMs)
  await using second = await start()
  const told = await second.expect((message) => (message as { code?: string }).code !== undefined, deadlineMs)
  expect(told).toMatchObject({ message: 'another node has our name', code: 'ERR_REIGN_NAME_IN_USE', peer: a })
  expect(await node.ping(b)).toBe(true)
  expect(node.events).toEqual([`up ${b}`])

  await first.kill()
  await second.expect((message) => (message as { up?: string }).up === a, deadlineMs)
  await eventually(() => node.events.length === 3, deadlineMs, 'both runs to be told of')
  expect(node.events).toEqual([`up ${b}`, expect.stringContaining(`down ${b}`), `up ${b}`])
})
