/**
 * A member that means harm, after its login over mutual TLS, with a node in an OS process of its own: each frame that is wrong costs that
 * connection, and one line in the log, and nobody else notices.
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { digest } from '../../src/dist/digest.js'
import { headerFlags, hiddenFlags } from '../../src/dist/flags.js'
import { readToInitiator } from '../../src/dist/handshake-messages.js'
import { Secret } from '../../src/secret.js'
import { certificateOf, sharedAuthority, TestCluster, type TestNode } from '../cluster/cluster-kit.js'
import { book, frame } from '../dist/control-kit.js'
import { fragmentsOf } from '../fuzz/header-frames.js'
import { controlNames, wrongControl } from '../fuzz/wrong-control.js'
import { prefixed, type Rogue, rogueOverTls } from '../net/rogue.js'
import { type ChildNode, startNode } from '../support/child-node.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'

const friend = 'a@127.0.0.1'
const victim = 'b@127.0.0.1'
const stranger = 'stranger@127.0.0.1'
const creation = 5

const program = `
import { Node } from 'reign'
const { name, cluster } = JSON.parse(process.argv[2])
const lines = []
const keep = (fields, message) => lines.push({ code: fields.code, untold: fields.untold ?? 0, message })
const logger = { error: keep, warn: keep, info: () => {}, debug: () => {}, trace: () => {} }
const node = await Node.start(name, { cluster, logger })
process.on('message', () => process.send({ lines }))
process.send({ port: node.endpoint.port })
`

let cluster: TestCluster
let child: ChildNode
let node: TestNode
let port: number
/** Its memory before any of it. */
let quietKb: number
const lost: string[] = []
/** How many connections have been closed for what they brought. */
let hostile = 0

beforeAll(async () => {
  cluster = await TestCluster.make({ tls: true })
  child = await startNode({
    source: program,
    args: [JSON.stringify({ name: victim, cluster: await cluster.spec(victim) })],
  })
  port = (await child.expect((message: { port?: number }) => message.port !== undefined, deadlineMs)).port as number
  node = await cluster.start(friend)
  expect(await within(deadlineMs, node.connect(victim), 'a friend to get in')).toBe(true)
  quietKb = residentKb()
  node.onNodeDown((name, reason) => lost.push(`${name}: ${reason}`))
})
afterAll(async () => {
  await child?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})

async function lines(): Promise<{ message: string; code?: string; untold: number }[]> {
  child.send({})
  return (await child.expect((message: { lines?: [] }) => message.lines !== undefined, deadlineMs)).lines as never
}

