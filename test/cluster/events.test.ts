/** What nodes of a cluster publish of each other, of what crosses between them, and of themselves. */
import { afterEach, describe, expect, test } from 'vitest'
import { hiddenFlags } from '../../src/dist/flags.js'
import { type Address, atom, type Down, named, type Process } from '../../src/index.js'
import { type ChildNode, startNode } from '../support/child-node.js'
import { eventually } from '../support/deadline.js'
import { Heard } from '../support/heard.js'
import { carriers, deadlineMs, KeptLog, losesSight, next, TestCluster } from './cluster-kit.js'
import { FolderCluster } from './folder-cluster.js'

const [a, b] = ['a@127.0.0.1', 'b@127.0.0.1']

let cluster: TestCluster
let child: ChildNode | undefined
afterEach(async () => {
  await child?.[Symbol.asyncDispose]()
  child = undefined
  await cluster?.[Symbol.asyncDispose]()
})

/** A program that knows nothing of the library but the names of its channels; a node of its own beside it is what it watches. */
const watching = `
import { subscribe } from 'node:diagnostics_channel'
const tell = (event, fields) => process.send({ event, ...fields })
subscribe('reign:node:started', ({ node, endpoint }, name) => tell(name, { node, listens: endpoint !== undefined }))
subscribe('reign:connection:opened', ({ flags, ...more }, name) => tell(name, { ...more, flags: String(flags) }))
subscribe('reign:connection:lost', (event, name) => tell(name, event))
subscribe('reign:process:exited', ({ reason }, name) => tell(name, { reason: String(reason) }))
const { Node } = await import('reign')
const [name, cluster] = process.argv.slice(2)
const node = await Node.start(name, { cluster: JSON.parse(cluster) })
process.on('message', () => node.stop().then(() => process.disconnect()))
`

