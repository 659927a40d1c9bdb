/**
 * Certificate revocation lists (RFC 5280, section 5), as far as a node has to know them.
 *
 * Whether a new connection is let in, OpenSSL decides, with the same lists. But it looks at a certificate once, in the handshake,
 * and a connection stands for months: that one which stands is looked at again is what this is for. So no connection is ever let
 * in by what is read here; it can only be closed.
 */
import { type KeyObject, verify, type X509Certificate } from 'node:crypto'
import { keyIdOf, serialText } from './chain.js'
import { DerError, DerReader, derInteger, derTime, tag } from './der.js'
import { pemBlocks, pemBytes } from './pem.js'

/** A list, as an authority has signed it. */
export interface RevocationList {
  /** When it was made, in milliseconds since 1970. */
  readonly thisUpdate: number
  /** When there was to be a newer one; `undefined`: it does not say. */
  readonly nextUpdate: number | undefined
  /** Counts up with each list of an authority; `undefined` when it has none. */
  readonly number: bigint | undefined
  /** The serial numbers of what is revoked, as `serialText` has them. */
  readonly revoked: ReadonlySet<string>
  /** Whether this authority's key has signed it. */
  isSignedBy(authority: X509Certificate): boolean
}

/** A list whose authority is known. */
export interface TrustedList extends RevocationList {
  /** The key of its authority: see `keyIdOf`. */
  readonly issuerKeyId: string
}

/** OIDs in hexadecimal. */
const oid = {
  crlNumber: '551d14',
  reasonCode: '551d15',
  invalidityDate: '551d18',
  authorityKeyIdentifier: '551d23',
} as const

/** The signatures that are checked: by which kind of key, and with which digest. RFC 5758, RFC 4055, RFC 8410. */
const signatures: Readonly<Record<string, { readonly key: string; readonly digest: string | null }>> = {
  '2a8648ce3d040302': { key: 'ec', digest: 'sha256' },
  '2a8648ce3d040303': { key: 'ec', digest: 'sha384' },
  '2a8648ce3d040304': { key: 'ec', digest: 'sha512' },
  '2a864886f70d01010b': { key: 'rsa', digest: 'sha256' },
  '2a864886f70d01010c': { key: 'rsa', digest: 'sha384' },
  '2a864886f70d01010d': { key: 'rsa', digest: 'sha512' },
  '2b6570': { key: 'ed25519', digest: null },
  '2b6571': { key: 'ed448', digest: null },
}

/**
 * The lists in a PEM text, in order.
 *
 * @throws `DerError` when one of them is none, or one of a kind that is not known here: one that covers a part of the certificates
 *   only, or speaks for other authorities. Cost: O(entries).
 */
export function readRevocationLists(pem: string): readonly RevocationList[] {
  return pemBlocks(pem, 'X509 CRL').map((block) => readRevocationList(pemBytes(block)))
}

/**
 * The newest list of each authority in a PEM text, and how many there are that none of the authorities has signed.
 *
 * @throws `DerError`, as {@link readRevocationLists}; and for a signature of a kind that is not known here.
 */
export function currentLists(
  pem: string,
  authorities: readonly X509Certificate[],
): { readonly lists: readonly TrustedList[]; readonly strangers: number } {
  const newest = new Map<string, TrustedList>()
  let strangers = 0
  for (const list of readRevocationLists(pem)) {
    const issuer = authorities.find((authority) => list.isSignedBy(authority))
    if (issuer === undefined) strangers++
    else {
      const issuerKeyId = keyIdOf(issuer)
      const known = newest.get(issuerKeyId)
      if (known === undefined || known.thisUpdate <= list.thisUpdate) newest.set(issuerKeyId, { ...list, issuerKeyId })
    }
  }
  return { lists: [...newest.values()], strangers }
}

