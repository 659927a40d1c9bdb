/**
 * Processes: a mailbox with a function that runs on its behalf, and ends with it.
 *
 * What JavaScript cannot do is stop a function that computes, or that awaits something of its own. So a process that is
 * ended is over for everybody else at once (links, monitors, names); its function ends at its next await on the runtime.
 */
import { setMaxListeners } from 'node:events'
import { checkFunction, checkOptions } from '../arguments.js'
import { ExitError, type ReignError } from '../errors.js'
import { normal } from '../exit-reason.js'
import type { InputOf, OutputOf, Schema } from '../schema.js'
import type { Signal } from '../signal.js'
import type { Address } from '../term/address.js'
import { checkAddress } from '../term/checks.js'
import type { Ref } from '../term/ref.js'
import type { AnyBehaviour, BehaviourOptions, HandleOf, StartArguments } from './behaviour.js'
import type { MailboxLimit } from './bounded-queue.js'
import type { Gate } from './gate.js'
import type { Owner } from './guard.js'
import type { Host } from './host.js'
import { Inbox } from './inbox.js'
import { Io } from './io.js'
import { nameOf, Start, start, startArguments } from './start.js'

/**
 * What a process runs. `self` is the process itself. Returning ends it with `normal`, throwing with what was thrown.
 * Whatever it returns is ignored.
 */
export type ProcessFunction<M, A extends readonly unknown[]> = (self: Process<M>, ...args: A) => unknown

/** How a new process is tied to the one that spawns it, and what it is called. */
export interface SpawnOptions {
  /** Registered under this name before its function starts; `ERR_REIGN_NAME_TAKEN` when somebody has it. */
  name?: string | undefined
  /** How many messages may wait for it, and what happens when one more comes; no bound unless given. */
  limit?: MailboxLimit | undefined
  /** What it accepts; anything unless given. What does not fit never reaches it: see `docs/schemas.md`. */
  accepts?: Schema | undefined
}

/** The same, for a process that is told what it accepts. */
export interface AcceptingOptions<S extends Schema> extends SpawnOptions {
  accepts: S
}

/** What such a process runs: it receives what the schema makes of what is sent. */
export type AcceptingFunction<S extends Schema, A extends readonly unknown[]> = (
  self: Process<OutputOf<S>, InputOf<S>>,
  ...args: A
) => unknown

/** @internal The same, with a gate that is more than one schema. */
export interface GatedOptions extends SpawnOptions {
  gate?: Gate | undefined
}

/** How many waits an ended process is refused before it is left waiting for ever. */
const refusalsMax = 100

/** The arguments of the spawns: options, if the first is no function, then the function and what it gets. */
export function spawnArguments(given: readonly unknown[]): {
  readonly options: SpawnOptions | undefined
  readonly run: ProcessFunction<unknown, unknown[]>
  readonly args: unknown[]
} {
  const named = typeof given[0] !== 'function'
  const [run, ...args] = (named ? given.slice(1) : given) as [ProcessFunction<unknown, unknown[]>, ...unknown[]]
  checkFunction(run, 'what a process runs')
  if (named) checkOptions(given[0])
  return { options: named ? (given[0] as SpawnOptions) : undefined, run, args }
}

/** Starts processes: a node, seen from a process. */
export interface Spawner {
  /** @internal */
  spawnProcess<M, A extends readonly unknown[]>(
    parent: Inbox<never> | undefined,
    run: ProcessFunction<M, A>,
    args: A,
    ties: { link: boolean; monitor: boolean },
    options?: GatedOptions,
  ): { address: Address<M>; ref: Ref | undefined }
  /**
   * @internal Makes a process that somebody else lets {@link Process.run}.
   *
   * @param given The arguments of the function, or the start that `what` begins with.
   */
  prepare<M>(
    parent: Inbox<never> | undefined,
    what: ProcessFunction<M, never> | AnyBehaviour,
    given: readonly unknown[] | Start,
    linked: boolean,
    options: GatedOptions | undefined,
  ): Process<M>
}

/** What most processes never need. */
interface Seldom {
  abort: AbortController | undefined
  groupLeader: Address<never> | undefined
  exitsAs: ((reason: unknown) => unknown) | undefined
  refusals: number
}

/** A process, as its own function sees it; `I` is what is sent to it, where a schema makes something else of that. */
export class Process<M = unknown, I = M> extends Inbox<M, I> {
  /** Whether exits of linked processes come as `Exit` messages instead of ending this process. Erlang: `trap_exit`. */
  trapExit = false
  // A node may have a million of these, and most of them wait: what few need is in one object, made when it is needed.
  readonly #what: ProcessFunction<M, never> | AnyBehaviour
  /** The arguments, or the start that has them, until it begins. */
  #given: readonly unknown[] | Start | undefined
  #handedOver = false
  #seldom: Seldom | undefined = undefined

  /** @internal See {@link Spawner.prepare}. */
  constructor(
    host: Host,
    id: number,
    serial: number,
    what: ProcessFunction<M, never> | AnyBehaviour,
    given: readonly unknown[] | Start,
  ) {
    super(host, id, serial)
    this.#what = what
    this.#given = given
  }

