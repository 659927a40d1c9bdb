/** Peers that mean harm, or are merely broken: what they show, and what they say. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ConnectionOptions, connect } from 'node:tls'
import { afterAll, afterEach } from 'vitest'
import { createAuthority } from '../../src/certs/authority.js'
import { hiddenFlags } from '../../src/dist/flags.js'
import { type HandshakeMessage, writeHandshakeMessage } from '../../src/dist/handshake-messages.js'
import type { TlsCredentials } from '../../src/net/tls-transport.js'
import type { Endpoint } from '../../src/net/transport.js'
import { Secret } from '../../src/secret.js'
import { eventually, within } from '../support/deadline.js'
import { credentialsFor, deadlineMs, sharedAuthority } from './net-kit.js'

export const victim = 'victim@127.0.0.1'
export const friend = 'friend@127.0.0.1'
/** What a friend says first. */
export const hello: HandshakeMessage & { tag: 'name' } = { tag: 'name', flags: hiddenFlags, creation: 5, name: friend }

/** To be done when the test is over, last first. */
export const cleanups: (() => unknown)[] = []
afterEach(async () => {
  for (const each of cleanups.splice(0).reverse()) await each()
})

const folder = mkdtempSync(join(tmpdir(), 'reign-rogue-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Kinds of certificates that nobody should believe, and what OpenSSL says of each. */
export const badKinds: [string, RegExp][] = [
  ['a foreign authority', /UNABLE_TO_VERIFY_LEAF_SIGNATURE/],
  ['expired', /CERT_HAS_EXPIRED/],
  ['not valid yet', /CERT_NOT_YET_VALID/],
  ['self-signed', /DEPTH_ZERO_SELF_SIGNED_CERT/],
  ['signed by the leaf of a node', /UNSPECIFIED|INVALID_CA/],
]

/** One of {@link badKinds}, with the name of {@link friend} in it. */
export async function badCredentials(kind: string): Promise<TlsCredentials> {
  const authority = await sharedAuthority()
  const ca = authority.certificatePem
  const day = 24 * 60 * 60 * 1_000
  switch (kind) {
    case 'a foreign authority':
      return { ...(await credentialsFor(await createAuthority(), friend)), ca }
    case 'expired':
      return credentialsFor(authority, friend, Date.now() - 400 * day)
    case 'not valid yet':
      return credentialsFor(authority, friend, Date.now() + 2 * day)
    case 'self-signed':
      return { ...selfSigned(`URI:reign:${friend}`), ca }
    case 'signed by the leaf of a node':
      return { ...leafOfLeaf(await credentialsFor(authority, friend)), ca }
    default:
      throw new Error(kind)
  }
}

function openssl(...args: string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe', cwd: folder })
}

function key(name: string): string {
  openssl('genpkey', '-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256', '-out', `${name}.key`)
  return readFileSync(join(folder, `${name}.key`), 'utf8')
}

function selfSigned(san: string): { cert: string; key: Secret } {
  const secret = key('self')
  openssl(
    'req',
    '-x509',
    '-new',
    '-key',
    'self.key',
    '-days',
    '9',
    '-subj',
    `/CN=${friend}`,
    '-addext',
    `subjectAltName=${san}`,
    '-out',
    'self.pem',
  )
  return { cert: readFileSync(join(folder, 'self.pem'), 'utf8'), key: new Secret(secret) }
}

/** A certificate signed with the key of a node, which is no authority. */
function leafOfLeaf(leaf: TlsCredentials): { cert: string; key: Secret } {
  writeFileSync(join(folder, 'leaf.pem'), leaf.cert)
  writeFileSync(join(folder, 'leaf.key'), leaf.key.reveal())
  const secret = key('sub')
  openssl('req', '-new', '-key', 'sub.key', '-subj', '/CN=sub', '-out', 'sub.csr')
  writeFileSync(join(folder, 'sub.ext'), `subjectAltName=URI:reign:${friend}\nextendedKeyUsage=serverAuth,clientAuth\n`)
  openssl(
    'x509',
    '-req',
    '-in',
    'sub.csr',
    '-CA',
    'leaf.pem',
    '-CAkey',
    'leaf.key',
    '-set_serial',
    '7',
    '-days',
    '9',
    '-extfile',
    'sub.ext',
    '-out',
    'sub.pem',
  )
  return { cert: readFileSync(join(folder, 'sub.pem'), 'utf8') + leaf.cert, key: new Secret(secret) }
}

/** A certificate of the cluster's authority with other alternative names than a node's. */
export async function oddlyNamed(san: string | undefined, commonName: string): Promise<TlsCredentials> {
  const authority = await sharedAuthority()
  writeFileSync(join(folder, 'ca.pem'), authority.certificatePem)
  writeFileSync(join(folder, 'ca.key'), authority.key.reveal())
  const secret = key('odd')
  openssl('req', '-new', '-key', 'odd.key', '-subj', `/CN=${commonName}`, '-out', 'odd.csr')
  writeFileSync(
    join(folder, 'odd.ext'),
    `extendedKeyUsage=serverAuth,clientAuth\n${san === undefined ? '' : `subjectAltName=${san}\n`}`,
  )
  openssl(
    'x509',
    '-req',
    '-in',
    'odd.csr',
    '-CA',
    'ca.pem',
    '-CAkey',
    'ca.key',
    '-set_serial',
    '8',
    '-days',
    '9',
    '-extfile',
    'odd.ext',
    '-out',
    'odd.pem',
  )
  return { cert: readFileSync(join(folder, 'odd.pem'), 'utf8'), key: new Secret(secret), ca: authority.certificatePem }
}

/** An end of a socket that says what it likes. */
export class Rogue {
  readonly socket: Socket
  received: Buffer = Buffer.alloc(0)
  readonly closed: Promise<void>
  error: NodeJS.ErrnoException | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.received = Buffer.concat([this.received, chunk])
    })
    socket.on('error', (error) => {
      this.error = error
    })
    this.closed = new Promise((resolve) => socket.on('close', () => resolve()))
    cleanups.push(() => socket.destroy())
  }

  send(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  say(message: HandshakeMessage): void {
    this.send(prefixed(writeHandshakeMessage(message)))
  }

  /** The messages that have come, once there are so many. */
  async heard(count: number): Promise<Buffer[]> {
    return eventually(
      () => {
        const frames: Buffer[] = []
        for (let at = 0; at + 4 <= this.received.length; ) {
          const end = at + 4 + this.received.readUInt32BE(at)
          frames.push(this.received.subarray(at + 4, end))
          at = end
        }
        return frames.length >= count && frames
      },
      deadlineMs,
      `${count} messages`,
    )
  }

  async isClosed(): Promise<void> {
    await within(deadlineMs, this.closed, 'the rogue to be cut off')
  }
}

/** With the length before it that TLS has from the first message on. */
export function prefixed(body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + body.length)
  bytes.writeUInt32BE(body.length)
  bytes.set(body, 4)
  return bytes
}

/** A client with these credentials, after its TLS handshake, or cut off by then. */
export async function rogueOverTls(
  { port, host }: Endpoint,
  credentials: Partial<TlsCredentials>,
  options: ConnectionOptions = {},
) {
  const { cert, key: secret, ca } = { ca: (await sharedAuthority()).certificatePem, ...credentials }
  const shown = cert === undefined || secret === undefined ? {} : { cert, key: secret.reveal() }
  const socket = connect({ port, host, ca, ...shown, checkServerIdentity: () => undefined, ...options })
  const rogue = new Rogue(socket)
  await within(
    deadlineMs,
    Promise.race([new Promise((secure) => socket.once('secureConnect', secure)), rogue.closed]),
    'TLS',
  )
  return rogue
}
