/**
 * The cluster's own certificate authority: one P-256 key that signs the certificates of nodes and nothing else.
 *
 * Nodes trust this authority alone, never the public ones, so whoever holds its key can join as any node. Certificates
 * are written here and in issue.ts; verifying them is OpenSSL's, never this code's.
 */
import { createPrivateKey, KeyObject, webcrypto, X509Certificate } from 'node:crypto'
import { type Clock, systemClock } from '../clock.js'
import { type Entropy, systemEntropy } from '../entropy.js'
import { ReignError } from '../errors.js'
import { Secret } from '../secret.js'
import { loadX509 } from './x509.js'

/** Days that an authority is valid: ten years, as replacing it means a new certificate for every node. */
export const authorityDaysMax = 3_650

/** How far back a certificate begins, so that a node whose clock is a little late accepts it. */
export const backdateMs: number = 5 * 60_000

/** What every key of ours is: small certificates, fast handshakes, and known to every OTP that has TLS 1.2. */
export const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const

/** An authority that can sign. */
export interface Authority {
  /** The certificate, in PEM. Every node has it. */
  readonly certificatePem: string
  /** The private key, in PEM (PKCS #8). Belongs off-line. */
  readonly key: Secret
}

/** Where the date and the serial numbers come from. Keys come from OpenSSL, which takes no outside randomness. */
export interface IssueOptions {
  readonly clock?: Pick<Clock, 'wallTime'>
  readonly entropy?: Pick<Entropy, 'bytes'>
}

/**
 * Makes an authority: a new key, and a certificate that it signs itself.
 *
 * CA:TRUE with path length 0, so that nothing it signs can sign; keyUsage keyCertSign and cRLSign alone.
 */
export async function createAuthority(options: IssueOptions = {}): Promise<Authority> {
  const x509 = await loadX509()
  const entropy = options.entropy ?? systemEntropy
  const { notBefore, notAfter } = validity(options.clock ?? systemClock, authorityDaysMax)
  const keys = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  // A name of its own for each, so that two clusters' authorities are never taken for one another in a bundle.
  const mark = Buffer.from(entropy.bytes(4)).toString('hex')
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ O: ['reign'] }, { CN: [`cluster authority ${mark}`] }],
    serialNumber: serialNumber(entropy),
    notBefore,
    notAfter,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return Object.freeze({ certificatePem: `${certificate.toString('pem')}\n`, key: privateKeyPem(keys.privateKey) })
}

/**
 * An authority from its files, checked to be one that can sign now.
 *
 * @throws `ERR_REIGN_CERTIFICATE` when the texts are no certificate and key, do not belong together, are not an
 * authority's, or are out of date.
 */
export function openAuthority(certificatePem: string, key: Secret, options: IssueOptions = {}): Authority {
  const certificate = attempt(() => new X509Certificate(certificatePem), 'the authority has no readable certificate')
  const privateKey = attempt(() => createPrivateKey(key.reveal()), 'the authority has no readable private key')
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new ReignError('ERR_REIGN_CERTIFICATE', "the authority's private key does not belong to its certificate")
  }
  if (!certificate.ca) throw new ReignError('ERR_REIGN_CERTIFICATE', 'the certificate is not that of an authority')
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new ReignError(
      'ERR_REIGN_CERTIFICATE',
      "the authority's key is not on the curve P-256, as `reign init` makes",
    )
  }
  const now = (options.clock ?? systemClock).wallTime()
  if (now > Date.parse(certificate.validTo) || now < Date.parse(certificate.validFrom)) {
    const span = `from ${certificate.validFrom} to ${certificate.validTo}`
    throw new ReignError('ERR_REIGN_CERTIFICATE', `the authority is out of date: it is valid ${span}`)
  }
  return Object.freeze({ certificatePem, key })
}

/** The dates of a certificate made now, in whole seconds, as certificates have them. */
export function validity(clock: Pick<Clock, 'wallTime'>, days: number): { notBefore: Date; notAfter: Date } {
  const begin = Math.floor((clock.wallTime() - backdateMs) / 1_000) * 1_000
  return { notBefore: new Date(begin), notAfter: new Date(begin + days * 86_400_000) }
}

/** 16 random bytes in hexadecimal; the first from 40 to 7f, so that the number is positive and never shorter. */
export function serialNumber(entropy: Pick<Entropy, 'bytes'>): string {
  const bytes = Buffer.from(entropy.bytes(16))
  bytes[0] = (bytes.readUInt8(0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

/** The PEM text (PKCS #8) of a key that WebCrypto made. */
export function privateKeyPem(key: webcrypto.CryptoKey): Secret {
  return new Secret(KeyObject.from(key).export({ type: 'pkcs8', format: 'pem' }).toString())
}

/** The key of an authority, for WebCrypto to sign with. */
export function signingKey(key: Secret): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(key.reveal()).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', der, keyAlgorithm, false, ['sign'])
}

/** OpenSSL's own words are not passed on: they name neither the file nor the cause, and may quote the input. */
function attempt<T>(read: () => T, problem: string): T {
  try {
    return read()
  } catch {
    throw new ReignError('ERR_REIGN_CERTIFICATE', problem)
  }
}
