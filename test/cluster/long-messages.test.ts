/** Long messages between nodes of ours: beside small ones, in order with what follows, by address, name and alias. */
import { afterEach, describe, expect, test } from 'vitest'
import type { Down } from '../../src/process/notices.js'
import type { Address } from '../../src/term/address.js'
import { named } from '../../src/term/named.js'
import { tuple } from '../../src/term/tuple.js'
import { startNode } from '../support/child-node.js'
import { within } from '../support/deadline.js'
import { seeded } from '../support/memory-network.js'
import { carriers, deadlineMs, next, TestCluster, type TestNode, take } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const [a, b] = ['a@127.0.0.1', 'b@127.0.0.1']
const mib = 1024 * 1024

let cluster: TestCluster
afterEach(() => cluster?.[Symbol.asyncDispose]())

const bytes = (length: number, of = 255) => new Uint8Array(length).fill(of)

/** The address of a mailbox as another node knows it. */
const asSeenFrom = <M>(node: TestNode, address: Address<M>): Address<M> => {
  address.leave()
  return node.addressBook.address(
    address.node,
    address.id,
    address.serial,
    address.creation,
  ) as Address<never> as Address<M>
}

describe.each(carriers)('over %s', (_, tls) => {
  test('64 MiB to one process keep no other waiting, and what follows them waits for them', async () => {
    cluster = await TestCluster.make({ tls })
    const near = await cluster.start(a)
    // In a program of its own, so that the two do not take turns.
    await using child = await startNode({
      source: `
        import { Node } from 'reign'
        const node = await Node.start('${b}', { cluster: JSON.parse(process.argv[2]) })
        const order = []
        const large = node.spawn(async (self) => {
          for await (const message of self) {
            order.push(message.report ? 'after' : 'large ' + message.length)
            if (message.report) message.report.send(order)
          }
        })
        const small = node.spawn(async (self) => { for await (const n of self) order.push(n) })
        node.expose('here', { both: () => [large, small], double: (n) => 2 * n })
        process.send('ready')`,
      args: [JSON.stringify(await cluster.spec(b))],
    })
    await child.expect((message) => message === 'ready', deadlineMs)
    expect(await near.connect(b)).toBe(true)
    const [large, small] = (await near.erpc(b).call('here', 'both', [])) as [Address<unknown>, Address<unknown>]
    using mailbox = near.mailbox<unknown[]>()
    expect(large.send(bytes(60 * mib))).toBe(false)
    expect(large.send({ report: mailbox.address })).toBe(false)
    let answered = 0
    for (let n = 0; n < 10; n++) {
      // No sender to another is told to pause for it, and calls are answered meanwhile.
      expect(small.send(n)).toBe(true)
      await small.drained()
      expect(await near.erpc(b).call('here', 'double', [n])).toBe(2 * n)
      if (mailbox.length === 0) answered++
    }
    const order = await next(mailbox)
    expect(order.slice(-2)).toEqual([`large ${60 * mib}`, 'after'])
    // Small ones came first: all of them, but on a machine that is very busy.
    expect(order.length - 2).toBeGreaterThanOrEqual(answered)
    expect(answered).toBeGreaterThan(0)
  })
})

test('a buffer that is given away before it has left costs the connection, and is logged as a fault', async () => {
  cluster = await TestCluster.make()
  const [near, far] = [await cluster.start(a), await cluster.start(b)]
  await cluster.meet(near, far)
  using box = far.mailbox<Uint8Array>()
  const gone = new Promise((resolve) => near.onNodeDown((name, reason) => resolve([name, reason])))
  const binary = bytes(8 * mib)
  asSeenFrom(near, box.address).send(binary)
  structuredClone(binary, { transfer: [binary.buffer] })
  expect(await within(deadlineMs, gone, 'the end of the connection')).toEqual([b, 'disconnect'])
  expect(near.log.lines).toContainEqual(
    expect.objectContaining({
      level: 'error',
      message: 'closed a connection: a message changed before it had left',
      fields: expect.objectContaining({ peer: b }),
    }),
  )
  expect(box.length).toBe(0)
})

