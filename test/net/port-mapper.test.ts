import { beforeEach, describe, expect, test } from 'vitest'
import { encodeRegisterAnswer, epmdNode, readRequest } from '../../src/dist/epmd-messages.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import { EpmdServer } from '../../src/net/epmd-server.js'
import { PortMapper, type PortMapperOptions } from '../../src/net/port-mapper.js'
import { countingEntropy, ManualClock, MemorySockets, scriptedDaemon, settle } from './epmd-simulation.js'

const host = '127.0.0.1'
const port = 4369
let clock: ManualClock
let sockets: MemorySockets
let told: string[]

beforeEach(() => {
  clock = new ManualClock()
  sockets = new MemorySockets()
  told = []
})

function mapper(alive: string, options: Partial<PortMapperOptions> = {}): PortMapper {
  return new PortMapper({
    alive,
    listenPort: 1000 + alive.charCodeAt(0),
    epmdPort: port,
    embedded: {},
    clock,
    entropy: countingEntropy(0x10_0000 * alive.charCodeAt(0)),
    sockets,
    onRegistered: ({ embedded }) => told.push(`${alive} registered, embedded ${embedded}`),
    onLost: (error) => told.push(`${alive} lost ${error?.code ?? ''}`.trim()),
    ...options,
  })
}

/** An epmd that is no part of any node. */
function daemon(firstCreation = 0x100): Promise<EpmdServer> {
  return EpmdServer.listen({ port, clock, entropy: countingEntropy(firstCreation), sockets })
}

/** How `promise` ends, while the time moves. */
async function outcomeAfter(ms: number, promise: Promise<unknown>): Promise<unknown> {
  const outcome = promise.then(
    (value) => value,
    (error: unknown) => error,
  )
  await clock.advance(ms)
  return Promise.race([outcome, Promise.resolve('pending')])
}

describe('where an epmd runs', () => {
  test('registers with it, and takes its creation', async () => {
    const epmd = await daemon()
    const a = mapper('a')
    expect(await a.start()).toEqual({ creation: 0x101, registered: true, embedded: false })
    expect(epmd.nodes).toEqual([epmdNode('a', 1097)])
    expect([a.registered, a.creation, a.server]).toEqual([true, 0x101, undefined])
    expect(await a.client.lookup(host, 'a')).toMatchObject({ port: 1097 })
    await a.stop()
    await settle()
    expect(epmd.nodes).toEqual([])
    expect(told).toEqual([])
  })

  test('registers again every 2 s when it goes, with the first creation', async () => {
    const epmd = await daemon(0x100)
    const a = mapper('a', { embedded: false })
    await a.start()
    await epmd.close()
    await settle()
    expect([a.registered, told]).toEqual([false, ['a lost']])
    await clock.advance(1_999)
    expect(told).toHaveLength(1)
    await clock.advance(1)
    expect(told).toEqual(['a lost', 'a lost ERR_REIGN_EPMD'])
    const second = await daemon(0x9000)
    await clock.advance(1_999)
    expect(second.nodes).toEqual([])
    await clock.advance(1)
    expect(second.nodes).toEqual([epmdNode('a', 1097)])
    expect([a.registered, a.creation]).toEqual([true, 0x101])
    expect(told.at(-1)).toBe('a registered, embedded false')
  })

  test('a name that another node took meanwhile is tried until it is free', async () => {
    const epmd = await daemon()
    const a = mapper('a', { embedded: false })
    await a.start()
    await epmd.close()
    await daemon()
    const thief = await new EpmdClient({ port, clock, sockets }).register(host, epmdNode('a', 9))
    await clock.advance(6_000)
    expect(told).toEqual(['a lost', ...Array(3).fill('a lost ERR_REIGN_NAME_IN_USE')])
    thief.close()
    await clock.advance(2_000)
    expect(a.registered).toBe(true)
  })

  test('a name that lingers is tried for 2 s at start', async () => {
    await daemon()
    const lingering = await new EpmdClient({ port, clock, sockets }).register(host, epmdNode('a', 9))
    const starting = mapper('a').start()
    await clock.advance(1_400)
    lingering.close()
    expect(await outcomeAfter(200, starting)).toMatchObject({ embedded: false })
  })

  test('a name that stays taken is ERR_REIGN_NAME_IN_USE, and leaves nothing behind', async () => {
    const epmd = await daemon()
    await new EpmdClient({ port, clock, sockets }).register(host, epmdNode('a', 9))
    const a = mapper('a')
    const starting = a.start()
    expect(await outcomeAfter(1_999, starting)).toBe('pending')
    expect(await outcomeAfter(1, starting)).toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
    expect([epmd.pendingConnections, clock.timers, a.registered, a.server]).toEqual([0, 0, false, undefined])
  })

  test('an epmd that knows only three creations is not believed', async () => {
    await sockets.listen(
      host,
      port,
      scriptedDaemon(({ socket, received }) => {
        if (readRequest(received)) socket.write(encodeRegisterAnswer({ op: 'registered', creation: 3 }, 5))
      }),
    )
    const { creation } = await mapper('a').start()
    expect(creation).toBe(0x10_0000 * 97)
  })

  test.each([
    ['says nothing', 5_000, 'timeout', () => {}],
    ['talks HTTP', 0, 'answer', ({ socket }) => socket.end(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))],
    ['closes without an answer, again and again', 2_000, 'closed', ({ socket }) => socket.destroy()],
  ] as [string, number, string, Parameters<typeof scriptedDaemon>[0]][])(
    'what listens there but %s is an error after %d ms, and is not replaced',
    async (_what, ms, problem, onData) => {
      await sockets.listen(host, port, scriptedDaemon(onData))
      const a = mapper('a')
      expect(await outcomeAfter(ms, a.start())).toMatchObject({ code: 'ERR_REIGN_EPMD', problem })
      expect([sockets.listening.length, clock.timers, a.server]).toEqual([1, 0, undefined])
    },
  )

  test('an epmd that ends while it is being asked does not end the start', async () => {
    const dying = await sockets.listen(
      host,
      port,
      scriptedDaemon(({ socket }) => {
        socket.destroy()
        void dying.close()
      }),
    )
    expect(await outcomeAfter(500, mapper('a').start())).toMatchObject({ embedded: true })
  })
})

