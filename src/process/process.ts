/**
 * Processes: a mailbox with a function that runs on its behalf, and ends with it.
 *
 * What JavaScript cannot do is stop a function that computes, or that awaits something of its own. So a process that is
 * ended is over for everybody else at once (links, monitors, names); its function ends at its next await on the runtime.
 */
import { ExitError, type ReignError } from '../errors.js'
import { normal } from '../exit-reason.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import type { Host } from './host.js'
import { Inbox } from './inbox.js'

/**
 * What a process runs. `self` is the process itself. Returning ends it with `normal`, throwing with what was thrown.
 * Whatever it returns is ignored.
 */
export type ProcessFunction<M, A extends readonly unknown[]> = (self: Process<M>, ...args: A) => unknown

/** How a new process is tied to the one that spawns it, and what it is called. */
export interface SpawnOptions {
  /** Registered under this name before its function starts; `ERR_REIGN_NAME_TAKEN` when somebody has it. */
  name?: string | undefined
}

/** Starts processes: a node, seen from a process. */
export interface Spawner {
  /** @internal */
  spawnProcess<M, A extends readonly unknown[]>(
    parent: Inbox<never> | undefined,
    run: ProcessFunction<M, A>,
    args: A,
    ties: { link: boolean; monitor: boolean },
    options?: SpawnOptions,
  ): { address: Address<M>; ref: Ref | undefined }
}

/** A process, as its own function sees it. */
export class Process<M = unknown> extends Inbox<M> {
  /** Whether exits of linked processes come as `Exit` messages instead of ending this process. Erlang: `trap_exit`. */
  trapExit = false
  /** @internal */
  readonly spawner: Spawner
  /** @internal The name of its function: for inspection and crash reports. */
  readonly initialCall: string | undefined
  #start: { readonly run: ProcessFunction<M, never>; readonly args: readonly unknown[] } | undefined
  #abort: AbortController | undefined
  /** @internal Erlang's group leader: kept for those who ask; where remote output goes. */
  groupLeader: Address<never> | undefined

  /** @internal */
  constructor(
    host: Host,
    spawner: Spawner,
    id: number,
    serial: number,
    run: ProcessFunction<M, never>,
    args: readonly unknown[],
  ) {
    super(host, id, serial)
    this.spawner = spawner
    this.initialCall = run.name === '' ? undefined : run.name
    this.#start = { run, args }
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
    this.#abort ??= new AbortController()
    if (!this.alive && !this.#abort.signal.aborted) this.#abort.abort(this.endError(this.exitReason))
    return this.#abort.signal
  }

  /**
   * Ends this process with a reason, by throwing; with two arguments, asks another to exit: it does, unless it traps exits (then
   * it gets an `Exit` message) or the reason is `normal`. `atom('kill')` cannot be trapped. Erlang: `exit/1`, `exit/2`.
   */
  exit(reason: unknown): never
  exit(other: Address<never>, reason: unknown): void
  exit(first: unknown, ...rest: unknown[]): void {
    if (rest.length > 0) {
      const to = first as Address<never>
      this.host.signal(to.node, { op: 'exit', from: this.self, to, reason: rest[0] })
      return
    }
    this.terminate(first)
    throw new ExitError(first)
  }

  /** Starts a process and links with it, with no instant between at which either could end unnoticed. */
  spawnLink<N = unknown, A extends readonly unknown[] = []>(run: ProcessFunction<N, A>, ...args: A): Address<N> {
    return this.spawner.spawnProcess(this as unknown as Inbox<never>, run, args, { link: true, monitor: false }).address
  }

  /** Starts a process and monitors it. */
  spawnMonitor<N = unknown, A extends readonly unknown[] = []>(
    run: ProcessFunction<N, A>,
    ...args: A
  ): { address: Address<N>; ref: Ref } {
    const ties = { link: false, monitor: true }
    const { address, ref } = this.spawner.spawnProcess(this as unknown as Inbox<never>, run, args, ties)
    return { address, ref: ref as Ref }
  }

  /** Starts a process. */
  spawn<N = unknown, A extends readonly unknown[] = []>(run: ProcessFunction<N, A>, ...args: A): Address<N> {
    return this.spawner.spawnProcess(undefined, run, args, { link: false, monitor: false }).address
  }

  /** @internal Runs the function; the scheduler calls it, once, as it is a `Runnable`. */
  run(): void {
    const start = this.#start
    this.#start = undefined
    if (start === undefined || !this.alive) return
    let result: unknown
    try {
      result = start.run(this, ...(start.args as never))
    } catch (error) {
      return this.#threw(error)
    }
    if (result instanceof Promise) {
      result.then(
        () => this.terminate(normal),
        (error) => this.#threw(error),
      )
    } else this.terminate(normal)
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
    this.#start = undefined
    this.#abort?.abort(this.endError(reason))
  }

  protected override endError(reason: unknown): ReignError {
    return new ExitError(reason)
  }

  protected override endsIteration(_reason: unknown): boolean {
    return false
  }
}
