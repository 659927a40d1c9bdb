/** A socket of Node.js, plain or TLS, as the {@link ByteStream} that the rest of the library knows. */
import type { Socket } from 'node:net'
import { systemClock } from '../clock.js'
import type { ByteStream, PeerIdentity, RemoteAddress, StreamEvents } from './transport.js'

/** What is known of the other end, and proved. */
export interface SocketFacts {
  readonly remote: RemoteAddress
  readonly secure: boolean
  readonly identity: PeerIdentity | undefined
  readonly alpn: string | undefined
}

/** See the head of this file. Takes the socket over: nobody else may read, write or close it. */
export class SocketStream implements ByteStream {
  readonly remote: RemoteAddress
  readonly secure: boolean
  readonly identity: PeerIdentity | undefined
  readonly alpn: string | undefined
  readonly #socket: Socket
  #events: StreamEvents | undefined
  #state: 'open' | 'closing' | 'over' = 'open'
  #error: Error | undefined

  constructor(socket: Socket, facts: SocketFacts) {
    this.remote = facts.remote
    this.secure = facts.secure
    this.identity = facts.identity
    this.alpn = facts.alpn
    this.#socket = socket
    // From the first moment: an 'error' that nobody listens for would end the host program.
    socket.on('error', (error) => {
      this.#error = error
      // Not every error closes the socket of itself: one that has just renegotiated its TLS would stay.
      socket.destroy()
    })
    socket.on('close', () => this.#over())
    // The other end closes as a whole. What we have not written yet, nobody there would read.
    socket.on('end', () => this.#over())
  }

  get bytesWaiting(): number {
    return this.#socket.writableLength
  }

  start(events: StreamEvents): void {
    this.#events = events
    if (this.#state === 'over') {
      systemClock.microtask(() => events.closed(this.#error))
      return
    }
    const socket = this.#socket
    // Listening for data starts the reading.
    socket.on('data', (bytes) => {
      if (this.#state === 'open') events.data(bytes)
    })
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state === 'open') this.#socket.write(bytes, this.#written)
    return false
  }

  /** Also called with an error, and then `close` follows. */
  readonly #written = (): void => {
    if (this.#state !== 'over' && this.#socket.writableLength === 0) this.#events?.drain()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    if (this.#events !== undefined) this.#socket.resume()
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#socket.end()
    // Go on reading, and drop what comes: a socket that is closed with bytes unread resets the connection, and a reset
    // can overtake our last bytes at the other end.
    this.#socket.resume()
  }

  destroy(): void {
    this.#state = 'over'
    this.#events = undefined
    this.#socket.destroy()
  }

  #over(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#socket.destroy()
    const events = this.#events
    this.#events = undefined
    events?.closed(this.#error)
  }
}
