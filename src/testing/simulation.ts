/**
 * A cluster, or a single node, in virtual time on a network in memory: with faults at will, and the same again for the same seed.
 *
 *   await using simulation = new Simulation({ seed: 1, nodes: ['a@sim', 'b@sim'] })
 *   const [a, b] = await simulation.startAll()
 *   simulation.cut('a@sim', 'b@sim')
 *   await simulation.run(90_000)                 // a minute and a half, in no time
 *
 * Nodes are real ones: all that is simulated are time, randomness, the network beneath TLS, and the order in which processes go
 * on where they could go on in any. Nothing happens unless time is moved or {@link Simulation.settle} is called. What code
 * awaits beside the node (files, sockets, `setTimeout`) is outside of this, and makes a run unlike the next.
 */

import { check, checkFunction, checkNumber, checkObject, checkText, refused } from '../arguments.js'
import { Node, type StartOptions } from '../cluster/node.js'
import type { ClusterSpecInput } from '../cluster/spec-schema.js'
import { ReignError } from '../errors.js'
import type { Logger, LogMethod } from '../logger.js'
import type { LocalOptions } from '../node/local-options.js'
import type { Address } from '../term/address.js'
import { parseNodeName } from '../term/node-name.js'
import { Conductor } from './conductor.js'
import { type Latency, SimulatedNetwork } from './network.js'
import { Random, seededEntropy } from './random.js'
import { Trace } from './trace.js'
import { VirtualClock } from './virtual-clock.js'
import { clearSky, deedsOf, type Fault } from './weather.js'

/** How a {@link Simulation} is made. */
export interface SimulationOptions {
  /** Decides everything that is left to chance. Default: 1. */
  readonly seed?: number | undefined
  /** The members of the cluster, `alive@host`; each is on a machine of its own, of the same name. None for local nodes alone. */
  readonly nodes?: readonly string[] | undefined
  /** How long pieces of bytes are under way. Default: 1 to 20 ms. */
  readonly latency?: Latency | undefined
  /** Bytes that may be under way in one direction of a connection; what is sent beyond waits at the sender. Default: 256 KiB. */
  readonly windowBytes?: number | undefined
  /** Passes messages within a node through the codec, as those between nodes: see `strict` of a node. Default: `false`. */
  readonly strict?: boolean | 'etf' | undefined
  /** Further fields of the cluster's specification, such as `tickTimeMs` or `mesh`. */
  readonly spec?: Partial<ClusterSpecInput> | undefined
  /** What each node is started with. */
  readonly options?: Partial<StartOptions> | undefined
}

/** A message that is about to get into a mailbox, or the value of a reply that is about to end a call. */
export interface Delivery {
  /** The node of the receiver. */
  readonly node: string
  /** The receiver; of a reply, the caller. */
  readonly to: Address<never>
  readonly message: unknown
}

/** Looks at each message before it arrives; `false` drops it. */
export type Interceptor = (delivery: Delivery) => unknown

/** A line that a node has logged. */
export interface LoggedLine {
  readonly atMs: number
  readonly node: string
  readonly level: 'error' | 'warn' | 'info' | 'debug' | 'trace'
  readonly fields: object
  readonly message: string
}

const windowBytesDefault = 256 * 1024
/** How long nodes may take to meet, and to stop. */
const meetMs = 60_000
const stopMs = 30_000

function checkLatency(latency: Latency | undefined): void {
  if (latency === undefined) return
  checkObject(latency, 'a latency')
  checkNumber(latency.minMs, 'minMs')
  checkNumber(latency.maxMs, 'maxMs', latency.minMs)
}

/** @throws `ERR_REIGN_ARGUMENT`, `ERR_REIGN_NODE_NAME`. */
function checkSimulation(options: SimulationOptions): void {
  checkObject(options, 'options')
  const { seed, nodes, latency, windowBytes } = options
  if (seed !== undefined) check(Number.isInteger(seed), 'a seed is a whole number', seed)
  check(nodes === undefined || Array.isArray(nodes), 'nodes are an array of names', nodes)
  for (const name of nodes ?? []) parseNodeName(name)
  checkLatency(latency)
  if (windowBytes !== undefined) checkNumber(windowBytes, 'windowBytes', 1)
}