describe.each(carriers)('connections over %s', (_, tls) => {
  test('are told of on both sides, with who dialled, when they come, and with why, when they go', async () => {
    cluster = await TestCluster.make({ tls })
    const one = await cluster.start(a)
    using heard = new Heard('reign:connection:opened', 'reign:connection:lost')
    child = await startNode({ source: watching, args: [b, JSON.stringify(await cluster.spec(b))] })
    type Told = { event: string; [field: string]: unknown }
    const told = (event: string) =>
      (child as ChildNode).expect<Told>((message) => (message as Told).event === event, deadlineMs)
    expect(await told('reign:node:started')).toEqual({ event: 'reign:node:started', node: b, listens: true })
    expect(await one.connect(b)).toBe(true)

    const opened = {
      node: a,
      peer: b,
      creation: expect.any(Number),
      remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      outgoing: true,
      tls,
      codec: tls ? 'js' : 'etf',
      flags: expect.any(BigInt),
    }
    expect(heard.of('reign:connection:opened')).toEqual([opened])
    expect((heard.of('reign:connection:opened')[0]?.flags ?? 0n) & hiddenFlags).toBe(hiddenFlags)
    const there = await told('reign:connection:opened')
    expect(there).toMatchObject({ node: b, peer: a, outgoing: false, tls, creation: one.addressBook.self.creation })

    child.send('stop')
    const reason = 'net_kernel_terminated'
    expect(await told('reign:connection:lost')).toMatchObject({ node: b, peer: a, outgoing: false, reason })
    await losesSight(one, b)
    expect(heard.of('reign:connection:lost')).toMatchObject([
      {
        node: a,
        peer: b,
        outgoing: true,
        reason: 'connection_closed',
        remote: heard.of('reign:connection:opened')[0]?.remote,
      },
    ])
    const [lost] = heard.of('reign:connection:lost')
    expect(lost?.upMs).toBeGreaterThan(0)
    // Who comes is told at least which groups there are.
    expect(Math.min(lost?.bytesRead ?? 0, lost?.bytesWritten ?? 0)).toBeGreaterThan(50)
    expect(await child.exit(deadlineMs)).toBe(0)
  })

  test('that fail are told of where they were dialled, and where they were refused', async () => {
    cluster = await TestCluster.make({ tls })
    await cluster.start(a)
    using heard = new Heard('reign:connection:failed', 'reign:connection:refused', 'reign:connection:opened')
    const spec = await cluster.spec(b)
    const stranger = await cluster.start(b, { cluster: { ...spec, cookie: 'another-cookie-of-the-tests' } })
    expect(await stranger.connect(a)).toBe(false)
    await eventually(() => heard.of('reign:connection:refused').length > 0, deadlineMs, 'the refusal')
    expect(heard.of('reign:connection:refused')).toMatchObject([
      { node: a, remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/), error: { code: 'ERR_REIGN_COOKIE' } },
    ])
    expect(heard.of('reign:connection:failed')).toMatchObject([
      { node: b, peer: a, error: { code: 'ERR_REIGN_HANDSHAKE' } },
    ])
    expect(heard.of('reign:connection:opened')).toEqual([])
  })

  test('carry signals that are told of where they are sent and where they come', async () => {
    cluster = await TestCluster.make({ tls })
    const [one, two] = [await cluster.start(a), await cluster.start(b)]
    await cluster.meet(one, two)
    const taker = two.spawn({ name: 'taker' }, async (self: Process) => {
      const to = (await self.receive()) as Address<unknown>
      to.send('hello')
      self.exit('the end')
    })
    using mailbox = one.mailbox<string | Down>()
    using heard = new Heard('reign:signal:sent', 'reign:signal:received')
    const ref = mailbox.monitor(named('taker', b))
    one.send(named('taker', b), mailbox.address)
    expect(await next(mailbox)).toBe('hello')
    expect(await next(mailbox)).toMatchObject({ type: 'DOWN', ref, reason: 'the end' })

    const name = atom('taker')
    // Groups and names have things to say, too.
    const of = (channel: 'reign:signal:sent' | 'reign:signal:received', node: string) =>
      heard.of(channel).flatMap(({ signal, ...event }) => {
        const { to, from, message } = signal as { to?: unknown; from?: unknown; message?: unknown }
        const isOurs = event.node === node && (to === name || from === name || message === 'hello')
        return isOurs ? [{ peer: event.peer, ...signal }] : []
      })
    const asked = [
      { peer: b, op: 'monitor', from: mailbox.address, to: name, ref },
      { peer: b, op: 'named-message', to: name, message: mailbox.address },
    ]
    const answered = [
      { op: 'message', to: mailbox.address, message: 'hello' },
      { op: 'down', from: name, to: mailbox.address, ref, reason: 'the end' },
    ]
    expect(of('reign:signal:sent', a)).toMatchObject(asked)
    expect(of('reign:signal:received', a)).toMatchObject(answered.map((signal) => ({ peer: b, ...signal })))
    // The other side has objects of its own for the same addresses and references.
    const shape = [
      { peer: a, op: 'monitor', to: name },
      { peer: a, op: 'named-message', to: name },
    ]
    expect(of('reign:signal:received', b)).toMatchObject(shape)
    expect(of('reign:signal:sent', b)).toMatchObject([
      { peer: a, op: 'message', message: 'hello' },
      { peer: a, op: 'down', from: name, reason: 'the end' },
    ])
    expect(two.isAlive(taker)).toBe(false)
  })

  test('are told of when so much waits that senders should pause, and when it is no longer so much', async () => {
    cluster = await TestCluster.make({ tls })
    const [one, two] = [await cluster.start(a), await cluster.start(b)]
    await cluster.meet(one, two)
    using mailbox = two.mailbox<Uint8Array>()
    two.register('sink', mailbox.address)
    using heard = new Heard('reign:connection:busy', 'reign:connection:drained')
    const sink = (await one.erpc(b).call('erlang', 'whereis', [atom('sink')])) as Address<unknown>
    const message = new Uint8Array(100_000)
    let sent = 1
    for (; sink.send(message); sent++);
    await sink.drained()
    for (let i = 0; i < sent; i++) await next(mailbox)
    await eventually(() => heard.of('reign:connection:drained').length > 0, deadlineMs, 'room')
    const [busy, drained, ...more] = heard.all
    expect([busy, drained]).toEqual([
      ['reign:connection:busy', { node: a, peer: b, bytesWaiting: expect.any(Number) }],
      ['reign:connection:drained', { node: a, peer: b }],
    ])
    expect(more).toEqual([])
    expect(heard.of('reign:connection:busy')[0]?.bytesWaiting).toBeGreaterThan(256 * 1024)
  })
})

