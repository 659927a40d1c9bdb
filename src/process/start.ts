/**
 * Starting a behaviour: makes the process, waits for its word, and gives whoever asked a handle, nothing, or an error. See
 * `behaviour.ts` for the protocol; this is the side of the starter. Source: OTP's proc_lib (sync_start, sync_start_link) and gen.
 */
import { checkOptions, refused } from '../arguments.js'
import { ReignError, StartError } from '../errors.js'
import { kill, normal } from '../exit-reason.js'
import type { Address } from '../term/address.js'
import { atom } from '../term/atom.js'
import { tuple } from '../term/tuple.js'
import type { Timer } from '../timers.js'
import type { AnyBehaviour, BehaviourOptions, Starting } from './behaviour.js'
import type { Entity } from './entity.js'
import { Inbox } from './inbox.js'
import { isExitOf } from './notices.js'
import type { Process, ProcessFunction } from './process.js'
import { resume } from './scheduler.js'
import { ViaName } from './via.js'
import { promiseOf, type Settler, timeoutFault } from './waiter.js'

/** What came of a start: a process, with what it said of itself; or none, as it said that it had better not be. */
export interface Started {
  readonly address: Address<unknown> | undefined
  readonly info: unknown
}

const ignored: Started = { address: undefined, info: undefined }
const timeoutReason = Symbol.for('timeout')
const alreadyStarted = Symbol.for('already_started')

/** The arguments of the starts: options, if the first is nothing to start, then what to start and its arguments. */
export function startArguments(given: readonly unknown[]): {
  readonly options: BehaviourOptions
  readonly what: AnyBehaviour
  readonly args: readonly unknown[]
} {
  const optionsFirst = !isBehaviour(given[0])
  const [what, ...args] = optionsFirst ? given.slice(1) : given
  if (!isBehaviour(what)) throw refused('what is started is a behaviour, such as genServer({ … })', what)
  if (optionsFirst) checkOptions(given[0])
  return { options: optionsFirst ? ((given[0] ?? {}) as BehaviourOptions) : {}, what, args }
}

/** Whether a value can be started. */
export function isBehaviour(value: unknown): value is AnyBehaviour {
  return typeof value === 'object' && value !== null && typeof (value as AnyBehaviour).run === 'function'
}

/**
 * Starts a process and waits until it says that it has started. A plain function has started as soon as there is a process.
 *
 * @param starter Who waits. When `linked`, it is the parent.
 * @throws `ERR_REIGN_START`, a `StartError` with the reason: what its init threw or exited with, `timeout`, or `{already_started, Pid}`
 *   when the name is taken. There is no process then, and no name; nor an `Exit` of it for a starter that traps exits, while one that
 *   does not trap them ends with it, as linked processes do. `ERR_REIGN_EXIT`, `ERR_REIGN_CLOSED`, `ERR_REIGN_NODE_STOPPED` when the
 *   starter itself has ended, `ERR_REIGN_ARGUMENT`.
 */
export function start(
  starter: Entity,
  linked: boolean,
  what: AnyBehaviour | ProcessFunction<never, never>,
  args: readonly unknown[],
  options: BehaviourOptions = {},
): Promise<Started> {
  const made = new Start(starter, linked, what, args, options)
  const outcome = promiseOf<Started>(made)
  // It begins when this turn of work is done: nothing of it is missed.
  made.begin((process) => starter.host.scheduler.enqueue(process))
  return outcome
}

/**
 * Starts a process, linked to its starter, as {@link start} does, but lets it begin at once, on the stack of the starter, as far as the
 * slice allows. So one whose init does not wait for anything has started when this returns: thousands start with no promise between
 * them.
 *
 * @throws as `start`, or rejects likewise.
 */
