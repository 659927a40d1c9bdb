/**
 * The parts of one node, joined: who lives on it, who has which name, what time it is, and how signals travel. It is the
 * {@link Host} of its processes; `local-node.ts` is the face that programs see.
 */
import { type Clock, systemClock } from '../clock.js'
import { Deadlines } from '../deadlines.js'
import { type Entropy, systemEntropy } from '../entropy.js'
import { describe, ReignError } from '../errors.js'
import { type DeadLetter, type DeadLetterCause, processCrashed, processExited, processSpawned } from '../events.js'
import { normal, shutdown } from '../exit-reason.js'
import { IoServer, loggedOutput, type Output } from '../io/io-server.js'
import { LogPace } from '../log-pace.js'
import { type Logger, silent } from '../logger.js'
import type { AnyBehaviour } from '../process/behaviour.js'
import { DeadLetters } from '../process/dead-letters.js'
import type { Entity } from '../process/entity.js'
import { gateOf } from '../process/gate.js'
import { Guard, publish } from '../process/guard.js'
import type { Host } from '../process/host.js'
import type { Inbox } from '../process/inbox.js'
import { Mailbox, type MailboxOptions } from '../process/mailbox.js'
import { type GatedOptions, Process, type ProcessFunction, type Spawner } from '../process/process.js'
import { type Scheduler, SliceScheduler } from '../process/scheduler.js'
import { Service, type ServiceHandler } from '../process/service.js'
import type { Start } from '../process/start.js'
import { Trees } from '../process/trees.js'
import type { Signal, SignalTarget } from '../signal.js'
import type { Address, Entrance } from '../term/address.js'
import { AddressBook } from '../term/address-book.js'
import { Incarnation } from '../term/incarnation.js'
import type { Ref } from '../term/ref.js'
import { Timers } from '../timers.js'
import { Crossings } from './crossings.js'
import { Exposed } from './exposed.js'
import { IoReplyDesk } from './io-reply-desk.js'
import type { NodeSetup } from './local-node.js'
import { ProcessTable } from './process-table.js'
import { Registry } from './registry.js'
import type { RemotePort } from './remote-port.js'
import { RemoteSpawn } from './remote-spawn.js'
import { Router } from './router.js'
import { TimerService } from './timer-service.js'

/** Crashes that are reported in one second: other nodes can make what is exposed to them crash as often as they like. */
const crashLinesMax = 100

/** See the head of this file. */
export class Runtime implements Host, Spawner {
  readonly clock: Clock
  readonly entropy: Entropy
  readonly logger: Logger
  readonly scheduler: Scheduler
  readonly timers: Timers
  readonly deadlines: Deadlines
  readonly messageTimers: TimerService
  readonly addressBook: AddressBook
  readonly guard: Guard | undefined
  readonly copy: ((message: unknown) => unknown) | undefined
  readonly admit: ((to: Address<never>, message: unknown) => boolean) | undefined
  readonly router: Router
  readonly crossings: Crossings
  readonly table: ProcessTable = new ProcessTable()
  readonly registry: Registry = new Registry()
  readonly deadLetters: DeadLetters
  readonly trees: Trees = new Trees()
  readonly exposed: Exposed = new Exposed()
  readonly remoteSpawner: RemoteSpawn
  readonly ioReplies: IoReplyDesk
  /** Where the output of processes goes that have no group leader of their own. */
  readonly user: IoServer
  running: Entity | undefined = undefined
  readonly #name: string
  readonly #crashes: LogPace
  #unlinks = 0n
  #stopped = false

