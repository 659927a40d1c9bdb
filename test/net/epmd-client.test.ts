import { getEventListeners } from 'node:events'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  type EpmdProblem,
  encodeLookupAnswer,
  encodeNamesAnswer,
  encodeRegisterAnswer,
  epmdNamesBytesMax,
  epmdNode,
  readRequest,
} from '../../src/dist/epmd-messages.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import { ManualClock, MemorySockets, scriptedDaemon, settle, type Visit } from './epmd-simulation.js'

const host = '127.0.0.1'
const port = 4369
let clock: ManualClock
let sockets: MemorySockets
let client: EpmdClient

beforeEach(() => {
  clock = new ManualClock()
  sockets = new MemorySockets()
  client = new EpmdClient({ port, clock, sockets, answerMs: 5_000 })
})

/** A daemon that answers each whole request as told. */
async function daemon(answer: (visit: Visit) => void): Promise<void> {
  await sockets.listen(
    host,
    port,
    scriptedDaemon((visit) => readRequest(visit.received) && answer(visit)),
  )
}
const problem = (name: EpmdProblem) => expect.objectContaining({ code: 'ERR_REIGN_EPMD', problem: name })
const questions: [string, () => Promise<unknown>][] = [
  ['lookup', () => client.lookup(host, 'x')],
  ['names', () => client.names(host)],
  ['register', () => client.register(host, epmdNode('x', 1))],
]
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describe('answers', () => {
  test('a look-up gives the node, or undefined', async () => {
    const x = epmdNode('x', 33489)
    await daemon(({ socket, received }) => {
      const request = readRequest(received)
      socket.end(encodeLookupAnswer(request?.op === 'lookup' && request.alive === 'x' ? x : undefined))
    })
    expect(await client.lookup(host, 'x')).toEqual(x)
    expect(await client.lookup(host, 'y')).toBeUndefined()
    expect(clock.timers).toBe(0)
  })

  test('a look-up is over when the node is whole, and does not wait for the end', async () => {
    await daemon(({ socket }) => socket.write(encodeLookupAnswer(epmdNode('x', 33489))))
    expect(await client.lookup(host, 'x')).toMatchObject({ port: 33489 })
  })

  test('names are read to the end of the connection', async () => {
    await daemon(({ socket }) => {
      for (const byte of encodeNamesAnswer(port, [epmdNode('a', 1), epmdNode('b', 2)])) socket.write(bytes(byte))
      socket.end(bytes())
    })
    expect(await client.names(host)).toEqual({
      epmdPort: port,
      nodes: [
        { alive: 'a', port: 1 },
        { alive: 'b', port: 2 },
      ],
    })
  })

  test('every answer may come byte by byte', async () => {
    await daemon(({ socket, received }) => {
      const register = readRequest(received)?.op === 'register'
      const answer = register
        ? encodeRegisterAnswer({ op: 'registered', creation: 77 }, 6)
        : encodeLookupAnswer(epmdNode('x', 33489))
      for (const byte of answer) socket.write(bytes(byte))
    })
    expect(await client.lookup(host, 'x')).toMatchObject({ alive: 'x', port: 33489 })
    expect(await client.register(host, epmdNode('x', 33489))).toMatchObject({ creation: 77 })
  })

  test('a registration stays until it is closed here', async () => {
    const ended: string[] = []
    await sockets.listen(host, port, (socket) => ({
      data: () => socket.write(encodeRegisterAnswer({ op: 'registered', creation: 5 }, 6)),
      ended: () => ended.push('ended'),
      closed: () => ended.push('closed'),
    }))
    const registration = await client.register(host, epmdNode('x', 1))
    await clock.advance(3_600_000)
    expect(ended).toEqual([])
    registration.close()
    await registration.closed
    await settle()
    expect(ended).toEqual(['ended', 'closed'])
  })

  test('a registration is over when epmd goes, or says anything more', async () => {
    const visits: Visit[] = []
    await daemon((visit) => {
      visits.push(visit)
      visit.socket.write(encodeRegisterAnswer({ op: 'registered', creation: 5 }, 6))
    })
    const first = await client.register(host, epmdNode('x', 1))
    visits[0]?.socket.destroy()
    await first.closed
    const second = await client.register(host, epmdNode('x', 1))
    visits[1]?.socket.write(bytes(0))
    await second.closed
  })

  test('a registration that is answered and closed at once was one all the same', async () => {
    await daemon(({ socket }) => socket.end(encodeRegisterAnswer({ op: 'registered', creation: 5 }, 6)))
    const registration = await client.register(host, epmdNode('x', 1))
    expect(registration.creation).toBe(5)
    await registration.closed
  })

  test('a name that is taken is ERR_REIGN_NAME_IN_USE; the connection is closed, though epmd may leave it open', async () => {
    const events: string[] = []
    await sockets.listen(host, port, (socket) => ({
      data: () => socket.write(encodeRegisterAnswer({ op: 'refused', result: 1 }, 6)),
      ended: () => events.push('ended'),
      closed: () => events.push('closed'),
    }))
    await expect(client.register(host, epmdNode('x', 1))).rejects.toMatchObject({ code: 'ERR_REIGN_NAME_IN_USE' })
    await settle()
    expect([events, clock.timers]).toEqual([['ended', 'closed'], 0])
  })

  test('a signal that many questions share does not gather them', async () => {
    await daemon(({ socket }) => socket.end(encodeLookupAnswer(undefined)))
    const { signal } = new AbortController()
    for (let i = 0; i < 5; i++) await client.lookup(host, 'x', { signal })
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })
})

