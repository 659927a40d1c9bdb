/**
 * What all supervisors do: start a child, judge its end, bear restarts up to a bound, end children, and say so in the log.
 * Which others go with one that has ended is what the two kinds differ in. Source: OTP's supervisor.
 */
import { describe, ExitError, StartError } from '../errors.js'
import { childEnded, childNotStarted, childRestarted, supervisorGaveUp } from '../events.js'
import { shutdown } from '../exit-reason.js'
import { isHeard } from '../logger.js'
import { type Caller, callIn } from '../process/call.js'
import { publish } from '../process/guard.js'
import { type Exit, isExit } from '../process/notices.js'
import type { Process } from '../process/process.js'
import { type Started, startAtOnce } from '../process/start.js'
import type { Address } from '../term/address.js'
import { isTuple, tuple } from '../term/tuple.js'
import type { Child } from './child.js'
import type { ChildStart } from './child-spec.js'
import { endChild, endedAsAsked } from './end-child.js'
import type { Engine, SysEvents } from './engine.js'
import { isOrderly } from './loop.js'
import { type Intensity, RestartWindow } from './restart-window.js'
import { isPromise, whenThere } from './when-there.js'

const ok = Symbol.for('ok')
const error = Symbol.for('error')
const restarting = Symbol.for('restarting')
const tryAgain = Symbol.for('try_again_restart')
const genCast = Symbol.for('$gen_cast')

/** In place of an answer: it comes later. */
export const later: unique symbol = Symbol('later')

/** `{error, Reason}`. */
export function refusal(reason: unknown): unknown {
  return tuple(error, typeof reason === 'string' ? Symbol.for(reason) : reason)
}

/** See the head of this file. */
export abstract class SupervisorEngine implements Engine {
  protected readonly self: Process<unknown>
  readonly #window: RestartWindow
  readonly #intensity: Intensity
  readonly #byAddress = new Map<Address<never>, Child>()
  #sys: SysEvents | undefined
  #tries = 0
  readonly #again = new Map<number, Child>()

  constructor(self: Process<unknown>, intensity: Intensity) {
    this.self = self
    this.#intensity = intensity
    this.#window = new RestartWindow(intensity)
  }

  // --- what the kinds differ in -------------------------------------------------------------------------------------

  /** All children, in the order in which they were started. */
  protected abstract children(): Iterable<Child>
  /** It has ended for good. */
  protected abstract ended(child: Child): void
  /** Starts it again, with whom else belongs to it. One that cannot be started is tried {@link again}. */
  protected abstract restartWith(child: Child): Promise<void>
  /**
   * Answers `{What, Argument}`, or promises an answer: with {@link later} when it is given otherwise, with `undefined` when there is no
   * such request.
   */
  protected abstract answer(what: string, argument: unknown, from: Caller): unknown
  /** Ends all children, as the last thing. */
  protected abstract endAll(): Promise<void>

  // --- messages -----------------------------------------------------------------------------------------------------

  begin(sys: SysEvents): void {
    this.#sys = sys
  }

  handle(message: unknown): unknown {
    const called = callIn(message)
    if (called === undefined) return this.#told(message)
    return whenThere(this.#answered(called.request, called.from), (answer) => this.#answer(called.from, answer))
  }

  async #told(message: unknown): Promise<void> {
    await this.#taken(message)
    if (this.#sys?.watched) this.#sys.saw('noreply', this.getState())
  }

  async #taken(message: unknown): Promise<void> {
    if (isExit(message)) return this.#exited(message)
    const child = this.#triedAgain(message)
    if (child === null) return this.#log('warn', 'a supervisor got a message that means nothing to it', {})
    if (child?.restarting) await this.#restart(child)
  }

  #answer(from: Caller, answer: unknown): void {
    if (answer === later) return
    this.self.reply(from, answer)
    if (this.#sys?.watched) this.#sys.saw('out', answer, from, this.getState())
  }

