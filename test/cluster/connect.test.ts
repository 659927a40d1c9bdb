/** Connections between nodes as programs see them: made when they are wanted, waited for, failed, lost, made again. */
import { describe, expect, test } from 'vitest'
import type { Node } from '../../src/cluster/node.js'
import type { Peers } from '../../src/cluster/peers.js'
import type { Down, Exit } from '../../src/process/notices.js'
import type { Process } from '../../src/process/process.js'
import { named } from '../../src/term/named.js'
import { eventually, within } from '../support/deadline.js'
import { carriers, deadlineMs, losesSight, next, sees, TestCluster, take } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const noconnection = Symbol.for('noconnection')
const peersOf = (node: Node) => node.router.remote as Peers

describe.each(carriers)('over %s', (_, tls) => {
  test('the members of a cluster connect by themselves, whoever starts first, and again when one was away', async () => {
    await using cluster = await TestCluster.make({ tls, members: [a, b] })
    const one = await cluster.start(a)
    const other = await cluster.start(b)
    await Promise.all([sees(one, b), sees(other, a)])
    await other.stop()
    await losesSight(one, b)
    const again = await cluster.start(b)
    await Promise.all([sees(one, b), sees(again, a)])
    expect(one.nodes()).toEqual([b])
    // A member that was disconnected is dialled again.
    expect(one.disconnect(b)).toBe(true)
    await sees(one, b)
  })

  test('whatever is sent to a node makes the connection with it, and arrives', async () => {
    await using cluster = await TestCluster.make({ tls })
    const far = await cluster.start(b)
    const box = far.mailbox<unknown>()
    far.register('box', box.address)
    far.expose('shop', { quote: () => 'a quote' })
    const ways: Record<string, (near: Node) => Promise<unknown>> = {
      'a message to a name': async (near) => {
        near.send(named('box', b), 'to a name')
        expect(await next(box)).toBe('to a name')
      },
      'a message to an address': async (near) => {
        near.addressBook.address(b, box.address.id, box.address.serial, box.address.home.creation)
        const { Address } = await import('../../src/term/address.js')
        Address.parse(String(box.address), near).send('to an address')
        expect(await next(box)).toBe('to an address')
      },
      'a monitor': async (near) => {
        using mine = near.mailbox<Down>()
        const ref = mine.monitor(named('nobody', b))
        expect(await next(mine)).toMatchObject({ type: 'DOWN', ref, reason: Symbol.for('noproc') })
      },
      'a link': async (near) => {
        using mine = near.mailbox<Exit>()
        const mortal = far.mailbox()
        const { Address } = await import('../../src/term/address.js')
        const address = Address.parse<never>(String(mortal.address), near)
        mine.link(address)
        await eventually(() => far.processInfo(mortal.address)?.links.length === 1, deadlineMs)
        mortal.close('gone')
        expect(await next(mine)).toEqual({ type: 'EXIT', from: address, reason: 'gone' })
      },
      'a call': async (near) => {
        const answer = await near.call(named('net_kernel', b), Symbol.for('anything'))
        expect(answer).toBe(Symbol.for('badrequest'))
      },
      'a ping': async (near) => expect(await near.ping(b)).toBe(true),
      'an erpc': async (near) => expect(await near.erpc(b).call('shop', 'quote', [])).toBe('a quote'),
      'a spawn': async (near) => expect((await near.spawnOn(b, 'shop', 'quote', [])).address.node).toBe(b),
      connect: async (near) => expect(await near.connect(b)).toBe(true),
    }
    for (const [what, way] of Object.entries(ways)) {
      const near = await cluster.start(a)
      expect([what, near.nodes()]).toEqual([what, []])
      await within(deadlineMs, way(near), what)
      expect([what, near.nodes()]).toEqual([what, [b]])
      await near.stop()
      await losesSight(far, a)
    }
  })

  test('many rounds of both dialling at once: one connection each time, nothing lost, nothing twice', async () => {
    await using cluster = await TestCluster.make({ tls })
    const nodes = [await cluster.start(a), await cluster.start(b)] as const
    const boxes = nodes.map((node) => node.mailbox<string>())
    for (const [n, node] of nodes.entries()) node.register('box', boxes[n]?.address as never)
    let ups = 0
    for (const node of nodes) node.onNodeUp(() => ups++)
    for (let round = 0; round < 25; round++) {
      for (let n = 0; n < 10; n++) {
        nodes[0].send(named('box', b), `${round}.${n}`)
        nodes[1].send(named('box', a), `${round}.${n}`)
      }
      const wanted = Array.from({ length: 10 }, (_, n) => `${round}.${n}`)
      for (const box of boxes) expect(await take(box, 10)).toEqual(wanted)
      expect(ups).toBe(2 * (round + 1))
      nodes[round % 2]?.disconnect(round % 2 === 0 ? b : a)
      await Promise.all([losesSight(nodes[0], b), losesSight(nodes[1], a)])
    }
    // That one of two attempts was given up is nothing that an operator needs to hear of.
    expect(nodes.flatMap((node) => node.log.complaints)).toEqual([])
  })
})