describe('where none runs', () => {
  test('starts one, and registers with it', async () => {
    const a = mapper('a')
    expect(await a.start()).toMatchObject({ embedded: true })
    expect(a.server?.nodes).toEqual([epmdNode('a', 1097)])
    const b = mapper('b')
    expect(await b.start()).toMatchObject({ embedded: false })
    expect(await b.client.names(host)).toMatchObject({ nodes: [{ alive: 'a' }, { alive: 'b' }] })
    await b.stop()
    await a.stop()
    await settle()
    expect([sockets.listening, clock.timers, told]).toEqual([[], 0, []])
  })

  test('is an error where none may be started', async () => {
    const a = mapper('a', { embedded: false })
    await expect(a.start()).rejects.toMatchObject({ code: 'ERR_REIGN_EPMD', problem: 'unreachable' })
    expect([sockets.listening, clock.timers]).toEqual([[], 0])
  })

  test('of many that start at once, one is the epmd, and all are registered', async () => {
    const all = [...'abcdefgh'].map((alive) => mapper(alive))
    const started = await Promise.all(all.map((each) => each.start()))
    expect(started.filter(({ embedded }) => embedded)).toHaveLength(1)
    expect(all.filter(({ server }) => server !== undefined)).toHaveLength(1)
    expect(sockets.listening).toEqual(['127.0.0.1:4369'])
    const { nodes } = await new EpmdClient({ port, clock, sockets }).names(host)
    expect(nodes.map(({ alive }) => alive).sort()).toEqual([...'abcdefgh'])
  })

  test('when the holder stops, another takes over, and all are registered with it, with their first creations', async () => {
    const all = [...'abcd'].map((alive) => mapper(alive))
    for (const each of all) await each.start()
    const creations = all.map(({ creation }) => creation)
    const holder = all.find(({ server }) => server !== undefined)
    await holder?.stop()
    const rest = all.filter((each) => each !== holder)
    await settle()
    expect(rest.map(({ registered }) => registered)).toEqual([false, false, false])
    await clock.advance(2_000)
    expect(rest.map(({ registered }) => registered)).toEqual([true, true, true])
    expect(rest.filter(({ server }) => server !== undefined)).toHaveLength(1)
    expect(rest.flatMap(({ server }) => server?.nodes.map(({ alive }) => alive) ?? []).sort()).toEqual(['b', 'c', 'd'])
    expect(all.map(({ creation }) => creation)).toEqual(creations)
    expect(told.filter((line) => line.endsWith('lost'))).toHaveLength(3)
    expect(told.filter((line) => line.includes('registered, embedded true'))).toHaveLength(1)
  })

  test('the last one standing is its own epmd', async () => {
    const all = [...'abc'].map((alive) => mapper(alive))
    for (const each of all) await each.start()
    for (let left = all.length; left > 1; left--) {
      const holder = all.find(({ server }) => server !== undefined)
      await holder?.stop()
      await clock.advance(2_000)
    }
    const last = all.filter(({ registered }) => registered)
    expect(last).toHaveLength(1)
    expect(last[0]?.server?.nodes).toHaveLength(1)
  })

  test('a daemon that takes the port between two attempts is used', async () => {
    const a = mapper('a')
    const b = mapper('b')
    await a.start()
    await b.start()
    await a.stop()
    await settle()
    const epmd = await daemon()
    await clock.advance(2_000)
    expect([b.registered, b.server, epmd.nodes]).toEqual([true, undefined, [epmdNode('b', 1098)]])
  })
})

