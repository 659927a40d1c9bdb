/** Certificates over time, as the transport sees them: authorities that follow each other, revocation, and what is remembered. */
import { X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Authority, createAuthority } from '../../src/certs/authority.js'
import { serialText } from '../../src/certs/chain.js'
import { issueRevocationList } from '../../src/certs/issue-revocation-list.js'
import type { LocalEnd } from '../../src/net/local-end.js'
import { type TlsCredentials, tlsTransport } from '../../src/net/tls-transport.js'
import { within } from '../support/deadline.js'
import { Accepting, credentialsFor, deadlineMs, dial, dialFails, dialUp, endOf, sharedAuthority } from './net-kit.js'

const one = 'one@127.0.0.1'
const two = 'two@127.0.0.1'
const day = 86_400_000

const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const each of cleanups.splice(0).reverse()) await each()
})

async function accepting(end: LocalEnd): Promise<Accepting> {
  const made = await Accepting.on(end)
  cleanups.push(() => made.close())
  return made
}

/** A node whose credentials can be changed. */
function changeable(name: string, at: TlsCredentials) {
  const box = { at }
  return Object.assign(endOf(name, { transport: tlsTransport({ credentials: () => box.at }) }), { box })
}

const serialOf = ({ cert }: TlsCredentials) => new X509Certificate(cert).serialNumber

let authority: Authority
let ones: TlsCredentials
let twos: TlsCredentials
beforeAll(async () => {
  authority = await sharedAuthority()
  ones = await credentialsFor(authority, one)
  twos = await credentialsFor(authority, two)
})

/** The list of an authority, from another day perhaps. */
async function listOf(by: Authority, revoked: readonly TlsCredentials[] = [], daysAgo = 0, days = 10): Promise<string> {
  const clock = { wallTime: () => Date.now() - daysAgo * day }
  return (await issueRevocationList(by, revoked.map(serialOf), { clock, days })).listPem
}

/** What comes of one attempt to connect: `up`, or the code of OpenSSL that stands in the error of the side that refuses. */
async function meeting(dialling: TlsCredentials, listening: TlsCredentials): Promise<{ here: string; there: string }> {
  const code = (text: string) => /([A-Z]+(?:_[A-Z]+)+)\)?$/.exec(text)?.[1] ?? text
  const end = endOf(two, { credentials: listening })
  const there = await accepting(end)
  const { up, failure } = await dial(endOf(one, { credentials: dialling }), two, there.endpoint).outcome
  await up?.connection.close()
  const [line] = end.logger.lines
  return {
    here: failure === undefined ? 'up' : code(failure.error.message),
    there: line === undefined ? 'up' : code(String(line.fields.error)),
  }
}

describe.each(['TLSv1.3', 'TLSv1.2'] as const)('over %s', (version) => {
  const ciphers = version === 'TLSv1.2' ? 'ECDHE-ECDSA-AES256-GCM-SHA384' : undefined
  const with_ = (credentials: TlsCredentials, crl?: string): TlsCredentials => ({ ...credentials, crl, ciphers })

  test('a revoked certificate is refused, by who knows of it, in both roles', async () => {
    const both = await listOf(authority, [ones, twos])
    expect((await meeting(with_(ones), with_(twos, both))).there).toBe('CERT_REVOKED')
    expect((await meeting(with_(ones, both), with_(twos))).here).toBe('CERT_REVOKED')
    const others = await listOf(authority, [await credentialsFor(authority, one)])
    expect(await meeting(with_(ones, others), with_(twos, others))).toEqual({ here: 'up', there: 'up' })
  })

  test('a list that is out of date, or not good yet, lets nobody in', async () => {
    const old = await listOf(authority, [], 12)
    expect((await meeting(with_(ones), with_(twos, old))).there).toBe('CRL_HAS_EXPIRED')
    expect((await meeting(with_(ones, old), with_(twos))).here).toBe('CRL_HAS_EXPIRED')
    const early = await listOf(authority, [], -2)
    expect((await meeting(with_(ones), with_(twos, early))).there).toBe('CRL_NOT_YET_VALID')
  })

  test('with lists, an authority without one is not believed; one list for each is', async () => {
    const newer = await createAuthority()
    const ca = authority.certificatePem + newer.certificatePem
    const moved = { ...(await credentialsFor(newer, one)), ca }
    const [older, both] = [await listOf(authority), (await listOf(authority)) + (await listOf(newer))]
    expect((await meeting(with_(moved), { ...with_(twos, older), ca })).there).toBe('UNABLE_TO_GET_CRL')
    expect(await meeting(with_(moved, both), { ...with_(twos, both), ca })).toEqual({ here: 'up', there: 'up' })
    // And the second one counts as the first does.
    const revoked = (await listOf(authority)) + (await listOf(newer, [moved]))
    expect((await meeting(with_(moved), { ...with_(twos, revoked), ca })).there).toBe('CERT_REVOKED')
  })

  test('an expired certificate is refused in both roles', async () => {
    const expired = await credentialsFor(authority, one, Date.now() - 400 * day)
    expect((await meeting(with_(expired), with_(twos))).there).toBe('CERT_HAS_EXPIRED')
    const stale = await credentialsFor(authority, two, Date.now() - 400 * day)
    expect((await meeting(with_(ones), with_(stale))).here).toBe('CERT_HAS_EXPIRED')
  })
})

