/** What a node does when it stops: P13, as far as the node itself is concerned. */
import { describe, expect, test } from 'vitest'
import { shutdown } from '../../src/exit-reason.js'
import type { Down } from '../../src/process/notices.js'
import type { Process } from '../../src/process/process.js'
import { named } from '../../src/term/named.js'
import { startNode } from '../support/child-node.js'
import { eventually, within } from '../support/deadline.js'
import { carriers, deadlineMs, losesSight, next, TestCluster } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

describe.each(carriers)('over %s', (_, tls) => {
  test.each([
    ['that was dialled', a, b],
    ['that dialled', b, a],
  ])('a node %s stops, and all that it had sent arrives before it is gone', async (_, stays, goes) => {
    await using cluster = await TestCluster.make({ tls })
    const staying = await cluster.start(stays)
    const going = await cluster.start(goes)
    if (stays === a) await cluster.meet(staying, going)
    else await cluster.meet(going, staying)
    using box = staying.mailbox<number | Down>()
    staying.register('box', box.address)
    const mortal = going.spawn((self: Process) => self.receive())
    going.register('mortal', mortal)
    box.monitor(named('mortal', goes))
    // The answer to a call comes behind the monitor: that is there now.
    expect(await staying.ping(goes)).toBe(true)
    const events: string[] = []
    staying.onNodeDown((node, reason) => events.push(`${node} ${reason}, ${box.length} queued`))
    const count = 20_000
    for (let n = 0; n < count; n++) going.send(named('box', stays), n)
    await within(deadlineMs, going.stop(), 'the stop')
    await losesSight(staying, goes)
    // All that was sent, then why the process has ended, then that the node is gone.
    expect(events).toEqual([`${goes} connection_closed, ${count + 1} queued`])
    for (let n = 0; n < count; n++) if ((await next(box)) !== n) throw new Error(`not ${n}`)
    expect(await next(box)).toMatchObject({ type: 'DOWN', reason: shutdown })
  })
})

test('stopping frees the port and the name, and both can be had again', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const other = await cluster.start(b)
  await cluster.meet(other, one)
  const endpoint = one.endpoint
  await one.stop()
  await eventually(() => cluster.epmd.nodes.every(({ alive }) => alive !== 'a'), deadlineMs, 'the name to be free')
  const again = await cluster.start(a, {
    cluster: { ...(await cluster.spec(a)), nodes: { [a]: { listen: `127.0.0.1:${endpoint?.port}` } } },
  })
  expect(again.endpoint).toEqual(endpoint)
  await cluster.meet(other, again)
})

test('stopping twice is stopping once, also at the same time', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const other = await cluster.start(b)
  await cluster.meet(one, other)
  await within(deadlineMs, Promise.all([one.stop(), one.stop()]), 'both stops')
  await within(deadlineMs, one.stop(), 'a third')
  expect(one.nodes()).toEqual([])
})

test('a node that has stopped connects with nobody, whoever asks', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const other = await cluster.start(b)
  await cluster.meet(one, other)
  await one.stop()
  expect(await within(deadlineMs, one.connect(b), 'the answer')).toBe(false)
  expect(await within(deadlineMs, one.ping(b), 'the answer')).toBe(false)
  one.send(named('x', b), 1)
  expect(one.deadLetters.counts.noconnection).toBe(1)
  expect(await within(deadlineMs, other.connect(a), 'the answer')).toBe(false)
  expect(other.nodes()).toEqual([])
})

test('what waits for a connection when the node stops is lost, and whoever waits is told', async () => {
  await using cluster = await TestCluster.make()
  const one = await cluster.start(a)
  const { sockets } = await cluster.pretend('silent')
  const target = named('x', 'silent@127.0.0.1')
  for (let n = 0; n < 3; n++) one.send(target, 'x'.repeat(600_000))
  const address = one.addressBook.address('silent@127.0.0.1', 1, 0, 9)
  const waits = [one.connect('silent@127.0.0.1'), address.drained().catch((error: { code: string }) => error.code)]
  await eventually(() => sockets.length === 1, deadlineMs)
  await within(deadlineMs, one.stop(), 'the stop')
  expect(await within(deadlineMs, Promise.all(waits), 'those that wait')).toEqual([false, 'ERR_REIGN_NODE_STOPPED'])
  expect(one.deadLetters.counts.noconnection).toBe(3)
})