describe('what waits for a connection', () => {
  test('goes in the order sent, messages and signals of all kinds alike, and before what is sent afterwards', async () => {
    await using cluster = await TestCluster.make()
    const near = await cluster.start(a)
    const far = await cluster.start(b)
    const box = far.mailbox<unknown>()
    far.register('box', box.address)
    const { Address } = await import('../../src/term/address.js')
    const address = Address.parse(String(box.address), near)
    const mortal = near.spawn(async (self: Process) => {
      self.link(address as never)
      for (let n = 0; n < 500; n++) {
        if (n % 2 === 0) address.send(n)
        else near.send(named('box', b), n)
      }
      throw 'the end'
    })
    // What a callback sends when the node is up comes behind what waited.
    near.onNodeUp(() => address.send('up'))
    const seen = await take(box, 502)
    expect(seen.slice(0, 500)).toEqual(Array.from({ length: 500 }, (_, n) => n))
    expect(seen.slice(500)).toEqual([
      { type: 'EXIT', from: Address.parse(String(mortal), far), reason: 'the end' },
      'up',
    ])
  })

  test('is bounded: with more of it the attempt is given up, and others notice nothing', async () => {
    await using cluster = await TestCluster.make()
    const limits = { outboxSoftBytes: 10_000, outboxHardBytes: 100_000 }
    const near = await cluster.start(a, { limits })
    const far = await cluster.start(b)
    await cluster.meet(near, far)
    const { sockets } = await cluster.pretend('silent')
    const silent = 'silent@127.0.0.1'
    using mine = near.mailbox<Down>()
    const ref = mine.monitor(named('x', silent))
    const connecting = near.connect(silent)
    await eventually(() => sockets.length === 1, deadlineMs, 'the attempt')
    const stranger = near.addressBook.address(silent, 1, 0, 7) as never as {
      send(m: string): boolean
      drained(): Promise<void>
    }
    expect(stranger.send('x'.repeat(1_000))).toBe(true)
    expect(stranger.send('x'.repeat(10_000))).toBe(false)
    const drained = stranger.drained().catch((error: { code: string }) => error.code)
    let sent = 2
    for (; sent < 200; sent++) stranger.send('x'.repeat(1_000))
    expect(await next(mine)).toMatchObject({ type: 'DOWN', ref, reason: noconnection })
    expect(await within(deadlineMs, drained, 'the end of the wait')).toBe('ERR_REIGN_OVERLOAD')
    expect(await within(deadlineMs, connecting, 'the end of the attempt')).toBe(false)
    expect(near.deadLetters.counts.noconnection).toBe(200)
    await eventually(() => sockets[0]?.closed, deadlineMs, 'the attempt to be given up')
    expect(near.nodes()).toEqual([b])
    expect(await near.ping(b)).toBe(true)
  })

  test('is told apart by what it is: what no connection could carry is refused where it is sent', async () => {
    await using cluster = await TestCluster.make()
    const near = await cluster.start(a, { limits: { frameBytesMax: 10_000 } })
    const far = await cluster.start(b)
    const box = far.mailbox<unknown>()
    far.register('box', box.address)
    const target = named('box', b)
    const send = (message: unknown) => () => near.send(target, message)
    for (const _ of ['before the connection', 'on it']) {
      expect(send(() => 1)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_TERM_UNSUPPORTED' }))
      expect(send({ deep: [Number.NaN] })).toThrow(expect.objectContaining({ path: '$.deep[0]' }))
      expect(send('x'.repeat(20_000))).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/TERM_TOO_LARGE|FRAME_TOO_LARGE/) }),
      )
      near.send(target, 'good')
      expect(await next(box)).toBe('good')
      expect(box.length).toBe(0)
    }
    expect(near.deadLetters.counts.noconnection).toBe(0)
  })
})

