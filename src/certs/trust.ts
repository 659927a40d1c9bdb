/** Whom a node believes now: the authorities, and what they have revoked. */
import type { Proof } from './proof.js'
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

/** An authority that is believed. Two certificates with one key are one authority, until the later one ends. */
export interface BelievedAuthority {
  /** See `keyIdOf`. */
  readonly keyId: string
  /** In milliseconds since 1970. */
  readonly endsAt: number
}

/** See the head of this file. */
export class Trust {
  readonly #authorities = new Map<string, number>()
  readonly #revoked: ReadonlySet<string>

  constructor(
    authorities: readonly BelievedAuthority[],
    lists: readonly Pick<TrustedList, 'issuerKeyId' | 'revoked'>[],
  ) {
    for (const { keyId, endsAt } of authorities) {
      this.#authorities.set(keyId, Math.max(endsAt, this.#authorities.get(keyId) ?? 0))
    }
    this.#revoked = new Set(
      lists.flatMap(({ issuerKeyId, revoked }) => Array.from(revoked, (serial) => `${issuerKeyId} ${serial}`)),
    )
  }

  /** What is to be said against a connection with that proof; `undefined`: nothing. Cost: O(certificates in the proof). */
  objection(proof: Proof, nowMs: number): Objection | undefined {
    const revoked = proof.certificates.some((each) => this.#revoked.has(`${each.issuerKeyId} ${each.serialNumber}`))
    if (revoked) return 'certificate_revoked'
    if (this.#authorityEndsAt(proof) === undefined) return 'unknown_ca'
    return nowMs > this.endsAt(proof) ? 'certificate_expired' : undefined
  }

  /** When a proof is over, whatever else happens: with the first to end of its certificates, ours, and its authority's. */
  endsAt(proof: Proof): number {
    const { certificates, ownEndsAt } = proof
    return Math.min(ownEndsAt, this.#authorityEndsAt(proof) ?? 0, ...certificates.map(({ endsAt }) => endsAt))
  }

  #authorityEndsAt({ authorityKeyId, certificates }: Proof): number | undefined {
    // One in between may have become one that is believed itself.
    const ends = [authorityKeyId, ...certificates.map(({ issuerKeyId }) => issuerKeyId)]
      .map((keyId) => this.#authorities.get(keyId))
      .filter((endsAt) => endsAt !== undefined)
    return ends.length === 0 ? undefined : Math.max(...ends)
  }
}