describe('no answer', () => {
  test.each(questions)('%s: nobody listens', async (_name, ask) => {
    await expect(ask()).rejects.toEqual(problem('unreachable'))
    expect(clock.timers).toBe(0)
  })

  test.each(questions)('%s: closed without an answer', async (_name, ask) => {
    await daemon(({ socket }) => socket.destroy())
    await expect(ask()).rejects.toEqual(problem('closed'))
  })

  test.each(questions)('%s: closed before it was asked', async (_name, ask) => {
    await sockets.listen(host, port, () => undefined)
    await expect(ask()).rejects.toEqual(problem('closed'))
  })

  test.each(questions)('%s: closed in the middle of the answer', async (_name, ask) => {
    await daemon(({ socket, received }) => {
      const op = readRequest(received)?.op
      if (op === 'lookup') socket.end(encodeLookupAnswer(epmdNode('x', 9)).subarray(0, 13))
      else if (op === 'names') socket.end(encodeNamesAnswer(port, [epmdNode('x', 9)]).subarray(0, 13))
      else socket.end(encodeRegisterAnswer({ op: 'registered', creation: 5 }, 6).subarray(0, 3))
    })
    // The end of a list of names is the end of the connection, so this one is whole, but ends within a line.
    await expect(ask()).rejects.toEqual(problem(_name === 'names' ? 'answer' : 'closed'))
  })

  test.each(questions)('%s: silence, until the deadline and no longer', async (_name, ask) => {
    await daemon(() => {})
    const outcome = ask().then(
      () => 'answered',
      (error: unknown) => error,
    )
    await clock.advance(4_999)
    expect(clock.timers).toBe(1)
    await clock.advance(1)
    expect(await outcome).toEqual(problem('timeout'))
  })

  test.each(questions)('%s: an answer that drips does not move the deadline', async (_name, ask) => {
    await daemon(({ socket }) => {
      const drip = (left: number): void => {
        if (left === 0) return
        socket.write(bytes(_name === 'register' ? 118 : _name === 'names' ? 0 : 119))
        clock.setTimer(() => drip(left - 1), 1_000)
      }
      clock.setTimer(() => drip(1), 4_000)
    })
    const outcome = ask().then(
      () => 'answered',
      (error: unknown) => error,
    )
    await clock.advance(5_000)
    expect(await outcome).toEqual(problem('timeout'))
  })

  test.each(questions)('%s: given up by a signal, before and during', async (_name) => {
    await daemon(() => {})
    const reason = new Error('enough')
    const asks: Record<string, (signal: AbortSignal) => Promise<unknown>> = {
      lookup: (signal) => client.lookup(host, 'x', { signal }),
      names: (signal) => client.names(host, { signal }),
      register: (signal) => client.register(host, epmdNode('x', 1), { signal }),
    }
    const ask = asks[_name] as (signal: AbortSignal) => Promise<unknown>
    await expect(ask(AbortSignal.abort(reason))).rejects.toBe(reason)
    const abort = new AbortController()
    const outcome = ask(abort.signal).catch((error: unknown) => error)
    await settle()
    abort.abort(reason)
    expect(await outcome).toBe(reason)
    expect(clock.timers).toBe(0)
  })
})

describe('wrong answers', () => {
  test.each(questions)('%s: garbage', async (_name, ask) => {
    await daemon(({ socket }) => socket.end(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')))
    await expect(ask()).rejects.toEqual(problem('answer'))
  })

  test.each(questions)('%s: an endless answer is cut at its bound', async (_name, ask) => {
    let written = 0
    await daemon(({ socket }) => {
      const more = (): void => {
        if (written > 4 * epmdNamesBytesMax) return
        const part = new Uint8Array(64 * 1024).fill(119)
        written += part.length
        socket.write(part)
        setImmediate(more)
      }
      more()
    })
    await expect(ask()).rejects.toEqual(problem('answer'))
    expect(written).toBeLessThan(2 * epmdNamesBytesMax)
  })

  test('more than an answer is a wrong answer', async () => {
    await daemon(({ socket }) => {
      socket.write(Buffer.concat([encodeRegisterAnswer({ op: 'registered', creation: 5 }, 6), bytes(0)]))
    })
    await expect(client.register(host, epmdNode('x', 1))).rejects.toEqual(problem('answer'))
  })
})

describe("the caller's mistakes", () => {
  test('what cannot be a name or a port is refused before anything is dialled', async () => {
    const argument = { code: 'ERR_REIGN_ARGUMENT' }
    await expect(client.lookup(host, 'a@b')).rejects.toMatchObject(argument)
    await expect(client.register(host, epmdNode('', 1))).rejects.toMatchObject(argument)
    await expect(client.register(host, epmdNode('a', 0))).rejects.toMatchObject(argument)
    for (const wrong of [0, -1, 65536, 1.5]) {
      expect(() => new EpmdClient({ port: wrong, clock, sockets })).toThrow(expect.objectContaining(argument))
    }
    expect(sockets.dials).toBe(0)
  })
})
