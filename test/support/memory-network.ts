/**
 * A network in memory, on a clock of the test's own: ordered streams with a delay for each piece, from a seed.
 *
 *   const clock = new VirtualClock()
 *   const network = new MemoryNetwork(clock, 42)
 *   const node = await Node.start('a@127.0.0.1', { cluster, clock, transport: network.transport('a') })
 *
 * What a stream does is what TCP does: bytes arrive in order, whole pieces at a time, or the stream ends. A partition lets
 * nothing through and says nothing, as a pulled cable does.
 */
import type { Clock, ClockTimer } from '../../src/clock.js'
import type { Entropy } from '../../src/entropy.js'
import { ReignError } from '../../src/errors.js'
import type {
  ByteStream,
  DialOptions,
  Endpoint,
  ListenOptions,
  RemoteAddress,
  StreamEvents,
  Transport,
  TransportListener,
} from '../../src/net/transport.js'

/** Numbers from 0 to 1, the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Randomness that a seed decides. */
export function seededEntropy(seed: number): Entropy {
  const random = seeded(seed)
  const uint32 = () => Math.floor(random() * 2 ** 32)
  return { uint32, bytes: (count) => Uint8Array.from({ length: count }, () => uint32() & 0xff) }
}

/** How long a piece of bytes is under way, in milliseconds. */
export interface Latency {
  readonly minMs: number
  readonly maxMs: number
}

/** See the head of this file. */
export class MemoryNetwork {
  readonly clock: Clock
  readonly random: () => number
  readonly #latency: Latency
  readonly #listeners = new Map<string, { readonly host: string; readonly options: ListenOptions }>()
  readonly #cuts = new Set<string>()
  readonly #streams = new Set<MemoryStream>()
  /** Machines that stand still, and what happened to them meanwhile. */
  readonly #frozen = new Map<string, (() => void)[]>()
  readonly #dials = new Map<string, number>()
  #ports = 40_000

  constructor(clock: Clock, seed: number, latency: Latency = { minMs: 1, maxMs: 20 }) {
    this.clock = clock
    this.random = seeded(seed)
    this.#latency = latency
  }

  /** The network as one machine has it. */
  transport(host: string): Transport {
    return {
      dial: (endpoint, options) => this.#dial(host, endpoint, options),
      listen: (endpoint, options) => this.#listen(host, endpoint, options),
    }
  }

  /** Lets nothing pass between two machines from now on, in the one direction or in both. */
  cut(from: string, to: string, both = true): void {
    this.#cuts.add(`${from}>${to}`)
    if (both) this.#cuts.add(`${to}>${from}`)
  }

