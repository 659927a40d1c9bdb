import { describe, expect, test } from 'vitest'
import { genServer } from '../../src/behaviour/index.js'
import { type Down, named, type Process } from '../../src/index.js'
import { type Delivery, Simulation } from '../../src/testing/index.js'

const nodes = ['a@sim', 'b@sim', 'c@sim']

const counter = genServer({
  init: () => ({ value: 0 }),
  calls: { add: (state, by: number) => (state.value += by) },
})

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'resolved',
    (error: { code: string }) => error.code,
  )
}

describe('a node without a network', () => {
  test('waits for an hour in no time, and not a moment longer', async () => {
    await using simulation = new Simulation()
    const node = await simulation.local()
    const mailbox = node.mailbox<string>()
    node.sendAfter(3_600_000, mailbox.address, 'tick')
    await simulation.run(3_599_999)
    expect(mailbox.length).toBe(0)
    await simulation.run(1)
    expect(mailbox.peek()).toEqual(['tick'])
    expect(simulation.now).toBe(3_600_000)
  })

  test('strict: what could not be sent to another node throws at its sender, and nobody shares an object', async () => {
    await using simulation = new Simulation({ strict: true })
    const node = await simulation.local()
    const mailbox = node.mailbox<unknown>()
    const message = { list: [1], to: mailbox.address }
    mailbox.address.send(message)
    message.list.push(2)
    expect(mailbox.poll()).toEqual({ list: [1], to: mailbox.address })
    expect(() => mailbox.address.send(() => {})).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_TERM_UNSUPPORTED' }),
    )
    // Servers, monitors by name and their notices work as ever.
    const server = await simulation.complete(node.start({ name: 'counter' }, counter))
    expect(await simulation.complete(server.call.add(3))).toBe(3)
    const ref = mailbox.monitor(named('counter', node.name))
    node.exit(server.address, 'enough')
    await simulation.settle()
    expect(mailbox.poll()).toEqual({ type: 'DOWN', ref, address: named('counter', node.name), reason: 'enough' })
  })
})

test('strict copies as if to another node of reign, or, when told, as if to one of Erlang', async () => {
  const sent = { bytes: Uint8Array.of(97), big: 5n, list: [1] }
  for (const strict of [true, 'etf'] as const) {
    await using simulation = new Simulation({ strict })
    const node = await simulation.local()
    const mailbox = node.mailbox<unknown>()
    mailbox.address.send(sent)
    const got = mailbox.poll()
    expect(got).toEqual(strict === 'etf' ? { bytes: 'a', big: 5, list: [1] } : sent)
    expect((got as typeof sent).list).not.toBe(sent.list)
    if (strict === 'etf') expect(() => mailbox.address.send(new Date())).toThrow('a Date is no term')
    else {
      const date = new Date(5)
      mailbox.address.send(date)
      const copy = mailbox.poll()
      expect(copy).toEqual(date)
      expect(copy).not.toBe(date)
    }
  }
})

