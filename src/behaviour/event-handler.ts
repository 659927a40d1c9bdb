/**
 * Event handlers: what an event manager (`gen-event.ts`) lets hear of its events. Erlang: the callback module of a gen_event.
 *
 *   const counter = eventHandler({
 *     module: 'counter',
 *     init: (from: number) => ({ count: from }),
 *     handleEvent: (state, _event: Alarm) => void state.count++,
 *     calls: { count: (state) => state.count },                  // gen_event:call(Manager, counter, count)
 *   })
 *
 * A handler is no process: it runs in its manager, which waits for its promises. One that throws is removed, and the others go on.
 */
import { checkOptions, checkText } from '../arguments.js'
import type { Process } from '../process/process.js'
import type { Protocol } from '../process/server.js'
import { takenApart } from './checked.js'
import { checkDefinition } from './definition.js'
import { Directive } from './directive.js'
import type { ProtocolFrom, StateIn } from './gen-server.js'
import type { Accepted } from './request-gate.js'
import { type HandlerTable, handlerTable } from './server-engine.js'

/** What the functions of a handler find in `this`. */
export interface HandlerContext<S> {
  /** The process of the manager, which all its handlers share. Not for its mailbox: the manager takes the messages. */
  readonly self: Process<unknown>
  /** The state of this handler; set it to replace it. */
  state: S
}

/**
 * A handler, as {@link eventHandler} takes it. `A` is the argument that it is added with, `R` what its init returns, `E` are its events.
 * `this` in each of the functions is the {@link HandlerContext}.
 */
export interface EventHandlerDefinition<A, R, E, C> {
  /** The name that it is added, called and deleted by, where Erlang has the callback module. */
  readonly module: string
  /**
   * Makes the state. When it takes the place of another handler, `previous` is what that one's `terminate` returned, or the atom `error`
   * when there was none; Erlang's init gets both as one tuple then. May also return `stop(reason)`: it is not added then, nor is it after
   * a throw.
   */
  readonly init: (this: HandlerContext<unknown>, argument: A, previous: unknown) => R
  /** Takes an event. The value does not matter, unless it is `removeHandler()`, `swapHandler(…)`, or `noReply({ state })`. */
  readonly handleEvent: (this: HandlerContext<StateIn<R>>, state: StateIn<R>, event: E) => unknown
  /** What is called by name: the value is the reply, unless it is `reply(value, { state })`, `removeHandler(reply)` or `swapHandler(…)`. */
  readonly calls?: C
  /** Takes calls that are not in `calls`. Without it they are a fault of the handler, as in Erlang. */
  readonly handleCall?: (this: HandlerContext<StateIn<R>>, state: StateIn<R>, request: unknown) => unknown
  /** Takes what came to the manager and is no event: messages, exits, notices. Without it they are dropped, with a warning. */
  readonly handleInfo?: (this: HandlerContext<StateIn<R>>, state: StateIn<R>, message: unknown) => unknown
  /**
   * Puts things away when it is removed. `why` is what `deleteHandler` was given; the atom `stop`; `{stop, Reason}` when its supervisor has
   * ended; `remove_handler`; `{error, Reason}` after a fault of its own. What it returns goes to whoever deletes it, or to its successor.
   */
  readonly terminate?: (this: HandlerContext<StateIn<R>>, state: StateIn<R>, why: unknown) => unknown
  /** The state as reports and `sys:get_status` show it. What it throws is shown instead. */
  readonly formatStatus?: (this: HandlerContext<StateIn<R>>, state: StateIn<R>) => unknown
}

type Callback = (this: never, state: never, argument: never) => unknown

/** The parts of a definition that a manager calls. */
export interface HandlerCallbacks {
  readonly init: (this: never, argument: never, previous: unknown) => unknown
  readonly handleEvent: Callback
  readonly handleCall?: Callback
  readonly handleInfo?: Callback
  readonly terminate?: Callback
  readonly formatStatus?: (this: never, state: never) => unknown
}

/** A handler that managers of events `E` can be given, with an argument `A`; `P` are its calls. Made by {@link eventHandler}. */
export class EventHandler<in A, in E, out P extends Protocol = Protocol> {
  /** Type only. */
  declare readonly '~argument': (argument: A) => void
  /** Type only. */
  declare readonly '~event': (event: E) => void
  /** Type only. */
  declare readonly '~protocol': P
  /** The name that it is known by. */
  readonly module: string
  /** @internal */
  readonly callbacks: HandlerCallbacks
  /** @internal */
  readonly calls: HandlerTable
  /** @internal */
  readonly accepted: Accepted

  /** @internal */
  constructor(module: string, callbacks: HandlerCallbacks, calls: HandlerTable, accepted: Accepted) {
    this.module = module
    this.callbacks = callbacks
    this.calls = calls
    this.accepted = accepted
  }
}

/** Any handler that takes events `E`. */
export type AnyEventHandler<E = never> = EventHandler<never, E>

/** Calls of a handler by name. Each gets the state, then the arguments of the request. */
export type HandlerFunctions<S> = Readonly<
  Record<string, (this: HandlerContext<S>, state: S, ...args: never[]) => unknown>
>

/** Makes an event handler of a definition; see the head of this file. */
export function eventHandler<A, R, E, C extends HandlerFunctions<StateIn<R>>>(
  definition: EventHandlerDefinition<A, R, E, C>,
): EventHandler<A, E, ProtocolFrom<C, Record<never, never>>> {
  checkDefinition(definition, 'the definition of a handler', shape)
  checkText(definition.module, 'module of the definition of a handler')
  const { calls, callbacks, accepted } = takenApart<HandlerCallbacks>(definition as never)
  return new EventHandler(definition.module, callbacks, handlerTable(calls), accepted)
}

const shape = {
  needs: ['init', 'handleEvent'],
  may: ['handleCall', 'handleInfo', 'terminate', 'formatStatus'],
  tables: ['calls'],
}

/** What a handler returns when it is to be there no more. */
export class Leaving<out V> extends Directive {
  /** Type only: what makes it another type than any other object. */
  declare readonly '~reply': V
  /** @internal The reply of a call. */
  readonly reply: unknown
  /** @internal */
  readonly successor: Successor | undefined

  /** @internal */
  constructor(reply: unknown, successor: Successor | undefined) {
    super()
    this.reply = reply
    this.successor = successor
  }

  /** @internal */
  get maker(): string {
    return this.successor === undefined ? 'removeHandler' : 'swapHandler'
  }
}

/** Who takes the place of a handler. */
export interface Successor {
  readonly handler: AnyEventHandler
  readonly id: unknown
  readonly argument: unknown
  readonly leaving: unknown
}

/** Returned by a handler that is to be removed; by a call with the reply. Erlang: `remove_handler`, `{remove_handler, Reply}`. */
export function removeHandler<V = never>(reply?: V): Leaving<V> {
  return new Leaving(reply, undefined)
}

/**
 * Returned by a handler that another one is to take the place of. Erlang: `{swap_handler, …}`.
 *
 * @param options.id The id of the new one, where several of its kind are to be told apart.
 * @param options.leaving What the `terminate` of the old one is given.
 * @param options.reply The reply of a call.
 */
export function swapHandler<A, V = never>(
  handler: EventHandler<A, never>,
  argument: NoInfer<A>,
  options: { readonly id?: unknown; readonly leaving?: unknown; readonly reply?: V } = {},
): Leaving<V> {
  checkOptions(options)
  const { id, leaving, reply } = options
  return new Leaving(reply, { handler, id, argument, leaving })
}