export function startAtOnce(
  starter: Entity,
  what: AnyBehaviour | ProcessFunction<never, never>,
  args: readonly unknown[],
  options: BehaviourOptions,
): Started | Promise<Started> {
  const made = new Start(starter, true, what, args, options)
  const { scheduler } = starter.host
  made.begin((process) => {
    if (scheduler.claim()) process.run()
    else scheduler.enqueue(process)
  })
  return made.outcome()
}

/** A start that is under way: what the process begins with, and says its word to. */
export class Start implements Starting, Settler {
  readonly parent: Address<never> | undefined
  readonly name: string | ViaName | undefined
  readonly #starter: Entity
  readonly #what: AnyBehaviour | ProcessFunction<never, never>
  readonly #args: readonly unknown[]
  readonly #timeoutMs: number
  #process: Process<unknown> | undefined = undefined
  /** Where it is in the list of its starter's. */
  #place = -1
  #timer: Timer | undefined = undefined
  /** The name that it has, elsewhere: to be given back when it does not begin. */
  #kept: ViaName | undefined = undefined
  #saidIgnore = false
  #state: 'open' | 'started' | 'failed' = 'open'
  /** What came of it: {@link Started}, or the error. */
  #result: unknown = undefined
  #resolve: ((value: never) => void) | undefined = undefined
  #reject: ((error: unknown) => void) | undefined = undefined

  constructor(
    starter: Entity,
    linked: boolean,
    what: AnyBehaviour | ProcessFunction<never, never>,
    args: readonly unknown[],
    { name, timeout = Number.POSITIVE_INFINITY }: BehaviourOptions,
  ) {
    this.parent = linked ? starter.self : undefined
    this.name = name
    this.#starter = starter
    this.#what = what
    this.#args = args
    this.#timeoutMs = timeout
  }

  /** Whoever waits is told by these. */
  armed(resolve: (value: never) => void, reject: (error: unknown) => void): void {
    this.#resolve = resolve
    this.#reject = reject
  }

