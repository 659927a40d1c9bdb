/**
 * Plain TCP: nothing is secret, nothing is proved, and the cookie is the only lock.
 *
 * For one machine's own loop: whatever leaves it could be read and changed by anybody on the way, and the handshake's
 * MD5 be guessed at leisure. So every other address is refused, unless the user insists.
 */
import { connect, createServer, isIP, type LookupFunction } from 'node:net'
import { ReignError } from '../errors.js'
import { isLoopbackAddress } from './remote-address.js'
import { listenOn, opened, remoteOf, unreachable } from './socket-dial.js'
import { SocketStream } from './socket-stream.js'
import type { ByteStream, DialOptions, Endpoint, ListenOptions, Transport, TransportListener } from './transport.js'

/** What {@link tcpTransport} can be told. */
export interface TcpTransportOptions {
  /** Permits addresses other than loopback: in a network where nobody else can read, write or connect. */
  readonly anywhere?: boolean
  /** The IP address that outgoing connections come from. Default: the system chooses. */
  readonly localAddress?: string | undefined
  /** How host names become addresses. Default: as the system does it, in a thread of its own. */
  readonly lookup?: LookupFunction | undefined
}

/** Streams over plain TCP. They are not `secure` and have no `identity`; ALPN is TLS's, so there is none. */
export function tcpTransport(options: TcpTransportOptions = {}): Transport {
  const permitted = (address: string) => options.anywhere === true || isLoopbackAddress(address)

  return {
    async dial({ host, port }: Endpoint, { signal }: DialOptions): Promise<ByteStream> {
      if (isIP(host) !== 0 && !permitted(host)) throw insecure('dial', host)
      const { localAddress, lookup } = options
      const own = { ...(localAddress !== undefined && { localAddress }), ...(lookup !== undefined && { lookup }) }
      const socket = connect({ host, port, noDelay: true, ...own })
      await opened(socket, 'connect', signal, (cause) => unreachable({ host, port }, cause))
      const remote = remoteOf(socket)
      if (remote === undefined || !permitted(remote.address)) {
        socket.destroy()
        // A name is looked up only by connecting. Nothing has been sent.
        if (remote !== undefined) throw insecure('dial', `${host} (${remote.address})`)
        throw unreachable({ host, port }, new Error('closed at once'))
      }
      return new SocketStream(socket, { remote, secure: false, identity: undefined, alpn: undefined })
    },

    async listen(endpoint: Endpoint, { accept, failed }: ListenOptions): Promise<TransportListener> {
      if (endpoint.host !== 'localhost' && !permitted(endpoint.host)) throw insecure('listen on', endpoint.host)
      const server = createServer({ noDelay: true }, (socket) => {
        const remote = remoteOf(socket)
        if (remote === undefined || !permitted(remote.address)) {
          socket.destroy()
          return
        }
        const stream = new SocketStream(socket, { remote, secure: false, identity: undefined, alpn: undefined })
        accept({
          remote,
          open: async (signal) => {
            signal.throwIfAborted()
            return stream
          },
          refuse: () => stream.destroy(),
        })
      })
      return listenOn(server, endpoint, failed)
    },
  }
}

function insecure(what: string, host: string): ReignError {
  return new ReignError(
    'ERR_REIGN_INSECURE',
    `will not ${what} ${host} in plain text: without TLS only loopback addresses are permitted`,
  )
}
