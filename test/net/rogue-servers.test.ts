/** A node that dials, and servers that mean harm; over real TLS. */
import { createServer as createTcpServer, type Server, connect as tcpConnect } from 'node:net'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import { hiddenFlags } from '../../src/dist/flags.js'
import { writeHandshakeMessage } from '../../src/dist/handshake-messages.js'
import type { TlsCredentials } from '../../src/net/tls-transport.js'
import type { Endpoint } from '../../src/net/transport.js'
import { eventually } from '../support/deadline.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { Accepting, credentialsFor, deadlineMs, dial, dialFails, endOf, sharedAuthority, tlsEndOf } from './net-kit.js'
import { badCredentials, badKinds, cleanups, friend, hello, prefixed, Rogue, rogueOverTls, victim } from './rogue.js'

let good: TlsCredentials
beforeAll(async () => {
  good = await credentialsFor(await sharedAuthority(), friend)
})

describe('a dialling node', () => {
  /** A TLS server that does with its clients what it likes. */
  async function lure(
    credentials: TlsCredentials,
    serve: (rogue: Rogue) => void,
    options: TlsOptions = {},
  ): Promise<Endpoint> {
    const { cert, key: secret, ca } = credentials
    const server = createServer({ cert, key: secret.reveal(), ca, ...options }, (socket) => serve(new Rogue(socket)))
    server.on('tlsClientError', () => {})
    return listening(server)
  }

  async function listening(server: Server): Promise<Endpoint> {
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    cleanups.push(() => new Promise((closed) => server.close(closed)))
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('no address')
    return { host: '127.0.0.1', port: address.port }
  }

  const silent = () => {}

  test.each(badKinds)('says nothing to a server whose certificate is %s', async (kind, why) => {
    const rogues: Rogue[] = []
    const endpoint = await lure(await badCredentials(kind), (rogue) => rogues.push(rogue))
    const failure = await dialFails(await tlsEndOf(victim), friend, endpoint)
    expect(failure).toMatchObject({
      reason: 'tls',
      error: { code: 'ERR_REIGN_TLS', message: expect.stringMatching(why) },
    })
    for (const { received } of rogues) expect(received).toHaveLength(0)
  })

  test('nor does it when the environment turns verification off', async () => {
    const warnings = process.listeners('warning')
    process.removeAllListeners('warning')
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0'
    cleanups.push(() => {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED
      for (const each of warnings) process.on('warning', each)
    })
    const endpoint = await lure(await badCredentials('a foreign authority'), silent)
    expect(await dialFails(await tlsEndOf(victim), friend, endpoint)).toMatchObject({ reason: 'tls' })
    const accepting = await Accepting.on(await tlsEndOf(victim))
    cleanups.push(() => accepting.close())
    const rogue = await rogueOverTls(accepting.endpoint, await badCredentials('a foreign authority'))
    await rogue.isClosed()
    expect(accepting.decided).toEqual([])
  })

  test('says nothing to a server with the certificate of another node', async () => {
    const rogues: Rogue[] = []
    const other = await credentialsFor(await sharedAuthority(), 'other@127.0.0.1')
    const endpoint = await lure(other, (rogue) => rogues.push(rogue), { requestCert: true })
    const failure = await dialFails(await tlsEndOf(victim), friend, endpoint)
    expect(failure).toMatchObject({ reason: 'identity', error: { code: 'ERR_REIGN_IDENTITY' } })
    expect(failure.error.message).toMatch(
      /dialled "friend@127.0.0.1", but the certificate there names "other@127.0.0.1"/,
    )
    for (const { received } of rogues) expect(received).toHaveLength(0)
  })

  test('with identity ca the certificate of another will do, but the name that answers must be the dialled one', async () => {
    const other = await credentialsFor(await sharedAuthority(), 'other@127.0.0.1')
    const accepting = await Accepting.on(endOf('other@127.0.0.1', { credentials: other, identity: 'ca' }))
    cleanups.push(() => accepting.close())
    const failure = await dialFails(await tlsEndOf(victim, { identity: 'ca' }), friend, accepting.endpoint)
    expect(failure).toMatchObject({ reason: 'identity', error: { code: 'ERR_REIGN_IDENTITY' } })
    expect(failure.error.message).toMatch(/dialled "friend@127.0.0.1", but "other@127.0.0.1" answers there/)
  })

  test('gives up a server that is silent, after 7 s in all', async () => {
    const clock = new VirtualClock()
    for (const endpoint of [
      await lure(good, silent),
      await listening(createTcpServer((socket) => void new Rogue(socket))),
    ]) {
      const { outcome } = dial(await tlsEndOf(victim, { clock }), friend, endpoint)
      await clock.run(6_999)
      await clock.settle()
      const still = await Promise.race([outcome, Promise.resolve('still dialling')])
      expect(still).toBe('still dialling')
      await clock.run(1)
      expect((await outcome).failure).toMatchObject({
        reason: 'timeout',
        error: { code: 'ERR_REIGN_HANDSHAKE_TIMEOUT' },
      })
      expect(clock.timersPending).toBe(0)
    }
  })

  test.each<[string, (rogue: Rogue) => void, string, string]>([
    ['closes at once', ({ socket }) => socket.destroy(), 'closed', 'ERR_REIGN_HANDSHAKE'],
    ['announces 4 GiB', (rogue) => rogue.send(Buffer.from('ffffffff', 'hex')), 'protocol', 'ERR_REIGN_FRAME_TOO_LARGE'],
    ['sends garbage', (rogue) => rogue.send(prefixed(Buffer.from('garbage'))), 'protocol', 'ERR_REIGN_HANDSHAKE'],
    [
      'gives a challenge first',
      (rogue) => rogue.say({ tag: 'challenge', flags: hiddenFlags, challenge: 1, creation: 1, name: friend }),
      'protocol',
      'ERR_REIGN_HANDSHAKE',
    ],
    [
      'gives us a name',
      (rogue) => rogue.say({ tag: 'named', name: 'x@h', creation: 1 }),
      'protocol',
      'ERR_REIGN_HANDSHAKE',
    ],
    ['says nok', (rogue) => rogue.say({ tag: 'status', status: 'nok' }), 'nok', 'ERR_REIGN_HANDSHAKE'],
    [
      'says not_allowed',
      (rogue) => rogue.say({ tag: 'status', status: 'not_allowed' }),
      'not_allowed',
      'ERR_REIGN_HANDSHAKE',
    ],
  ])('fails with a reason when the server %s', async (_, serve, reason, code) => {
    const endpoint = await lure(good, serve)
    expect(await dialFails(await tlsEndOf(victim), friend, endpoint)).toMatchObject({ reason, error: { code } })
  })

  test('speaks TLS 1.3 with a server that knows both', async () => {
    const spoken: unknown[] = []
    const endpoint = await lure(good, ({ socket }) => {
      spoken.push((socket as TLSSocket).getProtocol())
      socket.destroy()
    })
    await dialFails(await tlsEndOf(victim), friend, endpoint)
    expect(spoken).toEqual(['TLSv1.3'])
  })

  test('does not renegotiate when the server asks it to', async () => {
    let renegotiated = false
    let asked = false
    const endpoint = await lure(
      good,
      ({ socket }) => {
        asked =
          (socket as TLSSocket).renegotiate({}, (error) => {
            renegotiated = error === null
          }) !== false
      },
      { maxVersion: 'TLSv1.2', requestCert: true },
    )
    const clock = new VirtualClock()
    const { outcome } = dial(await tlsEndOf(victim, { clock }), friend, endpoint)
    await eventually(() => asked, deadlineMs, 'the server to ask')
    for (let turns = 0; turns < 50; turns++) await clock.settle()
    expect(renegotiated).toBe(false)
    await clock.run(7_000)
    expect((await outcome).failure?.reason).toMatch(/^(timeout|closed)$/)
  })

  test('never answers its own challenge: whoever has no cookie cannot borrow ours', async () => {
    // The rogue is dialled, connects back, and hands the challenge that it was given there to the one who dialled.
    const end = endOf(victim)
    const accepting = await Accepting.on(end)
    cleanups.push(() => accepting.close())
    const short = (body: Uint8Array) => Buffer.concat([Buffer.from([body.length >> 8, body.length]), body])
    const server = createTcpServer((socket) => {
      const dialled = new Rogue(socket)
      dialled.send(short(Buffer.from('sok')))
      const knocking = new Rogue(tcpConnect(accepting.endpoint.port, '127.0.0.1'))
      knocking.send(short(writeHandshakeMessage(hello)))
      knocking.socket.on('data', () => {
        // ok (2 + 3 bytes), then the challenge: its number stands behind length, tag and flags.
        if (knocking.received.length < 5 + 2 + 13) return
        const challenge = knocking.received.readUInt32BE(5 + 2 + 9)
        dialled.send(
          short(writeHandshakeMessage({ tag: 'challenge', flags: hiddenFlags, challenge, creation: 5, name: friend })),
        )
      })
    })
    const failure = await dialFails(end, friend, await listening(server))
    expect(failure).toMatchObject({ reason: 'cookie', error: { code: 'ERR_REIGN_COOKIE' } })
    expect(failure.error.message).toMatch(/a challenge of our own/)
    expect(accepting.accepted).toHaveLength(0)
  })

  test('says so when nobody listens', async () => {
    const server = createTcpServer()
    const endpoint = await listening(server)
    await new Promise((closed) => server.close(closed))
    cleanups.pop()
    for (const end of [await tlsEndOf(victim), endOf(victim)]) {
      for (const host of ['127.0.0.1', 'localhost']) {
        const failure = await dialFails(end, friend, { ...endpoint, host })
        expect(failure).toMatchObject({ reason: 'unreachable', error: { code: 'ERR_REIGN_UNREACHABLE' } })
        expect(failure.error.message).toMatch(/connect ECONNREFUSED/)
      }
    }
  })

  test('that gives up hears nothing more, and leaves nothing behind', async () => {
    const clock = new VirtualClock()
    const rogues: Rogue[] = []
    const endpoint = await lure(good, (rogue) => rogues.push(rogue), { requestCert: true })
    const end = await tlsEndOf(victim, { clock })
    let told = false
    const { outcome, attempt } = dial(end, friend, endpoint)
    outcome.then(
      () => (told = true),
      () => {},
    )
    await eventually(() => rogues.length === 1 && (rogues[0]?.received.length ?? 0) > 0, deadlineMs, 'our name')
    attempt.cancel()
    await rogues[0]?.isClosed()
    expect(told).toBe(false)
    expect([clock.timersPending, end.challenges.size]).toEqual([0, 0])
  })
})
