/** The certificates in use: between two ends of Node.js, both of which verify. */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import {
  type ConnectionOptions,
  connect,
  createServer,
  type PeerCertificate,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nodeNamesOfSubjectAltName } from '../../src/certs/node-identity.js'
import { Workplace } from '../cli/command.js'
import { deadlineMs, within } from '../support/deadline.js'

const one = 'one@127.0.0.1'
const two = 'two@127.0.0.1'
/** OpenSSL's words for a chain that leads to nobody who is trusted; which, depends on what the other end sent along. */
const untrusted = /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|SELF_SIGNED_CERT_IN_CHAIN)$/

let place: Workplace
let foreign: Workplace
beforeAll(async () => {
  place = new Workplace()
  foreign = new Workplace()
  expect((await place.reign(['init', one, two])).code).toBe(0)
  expect((await foreign.reign(['init', one, two])).code).toBe(0)
})
afterAll(() => {
  place[Symbol.dispose]()
  foreign[Symbol.dispose]()
})

function material(name: string, from: Workplace = place) {
  const read = (file: string): Buffer => readFileSync(from.path('cluster', file))
  return { ca: read('ca.pem'), cert: read(`${name}.pem`), key: read(`${name}.key`) }
}

interface Meeting {
  readonly version: string | null
  /** Whom each end has met, by the name in the certificate; or the code of why it has not. */
  readonly clientMet: readonly string[] | string
  readonly serverMet: readonly string[] | string
}

/** One handshake; both ends verify, and say whom they have met. */
async function meet(server: TlsOptions, client: ConnectionOptions): Promise<Meeting> {
  const met = (socket: TLSSocket) =>
    nodeNamesOfSubjectAltName((socket.getPeerCertificate() as PeerCertificate).subjectaltname)
  const failed = (error: Error & { code?: string }, socket?: TLSSocket) =>
    String(socket?.authorizationError ?? error.code ?? error.message)
  const listener = createServer({ requestCert: true, rejectUnauthorized: true, ...server })
  const sockets: TLSSocket[] = []
  try {
    const serverMet = new Promise<readonly string[] | string>((resolve) => {
      listener.once('secureConnection', (socket) => {
        sockets.push(socket)
        socket.on('error', () => {})
        resolve(met(socket))
        socket.write('x')
      })
      listener.once('tlsClientError', (error, socket) => resolve(failed(error, socket)))
    })
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
    const { port } = listener.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', ...client })
    sockets.push(socket)
    // In TLS 1.3 the client is done before the server has looked at its certificate: only a byte tells that it has.
    const clientMet = new Promise<readonly string[] | string>((resolve) => {
      socket.once('data', () => resolve(met(socket)))
      socket.once('error', (error) => resolve(failed(error)))
      socket.once('close', () => resolve('closed'))
    })
    const [fromClient, fromServer] = await within(deadlineMs, Promise.all([clientMet, serverMet]), 'the handshake')
    return { version: socket.getProtocol(), clientMet: fromClient, serverMet: fromServer }
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => listener.close(resolve))
  }
}

describe.each(['TLSv1.3', 'TLSv1.2'] as const)('%s', (version) => {
  const only = { minVersion: version, maxVersion: version }

  test('both ends learn the node name of the other', async () => {
    for (const [server, client] of [
      [one, two],
      [two, one],
    ] as const) {
      const meeting = await meet({ ...material(server), ...only }, material(client))
      expect(meeting).toEqual({ version, clientMet: [server], serverMet: [client] })
    }
  })

  test('the server refuses a client of another authority, or without a certificate', async () => {
    const other = await meet({ ...material(one), ...only }, { ...material(two, foreign), ca: material(one).ca })
    expect(other.serverMet).toMatch(untrusted)
    const none = await meet({ ...material(one), ...only }, { ca: material(one).ca })
    expect(none.serverMet).toBe('ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE')
    for (const { clientMet } of [other, none]) expect(clientMet).toBeTypeOf('string')
  })

  test('the client refuses a server of another authority', async () => {
    // The server takes either authority, so that it is the client that refuses.
    const ca = [material(one).ca, material(one, foreign).ca]
    const meeting = await meet({ ...material(one, foreign), ca, ...only }, material(two))
    expect(meeting.clientMet).toMatch(untrusted)
  })

  test('the client refuses a server of another host', async () => {
    const meeting = await meet({ ...material(one), ...only }, { ...material(two), servername: 'shop.example.org' })
    expect(meeting.clientMet).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
  })
})