describe('order', () => {
  test('holds between a long message and what follows it by the same address, an alias, or a name', async () => {
    cluster = await TestCluster.make()
    const [near, far] = [await cluster.start(a), await cluster.start(b)]
    await cluster.meet(near, far)
    using box = far.mailbox<unknown>()
    far.register('box', box.address)
    const address = asSeenFrom(near, box.address)
    const long = bytes(2 * mib)
    const send = {
      address: (message: unknown) => address.send(message),
      name: (message: unknown) => near.send(named('box', b), message),
    }
    for (const first of ['address', 'name'] as const) {
      for (const second of ['address', 'name'] as const) {
        send[first](long)
        send[second](1)
        send[first](bytes(70_000))
        send[second](2)
        const [one, two, three, four] = await take(box, 4)
        expect([(one as Uint8Array).length, two, (three as Uint8Array).length, four]).toEqual([2 * mib, 1, 70_000, 2])
      }
    }
  })

  test('holds between a long answer, by way of an alias, and what its sender sends beside it', async () => {
    cluster = await TestCluster.make()
    const [near, far] = [await cluster.start(a), await cluster.start(b)]
    await cluster.meet(near, far)
    near.spawn({ name: 'server' }, async (self) => {
      for (;;) {
        const [, [client, tag]] = (await self.receive()) as never as [symbol, [Address<unknown>, { tail: never }]]
        client.send(bytes(2 * mib))
        near.send(tag.tail, tuple(tag, 'the answer'))
        client.send('behind')
      }
    })
    using mailbox = far.mailbox<Uint8Array | string>()
    const answer = await mailbox.call(named('server', a), 'question', { timeout: deadlineMs })
    expect(answer).toBe('the answer')
    // It was sent behind the long one, and came behind it.
    expect(mailbox.length).toBeGreaterThanOrEqual(1)
    expect(((await next(mailbox)) as Uint8Array).length).toBe(2 * mib)
    expect(await next(mailbox)).toBe('behind')
  })

  test('holds between a long message and the notice that its sender has ended', async () => {
    cluster = await TestCluster.make()
    const [near, far] = [await cluster.start(a), await cluster.start(b)]
    await cluster.meet(near, far)
    using box = far.mailbox<Uint8Array | Down>()
    const to = asSeenFrom(near, box.address)
    const sender = near.spawn(async (self) => {
      await self.receive()
      ;(to as Address<unknown>).send(bytes(3 * mib))
    })
    const ref = box.monitor(asSeenFrom(far, sender))
    ;(asSeenFrom(far, sender) as Address<unknown>).send('go')
    expect(((await next(box)) as Uint8Array).length).toBe(3 * mib)
    expect(await next(box)).toMatchObject({ type: 'DOWN', ref })
  })

  test('holds whatever is sent to whom, by which way, and how it is cut on the way', async () => {
    for (const seed of [1, 2, 3]) {
      const random = seeded(seed)
      const simulation = new Simulation(seed, [a, b], { latency: { minMs: 0, maxMs: 2 } })
      const [near, far] = [await simulation.start(a), await simulation.start(b)]
      await simulation.clock.run(2_000)
      const boxes = ['one', 'two', 'three'].map((name) => {
        const box = far.mailbox<[number, Uint8Array]>()
        far.register(name, box.address)
        return { box, ways: [asSeenFrom(near, box.address), named(name, b)], sent: 0 }
      })
      for (let n = 0; n < 150; n++) {
        const to = boxes[Math.floor(random() * 3)] as (typeof boxes)[number]
        const way = to.ways[random() < 0.85 ? 0 : 1] as Address<never>
        const length = random() < 0.2 ? Math.floor(random() * 400_000) : Math.floor(random() * 100)
        near.send(way, [to.sent++, bytes(length, 250)] as never)
        if (random() < 0.1) await simulation.clock.run(1)
      }
      await simulation.clock.run(10_000)
      for (const { box, sent } of boxes) {
        const got = Array.from({ length: sent }, () => box.poll()?.[0])
        expect(got).toEqual(Array.from({ length: sent }, (_, n) => n))
        expect(box.length).toBe(0)
      }
      const stopped = Promise.all([near.stop(), far.stop()])
      await simulation.clock.run(10_000)
      await stopped
    }
  })
})
