/**
 * A node without a network: processes, mailboxes, names and timers. What a cluster adds is in cluster/node.ts.
 */
import { type Clock, systemClock } from '../clock.js'
import { type Entropy, systemEntropy } from '../entropy.js'
import { describe, ReignError } from '../errors.js'
import { normal, shutdown } from '../exit-reason.js'
import { type Logger, silent } from '../logger.js'
import { call, callIn, reply, sendTo } from '../process/call.js'
import { type DeadLetter, DeadLetters } from '../process/dead-letters.js'
import type { Entity } from '../process/entity.js'
import { Guard } from '../process/guard.js'
import type { Host } from '../process/host.js'
import type { Inbox } from '../process/inbox.js'
import { Mailbox } from '../process/mailbox.js'
import type { Target, TimeoutNotice } from '../process/notices.js'
import { Process, type ProcessFunction, type Spawner, type SpawnOptions, spawnArguments } from '../process/process.js'
import { type Scheduler, SliceScheduler } from '../process/scheduler.js'
import { Service } from '../process/service.js'
import type { ReceiveOptions } from '../process/waiter.js'
import { Address, type Entrance } from '../term/address.js'
import { AddressBook } from '../term/address-book.js'
import { Incarnation } from '../term/incarnation.js'
import { Named, named } from '../term/named.js'
import { Ref } from '../term/ref.js'
import { Timers } from '../timers.js'
import { Exposed, type ExposedFunction } from './exposed.js'
import { inspect, type ProcessInfo } from './inspect.js'
import { ProcessTable } from './process-table.js'
import { Registry } from './registry.js'
import type { RemotePort } from './remote-port.js'
import { RemoteSpawn } from './remote-spawn.js'
import { Router } from './router.js'
import { TimerService } from './timer-service.js'

/** Erlang's name for a node that is in no cluster. */
export const nowhereName = 'nonode@nohost'

/** What every node can be given. */
export interface LocalOptions {
  /** Where crash reports and warnings go. */
  logger?: Logger | undefined
  /** Time; the machine's unless a simulation passes its own. */
  clock?: Clock | undefined
  /** Randomness; the machine's unless a simulation passes its own. */
  entropy?: Entropy | undefined
  /** The order in which processes go on; a simulation passes its own. */
  scheduler?: Scheduler | undefined
  /**
   * Charges errors that reach nobody (a rejected promise that nobody awaits, a throw in the callback of a timer or socket) to
   * the process that they were made in, which ends with them; others are logged, and the program goes on. Off by default:
   * it listens to `uncaughtException` and `unhandledRejection`, which belong to the host program, and costs throughput.
   */
  guard?: boolean | undefined
}

/** @internal */
export interface NodeSetup extends LocalOptions {
  name: string
  creation: number
  /** Passes a local message through the codec, in strict mode. */
  copy?: ((message: unknown) => unknown) | undefined
}

const noTies = { link: false, monitor: false } as const

/** See the head of this file. */
export class LocalNode implements Spawner {
  /** The name of this node: `shop@127.0.0.1`; `nonode@nohost` when it is in no cluster. */
  readonly name: string
  /** @internal */
  readonly addressBook: AddressBook
  /** @internal */
  readonly clock: Clock
  /** @internal */
  readonly entropy: Entropy
  /** @internal */
  readonly logger: Logger
  /** @internal */
  readonly router: Router
  /** @internal The node itself, as the sender and owner of what no process is. Erlang: `net_kernel`. */
  readonly system: Service
  /** @internal */
  protected readonly exposed: Exposed = new Exposed()
  /** @internal */
  protected readonly host: Host
  readonly #table = new ProcessTable()
  readonly #registry = new Registry()
  readonly #letters = new DeadLetters()
  readonly #timers: Timers
  readonly #timerService: TimerService
  readonly #remoteSpawn: RemoteSpawn
  readonly #guard: Guard | undefined
  #unlinks = 0n
  #stopped = false

