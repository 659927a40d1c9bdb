/** Texts in PEM: several certificates, or several revocation lists, one behind the other. */
import { X509Certificate } from 'node:crypto'

/** Kinds of PEM blocks that are read here. */
export type PemLabel = 'CERTIFICATE' | 'X509 CRL'

/** The blocks of one kind in a text, in order, each with its first and last line. What stands between them is skipped. */
export function pemBlocks(pem: string, label: PemLabel): readonly string[] {
  return pem.match(new RegExp(`-----BEGIN ${label}-----[\\s\\S]*?-----END ${label}-----`, 'g')) ?? []
}

/** The bytes of a block; those that are no base64 are skipped, as everywhere in PEM. */
export function pemBytes(block: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(block.replace(/-----[^-]*-----/g, ''), 'base64'))
}

/** A block of these bytes, with a newline at its end. */
export function pemText(label: PemLabel, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}

/** The certificates in a PEM text, in order; none when there is none, or one that cannot be read. */
export function readCertificates(pem: string): readonly X509Certificate[] {
  try {
    return pemBlocks(pem, 'CERTIFICATE').map((block) => new X509Certificate(block))
  } catch {
    return []
  }
}

/** Whether a text holds a private key. */
export function holdsPrivateKey(pem: string): boolean {
  return /-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)
}
