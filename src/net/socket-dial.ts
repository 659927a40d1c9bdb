/** What plain and TLS sockets have in common while they are being opened: errors, ports in use, giving up. */
import type { Server, Socket } from 'node:net'
import { systemClock } from '../clock.js'
import { ReignError } from '../errors.js'
import { remoteAddressOf } from './remote-address.js'
import type { Endpoint, RemoteAddress, TransportListener } from './transport.js'

/**
 * Waits for `ready` on a socket that is being opened.
 *
 * @param blame Makes a coded error of what went wrong.
 * @returns rejects with that error, or with the reason of `signal`; the socket is destroyed then.
 */
export function opened(
  socket: Socket,
  ready: 'connect' | 'secureConnect',
  signal: AbortSignal,
  blame: (cause: Error) => ReignError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => {
      signal.removeEventListener('abort', aborted)
      socket.off(ready, succeeded)
      socket.off('close', closed)
      outcome()
    }
    let error: Error | undefined
    const aborted = () => {
      settle(() => reject(signal.reason))
      socket.destroy()
    }
    const succeeded = () => settle(resolve)
    const closed = () => settle(() => reject(blame(error ?? new Error('closed'))))
    // Stays: errors after a give-up are nobody's business, and must not end the host program.
    socket.on('error', (cause: Error) => {
      error ??= cause
    })
    if (signal.aborted) {
      aborted()
      return
    }
    signal.addEventListener('abort', aborted)
    socket.once(ready, succeeded)
    socket.once('close', closed)
  })
}

/** Nobody answers, and why. */
export function unreachable({ host, port }: Endpoint, cause: Error): ReignError {
  // Node.js tries all addresses of a name, and then sums the failures up in an error without a text of its own.
  const [last] = cause instanceof AggregateError ? cause.errors.slice(-1) : [cause]
  const text = last instanceof Error ? last.message : 'no address answers'
  return new ReignError('ERR_REIGN_UNREACHABLE', `${host} port ${port}: ${text}`, { cause })
}

/** The other end of a connected socket; `undefined` when it is gone already. */
export function remoteOf(socket: Socket): RemoteAddress | undefined {
  const { remoteAddress, remotePort } = socket
  return remoteAddress === undefined || remotePort === undefined
    ? undefined
    : remoteAddressOf(remoteAddress, remotePort)
}

/** Listens, exclusively; see `Transport.listen` for what it rejects with. */
export function listenOn(
  server: Server,
  { host, port }: Endpoint,
  failed: (error: Error) => void,
): Promise<TransportListener> {
  return new Promise((resolve, reject) => {
    const refused = (cause: NodeJS.ErrnoException) => reject(listenError(cause, { host, port }))
    server.once('error', refused)
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', refused)
      server.on('error', failed)
      const bound = server.address()
      if (bound === null || typeof bound === 'string') throw new Error('a TCP server has an address')
      resolve({
        endpoint: { host: bound.address, port: bound.port },
        close: () => closeListening(server),
      })
    })
  })
}

/**
 * The port is free as soon as the listening socket is closed, which happens at once. What Node.js calls back for is the end of
 * the last connection that was accepted on it, and those stay.
 */
function closeListening(server: Server): Promise<void> {
  server.close()
  return new Promise((closed) => systemClock.nextTurn(closed))
}

function listenError(cause: NodeJS.ErrnoException, { host, port }: Endpoint): ReignError {
  if (cause.code === 'EADDRINUSE') {
    return new ReignError('ERR_REIGN_PORT_IN_USE', `port ${port} of ${host} is in use`, { cause })
  }
  return new ReignError('ERR_REIGN_UNREACHABLE', `cannot listen on ${host} port ${port}: ${cause.message}`, { cause })
}
