/**
 * Supervisors of any number of children of one kind, which are started one by one: OTP's `simple_one_for_one`, Elixir's DynamicSupervisor.
 *
 *   const sessions = await node.start(dynamicSupervisor({ start: session, restart: 'temporary' }))
 *   const session = await sessions.startChild(socket)
 */
import { check, checkObject, checkPart } from '../arguments.js'
import { ReignError } from '../errors.js'
import type { Behaviour, Starter } from '../process/behaviour.js'
import { isBehaviour } from '../process/start.js'
import type { Destination } from '../process/via.js'
import type { Address } from '../term/address.js'
import { checkAddress } from '../term/checks.js'
import { type AnyChildSpec, type ChildArguments, type ChildHandle, type ChildStart, checkedSpec } from './child-spec.js'
import { DynamicSupervision } from './dynamic-supervision.js'
import { targetOf } from './handle.js'
import { loop } from './loop.js'
import type { Intensity } from './restart-window.js'
import { checkedIntensity } from './supervision.js'
import { SupervisorBase } from './supervisor-handle.js'

/** The ways to give the first of some arguments, or none, or all. */
type First<A extends readonly unknown[]> =
  | readonly []
  | (A extends readonly [infer H, ...infer T] ? readonly [H, ...First<T>] : never)

/** What is left of some arguments when the first are given. */
type After<A extends readonly unknown[], G extends readonly unknown[]> = G extends readonly [unknown, ...infer H]
  ? A extends readonly [unknown, ...infer T]
    ? After<T, H>
    : never
  : A

/** What a dynamic supervisor is made of: its one kind of child. */
export interface DynamicDefinition<S extends ChildStart, G extends readonly unknown[] = []>
  extends Pick<AnyChildSpec, 'restart' | 'shutdown' | 'type' | 'startTimeout'> {
  readonly start: S
  /** The first arguments of all children; `startChild` gives the rest. */
  readonly args?: G
  /** How many restarts, of all children together, are borne, in how many milliseconds: 1 in 5,000 unless given. */
  readonly intensity?: Intensity
  /** How many children there may be at once; `startChild` refuses more (`max_children`). No bound unless one is given. */
  readonly limit?: number
  /** A name for what it does, for reports. */
  readonly module?: string
}

/** A dynamic supervisor, as those see it who use it. */
export class DynamicSupervisor<S extends ChildStart, A extends readonly unknown[]> extends SupervisorBase {
  readonly #start: S

  /** @internal */
  constructor(by: Starter, target: Destination, start: S) {
    super(by, target)
    this.#start = start
  }

  /**
   * Starts a child with these arguments, after those that all have.
   *
   * @returns What it is used through; `undefined` when it had better not be there.
   * @throws `ERR_REIGN_START`, a `StartError` with the reason; `ERR_REIGN_CHILD` (`max_children`); `ERR_REIGN_CALL` when the supervisor is gone.
   */
  async startChild(...args: A): Promise<ChildHandle<S> | undefined> {
    return (await this.startWith(this.#start, args)) as ChildHandle<S> | undefined
  }

  /**
   * Ends a child, and it is not started again.
   *
   * @throws `ERR_REIGN_CHILD` (`not_found`).
   */
  async terminateChild(child: Address<never>): Promise<void> {
    checkAddress(child, 'a child is')
    await this.request('terminate_child', child)
  }
}

function checkDynamic(definition: object): void {
  checkObject(definition, 'the definition of a supervisor')
  checkPart(definition, 'module', 'string', 'module of a supervisor')
}

/**
 * Makes a dynamic supervisor.
 *
 * @throws `ERR_REIGN_CHILD_SPEC`.
 */
export function dynamicSupervisor<S extends ChildStart, const G extends First<ChildArguments<S>> = readonly []>(
  definition: DynamicDefinition<S, G>,
): Behaviour<[], DynamicSupervisor<S, After<ChildArguments<S>, G>>> {
  checkDynamic(definition)
  const { start, args, restart, shutdown, type, startTimeout, module = 'dynamic_supervisor' } = definition
  const rules = { restart, shutdown, type, startTimeout }
  const given = Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined))
  // OTP's own word for the id of what has none.
  const spec = checkedSpec({ id: Symbol.for('undefined'), start, ...(args && { args }), ...given })
  const intensity = checkedIntensity(definition.intensity)
  const { limit = Number.POSITIVE_INFINITY } = definition
  if (!(limit >= 0)) throw new ReignError('ERR_REIGN_CHILD_SPEC', `limit is a count, not ${String(limit)}`)
  return {
    behaviour: 'supervisor',
    module,
    async run(self, starting) {
      self.trapExit = true
      const ended = self.host.trees.add(self.address, starting.parent)
      try {
        starting.ack()
        const engine = new DynamicSupervision(self, spec, intensity, limit)
        await loop(self, starting, engine, { behaviour: 'supervisor', module })
      } finally {
        ended()
      }
    },
    handle: (target, by) => new DynamicSupervisor(by, target, start),
  }
}

/**
 * A dynamic supervisor that runs already, by its address or registered name, as its definition types it.
 *
 *   const session = await dynamicSupervisorAt(self, 'sessions', sessions).startChild(socket)
 *
 * @param definition What it was made by, `dynamicSupervisor({ … })`: nothing checks that it is this one which runs there.
 */
export function dynamicSupervisorAt<S extends ChildStart, A extends readonly unknown[]>(
  by: Starter,
  target: Destination | string,
  definition: Behaviour<[], DynamicSupervisor<S, A>>,
): DynamicSupervisor<S, A> {
  check(isBehaviour(definition), 'the definition is made by dynamicSupervisor', definition)
  // A handle of a supervisor takes a name as well as an address.
  return definition.handle(targetOf(by, target) as Address<unknown>, by)
}
