/**
 * Supervisors, as those see them who use them: ours, and Erlang's as well, as far as a request can say what is wanted.
 * Source: OTP's supervisor (the functions that call it).
 */

import { check } from '../arguments.js'
import { describe, ReignError, StartError } from '../errors.js'
import type { AnyBehaviour, Starter } from '../process/behaviour.js'
import { type Destination, nodeOf } from '../process/via.js'
import type { ReceiveOptions } from '../process/waiter.js'
import { Address } from '../term/address.js'
import { isTuple, tuple } from '../term/tuple.js'
import {
  type AnyChildSpec,
  type ChildHandle,
  type ChildSpec,
  type ChildStart,
  checkedSpec,
  idKey,
} from './child-spec.js'
import { Handle, targetOf } from './handle.js'
import { leaveParcel } from './parcels.js'

/** A child, as `whichChildren` tells. */
export interface ChildInfo {
  /** `undefined` for children of a dynamic supervisor. */
  readonly id: unknown
  /** Who it is; `'restarting'` while it could not be started again; `undefined` when it does not run. */
  readonly child: Address<unknown> | 'restarting' | undefined
  readonly type: 'worker' | 'supervisor'
  /** What runs in it: the name of a behaviour's `module`, or of the function; Erlang's modules. */
  readonly modules: readonly string[]
}

/** What `countChildren` counts. */
export interface ChildCounts {
  /** Specifications: of a dynamic supervisor, one. */
  readonly specs: number
  /** Children that run. */
  readonly active: number
  readonly supervisors: number
  readonly workers: number
}

/** Requests to supervisors wait as long as it takes: a child may take its time to start or to end. */
const noBound: ReceiveOptions = { timeout: Number.POSITIVE_INFINITY }

/** What all supervisors have in common. */
export class SupervisorBase extends Handle {
  /** The children, those that were started last first. Erlang: `supervisor:which_children`. */
  async whichChildren(): Promise<ChildInfo[]> {
    const listed = (await this.ask(Symbol.for('which_children'))) as [unknown, unknown, symbol, unknown][]
    return listed.map(([id, child, type, modules]) => ({
      id,
      child:
        child instanceof Address
          ? (child as Address<unknown>)
          : child === Symbol.for('restarting')
            ? 'restarting'
            : undefined,
      type: type === Symbol.for('supervisor') ? 'supervisor' : 'worker',
      modules: Array.isArray(modules) ? modules.map(text) : [],
    }))
  }

  /** How many children there are. Erlang: `supervisor:count_children`. */
  async countChildren(): Promise<ChildCounts> {
    const counts = (await this.ask(Symbol.for('count_children'))) as [symbol, number][]
    return Object.fromEntries(counts.map(([key, count]) => [key.description, count])) as unknown as ChildCounts
  }

  /** @internal */
  protected ask(request: unknown, options: ReceiveOptions = noBound): Promise<unknown> {
    return this.by.call(this.target, request, options)
  }

  /** @internal Asks `{What, Argument}`, and takes the answer out of `ok`, `{ok, Answer}`, `{error, Reason}`. */
  protected async request(what: string, argument: unknown, options?: ReceiveOptions): Promise<unknown> {
    const answer = await this.ask(tuple(Symbol.for(what), argument), options)
    if (!isTuple(answer) || answer[0] !== Symbol.for('error')) return isTuple(answer) ? answer[1] : undefined
    throw refused(what, argument, answer[1])
  }

  /** @internal Starts a child with what a message may not be able to carry. */
  protected async startWith(start: ChildStart, argument: unknown): Promise<unknown> {
    const { addressBook } = this.by.entity.host
    const here = nodeOf(this.target) === addressBook.self.node
    const answer = await this.request('start_child', here ? leaveParcel(addressBook, argument) : argument)
    if (!(answer instanceof Address) || typeof start === 'function') return answer
    return (start as AnyBehaviour).handle(answer as Address<unknown>, this.by)
  }

  /** @internal */
  protected async start(what: string, argument: unknown): Promise<Address<unknown> | undefined> {
    return (await this.request(what, argument)) as Address<unknown> | undefined
  }
}

