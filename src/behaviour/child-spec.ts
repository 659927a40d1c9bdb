/** What a supervisor is told of a child: what it is, what to start it with, when to restart it, how to end it. */
import { describe, ReignError } from '../errors.js'
import type { AnyBehaviour, Behaviour, HandleOf } from '../process/behaviour.js'
import type { Process } from '../process/process.js'
import { isBehaviour } from '../process/start.js'
import { ViaName } from '../process/via.js'
import type { Address } from '../term/address.js'

/** What can be a child: a behaviour, or a plain process function, which has started as soon as there is a process. */
// biome-ignore lint/suspicious/noExplicitAny: a process function of any messages; `any` stays inside of this constraint.
export type ChildStart = AnyBehaviour | ((self: Process<any>, ...args: never) => unknown)

/** The arguments that such a child is started with, after the process itself. */
export type ChildArguments<S> =
  S extends Behaviour<infer A, unknown> ? A : S extends (self: never, ...args: infer A) => unknown ? A : never

/** What a child is used through. */
export type ChildHandle<S> = S extends (...args: never) => unknown ? Address<unknown> : HandleOf<S>

/** When a child that has ended is started again: always; unless it ended in order; never. */
export type Restart = 'permanent' | 'transient' | 'temporary'

/** How a child is ended: killed at once; asked to, and killed after so many milliseconds; `Infinity`: asked to, and waited for. */
export type Shutdown = 'brutal_kill' | number

/** How many milliseconds a child that is no supervisor has to end in order: OTP's own default. */
const shutdownMs = 5_000

export interface ChildRules {
  /** Its name within its supervisor. An atom and a text of the same characters are the same id. */
  readonly id: string | symbol
  /** The name that it is registered under: of its node, or one that is kept elsewhere (`via`). */
  readonly name?: string | ViaName
  /** `permanent` unless given. */
  readonly restart?: Restart
  /** 5,000 ms unless given; for a supervisor, which has children of its own to end, without bound. */
  readonly shutdown?: Shutdown
  /** What `whichChildren` says that it is; known by itself for our own supervisors. */
  readonly type?: 'worker' | 'supervisor'
  /** Whether its end counts for `autoShutdown` of its supervisor. Not for permanent children. */
  readonly significant?: boolean
  /** Milliseconds for its init: then it is killed, and its start has failed. As in Erlang, there is no bound unless one is given. */
  readonly startTimeout?: number
}

/** A child, and what it is started with; the arguments are checked by the compiler. See the head of this file. */
export type ChildSpec<S extends ChildStart = ChildStart> = ChildRules & {
  readonly start: S
} & ([] extends ChildArguments<S> ? { readonly args?: ChildArguments<S> } : { readonly args: ChildArguments<S> })

/** A child whose arguments are checked no more: what lists of different children are made of. */
export interface AnyChildSpec extends ChildRules {
  readonly start: ChildStart
  readonly args?: readonly unknown[]
}

/**
 * Checks a child's arguments where children of all kinds go into one list: `children: names.map((id) => child({ id, … }))`.
 *
 * @throws `ERR_REIGN_CHILD_SPEC`.
 */
export function child<S extends ChildStart>(spec: ChildSpec<S>): AnyChildSpec {
  checkedSpec(spec as AnyChildSpec, 'any_significant')
  return spec as AnyChildSpec
}

/** A specification with nothing left open. */
export interface CheckedSpec extends Required<Omit<AnyChildSpec, 'name' | 'startTimeout'>> {
  readonly name: string | ViaName | undefined
  readonly startTimeout: number
  /** The id as children are found by it. */
  readonly key: string
}

/** The text of an id. */
export function idKey(id: unknown): string | undefined {
  return typeof id === 'symbol' ? Symbol.keyFor(id) : typeof id === 'string' ? id : undefined
}

/**
 * Fills in what is left open.
 *
 * @throws `ERR_REIGN_CHILD_SPEC`, with the id and what is wrong.
 */
export function checkedSpec(spec: AnyChildSpec, autoShutdown: 'never' | string = 'never'): CheckedSpec {
  if (typeof spec !== 'object' || spec === null) {
    throw new ReignError('ERR_REIGN_CHILD_SPEC', `a child is specified by an object, not ${describe(spec)}`)
  }
  const key = idKey(spec?.id)
  if (key === undefined) fault(spec?.id, 'an id is a text or an atom')
  const { start, args = [], name, restart = 'permanent', significant = false } = spec
  if (typeof start !== 'function' && !isBehaviour(start)) fault(key, 'start is a behaviour or a process function')
  if (!Array.isArray(args)) fault(key, 'args is an array')
  if (restart !== 'permanent' && restart !== 'transient' && restart !== 'temporary') {
    fault(key, `restart is permanent, transient or temporary, not ${describe(restart)}`)
  }
  const type = spec.type ?? (typeof start === 'object' && start.behaviour === 'supervisor' ? 'supervisor' : 'worker')
  if (type !== 'worker' && type !== 'supervisor') fault(key, `type is worker or supervisor, not ${describe(type)}`)
  const shutdown = spec.shutdown ?? (type === 'supervisor' ? Number.POSITIVE_INFINITY : shutdownMs)
  if (shutdown !== 'brutal_kill' && !(typeof shutdown === 'number' && shutdown >= 0)) {
    fault(key, `shutdown is brutal_kill or a number of milliseconds, not ${describe(shutdown)}`)
  }
  const { startTimeout = Number.POSITIVE_INFINITY } = spec
  if (!(typeof startTimeout === 'number' && startTimeout > 0)) {
    fault(key, `startTimeout is a number of milliseconds, not ${describe(startTimeout)}`)
  }
  if (name !== undefined && typeof name !== 'string' && !(name instanceof ViaName))
    fault(key, `name is a text or via(…), not ${describe(name)}`)
  if (significant && restart === 'permanent') fault(key, 'a permanent child cannot be significant: it never ends')
  if (significant && autoShutdown === 'never') fault(key, 'significant means nothing without autoShutdown')
  return { id: spec.id, key, start, args, name, restart, shutdown, type, significant, startTimeout }
}

function fault(id: unknown, what: string): never {
  throw new ReignError('ERR_REIGN_CHILD_SPEC', `child ${typeof id === 'symbol' ? id.description : String(id)}: ${what}`)
}
