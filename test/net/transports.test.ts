/** What the two real transports permit, refuse, and agree on. */
import { createServer } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterEach, describe, expect, test } from 'vitest'
import { createAuthority } from '../../src/certs/authority.js'
import type { LocalEnd } from '../../src/net/local-end.js'
import { isLoopbackAddress, remoteAddressOf } from '../../src/net/remote-address.js'
import { tcpTransport } from '../../src/net/tcp-transport.js'
import { type TlsCredentials, tlsTransport } from '../../src/net/tls-transport.js'
import { Secret } from '../../src/secret.js'
import { Accepting, credentialsFor, dialFails, dialUp, endOf, loopback, sharedAuthority, tlsEndOf } from './net-kit.js'

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const each of cleanups.splice(0).reverse()) await each()
})

async function accepting(end: LocalEnd, endpoint = loopback): Promise<Accepting> {
  const made = await Accepting.on(end, endpoint)
  cleanups.push(() => made.close())
  return made
}

test.each([
  ['127.0.0.1', true],
  ['127.8.9.10', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['128.0.0.1', false],
  ['10.0.0.1', false],
  ['0.0.0.0', false],
  ['::', false],
  ['::ffff:10.0.0.1', false],
  ['fe80::1', false],
  ['127.0.0.1.example.org', false],
  ['localhost', false],
])('%s is loopback: %s', (address, loopbackOrNot) => {
  expect(isLoopbackAddress(address)).toBe(loopbackOrNot)
})

test('addresses are shown as people write them', () => {
  expect(remoteAddressOf('::ffff:192.0.2.1', 5)).toEqual({ address: '192.0.2.1', text: '192.0.2.1:5', loopback: false })
  expect(remoteAddressOf('::1', 5)).toEqual({ address: '::1', text: '[::1]:5', loopback: true })
})

describe('plain TCP', () => {
  const us = endOf('us@127.0.0.1')

  test.each(['192.0.2.1', '0.0.0.0', '::', 'example.org'])('does not listen on %s', async (host) => {
    await expect(Accepting.on(us, { host, port: 0 })).rejects.toMatchObject({ code: 'ERR_REIGN_INSECURE' })
  })

  test('does not dial an address elsewhere', async () => {
    const failure = await dialFails(us, 'x@192.0.2.1', { host: '192.0.2.1', port: 9 })
    expect(failure).toMatchObject({ reason: 'unreachable', error: { code: 'ERR_REIGN_INSECURE' } })
  })

  test('listens and dials by the name of this machine’s loop', async () => {
    const { endpoint } = await accepting(endOf('there@localhost.localdomain'), { host: 'localhost', port: 0 })
    expect(isLoopbackAddress(endpoint.host)).toBe(true)
    const { connection } = await dialUp(us, 'there@localhost.localdomain', { host: 'localhost', port: endpoint.port })
    expect(connection.remote.loopback).toBe(true)
    await connection.close()
  })

  const outside = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find((each) => !each.internal && each.family === 'IPv4')

  test.runIf(outside)('goes anywhere where the user insists', async () => {
    const host = outside?.address ?? ''
    const transport = tcpTransport({ anywhere: true })
    const { endpoint } = await accepting(endOf(`there@${host}`, { transport }), { host, port: 0 })
    const { connection } = await dialUp(endOf(`here@${host}`, { transport }), `there@${host}`, endpoint)
    expect(connection.remote.loopback).toBe(false)
    await connection.close()
    // And the other side of it: without insisting nobody gets there.
    expect((await dialFails(us, `there@${host}`, endpoint)).error.code).toBe('ERR_REIGN_INSECURE')
  })

  test('comes from the local address that it was given', async () => {
    const there = await accepting(endOf('there@127.0.0.1'))
    const here = endOf('here@127.0.0.1', { transport: tcpTransport({ localAddress: '127.0.0.2' }) })
    const { connection } = await dialUp(here, 'there@127.0.0.1', there.endpoint)
    expect((await there.nth(0)).connection.remote.address).toBe('127.0.0.2')
    await connection.close()
  })

  test('a port that is in use is said to be', async () => {
    const taken = createServer()
    await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done))
    cleanups.push(() => new Promise((closed) => taken.close(closed)))
    const { port } = taken.address() as { port: number }
    for (const end of [us, await tlsEndOf('us@127.0.0.1')]) {
      const error = await Accepting.on(end, { host: '127.0.0.1', port }).catch((cause: unknown) => cause)
      expect(error).toMatchObject({ code: 'ERR_REIGN_PORT_IN_USE', message: `port ${port} of 127.0.0.1 is in use` })
    }
  })

  test('an address that is not this machine’s is said to be none', async () => {
    const end = endOf('us@127.0.0.1', { transport: tcpTransport({ anywhere: true }) })
    const error = await Accepting.on(end, { host: '192.0.2.1', port: 0 }).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: 'ERR_REIGN_UNREACHABLE' })
  })

  test('when the listener is closed the port is free, and what is up stays up', async () => {
    const there = await Accepting.on(endOf('there@127.0.0.1'))
    const { endpoint } = there
    const watched = await dialUp(us, 'there@127.0.0.1', endpoint)
    await there.listener.close()
    await there.listener.close() // twice is no error
    const again = await accepting(endOf('there@127.0.0.1'), endpoint)
    expect(again.endpoint.port).toBe(endpoint.port)
    const other = await there.nth(0)
    watched.send('still here')
    await other.framesCame(1)
    await watched.connection.close()
  })
})

