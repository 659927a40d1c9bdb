/**
 * Supervision of any number of children of one kind, which come and go: OTP's `simple_one_for_one`. They have no order and no ids; each
 * is known by its address, and they are ended all at once. Source: OTP's supervisor (simple_one_for_one, terminate_dynamic_children).
 */
import type { Caller } from '../process/call.js'
import type { Process } from '../process/process.js'
import { Address } from '../term/address.js'
import { Ref } from '../term/ref.js'
import { tuple } from '../term/tuple.js'
import { Child } from './child.js'
import type { CheckedSpec } from './child-spec.js'
import { takeParcel } from './parcels.js'
import type { Intensity } from './restart-window.js'
import { shownSpec } from './supervision.js'
import { refusal, SupervisorEngine, startReason } from './supervisor-engine.js'
import { isPromise } from './when-there.js'

const ok = Symbol.for('ok')

/** See the head of this file. */
export class DynamicSupervision extends SupervisorEngine {
  readonly #spec: CheckedSpec
  readonly #limit: number
  readonly #children = new Set<Child>()

  constructor(self: Process<unknown>, spec: CheckedSpec, intensity: Intensity, limit: number) {
    super(self, intensity)
    this.#spec = spec
    this.#limit = limit
  }

  protected children(): Iterable<Child> {
    return this.#children
  }

  protected specCount(): number {
    return 1
  }

  protected override ended(child: Child): void {
    this.#children.delete(child)
  }

  protected override async restartWith(child: Child): Promise<void> {
    try {
      await this.start(child)
      if (child.address === undefined) this.#children.delete(child)
    } catch (failure) {
      if (!this.self.alive) throw failure
      this.again(child, failure)
    }
  }

  protected override async endAll(): Promise<void> {
    // All are asked at once, each with its own deadline: a thousand slow ones take as long as one.
    const ending: Promise<unknown>[] = []
    for (const child of this.#children) {
      const ended = this.end(child)
      if (isPromise(ended)) ending.push(ended)
    }
    await Promise.all(ending)
    this.#children.clear()
  }

  protected override answer(what: string, argument: unknown, _from: Caller): unknown {
    switch (what) {
      case 'start_child':
        return this.#startChild(argument)
      case 'terminate_child':
        return this.#terminateChild(argument)
      case 'restart_child':
      case 'delete_child':
        return refusal('simple_one_for_one')
      case 'get_childspec':
        return tuple(ok, shownSpec(this.#spec))
    }
    return undefined
  }

  #startChild(argument: unknown): unknown {
    const more = argument instanceof Ref ? takeParcel(argument) : argument
    if (!Array.isArray(more)) return refusal(tuple(Symbol.for('bad_start_spec'), argument))
    if (this.#children.size >= this.#limit) return refusal('max_children')
    const child = new Child(this.#spec, [...this.#spec.args, ...more])
    this.#children.add(child)
    try {
      const started = this.start(child)
      if (!isPromise(started)) return this.#startedChild(child, started)
      return started.then(
        (info) => this.#startedChild(child, info),
        (failure) => this.#failedChild(child, failure),
      )
    } catch (failure) {
      return this.#failedChild(child, failure)
    }
  }

  #startedChild(child: Child, info: unknown): unknown {
    if (child.address === undefined) this.#children.delete(child)
    return info === undefined ? tuple(ok, child.address) : tuple(ok, child.address, info)
  }

  #failedChild(child: Child, failure: unknown): unknown {
    if (!this.self.alive) throw failure
    this.#children.delete(child)
    return refusal(startReason(failure))
  }

  async #terminateChild(argument: unknown): Promise<unknown> {
    if (!(argument instanceof Address)) return refusal('simple_one_for_one')
    const child = this.childAt(argument)
    if (child === undefined) return refusal('not_found')
    await this.end(child)
    this.#children.delete(child)
    return ok
  }
}
