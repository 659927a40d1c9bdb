import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { systemClock } from '../../src/clock.js'
import {
  encodeLookup,
  encodeNames,
  encodeRegister,
  epmdNode,
  readLookupAnswer,
  readNamesAnswer,
  readRegisterAnswer,
} from '../../src/dist/epmd-messages.js'
import { systemEntropy } from '../../src/entropy.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import { EpmdServer, isLoopback } from '../../src/net/epmd-server.js'
import type { EpmdSocket } from '../../src/net/epmd-sockets.js'
import { eventually, within } from '../support/deadline.js'
import { countingEntropy, ManualClock, MemorySockets, settle } from './epmd-simulation.js'

const limits = { requestMs: 5_000, pendingConnectionsMax: 4, pendingConnectionsPerAddressMax: 2, namesMax: 3 }
const host = '127.0.0.1'
const port = 4369

describe('in memory', () => {
  let clock: ManualClock
  let sockets: MemorySockets
  let server: EpmdServer
  let client: EpmdClient

  beforeEach(async () => {
    clock = new ManualClock()
    sockets = new MemorySockets()
    server = await EpmdServer.listen({ port, clock, entropy: countingEntropy(0x1000), sockets, limits })
    client = new EpmdClient({ port, clock, sockets })
  })

  /** One connection, and what it sees. */
  function visit(from = host): { socket: EpmdSocket; events: string[]; received: () => Buffer } {
    sockets.from = from
    const events: string[] = []
    let received = Buffer.alloc(0)
    const socket = sockets.connect(host, port, {
      open: () => events.push('open'),
      data: (bytes) => {
        events.push(`data ${bytes.length}`)
        received = Buffer.concat([received, bytes])
      },
      ended: () => events.push('ended'),
      closed: () => events.push('closed'),
    })
    sockets.from = host
    return { socket, events, received: () => received }
  }

  test('registers, finds and lists; each answer in one write', async () => {
    const holder = visit()
    holder.socket.write(encodeRegister({ ...epmdNode('a', 1234), extra: Uint8Array.of(1, 2) }))
    await settle()
    expect(holder.events).toEqual(['open', 'data 6'])
    expect(readRegisterAnswer(holder.received())).toEqual({ op: 'registered', creation: 0x1001 })

    const finder = visit()
    finder.socket.write(encodeLookup('a'))
    await settle()
    expect(finder.events).toEqual(['open', 'data 17', 'ended'])
    expect(readLookupAnswer(finder.received(), 'a')).toEqual({ ...epmdNode('a', 1234), extra: Uint8Array.of(1, 2) })

    const lister = visit()
    lister.socket.write(encodeNames())
    await settle()
    expect(lister.events).toEqual(['open', 'data 24', 'ended'])
    expect(readNamesAnswer(lister.received())).toEqual({ epmdPort: port, nodes: [{ alive: 'a', port: 1234 }] })
    expect(server.nodes.map(({ alive }) => alive)).toEqual(['a'])
  })

  test('a name that is held is refused; it is free when its holder goes', async () => {
    const first = await client.register(host, epmdNode('a', 1))
    await expect(client.register(host, epmdNode('a', 2))).rejects.toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
    expect(await client.lookup(host, 'a')).toMatchObject({ port: 1 })
    first.close()
    await settle()
    expect(await client.lookup(host, 'a')).toBeUndefined()
    const second = await client.register(host, epmdNode('a', 2))
    expect(second.creation).not.toBe(first.creation)
  })

  test('a name is free, too, when its holder says that it will send no more, or sends more', async () => {
    for (const end of [
      (socket: EpmdSocket) => socket.end(new Uint8Array(0)),
      (socket: EpmdSocket) => socket.write(encodeNames()),
    ]) {
      const holder = visit()
      holder.socket.write(encodeRegister(epmdNode('a', 1)))
      await settle()
      expect(server.nodes).toHaveLength(1)
      end(holder.socket)
      await settle()
      expect(server.nodes).toHaveLength(0)
      expect(holder.events.at(-1)).toBe('closed')
    }
  })

  test('registers from loopback only, and answers look-ups from anywhere it listens', async () => {
    await client.register(host, epmdNode('a', 1))
    const stranger = visit('192.0.2.7')
    stranger.socket.write(encodeRegister(epmdNode('b', 1)))
    await settle()
    expect(stranger.events).toEqual(['open', 'ended', 'closed'])
    expect(server.nodes.map(({ alive }) => alive)).toEqual(['a'])
    const finder = visit('192.0.2.7')
    finder.socket.write(encodeLookup('a'))
    await settle()
    expect(readLookupAnswer(finder.received(), 'a')).toMatchObject({ port: 1 })
  })

  test.each([
    ['KILL', '00016b'],
    ['STOP', '00027361'],
    ['DUMP', '000164'],
    ['a request of no bytes', '0000'],
    ['a request over the bound', '1001'],
    ['two requests at once', '00016e00016e'],
    ['a name that forges a line', '001078 88b5 4d 00 0006 0006 0003 610a62 0000'],
    ['HTTP', Buffer.from('GET /\r\n\r\n').toString('hex')],
  ])('%s is answered with the end of the connection, and disturbs nobody', async (_what, hex) => {
    await client.register(host, epmdNode('a', 1))
    const visitor = visit()
    visitor.socket.write(Buffer.from(hex.replaceAll(' ', ''), 'hex'))
    await settle()
    expect(visitor.events).toEqual(['open', 'ended', 'closed'])
    expect(server.pendingConnections).toBe(0)
    expect(server.nodes.map(({ alive }) => alive)).toEqual(['a'])
  })

  test('requests may come byte by byte', async () => {
    const visitor = visit()
    for (const byte of encodeRegister(epmdNode('a', 1))) visitor.socket.write(Uint8Array.of(byte))
    await settle()
    await clock.advance(0)
    await settle()
    expect(readRegisterAnswer(visitor.received())).toMatchObject({ op: 'registered' })
  })

  test('one deadline for a connection: silence, a drip, or an answer not fetched end it; a registration has none', async () => {
    await client.register(host, epmdNode('a', 1))
    const silent = visit()
    const slow = visit()
    slow.socket.write(encodeLookup('a').subarray(0, 1))
    await clock.advance(4_000)
    slow.socket.write(encodeLookup('a').subarray(1, 2))
    await clock.advance(999)
    expect([silent.events, slow.events]).toEqual([['open'], ['open']])
    expect(server.pendingConnections).toBe(2)
    await clock.advance(1)
    expect(silent.events).toEqual(['open', 'ended', 'closed'])
    expect(slow.events).toEqual(['open', 'ended', 'closed'])

    const idler = visit()
    idler.socket.write(encodeNames())
    await settle()
    expect(idler.events.at(-1)).toBe('ended')
    expect(server.pendingConnections).toBe(1)
    await clock.advance(5_000)
    expect(server.pendingConnections).toBe(0)
    expect(clock.timers).toBe(0)
    await clock.advance(86_400_000)
    expect(server.nodes).toHaveLength(1)
  })

  test('bounds the connections that are not registrations, altogether and for each remote address', async () => {
    const strangers = [visit('192.0.2.7'), visit('192.0.2.7'), visit('192.0.2.7')]
    await settle()
    expect(strangers.map(({ events }) => events.at(-1))).toEqual(['open', 'open', 'closed'])
    const locals = [visit(), visit(), visit()]
    await settle()
    expect(locals.map(({ events }) => events.at(-1))).toEqual(['open', 'open', 'closed'])
    expect(server.pendingConnections).toBe(4)
    // Registering frees the place, for the bound is on what is unfinished.
    locals[0]?.socket.write(encodeRegister(epmdNode('a', 1)))
    strangers[0]?.socket.destroy()
    await settle()
    expect(server.pendingConnections).toBe(2)
    const later = [visit(), visit('192.0.2.7')]
    await settle()
    expect(later.map(({ events }) => events.at(-1))).toEqual(['open', 'open'])
  })

  test('loopback is one address for all programs of the machine: only the bound on all counts for it', async () => {
    const locals = [visit(), visit(), visit(), visit(), visit()]
    await settle()
    expect(locals.map(({ events }) => events.at(-1))).toEqual(['open', 'open', 'open', 'open', 'closed'])
  })

  test('answers the first question of one that asks again, or closes his direction, before he has fetched it', async () => {
    await client.register(host, epmdNode('a', 1))
    for (const then of [
      (socket: EpmdSocket) => socket.write(encodeLookup('a')),
      (socket: EpmdSocket) => socket.end(new Uint8Array(0)),
    ]) {
      const visitor = visit()
      visitor.socket.write(encodeLookup('a'))
      then(visitor.socket)
      await settle()
      expect(readLookupAnswer(visitor.received(), 'a')).toMatchObject({ port: 1 })
      visitor.socket.destroy()
      await settle()
      expect(server.pendingConnections).toBe(0)
    }
  })

  test('bounds the names', async () => {
    for (const alive of ['a', 'b', 'c']) await client.register(host, epmdNode(alive, 1))
    await expect(client.register(host, epmdNode('d', 1))).rejects.toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
  })

  test('gives no creation below 4, also where the count wraps', async () => {
    await server.close()
    server = await EpmdServer.listen({ port, clock, entropy: countingEntropy(0xffff_fffe), sockets, limits })
    const creations = []
    for (const alive of ['a', 'b', 'c']) creations.push((await client.register(host, epmdNode(alive, 1))).creation)
    expect(creations).toEqual([0xffff_ffff, 4, 5])
  })

  test('close ends registrations and frees the port', async () => {
    const registration = await client.register(host, epmdNode('a', 1))
    const asking = visit()
    await settle()
    await server.close()
    await registration.closed
    await settle()
    expect(asking.events.at(-1)).toBe('closed')
    expect([sockets.listening, server.nodes, server.pendingConnections, clock.timers]).toEqual([[], [], 0, 0])
  })

  test('listens on loopback whatever the further addresses; a wildcard holds it', async () => {
    await server.close()
    const addresses = async (...further: string[]): Promise<string[]> => {
      const other = await EpmdServer.listen({ port, addresses: further, clock, entropy: countingEntropy(9), sockets })
      const listening = sockets.listening
      await other.close()
      return listening
    }
    expect(await addresses()).toEqual(['127.0.0.1:4369'])
    expect(await addresses('192.0.2.1', '127.0.0.1')).toEqual(['127.0.0.1:4369', '192.0.2.1:4369'])
    expect(await addresses('0.0.0.0')).toEqual(['0.0.0.0:4369'])
  })

  test('registers on no other address than one of loopback', async () => {
    for (const other of ['192.0.2.1', '0.0.0.0', '::', 'example.org']) {
      const listening = EpmdServer.listen({ port: 1, host: other, clock, entropy: countingEntropy(9), sockets })
      await expect(listening).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    }
  })

  test('leaves nothing behind when one of its addresses is taken', async () => {
    await server.close()
    const other = await sockets.listen('192.0.2.1', port, () => undefined)
    const both = { port, addresses: ['192.0.2.1'], clock, entropy: countingEntropy(9), sockets }
    await expect(EpmdServer.listen(both)).rejects.toMatchObject({ code: 'ERR_REIGN_PORT_IN_USE' })
    expect(sockets.listening).toEqual(['192.0.2.1:4369'])
    await other.close()
  })
})