describe('a node that cannot be reached', () => {
  const reasons = {
    'is not known': { node: 'nobody@127.0.0.1', code: 'ERR_REIGN_UNREACHABLE' },
    'does not listen any more': { node: 'gone@127.0.0.1', code: 'ERR_REIGN_UNREACHABLE' },
    'says nothing': { node: 'silent@127.0.0.1', code: 'ERR_REIGN_HANDSHAKE_TIMEOUT' },
    'has another cookie': { node: 'stranger@127.0.0.1', code: 'ERR_REIGN_HANDSHAKE' },
    'has a name that is none': { node: 'no name', code: 'ERR_REIGN_UNREACHABLE' },
  }
  test.each(Object.entries(reasons))(
    'because it %s: everything that goes there is told so',
    async (why, { node, code }) => {
      await using cluster = await TestCluster.make()
      const near = await cluster.start(a, why === 'says nothing' ? { limits: { handshakeMs: 300 } } : {})
      if (why === 'says nothing') await cluster.pretend('silent')
      if (why === 'does not listen any more') {
        // Its port mapper does not know yet.
        const { sockets } = await cluster.pretend('gone', { listening: false })
        expect(sockets).toEqual([])
      }
      if (why === 'has another cookie') {
        await cluster.start('stranger@127.0.0.1', {
          cluster: { ...(await cluster.spec('stranger@127.0.0.1')), cookie: 'another-cookie-of-the-tests' },
        })
      }
      const letters: unknown[] = []
      near.deadLetters.subscribe(({ cause, message }) => letters.push([cause, message]))
      const address = near.addressBook.address(node, 1, 0, 7)
      using mine = near.mailbox<Down | Exit>()
      const ref = mine.monitor(address)
      const byName = mine.monitor(named('x', node))
      mine.link(address)
      const linked = near.spawn((self: Process) => {
        self.link(address)
        return self.receive()
      })
      using watcher = near.mailbox<Down>()
      watcher.monitor(linked)
      near.send(address, 'lost')
      near.send(named('x', node), 'lost too')
      const failures = [
        near.call(address, 'request').catch((error) => [error.code, error.reason]),
        near.spawnOn(node, 'm', 'f', []).catch((error) => [error.code, error.cause]),
        near.spawnOn(node, 'm', 'f', [], { monitor: mine }).catch((error) => [error.code, error.cause]),
        near
          .erpc(node)
          .call('m', 'f', [])
          .catch((error) => [error.code, error.cause]),
        near.connect(node),
        near.ping(node),
      ]
      expect(await within(deadlineMs, Promise.all(failures), 'all to fail')).toEqual([
        ['ERR_REIGN_CALL', noconnection],
        ['ERR_REIGN_SPAWN', noconnection],
        ['ERR_REIGN_SPAWN', noconnection],
        ['ERR_REIGN_ERPC', noconnection],
        false,
        false,
      ])
      const told = await take(mine, 3)
      expect(told).toContainEqual({ type: 'DOWN', ref, address, reason: noconnection })
      expect(told).toContainEqual({ type: 'DOWN', ref: byName, address: named('x', node), reason: noconnection })
      expect(told).toContainEqual({ type: 'EXIT', from: address, reason: noconnection })
      expect(await next(watcher)).toMatchObject({ type: 'DOWN', reason: noconnection })
      // The request of the call, too.
      await eventually(() => letters.length === 3, deadlineMs)
      expect(letters.slice(0, 2)).toEqual([
        ['noconnection', 'lost'],
        ['noconnection', 'lost too'],
      ])
      expect(near.log.codes('debug')).toEqual([code])
      // Once, and no more.
      near.send(mine.address, 'behind' as never)
      expect(await next(mine)).toBe('behind')
      await eventually(() => peersOf(near).size === 0, deadlineMs, 'the node to be forgotten')
      expect(near.log.complaints).toEqual([])
    },
  )

  test('is not tried again at once, but soon', async () => {
    const simulation = new Simulation(1, [a, b], { latency: { minMs: 0, maxMs: 0 } })
    const { clock } = simulation
    const near = await simulation.start(a, { dialMembers: false })
    const send = async (afterMs: number) => {
      await clock.run(afterMs)
      near.send(named('box', b), 'to b')
      await clock.run(0)
      return [near.log.at('debug').length, near.deadLetters.counts.noconnection]
    }
    // The number of attempts, and of messages that were lost.
    expect(await send(0)).toEqual([1, 1])
    expect(await send(50)).toEqual([1, 2])
    expect(await send(49)).toEqual([1, 3])
    expect(await send(1)).toEqual([2, 4])
    const far = await simulation.start(b, { dialMembers: false })
    const box = far.mailbox()
    far.register('box', box.address)
    expect(await send(100)).toEqual([2, 4])
    await clock.run(100)
    expect(box.poll()).toBe('to b')
    const stopped = Promise.all([near.stop(), far.stop()])
    await clock.run(10_000)
    await stopped
    expect(clock.timersPending).toBe(0)
  })

  test('is forgotten, however many there are: others can name any number of nodes', async () => {
    await using cluster = await TestCluster.make()
    const near = await cluster.start(a)
    for (let n = 0; n < 300; n++) near.send(named('x', `nobody${n}@127.0.0.1`), 'lost')
    await eventually(() => near.deadLetters.counts.noconnection === 300, deadlineMs)
    await eventually(() => peersOf(near).size === 0, deadlineMs, 'all to be forgotten')
  })
})

test('a node that does not listen can dial, and is talked to over what it dialled', async () => {
  await using cluster = await TestCluster.make()
  const visitor = await cluster.start(a, { listen: false })
  const far = await cluster.start(b)
  expect(visitor.endpoint).toBe(undefined)
  expect(await far.connect(a)).toBe(false)
  await cluster.meet(visitor, far)
  expect(await far.ping(a)).toBe(true)
})

test('a node does not connect with itself', async () => {
  await using cluster = await TestCluster.make()
  const node = await cluster.start(a)
  expect(await node.connect(a)).toBe(true)
  expect(await node.ping(a)).toBe(true)
  expect(node.nodes()).toEqual([])
  expect(node.disconnect(a)).toBe(false)
})