  /** Lets everything pass again, also what waited: TCP sends again what was not acknowledged. */
  heal(): void {
    this.#cuts.clear()
    for (const stream of [...this.#streams]) stream.flow()
  }

  /** Resets all streams between two machines. */
  reset(one: string, other: string): void {
    for (const stream of [...this.#streams]) {
      if ((stream.from === one && stream.to === other) || (stream.from === other && stream.to === one)) stream.reset()
    }
  }

  /** The machine is gone: its ports are closed, and its streams are reset. */
  crash(host: string): void {
    for (const [port, listener] of this.#listeners) if (listener.host === host) this.#listeners.delete(port)
    for (const stream of [...this.#streams]) if (stream.from === host || stream.to === host) stream.reset()
  }

  /** The machine is gone without a word: nobody hears that its streams have ended. Another of that name may take its place. */
  vanish(host: string): void {
    for (const [port, listener] of this.#listeners) if (listener.host === host) this.#listeners.delete(port)
    for (const stream of [...this.#streams]) if (stream.from === host || stream.to === host) stream.mute()
  }

  /** The clock of a machine: that of the network, but that its timers stand still when the machine does. */
  clockOf(host: string): Clock {
    const { clock } = this
    interface Timer {
      inner: ClockTimer
      cleared: boolean
    }
    return {
      now: () => clock.now(),
      wallTime: () => clock.wallTime(),
      setTimer: (callback, delayMs) => {
        const timer: Timer = { inner: undefined, cleared: false }
        const fire = () => {
          if (!timer.cleared) callback()
        }
        timer.inner = clock.setTimer(() => this.onMachine(host, fire), delayMs)
        return timer
      },
      clearTimer: (timer) => {
        ;(timer as Timer).cleared = true
        clock.clearTimer((timer as Timer).inner)
      },
      holdProgram: (timer, holds) => clock.holdProgram((timer as Timer).inner, holds),
      nextTurn: (callback) => clock.nextTurn(callback),
      microtask: (callback) => clock.microtask(callback),
    }
  }

  /** The program of a machine stands still: blocked, or stopped. Its sockets stay open, and take in what comes. */
  freeze(host: string): void {
    if (!this.#frozen.has(host)) this.#frozen.set(host, [])
  }

  /** It goes on: first the timers that are due, in their order, then what has come to its sockets. */
  thaw(host: string): void {
    const missed = this.#frozen.get(host) ?? []
    this.#frozen.delete(host)
    for (const callback of missed) callback()
    for (const stream of [...this.#streams]) if (stream.from === host) stream.catchUp()
  }

  /** @internal Does something on a machine, now or when it goes on. */
  onMachine(host: string, callback: () => void): void {
    const missed = this.#frozen.get(host)
    if (missed === undefined) callback()
    else missed.push(callback)
  }

  /** @internal */
  isFrozen(host: string): boolean {
    return this.#frozen.has(host)
  }

  /** How often a machine has dialled a port. */
  dials(from: string, port: number): number {
    return this.#dials.get(`${from}>${port}`) ?? 0
  }

  /** Streams that are open: twice as many as connections. */
  get streamCount(): number {
    return this.#streams.size
  }

  /** @internal */
  isCut(from: string, to: string): boolean {
    return this.#cuts.has(`${from}>${to}`)
  }

  /** @internal */
  delay(): number {
    const { minMs, maxMs } = this.#latency
    return minMs + this.random() * (maxMs - minMs)
  }

  /** @internal */
  gone(stream: MemoryStream): void {
    this.#streams.delete(stream)
  }

  async #listen(host: string, { port }: Endpoint, options: ListenOptions): Promise<TransportListener> {
    const bound = port === 0 ? ++this.#ports : port
    const key = String(bound)
    if (this.#listeners.has(key)) throw new ReignError('ERR_REIGN_PORT_IN_USE', `port ${port} is in use`)
    const listener = { host, options }
    this.#listeners.set(key, listener)
    return {
      endpoint: { host: '127.0.0.1', port: bound },
      close: async () => {
        if (this.#listeners.get(key) === listener) this.#listeners.delete(key)
      },
    }
  }

  #dial(host: string, { port }: Endpoint, { signal }: DialOptions): Promise<ByteStream> {
    this.#dials.set(`${host}>${port}`, this.dials(host, port) + 1)
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      const refuse = () => reject(new ReignError('ERR_REIGN_UNREACHABLE', `port ${port}: connection refused`))
      const arrive = () => {
        const listener = this.#listeners.get(String(port))
        if (listener === undefined) return this.clock.setTimer(refuse, this.delay())
        // A pulled cable says nothing: the attempt ends by its own deadline.
        if (this.isCut(host, listener.host) || this.isCut(listener.host, host)) return
        const here = new MemoryStream(this, host, listener.host, ++this.#ports)
        const there = new MemoryStream(this, listener.host, host, this.#ports)
        here.other = there
        there.other = here
        this.#streams.add(here).add(there)
        // The system accepts it also while the program stands still.
        const incoming = { remote: there.remote, open: async () => there, refuse: () => there.destroy() }
        this.onMachine(listener.host, () => listener.options.accept(incoming))
        this.clock.setTimer(() => (signal.aborted ? here.destroy() : resolve(here)), this.delay())
      }
      this.clock.setTimer(arrive, this.delay())
    })
  }
}

/** One end of a stream. */
class MemoryStream implements ByteStream {
  readonly from: string
  readonly to: string
  readonly remote: RemoteAddress
  readonly secure = false
  readonly identity = undefined
  readonly alpn = undefined
  other!: MemoryStream
  readonly #network: MemoryNetwork
  #events: StreamEvents | undefined
  #state: 'open' | 'closing' | 'over' = 'open'
  /** What is under way to this end, in order; `undefined` is the end of the stream. */
  readonly #arriving: { readonly bytes: Uint8Array | undefined; readonly at: number }[] = []
  #timed = false
  #paused = false
  #mute = false

  constructor(network: MemoryNetwork, from: string, to: string, port: number) {
    this.#network = network
    this.from = from
    this.to = to
    this.remote = { address: '127.0.0.1', text: `127.0.0.1:${port}`, loopback: true }
  }

  get bytesWaiting(): number {
    return 0
  }

  start(events: StreamEvents): void {
    this.#events = events
    this.flow()
  }

  write(bytes: Uint8Array): boolean {
    if (this.#state === 'open') this.other.#send(Uint8Array.from(bytes))
    return true
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
    this.other.#send(undefined)
  }

  destroy(): void {
    if (this.#state === 'over') return
    if (this.#state === 'open') this.other.#send(undefined)
    this.#state = 'over'
    this.#events = undefined
    this.#network.gone(this)
  }

  /** The end of this stream, for this end, now. */
  reset(): void {
    if (this.#state === 'over') return
    this.#state = 'over'
    this.#network.gone(this)
    const events = this.#events
    this.#events = undefined
    this.#network.onMachine(this.from, () => events?.closed(new Error('reset')))
  }

  /** Nothing that is sent on it arrives any more. */
  mute(): void {
    this.#mute = true
  }

  #send(bytes: Uint8Array | undefined): void {
    if (this.#mute) return
    const { clock } = this.#network
    const before = this.#arriving.at(-1)?.at ?? 0
    this.#arriving.push({ bytes, at: Math.max(before, clock.now() + this.#network.delay()) })
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
    if (next === undefined || this.#timed || this.#paused || this.#events === undefined) return
    if (this.#network.isCut(this.to, this.from) || this.#network.isFrozen(this.from)) return
    this.#timed = true
    this.#network.clock.setTimer(() => this.#arrive(), Math.max(0, next.at - this.#network.clock.now()))
  }

  #arrive(): void {
    this.#timed = false
    if (this.#mute || this.#paused) return
    if (this.#network.isCut(this.to, this.from) || this.#network.isFrozen(this.from)) return
    const next = this.#arriving.shift()
    const events = this.#events
    if (next === undefined || events === undefined) return
    if (next.bytes === undefined) {
      if (this.#state === 'open') this.other.#send(undefined)
      this.#state = 'over'
      this.#events = undefined
      this.#network.gone(this)
      events.closed(undefined)
      return
    }
    if (this.#state === 'open') events.data(next.bytes)
    this.flow()
  }
}
