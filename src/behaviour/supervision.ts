/**
 * Supervision of children that have an order: `one_for_one`, `one_for_all` and `rest_for_one`. Children are started one after the
 * other, each when the one before has started, and ended in reverse. Source: OTP's supervisor.
 */

import { describe } from '../describe.js'
import { ExitError, ReignError } from '../errors.js'
import { shutdown } from '../exit-reason.js'
import type { Caller } from '../process/call.js'
import type { Process } from '../process/process.js'
import { tuple } from '../term/tuple.js'
import { Child } from './child.js'
import { type AnyChildSpec, type CheckedSpec, checkedSpec, idKey } from './child-spec.js'
import { takeParcel } from './parcels.js'
import { defaultIntensity, type Intensity } from './restart-window.js'
import { refusal, SupervisorEngine, startReason } from './supervisor-engine.js'
import { isPromise } from './when-there.js'

/** Which children are started again with one that has ended: none, all, or those after it. */
export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one'

/** Whether a supervisor ends, with `shutdown`, when significant children have ended by themselves: never, with any, with the last. */
export type AutoShutdown = 'never' | 'any_significant' | 'all_significant'

/** What a supervisor is made of, once all is filled in. */
export interface Supervised {
  readonly strategy: Strategy
  readonly intensity: Intensity
  readonly autoShutdown: AutoShutdown
  readonly specs: readonly CheckedSpec[]
}

const ok = Symbol.for('ok')
const failedToStart = Symbol.for('failed_to_start_child')

/** What is left open, filled in. @throws `ERR_REIGN_CHILD_SPEC` */
export function supervised(definition: {
  readonly strategy?: Strategy
  readonly intensity?: Intensity
  readonly autoShutdown?: AutoShutdown
  readonly children?: readonly AnyChildSpec[]
}): Supervised {
  const { strategy = 'one_for_one', autoShutdown = 'never', children = [] } = definition
  const intensity = checkedIntensity(definition.intensity)
  if (!['one_for_one', 'one_for_all', 'rest_for_one'].includes(strategy))
    fault(`there is no strategy ${String(strategy)}`)
  if (!['never', 'any_significant', 'all_significant'].includes(autoShutdown)) {
    fault(`autoShutdown is never, any_significant or all_significant, not ${String(autoShutdown)}`)
  }
  if (!Array.isArray(children)) fault(`children are an array, not ${describe(children)}`)
  const specs = (children as readonly AnyChildSpec[]).map((spec) => checkedSpec(spec, autoShutdown))
  const keys = new Set<string>()
  for (const { key } of specs) {
    if (keys.has(key)) fault(`two children are called ${key}`)
    keys.add(key)
  }
  return { strategy, intensity, autoShutdown, specs }
}

/** The bound on restarts, checked. @throws `ERR_REIGN_CHILD_SPEC` */
export function checkedIntensity(intensity: Intensity = defaultIntensity): Intensity {
  const { restarts, within } = intensity
  if (!Number.isInteger(restarts) || restarts < 0) fault(`intensity.restarts is a count, not ${String(restarts)}`)
  if (!(Number.isFinite(within) && within > 0))
    fault(`intensity.within is a number of milliseconds, not ${String(within)}`)
  return { restarts, within }
}

function fault(what: string): never {
  throw new ReignError('ERR_REIGN_CHILD_SPEC', what)
}

/** See the head of this file. */
export class Supervision extends SupervisorEngine {
  readonly #strategy: Strategy
  readonly #autoShutdown: AutoShutdown
  /** By id, in the order in which they are started. */
  readonly #children: Map<string, Child>

  constructor(self: Process<unknown>, { strategy, intensity, autoShutdown, specs }: Supervised) {
    super(self, intensity)
    this.#strategy = strategy
    this.#autoShutdown = autoShutdown
    this.#children = new Map(specs.map((spec) => [spec.key, new Child(spec)]))
  }

  /**
   * Starts all children. When one does not start, those before it are ended.
   *
   * @throws an exit `{shutdown, {failed_to_start_child, Id, Reason}}`.
   */
  async startAll(): Promise<void> {
    const failed = await this.#startEach([...this.#children.values()])
    if (failed === undefined) return
    this.reportFailedStart(failed.child, failed.failure)
    await this.endAll()
    throw new ExitError(tuple(shutdown, tuple(failedToStart, failed.child.spec.id, startReason(failed.failure))))
  }

  protected children(): Iterable<Child> {
    return this.#children.values()
  }

  protected specCount(): number {
    return this.#children.size
  }

  protected override async endAll(): Promise<void> {
    await this.#endEach([...this.#children.values()])
  }