function readRevocationList(der: Uint8Array): RevocationList {
  const file = new DerReader(der)
  const list = file.enter('the list', tag.sequence)
  file.end('the list')
  const signed = list.next('the part that is signed', tag.sequence)
  const algorithm = list.next('the algorithm of the signature', tag.sequence)
  const signature = list.next('the signature', tag.bitString).contents
  list.end('the signature')
  if (signature[0] !== 0) throw new DerError('the signature is not what it should be')
  const body = readBody(signed.contents, algorithm.whole)
  const scheme = signatures[oidText(new DerReader(algorithm.contents).next('the algorithm', tag.oid).contents)]
  return {
    ...body,
    isSignedBy: (authority) => {
      if (scheme === undefined) throw new DerError('it is signed in a way that is not known')
      const key = authority.publicKey
      return (
        key.asymmetricKeyType === scheme.key && isSignature(scheme.digest, signed.whole, key, signature.subarray(1))
      )
    },
  }
}

function isSignature(digest: string | null, bytes: Uint8Array, key: KeyObject, signature: Uint8Array): boolean {
  try {
    return verify(digest, bytes, key, signature)
  } catch {
    // A key of the right kind that this digest cannot go with.
    return false
  }
}

function readBody(bytes: Uint8Array, algorithm: Uint8Array): Omit<RevocationList, 'isSignedBy'> {
  const body = new DerReader(bytes)
  // Version 2 has extensions. Version 1 has no number.
  if (body.nextIs(tag.integer) && derInteger(body.next('the version', tag.integer)) !== 1n) {
    throw new DerError('the version is not known')
  }
  if (!Buffer.from(algorithm).equals(body.next('the algorithm of the signature', tag.sequence).whole)) {
    throw new DerError('it names two algorithms')
  }
  body.next('the name of the authority', tag.sequence)
  const times = [tag.utcTime, tag.generalizedTime]
  const thisUpdate = derTime(body.next('the day it was made', ...times))
  const nextUpdate = body.nextIs(...times) ? derTime(body.next('the day of the next', ...times)) : undefined
  const revoked = new Set<string>()
  if (body.nextIs(tag.sequence)) readEntries(body.enter('the entries', tag.sequence), revoked)
  let number: bigint | undefined
  if (body.nextIs(tag.context0)) {
    const extensions = body.enter('the extensions', tag.context0)
    const read = (id: string, critical: boolean, value: Uint8Array) => {
      if (id === oid.crlNumber) number = derInteger(new DerReader(value).next('the number', tag.integer))
      else if (critical && id !== oid.authorityKeyIdentifier)
        throw new DerError('it covers only a part, or is a difference')
    }
    readExtensions(extensions.enter('the extensions', tag.sequence), read)
    extensions.end('the extensions')
  }
  body.end('the extensions')
  return { thisUpdate, nextUpdate, number, revoked }
}

function readEntries(entries: DerReader, revoked: Set<string>): void {
  while (!entries.done) {
    const entry = entries.enter('an entry', tag.sequence)
    revoked.add(serialText(derInteger(entry.next('a serial number', tag.integer)).toString(16)))
    derTime(entry.next('the day of a revocation', tag.utcTime, tag.generalizedTime))
    if (entry.nextIs(tag.sequence)) {
      readExtensions(entry.enter('the extensions of an entry', tag.sequence), (id, critical) => {
        if (critical && id !== oid.reasonCode && id !== oid.invalidityDate) {
          throw new DerError('it speaks for other authorities')
        }
      })
    }
    entry.end('an entry')
  }
}

function readExtensions(extensions: DerReader, take: (id: string, critical: boolean, value: Uint8Array) => void): void {
  const booleanTag = 0x01
  while (!extensions.done) {
    const extension = extensions.enter('an extension', tag.sequence)
    const id = oidText(extension.next('the kind of an extension', tag.oid).contents)
    const critical = extension.nextIs(booleanTag) && extension.next('a mark', booleanTag).contents[0] !== 0
    take(id, critical, extension.next('the value of an extension', tag.octetString).contents)
    extension.end('an extension')
  }
}

function oidText(contents: Uint8Array): string {
  return Buffer.from(contents).toString('hex')
}
