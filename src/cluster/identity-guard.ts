/**
 * Judges the connections that stand by what the node believes now, and tells its operator what is about to end.
 *
 * TLS looks at a certificate once, when a connection is made. Here it is looked at again, for as long as the connection
 * stands: a certificate that has ended or was revoked, or an authority that is believed no more, ends it, within a minute.
 */

import type { Proof } from '../certs/proof.js'
import type { Objection } from '../certs/trust.js'
import type { Clock, ClockTimer } from '../clock.js'
import { certificatesEnding } from '../events.js'
import type { Logger } from '../logger.js'
import type { Connection } from '../net/connection.js'
import { publish } from '../process/guard.js'
import type { Credentials } from './credentials.js'
import { ExpiryNotices } from './expiry.js'

/** Between two looks, in milliseconds, at the most. A certificate that ends earlier is looked at then. */
export const guardIntervalMs = 20_000
/** A look a little after an end finds it ended. */
const afterEndMs = 1_000

const dayMs = 86_400_000

const reasons = {
  certificate_revoked: "the peer's certificate is revoked",
  unknown_ca: "the authority of the peer's certificate is not believed any more",
} as const

/** What a guard needs of a connection. */
export type Guarded = Pick<Connection, 'remote' | 'close' | 'cut'> & {
  readonly peer: Pick<Connection['peer'], 'name' | 'identity'>
}

/** What an {@link IdentityGuard} needs. */
export interface GuardParts {
  readonly node: string
  readonly credentials: Pick<Credentials, 'trust' | 'expiring' | 'revoked'>
  readonly connections: () => readonly Guarded[]
  readonly clock: Clock
  readonly logger: Logger
}

/** See the head of this file. */
export class IdentityGuard {
  readonly #parts: GuardParts
  readonly #notices = new ExpiryNotices()
  #timer: ClockTimer | undefined
  #dueMs = Number.POSITIVE_INFINITY
  #running = false
  #saidRevoked = Number.NEGATIVE_INFINITY

  constructor(parts: GuardParts) {
    this.#parts = parts
  }

  /** Begins, with a first look. Does not keep the program from ending. */
  start(): void {
    this.#running = true
    this.look()
  }

  stop(): void {
    this.#running = false
    this.#disarm()
  }

  /** A connection has come up: when it ends before the next look, that is earlier. */
  watch({ peer }: Pick<Guarded, 'peer'>): void {
    const proof = peer.identity?.proof
    if (proof !== undefined && this.#running) this.#arm(this.#untilEnd(proof))
  }

  /** Looks at all connections, now; to be called too when the node believes somebody else. Cost: O(connections). */
  look(): void {
    if (!this.#running) return
    this.#disarm()
    const { connections, credentials, clock } = this.#parts
    const { trust } = credentials
    let next = guardIntervalMs
    for (const connection of connections()) {
      const proof = connection.peer.identity?.proof
      if (proof === undefined) continue
      const objection = trust.objection(proof, clock.wallTime())
      if (objection === undefined) next = Math.min(next, this.#untilEnd(proof))
      else this.#end(connection, proof, objection)
    }
    this.#tell()
    this.#arm(next)
  }

  #end(connection: Guarded, proof: Proof, reason: Objection): void {
    const { peer, remote } = connection
    const { certificates, ownEndsAt } = proof
    const now = this.#parts.clock.wallTime()
    const fields = { peer: peer.name, remote: remote.text, reason, serialNumber: certificates[0]?.serialNumber }
    if (reason !== 'certificate_expired') {
      this.#parts.logger.warn(fields, `closed a connection: ${reasons[reason]}`)
      // Not one more byte to somebody who may be anybody.
      connection.cut(reason)
      return
    }
    const endedAt = new Date(this.#parts.credentials.trust.endsAt(proof)).toISOString()
    const whose = ownEndsAt < now ? 'the certificate that we have shown' : "the peer's certificate"
    this.#parts.logger.warn({ ...fields, endedAt }, `closed a connection: ${whose} has ended`)
    void connection.close(reason)
  }

  #tell(): void {
    const { credentials, clock, logger } = this.#parts
    const now = clock.wallTime()
    for (const { level, fields, message } of this.#notices.due(credentials.expiring, now)) {
      logger[level](fields, message)
      if (certificatesEnding.hasSubscribers) {
        const endsAt = Date.parse(fields.endsAt)
        publish(certificatesEnding, { node: this.#parts.node, message, endsAt, urgent: level === 'error' })
      }
    }
    if (!credentials.revoked) this.#saidRevoked = Number.NEGATIVE_INFINITY
    else if (now - this.#saidRevoked >= dayMs) {
      this.#saidRevoked = now
      logger.error({}, 'the certificate of this node is revoked: nobody who knows lets it in')
    }
  }

  #untilEnd(proof: Proof): number {
    return Math.max(0, this.#parts.credentials.trust.endsAt(proof) - this.#parts.clock.wallTime()) + afterEndMs
  }

  #arm(delayMs: number): void {
    const { clock } = this.#parts
    const dueMs = clock.now() + delayMs
    if (dueMs >= this.#dueMs) return
    this.#disarm()
    this.#dueMs = dueMs
    this.#timer = clock.setTimer(() => this.look(), delayMs)
    clock.holdProgram(this.#timer, false)
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#parts.clock.clearTimer(this.#timer)
    this.#timer = undefined
    this.#dueMs = Number.POSITIVE_INFINITY
  }
}
