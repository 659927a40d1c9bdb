/**
 * Mutual TLS: both ends show a certificate of the cluster's own authority, or there is no stream.
 *
 * There is no switch to turn any of it off. What is verified is verified by OpenSSL: the chain, the dates, the signature.
 * What the certificate says about the node's name is handed up as `identity`; whether it must match the name that the
 * node claims is decided above, where the claim is known. Whatever could bring back an earlier handshake, and with it
 * an earlier check (tickets, session identifiers, renegotiation), is off or refused.
 */
import { constants, createPrivateKey, X509Certificate } from 'node:crypto'
import { createServer, isIP, type LookupFunction, type Socket } from 'node:net'
import {
  connect,
  createSecureContext,
  createServer as createTlsServer,
  type SecureContext,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls'
import { endOf } from '../certs/chain.js'
import { nodeNamesOfSubjectAltName } from '../certs/node-identity.js'
import { pemBlocks, readCertificates } from '../certs/pem.js'
import { proofOf } from '../certs/proof.js'
import { systemClock } from '../clock.js'
import { ReignError } from '../errors.js'
import type { Secret } from '../secret.js'
import { parseNodeName } from '../term/node-name.js'
import { listenOn, opened, remoteOf, unreachable } from './socket-dial.js'
import { SocketStream } from './socket-stream.js'
import type {
  ByteStream,
  DialOptions,
  Endpoint,
  IncomingStream,
  ListenOptions,
  RemoteAddress,
  Transport,
  TransportListener,
} from './transport.js'

/** What a node shows, and whom it believes. All in PEM. */
export interface TlsCredentials {
  /** The node's certificate, and the chain up to the authority if there is one. */
  readonly cert: string
  readonly key: Secret
  /** The authorities that are believed; these alone, never the public ones. */
  readonly ca: string
  /** Their revocation lists, in PEM. With any, each authority must have one that is in date, or none of its certificates is accepted. */
  readonly crl?: string | undefined
  /** The permitted suites, as OpenSSL lists them, of TLS 1.3 and 1.2 together; `undefined` for those of Node.js. */
  readonly ciphers?: string | undefined
}

/** What {@link tlsTransport} can be told. */
export interface TlsTransportOptions {
  /**
   * Asked before each handshake, so that new credentials need no restart: give the same object until they change.
   * What it throws fails that one handshake.
   */
  readonly credentials: () => TlsCredentials
  /** The IP address that outgoing connections come from. Default: the system chooses. */
  readonly localAddress?: string | undefined
  /** How host names become addresses. Default: as the system does it, in a thread of its own. */
  readonly lookup?: LookupFunction | undefined
}

// Never resume: the check of the certificate would be skipped, and one that has expired since be let in.
const serverOptions = constants.SSL_OP_NO_TICKET
// A server that is renegotiated with closes (see `secured`); a client only declines, as it has no way to notice.
const clientOptions = constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION
const sessionTimeoutSeconds = 1

/** Streams over mutual TLS 1.3, or 1.2 with those that have no more (OTP 25 by default). */
export function tlsTransport(options: TlsTransportOptions): Transport {
  const contexts = new Contexts(options.credentials)

  return {
    async dial({ host, port }: Endpoint, { node, alpn, signal }: DialOptions): Promise<ByteStream> {
      signal.throwIfAborted()
      const serverName = parseNodeName(node).host
      const { localAddress, lookup } = options
      const belief = contexts.belief()
      const socket = connect({
        host,
        port,
        secureContext: belief.client,
        rejectUnauthorized: true,
        // Not the host that was dialled but the node that answers must be right, and that is checked above this.
        checkServerIdentity: () => undefined,
        // Server names are host names; TLS permits no addresses there.
        ...(isIP(serverName) === 0 && { servername: serverName }),
        ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
        ...(localAddress !== undefined && { localAddress }),
        ...(lookup !== undefined && { lookup }),
      })
      let connected = false
      socket.once('connect', () => {
        connected = true
      })
      await opened(socket, 'secureConnect', signal, (cause) => {
        return connected ? tlsError(cause, `${host} port ${port}`) : unreachable({ host, port }, cause)
      })
      return secured(socket, belief)
    },

    async listen(endpoint: Endpoint, { alpn, accept, failed }: ListenOptions): Promise<TransportListener> {
      const handshakes = new ServerHandshakes(contexts, alpn)
      const server = createServer({ noDelay: true }, (socket) => {
        const remote = remoteOf(socket)
        if (remote === undefined) socket.destroy()
        else accept(handshakes.incoming(socket, remote))
      })
      return listenOn(server, endpoint, failed)
    },
  }
}

/** What follows from some credentials. */
interface Belief {
  readonly credentials: TlsCredentials
  readonly authorities: readonly X509Certificate[]
  /** When our own certificate ends, in milliseconds since 1970. */
  readonly ownEndsAt: number
  readonly client: SecureContext
}

/** The OpenSSL contexts made of the credentials at hand: made anew when those change, as that costs a millisecond. */
class Contexts {
  readonly #provide: () => TlsCredentials
  #belief: Belief | undefined

  constructor(provide: () => TlsCredentials) {
    this.#provide = provide
  }

  belief(): Belief {
    const credentials = this.#provide()
    if (credentials !== this.#belief?.credentials) {
      this.#belief = usable(() => ({
        credentials,
        client: createSecureContext(contextOptions(credentials, clientOptions)),
        authorities: readCertificates(credentials.ca),
        ownEndsAt: endOf(new X509Certificate(credentials.cert)),
      }))
    }
    return this.#belief
  }
}