  /** @internal Nodes are made by `Node.local` and `Node.start`. */
  constructor(setup: NodeSetup) {
    this.name = setup.name
    this.entropy = setup.entropy ?? systemEntropy
    this.logger = setup.logger ?? silent
    this.#guard = setup.guard ? new Guard(this.logger) : undefined
    this.#guard?.start()
    const clock = setup.clock ?? systemClock
    this.clock = this.#guard?.clock(clock) ?? clock
    const self = new Incarnation(setup.name, setup.creation)
    this.addressBook = new AddressBook(
      self,
      {
        local: (id, serial) => this.#table.get(id, serial)?.self,
        gone: this.#gone(true),
        // An address of a dead run of this node leads nowhere: whoever has its numbers now is somebody else.
        route: (run) => (run.node === setup.name ? this.#gone(false) : this.router.remote.entrance(run)),
      },
      this.entropy,
    )
    this.#timers = new Timers(this.clock, (error) =>
      this.logger.error({ error: describe(error) }, 'a timer callback threw'),
    )
    const nowhere: RemotePort = {
      signal: (_node, signal) => this.router.unreachable(signal),
      entrance: () => ({
        deliver: (to, message) => {
          this.#letters.record('noconnection', to, message)
          return true
        },
        drained: () => Promise.resolve(),
        leaves: () => {},
      }),
    }
    this.router = new Router(this.addressBook, this.#registry, this.#letters, nowhere)
    this.host = this.#makeHost(setup)
    this.#timerService = new TimerService(this.#timers, this.addressBook)
    this.#remoteSpawn = new RemoteSpawn(this.host, this.exposed, (run, name) => this.#startExposed(run, name))
    this.router.onSpawn = (request) => this.#remoteSpawn.asked(request)
    this.router.onSpawned = (answer) => this.#remoteSpawn.answered(answer)
    this.system = this.service((message) => this.onSystemMessage(message))
  }

  #makeHost(setup: NodeSetup): Host {
    const { router } = this
    return {
      scheduler: setup.scheduler ?? new SliceScheduler(this.clock),
      spawner: this,
      timers: this.#timers,
      addressBook: this.addressBook,
      guard: this.#guard,
      copy: setup.copy,
      signal: (node, signal) => router.signal(node, signal),
      alias: (ref, entry) => router.alias(ref, entry),
      unalias: (ref) => router.unalias(ref),
      crosses: (node, entity) => router.crosses(node, entity),
      nextUnlinkId: () => ++this.#unlinks,
      ended: (entity) => this.#ended(entity),
      crashed: (entity, error) => this.#crashed(entity, error),
      deadLetter: (cause, to, message) => this.#letters.record(cause, to, message),
    }
  }

  // --- mailboxes and processes --------------------------------------------------------------------------------------

  /** Opens a mailbox. Close it, or declare it with `using`: an open mailbox keeps what is sent to it. */
  mailbox<M = unknown>(): Mailbox<M> {
    this.#running()
    const mailbox = new Mailbox<M>(this.host, this.#table.allocate(), this.#table.serial)
    this.#table.add(mailbox)
    return mailbox
  }

  /**
   * Starts a process that runs `run(self, ...args)`, once what runs now has ended; messages can be sent to it at once.
   * With options, give them first: `node.spawn({ name: 'echo' }, run, ...args)`.
   *
   * @throws `ERR_REIGN_NAME_TAKEN` when the name it is to have is taken.
   */
  spawn<M = unknown, A extends readonly unknown[] = []>(run: ProcessFunction<M, A>, ...args: A): Address<M>
  spawn<M = unknown, A extends readonly unknown[] = []>(
    options: SpawnOptions,
    run: ProcessFunction<M, A>,
    ...args: A
  ): Address<M>
  spawn(first: unknown, ...rest: unknown[]): Address<never> {
    // The commonest form by far makes nothing but the process.
    if (typeof first === 'function') {
      this.#running()
      const process = this.#makeProcess<unknown>(first as ProcessFunction<unknown, never>, rest)
      this.host.scheduler.enqueue(process)
      return process.self
    }
    const { run, args, options } = spawnArguments([first, ...rest])
    return this.spawnProcess(undefined, run, args, noTies, options).address
  }

  /** @internal */
  spawnProcess<M, A extends readonly unknown[]>(
    parent: Inbox<never> | undefined,
    run: ProcessFunction<M, A>,
    args: A,
    ties: { link: boolean; monitor: boolean },
    options?: SpawnOptions,
  ): { address: Address<M>; ref: Ref | undefined } {
    this.#running()
    const process = this.#makeProcess<M>(run as ProcessFunction<M, never>, args)
    const name = options?.name
    if (name !== undefined) {
      try {
        this.#registry.register(name, process)
      } catch (error) {
        this.#table.remove(process)
        throw error
      }
    }
    if (ties.link) parent?.linkTo(process.self)
    const ref = ties.monitor ? parent?.startMonitor(process.self) : undefined
    this.host.scheduler.enqueue(process)
    return { address: process.address, ref }
  }

  #makeProcess<M>(run: ProcessFunction<M, never>, args: readonly unknown[]): Process<M> {
    const table = this.#table
    const process = new Process<M>(this.host, table.allocate(), table.serial, run, args)
    table.add(process)
    return process
  }

