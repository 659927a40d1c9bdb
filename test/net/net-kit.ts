/** Nodes' ends for the tests of connections: credentials from one authority, logs that are kept, outcomes as promises. */
import type { Authority } from '../../src/certs/authority.js'
import { createAuthority } from '../../src/certs/authority.js'
import { issueNodeCertificate } from '../../src/certs/issue.js'
import type { HandshakePeer } from '../../src/dist/handshake.js'
import type { Verdict } from '../../src/dist/handshake-acceptor.js'
import type { ReignError } from '../../src/errors.js'
import type { Logger, LogMethod } from '../../src/logger.js'
import type { Connection, ConnectionLoss } from '../../src/net/connection.js'
import { type DialAttempt, type DialFailure, type DialTarget, dialConnection } from '../../src/net/dial.js'
import { type Listener, listenForNodes } from '../../src/net/listener.js'
import { type LocalEnd, type LocalEndOptions, localEnd } from '../../src/net/local-end.js'
import { tcpTransport } from '../../src/net/tcp-transport.js'
import { type TlsCredentials, tlsTransport } from '../../src/net/tls-transport.js'
import type { Endpoint } from '../../src/net/transport.js'
import { Secret } from '../../src/secret.js'
import { deadlineMs, within } from '../support/deadline.js'

export { deadlineMs }

export const loopback: Endpoint = { host: '127.0.0.1', port: 0 }

/** The credentials of a node, as `reign init` would make them. */
export async function credentialsFor(authority: Authority, name: string, wallTime?: number): Promise<TlsCredentials> {
  const options = wallTime === undefined ? {} : { clock: { wallTime: () => wallTime } }
  const { certificatePem, key } = await issueNodeCertificate(authority, name, options)
  return { cert: certificatePem, key, ca: authority.certificatePem }
}

let shared: Promise<Authority> | undefined
/** One authority for a test file. */
export function sharedAuthority(): Promise<Authority> {
  shared ??= createAuthority()
  return shared
}

export interface LogLine {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

/** A logger that keeps its lines. */
export function keptLog(): Logger & { readonly lines: LogLine[] } {
  const lines: LogLine[] = []
  const at = (level: string): LogMethod => {
    return (fields, message) => lines.push({ level, fields: { ...fields }, message })
  }
  return { lines, error: at('error'), warn: at('warn'), info: at('info'), debug: at('debug'), trace: at('trace') }
}

type EndOptions = Partial<LocalEndOptions> & { readonly secret?: string; readonly credentials?: TlsCredentials }

/** One node's end; plain TCP unless it has credentials. */
export function endOf(
  name: string,
  options: EndOptions = {},
): LocalEnd & { readonly logger: ReturnType<typeof keptLog> } {
  const { secret = 'secret', credentials, ...rest } = options
  const logger = keptLog()
  const made = localEnd({
    name,
    creation: 7,
    cookie: () => new Secret(secret),
    transport: credentials === undefined ? tcpTransport() : tlsTransport({ credentials: () => credentials }),
    logger,
    ...rest,
  })
  return Object.assign(made, { logger })
}

/** One node's end over TLS. */
export async function tlsEndOf(name: string, options: EndOptions = {}): Promise<ReturnType<typeof endOf>> {
  return endOf(name, { credentials: await credentialsFor(await sharedAuthority(), name), ...options })
}

/** A connection, and what happens on it. */
export class Watched {
  readonly connection: Connection
  readonly frames: string[] = []
  readonly lost: Promise<ConnectionLoss>
  loss: ConnectionLoss | undefined
  #wake: () => void = () => {}

  constructor(connection: Connection) {
    this.connection = connection
    connection.onFrame = (bytes, start, end) => {
      this.frames.push(Buffer.from(bytes.slice(start, end)).toString('latin1'))
      this.#wake()
    }
    this.lost = new Promise((resolve) => {
      connection.onClose = (loss) => {
        this.loss = loss
        resolve(loss)
      }
    })
  }

  /** Sends a frame. */
  send(text: string | Uint8Array): boolean {
    this.connection.outbox.begin().raw(typeof text === 'string' ? Buffer.from(text, 'latin1') : text)
    return this.connection.outbox.end()
  }

  /** Waits until that many frames have come. */
  async framesCame(count: number): Promise<string[]> {
    while (this.frames.length < count) {
      await within(
        deadlineMs,
        new Promise<void>((wake) => (this.#wake = wake)),
        `frame ${this.frames.length + 1} of ${count}`,
      )
    }
    return this.frames
  }

  async isLost(): Promise<ConnectionLoss> {
    return within(deadlineMs, this.lost, 'the loss of the connection')
  }
}

/** What came of a dial. */
export type Dialled =
  | { readonly up: Watched; readonly failure?: never }
  | { readonly up?: never; readonly failure: DialFailure }

export function dial(
  end: LocalEnd,
  node: string,
  endpoint: Endpoint,
  over: Partial<DialTarget> = {},
): { outcome: Promise<Dialled>; attempt: DialAttempt } {
  let attempt: DialAttempt | undefined
  const outcome = new Promise<Dialled>((resolve) => {
    attempt = dialConnection(
      end,
      { node, endpoint, takesOver: () => true, ...over },
      {
        up: (connection) => resolve({ up: new Watched(connection) }),
        failed: (failure) => resolve({ failure }),
      },
    )
  })
  return {
    outcome: within(deadlineMs, outcome, `the outcome of dialling ${node}`),
    attempt: attempt as DialAttempt,
  }
}

/** A dial that must succeed. */
export async function dialUp(end: LocalEnd, node: string, endpoint: Endpoint): Promise<Watched> {
  const { up, failure } = await dial(end, node, endpoint).outcome
  if (up === undefined) throw failure.error
  return up
}

/** A dial that must fail. */
export async function dialFails(end: LocalEnd, node: string, endpoint: Endpoint): Promise<DialFailure> {
  const { failure } = await dial(end, node, endpoint).outcome
  if (failure === undefined) throw new Error('the dial has succeeded')
  return failure
}

/** A listener, and whom it has accepted. */
export class Accepting {
  listener!: Listener
  readonly accepted: Watched[] = []
  readonly decided: HandshakePeer[] = []
  readonly dropped: [string, ReignError][] = []
  verdict: (peer: HandshakePeer) => Verdict = () => 'ok'
  judgement: (peer: HandshakePeer) => boolean | Promise<boolean> = () => true
  #wake: () => void = () => {}

  static async on(end: LocalEnd, endpoint: Endpoint = loopback): Promise<Accepting> {
    const made = new Accepting()
    made.listener = await listenForNodes(end, endpoint, {
      decide: (peer) => {
        made.decided.push(peer)
        return made.verdict(peer)
      },
      mayReplace: (peer) => made.judgement(peer),
      accepted: (connection) => {
        made.accepted.push(new Watched(connection))
        made.#wake()
      },
      dropped: (peer, error) => made.dropped.push([peer.name, error]),
    })
    return made
  }

  get endpoint(): Endpoint {
    return this.listener.endpoint
  }

  /** The connection of that number, when it is there. */
  async nth(number: number): Promise<Watched> {
    while (this.accepted[number] === undefined) {
      await within(deadlineMs, new Promise<void>((wake) => (this.#wake = wake)), `connection ${number}`)
    }
    return this.accepted[number]
  }

  async close(): Promise<void> {
    for (const each of this.accepted) void each.connection.close()
    await within(deadlineMs, this.listener.close(), 'the listener to close')
  }
}