/** The listening side's handshakes. Node.js verifies clients only in its `tls.Server`, so one is kept that never listens. */
class ServerHandshakes {
  readonly #contexts: Contexts
  readonly #alpn: readonly string[]
  readonly #pending = new Map<string, (outcome: TLSSocket | Error) => void>()
  #belief: Belief
  readonly #server: TlsServer

  constructor(contexts: Contexts, alpn: readonly string[]) {
    this.#contexts = contexts
    this.#alpn = alpn
    this.#belief = contexts.belief()
    this.#server = this.#makeServer(this.#belief.credentials)
  }

  incoming(socket: Socket, remote: RemoteAddress): IncomingStream {
    // The socket may break before it is wrapped.
    socket.on('error', () => {})
    ;(socket as { [remoteKey]?: RemoteAddress })[remoteKey] = remote
    return {
      remote,
      open: (signal) => this.#open(socket, remote, signal),
      refuse: () => socket.destroy(),
    }
  }

  #open(socket: Socket, remote: RemoteAddress, signal: AbortSignal): Promise<ByteStream> {
    return new Promise((resolve, reject) => {
      let belief = this.#belief
      const settle = (outcome: TLSSocket | Error) => {
        if (this.#pending.get(remote.text) !== settle) return
        this.#pending.delete(remote.text)
        signal.removeEventListener('abort', aborted)
        socket.off('close', closed)
        if (!(outcome instanceof Error)) {
          try {
            resolve(secured(outcome, belief, remote))
          } catch (error) {
            reject(error)
          }
          return
        }
        socket.destroy()
        reject(outcome)
      }
      const aborted = () => settle(signal.reason)
      // A later turn: the reason, where there is one, comes just behind the close.
      const closed = () => {
        systemClock.nextTurn(() => settle(leftError(remote.text)))
      }
      this.#pending.set(remote.text, settle)
      signal.addEventListener('abort', aborted)
      socket.once('close', closed)
      // OpenSSL's part comes with the first byte: who only connects, and many can, costs a socket and no more.
      socket.once('readable', () => {
        try {
          signal.throwIfAborted()
          belief = this.#renew()
          this.#server.emit('connection', socket)
        } catch (error) {
          settle(error as Error)
        }
      })
    })
  }

