/**
 * The certificates of nodes: who a node is, signed by the cluster's authority.
 *
 * What is in one, and for whom:
 * - `URI:reign:NAME@HOST`: the node's name, which reign nodes compare with the one that the handshake claims.
 * - `DNS:HOST`, also when the host is an IP address: OTP compares the host text with the DNS names alone.
 * - `IP:HOST` when it is an IP address: for every other TLS client.
 * - CA:FALSE and keyUsage digitalSignature: a leaf signs handshakes, never certificates. Old OTP releases looked at the
 *   one or the other, so both are there. Key agreement is not needed: every permitted suite makes its own keys.
 * - both extended key usages: each node dials and accepts.
 */
import { createPublicKey, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { systemClock } from '../clock.js'
import { systemEntropy } from '../entropy.js'
import { ReignError } from '../errors.js'
import type { Secret } from '../secret.js'
import { parseNodeName } from '../term/node-name.js'
import {
  type Authority,
  type IssueOptions,
  keyAlgorithm,
  privateKeyPem,
  serialNumber,
  signingKey,
  validity,
} from './authority.js'
import { nodeUriPrefix } from './node-identity.js'
import { loadX509 } from './x509.js'

/** Days that a node's certificate is valid: the most that TLS clients at large accept. */
export const nodeCertificateDays = 398

/** Characters that a common name may have (X.520); nobody reads ours but people. */
const commonNameCharactersMax = 64

/** A node's certificate, and its key. */
export interface NodeCertificate {
  /** The certificate, in PEM. */
  readonly certificatePem: string
  /** The private key, in PEM (PKCS #8). */
  readonly key: Secret
  /** When it ends, in milliseconds since 1970. */
  readonly notAfter: number
}

/** How a node's certificate is made. */
export interface NodeIssueOptions extends IssueOptions {
  /** The key that the node has; a new one is made where there is none. */
  readonly key?: Secret | undefined
}

/**
 * Makes a certificate for a node that `authority` signs, and a new key unless one is given.
 *
 * @param name The node name, `one@127.0.0.1`.
 * @throws `ERR_REIGN_NODE_NAME` when the name is none; `ERR_REIGN_CERTIFICATE` when the given key cannot be read.
 */
export async function issueNodeCertificate(
  authority: Authority,
  name: string,
  options: NodeIssueOptions = {},
): Promise<NodeCertificate> {
  const { alive, host } = parseNodeName(name)
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(authority.certificatePem)
  const { key, publicKey } = options.key === undefined ? await newKey() : keptKey(options.key)
  const { notBefore, notAfter } = validity(options.clock ?? systemClock, nodeCertificateDays)
  // A certificate that outlives its authority is refused from that day on: better to say so in the certificate.
  const end = new Date(Math.min(notAfter.getTime(), issuer.notAfter.getTime()))
  const issuerKeyId = issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [{ O: ['reign'] }, { CN: [name.length <= commonNameCharactersMax ? name : alive.slice(0, 64)] }],
    issuer: issuer.subjectName,
    serialNumber: serialNumber(options.entropy ?? systemEntropy),
    notBefore,
    notAfter: end,
    publicKey,
    signingKey: await signingKey(authority.key),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: host },
        ...(isIP(host) === 0 ? [] : [{ type: 'ip' as const, value: host }]),
        { type: 'url', value: `${nodeUriPrefix}${name}` },
      ]),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      issuerKeyId === undefined
        ? await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)
        : new x509.AuthorityKeyIdentifierExtension(issuerKeyId),
    ],
  })
  return Object.freeze({
    certificatePem: `${certificate.toString('pem')}\n`,
    key,
    notAfter: end.getTime(),
  })
}

/** A key, with its public half in DER (SPKI). */
interface NodeKey {
  readonly key: Secret
  readonly publicKey: Buffer
}

async function newKey(): Promise<NodeKey> {
  const { privateKey } = await webcrypto.subtle.generateKey(keyAlgorithm, true, ['sign', 'verify'])
  return keptKey(privateKeyPem(privateKey))
}

function keptKey(key: Secret): NodeKey {
  try {
    return { key, publicKey: createPublicKey(key.reveal()).export({ type: 'spki', format: 'der' }) }
  } catch {
    // Not with OpenSSL's words, which may quote what they could not read.
    throw new ReignError('ERR_REIGN_CERTIFICATE', 'the node has no readable private key')
  }
}
