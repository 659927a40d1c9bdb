/**
 * The loop of every behaviour: takes messages one at a time, answers system messages, heeds its parent, and ends in order.
 *
 * A behaviour brings an {@link Engine}: what it does with a message, and with its end. The rest is the same for a gen_server, a
 * supervisor or a state machine, and is here. Source: OTP's gen_server (loop, decode_msg, terminate) and sys.
 */

import { inspect } from 'node:util'
import { check } from '../arguments.js'
import { ExitError } from '../errors.js'
import { normal, shutdown } from '../exit-reason.js'
import type { Starting } from '../process/behaviour.js'
import { Consumer } from '../process/consumer.js'
import { type Matcher, matcher } from '../process/matcher.js'
import { isExitOf } from '../process/notices.js'
import { Process } from '../process/process.js'
import type { Receiver } from '../process/receiver.js'
import type { ViaName } from '../process/via.js'
import type { Address } from '../term/address.js'
import { isTuple } from '../term/tuple.js'
import type { Timer } from '../timers.js'
import { type Engine, type LoopIdentity, type SysEvents, shownState } from './engine.js'
import { Sys, type SystemRequest, systemRequest } from './sys.js'
import type { SystemEvent } from './sys-debug.js'
import { isPromise } from './when-there.js'

const timeout = Symbol.for('timeout')

/**
 * Makes an engine what the process runs from now on, and returns: the last thing that a behaviour's `run` does. Give it the `starting`
 * that `run` got, acknowledged or about to be.
 */
export function handOver(
  self: Process<unknown>,
  starting: Pick<Starting, 'parent' | 'name'>,
  engine: Engine,
  identity: LoopIdentity,
): void {
  self.handOver()
  new Loop(self, starting, engine, identity, undefined).begin()
}

/** The same, for who has something to do when the process ends: the promise is rejected then. */
export function loop(
  self: Process<unknown>,
  starting: Pick<Starting, 'parent' | 'name'>,
  engine: Engine,
  identity: LoopIdentity,
): Promise<never> {
  check(self instanceof Process, 'what runs a behaviour is a process', self)
  return new Promise((_, reject) => new Loop(self, starting, engine, identity, reject).begin())
}

/** See the head of this file. */
class Loop extends Consumer implements SysEvents {
  readonly #self: Process<unknown>
  readonly #parent: Address<never> | undefined
  readonly #name: string | ViaName | undefined
  readonly #engine: Engine
  readonly #identity: LoopIdentity
  /** Who is told of the end; nobody, where the loop is all that there is of the process. */
  readonly #reject: ((error: unknown) => void) | undefined
  /** Made for the first system message. */
  #sys: Sys | undefined = undefined
  /** What is being handled, for the report of a crash. */
  #message: unknown = undefined
  #idle: Timer | undefined = undefined

  constructor(
    self: Process<unknown>,
    { parent, name }: Pick<Starting, 'parent' | 'name'>,
    engine: Engine,
    identity: LoopIdentity,
    reject: ((error: unknown) => void) | undefined,
  ) {
    super(self as unknown as Receiver<never>)
    this.#self = self
    this.#parent = parent
    this.#name = name
    this.#engine = engine
    this.#identity = identity
    this.#reject = reject
  }

  begin(): void {
    try {
      const begun = this.#engine.begin?.(this)
      if (!isPromise(begun)) return this.#open()
      begun.then(
        () => this.#open(),
        (error) => this.failed(error),
      )
    } catch (error) {
      this.failed(error)
    }
  }

  get watched(): boolean {
    return this.#sys?.watched === true
  }

  saw(event: SystemEvent, ...details: readonly unknown[]): void {
    this.#sys?.saw(event, ...details)
  }

  protected override take(message: unknown): unknown {
    this.#message = message
    this.#wakeful()
    const request = systemRequest(message)
    if (request !== undefined) return this.#system(request)
    if (isExitOf(message, this.#parent)) throw new ExitError(message.reason)
    const engine = this.#engine
    if (this.#sys !== undefined && !engine.tellsWhatComesIn) this.#sys.saw('in', message)
    const handled = engine.handle(message)
    return isPromise(handled) ? handled.then(() => this.#handled()) : this.#handled()
  }

  /** Ends the process in order: lets the engine put things away, says so if it is a crash, and exits. */
  protected override failed(error: unknown): void {
    this.close()
    this.#wakeful()
    // Ended by others, or by itself with `exit`: it is over already.
    if (!this.#self.alive) return this.#reject?.(error)
    const reason = reasonOf(error)
    try {
      const terminated = this.#engine.terminate(reason)
      if (!isPromise(terminated)) return this.#end(reason)
      terminated.then(
        () => this.#end(reason),
        (worse) => this.#end(reasonOf(worse)),
      )
    } catch (worse) {
      // As in Erlang: what terminate itself ends with is what counts.
      this.#end(reasonOf(worse))
    }
  }

  override ended(reason: unknown): void {
    this.#wakeful()
    if (this.#reject !== undefined) this.#self.rejectWait(this.#reject, this.#self.endError(reason))
  }

  #open(): void {
    this.#handled()
    this.#self.consume(this)
  }

  #system(request: SystemRequest): void {
    const starting = { parent: this.#parent, name: this.#name }
    const sys = (this.#sys ??= new Sys(this.#self, starting, this.#engine, this.#identity))
    sys.handle(request)
    this.filter = sys.suspended ? takenWhileSuspended(this.#parent) : undefined
    this.#handled()
  }

  /** A message is done with; sees to it that the engine hears of it when no other comes for as long as it said. */
  #handled(): undefined {
    this.#message = undefined
    const ms = this.#engine.idleTimeoutMs
    if (ms === undefined || ms === Number.POSITIVE_INFINITY) return
    const self = this.#self
    if (this.#sys?.suspended || self.length > 0) return
    if (ms <= 0) self.tell(timeout)
    else this.#idle = self.host.timers.after(ms, () => self.tell(timeout))
  }

  #wakeful(): void {
    if (this.#idle === undefined) return
    this.#self.host.timers.cancel(this.#idle)
    this.#idle = undefined
  }

  #end(reason: unknown): void {
    const self = this.#self
    if (self.alive && !isOrderly(reason)) {
      const state = shown(shownState(this.#engine))
      self.host.crashed(self, reason, { ...this.#identity, lastMessage: shown(this.#message), state })
    }
    if (this.#reject === undefined) self.terminate(reason)
    else this.#reject(new ExitError(reason))
  }
}

function takenWhileSuspended(parent: Address<never> | undefined): Matcher {
  return matcher((given: unknown) => systemRequest(given) !== undefined || isExitOf(given, parent))
}

/** The exit reason in what was thrown. */
function reasonOf(thrown: unknown): unknown {
  return thrown instanceof ExitError ? thrown.reason : thrown
}

/** A value in a report: bounded, however big it is, and whatever it holds. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 3, maxArrayLength: 10, maxStringLength: 200, breakLength: Number.POSITIVE_INFINITY })
}

/** Whether an exit reason is no fault: `normal`, `shutdown`, `{shutdown, Anything}`. */
export function isOrderly(reason: unknown): boolean {
  return reason === normal || reason === shutdown || (isTuple(reason) && reason.length === 2 && reason[0] === shutdown)
}
