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

/**
 * Bytes that are taken in one turn of the event loop, about: small messages of so many bytes take a few milliseconds. One look of the
 * system at a socket can bring two megabytes, and whatever else waits for the event loop would wait for all of it.
 */
const turnBytesMax = 256 * 1024
/** Chunks that are smaller are not counted, so that whoever sends little pays nothing for it. */
const countedBytesMin = 8 * 1024

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
  #paused = false
  /** Bytes that came in this turn, if many did. */
  #turnBytes = 0

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
      if (bytes.length >= countedBytesMin) this.#count(bytes.length)
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
    this.#paused = true
    this.#socket.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#events !== undefined && this.#turnBytes < turnBytesMax) this.#socket.resume()
  }

  /** Lets others have their turn when much has come in this one. */
  #count(bytes: number): void {
    if (this.#turnBytes === 0) systemClock.nextTurn(this.#turnOver)
    this.#turnBytes += bytes
    if (this.#turnBytes >= turnBytesMax && this.#state === 'open') this.#socket.pause()
  }

  readonly #turnOver = (): void => {
    const rested = this.#turnBytes >= turnBytesMax
    this.#turnBytes = 0
    if (rested && !this.#paused && this.#state !== 'over') this.#socket.resume()
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
