import { afterEach, describe, expect, test } from 'vitest'
import { hiddenFlags } from '../../src/dist/flags.js'
import { eventually } from '../support/deadline.js'
import { Accepting, deadlineMs, dialUp, endOf, tlsEndOf, type Watched } from './net-kit.js'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const each of cleanups.splice(0).reverse()) await each()
})

async function pair(over: 'tcp' | 'tls', options = {}): Promise<{ a: Watched; b: Watched }> {
  const make = over === 'tls' ? tlsEndOf : async (...args: Parameters<typeof endOf>) => endOf(...args)
  const accepting = await Accepting.on(await make('b@127.0.0.1', { creation: 22, ...options }))
  cleanups.push(() => accepting.close())
  const a = await dialUp(await make('a@127.0.0.1', { creation: 11, ...options }), 'b@127.0.0.1', accepting.endpoint)
  cleanups.push(() => a.connection.close())
  return { a, b: await accepting.nth(0) }
}

describe.each(['tcp', 'tls'] as const)('over %s', (over) => {
  test('both sides know each other', async () => {
    const { a, b } = await pair(over)
    const alpn = undefined
    expect(a.connection.peer).toMatchObject({ name: 'b@127.0.0.1', creation: 22, flags: hiddenFlags, alpn })
    expect(b.connection.peer).toMatchObject({ name: 'a@127.0.0.1', creation: 11, flags: hiddenFlags, alpn })
    expect([a.connection.outgoing, b.connection.outgoing]).toEqual([true, false])
    expect(a.connection.remote.loopback).toBe(true)
  })

  test('frames go both ways, in order, from the first moment', async () => {
    const { a, b } = await pair(over)
    const texts = Array.from({ length: 1_000 }, (_, index) => `p frame ${index} ${'x'.repeat(index)}`)
    for (const text of texts) {
      a.send(text)
      b.send(`back ${text}`)
    }
    expect(await b.framesCame(1_000)).toEqual(texts)
    expect(await a.framesCame(1_000)).toEqual(texts.map((text) => `back ${text}`))
  })

  test('a frame of a mebibyte arrives whole', async () => {
    const { a, b } = await pair(over)
    const large = Buffer.alloc(1 << 20, 'large!')
    a.send(large)
    a.send('small')
    const [one, two] = await b.framesCame(2)
    expect(Buffer.from(one ?? '', 'latin1').equals(large)).toBe(true)
    expect(two).toBe('small')
  })

  test('closing tells both sides, after everything that was sent before', async () => {
    const { a, b } = await pair(over)
    for (let index = 0; index < 100; index++) a.send(`frame ${index}`)
    b.send('this may be lost, but must not reset the connection')
    const gone = a.connection.close()
    expect(a.loss).toEqual({ reason: 'disconnect', error: undefined })
    expect(await b.isLost()).toEqual({ reason: 'connection_closed', error: undefined })
    expect(b.frames).toHaveLength(100)
    await gone
    expect(a.connection.isUp).toBe(false)
    expect(a.send('late')).toBe(false)
    await expect(a.connection.outbox.drained()).rejects.toMatchObject({ code: 'ERR_REIGN_CONNECTION_LOST' })
  })

  test('closing loses nothing, be it megabytes that wait', async () => {
    const { a, b } = await pair(over)
    for (let index = 0; index < 100; index++) a.send(`${index} ${'x'.repeat(40_000)}`)
    void a.connection.close()
    expect(await b.isLost()).toEqual({ reason: 'connection_closed', error: undefined })
    expect(b.frames.map((frame) => Number.parseInt(frame, 10))).toEqual(
      Array.from({ length: 100 }, (_, index) => index),
    )
  })

  test('a peer that is gone is noticed at once, long before its ticks are missed', async () => {
    const { a, b } = await pair(over)
    // No goodbye: an oversize frame makes b drop the connection outright.
    a.send('x')
    b.connection.onFrame = () => {
      throw new Error('a fault of ours')
    }
    expect((await a.isLost()).reason).toBe('connection_closed')
    expect((await b.isLost()).reason).toBe('protocol')
  })

  test('pausing holds frames back, and reading on lets them come', async () => {
    const { a, b } = await pair(over)
    a.send('before')
    await b.framesCame(1)
    b.connection.pauseReading()
    for (let index = 0; index < 10; index++) a.send(`during ${index}`)
    a.send(Buffer.alloc(3 << 20, 'more than the system keeps'))
    await eventually(() => a.connection.outbox.bytesWaiting > 0, deadlineMs, 'the sender to be slowed down')
    expect(b.frames).toHaveLength(1)
    b.connection.resumeReading()
    await b.framesCame(12)
    expect(b.frames[11]).toHaveLength(3 << 20)
  })
})
