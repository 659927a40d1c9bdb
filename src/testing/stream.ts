/** One end of a stream of a simulated network. */
import { ReignError } from '../errors.js'
import type { ByteStream, PeerIdentity, RemoteAddress, StreamEvents } from '../net/transport.js'
import type { Machine } from './machine.js'
import type { SimulatedNetwork } from './network.js'

/** How often what arrives is cut in two, and how often it is joined with what comes next, of 1. */
const splitChance = 0.05
const joinChance = 0.3
/** Pieces that arrive within so many milliseconds may arrive together. */
const joinMs = 2

/** What is under way to an end: bytes, or the end of the stream. */
interface Piece {
  readonly bytes: Uint8Array | undefined
  readonly at: number
}

/** See the head of this file. Made by the network alone. */
export class SimulatedStream implements ByteStream {
  readonly machine: Machine
  readonly to: string
  readonly remote: RemoteAddress
  readonly secure: boolean
  readonly identity: PeerIdentity | undefined
  readonly alpn: string | undefined
  other!: SimulatedStream
  readonly #network: SimulatedNetwork
  #events: StreamEvents | undefined
  #state: 'open' | 'closing' | 'over' = 'open'
  /** What is under way to this end, in order. */
  readonly #arriving: Piece[] = []
  #arrivingBytes = 0
  /** What is to go from this end, and finds no room on the way. */
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #timed = false
  #paused = false
  #mute = false

  constructor(network: SimulatedNetwork, machine: Machine, to: string, port: number, alpn: string | undefined) {
    this.alpn = alpn
    this.#network = network
    this.machine = machine
    this.to = to
    this.remote = { address: '127.0.0.1', text: `127.0.0.1:${port}`, loopback: true }
    this.secure = network.options.identified ?? false
    this.identity = this.secure ? { nodeNames: [to] } : undefined
  }

  /** The machine that this end is on. */
  get from(): string {
    return this.machine.name
  }

  get bytesWaiting(): number {
    return this.#waitingBytes
  }

