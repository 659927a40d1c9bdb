/**
 * The certificates that a specification names, looked at before a node starts with them.
 *
 * These checks spare an operator a node that starts and is then refused by everybody. They decide nothing: whether a peer
 * is let in is OpenSSL's to say, at each connection.
 */
import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { createSecureContext } from 'node:tls'
import { chainTo, keyIdOf } from '../certs/chain.js'
import { DerError } from '../certs/der.js'
import { nodeNamesOfSubjectAltName } from '../certs/node-identity.js'
import { holdsPrivateKey, pemBlocks, readCertificates } from '../certs/pem.js'
import { currentLists } from '../certs/revocation-list.js'
import { quoteRemote } from '../remote-text.js'
import type { Secret } from '../secret.js'

const serverAuth = '1.3.6.1.5.5.7.3.1'
const clientAuth = '1.3.6.1.5.5.7.3.2'

/** Where problems go: `field` as in the specification, `message` as the end of a sentence. */
export interface Findings {
  problem(field: string, message: string): void
  warning(field: string, message: string): void
}

/** Checks what is trusted: authorities only, one of them in date at least, and no key lying about. */
export function checkAuthorities(pem: string, nowMs: number, findings: Findings): readonly X509Certificate[] {
  if (holdsPrivateKey(pem)) {
    findings.problem('ca', 'holds a private key, which belongs off-line and never on a node')
  }
  const authorities = readCertificates(pem)
  if (authorities.length === 0) findings.problem('ca', 'holds no readable certificate in PEM')
  if (authorities.some((authority) => !authority.ca)) {
    findings.problem('ca', 'holds a certificate that is not an authority’s: it could let one node vouch for others')
  }
  const stale = authorities.map((authority) => outOfDate(authority, nowMs)).filter((text) => text !== undefined)
  if (stale.length > 0) {
    const message = `holds an authority that ${stale.join(', and one that ')}`
    if (stale.length === authorities.length) findings.problem('ca', message)
    else findings.warning('ca', message)
  }
  return authorities
}

/** Checks revocation lists: of those authorities, in date, and one for each, as OpenSSL asks for when it is given any. */
export function checkRevocationLists(
  pem: string,
  authorities: readonly X509Certificate[],
  nowMs: number,
  findings: Findings,
): void {
  if (holdsPrivateKey(pem)) findings.problem('crl', 'holds a private key, which belongs off-line and never on a node')
  const { lists, strangers } = attempt(() => currentLists(pem, authorities), findings) ?? {}
  if (lists === undefined || strangers === undefined) return
  if (lists.length === 0 && strangers === 0) return findings.problem('crl', 'holds no revocation list in PEM')
  if (lists.length > 0 && strangers > 0) {
    findings.warning('crl', 'holds a list that none of the authorities in ca has signed')
  }
  for (const { thisUpdate, nextUpdate } of lists) {
    const remade = '`reign revoke` makes it anew'
    if (nowMs < thisUpdate) findings.problem('crl', `holds a list that begins only on ${utc(thisUpdate)}`)
    else if (nextUpdate !== undefined && nowMs > nextUpdate) {
      findings.problem('crl', `holds a list that was good until ${utc(nextUpdate)}: ${remade}`)
    }
  }
  for (const authority of authorities) {
    if (outOfDate(authority, nowMs) !== undefined || lists.some((list) => list.issuerKeyId === keyIdOf(authority)))
      continue
    const name = quoteRemote(authority.subject.replaceAll('\n', ', '))
    const why = 'so that none of its certificates would be accepted: `reign revoke` makes an empty one'
    findings.problem('crl', `has no list of the authority ${name}, ${why}`)
  }
}

function attempt<T>(read: () => T, findings: Findings): T | undefined {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof DerError)) throw error
    findings.problem('crl', `holds a list that cannot be used: ${error.message}`)
    return undefined
  }
}

/** What the certificate of a node is checked against. */
export interface CertificateExpectation {
  readonly name: string
  readonly host: string
  /** Whether it must carry the name. */
  readonly named: boolean
  readonly authorities: readonly X509Certificate[]
  readonly nowMs: number
}