/** See the head of this file. */
export class Simulation implements AsyncDisposable {
  readonly seed: number
  /** For whatever a test leaves to chance; drawn from nothing that the simulation itself draws from. */
  readonly random: Random
  readonly clock: VirtualClock
  /** @internal */
  readonly network: SimulatedNetwork
  /** All that nodes have logged above `debug`, oldest first. */
  readonly log: LoggedLine[] = []
  readonly #trace = new Trace()
  readonly #random: Random
  readonly #options: SimulationOptions
  readonly #interceptors = new Set<Interceptor>()
  /** The members, running or not. */
  readonly names: readonly string[]
  readonly #nodes = new Map<string, Node>()
  readonly #locals = new Set<Node>()
  /** The runs that are being stopped: how to end them at once. */
  readonly #stopping = new Map<string, () => void>()
  #started = 0

  constructor(options: SimulationOptions = {}) {
    checkSimulation(options)
    const { seed = 1, nodes = [], latency, windowBytes = windowBytesDefault } = options
    this.seed = seed
    this.#options = options
    this.names = nodes
    this.#random = new Random(seed)
    this.random = this.#random.fork()
    const conductor = new Conductor(this.#random.fork())
    this.clock = new VirtualClock({ turns: 'by hand', work: () => conductor.work() })
    this.network = new SimulatedNetwork(this.clock, this.#random.int(2 ** 32), {
      latency,
      chunks: true,
      windowBytes,
      identified: true,
      conductor,
      trace: this.#trace,
    })
  }

  /** The virtual milliseconds since the beginning. */
  get now(): number {
    return this.clock.now()
  }

  /** A sum of all that has gone over the network, and when. The same for the same seed and program. */
  get traceHash(): string {
    return this.#trace.hash
  }

  /** Takes down something of the test's own, so that it shows in {@link traceHash}. */
  note(...what: readonly (number | string)[]): void {
    this.#trace.add(...what)
  }

  // --- nodes --------------------------------------------------------------------------------------------------------