  /** @internal The name of what it runs: for inspection and crash reports. */
  get initialCall(): string | undefined {
    const name = nameOf(this.#what as AnyBehaviour)
    return name === '' ? undefined : name
  }

  /**
   * The io server that its output goes to, and that of the processes which it spawns, here or elsewhere: that of the node, unless its parent
   * had another, or it came from another node. Erlang: `group_leader/0`, `group_leader/2`.
   */
  get groupLeader(): Address<never> {
    return this.#seldom?.groupLeader ?? this.host.groupLeader
  }

  set groupLeader(leader: Address<never>) {
    checkAddress(leader, 'a group leader is')
    this.#rest().groupLeader = leader
  }

  /** @internal The group leader that it does not share with its node. */
  get ownGroupLeader(): Address<never> | undefined {
    return this.#seldom?.groupLeader
  }

  /** Its group leader, to write to: on whichever node that is. */
  get io(): Io {
    return new Io(this, () => this.groupLeader)
  }

  /** @internal */
  override accept(signal: Signal): void {
    if (signal.op !== 'group-leader') return super.accept(signal)
    if (this.alive) this.groupLeader = signal.from
  }

  /** @internal What others see when it ends itself with `exit`: it runs something on behalf of somebody who is to know. */
  exitsAs(reasonFor: (reason: unknown) => unknown): void {
    this.#rest().exitsAs = reasonFor
  }

  #rest(): Seldom {
    return (this.#seldom ??= { abort: undefined, groupLeader: undefined, exitsAs: undefined, refusals: 0 })
  }

  /** @internal */
  get trapsExits(): boolean {
    return this.trapExit
  }

  /**
   * Aborted when the process exits, with an `ExitError` as its reason: for everything that the process awaits beside its
   * mailbox (`fetch(url, { signal: self.signal })`).
   */
  get signal(): AbortSignal {
    const rest = this.#rest()
    if (rest.abort === undefined) {
      rest.abort = new AbortController()
      // It is made to be given to everything that the process waits for: many listeners are no leak.
      setMaxListeners(0, rest.abort.signal)
    }
    const { abort } = rest
    if (!this.alive && !abort.signal.aborted) abort.abort(this.endError(this.exitReason))
    return abort.signal
  }

  /**
   * Ends this process with a reason, by throwing; with two arguments, asks another to exit: it does, unless it traps exits (then
   * it gets an `Exit` message) or the reason is `normal`. `atom('kill')` cannot be trapped. Erlang: `exit/1`, `exit/2`.
   *
   * @throws `ERR_REIGN_EXIT` when this process is what ends, also when it asked that of its own address.
   */
  exit(reason: unknown): never
  exit(other: Address<never>, reason: unknown): void
  exit(first: unknown, ...rest: unknown[]): void {
    if (rest.length > 0) {
      checkAddress(first, 'who is asked to exit is known by')
      const to = first as Address<never>
      this.host.signal(to.node, { op: 'exit', from: this.self, to, reason: rest[0] })
      if (to === this.self && !this.alive) throw new ExitError(this.exitReason)
      return
    }
    const { exitsAs } = this.#seldom ?? {}
    this.terminate(exitsAs === undefined ? first : exitsAs(first))
    throw new ExitError(first)
  }

  /**
   * Starts a process and links with it, with no instant between at which either could end unnoticed.
   *
   * @throws `ERR_REIGN_NAME_TAKEN` when the name it is to have is taken, `ERR_REIGN_EXIT` when this process has exited: there is no
   *   process then, and no link.
   */
  spawnLink<S extends Schema, A extends readonly unknown[] = []>(
    options: AcceptingOptions<S>,
    run: AcceptingFunction<S, A>,
    ...args: A
  ): Address<InputOf<S>>
  spawnLink<N = unknown, A extends readonly unknown[] = []>(run: ProcessFunction<N, A>, ...args: A): Address<N>
  spawnLink<N = unknown, A extends readonly unknown[] = []>(
    options: SpawnOptions,
    run: ProcessFunction<N, A>,
    ...args: A
  ): Address<N>
  spawnLink(...given: unknown[]): Address<never> {
    return this.#spawn(given, { link: true, monitor: false }).address
  }

  /**
   * Starts a process and monitors it.
   *
   * @throws as {@link spawnLink}.
   */
  spawnMonitor<S extends Schema, A extends readonly unknown[] = []>(
    options: AcceptingOptions<S>,
    run: AcceptingFunction<S, A>,
    ...args: A
  ): { address: Address<InputOf<S>>; ref: Ref }
  spawnMonitor<N = unknown, A extends readonly unknown[] = []>(
    run: ProcessFunction<N, A>,
    ...args: A
  ): { address: Address<N>; ref: Ref }
  spawnMonitor<N = unknown, A extends readonly unknown[] = []>(
    options: SpawnOptions,
    run: ProcessFunction<N, A>,
    ...args: A
  ): { address: Address<N>; ref: Ref }
  spawnMonitor(...given: unknown[]): { address: Address<never>; ref: Ref } {
    const { address, ref } = this.#spawn(given, { link: false, monitor: true })
    return { address, ref: ref as Ref }
  }

  /**
   * Starts a process.
   *
   * @throws `ERR_REIGN_NAME_TAKEN` when the name it is to have is taken.
   */
  spawn<S extends Schema, A extends readonly unknown[] = []>(
    options: AcceptingOptions<S>,
    run: AcceptingFunction<S, A>,
    ...args: A
  ): Address<InputOf<S>>
  spawn<N = unknown, A extends readonly unknown[] = []>(run: ProcessFunction<N, A>, ...args: A): Address<N>
  spawn<N = unknown, A extends readonly unknown[] = []>(
    options: SpawnOptions,
    run: ProcessFunction<N, A>,
    ...args: A
  ): Address<N>
  spawn(...given: unknown[]): Address<never> {
    return this.#spawn(given, { link: false, monitor: false }).address
  }

  /**
   * Starts a behaviour, linked to this process, and waits until it has started; options come first, as for spawns. Erlang:
   * `gen_server:start_link`, `supervisor:start_link`, `proc_lib:start_link`.
   *
   * @returns Its handle: a `Server` for a `genServer`, …; `undefined` when its init said `ignore`.
   * @throws `ERR_REIGN_START` (a `StartError` with the reason) when its init failed, took too long, or its name is taken. The link is
   *   one: a failed init ends this process too, unless it traps exits; then no `Exit` comes beside the error.
   */
  start<B extends AnyBehaviour>(behaviour: B, ...args: StartArguments<B>): Promise<HandleOf<B>>
  start<B extends AnyBehaviour>(
    options: BehaviourOptions,
    behaviour: B,
    ...args: StartArguments<B>
  ): Promise<HandleOf<B>>
  async start(...given: unknown[]): Promise<unknown> {
    const { options, what, args } = startArguments(given)
    const { address } = await start(this, true, what, args, options)
    return address && what.handle(address, this)
  }

  #spawn(given: readonly unknown[], ties: { link: boolean; monitor: boolean }) {
    const tied = ties.link || ties.monitor
    // Its function may still run, but the new process would be tied to nobody.
    if (tied && !this.alive) throw this.endError(this.exitReason)
    const { run, args, options } = spawnArguments(given)
    return this.host.spawner.spawnProcess(this as unknown as Inbox<never>, run, args, ties, options)
  }

