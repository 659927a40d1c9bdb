/** A node that listens, and clients that mean harm; over real TLS. */
import { connect as tcpConnect } from 'node:net'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { digest } from '../../src/dist/digest.js'
import { type HandshakeMessage, readToInitiator, writeHandshakeMessage } from '../../src/dist/handshake-messages.js'
import { ReignError } from '../../src/errors.js'
import { defaultLimits } from '../../src/limits.js'
import type { TlsCredentials } from '../../src/net/tls-transport.js'
import { Secret } from '../../src/secret.js'
import { eventually, within } from '../support/deadline.js'
import { VirtualClock } from '../support/virtual-clock.js'
import {
  Accepting,
  credentialsFor,
  deadlineMs,
  dialUp,
  type keptLog,
  sharedAuthority,
  tlsEndOf,
  type Watched,
} from './net-kit.js'
import {
  badCredentials,
  badKinds,
  cleanups,
  friend,
  hello,
  oddlyNamed,
  prefixed,
  Rogue,
  rogueOverTls,
  victim,
} from './rogue.js'

let good: TlsCredentials
beforeAll(async () => {
  good = await credentialsFor(await sharedAuthority(), friend)
})

describe('a listening node', () => {
  let log: ReturnType<typeof keptLog>
  let accepting: Accepting
  let bystander: Watched
  const clock = { now: new VirtualClock() }

  beforeEach(async () => {
    clock.now = new VirtualClock()
    const end = await tlsEndOf(victim, { clock: clock.now })
    log = end.logger
    accepting = await Accepting.on(end)
    cleanups.push(() => accepting.close())
    // Whatever happens below, this connection must not notice.
    bystander = await dialUp(await tlsEndOf('bystander@127.0.0.1'), victim, accepting.endpoint)
    cleanups.push(() => bystander.connection.close())
    await accepting.nth(0)
    accepting.decided.length = 0
  })
  afterEach(async () => {
    expect(bystander.connection.isUp).toBe(true)
    bystander.send('still here')
    await accepting.accepted[0]?.framesCame(1)
  })

  /** Exactly one line was logged, with that code; nobody was let in, and nothing is pending. */
  async function refused(code: string, text: RegExp): Promise<void> {
    await eventually(() => accepting.listener.pending === 0, deadlineMs, 'nothing to be pending')
    expect(log.lines).toMatchObject([{ level: 'warn', fields: { code } }])
    expect(log.lines[0]?.fields.error).toMatch(text)
    expect(accepting.accepted).toHaveLength(1)
  }

  describe.each(['TLSv1.3', 'TLSv1.2'] as const)('over %s', (version) => {
    const options = { minVersion: version, maxVersion: version } as const

    test('lets a friend in', async () => {
      const rogue = await rogueOverTls(accepting.endpoint, good, options)
      expect((rogue.socket as TLSSocket).getProtocol()).toBe(version)
      await shakeHands(rogue)
      const { connection } = await accepting.nth(1)
      expect(connection.peer.name).toBe(friend)
      await connection.close()
    })

    test('refuses a client without a certificate', async () => {
      const rogue = await rogueOverTls(accepting.endpoint, {}, options)
      await rogue.isClosed()
      await refused('ERR_REIGN_TLS', /peer did not return a certificate/)
      expect(accepting.decided).toEqual([])
    })

    test.each(badKinds)('refuses a client whose certificate is %s', async (kind, why) => {
      const rogue = await rogueOverTls(accepting.endpoint, await badCredentials(kind), options)
      rogue.say(hello)
      await rogue.isClosed()
      expect(rogue.received).toHaveLength(0)
      await refused('ERR_REIGN_TLS', why)
      expect(accepting.decided).toEqual([])
    })

    test('resumes no session', async () => {
      const sessions: Buffer[] = []
      const first = await rogueOverTls(accepting.endpoint, good, options)
      first.socket.on('session', (session: Buffer) => sessions.push(session))
      await shakeHands(first)
      const { connection } = await accepting.nth(1)
      const own = (first.socket as TLSSocket).getSession()
      if (own !== undefined) sessions.push(own)
      await connection.close()
      expect(sessions.length).toBeGreaterThan(0)
      for (const session of sessions) {
        const again = await rogueOverTls(accepting.endpoint, good, { ...options, session })
        expect((again.socket as TLSSocket).isSessionReused()).toBe(false)
        again.socket.destroy()
      }
      // With an expired certificate a resumed session would get in.
      const late = await rogueOverTls(accepting.endpoint, await badCredentials('expired'), {
        ...options,
        session: sessions[0] as Buffer,
      })
      await late.isClosed()
      expect(late.received).toHaveLength(0)
    })
  })

  test('speaks TLS 1.3 with who knows both', async () => {
    const rogue = await rogueOverTls(accepting.endpoint, good)
    expect((rogue.socket as TLSSocket).getProtocol()).toBe('TLSv1.3')
  })

  test('refuses TLS 1.1', async () => {
    const options = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    const rogue = await rogueOverTls(accepting.endpoint, good, options)
    await rogue.isClosed()
    await refused('ERR_REIGN_TLS', /unsupported protocol/)
  })

  test('cuts a client off that renegotiates', async () => {
    const rogue = await rogueOverTls(accepting.endpoint, good, { maxVersion: 'TLSv1.2' })
    await shakeHands(rogue)
    const { connection, lost } = await accepting.nth(1)
    expect(connection.isUp).toBe(true)
    ;(rogue.socket as TLSSocket).renegotiate({}, () => {})
    expect((await within(deadlineMs, lost, 'the loss')).reason).toBe('connection_closed')
    await rogue.isClosed()
  })

  test('takes nobody for refused who leaves before saying who it is: in TLS, or after it', async () => {
    const { port, host } = accepting.endpoint
    const lefts = () => log.lines.filter(({ message }) => message === 'somebody has left before saying who it is')
    const silent = new Rogue(tcpConnect(port, host))
    await eventually(() => accepting.listener.pending === 1, deadlineMs, 'the first to be pending')
    silent.socket.destroy()
    await eventually(() => lefts().length === 1, deadlineMs, 'the first to be gone')
    // The first bytes of a handshake of TLS, and no more.
    const half = new Rogue(tcpConnect(port, host))
    half.send(Buffer.from('16030100c8010000c4', 'hex'))
    await eventually(() => accepting.listener.pending === 1, deadlineMs, 'the second to be pending')
    half.socket.destroy()
    await eventually(() => lefts().length === 2, deadlineMs, 'the second to be gone')
    const friendly = await rogueOverTls(accepting.endpoint, good)
    friendly.socket.destroy()
    await eventually(() => lefts().length === 3, deadlineMs, 'the third to be gone')
    expect(log.lines.map(({ level }) => level)).toEqual(['debug', 'debug', 'debug'])
    log.lines.length = 0
    // Who has said it, and then leaves, has found something that it does not like: that is told.
    const named = await rogueOverTls(accepting.endpoint, good)
    named.say(hello)
    await named.heard(2)
    named.socket.destroy()
    await refused('ERR_REIGN_HANDSHAKE', /closed/)
  })

  test('refuses plain text', async () => {
    const { host, port } = accepting.endpoint
    const rogue = new Rogue(tcpConnect(port, host))
    rogue.send(prefixed(writeHandshakeMessage(hello)))
    await rogue.isClosed()
    await refused('ERR_REIGN_TLS', /wrong version number|packet length|http request/)
    // A TLS alert at most: not a byte of the cluster's protocol.
    expect(rogue.received.includes(Buffer.from('not_allowed'))).toBe(false)
  })

  test('tells a node with the certificate of another no more than that', async () => {
    const rogue = await rogueOverTls(
      accepting.endpoint,
      await credentialsFor(await sharedAuthority(), 'mallory@127.0.0.1'),
    )
    rogue.say(hello)
    await rogue.isClosed()
    expect((await rogue.heard(1)).map(String)).toEqual(['snot_allowed'])
    await refused('ERR_REIGN_IDENTITY', /calls itself "friend@127.0.0.1"; its certificate does not/)
    expect(accepting.decided).toEqual([])
  })

  test.each([
    ['in its common name alone', undefined, friend],
    ['as a DNS name', `DNS:reign:${friend}`, 'x'],
    ['as a mail address', `email:${friend}`, 'x'],
    ['inside another value', `URI:https://reign:${friend}`, 'x'],
  ])('does not believe a name that is in the certificate %s', async (_, san, commonName) => {
    const rogue = await rogueOverTls(accepting.endpoint, await oddlyNamed(san, commonName))
    rogue.say(hello)
    await rogue.isClosed()
    await refused('ERR_REIGN_IDENTITY', /its certificate does not/)
  })

  test('turns its own name away', async () => {
    const rogue = await rogueOverTls(accepting.endpoint, await credentialsFor(await sharedAuthority(), victim))
    rogue.say({ ...hello, name: victim })
    await rogue.isClosed()
    await refused('ERR_REIGN_NAME_IN_USE', /as we do/)
  })

  describe('time', () => {
    async function cutAt(ms: number, rogue: Rogue, each: () => void = () => {}): Promise<void> {
      for (let passed = 0; passed < ms; passed += 1_000) {
        await clock.now.run(1_000)
        each()
        if (passed + 1_000 < ms) expect(rogue.socket.destroyed).toBe(false)
      }
      await rogue.isClosed()
      await refused('ERR_REIGN_HANDSHAKE_TIMEOUT', /7000 ms/)
    }

    test('a client that says nothing at all is cut off after 7 s', async () => {
      const { host, port } = accepting.endpoint
      const rogue = new Rogue(tcpConnect(port, host))
      await eventually(() => accepting.listener.pending === 1, deadlineMs)
      await cutAt(7_000, rogue)
    })

    test('a client that is silent after TLS, too', async () => {
      const rogue = await rogueOverTls(accepting.endpoint, good)
      await eventually(() => accepting.listener.pending === 1, deadlineMs)
      await cutAt(7_000, rogue)
    })

    test('a client that sends a byte each second, too: the time is for all, not for each read', async () => {
      const rogue = await rogueOverTls(accepting.endpoint, good)
      const bytes = prefixed(writeHandshakeMessage(hello))
      let at = 0
      await eventually(() => accepting.listener.pending === 1, deadlineMs)
      await cutAt(7_000, rogue, () => rogue.send(bytes.subarray(at++, at)))
    })

    test('a client that goes silent after its name, too', async () => {
      const rogue = await rogueOverTls(accepting.endpoint, good)
      rogue.say(hello)
      await rogue.heard(2)
      await cutAt(7_000, rogue)
      expect(accepting.dropped).toMatchObject([[friend, { code: 'ERR_REIGN_HANDSHAKE_TIMEOUT' }]])
    })

    test('a client that was turned away and does not close, too', async () => {
      const rogue = await rogueOverTls(accepting.endpoint, good, { allowHalfOpen: true } as ConnectionOptions)
      rogue.say({ ...hello, flags: 0n })
      await rogue.heard(1)
      expect(accepting.listener.pending).toBe(1)
      await clock.now.run(7_000)
      await refused('ERR_REIGN_HANDSHAKE', /lacks mandatory abilities/)
    })
  })

  describe('malformed messages', () => {
    const states: Record<string, (rogue: Rogue) => Promise<unknown>> = {
      'at the name': async () => {},
      'at the status': async (rogue) => {
        accepting.verdict = () => 'alive'
        rogue.say(hello)
        await rogue.heard(1)
      },
      'at the reply': async (rogue) => {
        rogue.say(hello)
        await rogue.heard(2)
      },
    }
    const messages: Record<string, [Buffer, string, RegExp]> = {
      'an announcement of 4 GiB': [Buffer.from('ffffffff', 'hex'), 'ERR_REIGN_FRAME_TOO_LARGE', /4294967295/],
      'an announcement of 1,025 bytes': [Buffer.from('00000401', 'hex'), 'ERR_REIGN_FRAME_TOO_LARGE', /limit is 1024/],
      'an empty message': [Buffer.from('00000000', 'hex'), 'ERR_REIGN_HANDSHAKE', /empty/],
      'an unknown tag': [prefixed(Buffer.from('zzz')), 'ERR_REIGN_HANDSHAKE', /tag 122/],
      'a 2-byte length': [
        Buffer.concat([Buffer.from('0015', 'hex'), writeHandshakeMessage(hello)]),
        'ERR_REIGN_FRAME_TOO_LARGE',
        /limit/,
      ],
      'an unknown status': [
        prefixed(Buffer.from('smaybe\u001b[2J')),
        'ERR_REIGN_HANDSHAKE',
        /unknown status: "maybe\\u001b\[2J"/,
      ],
      'a truncated reply': [
        prefixed(Buffer.from('72000000010203', 'hex')),
        'ERR_REIGN_HANDSHAKE',
        /not a challenge reply/,
      ],
      'an ack': [
        prefixed(writeHandshakeMessage({ tag: 'ack', digest: new Uint8Array(16) })),
        'ERR_REIGN_HANDSHAKE',
        /tag 97/,
      ],
    }
    for (const [state, reach] of Object.entries(states)) {
      test.each(Object.entries(messages))(`${state}: %s`, async (_, [bytes, code, text]) => {
        const rogue = await rogueOverTls(accepting.endpoint, good)
        await reach(rogue)
        rogue.send(bytes)
        await rogue.isClosed()
        await refused(code, text)
      })
    }

    test('a wrong digest is not answered', async () => {
      const rogue = await rogueOverTls(accepting.endpoint, good)
      rogue.say(hello)
      await rogue.heard(2)
      rogue.say({ tag: 'reply', challenge: 1, digest: new Uint8Array(16) })
      await rogue.isClosed()
      expect(await rogue.heard(2)).toHaveLength(2)
      await refused('ERR_REIGN_COOKIE', /does not know our cookie/)
    })

    test('an answer to an earlier challenge is not good again', async () => {
      const first = await rogueOverTls(accepting.endpoint, good)
      const reply = await shakeHands(first)
      await (await accepting.nth(1)).connection.close()
      accepting.accepted.length = 1
      const second = await rogueOverTls(accepting.endpoint, good)
      second.say(hello)
      await second.heard(2)
      second.say(reply)
      await second.isClosed()
      await refused('ERR_REIGN_COOKIE', /does not know our cookie/)
    })
  })

  describe('once connected', () => {
    async function connected(): Promise<{ rogue: Rogue; watched: Watched }> {
      const rogue = await rogueOverTls(accepting.endpoint, good)
      await shakeHands(rogue)
      return { rogue, watched: await accepting.nth(1) }
    }

    test('a frame of 4 GiB is refused when it is announced', async () => {
      const { rogue, watched } = await connected()
      const before = process.memoryUsage().arrayBuffers
      rogue.send(Buffer.concat([prefixed(Buffer.from('fine')), Buffer.from('ffffffff', 'hex'), Buffer.alloc(100)]))
      expect(await watched.isLost()).toMatchObject({ reason: 'protocol', error: { code: 'ERR_REIGN_FRAME_TOO_LARGE' } })
      expect(watched.frames).toEqual(['fine'])
      await rogue.isClosed()
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 << 20)
      expect(log.lines).toMatchObject([{ level: 'warn', fields: { peer: friend, code: 'ERR_REIGN_FRAME_TOO_LARGE' } }])
    })

    test('a frame that cannot be handled costs its connection, and one line', async () => {
      const { rogue, watched } = await connected()
      watched.connection.onFrame = () => {
        throw new ReignError('ERR_REIGN_CONTROL_INVALID', 'no such operation')
      }
      rogue.send(Buffer.concat([prefixed(Buffer.from('p?')), prefixed(Buffer.from('more'))]))
      expect(await watched.isLost()).toMatchObject({ reason: 'protocol', error: { code: 'ERR_REIGN_CONTROL_INVALID' } })
      await rogue.isClosed()
      expect(log.lines).toMatchObject([{ level: 'warn', fields: { code: 'ERR_REIGN_CONTROL_INVALID' } }])
    })

    test('many that cannot be handled cost their connections, and ten lines a second', async () => {
      for (let n = 1; n <= 12; n++) {
        const rogue = await rogueOverTls(accepting.endpoint, good)
        await shakeHands(rogue)
        const watched = await accepting.nth(n)
        watched.connection.onFrame = () => {
          throw new ReignError('ERR_REIGN_CONTROL_INVALID', 'no such operation')
        }
        if (n === 12) clock.now.advance(1_000)
        rogue.send(prefixed(Buffer.from('p?')))
        await watched.isLost()
      }
      expect(log.lines).toHaveLength(11)
      expect(log.lines.at(-1)).toMatchObject({ fields: { code: 'ERR_REIGN_CONTROL_INVALID', untold: 1 } })
    })

    test('another handshake message is just a frame', async () => {
      const { rogue, watched } = await connected()
      rogue.say(hello)
      expect(await watched.framesCame(1)).toHaveLength(1)
      expect(watched.connection.isUp).toBe(true)
    })
  })

  /** As a friend would; gives the reply that was said. */
  async function shakeHands(rogue: Rogue): Promise<HandshakeMessage> {
    rogue.say(hello)
    const [, second] = await rogue.heard(2)
    const challenge = readToInitiator(second as Buffer)
    if (challenge.tag !== 'challenge') throw new Error(`not a challenge: ${challenge.tag}`)
    const reply = { tag: 'reply', challenge: 9, digest: digest(new Secret('secret'), challenge.challenge) } as const
    rogue.say(reply)
    await rogue.heard(3)
    return reply
  }
})

test('the handshake is bounded by 1,024 bytes a message and 7 s in all, by default', () => {
  expect([defaultLimits.handshakeBytesMax, defaultLimits.handshakeMs]).toEqual([1_024, 7_000])
})