/** Checks a node's certificate. Gives it back when it can be read. */
export function checkNodeCertificate(
  pem: string,
  expected: CertificateExpectation,
  findings: Findings,
): X509Certificate | undefined {
  const [certificate, ...chain] = readCertificates(pem)
  if (certificate === undefined) {
    findings.problem('cert', 'holds no readable certificate in PEM')
    return undefined
  }
  const stale = outOfDate(certificate, expected.nowMs)
  if (stale !== undefined) findings.problem('cert', stale)
  if (certificate.ca) findings.problem('cert', 'is the certificate of an authority, not of a node')
  checkUsage(certificate, findings)
  checkNames(certificate, expected, findings)
  if (expected.authorities.length > 0 && chainTo(certificate, chain, expected.authorities) === undefined) {
    findings.problem('cert', 'is not signed by the authority in ca')
  }
  return certificate
}

function checkUsage(certificate: X509Certificate, findings: Findings): void {
  const usages: readonly string[] | undefined = certificate.keyUsage
  if (usages === undefined) return
  if (!usages.includes(serverAuth)) findings.problem('cert', 'may not be used by a server, and every node is one')
  if (!usages.includes(clientAuth)) findings.problem('cert', 'may not be used by a client, and every node is one')
}

function checkNames(
  certificate: X509Certificate,
  { name, host, named }: CertificateExpectation,
  findings: Findings,
): void {
  const names = nodeNamesOfSubjectAltName(certificate.subjectAltName)
  if (named && !names.includes(name)) {
    const instead = names.length === 0 ? 'it names no node' : `it is for ${names.join(', ')}`
    findings.problem('cert', `does not carry the node's name (URI:reign:${name}): ${instead}`)
  }
  // OTP looks the host up among the DNS names even when it is an IP address.
  const forOtp =
    isIP(host) === 0
      ? certificate.checkHost(host, { subject: 'never' }) !== undefined
      : certificate.subjectAltName?.split(', ').includes(`DNS:${host}`)
  if (!forOtp) findings.warning('cert', `has no DNS name ${host}: Erlang nodes that verify it will refuse it`)
}

/** Checks a private key, and that it is the one of the certificate. */
export function checkKey(pem: Secret, certificate: X509Certificate | undefined, findings: Findings): void {
  const key = readKey(pem)
  if (key === undefined) {
    const encrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|ENCRYPTED\r?\n/.test(pem.reveal())
    findings.problem(
      'key',
      encrypted ? 'is encrypted: a node cannot ask for the passphrase' : 'holds no readable private key in PEM',
    )
  } else if (certificate !== undefined && !certificate.checkPrivateKey(key)) {
    findings.problem('key', 'is not the key of cert')
  }
}

/** Lets OpenSSL look at all of it together: it may refuse a key as too short, or a digest as too old. */
export function checkContext(
  material: { ca: string; crl: string | undefined; cert: string; key: Secret; ciphers: string | undefined },
  findings: Findings,
): void {
  const { ca, crl, cert, key, ciphers } = material
  try {
    const lists = crl === undefined ? {} : { crl: [...pemBlocks(crl, 'X509 CRL')] }
    createSecureContext({ ca, cert, key: key.reveal(), ...lists, ...(ciphers !== undefined && { ciphers }) })
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'no code'
    findings.problem('cert', `is refused by OpenSSL (${code})`)
  }
}

function readKey(pem: Secret): KeyObject | undefined {
  try {
    return createPrivateKey(pem.reveal())
  } catch {
    return undefined
  }
}

function outOfDate(certificate: X509Certificate, nowMs: number): string | undefined {
  if (nowMs > Date.parse(certificate.validTo)) return `ended on ${certificate.validTo}`
  if (nowMs < Date.parse(certificate.validFrom)) return `begins only on ${certificate.validFrom}`
  return undefined
}

/** A time as certificates show theirs. */
function utc(timeMs: number): string {
  return new Date(timeMs).toUTCString()
}