describe('TLS', () => {
  const one = 'one@127.0.0.1'
  const two = 'two@127.0.0.1'

  test.each<[string, string[], string[], string | undefined]>([
    ['neither side offers', [], [], undefined],
    ['one side offers none', ['reign.msgpack'], [], undefined],
    ['the other side offers none', [], ['reign.msgpack'], undefined],
    ['both offer the same', ['reign.msgpack'], ['reign.msgpack'], 'reign.msgpack'],
    ['the accepting side chooses', ['a', 'b', 'c'], ['c', 'b'], 'c'],
  ])('application protocols: %s', async (_, dialling, listening, agreed) => {
    const there = await accepting(await tlsEndOf(two, { alpn: listening }))
    const { connection } = await dialUp(await tlsEndOf(one, { alpn: dialling }), two, there.endpoint)
    expect(connection.peer.alpn).toBe(agreed)
    expect((await there.nth(0)).connection.peer.alpn).toBe(agreed)
    await connection.close()
  })

  test('application protocols: those that have none in common do not connect', async () => {
    const there = await accepting(await tlsEndOf(two, { alpn: ['a'] }))
    const failure = await dialFails(await tlsEndOf(one, { alpn: ['b'] }), two, there.endpoint)
    expect(failure).toMatchObject({
      reason: 'tls',
      error: { message: expect.stringMatching(/no application protocol/) },
    })
  })

  test('only permitted suites are used', async () => {
    const authority = await sharedAuthority()
    const only = async (name: string, ciphers: string) => {
      return endOf(name, { credentials: { ...(await credentialsFor(authority, name)), ciphers } })
    }
    const there = await accepting(await only(two, 'TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256'))
    const same = await dialUp(await only(one, 'TLS_CHACHA20_POLY1305_SHA256'), two, there.endpoint)
    await same.connection.close()
    const older = await dialUp(await only(one, 'ECDHE-ECDSA-AES128-GCM-SHA256'), two, there.endpoint)
    await older.connection.close()
    const other = await dialFails(await only(one, 'TLS_AES_256_GCM_SHA384'), two, there.endpoint)
    expect(other).toMatchObject({ reason: 'tls', error: { message: expect.stringMatching(/handshake failure/) } })
    // A list without suites of TLS 1.3 permits none of them.
    const before = await accepting(await only(two, 'ECDHE-ECDSA-AES128-GCM-SHA256'))
    const newer = await dialFails(await only(one, 'TLS_AES_128_GCM_SHA256'), two, before.endpoint)
    expect(newer).toMatchObject({ reason: 'tls', error: { message: expect.stringMatching(/protocol version/) } })
  })

  test('new credentials are used from the next handshake on, without a restart; what is up stays up', async () => {
    const older = await createAuthority()
    const newer = await createAuthority()
    const at = new Map<string, TlsCredentials>()
    const use = async (authority: typeof older) => {
      for (const name of [one, two]) at.set(name, await credentialsFor(authority, name))
    }
    const end = (name: string) => {
      return endOf(name, { transport: tlsTransport({ credentials: () => at.get(name) as TlsCredentials }) })
    }
    await use(older)
    const [here, there] = [end(one), await accepting(end(two))]
    const before = await dialUp(here, two, there.endpoint)
    // Only the listening side has the new ones: the two do not believe each other any more.
    const kept = at.get(one) as TlsCredentials
    await use(newer)
    const renewed = at.get(one) as TlsCredentials
    at.set(one, kept)
    expect((await dialFails(here, two, there.endpoint)).reason).toBe('tls')
    at.set(one, renewed)
    const after = await dialUp(here, two, there.endpoint)
    const [first, second] = [await there.nth(0), await there.nth(1)]
    before.send('old')
    after.send('new')
    expect([await first.framesCame(1), await second.framesCame(1)]).toEqual([['old'], ['new']])
    for (const { connection } of [before, after]) await connection.close()
  })

  test('credentials that cannot be used are said to be, and cost one handshake each', async () => {
    const good = await credentialsFor(await sharedAuthority(), two)
    const other = await credentialsFor(await sharedAuthority(), one)
    for (const bad of [
      { ...good, key: other.key },
      { ...good, cert: 'nonsense' },
      { ...good, ca: 'nonsense' },
      { ...good, ca: '' },
      { ...good, cert: '' },
      { ...good, key: new Secret('') },
    ]) {
      const broken = endOf(two, { credentials: bad })
      await expect(Accepting.on(broken)).rejects.toMatchObject({ code: 'ERR_REIGN_CERTIFICATE' })
      const failure = await dialFails(broken, one, { host: '127.0.0.1', port: 9 })
      expect(failure).toMatchObject({ reason: 'tls', error: { code: 'ERR_REIGN_CERTIFICATE' } })
      expect(JSON.stringify(failure.error.message)).not.toContain('PRIVATE KEY')
    }
    let credentials = good
    const end = endOf(two, { transport: tlsTransport({ credentials: () => credentials }) })
    const there = await accepting(end)
    credentials = { ...good, cert: 'nonsense' }
    const here = await tlsEndOf(one)
    expect((await dialFails(here, two, there.endpoint)).error.code).toMatch(/TLS|HANDSHAKE/)
    expect(end.logger.lines).toMatchObject([{ fields: { code: 'ERR_REIGN_CERTIFICATE' } }])
    credentials = good
    const { connection } = await dialUp(here, two, there.endpoint)
    await connection.close()
  })
})

describe.each(['tcp', 'tls'])('cookies over %s', (over) => {
  test.each([
    ['wrong', 'Secret'],
    ['longer', 'secret '],
    ['shorter', 'secre'],
    ['another', 'x'],
  ])('%s: refused, by the one who knows', async (_, secret) => {
    const make = async (name: string, options = {}) => (over === 'tls' ? tlsEndOf(name, options) : endOf(name, options))
    const end = await make('b@127.0.0.1')
    const there = await accepting(end)
    const failure = await dialFails(await make('a@127.0.0.1', { secret }), 'b@127.0.0.1', there.endpoint)
    expect(failure).toMatchObject({ reason: 'closed', error: { code: 'ERR_REIGN_HANDSHAKE' } })
    expect(failure.error.message).toMatch(/probably a cookie mismatch/)
    expect(end.logger.lines).toMatchObject([{ fields: { code: 'ERR_REIGN_COOKIE' } }])
    expect(JSON.stringify([end.logger.lines, failure.error.message])).not.toMatch(new RegExp(`"${secret}"|secret`))
    expect(there.dropped).toHaveLength(1)
  })
})
