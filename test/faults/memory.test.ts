/** A node in an OS process of its own whose heap is nearly full. */
import { expect, test } from 'vitest'
import { named } from '../../src/index.js'
import { TestCluster } from '../cluster/cluster-kit.js'
import { builtUrl, startNode } from '../support/child-node.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'

const [a, b, c] = ['a@127.0.0.1', 'b@127.0.0.1', 'c@127.0.0.1'] as const

interface Counter {
  calls: { next: () => number }
}

const program = `
import { Node } from 'reign'
import { genServer, supervisor } from 'reign/otp'
import { systemMemory } from '${builtUrl('memory.js')}'
const { name, cluster } = JSON.parse(process.argv[2])
const said = ({ code }, message) => process.send({ said: code ?? message })
const logger = { error: said, warn: said, info: () => {}, debug: () => {}, trace: () => {} }
const node = await Node.start(name, { cluster, logger })
const counter = genServer({ init: () => ({ count: 0 }), calls: { next: (state) => ++state.count } })
await node.start(supervisor({ children: [{ id: 'counter', start: counter, name: 'counter' }] }))
const kept = []
let filling
process.on('message', ({ fill }) => {
  clearInterval(filling)
  kept.length = 0
  // More than what counts as short, and less than what ends the program; again when garbage was collected.
  const more = () => { while (systemMemory.heapUse() < 0.88) kept.push(new Array(20_000).fill(0.5)) }
  if (fill) filling = setInterval(more, 10)
  else gc()
})
process.send({ port: node.endpoint.port })
`

test('a node whose memory is short says so, keeps its peers and its tree, and lets no other in until it is not', async () => {
  await using cluster = await TestCluster.make({ tls: true })
  await using child = await startNode({
    source: program,
    args: [JSON.stringify({ name: b, cluster: await cluster.spec(b) })],
    // Garbage is collected when the program says so, as it has nothing to do that would have it collected.
    nodeArgs: ['--max-old-space-size=128', '--expose-gc'],
  })
  const says = (what: string) =>
    child.expect(({ said }: { said?: string }) => said?.startsWith(what) === true, deadlineMs)
  await child.expect((message: { port?: number }) => message.port !== undefined, deadlineMs)
  const friend = await cluster.start(a, { dialMembers: false })
  expect(await within(deadlineMs, friend.connect(b), 'a friend to get in')).toBe(true)
  const counter = friend.server<Counter>(named('counter', b))
  expect(await counter.call.next()).toBe(1)

  child.send({ fill: true })
  await says('memory is short')
  const late = await cluster.start(c, { dialMembers: false })
  expect(await within(deadlineMs, late.connect(b), 'a refusal')).toBe(false)
  await says('ERR_REIGN_OVERLOAD')
  // The same process, of the same tree.
  expect(await counter.call.next()).toBe(2)

  child.send({ fill: false })
  await says('memory is no longer short')
  await eventually(() => late.connect(b), deadlineMs, 'the one that came too late to get in')
  expect(await counter.call.next()).toBe(3)
  expect(friend.nodes()).toContain(b)
})