  /** @internal */
  override get owner(): Owner {
    return this as unknown as Owner
  }

  /** @internal An error that was made in its name reached nobody: it is as if its function had thrown it. */
  strayed(error: unknown): void {
    if (this.alive) this.#threw(error)
    // Waits that nobody awaits end with the process, as they should; anything else is worth a line.
    else if (!(error instanceof ExitError)) this.host.guard?.report(error, 'an error after the end of its process')
  }

  /** @internal Runs the function; the scheduler calls it, once, as it is a `Runnable`. */
  run(): void {
    const { guard } = this.host
    if (guard === undefined) this.#begin()
    else guard.run(this.owner, () => this.#begin())
  }

  #begin(): void {
    const given = this.#given
    this.#given = undefined
    if (given === undefined || !this.alive) return
    let result: { then?: unknown } | null | undefined
    let goesOn: boolean
    try {
      result = (
        given instanceof Start
          ? given.run(this as unknown as Process)
          : (this.#what as ProcessFunction<M, never>)(this as unknown as Process<M>, ...(given as never))
      ) as typeof result
      // Any promise, also one of a library's own making.
      goesOn = typeof result?.then === 'function'
    } catch (error) {
      return this.#threw(error)
    }
    if (!goesOn) return this.#returned()
    // Bound functions take half the memory of closures.
    Promise.resolve(result).then(this.#returned.bind(this), this.#threw.bind(this))
  }

  /** @internal From now on its process is what takes its messages (`consume`), and goes on when its function returns. */
  handOver(): void {
    this.#handedOver = true
  }

  #returned(): void {
    if (!this.#handedOver) this.terminate(normal)
  }

  #threw(error: unknown): void {
    // The error that its own exit threw into it, or a reason that it gave itself: nothing new.
    if (!this.alive) return
    if (error instanceof ExitError) return this.terminate(error.reason)
    this.host.crashed(this, error)
    this.terminate(error)
  }

  protected override onExit(reason: unknown): void {
    super.onExit(reason)
    this.#given = undefined
    const abort = this.#seldom?.abort
    if (abort === undefined) return
    // Listeners run here and now, on the stack of whoever ended this process: what they throw is not theirs.
    this.rejectWait((error) => abort.abort(error), this.endError(reason))
  }

  /** @internal */
  override endError(reason: unknown): ReignError {
    return new ExitError(reason)
  }

  /**
   * A function that catches every error and waits again, as loops around a receive do, would go on for ever after the end
   * of its process. After so many refusals it is left waiting instead: nobody holds it any more, and it is collected.
   */
  protected override refused(): Promise<never> {
    return ++this.#rest().refusals > refusalsMax ? new Promise(() => {}) : super.refused()
  }

  protected override endsIteration(_reason: unknown): boolean {
    return false
  }
}
