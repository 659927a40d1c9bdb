/**
 * Which authority a certificate comes from, and over which others: the way that OpenSSL has gone when it accepted it.
 *
 * Node.js shows what the peer has sent, which may be less than that way (the authority's own is often left out) or more
 * (anything at all), and never the way itself. So it is looked for again, link by link. Each signature is checked by OpenSSL.
 */
import { createHash, type X509Certificate } from 'node:crypto'

/** More certificates between a node's and an authority's than that are not looked at. Real chains have none, or one. */
const betweenMax = 8

/**
 * The certificates from `leaf` up to that of one of the authorities, both included.
 *
 * @param between What may lead there; only the first 8 are looked at. Nothing of it is believed before it is found to be signed.
 * @returns `undefined` when no way leads to an authority. Cost: one check of a signature (some 0.1 ms) for a node of ours.
 */
export function chainTo(
  leaf: X509Certificate,
  between: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): readonly X509Certificate[] | undefined {
  // As OpenSSL does, where two certificates have one key: rather the one that lasts longer.
  const believed = longestFirst(authorities)
  // Whether one leads on does not depend on how it was reached: each is tried once, so that nobody can make this long.
  const untried = new Set(longestFirst(between.slice(0, betweenMax)))
  const climb = (subject: X509Certificate): X509Certificate[] | undefined => {
    const authority = believed.find((candidate) => signs(candidate, subject))
    if (authority !== undefined) return [subject, authority]
    for (const candidate of untried) {
      if (!signs(candidate, subject)) continue
      untried.delete(candidate)
      const rest = climb(candidate)
      if (rest !== undefined) return [subject, ...rest]
    }
    return undefined
  }
  return climb(leaf)
}

function longestFirst(certificates: readonly X509Certificate[]): X509Certificate[] {
  return [...certificates].sort((a, b) => endOf(b) - endOf(a))
}

function signs(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey)
}

/** The certificates that the peer has sent beside its own, as Node.js strings them together; the first 8. */
export function sentWith(leaf: X509Certificate): readonly X509Certificate[] {
  const sent: X509Certificate[] = []
  for (let at = leaf.issuerCertificate; at !== undefined && sent.length < betweenMax; at = at.issuerCertificate) {
    sent.push(at)
  }
  return sent
}

/** Authorities are asked for theirs in every handshake, and to write a key out takes longer than to check a signature with it. */
const keyIds = new WeakMap<X509Certificate, string>()

/** What tells keys apart: the SHA-256 of the public key. The same for an authority's new certificate with its old key. */
export function keyIdOf(certificate: X509Certificate): string {
  const known = keyIds.get(certificate)
  if (known !== undefined) return known
  const der = certificate.publicKey.export({ type: 'spki', format: 'der' })
  const keyId = createHash('sha256').update(der).digest('hex')
  keyIds.set(certificate, keyId)
  return keyId
}

/** When a certificate ends, in milliseconds since 1970. */
export function endOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo)
}

/** A serial number in one form, whoever wrote it: hexadecimal digits in lower case, without leading zeros. */
export function serialText(serialNumber: string): string {
  const [, sign = '', digits = '0'] = /^(-?)0*([0-9a-f]+)$/i.exec(serialNumber) ?? []
  return `${sign}${digits.toLowerCase()}`
}