  /** What came of it, or a promise of that. @throws why it has failed. */
  outcome(): Started | Promise<Started> {
    if (this.#state === 'open') return promiseOf<Started>(this)
    if (this.#state === 'failed') throw this.#result
    return this.#result as Started
  }

  /** Makes the process, and gives it to whoever lets it {@link Process.run}. */
  begin(run: (process: Process<unknown>) => void): void {
    const starter = this.#starter
    if (!starter.alive) return this.#fail(starter.endError(starter.exitReason))
    const fault = timeoutFault(this.#timeoutMs)
    if (fault !== undefined) return this.#fail(fault)
    let process: Process<unknown>
    try {
      process = this.#prepare()
    } catch (error) {
      return this.#unprepared(error)
    }
    this.#process = process
    process.related().starting = this
    this.#place = (starter.related().starts ??= []).push(this) - 1
    if (this.#timeoutMs !== Number.POSITIVE_INFINITY) {
      this.#timer = starter.host.timers.after(this.#timeoutMs, () => this.#expire(process.self))
    }
    run(process)
  }

  /** What the process runs. */
  run(self: Process<unknown>): unknown {
    return this.name instanceof ViaName ? this.#registered(self, this.name) : this.#run(self)
  }

  ack(info?: unknown): void {
    this.#settle('started', { address: this.#process?.address, info } satisfies Started)
  }

  ignore(): never {
    this.#saidIgnore = this.#state === 'open'
    return (this.#process as Process<unknown>).exit(normal)
  }

  /** The process has ended before its word. */
  ended(reason: unknown): void {
    const starter = this.#starter
    if (!starter.alive) return this.starterEnded()
    forgetExit(starter, (this.#process as Process<unknown>).self)
    this.#kept?.release()
    if (this.#saidIgnore) this.#settle('started', ignored)
    else this.#failed(reason)
  }

  /** Whoever waits for it has ended. */
  starterEnded(): void {
    const starter = this.#starter
    this.#fail(starter.endError(starter.exitReason))
  }

  #prepare(): Process<unknown> {
    const { host } = this.#starter
    const { name } = this
    const parent = this.parent === undefined ? undefined : asParent(this.#starter)
    const what = this.#what
    return host.spawner.prepare(parent, what as AnyBehaviour, this, parent !== undefined, {
      name: name instanceof ViaName ? undefined : name,
      gate: typeof what === 'function' ? undefined : what.gate,
    })
  }

  /** There is no process: its name is taken, or worse. */
  #unprepared(error: unknown): void {
    const taken = (error as ReignError).code === 'ERR_REIGN_NAME_TAKEN'
    const holder = taken ? this.#starter.host.find(atom(this.name as string))?.self : undefined
    if (holder === undefined) this.#fail(error)
    else this.#failed(tuple(alreadyStarted, holder), error)
  }

  #run(self: Process<unknown>): unknown {
    const what = this.#what
    if (typeof what !== 'function') return what.run(self, this, ...(this.#args as never))
    this.ack()
    return (what as unknown as ProcessFunction<unknown, readonly unknown[]>)(self, ...this.#args)
  }

  /** Takes the name first. Whoever has it already is told of as the holder of a local name is. */
  async #registered(self: Process<unknown>, via: ViaName): Promise<unknown> {
    if (await via.registry.registerName(via.name, self.self)) {
      // It may have been given too late.
      if (!self.alive) return via.release()
      this.#kept = via
      return this.#run(self)
    }
    this.#failed(tuple(alreadyStarted, via.whereis()))
    return self.exit(normal)
  }

  #expire(child: Address<never>): void {
    const starter = this.#starter
    // Its end is our doing, and no news.
    this.#delist()
    if (this.parent !== undefined) starter.unlinkFrom(child)
    starter.host.signal(child.node, { op: 'exit', from: starter.self, to: child, reason: kill })
    this.#kept?.release()
    this.#failed(timeoutReason)
  }

  #failed(reason: unknown, cause: unknown = reason): void {
    this.#fail(new StartError(String(this.name ?? nameOf(this.#what)), reason, cause))
  }

  #fail(error: unknown): void {
    this.#settle('failed', error)
  }

  #settle(state: 'started' | 'failed', result: unknown): void {
    if (this.#state !== 'open') return
    this.#state = state
    this.#result = result
    if (this.#timer !== undefined) this.#starter.host.timers.cancel(this.#timer)
    this.#delist()
    const starter = this.#starter
    const { scheduler } = starter.host
    if (this.#resolve === undefined || this.#reject === undefined) return
    if (state === 'started') return resume(scheduler, this.#resolve, result)
    const reject = this.#reject
    resume(scheduler, (why) => starter.rejectWait(reject, why), result)
  }

  /** Nobody need tell it anything any more. The last of the starter's takes its place: so nothing is searched or moved. */
  #delist(): void {
    const { relations } = this.#process ?? {}
    if (relations?.starting === this) relations.starting = undefined
    const starts = this.#starter.relations?.starts
    if (this.#place < 0 || starts === undefined) return
    const last = starts.pop() as Start
    if (last !== this) {
      starts[this.#place] = last
      last.#place = this.#place
    }
    this.#place = -1
  }
}

function asParent(starter: Entity): Inbox<never> {
  if (starter instanceof Inbox) return starter as unknown as Inbox<never>
  throw new ReignError('ERR_REIGN_ARGUMENT', 'only a process or mailbox can be linked to what it starts')
}

/** A starter that traps exits learns of a failed start by its error, and not once more by a message. */
export function forgetExit(starter: Entity, child: Address<never>): void {
  if (!(starter instanceof Inbox) || !starter.alive) return
  ;(starter as Inbox<unknown>).poll((message) => isExitOf(message, child))
}

/** What a thing that is started is called in reports. */
export function nameOf(what: AnyBehaviour | ProcessFunction<never, never>): string {
  return typeof what === 'function' ? what.name : (what.module ?? what.behaviour)
}