describe('a cluster', () => {
  test('meets, and sees its members die, stop, lose their power and stand still as what they are', async () => {
    await using simulation = new Simulation({ nodes, spec: { tickTimeMs: 8_000 } })
    const [a] = await simulation.startAll()
    const downs: string[] = []
    a?.onNodeDown((node, reason) => downs.push(`${node} ${reason}`))
    simulation.crash('b@sim')
    await simulation.run(1_000)
    expect(downs).toEqual(['b@sim connection_closed'])
    await simulation.start('b@sim')
    await simulation.until(() => a?.nodes().length === 2, 10_000)
    simulation.switchOff('c@sim')
    await simulation.run(5_000)
    expect(downs).toHaveLength(1)
    await simulation.run(6_000)
    expect(downs.slice(1)).toEqual(['c@sim net_tick_timeout'])
    simulation.freeze('b@sim')
    await simulation.run(11_000)
    expect(downs.slice(2)).toEqual(['b@sim net_tick_timeout'])
    simulation.thaw('b@sim')
    await simulation.until(() => a?.nodes().includes('b@sim') ?? false, 10_000)
    await simulation.stop('b@sim')
    expect(downs.slice(3)).toEqual(['b@sim connection_closed'])
    expect(simulation.running.map(({ name }) => name)).toEqual(['a@sim'])
  })

  test('a killed process says nothing any more, not even in a finally', async () => {
    await using simulation = new Simulation({ nodes })
    const [a, b] = await simulation.startAll()
    const said: string[] = []
    const talk = async (self: Process) => {
      try {
        for (;;)
          await self
            .receive({ timeout: 100 })
            .catch((error) => error.code === 'ERR_REIGN_TIMEOUT' || Promise.reject(error))
      } finally {
        said.push(`${self.address.node} has ended`)
      }
    }
    a?.spawn(talk)
    b?.spawn(talk)
    await simulation.run(1_000)
    simulation.crash('a@sim')
    await simulation.stop('b@sim')
    await simulation.run(10_000)
    expect(said).toEqual(['b@sim has ended'])
  })

  test('a cut cable holds up what is sent, and lets it arrive when it is whole again', async () => {
    await using simulation = new Simulation({ nodes })
    const [a, b] = await simulation.startAll()
    const box = b?.mailbox<number>()
    b?.register('box', box?.address as never)
    simulation.cut('a@sim', 'b@sim', { oneWay: true })
    for (let n = 0; n < 100; n++) a?.send(named('box', 'b@sim'), n)
    await simulation.run(5_000)
    expect(box?.length).toBe(0)
    simulation.heal()
    await simulation.run(1_000)
    expect(box?.peek()).toEqual(Array.from({ length: 100 }, (_, n) => n))
  })

  test('a way that is slow is slow, in both directions, until it is fast again', async () => {
    await using simulation = new Simulation({ nodes })
    const [a] = await simulation.startAll()
    simulation.delay('a@sim', 'b@sim', { minMs: 400, maxMs: 500 })
    const from = simulation.now
    expect(await simulation.complete(a?.ping('b@sim') as Promise<boolean>)).toBe(true)
    expect(simulation.now - from).toBeGreaterThanOrEqual(800)
    simulation.delay('a@sim', 'b@sim')
    // What is still under way comes first.
    await simulation.run(1_000)
    const later = simulation.now
    await simulation.complete(a?.ping('b@sim') as Promise<boolean>)
    expect(simulation.now - later).toBeLessThanOrEqual(100)
  })

  test('what waits at a sender beyond the window shows: sends give false, and all arrives in the end', async () => {
    await using simulation = new Simulation({
      nodes,
      windowBytes: 1_000,
      options: { limits: { outboxSoftBytes: 10_000 } },
    })
    const [a, b] = await simulation.startAll()
    const box = b?.mailbox<string>()
    b?.register('box', box?.address as never)
    a?.send(named('box', 'b@sim'), 'x')
    await simulation.run(100)
    const to = a?.addressBook.address(
      'b@sim',
      box?.address.id as number,
      box?.address.serial as number,
      box?.address.creation as number,
    )
    const taken = Array.from({ length: 50 }, (_, n) =>
      (to as unknown as { send(m: string): boolean }).send(`${n}`.padEnd(1_000)),
    )
    expect(taken).toContain(false)
    await simulation.run(5_000)
    expect(box?.length).toBe(51)
  })
})

test('a wall clock that jumps makes no time-out early or late, and loses no connection', async () => {
  await using simulation = new Simulation({ nodes, spec: { tickTimeMs: 8_000 } })
  const [a, b] = await simulation.startAll()
  const downs: string[] = []
  for (const node of [a, b]) node?.onNodeDown((name) => downs.push(name))
  const box = a?.mailbox<string>()
  b?.register('silent', b.mailbox().address)
  for (const byMs of [3_600_000, -7_200_000, 10_000]) {
    const from = simulation.now
    const wall = a?.clock.wallTime() ?? 0
    a?.sendAfter(30_000, box?.address as never, 'due')
    const call = a?.server<typeof counter>(named('silent', 'b@sim')).with({ timeout: 20_000 }).call.add(1)
    const outcome = rejection(call as Promise<unknown>)
    await simulation.run(5_000)
    simulation.stepClock('a@sim', byMs)
    expect((a?.clock.wallTime() ?? 0) - wall).toBe(5_000 + byMs)
    expect(await simulation.complete(outcome)).toBe('ERR_REIGN_TIMEOUT')
    expect(Math.floor(simulation.now - from)).toBe(20_000)
    await simulation.until(() => box?.length === 1, 30_000)
    expect(Math.floor(simulation.now - from)).toBe(30_000)
    box?.poll()
  }
  expect(downs).toEqual([])
})