test.each([
  ['127.0.0.1', true],
  ['127.255.0.9', true],
  ['::1', true],
  ['localhost', true],
  ['::ffff:127.0.0.1', true],
  ['::FFFF:127.0.0.1', true],
  ['10.0.0.1', false],
  ['::ffff:10.0.0.1', false],
  ['::', false],
  ['0.0.0.0', false],
  ['127.0.0.1.example.org', false],
  ['1127.0.0.1', false],
])('%s is loopback: %s', (address, expected) => expect(isLoopback(address)).toBe(expected))

describe('over TCP', () => {
  let server: EpmdServer
  const open: Socket[] = []

  beforeEach(async () => {
    server = await EpmdServer.listen({
      port: 0,
      clock: systemClock,
      entropy: systemEntropy,
      limits: { requestMs: 300 },
    })
  })
  afterEach(async () => {
    for (const socket of open) socket.destroy()
    await server.close()
  })

  function dial(where: { host?: string; port?: number } = {}): Socket {
    // Who writes to one that cuts it off may be told so by an error, or not.
    const socket = connect({ host, port: server.port, ...where }).on('error', () => {})
    open.push(socket)
    return socket
  }
  function closeOf(socket: Socket): Promise<unknown> {
    // Flowing: an end that nobody reads is never seen.
    socket.resume()
    return within(5_000, new Promise((resolve) => socket.once('close', resolve)), 'the end of the connection')
  }
  const newClient = (): EpmdClient => new EpmdClient({ port: server.port, clock: systemClock })

  test('registers, finds, lists, and frees the name with the connection', async () => {
    const client = newClient()
    const registration = await client.register(host, epmdNode('a', 1234))
    expect(await client.lookup(host, 'a')).toEqual(epmdNode('a', 1234))
    expect(await client.names(host)).toEqual({ epmdPort: server.port, nodes: [{ alive: 'a', port: 1234 }] })
    registration.close()
    await eventually(() => server.nodes.length === 0, 5_000)
  })

  test('answers one that closes his direction with the request', async () => {
    await newClient().register(host, epmdNode('a', 1234))
    const socket = dial()
    let received = Buffer.alloc(0)
    socket.on('data', (bytes) => {
      received = Buffer.concat([received, bytes])
    })
    socket.end(encodeLookup('a'))
    await closeOf(socket)
    expect(readLookupAnswer(received, 'a')).toEqual(epmdNode('a', 1234))
    await eventually(() => server.pendingConnections === 0, 5_000)
  })

  test('cuts one that sends a byte now and then', async () => {
    const socket = dial()
    const request = encodeRegister(epmdNode('slow', 1))
    let at = 0
    const drip = setInterval(() => socket.write(request.subarray(at, ++at)), 50)
    try {
      await closeOf(socket)
    } finally {
      clearInterval(drip)
    }
    expect(at).toBeLessThan(request.length)
    expect(server.nodes).toEqual([])
  })

  test('serves others while hundreds of connections say nothing', async () => {
    const silent = Array.from({ length: 300 }, () => dial())
    await eventually(() => server.pendingConnections > 0, 5_000)
    expect(server.pendingConnections).toBeLessThanOrEqual(128)
    await Promise.all(silent.map(closeOf))
    expect(await newClient().lookup(host, 'a')).toBeUndefined()
    await eventually(() => server.pendingConnections === 0, 5_000)
  })

  test('is not there on any other address', async () => {
    const refused = dial({ host: '127.0.0.2' })
    const error = await within(5_000, new Promise((resolve) => refused.once('error', resolve)), 'the refusal')
    expect(error).toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('says ERR_REIGN_PORT_IN_USE where another one listens', async () => {
    const second = EpmdServer.listen({ port: server.port, clock: systemClock, entropy: systemEntropy })
    await expect(second).rejects.toMatchObject({ code: 'ERR_REIGN_PORT_IN_USE' })
  })

  test('says ERR_REIGN_EPMD for an address that this machine does not have', async () => {
    const options = { port: 0, addresses: ['192.0.2.1'], clock: systemClock, entropy: systemEntropy }
    await expect(EpmdServer.listen(options)).rejects.toMatchObject({ code: 'ERR_REIGN_EPMD' })
  })
})