  #makeServer(credentials: TlsCredentials): TlsServer {
    const server = usable(() =>
      createTlsServer({
        ...contextOptions(credentials, serverOptions),
        requestCert: true,
        rejectUnauthorized: true,
        sessionTimeout: sessionTimeoutSeconds,
        ...(this.#alpn.length > 0 && { ALPNProtocols: [...this.#alpn] }),
      }),
    )
    server.on('secureConnection', (socket) => this.#settle(socket, socket))
    server.on('tlsClientError', (error, socket) => this.#settle(socket, error))
    return server
  }

  /** New credentials count from the next handshake on; connections that stand are not touched. */
  #renew(): Belief {
    const belief = this.#contexts.belief()
    if (belief !== this.#belief) {
      usable(() => this.#server.setSecureContext(contextOptions(belief.credentials, serverOptions)))
      this.#belief = belief
    }
    return belief
  }

  #settle(socket: TLSSocket, outcome: TLSSocket | Error): void {
    // By address: no two live sockets of one listener have the same. One that was refused for its certificate is closed
    // by the time we hear of it and has no address any more; its inner socket still knows.
    const remote = remoteOf(socket) ?? remembered(socket)
    const settle = remote && this.#pending.get(remote.text)
    if (settle !== undefined) {
      settle(outcome instanceof Error ? strangerError(outcome, remote?.text ?? '', socket.authorizationError) : outcome)
    } else socket.destroy()
  }
}

/** The stream of a socket whose handshake has succeeded, once more looked at: nothing here may ever be otherwise. */
function secured(socket: TLSSocket, belief: Belief, remote = remoteOf(socket)): ByteStream {
  socket.on('error', () => {})
  const certificate = socket.getPeerX509Certificate()
  if (!socket.authorized || certificate === undefined || socket.isSessionReused() || remote === undefined) {
    socket.destroy()
    const why = socket.isSessionReused() ? 'it resumed an earlier session' : 'it is not authorised'
    throw tlsError(new Error(why), remote?.text ?? 'the other end')
  }
  const proof = proofOf(certificate, belief.authorities, belief.ownEndsAt)
  if (proof === undefined) {
    // OpenSSL has found a way to an authority. A connection that could not be judged later is not begun.
    socket.destroy()
    throw tlsError(new Error('no way leads from its certificate to an authority'), remote.text)
  }
  // With TLS 1.2 either end could ask for another handshake, again and again.
  socket.disableRenegotiation()
  socket.setNoDelay(true)
  const nodeNames = nodeNamesOfSubjectAltName(certificate.subjectAltName)
  // Node.js: `false` for none.
  const alpn = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : undefined
  return new SocketStream(socket, { remote, secure: true, identity: { nodeNames, proof }, alpn })
}

function contextOptions({ cert, key, ca, crl, ciphers }: TlsCredentials, secureOptions: number): SecureContextOptions {
  // Node.js takes an authority that is missing for "the public ones", one that cannot be read for "none", and a missing
  // certificate or key for "show none": each is an error here.
  for (const pem of [cert, ca]) new X509Certificate(pem)
  createPrivateKey(key.reveal())
  // And lists of which there is none for "check no revocation".
  if (crl !== undefined && pemBlocks(crl, 'X509 CRL').length === 0) throw new Error('no revocation list')
  return {
    cert,
    key: key.reveal(),
    ca,
    // Node.js reads one list of each text, and would leave out the others.
    ...(crl !== undefined && { crl: [...pemBlocks(crl, 'X509 CRL')] }),
    minVersion: 'TLSv1.2',
    // A list without suites of TLS 1.3 leaves Node.js all of them, permitted or not.
    maxVersion: ciphers === undefined || /(^|:)TLS_/.test(ciphers) ? 'TLSv1.3' : 'TLSv1.2',
    honorCipherOrder: true,
    secureOptions,
    ...(ciphers !== undefined && { ciphers }),
  }
}

/** What OpenSSL says of credentials names neither the file nor the key, but the code tells what kind of fault it is. */
function usable<T>(make: () => T): T {
  try {
    return make()
  } catch (cause) {
    const text = `the TLS credentials cannot be used: ${(cause as Error).message}`
    throw new ReignError('ERR_REIGN_CERTIFICATE', text, { cause })
  }
}

/** Why somebody was not let in: by a fault of theirs, or because they have left. */
function strangerError(cause: Error, who: string, verdict: Error | string | null): ReignError {
  // Node.js says this of whom it has refused for a certificate, too: then there is a verdict.
  const hungUp = (cause as NodeJS.ErrnoException).code === 'ECONNRESET' && !verdict
  return hungUp ? leftError(who, cause) : tlsError(cause, who, verdict)
}

function leftError(who: string, cause?: Error): ReignError {
  return new ReignError('ERR_REIGN_CONNECTION_LOST', `${who}: has left before the TLS handshake was done`, { cause })
}

/** @param verdict Why a certificate was not accepted, where that is known: a code of OpenSSL's. */
function tlsError(cause: Error, who: string, verdict?: Error | string | null): ReignError {
  // OpenSSL's messages carry thread ids, source files and line numbers; its reason says it all.
  const { code, reason } = cause as { code?: string; reason?: string }
  const why = verdict ?? reason ?? (code === undefined ? cause.message : `${cause.message} (${code})`)
  return new ReignError('ERR_REIGN_TLS', `${who}: no TLS connection: ${why}`, { cause })
}

/** Where a closed TLS socket was connected to. Not public in Node.js: without it only the text of an error is poorer. */
function remembered(socket: TLSSocket): RemoteAddress | undefined {
  const inner = (socket as { _parent?: { [remoteKey]?: RemoteAddress } })._parent
  return inner?.[remoteKey]
}

const remoteKey = Symbol('remote')