describe('where it is not required', () => {
  test('a start without an epmd goes on, and registers when one comes', async () => {
    const a = mapper('a', { embedded: false, required: false })
    const started = await a.start()
    expect(started).toEqual({ creation: 0x10_0000 * 97, registered: false, embedded: false })
    expect([a.registered, told]).toEqual([false, ['a lost ERR_REIGN_EPMD']])
    const epmd = await daemon()
    await clock.advance(2_000)
    expect([a.registered, a.creation, epmd.nodes.length]).toEqual([true, started.creation, 1])
    expect(told.at(-1)).toBe('a registered, embedded false')
  })

  test('what listens there is no epmd: it is tried again and again, until there is one', async () => {
    const http = await sockets.listen(
      host,
      port,
      scriptedDaemon(({ socket }) => socket.end(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))),
    )
    const a = mapper('a', { required: false })
    expect(await a.start()).toMatchObject({ registered: false })
    await clock.advance(4_000)
    expect(told).toEqual(Array(3).fill('a lost ERR_REIGN_EPMD'))
    await http.close()
    await clock.advance(2_000)
    expect([a.registered, a.server?.nodes.length]).toEqual([true, 1])
  })

  test('a name that stays taken is an error all the same, and so is what cannot be registered', async () => {
    await daemon()
    await new EpmdClient({ port, clock, sockets }).register(host, epmdNode('a', 9))
    const starting = mapper('a', { required: false }).start()
    expect(await outcomeAfter(2_000, starting)).toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
    await expect(mapper('b', { listenPort: 0, required: false }).start()).rejects.toMatchObject({
      code: 'ERR_REIGN_ARGUMENT',
    })
    expect(clock.timers).toBe(0)
  })

  test('stop while it has never been registered', async () => {
    const a = mapper('a', { embedded: false, required: false })
    await a.start()
    await a.stop()
    const { dials } = sockets
    await clock.advance(20_000)
    expect([sockets.dials, clock.timers]).toEqual([dials, 0])
  })
})

describe('where it registers', () => {
  test('on the loopback of IPv6, when told so: there it is an epmd, too', async () => {
    const a = mapper('a', { epmdHost: '::1' })
    expect(await a.start()).toMatchObject({ registered: true, embedded: true })
    expect(sockets.listening).toEqual([`::1:${port}`])
    await a.stop()
  })

  test('on another machine, it never becomes one', async () => {
    const a = mapper('a', { epmdHost: '192.0.2.1' })
    await expect(a.start()).rejects.toMatchObject({ code: 'ERR_REIGN_EPMD', problem: 'unreachable' })
    expect(sockets.listening).toEqual([])
  })
})

describe('stop', () => {
  test.each([true, false])('at every moment of a start leaves nothing behind (required: %s)', async (required) => {
    // Each await of the start is a place where stop can come between.
    const outcomes = new Set<string>()
    for (let turns = 0; turns < 12; turns++) {
      sockets = new MemorySockets()
      clock = new ManualClock()
      const a = mapper('a', { required })
      const starting = a.start().then(
        () => 'started',
        (error: { code?: string; problem?: string }) => `${error.code} ${error.problem}`,
      )
      for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve))
      await a.stop()
      outcomes.add(await starting)
      await clock.advance(10_000)
      expect([sockets.listening, clock.timers, a.registered, a.server]).toEqual([[], 0, false, undefined])
    }
    expect([...outcomes]).toEqual(['ERR_REIGN_EPMD stopped', 'started'])
  })

  test('between the answer of epmd and the moment that it is heard of', async () => {
    const epmd = await daemon()
    const connect = sockets.connect.bind(sockets)
    const a = mapper('a')
    sockets.connect = (at, to, events) =>
      connect(at, to, {
        ...events,
        open: () => events.open(),
        data: (bytes) => {
          events.data(bytes)
          queueMicrotask(() => void a.stop())
        },
      })
    await expect(a.start()).rejects.toMatchObject({ code: 'ERR_REIGN_EPMD', problem: 'stopped' })
    await settle()
    expect([epmd.nodes, a.registered, clock.timers]).toEqual([[], false, 0])
  })

  test('while waiting for the next attempt, or during it, ends the attempts', async () => {
    for (const ms of [0, 1_000, 2_000]) {
      sockets = new MemorySockets()
      const epmd = await daemon()
      const a = mapper('a', { embedded: false })
      await a.start()
      await epmd.close()
      await clock.advance(ms)
      await a.stop()
      const { dials } = sockets
      await clock.advance(20_000)
      expect([sockets.dials, clock.timers]).toEqual([dials, 0])
    }
  })

  test('twice is once; a second start is refused', async () => {
    const a = mapper('a')
    await a.start()
    await expect(a.start()).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    expect(a.registered).toBe(true)
    await Promise.all([a.stop(), a.stop()])
    await a.stop()
    expect(a.registered).toBe(false)
  })
})