/** Kilobytes of memory that the node has. */
function residentKb(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.process.pid}/status`, 'utf8'))?.[1])
}

/** Logs in, says this, and is cut off. */
async function says(bytes: Uint8Array, flags: bigint = hiddenFlags): Promise<void> {
  const rogue = await loggedIn(flags)
  rogue.send(bytes)
  await rogue.isClosed()
  rogue.socket.destroy()
  hostile++
}

async function loggedIn(flags: bigint): Promise<Rogue> {
  const { cert, key } = await certificateOf(stranger)
  const credentials = { cert, key: new Secret(key), ca: (await sharedAuthority()).certificatePem }
  const rogue = await rogueOverTls({ host: '127.0.0.1', port }, credentials)
  rogue.say({ tag: 'name', flags, creation, name: stranger })
  const [status, second] = await rogue.heard(2)
  expect(status?.toString()).toBe('sok')
  const asked = readToInitiator(second as Buffer)
  if (asked.tag !== 'challenge') throw new Error(`not a challenge: ${asked.tag}`)
  rogue.say({ tag: 'reply', challenge: 9, digest: digest(new Secret('a-cookie-of-the-tests-alone'), asked.challenge) })
  await rogue.heard(3)
  return rogue
}

const from = book.address(stranger, 1, 0, creation)
const to = book.address(victim, 1, 0, 1)
const own = book.ref(stranger, creation, [1, 2, 3])
const ok = Symbol.for('ok')

describe.each([...controlNames])('after the login, control message %i (%s)', (op) => {
  test('with another arity, a payload too few or too many, and a wrong element in each place: closed, each time', async () => {
    for (const [, bytes] of wrongControl(op, { from, to, own })) await says(prefixed(bytes))
  })
})

test.each<[string, Buffer, bigint]>([
  ['an announcement of 4 GiB', Buffer.from('ffffffff70', 'hex'), hiddenFlags],
  ['a number that is none', prefixed(frame([37, from, to], ok)), hiddenFlags],
  [
    'a term of a thousand and one levels',
    prefixed(
      Buffer.concat([
        frame([22, from, to]),
        Buffer.from('83', 'hex'),
        Buffer.alloc(2_002, Buffer.from('6801', 'hex')),
        Buffer.from('6a', 'hex'),
      ]),
    ),
    hiddenFlags,
  ],
  [
    'a list of 2^32 - 1 elements',
    prefixed(Buffer.concat([frame([22, from, to]), Buffer.from('836cffffffff6a', 'hex')])),
    hiddenFlags,
  ],
  [
    'a compressed term',
    prefixed(Buffer.concat([frame([22, from, to]), Buffer.from('83500000000a789c', 'hex')])),
    hiddenFlags,
  ],
  ['a message of the handshake', prefixed(Buffer.from('sok')), hiddenFlags],
  ['a frame of the other form', prefixed(frame([22, from, to], ok)), hiddenFlags | headerFlags],
  ['an atom of the cache where none is', prefixed(Buffer.from('8344010000', 'hex')), hiddenFlags | headerFlags],
  ['a fragment of a message that has not begun', prefixed(fragment(70, 1, 1)), hiddenFlags | headerFlags],
  ['a message of no fragments', prefixed(fragment(69, 1, 0)), hiddenFlags | headerFlags],
  [
    'a fragment out of turn',
    Buffer.concat([prefixed(fragment(69, 1, 3)), prefixed(fragment(70, 1, 1))]),
    hiddenFlags | headerFlags,
  ],
  [
    'a message that begins again before it has ended',
    Buffer.concat([prefixed(fragment(69, 1, 3)), prefixed(fragment(69, 1, 3))]),
    hiddenFlags | headerFlags,
  ],
  [
    'ten thousand messages that are begun and never ended',
    Buffer.concat(Array.from({ length: 10_000 }, (_, i) => prefixed(fragment(69, i, 2)))),
    hiddenFlags | headerFlags,
  ],
  [
    'fragments of what is none',
    Buffer.concat(fragmentsOf(Buffer.from('834400ffffffffffff', 'hex'), 1, 2).map(prefixed)),
    hiddenFlags | headerFlags,
  ],
])('after the login, %s: closed', async (_, bytes, flags) => {
  await says(bytes, flags)
})

/** A fragment with nothing in it but its numbers. */
function fragment(kind: 69 | 70, id: number, number: number): Buffer {
  const bytes = Buffer.alloc(kind === 69 ? 19 : 18)
  bytes.set([131, kind])
  bytes.writeUInt32BE(id, 6)
  bytes.writeUInt32BE(number, 14)
  return bytes
}

test('all of that cost a line each, no memory to speak of, and nobody else has noticed', async () => {
  expect(hostile).toBeGreaterThan(150)
  // Lines are ten a second at most, and the next one says how many were not told: so one more, until all are.
  await eventually(
    async () => {
      await says(prefixed(Buffer.from('p?')))
      const told = (await lines()).filter(
        ({ message }) => message === 'closed a connection: the peer broke the protocol',
      )
      return told.reduce((sum, { untold }) => sum + 1 + untold, 0) === hostile
    },
    deadlineMs,
    'a line for each',
  )
  const others = (await lines()).filter(({ message }) => message !== 'closed a connection: the peer broke the protocol')
  expect(others).toEqual([])
  expect(residentKb() - quietKb).toBeLessThan(128 * 1024)
  expect(lost).toEqual([])
  expect(node.nodes()).toEqual([victim])
  expect(await within(deadlineMs, node.ping(victim), 'the bystander')).toBe(true)
})
