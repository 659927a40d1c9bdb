/** The revocation lists of the cluster's authority: which of its certificates are believed no more (RFC 5280, section 5). */
import { X509Certificate } from 'node:crypto'
import { systemClock } from '../clock.js'
import { ReignError } from '../errors.js'
import { type Authority, type IssueOptions, signingKey, validity } from './authority.js'
import { serialText } from './chain.js'
import { DerError } from './der.js'
import { pemBytes, pemText } from './pem.js'
import { currentLists } from './revocation-list.js'
import { loadX509 } from './x509.js'

/**
 * Days that a list is good for: as long as a node's certificate, so that one date a year is enough to remember.
 *
 * From its end on no new connection is made. Shorter ones make it certain sooner that a node which was off, and has missed a newer
 * list, is told so.
 */
export const revocationListDays = 398

/** What {@link issueRevocationList} can be told. */
export interface RevocationListOptions extends Pick<IssueOptions, 'clock'> {
  /** Days that the list is good for. Default: {@link revocationListDays}. */
  readonly days?: number
  /** The PEM text of the list that is to be replaced: what it has, the new one has too. */
  readonly before?: string
}

/** A list that was made. */
export interface IssuedRevocationList {
  /** In PEM. */
  readonly listPem: string
  /** Its serial numbers, as `serialText` has them. */
  readonly revoked: ReadonlySet<string>
  /** Until when it is good, in milliseconds since 1970. */
  readonly nextUpdate: number
}

const crlNumberOid = '2.5.29.20'

/**
 * Makes the next list of an authority.
 *
 * Nothing is ever taken out: a certificate that is revoked stays revoked, and the numbers of lists count up.
 *
 * @param serialNumbers What is revoked now, in hexadecimal; none for a list that is only good for longer.
 * @throws `ERR_REIGN_CERTIFICATE` when the list before is not one of this authority.
 */
export async function issueRevocationList(
  authority: Authority,
  serialNumbers: readonly string[],
  options: RevocationListOptions = {},
): Promise<IssuedRevocationList> {
  const { clock = systemClock, days = revocationListDays, before } = options
  const x509 = await loadX509()
  const issuer = new x509.X509Certificate(authority.certificatePem)
  const old = before === undefined ? undefined : readOwn(before, authority)
  const { notBefore, notAfter } = validity(clock, days)
  const kept = before === undefined ? [] : new x509.X509Crl(pemBytes(before)).entries
  const entries = kept.map(({ serialNumber, revocationDate, reason, invalidity }) => ({
    serialNumber,
    revocationDate,
    ...(reason !== undefined && { reason }),
    ...(invalidity !== undefined && { invalidity }),
  }))
  const revoked = new Set(old?.revoked)
  for (const serialNumber of serialNumbers.map(serialText)) {
    if (revoked.has(serialNumber)) continue
    revoked.add(serialNumber)
    entries.push({ serialNumber: evenDigits(serialNumber), revocationDate: new Date(clock.wallTime()) })
  }
  const keyId = issuer.getExtension(x509.SubjectKeyIdentifierExtension)?.keyId
  const list = await x509.X509CrlGenerator.create({
    issuer: issuer.subjectName,
    thisUpdate: notBefore,
    nextUpdate: notAfter,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    signingKey: await signingKey(authority.key),
    entries,
    extensions: [
      keyId === undefined
        ? await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey)
        : new x509.AuthorityKeyIdentifierExtension(keyId),
      new x509.Extension(crlNumberOid, false, derOf((old?.number ?? 0n) + 1n)),
    ],
  })
  return { listPem: pemText('X509 CRL', new Uint8Array(list.rawData)), revoked, nextUpdate: notAfter.getTime() }
}

function readOwn(pem: string, authority: Authority) {
  try {
    const [list] = currentLists(pem, [new X509Certificate(authority.certificatePem)]).lists
    if (list !== undefined) return list
  } catch (error) {
    if (!(error instanceof DerError)) throw error
    throw new ReignError('ERR_REIGN_CERTIFICATE', `the revocation list before cannot be used: ${error.message}`)
  }
  throw new ReignError('ERR_REIGN_CERTIFICATE', 'the revocation list before is not one of this authority')
}

/** A positive integer in DER. */
function derOf(value: bigint): Uint8Array<ArrayBuffer> {
  const digits = evenDigits(value.toString(16))
  const bytes = Buffer.from(/^[89a-f]/.test(digits) ? `00${digits}` : digits, 'hex')
  return Uint8Array.from([0x02, bytes.length, ...bytes])
}

function evenDigits(hex: string): string {
  return hex.length % 2 === 0 ? hex : `0${hex}`
}
