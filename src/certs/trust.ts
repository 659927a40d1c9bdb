/** Whom a node believes now: the authorities, and what they have revoked. */
import { type Proof, proofEndsAt } from './proof.js'
import type { TrustedList } from './revocation-list.js'

/**
 * Why a connection that was made with a proof may not stand any more. The words are those of TLS alerts (RFC 8446, section 6.2),
 * which Erlang has as atoms.
 */
export type Objection =
  /** A certificate has ended: the peer's, one above it, or the one that we have shown. */
  | 'certificate_expired'
  /** The peer's certificate, or one above it, is in a revocation list. */
  | 'certificate_revoked'
  /** The authority that the peer's certificate comes from is not believed any more. */
  | 'unknown_ca'

/** See the head of this file. */
export class Trust {
  readonly #authorities: ReadonlySet<string>
  readonly #revoked: ReadonlySet<string>

  /** @param authorities Their keys, by `keyIdOf`. */
  constructor(authorities: readonly string[], lists: readonly Pick<TrustedList, 'issuerKeyId' | 'revoked'>[]) {
    this.#authorities = new Set(authorities)
    this.#revoked = new Set(
      lists.flatMap(({ issuerKeyId, revoked }) => Array.from(revoked, (serial) => `${issuerKeyId} ${serial}`)),
    )
  }

  /** What is to be said against a connection with that proof; `undefined`: nothing. Cost: O(certificates in the proof). */
  objection(proof: Proof, nowMs: number): Objection | undefined {
    const { certificates, authority } = proof
    const revoked = certificates.some((each) => this.#revoked.has(`${each.issuerKeyId} ${each.serialNumber}`))
    if (revoked) return 'certificate_revoked'
    // An authority in between may have become one that is believed itself.
    const signers = [authority.keyId, ...certificates.map(({ issuerKeyId }) => issuerKeyId)]
    if (!signers.some((keyId) => this.#authorities.has(keyId))) return 'unknown_ca'
    return nowMs > proofEndsAt(proof) ? 'certificate_expired' : undefined
  }
}
