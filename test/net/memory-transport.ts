/** A network in memory: byte streams with bounded windows, and as much proof of identity as a test wants. */
import { ReignError } from '../../src/errors.js'
import { remoteAddressOf } from '../../src/net/remote-address.js'
import type {
  ByteStream,
  Endpoint,
  ListenOptions,
  PeerIdentity,
  RemoteAddress,
  StreamEvents,
  Transport,
} from '../../src/net/transport.js'

export interface MemoryStreamFacts {
  readonly remote: RemoteAddress
  readonly secure?: boolean
  readonly identity?: PeerIdentity | undefined
}

/** One end. Bytes are copied when they leave, in a microtask, as far as the other end reads. */
export class MemoryStream implements ByteStream {
  readonly remote: RemoteAddress
  readonly secure: boolean
  readonly identity: PeerIdentity | undefined
  readonly alpn = undefined
  other!: MemoryStream
  /** Every write as it was made. */
  readonly writes: Buffer[] = []
  #queue: Uint8Array[] = []
  #waiting = 0
  #events: StreamEvents | undefined
  #paused = false
  #closing = false
  over = false

  constructor(facts: MemoryStreamFacts) {
    this.remote = facts.remote
    this.secure = facts.secure ?? false
    this.identity = facts.identity
  }

  /** Two ends that are each other's other. */
  static pair(a: MemoryStreamFacts, b: MemoryStreamFacts): [MemoryStream, MemoryStream] {
    const [one, two] = [new MemoryStream(a), new MemoryStream(b)]
    one.other = two
    two.other = one
    return [one, two]
  }

  get bytesWaiting(): number {
    return this.#waiting
  }

  get paused(): boolean {
    return this.#paused
  }

  start(events: StreamEvents): void {
    this.#events = events
    if (this.over) queueMicrotask(() => events.closed(undefined))
    this.other.pump()
  }

  write(bytes: Uint8Array): boolean {
    if (this.over || this.#closing) return false
    this.writes.push(Buffer.from(bytes))
    this.#queue.push(bytes)
    this.#waiting += bytes.length
    queueMicrotask(() => this.pump())
    return this.#waiting < 16_384
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    queueMicrotask(() => this.other.pump())
  }

  close(): void {
    this.#closing = true
    queueMicrotask(() => this.pump())
  }

  destroy(): void {
    if (this.over) return
    this.over = true
    this.#events = undefined
    queueMicrotask(() => this.other.ended())
  }

  /** The other end is gone; so is this. */
  ended(error?: Error): void {
    if (this.over) return
    this.over = true
    const events = this.#events
    this.#events = undefined
    queueMicrotask(() => this.other.ended())
    events?.closed(error)
  }

  /** Moves what waits to the other end, if it reads. */
  pump(): void {
    const to = this.other
    const waited = this.#waiting > 0
    while (this.#queue.length > 0 && to.#events !== undefined && !to.#paused && !to.over) {
      const bytes = this.#queue.shift() as Uint8Array
      this.#waiting -= bytes.length
      const copy = Uint8Array.from(bytes)
      // A stream that has taken bytes off its count looks at them no more: whoever does would see this.
      if (!to.#closing) to.#events.data(copy)
    }
    if (this.#waiting > 0 || this.over) return
    if (this.#closing) to.ended()
    else if (waited) this.#events?.drain()
  }
}

/** Listens and dials in memory. Addresses are what tests say they are. */
export class MemoryNetwork implements Transport {
  readonly #listening = new Map<number, ListenOptions>()
  #ports = 40_000
  /** What the accepting side sees of the dialling one. */
  dialledFrom: RemoteAddress = remoteAddressOf('127.0.0.1', 1)
  secure = false
  identity: PeerIdentity | undefined

  async dial(endpoint: Endpoint): Promise<ByteStream> {
    const [here, there] = this.connect(endpoint)
    void there
    return here
  }

  /** A stream whose dialling end is the test's to play with. */
  connect({ host, port }: Endpoint): [MemoryStream, MemoryStream] {
    const listener = this.#listening.get(port)
    if (listener === undefined) throw new ReignError('ERR_REIGN_UNREACHABLE', `nobody listens on ${port}`)
    const { secure, identity } = this
    const from = { remote: remoteAddressOf(host, port), secure, identity }
    const [here, there] = MemoryStream.pair(from, { remote: this.dialledFrom, secure, identity })
    listener.accept({
      remote: there.remote,
      open: async (signal) => {
        signal.addEventListener('abort', () => there.destroy())
        return there
      },
      refuse: () => there.destroy(),
    })
    return [here, there]
  }

  async listen({ host, port }: Endpoint, options: ListenOptions): ReturnType<Transport['listen']> {
    const chosen = port === 0 ? this.#ports++ : port
    this.#listening.set(chosen, options)
    return {
      endpoint: { host, port: chosen },
      close: async () => void this.#listening.delete(chosen),
    }
  }
}