  #startExposed(run: (self: Process) => unknown, name: string): Process {
    Object.defineProperty(run, 'name', { value: name })
    const process = this.#makeProcess<unknown>(run as ProcessFunction<unknown, never>, [])
    this.host.scheduler.enqueue(process)
    return process
  }

  /** @internal Opens an address of the runtime itself, registered under `name` if one is given. */
  service(handle: (message: unknown, service: Service) => void, name?: string): Service {
    const service = new Service(this.host, this.#table.allocate(), this.#table.serial, handle)
    this.#table.add(service)
    if (name !== undefined) this.#registry.register(name, service)
    return service
  }

  // --- sending ------------------------------------------------------------------------------------------------------

  /**
   * Sends to an address, to a name here (`'echo'`) or elsewhere (`named('echo', node)`), or to an alias. Erlang: `!`.
   * What goes to a name or alias that nobody has becomes a dead letter.
   *
   * @returns `false` when the route is congested, as `Address.send` does.
   */
  send(to: Address<never> | Named | Ref | string, message: unknown): boolean {
    if (to instanceof Address) return (to as Address<unknown>).send(message)
    if (to instanceof Ref) {
      this.router.signal(to.node, { op: 'alias-message', from: this.system.self, to, message })
      return true
    }
    sendTo(this.system, to instanceof Named ? to : named(to, this.name), message)
    return true
  }

  /**
   * Sends a request as Erlang's `gen:call` does, and waits for the reply: what `gen_server:call` is made of.
   *
   * @throws as `call` of process/call.ts: `ERR_REIGN_CALL`, `ERR_REIGN_TIMEOUT` (5,000 ms unless given), the reason of the abort.
   */
  call(to: Target | string, request: unknown, options?: ReceiveOptions): Promise<unknown> {
    return call(this.system, typeof to === 'string' ? named(to, this.name) : to, request, options)
  }

  /** Asks a process to exit with a reason; `atom('kill')` cannot be trapped. Erlang: `exit/2`. */
  exit(address: Address<never>, reason: unknown): void {
    this.router.signal(address.node, { op: 'exit', from: this.system.self, to: address, reason })
  }

  // --- names --------------------------------------------------------------------------------------------------------

  /**
   * Gives a process of this node a name, by which others can send to it: `{echo, 'shop@127.0.0.1'} ! …`. Erlang: `register/2`.
   *
   * @throws `ERR_REIGN_NAME_TAKEN` when the name is taken, or the process has another one; `ERR_REIGN_ARGUMENT` when there
   *   is no such process on this node.
   */
  register(name: string, address: Address<never>): void {
    this.#running()
    const entity = address instanceof Address ? this.router.find(address) : undefined
    if (entity === undefined) {
      throw new ReignError('ERR_REIGN_ARGUMENT', `only a live process of this node can be registered, not ${address}`)
    }
    this.#registry.register(name, entity)
  }

  /** Takes a name back. `false` when nobody had it. */
  unregister(name: string): boolean {
    return this.#registry.unregister(name)
  }

  /** Who has that name here. */
  whereis<M = unknown>(name: string): Address<M> | undefined {
    return this.#registry.whereis(name)?.self as Address<unknown> as Address<M> | undefined
  }

  /** The names that are registered here. */
  registered(): string[] {
    return this.#registry.names()
  }

  // --- timers -------------------------------------------------------------------------------------------------------

  /**
   * Sends a message in `delayMs` milliseconds. The timer ends with its receiver, if that is a process of this node. Erlang:
   * `erlang:send_after/3`.
   *
   * @throws `ERR_REIGN_ARGUMENT` when the delay is no finite number.
   */
  sendAfter<M>(delayMs: number, to: Address<M>, message: NoInfer<M>): Ref {
    this.#running()
    return this.#timerService.sendAfter(delayMs, to, message)
  }

  /** Sends `{ type: 'timeout', ref, message }` in `delayMs` milliseconds; `ref` is what this returns. */
  startTimer<M>(delayMs: number, to: Address<TimeoutNotice<M>>, message: NoInfer<M>): Ref {
    this.#running()
    return this.#timerService.startTimer(delayMs, to, message)
  }

  /** Cancels a timer: the milliseconds that were left, or `false` when it has fired or was cancelled before. */
  cancelTimer(ref: Ref): number | false {
    return this.#timerService.cancel(ref)
  }

  /** The milliseconds that a timer has left, or `false`. */
  readTimer(ref: Ref): number | false {
    return this.#timerService.read(ref)
  }

  // --- other nodes --------------------------------------------------------------------------------------------------

  /**
   * Lets other nodes run these functions, and no others: from Erlang, `spawn('shop@…', pricing, quote, Args)` and
   * `erpc:call('shop@…', pricing, quote, Args)`. The arguments come from the wire: check them.
   *
   * Each run is a process of its own, and is its `this`: `function (this: Process, …)` can receive, link and trap exits.
   */
  expose(module: string, functions: Readonly<Record<string, ExposedFunction>>): void {
    this.exposed.add(module, functions)
  }

  /** Takes back what {@link expose} let others run: a module, or one of its functions. */
  unexpose(module: string, name?: string): void {
    this.exposed.remove(module, name)
  }

  /** Runs a function of another node there, as a process; `owner` is linked with it or monitors it, as asked. */
  async spawnOn(
    node: string,
    module: string,
    name: string,
    args: readonly unknown[],
    ties: { link?: Entity; monitor?: Entity } = {},
  ): Promise<{ address: Address<unknown>; ref: Ref }> {
    this.#running()
    const owner = ties.link ?? ties.monitor ?? this.system
    const wanted = { link: ties.link !== undefined, monitor: ties.monitor !== undefined }
    return (await this.#remoteSpawn.ask(owner, node, module, name, args, wanted)) as {
      address: Address<unknown>
      ref: Ref
    }
  }

  /** @internal Runs a function elsewhere and takes its exit reason. */
  async spawnAndWait(node: string, module: string, name: string, args: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#remoteSpawn.ask(this.system, node, module, name, args, { take: resolve }).catch(reject)
    })
  }

  // --- looking in ---------------------------------------------------------------------------------------------------

  /** The addresses of all processes and mailboxes, oldest first. */
  processes(): Address<never>[] {
    return Array.from(this.#table.values(), (entity) => entity.self)
  }

  /** What a process is doing, in Erlang's items, without disturbing it; `undefined` when it is not alive. */
  processInfo(address: Address<never>): ProcessInfo | undefined {
    const entity = this.router.find(address)
    return entity === undefined ? undefined : inspect(entity, this.#registry)
  }

  /** Whether a process of this node is alive. */
  isAlive(address: Address<never>): boolean {
    return this.router.find(address) !== undefined
  }

  /** How many messages found no receiver, by cause, and {@link DeadLetters.subscribe} to see them. */
  get deadLetters(): {
    readonly counts: DeadLetters['counts']
    subscribe(listener: (letter: DeadLetter) => void): () => void
  } {
    return this.#letters
  }

  /** For `JSON.parse`: turns the JSON form of an address back into the address. */
  readonly reviver = (_key: string, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || !('$address' in value)) return value
    const text = value.$address
    return typeof text === 'string' && Object.keys(value).length === 1 ? Address.parse(text, this) : value
  }

  // --- ends ---------------------------------------------------------------------------------------------------------

  /** @internal A message to the node itself. */
  protected onSystemMessage(message: unknown): void {
    const called = callIn(message)
    if (called !== undefined) reply(this.system, called.from, Symbol.for('ignored'))
  }

  /** @internal A message that waited for a connection, or was on one, did not get there. */
  lostMessage(to: Address<never> | symbol | Ref, message: unknown): void {
    this.#letters.record('noconnection', to, message)
  }

  /** @internal The connection to another node is lost. */
  disconnected(node: string): void {
    // First what was asked for and has not begun: nothing is there yet whose monitor or link could fire.
    this.#remoteSpawn.disconnected(node)
    this.router.disconnected(node)
  }

  /**
   * Ends every process (`shutdown`) and mailbox, and all timers. Afterwards nothing can be opened, started or called on the
   * node (`ERR_REIGN_NODE_STOPPED`), what is sent becomes a dead letter, and nobody is found by a name or address.
   */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    for (const entity of [...this.#table.values()]) entity.terminate(entity instanceof Mailbox ? normal : shutdown)
    this.#timers.clear()
    if (this.#guard === undefined) return
    // The ends of the processes are still on their way to promises that nobody awaits.
    await new Promise<void>((resolve) => this.clock.nextTurn(resolve))
    this.#guard.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** @internal */
  protected get stopped(): boolean {
    return this.#stopped
  }

  #running(): void {
    if (this.#stopped) throw new ReignError('ERR_REIGN_NODE_STOPPED', `the node ${this.name} has stopped`)
  }

  #ended(entity: Entity): void {
    const address = entity.self
    this.#table.remove(entity)
    this.#registry.release(entity)
    address.entrance = this.addressBook.gone
    if (address.written) this.addressBook.remember(address)
    this.#timerService.ended(address)
    this.router.announce(entity)
  }

  #crashed(entity: Entity, error: unknown): void {
    try {
      const fields = {
        process: entity.self.toString(),
        name: this.#registry.nameOf(entity),
        function: entity instanceof Process ? entity.initialCall : undefined,
        reason: describe(error),
        stack: error instanceof Error ? error.stack : undefined,
      }
      this.logger.error(fields, 'a process ended with an error that it did not handle')
    } catch {
      // Neither a logger that throws nor an error that cannot be shown may keep a process from ending.
    }
  }

  /** What stands behind an address of this node whose mailbox is gone. */
  #gone(remembered: boolean): Entrance {
    return {
      deliver: (to, message) => {
        this.#letters.record('noproc', to, message)
        return true
      },
      drained: () => Promise.resolve(),
      leaves: (address) => {
        if (remembered) this.addressBook.remember(address)
      },
    }
  }
}