test('messages that wait for a connection and are lost with it are told of as sent, and as dead letters', async () => {
  cluster = await TestCluster.make()
  const one = await cluster.start(a)
  using heard = new Heard('reign:signal:sent', 'reign:message:dead-letter')
  one.send(named('nobody', b), 'hello')
  await eventually(() => heard.of('reign:message:dead-letter').length > 0, deadlineMs, 'the dead letter')
  expect(heard.all).toMatchObject([
    ['reign:signal:sent', { node: a, peer: b, signal: { op: 'named-message', message: 'hello' } }],
    ['reign:message:dead-letter', { node: a, cause: 'noconnection', to: atom('nobody'), message: 'hello' }],
  ])
})

test('messages that wait for a connection, and are written anew as the node speaks otherwise, are told of once', async () => {
  cluster = await TestCluster.make({ tls: true })
  const one = await cluster.start(a)
  const two = await cluster.start(b, { codecs: ['etf'], dialMembers: false })
  using mailbox = two.mailbox<string>()
  two.register('taker', mailbox.address)
  using heard = new Heard('reign:signal:sent', 'reign:connection:opened')
  one.send(named('taker', b), 'hello')
  expect(await next(mailbox)).toBe('hello')
  expect(heard.of('reign:connection:opened').map(({ codec }) => codec)).toEqual(['etf', 'etf'])
  const hellos = heard.of('reign:signal:sent').filter(({ signal }) => 'message' in signal && signal.message === 'hello')
  expect(hellos).toMatchObject([{ node: a, peer: b, signal: { op: 'named-message', to: atom('taker') } }])
})

test('certificates and members that change are told of', async () => {
  await using folder = await FolderCluster.make(a, b)
  const one = await folder.start(a, { dialMembers: false })
  using heard = new Heard('reign:node:certificates-renewed', 'reign:node:members-changed')
  await folder.reign('cert', a, '--renew', '--keep-key')
  await eventually(() => heard.all.length === 1, deadlineMs, 'the certificate')
  const spec = folder.spec()
  folder.write('cluster.json', { ...spec, nodes: { [a]: spec.nodes?.[a] } })
  await one.reload()
  await eventually(() => heard.all.length === 2, deadlineMs, 'the members')
  expect(heard.all).toEqual([
    ['reign:node:certificates-renewed', { node: a, changed: ['cert'], endsAt: expect.any(Number) }],
    ['reign:node:members-changed', { node: a, added: [], removed: expect.arrayContaining([b]), moved: [] }],
  ])
  expect(heard.of('reign:node:certificates-renewed')[0]?.endsAt).toBeGreaterThan(Date.now())
})

test('a node that starts is told of with where it listens, and one that cannot is not', async () => {
  using heard = new Heard('reign:node:started', 'reign:node:stopped')
  cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const { endpoint } = one
  await expect(cluster.start(a)).rejects.toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
  await one.stop()
  expect(heard.all).toEqual([
    ['reign:node:started', { node: a, creation: one.addressBook.self.creation, endpoint }],
    ['reign:node:stopped', { node: a }],
  ])
  expect(endpoint?.port).toBeGreaterThan(0)
})

test('a log that is to have everything has each signal that crosses, and not what is in it', async () => {
  cluster = await TestCluster.make()
  const log = Object.assign(new KeptLog(), { isLevelEnabled: () => true })
  const one = await cluster.start(a, { logger: log })
  const two = await cluster.start(b)
  await cluster.meet(one, two)
  using mailbox = two.mailbox<string>()
  two.register('taker', mailbox.address)
  using mine = one.mailbox<Down>()
  mine.monitor(named('taker', b))
  one.send(named('taker', b), 'hello')
  expect(await next(mailbox)).toBe('hello')
  mailbox.close('the end')
  await next(mine)
  const lines = log.at('trace').filter(({ fields }) => fields.from === 'taker' || fields.to === 'taker')
  const from = String(mine.address)
  expect(lines.map(({ fields, message }) => [message, fields])).toEqual([
    ['sent a signal', { peer: b, signal: 'monitor', from, to: 'taker' }],
    ['sent a signal', { peer: b, signal: 'named-message', from: expect.any(String), to: 'taker' }],
    ['received a signal', { peer: b, signal: 'down', from: 'taker', to: from }],
  ])
  expect(two.log.at('trace')).toEqual([])
})