/** A supervisor of children that have an order. */
export class Supervisor extends SupervisorBase {
  /**
   * Adds a child, after the others, and starts it.
   *
   * @returns What it is used through; `undefined` when it had better not be there.
   * @throws `ERR_REIGN_CHILD_SPEC`; `ERR_REIGN_CHILD` (`already_present`, `{already_started, Child}`); `ERR_REIGN_START`, a `StartError` with
   *   the reason, and it is not kept; `ERR_REIGN_CALL` when the supervisor is gone.
   */
  async startChild<S extends ChildStart>(spec: ChildSpec<S>): Promise<ChildHandle<S> | undefined> {
    checkedSpec(spec as AnyChildSpec, 'any_significant')
    return (await this.startWith(spec.start, spec)) as ChildHandle<S> | undefined
  }

  /** Ends a child; it stays known, and can be started again, unless it is temporary. @throws `ERR_REIGN_CHILD` (`not_found`). */
  async terminateChild(id: string | symbol): Promise<void> {
    checkId(id)
    await this.request('terminate_child', id)
  }

  /**
   * Starts a child again that has ended or was ended. `undefined` when it had better not be there.
   *
   * @throws `ERR_REIGN_CHILD` (`not_found`, `running`, `restarting`), `ERR_REIGN_START`.
   */
  async restartChild(id: string | symbol): Promise<Address<unknown> | undefined> {
    checkId(id)
    return this.start('restart_child', id)
  }

  /** Forgets a child that does not run. @throws `ERR_REIGN_CHILD` (`not_found`, `running`, `restarting`). */
  async deleteChild(id: string | symbol): Promise<void> {
    checkId(id)
    await this.request('delete_child', id)
  }

  /** How a child is restarted and ended, as OTP tells it. @throws `ERR_REIGN_CHILD` (`not_found`). */
  async childSpec(id: string | symbol): Promise<Readonly<Record<string, unknown>>> {
    checkId(id)
    return (await this.request('get_childspec', id)) as Readonly<Record<string, unknown>>
  }

  /**
   * Waits until a child runs: after one has ended, until its supervisor has started it again. Only ours answer that.
   *
   * @throws `ERR_REIGN_CHILD` (`not_found`; `not_running` when nobody will start it by himself); `ERR_REIGN_CALL` when the supervisor has
   *   given up; `ERR_REIGN_TIMEOUT` where a time is given.
   */
  async ready(id: string | symbol, options: ReceiveOptions = noBound): Promise<Address<unknown>> {
    checkId(id)
    return (await this.request('ready', id, options)) as Address<unknown>
  }
}

/** A supervisor that runs already, of ours or of Erlang's, here or elsewhere. */
export function supervisorAt(by: Starter, target: Destination | string): Supervisor {
  return new Supervisor(by, targetOf(by, target))
}

/** @throws `ERR_REIGN_ARGUMENT` for what no child can be known by. Those of a supervisor of Erlang's may be known by any term. */
function checkId(id: unknown): void {
  check(idKey(id) !== undefined || isTuple(id), 'a child is known by a text, an atom or a tuple', id)
}

/** Why a supervisor itself does not do it, in OTP's words; what else comes back from a start is why the child did not start. */
const refusals = new Set([
  'already_present',
  'already_started',
  'bad_request',
  'bad_start_spec',
  'max_children',
  'not_found',
  'not_running',
  'restarting',
  'running',
  'simple_one_for_one',
])

function refused(what: string, argument: unknown, reason: unknown): ReignError {
  const word = text(isTuple(reason) ? reason[0] : reason)
  if (word === 'invalid_child_spec' && isTuple(reason))
    return new ReignError('ERR_REIGN_CHILD_SPEC', describe(reason[1]))
  if (refusals.has(word)) return new ReignError('ERR_REIGN_CHILD', `${what}: ${describe(reason)}`, { cause: reason })
  return new StartError(typeof argument === 'object' ? 'the child' : text(argument), reason)
}

function text(value: unknown): string {
  return typeof value === 'symbol' ? (value.description ?? '') : String(value)
}