  #answered(request: unknown, from: Caller): unknown {
    if (request === Symbol.for('which_children')) return Array.from(this.children(), shownChild).reverse()
    if (request === Symbol.for('count_children')) return this.#counts()
    const [what, argument] = isTuple(request) && request.length === 2 ? request : []
    const answer = typeof what === 'symbol' ? this.answer(what.description ?? '', argument, from) : undefined
    return answer ?? refusal(tuple(Symbol.for('bad_request'), request))
  }

  #counts(): unknown {
    const counts = { specs: this.specCount(), active: 0, supervisors: 0, workers: 0 }
    for (const { address, spec } of this.children()) {
      if (address !== undefined) counts.active++
      if (spec.type === 'supervisor') counts.supervisors++
      else counts.workers++
    }
    return Object.entries(counts).map(([key, value]) => tuple(Symbol.for(key), value))
  }

  /** How many specifications there are. */
  protected abstract specCount(): number

  // --- starting and ending ------------------------------------------------------------------------------------------

  /**
   * Starts a child.
   *
   * @returns What it said of itself when it had started, or a promise of that if it has to wait for something.
   * @throws the `StartError`, or rejects with it; the child is nobody then.
   */
  protected start(child: Child): unknown {
    const { start: what, name, startTimeout } = child.spec
    const started = startAtOnce(this.self, what as never, child.args, { name, timeout: startTimeout })
    return isPromise(started) ? started.then((each) => this.#started(child, each)) : this.#started(child, started)
  }

  #started(child: Child, { address, info }: Started): unknown {
    child.restarting = false
    child.address = address
    if (address === undefined) {
      this.dropped(child)
      return info
    }
    this.#byAddress.set(address, child)
    if (child.waiting !== undefined) this.#answerWaiting(child, tuple(ok, address))
    this.#logStart(child.spec, address)
    return info
  }

  /** Ends a child, if it runs, as its specification says; promises that if it takes time. */
  protected end(child: Child): void | Promise<void> {
    const { address } = child
    child.restarting = false
    if (address === undefined) return
    const ended = endChild(this.self, address, child.spec.shutdown)
    return isPromise(ended) ? ended.then((reason) => this.#hasEnded(child, reason)) : this.#hasEnded(child, ended)
  }

  #hasEnded(child: Child, reason: unknown): void {
    const { address } = child
    this.forget(child)
    if (endedAsAsked(reason, child.spec)) return
    const fields = { ...this.#fields(child), address: String(address), ...shownReason(reason) }
    this.#log('error', 'a child did not end as it was asked to', fields)
  }

  /** The child with that address. */
  protected childAt(address: Address<never>): Child | undefined {
    return this.#byAddress.get(address)
  }

  /** It runs no more. */
  protected forget(child: Child): void {
    if (child.address !== undefined) this.#byAddress.delete(child.address)
    child.address = undefined
  }

  /** Nobody who waits for it to run need wait any more. */
  protected dropped(child: Child): void {
    if (child.waiting !== undefined) this.#answerWaiting(child, refusal('not_running'))
  }

  /** Answers when the child runs; that may be now. */
  protected whenReady(child: Child, from: Caller): unknown {
    if (child.address !== undefined) return tuple(ok, child.address)
    if (!child.restarting) return refusal('not_running')
    child.waiting ??= []
    child.waiting.push(from)
    return later
  }

  #answerWaiting(child: Child, answer: unknown): void {
    const { waiting = [] } = child
    child.waiting = undefined
    for (const from of waiting) this.self.reply(from, answer)
  }

  // --- ends that nobody asked for -----------------------------------------------------------------------------------

  async #exited({ from, reason }: Exit): Promise<void> {
    const child = this.#byAddress.get(from)
    // Somebody linked with us who is no child; our own parent is the loop's business.
    if (child === undefined) return
    const { restart } = child.spec
    const inOrder = isOrderly(reason)
    const again = restart === 'permanent' || (restart === 'transient' && !inOrder)
    if (restart === 'permanent' || !inOrder) this.#reportEnd(child, reason, again)
    if (childEnded.hasSubscribers) publish(childEnded, { ...this.#shown(child), address: from, reason, again })
    this.forget(child)
    if (again) await this.#restart(child)
    else this.ended(child)
  }

  async #restart(child: Child): Promise<void> {
    if (!this.#window.add(this.self.host.clock.now())) {
      this.#log('error', 'a supervisor gives up: too many restarts', { ...this.#fields(child), ...this.#intensity })
      if (supervisorGaveUp.hasSubscribers) publish(supervisorGaveUp, { ...this.#shown(child), ...this.#intensity })
      child.restarting = false
      this.ended(child)
      throw new ExitError(shutdown)
    }
    await this.restartWith(child)
    const { address } = child
    if (childRestarted.hasSubscribers && address !== undefined) {
      publish(childRestarted, { ...this.#shown(child), address })
    }
  }

  /** A child could not be started again: says so, and tries once more when all that came meanwhile is done. */
  protected again(child: Child, failure: unknown): void {
    this.reportFailedStart(child, failure)
    child.restarting = true
    const id = ++this.#tries
    this.#again.set(id, child)
    ;(this.self.address as Address<unknown>).send(tuple(genCast, tuple(tryAgain, id)))
  }

  /** `null` when it is no such message; `undefined` when the child is none of ours any more. */
  #triedAgain(message: unknown): Child | undefined | null {
    if (!isTuple(message) || message.length !== 2 || message[0] !== genCast) return null
    const cast = message[1]
    if (!isTuple(cast) || cast.length !== 2 || cast[0] !== tryAgain) return null
    const child = this.#again.get(cast[1] as number)
    this.#again.delete(cast[1] as number)
    return child
  }

  async terminate(_reason: unknown): Promise<void> {
    for (const child of this.children()) this.dropped(child)
    await this.endAll()
  }

  // --- looking in ---------------------------------------------------------------------------------------------------

  getState(): unknown {
    return { intensity: this.#intensity, children: Array.from(this.children(), shownChild) }
  }

  /** Children are processes: they are started and ended, not replaced. */
  replaceState(_change: (state: unknown) => unknown): never {
    throw new TypeError('the state of a supervisor is its children, and cannot be replaced')
  }

  // --- reports ------------------------------------------------------------------------------------------------------

  #reportEnd(child: Child, reason: unknown, again: boolean): void {
    const { restarts } = this.#intensity
    const left = Math.max(0, this.#window.left(this.self.host.clock.now()) - (again ? 1 : 0))
    const fields = {
      ...this.#fields(child),
      ...shownReason(reason),
      restarts: again ? `${left} of ${restarts} left` : 'none',
    }
    this.#log('error', 'a child has ended', fields)
  }

  protected reportFailedStart(child: Child, failure: unknown): void {
    const reason = startReason(failure)
    this.#log('error', 'a child was not started', { ...this.#fields(child), ...shownReason(reason) })
    if (childNotStarted.hasSubscribers) publish(childNotStarted, { ...this.#shown(child), reason })
  }

  /** What is told of it to whoever observes. */
  #shown({ spec }: Child): { node: string; supervisor: Address<never>; child: string } {
    const { self } = this.self
    return { node: self.node, supervisor: self, child: spec.key }
  }

  #fields({ spec, address }: Child): Record<string, unknown> {
    return { child: spec.key, restart: spec.restart, ...(address !== undefined && { address: address.toString() }) }
  }

  /** Of each of thousands, and read by few: so what costs most of it, the texts of the addresses, is made by who reads it. */
  #logStart({ key, restart }: Child['spec'], started: Address<unknown>): void {
    const { host, address } = this.self
    if (!isHeard(host.logger, 'debug')) return
    const fields = {
      get supervisor() {
        return address.toString()
      },
      child: key,
      restart,
      get address() {
        return started.toString()
      },
    }
    try {
      host.logger.debug(fields, 'a child has started')
    } catch {
      // As below.
    }
  }

  #log(level: 'warn' | 'error', text: string, fields: Record<string, unknown>): void {
    try {
      this.self.host.logger[level]({ supervisor: this.self.address.toString(), ...fields }, text)
    } catch {
      // A logger that throws must not end those who are supervised.
    }
  }
}

/** Why a child was not started. */
export function startReason(failure: unknown): unknown {
  return failure instanceof StartError ? failure.reason : failure
}

function shownReason(reason: unknown): Record<string, unknown> {
  return { reason: describe(reason), ...(reason instanceof Error && { stack: reason.stack }) }
}

/** `{Id, Pid | undefined | restarting, worker | supervisor, Modules}`. */
function shownChild({ spec, address, restarting: again }: Child): unknown {
  // OTP's word for the id of what has none is the atom `undefined`, which is our `undefined`.
  return tuple(
    spec.key === 'undefined' ? undefined : spec.id,
    address ?? (again ? restarting : undefined),
    Symbol.for(spec.type),
    [moduleOf(spec.start)],
  )
}

function moduleOf(start: ChildStart): symbol {
  const name = typeof start === 'function' ? start.name : (start.module ?? start.behaviour)
  return Symbol.for(name === '' ? 'undefined' : name)
}
