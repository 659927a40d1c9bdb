/**
 * Supervisors: processes that start others, and start them again when they end.
 *
 *   const top = await node.start(supervisor({
 *     strategy: 'one_for_one',
 *     intensity: { restarts: 3, within: 5_000 },
 *     children: [{ id: 'counter', start: counter, args: [10], name: 'counter' }],
 *   }))
 *
 * Children are started in the order of the list, each when the one before has started, and ended in reverse. To Erlang it is a supervisor
 * as any: `supervisor:which_children/1` and its kin are answered. Source: OTP's supervisor.
 */
import { checkObject } from '../arguments.js'
import type { Behaviour } from '../process/behaviour.js'
import type { AnyChildSpec, ChildSpec, ChildStart } from './child-spec.js'
import { loop } from './loop.js'
import type { Intensity } from './restart-window.js'
import { type AutoShutdown, type Strategy, Supervision, supervised } from './supervision.js'
import { Supervisor } from './supervisor-handle.js'

/** What a supervisor is made of. */
export interface SupervisorDefinition<C extends readonly AnyChildSpec[] = readonly AnyChildSpec[]> {
  /** Which children are started again with one that has ended: `one_for_one` (none; the default), `one_for_all`, `rest_for_one` (those after it). */
  readonly strategy?: Strategy
  /** How many restarts are borne, in how many milliseconds: 1 in 5,000 unless given. One more, and the supervisor ends. */
  readonly intensity?: Intensity
  /** Whether it ends, with `shutdown`, when significant children have ended by themselves: `never` unless given. */
  readonly autoShutdown?: AutoShutdown
  readonly children?: C
  /** A name for what it does, for reports. */
  readonly module?: string
}

/** A list of children, the arguments of each checked against what it starts. */
export type CheckedChildren<T extends readonly ChildStart[]> = { readonly [K in keyof T]: ChildSpec<T[K]> }

/**
 * Makes a supervisor of a definition, or of a function that gives one when it is started.
 *
 * @throws `ERR_REIGN_CHILD_SPEC`, with the child and what is wrong; for a function, that is why its start fails.
 */
export function supervisor<const T extends readonly ChildStart[]>(
  definition: Omit<SupervisorDefinition, 'children'> & { readonly children?: readonly [...CheckedChildren<T>] },
): Behaviour<[], Supervisor>
export function supervisor<A extends readonly unknown[]>(
  init: (...args: A) => SupervisorDefinition | PromiseLike<SupervisorDefinition>,
): Behaviour<A, Supervisor>
export function supervisor(
  given: SupervisorDefinition | ((...args: never) => SupervisorDefinition | PromiseLike<SupervisorDefinition>),
): Behaviour<readonly unknown[], Supervisor> {
  if (typeof given !== 'function') checkObject(given, 'the definition of a supervisor')
  const fixed = typeof given === 'function' ? undefined : supervised(given)
  const named = typeof given === 'function' ? given.name : given.module
  const module = named === undefined || named === '' ? 'supervisor' : named
  return {
    behaviour: 'supervisor',
    module,
    async run(self, starting, ...args) {
      // Before the first child: the end of one is to be news, not our end.
      self.trapExit = true
      const ended = self.host.trees.add(self.address, starting.parent)
      try {
        const definition = fixed ?? supervised(await (given as (...args: unknown[]) => SupervisorDefinition)(...args))
        const engine = new Supervision(self, definition)
        await engine.startAll()
        starting.ack()
        await loop(self, starting, engine, { behaviour: 'supervisor', module })
      } finally {
        ended()
      }
    },
    handle: (address, by) => new Supervisor(by, address),
  }
}