describe('what is remembered of a connection', () => {
  test('both sides know the other’s certificate, its authority, and the end of their own', async () => {
    const there = await accepting(endOf(two, { credentials: twos }))
    const here = await dialUp(endOf(one, { credentials: ones }), two, there.endpoint)
    const [us, them] = [here.connection.peer.identity, (await there.nth(0)).connection.peer.identity]
    for (const [identity, name, theirs, ours] of [
      [us, two, twos, ones],
      [them, one, ones, twos],
    ] as const) {
      expect(identity?.nodeNames).toEqual([name])
      const certificate = new X509Certificate(theirs.cert)
      expect(identity?.proof).toMatchObject({
        certificates: [{ serialNumber: serialText(certificate.serialNumber), endsAt: Date.parse(certificate.validTo) }],
        ownEndsAt: Date.parse(new X509Certificate(ours.cert).validTo),
      })
      expect(identity?.proof?.certificates).toHaveLength(1)
    }
    await here.connection.close()
  })

  test('is not what the peer likes to send along', async () => {
    const end = endOf(two, { credentials: twos })
    const there = await accepting(end)
    const stranger = await createAuthority()
    const padded = { ...ones, cert: ones.cert + stranger.certificatePem + twos.cert + authority.certificatePem }
    const plain = await dialUp(endOf(one, { credentials: ones }), two, there.endpoint)
    const odd = await dialUp(endOf(one, { credentials: padded }), two, there.endpoint)
    const [first, second] = [await there.nth(0), await there.nth(1)]
    expect(second.connection.peer.identity).toEqual(first.connection.peer.identity)
    for (const { connection } of [plain, odd]) await connection.close()
  })
})

describe('while a node runs', () => {
  test('one authority follows another, node by node, and nobody is ever refused', async () => {
    const newer = await createAuthority()
    const bundle = authority.certificatePem + newer.certificatePem
    const [here, there] = [changeable(one, ones), changeable(two, twos)]
    const listener = await accepting(there)
    const first = await dialUp(here, two, listener.endpoint)
    const both = async (connections: number) => {
      const made = await dialUp(here, two, listener.endpoint)
      await listener.nth(connections)
      await made.connection.close()
    }
    let count = 0
    for (const end of [here, there]) {
      end.box.at = { ...end.box.at, ca: bundle }
      await both(++count)
    }
    for (const [end, name] of [
      [there, two],
      [here, one],
    ] as const) {
      end.box.at = { ...(await credentialsFor(newer, name)), ca: bundle }
      await both(++count)
    }
    for (const end of [here, there]) {
      end.box.at = { ...end.box.at, ca: newer.certificatePem }
      await both(++count)
    }
    // Whoever still shows the old one is a stranger now; and the connection of the first day stands.
    expect(await dialFails(endOf(one, { credentials: { ...ones, ca: bundle } }), two, listener.endpoint)).toMatchObject(
      {
        reason: expect.stringMatching(/tls|closed/),
      },
    )
    first.send('still here')
    expect(await (await listener.nth(0)).framesCame(1)).toEqual(['still here'])
    await first.connection.close()
  })

  test('lists come, grow and go; each counts from the next handshake on', async () => {
    const there = changeable(two, twos)
    const listener = await accepting(there)
    const here = endOf(one, { credentials: ones })
    const attempt = async () => {
      const { up, failure } = await dial(here, two, listener.endpoint).outcome
      await up?.connection.close()
      return failure === undefined
    }
    expect(await attempt()).toBe(true)
    there.box.at = { ...twos, crl: await listOf(authority) }
    expect(await attempt()).toBe(true)
    there.box.at = { ...twos, crl: await listOf(authority, [ones]) }
    expect(await attempt()).toBe(false)
    there.box.at = twos
    expect(await attempt()).toBe(true)
  })

  test('after new credentials no earlier session is resumed', async () => {
    const there = changeable(two, twos)
    const { endpoint } = await accepting(there)
    const shake = async (session?: Buffer) => {
      const { cert, key, ca } = ones
      const socket = connect({
        ...endpoint,
        cert,
        key: key.reveal(),
        ca,
        maxVersion: 'TLSv1.2',
        checkServerIdentity: () => undefined,
        ...(session !== undefined && { session }),
      })
      cleanups.push(() => socket.destroy())
      await within(
        deadlineMs,
        new Promise((done, failed) => socket.once('secureConnect', done).once('error', failed)),
        'TLS',
      )
      return { session: socket.getSession(), reused: socket.isSessionReused() }
    }
    const first = await shake()
    expect(first.session).toBeDefined()
    expect((await shake(first.session)).reused).toBe(false)
    there.box.at = { ...(await credentialsFor(authority, two)) }
    expect((await shake(first.session)).reused).toBe(false)
  })
})

describe('lists that cannot be used', () => {
  test.each([
    ['no list', ''],
    ['something else', 'rubbish'],
    ['a damaged one', '-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n'],
  ])('%s: it is said, and nobody is let in without', async (_, crl) => {
    const credentials = { ...twos, crl }
    await expect(Accepting.on(endOf(two, { credentials }))).rejects.toMatchObject({ code: 'ERR_REIGN_CERTIFICATE' })
    const failure = await dialFails(endOf(two, { credentials }), one, { host: '127.0.0.1', port: 9 })
    expect(failure).toMatchObject({ reason: 'tls', error: { code: 'ERR_REIGN_CERTIFICATE' } })
  })
})
