/** Connections judged while they stand; all in virtual time. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { Proof } from '../../src/certs/proof.js'
import { Trust } from '../../src/certs/trust.js'
import type { Expiring } from '../../src/cluster/expiry.js'
import { type Guarded, guardIntervalMs, IdentityGuard } from '../../src/cluster/identity-guard.js'
import { Heard } from '../support/heard.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { KeptLog } from './cluster-kit.js'

const day = 86_400_000

/** A clock whose wall time somebody sets. */
class JumpingClock extends VirtualClock {
  jumpMs = 0

  override wallTime(): number {
    return super.wallTime() + this.jumpMs
  }
}

let clock: JumpingClock
let log: KeptLog
let connections: Fake[]
let credentials: { trust: Trust; expiring: Expiring[]; revoked: boolean }
let guard: IdentityGuard
beforeEach(() => {
  clock = new JumpingClock()
  log = new KeptLog()
  connections = []
  credentials = { trust: trusting(), expiring: [], revoked: false }
  guard = new IdentityGuard({
    node: 'm',
    credentials,
    connections: () => connections.filter(({ ended }) => ended === undefined),
    clock,
    logger: log,
  })
})

const trusting = (authority = 'ca', ...revoked: readonly string[]) => {
  return new Trust(
    [{ keyId: authority, endsAt: clock.wallTime() + 1_000 * day }],
    [{ issuerKeyId: authority, revoked: new Set(revoked) }],
  )
}

/** A connection of a node with one certificate, and what became of it. */
class Fake implements Guarded {
  readonly remote = { address: '127.0.0.1', text: '127.0.0.1:5', loopback: true }
  readonly peer: Guarded['peer']
  ended: string | undefined

  /** @param endsInMs When the peer's certificate ends, and when ours does. */
  constructor(name: string, serialNumber: string, endsInMs: number, ownEndsInMs = 1_000 * day) {
    const now = clock.wallTime()
    const proof: Proof = {
      certificates: [{ serialNumber, issuerKeyId: 'ca', endsAt: now + endsInMs }],
      authorityKeyId: 'ca',
      ownEndsAt: now + ownEndsInMs,
    }
    this.peer = { name, identity: { nodeNames: [name], proof } }
    connections.push(this)
  }

  async close(reason?: string): Promise<void> {
    this.ended = `closed: ${reason}`
  }

  cut(reason: string): void {
    this.ended = `cut: ${reason}`
  }
}

describe('a certificate that ends', () => {
  test('ends its connection within two seconds, and no other', async () => {
    const brief = new Fake('brief@h.a', '1', 60_000)
    const long = new Fake('long@h.a', '2', 300 * day)
    guard.start()
    await clock.run(60_000)
    expect(brief.ended).toBeUndefined()
    await clock.run(2_000)
    expect(brief.ended).toBe('closed: certificate_expired')
    expect(long.ended).toBeUndefined()
    expect(log.at('warn')).toEqual([
      {
        level: 'warn',
        fields: {
          peer: 'brief@h.a',
          remote: '127.0.0.1:5',
          reason: 'certificate_expired',
          serialNumber: '1',
          endedAt: new Date(1_700_000_060_000).toISOString(),
        },
        message: "closed a connection: the peer's certificate has ended",
      },
    ])
    guard.stop()
  })

  test('of a connection that comes up later is not missed', async () => {
    guard.start()
    await clock.run(guardIntervalMs / 2)
    const brief = new Fake('brief@h.a', '1', 2_000)
    guard.watch(brief)
    await clock.run(4_000)
    expect(brief.ended).toBe('closed: certificate_expired')
    guard.stop()
  })

  test('nor is one whose end is only seen when it is there: within the time between two looks', async () => {
    guard.start()
    const brief = new Fake('brief@h.a', '1', 100)
    await clock.run(guardIntervalMs)
    expect(brief.ended).toBe('closed: certificate_expired')
    guard.stop()
  })

  test('may be our own', async () => {
    const peer = new Fake('peer@h.a', '1', 300 * day, 10_000)
    guard.start()
    await clock.run(12_000)
    expect(peer.ended).toBe('closed: certificate_expired')
    expect(log.at('warn')).toMatchObject([
      { message: 'closed a connection: the certificate that we have shown has ended' },
    ])
    guard.stop()
  })

  test('is seen when the wall clock jumps', async () => {
    const peer = new Fake('peer@h.a', '1', 100 * day)
    guard.start()
    await clock.run(guardIntervalMs)
    clock.jumpMs = 101 * day
    await clock.run(guardIntervalMs)
    expect(peer.ended).toBe('closed: certificate_expired')
    guard.stop()
  })
})