describe('interceptors', () => {
  test('see what is said within nodes and between them, and can drop it', async () => {
    await using simulation = new Simulation({ nodes })
    const [a, b] = await simulation.startAll()
    const box = a?.mailbox<unknown>()
    a?.register('box', box?.address as never)
    const seen: unknown[] = []
    const stop = simulation.intercept(({ node, to, message }: Delivery) => {
      if (to !== box?.address) return
      seen.push([node, message])
      return message !== 'drop me'
    })
    for (const from of [a, b]) for (const text of ['take me', 'drop me']) from?.send(named('box', 'a@sim'), text)
    await simulation.run(1_000)
    expect(seen).toEqual([
      ['a@sim', 'take me'],
      ['a@sim', 'drop me'],
      ['a@sim', 'take me'],
      ['a@sim', 'drop me'],
    ])
    stop()
    b?.send(named('box', 'a@sim'), 'drop me')
    await simulation.run(1_000)
    expect(box?.peek()).toEqual(['take me', 'take me', 'drop me'])
  })

  test('a reply that is dropped lets its call time out, here and elsewhere', async () => {
    await using simulation = new Simulation({ nodes })
    const [a, b] = await simulation.startAll()
    await simulation.complete(a?.start({ name: 'counter' }, counter) as Promise<unknown>)
    simulation.intercept(({ message }) => message !== 3)
    for (const from of [a, b]) {
      const call = from?.server<typeof counter>(named('counter', 'a@sim')).with({ timeout: 1_000 }).call.add(3)
      const outcome = rejection(call as Promise<unknown>)
      // The first is answered with 3, the second with 6.
      expect(await simulation.complete(outcome)).toBe(from === a ? 'ERR_REIGN_TIMEOUT' : 'resolved')
    }
  })
})

test('the same seed is the same run, another seed another', async () => {
  const run = async (seed: number) => {
    await using simulation = new Simulation({ seed, nodes })
    const [a, b] = await simulation.startAll()
    const box = a?.mailbox<Down>()
    const far = b?.spawn({ name: 'far' }, async (self) => void (await self.receive()))
    box?.monitor(named('far', 'b@sim'))
    await simulation.run(100)
    far?.send(1)
    await simulation.run(10_000)
    return `${simulation.traceHash} ${box?.length}`
  }
  const [one, other, third] = [await run(1), await run(1), await run(2)]
  expect(one).toMatch(/^\w{16} 1$/)
  expect(other).toBe(one)
  expect(third).not.toBe(one)
})

test('mistakes of a test are told as such', async () => {
  await using simulation = new Simulation({ nodes })
  await simulation.start('a@sim')
  expect(await rejection(simulation.start('a@sim'))).toBe('ERR_REIGN_NAME_IN_USE')
  expect(await rejection(simulation.start('x@sim'))).toBe('ERR_REIGN_ARGUMENT')
  expect(() => simulation.node('b@sim')).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
  expect(await rejection(simulation.until(() => false, 1_000))).toBe('ERR_REIGN_TIMEOUT')
  expect(await rejection(simulation.complete(new Promise(() => {}), 1_000))).toBe('ERR_REIGN_TIMEOUT')
})

test('a program that never comes to rest is stopped', async () => {
  await using simulation = new Simulation()
  const node = await simulation.local()
  let turns = 0
  const spin = () => {
    if (++turns < 250_000) node.clock.nextTurn(spin)
  }
  spin()
  expect(await rejection(simulation.settle())).toBe('ERR_REIGN_OVERLOAD')
}, 60_000)