  start(events: StreamEvents): void {
    this.#events = events
    this.flow()
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state !== 'open' || this.machine.isOff) return true
    const copy = new Uint8Array(bytes)
    if (this.#waiting.length === 0 && this.other.#hasRoom) {
      this.other.#send(copy)
      return true
    }
    this.#waiting.push(copy)
    this.#waitingBytes += copy.length
    return false
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.flow()
  }

  close(): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    if (this.#waiting.length === 0) this.other.#send(undefined)
  }

  destroy(): void {
    if (this.#state === 'over') return
    this.end()
    this.#state = 'over'
    this.#waiting = []
    this.#waitingBytes = 0
    this.#events = undefined
    this.#network.gone(this)
  }

  /** Tells the other end that nothing more comes. */
  end(): void {
    if (this.#state === 'open' || this.#waiting.length > 0) this.other.#send(undefined)
    if (this.machine.isOff) this.#network.gone(this)
  }

  /** The end of this stream, for this end, now. */
  reset(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#network.gone(this)
    const events = this.#events
    this.#events = undefined
    this.machine.does(() => events?.closed(new ReignError('ERR_REIGN_CONNECTION_LOST', 'reset')))
  }

  /** Nothing that is sent on it arrives any more. */
  mute(): void {
    this.#mute = true
  }

  /** Whether more may be under way to this end. */
  get #hasRoom(): boolean {
    const { windowBytes } = this.#network.options
    return windowBytes === undefined || this.#arrivingBytes < windowBytes
  }

  #send(bytes: Uint8Array | undefined): void {
    if (this.#mute) return
    const { clock } = this.#network
    const before = this.#arriving.at(-1)?.at ?? 0
    this.#arriving.push({ bytes, at: Math.max(before, clock.now() + this.#network.delayBetween(this.to, this.from)) })
    this.#arrivingBytes += bytes?.length ?? 0
    this.flow()
  }

  /** Takes in at once what has come while the machine stood still. */
  catchUp(): void {
    const { clock } = this.#network
    for (let next = this.#arriving[0]; next !== undefined && next.at <= clock.now(); next = this.#arriving[0]) {
      const before = this.#arriving.length
      this.#arrive()
      if (this.#arriving.length >= before) return
    }
    this.flow()
  }

  /** Sets the timer for what comes next, unless it is set, or nothing may come. */
  flow(): void {
    const next = this.#arriving[0]
    if (next === undefined || this.#timed || this.#isHeld || (this.#events === undefined && !this.machine.isOff)) return
    this.#timed = true
    this.#network.clock.setTimer(() => this.#arrived(), Math.max(0, next.at - this.#network.clock.now()))
  }

  get #isHeld(): boolean {
    if (this.#mute || this.#paused || this.machine.isFrozen) return true
    return this.#network.isCut(this.to, this.from)
  }

  #arrived(): void {
    this.#timed = false
    this.#arrive()
  }

  #arrive(): void {
    if (this.#isHeld) return
    if (this.machine.isOff) return this.#arriveNowhere()
    const events = this.#events
    if (events === undefined) return
    const next = this.#take()
    if (next === undefined) return
    this.#network.options.trace?.add(this.to, this.from, this.#network.clock.now(), next.bytes ?? 'end')
    if (next.bytes === undefined) return this.#ended(events)
    if (this.#state === 'open') events.data(next.bytes)
    this.other.#makeRoom()
    this.flow()
  }

  /** The machine is off. TCP sends again what nobody answers, until one that has started anew says that it knows of no such stream. */
  #arriveNowhere(): void {
    const { from, to } = this
    if (this.#network.isLatest(this.machine)) {
      if (this.other.#state === 'over') this.#network.gone(this)
      return
    }
    this.#network.gone(this)
    if (!this.#network.isCut(from, to)) {
      this.#network.clock.setTimer(() => this.other.reset(), this.#network.delayBetween(from, to))
    }
  }

  #ended(events: StreamEvents): void {
    if (this.#state === 'open') this.other.#send(undefined)
    this.#state = 'over'
    this.#events = undefined
    this.#network.gone(this)
    events.closed(undefined)
  }

  /** The piece that arrives next: perhaps only its first bytes, perhaps joined with those behind it. */
  #take(): Piece | undefined {
    const { random, clock, options } = this.#network
    const next = this.#arriving.shift()
    if (next?.bytes === undefined) return next
    this.#arrivingBytes -= next.bytes.length
    if (!options.chunks) return next
    const { length } = next.bytes
    if (length > 1 && random() < splitChance) {
      const at = 1 + Math.floor(random() * (length - 1))
      const rest = { bytes: next.bytes.slice(at), at: clock.now() + random() * joinMs }
      this.#arriving.unshift(rest)
      this.#arrivingBytes += length - at
      return { bytes: next.bytes.slice(0, at), at: next.at }
    }
    if (random() >= joinChance) return next
    const joined = [next.bytes]
    for (let more = this.#arriving[0]; more?.bytes !== undefined && more.at <= clock.now() + joinMs; ) {
      joined.push(more.bytes)
      this.#arrivingBytes -= more.bytes.length
      this.#arriving.shift()
      more = this.#arriving[0]
    }
    return { bytes: joined.length === 1 ? next.bytes : new Uint8Array(Buffer.concat(joined)), at: next.at }
  }

  /** The other end has taken something in: what waits here goes on its way. */
  #makeRoom(): void {
    if (this.#waiting.length === 0 || this.machine.isOff) return
    while (this.#waiting.length > 0 && this.other.#hasRoom) {
      const bytes = this.#waiting.shift() as Uint8Array
      this.#waitingBytes -= bytes.length
      this.other.#send(bytes)
    }
    if (this.#waiting.length > 0) return
    if (this.#state === 'closing') this.other.#send(undefined)
    else this.machine.does(() => this.#events?.drain())
  }
}