  /** A node without a network, as `Node.local`, in the time of this simulation. */
  async local(options: LocalOptions = {}): Promise<Node> {
    checkObject(options, 'options')
    const { machine, seams } = this.#machineFor(`local-${++this.#started}`)
    const node = await Node.local({ ...this.#nodeOptions(machine.name), ...options, ...seams })
    this.#locals.add(node)
    return node
  }

  /**
   * Starts a member: for the first time, or after its last run has ended in whichever way.
   *
   * @throws `ERR_REIGN_ARGUMENT` for what is no member, `ERR_REIGN_NAME_IN_USE` for one that runs; as `Node.start`.
   */
  async start(name: string, options: Partial<StartOptions> = {}): Promise<Node> {
    this.#member(name)
    checkObject(options, 'options')
    if (this.#nodes.has(name)) throw new ReignError('ERR_REIGN_NAME_IN_USE', `${name} runs already`)
    const { seams } = this.#machineFor(name)
    const node = await Node.start(name, {
      cluster: this.spec,
      transport: this.network.transport(name),
      ...this.#nodeOptions(name),
      ...this.#options.options,
      ...options,
      ...seams,
    })
    this.#nodes.set(name, node)
    return node
  }

  /** Starts all members that do not run, and lets time pass until they are connected with each other. */
  async startAll(): Promise<Node[]> {
    for (const name of this.names) if (!this.#nodes.has(name)) await this.start(name)
    await this.until(() => this.running.every((node) => node.nodes().length >= this.running.length - 1), meetMs)
    return this.names.map((name) => this.node(name))
  }

  /** The member of that name that runs. @throws `ERR_REIGN_ARGUMENT` when none does. */
  node(name: string): Node {
    const node = this.#nodes.get(name)
    if (node === undefined) throw refused('who is asked for is a member that runs', name)
    return node
  }

  /** Whether a member of that name runs. */
  runs(name: string): boolean {
    checkText(name, 'the name of a node')
    return this.#nodes.has(name)
  }

  /** The members that run, in the order in which they were named. */
  get running(): Node[] {
    return this.names.flatMap((name) => this.#nodes.get(name) ?? [])
  }

  /** The specification that the members read. */
  get spec(): ClusterSpecInput {
    const nodes = Object.fromEntries(this.names.map((name) => [name, { address: `127.0.0.1:${this.port(name)}` }]))
    return { nodes, cookie: 'the-cookie-of-a-simulation', tls: false, ...this.#options.spec }
  }

  /** Where a member listens. */
  port(name: string): number {
    this.#member(name)
    return 1_000 + this.names.indexOf(name)
  }

  /** Stops a member as an operator would, and lets the time pass that this takes. */
  async stop(name: string): Promise<void> {
    const node = this.node(name)
    this.#nodes.delete(name)
    await this.complete(node.stop(), stopMs)
    this.network.kill(name)
  }

  /** As {@link stop}, in the time that passes anyway: the name is free at once, and what is still to be sent may be lost. */
  stopMeanwhile(name: string): void {
    this.#member(name)
    const node = this.#nodes.get(name)
    if (node === undefined) return
    this.#nodes.delete(name)
    const machine = this.network.machine(name)
    const gone = () => {
      if (this.network.isLatest(machine)) this.network.kill(name)
    }
    this.#stopping.set(name, gone)
    void node.stop().then(gone)
  }

  /** @throws `ERR_REIGN_ARGUMENT` for what is no member. */
  #member(name: string): void {
    check(this.names.includes(name), `a member is one of ${this.names.join(', ')}`, name)
  }

  #machineFor(name: string) {
    // A run that takes its time to stop is over when the next one starts.
    this.#stopping.get(name)?.()
    this.#stopping.delete(name)
    const machine = this.network.machine(name)
    const { clock, scheduler } = machine
    const entropy = seededEntropy(this.#random.int(2 ** 32))
    return { machine, seams: { clock, scheduler, entropy } }
  }

  #nodeOptions(name: string): Pick<LocalOptions, 'logger' | 'strict' | 'admit'> {
    const at =
      (level: LoggedLine['level']): LogMethod =>
      (fields, message) =>
        this.log.push({ atMs: this.now, node: name, level, fields, message })
    const logger: Logger = { error: at('error'), warn: at('warn'), info: at('info'), debug: () => {}, trace: () => {} }
    const admit = (to: Address<never>, message: unknown) => this.#admits({ node: to.node, to, message })
    return { logger, strict: this.#options.strict, admit }
  }

  // --- time ---------------------------------------------------------------------------------------------------------

  /** Lets so many milliseconds pass, and all that is due in them happen. */
  run(ms: number): Promise<void> {
    return this.clock.run(ms)
  }

  /** Lets everything happen that takes no time. */
  settle(): Promise<void> {
    return this.clock.settle()
  }

  /**
   * Lets time pass until a condition is met.
   *
   * @returns The milliseconds that it took.
   * @throws `ERR_REIGN_TIMEOUT` when it is not met within so many; what the condition throws.
   */
  async until(condition: () => boolean, withinMs: number): Promise<number> {
    checkFunction(condition, 'a condition')
    checkNumber(withinMs, 'withinMs')
    const from = this.now
    await this.settle()
    while (!condition()) {
      const leftMs = from + withinMs - this.now
      if (leftMs <= 0) throw new ReignError('ERR_REIGN_TIMEOUT', `not so within ${withinMs} virtual ms: ${condition}`)
      await this.clock.step(leftMs)
    }
    return this.now - from
  }

  /**
   * Lets time pass until a promise settles, and gives what it resolves with. A call needs this: its reply takes time.
   *
   * @throws what it rejects with; `ERR_REIGN_TIMEOUT` when it has not settled within so many milliseconds.
   */
  async complete<T>(promise: Promise<T>, withinMs: number = meetMs): Promise<T> {
    check(typeof (promise as Promise<T> | undefined)?.then === 'function', 'what is waited for is a promise', promise)
    checkNumber(withinMs, 'withinMs')
    let settled = false
    const settles = () => {
      settled = true
    }
    promise.then(settles, settles)
    await this.until(() => settled, withinMs)
    return promise
  }

  // --- messages -----------------------------------------------------------------------------------------------------

  /**
   * Shows each message to a function before it arrives, from the node of the receiver or another, until the returned function is called.
   * What it returns `false` for is dropped, as by a receiver that never looks at it: no network of reign loses one message and lets
   * the next one through. Notices (`DOWN`, `EXIT`, …) are messages too.
   */
  intercept(interceptor: Interceptor): () => void {
    checkFunction(interceptor, 'an interceptor')
    this.#interceptors.add(interceptor)
    return () => {
      this.#interceptors.delete(interceptor)
    }
  }

  #admits(delivery: Delivery): boolean {
    let admitted = true
    for (const interceptor of this.#interceptors) if (interceptor(delivery) === false) admitted = false
    return admitted
  }

  // --- faults -------------------------------------------------------------------------------------------------------

  /** Pulls the cable between two machines: nothing passes, and nobody is told. `oneWay`: from the first to the second alone. */
  cut(from: string, to: string, options: { oneWay?: boolean } = {}): void {
    this.#member(from)
    this.#member(to)
    checkObject(options, 'options')
    this.network.cut(from, to, options.oneWay !== true)
  }

  /** Puts the cable between two machines in again, or all of them. What was under way arrives. */
  heal(one?: string, other?: string): void {
    if (one !== undefined) this.#member(one)
    if (other !== undefined) this.#member(other)
    this.network.heal(one, other)
  }

  /** Makes the way between two machines slow, or as fast as the others again. */
  delay(one: string, other: string, latency?: Latency): void {
    this.#member(one)
    this.#member(other)
    checkLatency(latency)
    this.network.delay(one, other, latency)
  }

  /** Breaks all connections between two machines; both sides see it at once. */
  reset(one: string, other: string): void {
    this.#member(one)
    this.#member(other)
    this.network.reset(one, other)
  }

  /** Kills a member, as `kill -9` does: nothing of it goes on, not even a `finally`; the others see its connections end. */
  crash(name: string): void {
    this.#member(name)
    if (this.#nodes.delete(name)) this.network.kill(name)
  }

  /** The power of a member's machine fails: as {@link crash}, but nobody hears of it before it starts anew or is missed. */
  switchOff(name: string): void {
    this.#member(name)
    if (this.#nodes.delete(name)) this.network.switchOff(name)
  }

  /** Stops the program of a member, as SIGSTOP or an endless loop does, until {@link thaw}. Its sockets stay open. */
  freeze(name: string): void {
    this.#member(name)
    this.network.freeze(name)
  }

  /** Lets it go on: first all its timers that are due, then what has come meanwhile. */
  thaw(name: string): void {
    this.#member(name)
    this.network.thaw(name)
  }

  /**
   * Sets the wall clock of a member's machine forward, or back, by so many milliseconds, as an operator or NTP does. The other clock, which all
   * time-outs and timers go by, goes on as ever.
   */
  stepClock(name: string, byMs: number): void {
    this.#member(name)
    checkNumber(byMs, 'byMs', -Number.MAX_VALUE)
    this.network.stepClock(name, byMs)
  }

  /**
   * Lets faults come and go while time passes, as {@link weather} or you have drawn them; and puts everything right in the end: all
   * cables are in, and every member runs.
   *
   * @param ms How long, in milliseconds. What is still to come then does not come.
   * @param started Called with each run that starts in the place of one that was ended: to start your processes on it.
   */
  async endure(faults: readonly Fault[], ms: number, started: (node: Node) => unknown = () => {}): Promise<void> {
    check(Array.isArray(faults), 'faults are an array', faults)
    checkNumber(ms, 'ms')
    checkFunction(started, 'what is called back')
    const from = this.now
    const tell = (name: string) => void started(this.node(name))
    for (const { atMs, perform } of deedsOf(this, faults, tell)) {
      if (atMs >= ms) break
      await this.run(Math.max(0, from + atMs - this.now))
      await perform()
    }
    await this.run(Math.max(0, from + ms - this.now))
    await clearSky(this, tell)
  }

  /** Puts in all cables, lets every program go on that stands still, makes every way as fast as it was, and sets all wall clocks right. */
  calm(): void {
    this.network.setClocks()
    this.network.heal()
    this.network.hurry()
    for (const name of this.names) this.thaw(name)
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  /** Heals everything and stops all nodes. Also by `await using`. */
  async close(): Promise<void> {
    this.calm()
    const nodes = [...this.#nodes.values(), ...this.#locals]
    this.#nodes.clear()
    this.#locals.clear()
    await this.complete(Promise.all(nodes.map((node) => node.stop())), stopMs)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