describe('a peer that does not read', () => {
  /** Two nodes that are connected, one of which hears nothing of the other any more; in virtual time. */
  async function deaf() {
    const simulation = new Simulation(1, [a, b])
    const { clock, network } = simulation
    const node = await simulation.start(a)
    const other = await simulation.start(b)
    await clock.run(1_000)
    expect(node.nodes()).toEqual([b])
    network.cut(a, b)
    /** When a stop is over, in milliseconds from its call. */
    const timed = (stop: () => Promise<void>) => {
      const from = clock.now()
      return stop().then(() => clock.now() - from)
    }
    return { clock, network, node, other, timed }
  }

  test('holds the stop up for ten seconds, or as long as was given', async () => {
    for (const [options, expected] of [
      [undefined, 10_000],
      [{}, 10_000],
      [{ deadlineMs: 300 }, 300],
      [{ deadlineMs: 20_000 }, 20_000],
      [{ deadlineMs: 0 }, 0],
    ] as const) {
      const { clock, network, node, other, timed } = await deaf()
      const stopped = timed(() => node.stop(options))
      await clock.run(30_000)
      expect(await stopped).toBe(expected)
      network.heal()
      const rest = other.stop({ deadlineMs: 0 })
      await clock.run(1_000)
      await rest
      expect(clock.timersPending).toBe(0)
    }
  })

  test('holds it up no longer when it reads after all', async () => {
    const { clock, network, node, other, timed } = await deaf()
    const stopped = timed(() => node.stop())
    await clock.run(2_000)
    network.heal()
    await clock.run(100)
    expect(await stopped).toBeLessThan(2_100)
    expect(other.nodes()).toEqual([])
  })

  test('holds it up no longer than a second call allows; a longer one changes nothing', async () => {
    const { clock, node, timed } = await deaf()
    const stopped = timed(() => node.stop({ deadlineMs: 5_000 }))
    await clock.run(1_000)
    const again = timed(() => node.stop())
    await clock.run(1_000)
    const sooner = timed(() => node.stop({ deadlineMs: 500 }))
    await clock.run(10_000)
    expect(await Promise.all([stopped, again, sooner])).toEqual([2_500, 1_500, 500])
  })

  test('and a time that is none is refused, and stops nothing', async () => {
    const { node } = await deaf()
    for (const deadlineMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31]) {
      await expect(node.stop({ deadlineMs })).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    }
    expect(node.nodes()).toEqual([b])
  })
})

test('while what was sent leaves, nobody else gets in, and the name is not free yet', async () => {
  await using cluster = await TestCluster.make({ tls: true })
  const one = await cluster.start(a)
  const other = await cluster.start(b)
  await cluster.meet(one, other)
  await using child = await startNode({
    source: `
      import { Node } from 'reign'
      const node = await Node.start('c@127.0.0.1', { cluster: JSON.parse(process.argv[2]) })
      process.send(await node.connect('${a}'))
    `,
    args: [JSON.stringify(await cluster.spec('c@127.0.0.1'))],
  })
  await child.expect((message) => message === true, 2 * deadlineMs)
  await child.suspend()
  // More than the buffers of the kernel take.
  for (let n = 0; n < 20; n++) one.send(named('nobody', 'c@127.0.0.1'), 'x'.repeat(1_000_000))
  const stopped = one.stop({ deadlineMs: 60_000 })
  await losesSight(other, a)
  expect(await within(deadlineMs, other.connect(a), 'an answer')).toBe(false)
  await expect(cluster.start(a)).rejects.toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
  child.resume()
  await within(deadlineMs, stopped, 'the stop')
  const again = await cluster.start(a)
  expect(await within(deadlineMs, again.connect(b), 'the next run')).toBe(true)
})