  protected override ended(child: Child): void {
    if (child.spec.restart === 'temporary') this.#remove(child)
    else this.dropped(child)
    if (child.spec.significant && this.#isOver()) throw new ExitError(shutdown)
  }

  /** Whether the end of a significant child was the one that this supervisor ends with. */
  #isOver(): boolean {
    if (this.#autoShutdown === 'any_significant') return true
    if (this.#autoShutdown === 'never') return false
    return ![...this.children()].some(
      ({ spec, address, restarting }) => spec.significant && (address !== undefined || restarting),
    )
  }

  protected override async restartWith(child: Child): Promise<void> {
    const group = this.#group(child)
    await this.#endEach(group)
    const failed = await this.#startEach(group.filter(({ spec }) => spec.restart !== 'temporary'))
    if (failed !== undefined) this.again(failed.child, failed.failure)
  }

  /** The child, and those that are started again with it, in order. */
  #group(child: Child): Child[] {
    if (this.#strategy === 'one_for_one') return [child]
    const all = [...this.#children.values()]
    return this.#strategy === 'one_for_all' ? all : all.slice(all.indexOf(child))
  }

  /** Starts these in order, until one does not start. */
  async #startEach(children: readonly Child[]): Promise<{ child: Child; failure: unknown } | undefined> {
    for (const child of children) {
      try {
        const started = this.start(child)
        // Thousands that have started already are not waited for, a turn each.
        if (isPromise(started)) await started
        if (child.address === undefined && child.spec.restart === 'temporary') this.#remove(child)
      } catch (failure) {
        if (!this.self.alive) throw failure
        return { child, failure }
      }
    }
    return undefined
  }

  async #endEach(children: readonly Child[]): Promise<void> {
    for (const child of children.toReversed()) {
      const ended = this.end(child)
      if (isPromise(ended)) await ended
      if (child.spec.restart === 'temporary') this.#remove(child)
    }
  }

  #remove(child: Child): void {
    this.#children.delete(child.spec.key)
    this.dropped(child)
  }

  // --- requests -----------------------------------------------------------------------------------------------------

  protected override answer(what: string, argument: unknown, from: Caller): unknown {
    if (what === 'start_child') return this.#startChild(argument)
    const child = this.#children.get(idKey(argument) ?? '')
    switch (what) {
      case 'terminate_child':
        return child === undefined ? refusal('not_found') : this.#terminateChild(child)
      case 'restart_child':
        return child === undefined ? refusal('not_found') : this.#restartChild(child)
      case 'delete_child':
        return child === undefined ? refusal('not_found') : this.#deleteChild(child)
      case 'get_childspec':
        return child === undefined ? refusal('not_found') : tuple(ok, shownSpec(child.spec))
      case 'ready':
        return child === undefined ? refusal('not_found') : this.whenReady(child, from)
    }
    return undefined
  }

  async #startChild(argument: unknown): Promise<unknown> {
    const given = takeParcel(argument)
    // Other nodes can send no function; OTP's specification names one of Erlang.
    if (given === undefined) return refusal(tuple(Symbol.for('invalid_child_spec'), argument))
    let spec: CheckedSpec
    try {
      spec = checkedSpec(given as AnyChildSpec, this.#autoShutdown)
    } catch (error) {
      return refusal(tuple(Symbol.for('invalid_child_spec'), (error as Error).message))
    }
    const known = this.#children.get(spec.key)
    if (known?.address !== undefined) return refusal(tuple(Symbol.for('already_started'), known.address))
    if (known !== undefined) return refusal('already_present')
    const child = new Child(spec)
    return this.#startedChild(child, (started) => {
      if (started || spec.restart !== 'temporary') this.#children.set(spec.key, child)
    })
  }

  async #startedChild(child: Child, keep: (started: boolean) => void = () => {}): Promise<unknown> {
    try {
      const info = await this.start(child)
      keep(child.address !== undefined)
      return info === undefined ? tuple(ok, child.address) : tuple(ok, child.address, info)
    } catch (failure) {
      if (!this.self.alive) throw failure
      this.reportFailedStart(child, failure)
      return refusal(startReason(failure))
    }
  }

  async #terminateChild(child: Child): Promise<unknown> {
    await this.end(child)
    if (child.spec.restart === 'temporary') this.#remove(child)
    else this.dropped(child)
    return ok
  }

  #restartChild(child: Child): unknown {
    return stateOf(child) ?? this.#startedChild(child)
  }

  #deleteChild(child: Child): unknown {
    const refused = stateOf(child)
    if (refused !== undefined) return refused
    this.#remove(child)
    return ok
  }
}

/** Why nothing can be done with a child that is not stopped. */
function stateOf({ address, restarting }: Child): unknown {
  return address !== undefined ? refusal('running') : restarting ? refusal('restarting') : undefined
}

/** As OTP's child specification map, without what only this node can start it with. */
export function shownSpec({ id, restart, shutdown: how, type, significant }: CheckedSpec): unknown {
  return {
    id,
    restart: Symbol.for(restart),
    shutdown: how === 'brutal_kill' ? Symbol.for(how) : how === Number.POSITIVE_INFINITY ? Symbol.for('infinity') : how,
    type: Symbol.for(type),
    significant,
  }
}
