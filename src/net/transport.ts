/**
 * The network as a seam: byte streams between nodes, whatever carries them.
 *
 * `tls-transport.ts` and `tcp-transport.ts` are the real ones; a simulator has one in memory. Nothing above this file knows
 * a socket. What a stream tells about its other end (`secure`, `identity`, `alpn`) is proved before the stream is
 * handed out, and never changes.
 */
import type { Proof } from '../certs/proof.js'

/** A host name or IP address (IPv6 without brackets), and a TCP port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** The other end of a stream, for bounds and log lines. It proves nothing. */
export interface RemoteAddress {
  /** The IP address alone: what bounds per address go by. */
  readonly address: string
  /** With the port, `127.0.0.1:40112` or `[::1]:40112`. */
  readonly text: string
  /** Whether it is this machine. */
  readonly loopback: boolean
}

/** Who the other end has proved to be. */
export interface PeerIdentity {
  /** The node names that its certificate carries; none for a certificate that was not made for reign. */
  readonly nodeNames: readonly string[]
  /**
   * What both ends have shown, by which the connection is judged for as long as it stands. Without one (a simulator's) it is never
   * closed for a certificate.
   */
  readonly proof?: Proof | undefined
}

/** What happens on a stream. Nothing is called before {@link ByteStream.start}, nor after `closed`. */
export interface StreamEvents {
  /** Bytes came. They belong to the receiver. */
  data(bytes: Uint8Array): void
  /** All that was written has gone out, after {@link ByteStream.write} gave `false`. */
  drain(): void
  /** The stream is over, in both directions; with an error if it broke. Called once, last; not after `destroy`. */
  closed(error: Error | undefined): void
}

/** An ordered stream of bytes in both directions. It breaks as a whole, or not at all. */
export interface ByteStream {
  readonly remote: RemoteAddress
  /** Nobody on the way can read or change it, and the other end has proved to belong to the cluster. */
  readonly secure: boolean
  /** `undefined` where nothing is proved: plain TCP. */
  readonly identity: PeerIdentity | undefined
  /** The application protocol (ALPN) that both ends have agreed on; `undefined` for none. */
  readonly alpn: string | undefined
  /** Bytes that were written and have not gone out. Those that no longer count are no longer looked at. */
  readonly bytesWaiting: number
  /** Lets events happen. To be called once; it reads nothing before. */
  start(events: StreamEvents): void
  /**
   * Writes bytes, which must stay as they are until they have gone out. `false`: more of it is better not written before `drain`,
   * which then comes, later than this returns.
   */
  write(bytes: Uint8Array): boolean
  /** Stops reading: `data` is not called until {@link resume}. The sender is slowed down, and in the end stopped. */
  pause(): void
  resume(): void
  /** Closes when everything written has gone out; `closed` follows when the other end has closed too. */
  close(): void
  /** Closes at once; what has not gone out is lost, and no event follows. */
  destroy(): void
}

/** What a transport is told about an outgoing stream. */
export interface DialOptions {
  /** The node that is dialled, `alive@host`: the host part goes into the server name of TLS. */
  readonly node: string
  /** The application protocols to offer, best first; empty to offer none. */
  readonly alpn: readonly string[]
  /** Gives up; the promise then rejects with the signal's reason. */
  readonly signal: AbortSignal
}

/** A stream that somebody else began, before anything is known of them. */
export interface IncomingStream {
  readonly remote: RemoteAddress
  /**
   * Proves who it is (TLS), and gives the stream. To be called at once, and once.
   *
   * @returns rejects with `ERR_REIGN_TLS`, or with the signal's reason.
   */
  open(signal: AbortSignal): Promise<ByteStream>
  /** Closes it at once; instead of {@link open}. */
  refuse(): void
}

/** What a transport is told about incoming streams. */
export interface ListenOptions {
  /** The application protocols that are spoken, best first; empty for none. */
  readonly alpn: readonly string[]
  accept(incoming: IncomingStream): void
  /** Something is wrong with listening itself, such as no files left for another socket. Listening goes on. */
  failed(error: Error): void
}

/** A port that is being listened on. */
export interface TransportListener {
  /** Where: with the port that was chosen, if port 0 was asked for. */
  readonly endpoint: Endpoint
  /** Stops listening; resolves when the port is free. Streams that were accepted stay. */
  close(): Promise<void>
}

/** Makes streams. */
export interface Transport {
  /**
   * Opens a stream to an endpoint.
   *
   * @returns rejects with `ERR_REIGN_UNREACHABLE` when nobody answers, `ERR_REIGN_TLS` when the other end cannot prove who
   * it is, `ERR_REIGN_CERTIFICATE` when our own credentials cannot be used, `ERR_REIGN_INSECURE` where plain text is
   * not permitted, or with the reason of the signal.
   */
  dial(endpoint: Endpoint, options: DialOptions): Promise<ByteStream>
  /**
   * Listens on an endpoint; port 0 for any free port.
   *
   * @returns rejects with `ERR_REIGN_PORT_IN_USE`, `ERR_REIGN_CERTIFICATE`, `ERR_REIGN_INSECURE`, or
   * `ERR_REIGN_UNREACHABLE` for an address that is not this machine's.
   */
  listen(endpoint: Endpoint, options: ListenOptions): Promise<TransportListener>
}
