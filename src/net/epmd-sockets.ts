/**
 * The sockets that the port mapper needs, as a seam: a test passes sockets of its own, and the whole of registering,
 * losing the daemon and taking over from it runs in memory and in virtual time.
 *
 * Plain TCP by nature: epmd has no secrets, and no node trusts what it says (the certificate decides who a peer is).
 */
import { createServer, type Socket, connect as tcpConnect } from 'node:net'
import { ReignError } from '../errors.js'

/** One end of a connection with epmd. */
export interface EpmdSocket {
  /** Writes bytes; they leave as one piece as far as the system keeps pieces together. */
  write(bytes: Uint8Array): void
  /** Writes the last bytes, and closes our direction after them. */
  end(bytes: Uint8Array): void
  /** Closes at once. `closed` is not called for it. */
  destroy(): void
}

/** What happens on a connection. Nothing is called after `closed`, nor after {@link EpmdSocket.destroy}. */
export interface EpmdSocketEvents {
  /** Bytes came. They are valid during the call only. */
  data(bytes: Uint8Array): void
  /** The other side will send nothing more. It may still read: our direction is open until we end or destroy it. */
  ended(): void
  /** Both directions are over, or the connection broke (then with the error). Called once, last. */
  closed(error: Error | undefined): void
}

/** The events of a connection that we began. */
export interface EpmdConnectEvents extends EpmdSocketEvents {
  /** The connection is up: requests can be written. Without it, `closed` says why. */
  open(): void
}

/** A port that is being listened on. */
export interface EpmdListener {
  readonly port: number
  /** Stops listening; the port is free when this resolves. Connections that were accepted stay. */
  close(): Promise<void>
}

/** Where the port mapper gets connections from. */
export interface EpmdSockets {
  connect(host: string, port: number, events: EpmdConnectEvents): EpmdSocket
  /**
   * Listens on one address.
   *
   * @param accept Called for each connection, with the address of the other end; `undefined` refuses it at once.
   * @returns rejects with `ERR_REIGN_PORT_IN_USE` when something listens there already.
   */
  listen(
    host: string,
    port: number,
    accept: (socket: EpmdSocket, remoteAddress: string) => EpmdSocketEvents | undefined,
  ): Promise<EpmdListener>
}

/** The sockets of this machine. */
export const systemEpmdSockets: EpmdSockets = {
  connect(host, port, events) {
    // Half open: epmd answers and then closes; a server must be able to answer one who has already said his last.
    const socket = tcpConnect({ host, port, allowHalfOpen: true, noDelay: true })
    const own = attach(socket, () => events)
    socket.once('connect', () => events.open())
    return own
  },

  listen(host, port, accept) {
    return new Promise((resolve, reject) => {
      const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
        // No address: the other end is gone already.
        if (socket.remoteAddress === undefined) {
          socket.destroy()
          return
        }
        const remoteAddress = socket.remoteAddress
        attach(socket, (own) => accept(own, remoteAddress))
      })
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const code = cause.code === 'EADDRINUSE' ? 'ERR_REIGN_PORT_IN_USE' : 'ERR_REIGN_EPMD'
        reject(new ReignError(code, `epmd cannot listen on ${host} port ${port}: ${cause.code}`, { cause }))
      })
      server.listen({ host, port, exclusive: true }, () => {
        // Errors after this one are of single connections that could not be accepted (out of files): not ours to end.
        server.removeAllListeners('error').on('error', () => {})
        const bound = server.address()
        resolve({
          port: typeof bound === 'object' && bound !== null ? bound.port : port,
          close: () => new Promise((closed) => void server.close(() => closed())),
        })
      })
    })
  },
}

/** Joins a TCP socket with its events; `events` is asked once, with the socket as the seam shows it. */
function attach(socket: Socket, events: (own: EpmdSocket) => EpmdSocketEvents | undefined): EpmdSocket {
  let over = false
  let failure: Error | undefined
  const own: EpmdSocket = {
    write: (bytes) => void socket.write(bytes),
    end: (bytes) => void socket.end(bytes),
    destroy: () => {
      over = true
      socket.destroy()
    },
  }
  // An 'error' without a listener would end the host program, also after we have lost interest.
  socket.on('error', (error) => {
    failure = error
  })
  const told = events(own)
  if (told === undefined) {
    own.destroy()
    return own
  }
  socket.on('data', (bytes) => {
    if (!over) told.data(bytes)
  })
  socket.on('end', () => {
    if (!over) told.ended()
  })
  socket.on('close', () => {
    if (over) return
    over = true
    told.closed(failure)
  })
  return own
}
