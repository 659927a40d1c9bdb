/**
 * A network in memory, on a clock of its own: ordered streams of bytes with a delay for each piece, from a seed.
 *
 * What a stream does is what TCP does: bytes arrive in order, whole pieces at a time, or the stream ends. A cut cable lets
 * nothing through and says nothing; what was under way arrives when it is whole again. It is the seam beneath TLS: streams may
 * carry who the other end is, as TLS would have proved it, and nothing is encrypted.
 */
import type { Clock } from '../clock.js'
import { ReignError } from '../errors.js'
import type {
  ByteStream,
  DialOptions,
  Endpoint,
  ListenOptions,
  Transport,
  TransportListener,
} from '../net/transport.js'
import type { Conductor } from './conductor.js'
import { Machine } from './machine.js'
import { Random } from './random.js'
import { SimulatedStream } from './stream.js'
import type { Trace } from './trace.js'

/** How long a piece of bytes is under way, in milliseconds: anything between the two. */
export interface Latency {
  readonly minMs: number
  readonly maxMs: number
}

/** How a {@link SimulatedNetwork} is made. */
export interface NetworkOptions {
  /** Default: 1 to 20 ms. */
  readonly latency?: Latency | undefined
  /** Cuts what is written into pieces, and joins pieces, at random. Off unless told. */
  readonly chunks?: boolean | undefined
  /** Bytes that may be under way in one direction; more wait at the sender (`bytesWaiting`). No bound unless given. */
  readonly windowBytes?: number | undefined
  /** Whether streams carry which nodes the other end may be, as over TLS: all those of its machine. */
  readonly identified?: boolean | undefined
  /** Decides what machines do when they could do several things. */
  readonly conductor?: Conductor | undefined
  readonly trace?: Trace | undefined
}

interface Port {
  readonly machine: Machine
  readonly options: ListenOptions
}

const defaultLatency: Latency = { minMs: 1, maxMs: 20 }

/** See the head of this file. */
export class SimulatedNetwork {
  readonly clock: Clock
  readonly random: () => number
  /** @internal */
  readonly options: NetworkOptions
  readonly #latency: Latency
  readonly #cables = new Map<string, Latency>()
  readonly #machines = new Map<string, Machine>()
  readonly #dark = new Set<string>()
  readonly #ports = new Map<number, Port>()
  readonly #cuts = new Set<string>()
  readonly #streams = new Set<SimulatedStream>()
  readonly #dials = new Map<string, number>()
  #portsTaken = 40_000

  constructor(clock: Clock, seed: number, options: Latency | NetworkOptions = {}) {
    this.clock = clock
    this.random = new Random(seed).next
    this.options = 'minMs' in options ? { latency: options } : options
    this.#latency = this.options.latency ?? defaultLatency
  }

  // --- machines -----------------------------------------------------------------------------------------------------

