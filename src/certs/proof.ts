/**
 * What two ends have shown each other when a connection was made, remembered for as long as it stands.
 *
 * Small on purpose, and no certificate of Node.js among it: a node may have thousands of connections.
 */
import type { X509Certificate } from 'node:crypto'
import { chainTo, endOf, keyIdOf, sentWith, serialText } from './chain.js'

/** One certificate of the way from a peer's own up to its authority. */
export interface ProvenCertificate {
  /** As `serialText` has it. */
  readonly serialNumber: string
  /** The key that has signed it: see `keyIdOf`. */
  readonly issuerKeyId: string
  /** When it ends, in milliseconds since 1970. */
  readonly endsAt: number
}

/** See the head of this file. */
export interface Proof {
  /** The peer's certificates, its own first. The last one is signed by the authority. */
  readonly certificates: readonly ProvenCertificate[]
  /** The key of the authority that was believed: see `keyIdOf`. */
  readonly authorityKeyId: string
  /** When the certificate ends that we have shown, in milliseconds since 1970. */
  readonly ownEndsAt: number
}

/**
 * The proof of a handshake that OpenSSL has accepted.
 *
 * @param peer The peer's certificate, as `getPeerX509Certificate()` gives it: with what was sent beside it.
 * @param authorities Those that were believed in that handshake.
 * @returns `undefined` when no way leads to one of them.
 */
export function proofOf(
  peer: X509Certificate,
  authorities: readonly X509Certificate[],
  ownEndsAt: number,
): Proof | undefined {
  const chain = chainTo(peer, sentWith(peer), authorities)
  const authority = chain?.at(-1)
  if (chain === undefined || authority === undefined) return undefined
  const certificates = chain.slice(0, -1).map((certificate, index) => ({
    serialNumber: serialText(certificate.serialNumber),
    issuerKeyId: keyIdOf(chain[index + 1] ?? authority),
    endsAt: endOf(certificate),
  }))
  return { certificates, authorityKeyId: keyIdOf(authority), ownEndsAt }
}