  constructor(setup: NodeSetup) {
    this.#name = setup.name
    this.deadLetters = new DeadLetters(setup.name)
    this.entropy = setup.entropy ?? systemEntropy
    this.logger = setup.logger ?? silent
    this.guard = setup.guard ? new Guard(this.logger) : undefined
    this.guard?.start()
    const clock = setup.clock ?? systemClock
    this.clock = this.guard?.clock(clock) ?? clock
    this.#crashes = new LogPace(this.clock, { linesMax: crashLinesMax })
    this.scheduler = setup.scheduler ?? new SliceScheduler(this.clock)
    const { copy } = setup
    this.copy = copy === undefined ? undefined : (message) => copy(message, this)
    this.admit = setup.admit
    this.timers = new Timers(this.clock, (error) =>
      this.logger.error({ error: describe(error) }, 'a timer callback threw'),
    )
    this.deadlines = new Deadlines(this.clock, this.timers)
    this.addressBook = new AddressBook(
      new Incarnation(setup.name, setup.creation),
      {
        local: (id, serial) => this.table.get(id, serial)?.self,
        gone: this.#gone(true),
        // An address of a dead run of this node leads nowhere: whoever has its numbers now is somebody else.
        route: (run) => (run.node === setup.name ? this.#gone(false) : this.router.remote.entrance(run)),
      },
      this.entropy,
    )
    this.messageTimers = new TimerService(this.timers, this.addressBook)
    this.crossings = new Crossings(this.clock)
    this.router = new Router(this.addressBook, this.registry, this.deadLetters, this.crossings, this.#nowhere())
    this.remoteSpawner = new RemoteSpawn(this, this.exposed, (run, name) => this.startExposed(run, name))
    this.ioReplies = new IoReplyDesk((handle) => this.service(handle))
    this.user = this.ioServer(setup.output ?? loggedOutput(this.logger, this.clock), 'user')
    this.router.onSpawn = (request) => this.remoteSpawner.asked(request)
    this.router.onSpawned = (answer) => this.remoteSpawner.answered(answer)
  }

  get spawner(): Spawner {
    return this
  }

  // --- who lives here -----------------------------------------------------------------------------------------------

  mailbox<M>(options: MailboxOptions): Mailbox<M> {
    const { limit, accepts } = options
    const mailbox = new Mailbox<M>(this, this.table.allocate(), this.table.serial)
    if (limit !== undefined) mailbox.bound(limit)
    const gate = gateOf(accepts)
    if (gate !== undefined) mailbox.gate(gate)
    this.table.add(mailbox)
    return mailbox
  }

  /** Makes a process and lets it begin once the present work is done. */
  start<M>(run: ProcessFunction<M, never>, args: readonly unknown[]): Process<M> {
    const process = this.#make<M>(run, args)
    if (processSpawned.hasSubscribers) this.#publishSpawn(process, undefined, undefined)
    this.scheduler.enqueue(process)
    return process
  }

  /** Starts what another node has asked for, under the name that it has there. */
  startExposed(run: (self: Process) => unknown, name: string): Process {
    Object.defineProperty(run, 'name', { value: name })
    return this.start<unknown>(run as ProcessFunction<unknown, never>, [])
  }

  spawnProcess<M, A extends readonly unknown[]>(
    parent: Inbox<never> | undefined,
    run: ProcessFunction<M, A>,
    args: A,
    ties: { link: boolean; monitor: boolean },
    options?: GatedOptions,
  ): { address: Address<M>; ref: Ref | undefined } {
    const process = this.prepare<M>(parent, run as ProcessFunction<M, never>, args, ties.link, options)
    const ref = ties.monitor ? parent?.startMonitor(process.self) : undefined
    this.scheduler.enqueue(process)
    return { address: process.address, ref }
  }

  prepare<M>(
    parent: Inbox<never> | undefined,
    what: ProcessFunction<M, never> | AnyBehaviour,
    given: readonly unknown[] | Start,
    linked: boolean,
    options: GatedOptions | undefined,
  ): Process<M> {
    if (this.#stopped) throw new ReignError('ERR_REIGN_NODE_STOPPED', `the node ${this.#name} has stopped`)
    const process = this.#make<M>(what, given)
    const leader = parent instanceof Process ? parent.ownGroupLeader : undefined
    if (leader !== undefined) process.groupLeader = leader
    if (options !== undefined) {
      try {
        if (options.limit !== undefined) process.bound(options.limit)
        const gate = options.gate ?? gateOf(options.accepts)
        if (gate !== undefined) process.gate(gate)
        if (options.name !== undefined) this.registry.register(options.name, process)
      } catch (error) {
        this.table.remove(process)
        throw error
      }
    }
    if (linked) parent?.linkTo(process.self)
    if (processSpawned.hasSubscribers) this.#publishSpawn(process, options?.name, parent?.self)
    return process
  }

  #publishSpawn<M>(process: Process<M>, name: string | undefined, parent: Address<never> | undefined): void {
    const { self: address, initialCall } = process
    publish(processSpawned, { node: this.#name, address, name, function: initialCall, parent })
  }

  #make<M>(what: ProcessFunction<M, never> | AnyBehaviour, given: readonly unknown[] | Start): Process<M> {
    const process = new Process<M>(this, this.table.allocate(), this.table.serial, what, given)
    this.table.add(process)
    return process
  }

  /** Opens an address of the runtime itself, registered under `name` if one is given. */
  service(handle: ServiceHandler, name?: string): Service {
    const service = new Service(this, this.table.allocate(), this.table.serial, handle)
    this.table.add(service)
    if (name !== undefined) this.registry.register(name, service)
    return service
  }

  /** Opens an io server, registered under `name` if one is given. */
  ioServer(output: Output, name?: string): IoServer {
    return new IoServer((handle) => this.service(handle, name), output, this.logger, this.clock)
  }

  get groupLeader(): Address<never> {
    return this.user.address as Address<never>
  }

  // --- what processes ask of their node -----------------------------------------------------------------------------

  signal(node: string, signal: Signal): void {
    this.router.signal(node, signal)
  }

  call(node: string, signal: Signal & { op: 'call' | 'reply' }): boolean {
    return this.router.call(node, signal)
  }

  find(target: SignalTarget): Entity | undefined {
    return this.router.find(target)
  }

  crosses(node: string, entity: Entity): void {
    this.crossings.add(node, entity)
  }

  nextUnlinkId(): bigint {
    return ++this.#unlinks
  }

  deadLetter(
    cause: DeadLetterCause,
    to: Address<never> | Ref | symbol,
    message: unknown,
    more?: Pick<DeadLetter, 'from' | 'issues'>,
  ): void {
    this.deadLetters.record(cause, to, message, more)
  }

  ended(entity: Entity): void {
    const address = entity.self
    const name = processExited.hasSubscribers ? this.registry.nameOf(entity) : undefined
    this.table.remove(entity)
    this.registry.release(entity)
    address.entrance = this.addressBook.gone
    if (address.written) this.addressBook.remember(address)
    this.messageTimers.ended(address)
    // Before those are told who may end of it: so what follows from an end is published after it.
    if (processExited.hasSubscribers && entity instanceof Process) {
      const { exitReason: reason, initialCall } = entity
      publish(processExited, { node: this.#name, address, name, function: initialCall, reason })
    }
    this.router.announce(entity)
  }

  crashed(entity: Entity, error: unknown, details?: object): void {
    if (processCrashed.hasSubscribers) {
      const name = this.registry.nameOf(entity)
      const initialCall = entity instanceof Process ? entity.initialCall : undefined
      publish(processCrashed, {
        node: this.#name,
        address: entity.self,
        name,
        function: initialCall,
        error,
        details,
      })
    }
    this.#crashes.tell((untold) => this.#reportCrash(entity, error, { ...details, ...untold }))
  }

  #reportCrash(entity: Entity, error: unknown, details: object): void {
    try {
      const fields = {
        process: entity.self.toString(),
        name: this.registry.nameOf(entity),
        function: entity instanceof Process ? entity.initialCall : undefined,
        reason: describe(error),
        stack: error instanceof Error ? error.stack : undefined,
        ...details,
      }
      this.logger.error(fields, 'a process ended with an error that it did not handle')
    } catch {
      // Neither a logger that throws nor an error that cannot be shown may keep a process from ending.
    }
  }

  // --- ways that lead nowhere ---------------------------------------------------------------------------------------

  /** What stands behind an address of this node whose mailbox is gone. */
  #gone(remembered: boolean): Entrance {
    return {
      deliver: (to, message) => {
        this.deadLetters.record('noproc', to, message)
        return true
      },
      drained: () => Promise.resolve(),
      leaves: (address) => {
        if (remembered) this.addressBook.remember(address)
      },
    }
  }

  /** The other nodes, for a node that is in no cluster. */
  #nowhere(): RemotePort {
    return {
      signal: (_node, signal) => this.router.unreachable(signal),
      call: () => false,
      entrance: () => ({
        deliver: (to, message) => {
          this.deadLetters.record('noconnection', to, message)
          return true
        },
        drained: () => Promise.resolve(),
        leaves: () => {},
      }),
    }
  }

  /** Ends every process (`shutdown`) and mailbox (`normal`), and all timers. */
  async stop(): Promise<void> {
    this.#stopped = true
    for (const entity of [...this.table.values()]) entity.terminate(entity instanceof Mailbox ? normal : shutdown)
    this.deadlines.stop()
    this.timers.clear()
    if (this.guard === undefined) return
    // The ends of the processes are still on their way to promises that nobody awaits.
    await new Promise<void>((resolve) => this.clock.nextTurn(resolve))
    this.guard.stop()
  }
}