  /** The machine of that name; a new one, when there was none, or it was switched off. */
  machine(name: string): Machine {
    const known = this.#machines.get(name)
    if (known !== undefined && !known.isOff) return known
    const made = new Machine(name, this.clock, this.options.conductor)
    // The clock of a machine goes on without power.
    made.wallAheadMs = known?.wallAheadMs ?? 0
    this.#machines.set(name, made)
    this.#dark.delete(name)
    for (const stream of [...this.#streams]) if (stream.machine === known) stream.flow()
    return made
  }

  /** The network as a machine has it. */
  transport(name: string): Transport {
    const machine = this.machine(name)
    return {
      dial: (endpoint, options) => this.#dial(machine, endpoint, options),
      listen: (endpoint, options) => this.#listen(machine, endpoint, options),
    }
  }

  /** The clock of a machine: that of the network, but that its timers stand still when the machine does. */
  clockOf(name: string): Clock {
    return this.machine(name).clock
  }

  /** The program of a machine stands still: blocked, or stopped. Its sockets stay open, and take in what comes. */
  freeze(name: string): void {
    this.#machines.get(name)?.freeze()
  }

  /** It goes on: first the timers that are due, in their order, then what has come to its sockets. */
  thaw(name: string): void {
    const machine = this.#machines.get(name)
    if (machine === undefined) return
    machine.thaw(() => {
      for (const stream of [...this.#streams]) if (stream.machine === machine) stream.catchUp()
    })
  }

  /** Sets the wall clock of a machine forward, or back, by so many milliseconds. */
  stepClock(name: string, byMs: number): void {
    this.machine(name).wallAheadMs += byMs
  }

  /** All wall clocks are right again. */
  setClocks(): void {
    for (const machine of this.#machines.values()) machine.wallAheadMs = 0
  }

  /** The machine is gone: its ports are closed, and its streams are reset, at both ends and at once. */
  crash(name: string): void {
    this.#closePorts(name)
    for (const stream of [...this.#streams]) if (stream.from === name || stream.to === name) stream.reset()
  }

  /** The machine is gone without a word: nobody hears that its streams have ended. Another of that name may take its place. */
  vanish(name: string): void {
    this.#closePorts(name)
    for (const stream of [...this.#streams]) if (stream.from === name || stream.to === name) stream.mute()
  }

  /** Its program is killed: it does nothing any more, its ports are closed, and its system ends its streams. */
  kill(name: string): void {
    this.#end(name)
    for (const stream of [...this.#streams]) if (stream.from === name && stream.machine.isOff) stream.end()
  }

  /** Its power fails: it does nothing any more, and nobody hears of it; who dials it gets no answer. */
  switchOff(name: string): void {
    this.#end(name)
    this.#dark.add(name)
  }

  #end(name: string): void {
    this.#machines.get(name)?.switchOff()
    this.#closePorts(name)
    for (const stream of [...this.#streams]) {
      // Of a stream between two that are off nobody will ever hear. To others still goes what was held up on its way here.
      if (stream.machine.isOff && stream.other.machine.isOff) this.gone(stream)
      else if (stream.machine.isOff) stream.flow()
    }
  }

  #closePorts(name: string): void {
    for (const [port, { machine }] of this.#ports) if (machine.name === name) this.#ports.delete(port)
  }

  // --- cables -------------------------------------------------------------------------------------------------------

  /** Lets nothing pass between two machines from now on, in the one direction or in both. */
  cut(from: string, to: string, both = true): void {
    this.#cuts.add(`${from}>${to}`)
    if (both) this.#cuts.add(`${to}>${from}`)
  }

  /**
   * Lets everything pass again, between two machines or everywhere, also what waited: TCP sends again what was not acknowledged.
   */
  heal(one?: string, other?: string): void {
    if (one === undefined || other === undefined) this.#cuts.clear()
    else for (const cable of [`${one}>${other}`, `${other}>${one}`]) this.#cuts.delete(cable)
    for (const stream of [...this.#streams]) stream.flow()
  }

  /** Resets all streams between two machines. */
  reset(one: string, other: string): void {
    for (const stream of [...this.#streams]) {
      if ((stream.from === one && stream.to === other) || (stream.from === other && stream.to === one)) stream.reset()
    }
  }

  /** How long pieces are under way between two machines from now on, in both directions; as elsewhere, without a latency. */
  delay(one: string, other: string, latency?: Latency): void {
    for (const cable of [`${one}>${other}`, `${other}>${one}`]) {
      if (latency === undefined) this.#cables.delete(cable)
      else this.#cables.set(cable, latency)
    }
  }

  /** Makes every way as fast as it was in the beginning. */
  hurry(): void {
    this.#cables.clear()
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
  delayBetween(from: string, to: string): number {
    const { minMs, maxMs } = this.#cables.get(`${from}>${to}`) ?? this.#latency
    return minMs + this.random() * (maxMs - minMs)
  }

  /** @internal Whether that machine is the one of its name: none has been switched on after it. */
  isLatest(machine: Machine): boolean {
    return this.#machines.get(machine.name) === machine
  }

  /** @internal */
  gone(stream: SimulatedStream): void {
    this.#streams.delete(stream)
  }

  // --- streams ------------------------------------------------------------------------------------------------------

  async #listen(machine: Machine, { port }: Endpoint, options: ListenOptions): Promise<TransportListener> {
    const bound = port === 0 ? ++this.#portsTaken : port
    if (this.#ports.has(bound)) throw new ReignError('ERR_REIGN_PORT_IN_USE', `port ${port} is in use`)
    const listener: Port = { machine, options }
    this.#ports.set(bound, listener)
    return {
      endpoint: { host: '127.0.0.1', port: bound },
      close: async () => {
        if (this.#ports.get(bound) === listener) this.#ports.delete(bound)
      },
    }
  }

  #dial(machine: Machine, { port }: Endpoint, { node, alpn, signal }: DialOptions): Promise<ByteStream> {
    const from = machine.name
    this.#dials.set(`${from}>${port}`, this.dials(from, port) + 1)
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      const refused = () => machine.does(() => reject(refusal(port)))
      const arrive = () => {
        const listener = this.#ports.get(port)
        if (listener === undefined) {
          if (!this.#dark.has(node)) this.clock.setTimer(refused, this.delayBetween(from, node))
          return
        }
        const to = listener.machine.name
        // A pulled cable says nothing: the attempt ends by its own deadline.
        if (this.isCut(from, to) || this.isCut(to, from) || machine.isOff) return
        // As TLS does it: who listens chooses, and ends that share nothing do not connect.
        const agreed = listener.options.alpn.find((protocol) => alpn.includes(protocol))
        if (agreed === undefined && alpn.length > 0 && listener.options.alpn.length > 0) {
          this.clock.setTimer(refused, this.delayBetween(from, node))
          return
        }
        const here = new SimulatedStream(this, machine, to, ++this.#portsTaken, agreed)
        const there = new SimulatedStream(this, listener.machine, from, this.#portsTaken, agreed)
        here.other = there
        there.other = here
        this.#streams.add(here).add(there)
        this.options.trace?.add('dialled', from, to, this.clock.now())
        // The system accepts it also while the program stands still.
        const incoming = { remote: there.remote, open: async () => there, refuse: () => there.destroy() }
        listener.machine.does(() => listener.options.accept(incoming))
        const answered = () => machine.does(() => (signal.aborted ? here.destroy() : resolve(here)))
        this.clock.setTimer(answered, this.delayBetween(to, from))
      }
      this.clock.setTimer(arrive, this.delayBetween(from, node))
    })
  }
}

function refusal(port: number): ReignError {
  return new ReignError('ERR_REIGN_UNREACHABLE', `port ${port}: connection refused`)
}