describe('what is believed now', () => {
  test('counts for connections that stand, at once when it is told, else within the time between two looks', async () => {
    const [bad, good] = [new Fake('bad@h.a', 'b', 300 * day), new Fake('good@h.a', 'c', 300 * day)]
    guard.start()
    credentials.trust = trusting('ca', 'b')
    guard.look()
    expect([bad.ended, good.ended]).toEqual(['cut: certificate_revoked', undefined])
    credentials.trust = trusting('ca', 'b', 'c')
    await clock.run(guardIntervalMs)
    expect(good.ended).toBe('cut: certificate_revoked')
    expect(log.at('warn').map(({ fields, message }) => [fields.peer, fields.reason, message])).toEqual([
      ['bad@h.a', 'certificate_revoked', "closed a connection: the peer's certificate is revoked"],
      ['good@h.a', 'certificate_revoked', "closed a connection: the peer's certificate is revoked"],
    ])
    guard.stop()
  })

  test('is another authority: those of the one before are cut', () => {
    const peer = new Fake('peer@h.a', '1', 300 * day)
    guard.start()
    credentials.trust = trusting('other')
    guard.look()
    expect(peer.ended).toBe('cut: unknown_ca')
    guard.stop()
  })

  test('says nothing of connections that have proved nothing', async () => {
    const plain: Guarded = Object.assign(new Fake('plain@h.a', '1', 0), {
      peer: { name: 'plain@h.a', identity: undefined },
    })
    guard.start()
    guard.watch(plain)
    await clock.run(10 * guardIntervalMs)
    expect(connections[0]?.ended).toBeUndefined()
    guard.stop()
  })
})

describe('the operator', () => {
  test('is told at the start and daily, and of a revoked certificate of our own', async () => {
    const endsAt = clock.wallTime() + 10 * day
    credentials.expiring = [{ what: 'it', endsAt, remedy: 'do something', vital: true }]
    credentials.revoked = true
    using heard = new Heard('reign:node:certificates-ending')
    guard.start()
    expect(log.lines.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      expect.stringMatching(/^warn: it ends in 10 days, on .*: do something$/),
      'error: the certificate of this node is revoked: nobody who knows lets it in',
    ])
    await clock.run(3 * day)
    expect(log.lines).toHaveLength(8)
    const told = heard.of('reign:node:certificates-ending')
    expect(told.map(({ message }) => message)).toEqual(
      log.lines.filter(({ level }) => level === 'warn').map(({ message }) => message),
    )
    expect(told[0]).toMatchObject({ node: 'm', endsAt, urgent: false })
    await clock.run(5.5 * day)
    expect(heard.of('reign:node:certificates-ending').at(-1)).toMatchObject({ endsAt, urgent: true })
    log.lines.splice(8)
    credentials.revoked = false
    credentials.expiring = []
    await clock.run(3 * day)
    expect(log.lines).toHaveLength(8)
    guard.stop()
  })
})

test('a guard keeps no program from ending, and none that is stopped looks', async () => {
  const peer = new Fake('peer@h.a', '1', 1_000)
  guard.look()
  guard.watch(peer)
  expect(clock.timersPending).toBe(0)
  guard.start()
  expect([clock.timersPending, clock.holdsProgram]).toEqual([1, false])
  guard.stop()
  expect(clock.timersPending).toBe(0)
  await clock.run(day)
  guard.look()
  expect(peer.ended).toBeUndefined()
})
