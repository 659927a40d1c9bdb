/**
 * Applications: a supervision tree as the whole of a program, with what is to be done around its start and its stop.
 *
 *   export default defineApplication({
 *     name: 'shop',
 *     start: ({ config }) => supervisor({ children: [{ id: 'till', start: till, args: [config.port] }] }),
 *   })
 *
 * `reign run ./shop.js` makes that a program: a node, signals, an exit code. `startApplication(node, shop)` starts it on a node that is
 * there. Source: OTP's application and application_master.
 */
import { checkObject, checkPart } from '../arguments.js'
import type { Node } from '../cluster/node.js'
import { ReignError } from '../errors.js'
import type { Behaviour } from '../process/behaviour.js'
import { checkSchema, type Schema } from '../schema.js'

/** What an application is configured with, where no schema says otherwise: names and values. */
export type Config = Readonly<Record<string, unknown>>

/**
 * What the end of an application that nobody asked for means for its program. OTP's restart types of applications: there it is the node
 * that goes on or ends.
 */
export type ApplicationType =
  /** It is always to run: any such end is a failure. */
  | 'permanent'
  /** It may end with `normal`; any other end is a failure. */
  | 'transient'
  /** It may end as it likes. */
  | 'temporary'

/** What the functions of an application are given. */
export interface ApplicationContext<C = Config> {
  /** The name of the application. */
  readonly name: string
  readonly node: Node
  /** What it was configured with, as its schema made it. */
  readonly config: C
  /** Arguments of the command line that are for the program itself: what follows `--`. */
  readonly args: readonly string[]
  /** Asks the application to stop in order, and with it its program, which ends with 0. Does not wait. Erlang: `init:stop/0`. */
  stop(): void
}

/** The root of the tree, and a state of one's own for `prepStop` and `stop`. Erlang: `{ok, Pid, State}`. */
export interface Rooted<S> {
  readonly root: Behaviour<[], unknown>
  readonly state: S
}

/** What an application is made of; see {@link defineApplication}. */
export interface ApplicationDefinition<C, S> {
  /** As Erlang would name it. */
  readonly name: string
  /** `permanent` unless given. */
  readonly type?: ApplicationType
  /** What its configuration has to fit; what the schema makes of it is `context.config`. */
  readonly config?: Schema<unknown, C>
  /**
   * Gives the root of the tree, which is started then: a supervisor as a rule, any behaviour that starts without arguments. A throw is a
   * failed start.
   */
  readonly start: (context: ApplicationContext<C>) => ApplicationRoot<S> | PromiseLike<ApplicationRoot<S>>
  /** The tree is about to be stopped, and runs still: the time to refuse new work. Not called when the tree has ended by itself. */
  readonly prepStop?: (context: ApplicationContext<C>, state: S) => unknown
  /** The tree has ended, in whichever way: the time to put away what `start` opened. */
  readonly stop?: (context: ApplicationContext<C>, state: S) => unknown
}

/** What the `start` of an application gives. */
export type ApplicationRoot<S> = Behaviour<[], unknown> | Rooted<S>

const brand = Symbol.for('reign.application')

/** An application that can be started; made by {@link defineApplication}. */
export class Application<C = Config> {
  readonly name: string
  readonly type: ApplicationType
  /** @internal */
  readonly definition: ApplicationDefinition<C, unknown>

  /** @internal */
  constructor(definition: ApplicationDefinition<C, unknown>) {
    this.name = definition.name
    this.type = definition.type ?? 'permanent'
    this.definition = definition
    Object.defineProperty(this, brand, { value: true })
  }
}

/**
 * Makes an application of a definition.
 *
 * @throws `ERR_REIGN_ARGUMENT` for a name or a type that is none, or without a `start`; `ERR_REIGN_SCHEMA` when `config` is no schema.
 */
export function defineApplication<C = Config, S = undefined>(definition: ApplicationDefinition<C, S>): Application<C> {
  checkObject(definition, 'the definition of an application')
  const { name, type = 'permanent', config, start } = definition
  if (typeof name !== 'string' || name === '') fault('an application has a name')
  if (!['permanent', 'transient', 'temporary'].includes(type)) {
    fault(`the type of ${name} is permanent, transient or temporary, not ${String(type)}`)
  }
  if (typeof start !== 'function') fault(`${name} has no start`)
  checkPart(definition, 'prepStop', 'function', `prepStop of ${name}`)
  checkPart(definition, 'stop', 'function', `stop of ${name}`)
  if (config !== undefined) checkSchema(config, `config of ${name}`)
  return new Application(definition as ApplicationDefinition<C, unknown>)
}

/**
 * Takes an application from a program.
 *
 * @throws `ERR_REIGN_ARGUMENT` when it is none, or one of another copy of this package, whose processes would not know ours.
 */
export function checkApplication(value: unknown, where: string): Application<unknown> {
  if (value instanceof Application) return value
  const isOther = typeof value === 'object' && value !== null && brand in value
  return fault(
    isOther
      ? `${where} is an application of another copy of reign: run it with the one that it imports`
      : `${where} is no application, as defineApplication makes it`,
  )
}

function fault(what: string): never {
  throw new ReignError('ERR_REIGN_ARGUMENT', what)
}
