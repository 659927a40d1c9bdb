/**
 * State machines: what happens depends on the state, and events that come too early are kept for a later one.
 *
 *   const door = genStatem({
 *     init: (code: string) => startIn('locked', { code }),
 *     states: {
 *       locked(event, data) {
 *         if (event.type === 'cast' && event.content === data.code) return nextState('open', stateTimeout(10_000))
 *       },
 *       open(event) {
 *         if (event.type === 'stateTimeout') return nextState('locked')
 *         return keepState(postpone)
 *       },
 *     },
 *   })
 *
 * To Erlang it is a gen_statem as any: `gen_statem:call`, `cast` and `stop` reach it, and `sys` looks into it. The order of events is
 * OTP's: inserted events, then those that were postponed, when the state has changed, then those that are queued. One event at a time:
 * when a state returns a promise, the next event waits for it. Source: OTP's gen_statem.
 */
import { check } from '../arguments.js'
import { ExitError } from '../errors.js'
import type { Behaviour } from '../process/behaviour.js'
import { type Protocol, type StartedServer, serverAt } from '../process/server.js'
import { tuple } from '../term/tuple.js'
import { checkDefinition } from './definition.js'
import { Directive, returned } from './directive.js'
import { handOver } from './loop.js'
import { type Ignore, ignore } from './outcome.js'
import { type AcceptedProtocol, type ContentsOf, type StatemAccepts, statemGate } from './statem-accepts.js'
import { type HandleEvent, type StatemContext, StatemEngine } from './statem-engine.js'
import type { StatemContents, StatemEvent } from './statem-event.js'
import { Entry, Transition } from './transition.js'
import { whenThere } from './when-there.js'

type Result<S> = Transition<S> | undefined | void

/** Nothing is said of what is accepted. */
type Anything = Record<never, never>

/** What a state does with an event. Returning nothing stays. */
export type StateFunction<S, D, C extends StatemContents = ContentsOf<Anything>> = (
  this: StatemContext<S, D>,
  event: StatemEvent<C>,
  data: D,
) => Result<S> | PromiseLike<Result<S>>

/** What both forms of a gen_statem have. */
export interface StatemBase<S, D, P extends Protocol, X = Anything> {
  /** A name for what it does, for reports and `sys:get_status`, where Erlang has the callback module. */
  readonly module?: string
  /** Whether exits of linked processes come as events, and `terminate` is called when the parent ends it. */
  readonly trapExit?: boolean
  /** The calls and casts that it answers to, for those who use it: `protocol<{ calls: { … } }>()`. */
  readonly protocol?: P
  /**
   * Schemas of what comes in from others. What does not fit never reaches a state; a caller gets a `RefusedError`. See `docs/schemas.md`.
   */
  readonly accepts?: X
  /** Whether each state is told first that it is entered. Erlang: `state_enter`. */
  readonly enterCalls?: boolean
  /** Puts things away before the end. */
  readonly terminate?: (this: StatemContext<S, D>, reason: unknown, state: S, data: D) => unknown
  /** The state and data as reports and `sys:get_status` show them. */
  readonly formatStatus?: (this: StatemContext<S, D>, state: S, data: D) => unknown
}

/** A machine with one function for each state. Erlang: callback mode `state_functions`. */
export interface StatesDefinition<A extends readonly unknown[], S extends string, D, P extends Protocol, X = Anything>
  extends StatemBase<S, D, P, X> {
  /** The first state and the data; may be async, be `ignore`, or end with `stopMachine(reason)`. A throw is a failed start. */
  readonly init: (...args: A) => StartOf<NoInfer<S>, D> | PromiseLike<StartOf<NoInfer<S>, D>>
  readonly states: { readonly [K in S]: StateFunction<NoInfer<S>, NoInfer<D>, ContentsOf<NoInfer<X>>> }
}

/** A machine with one function for all states, which may be any terms. Erlang: callback mode `handle_event_function`. */
export interface EventsDefinition<A extends readonly unknown[], S, D, P extends Protocol, X = Anything>
  extends StatemBase<S, D, P, X> {
  /** The first state and the data; may be async, be `ignore`, or end with `stopMachine(reason)`. A throw is a failed start. */
  readonly init: (...args: A) => StartOf<S, D> | PromiseLike<StartOf<S, D>>
  readonly handleEvent: (
    this: StatemContext<S, D>,
    event: StatemEvent<ContentsOf<NoInfer<X>>>,
    state: S,
    data: D,
  ) => Result<S> | PromiseLike<Result<S>>
}

type StartOf<S, D> = Entry<S, D> | Ignore | Transition<never>

/** A gen_statem that can be started. */
export interface GenStatem<A extends readonly unknown[], P extends Protocol> extends Behaviour<A, StartedServer<P>> {
  /** Type only. */
  readonly '~protocol': P
}

/** Says what calls and casts a machine answers to, as a type alone. */
export function protocol<P extends Protocol>(): P {
  return undefined as never
}

/** What is known of the calls and casts of a machine: by its protocol, or else by what it accepts. */
export type StatemProtocol<P extends Protocol, X> = Protocol extends P ? AcceptedProtocol<X> : P

/**
 * Makes a gen_statem of a definition; see the head of this file.
 *
 * @throws `ERR_REIGN_SCHEMA` when what it accepts is not said by schemas.
 */
export function genStatem<
  A extends readonly unknown[],
  S extends string,
  D,
  P extends Protocol = Protocol,
  X extends StatemAccepts = Anything,
>(definition: StatesDefinition<A, S, D, P, X>): GenStatem<A, StatemProtocol<P, X>>
export function genStatem<
  A extends readonly unknown[],
  S,
  D,
  P extends Protocol = Protocol,
  X extends StatemAccepts = Anything,
>(definition: EventsDefinition<A, S, D, P, X>): GenStatem<A, StatemProtocol<P, X>>
export function genStatem(definition: AnyDefinition): GenStatem<readonly unknown[], Protocol> {
  const { states, handleEvent } = definition ?? {}
  checkDefinition(definition, 'the definition of a machine', shape)
  check(states !== undefined || handleEvent !== undefined, 'a machine has states or handleEvent', definition)
  const { module = 'gen_statem', enterCalls = false, terminate, formatStatus } = definition
  const identity = { behaviour: 'gen_statem', module }
  type Context = StatemContext<unknown, unknown>
  const callbacks = {
    handle: handlerOf(definition),
    enterCalls,
    named: definition.handleEvent === undefined,
    terminate:
      terminate &&
      ((context: Context, reason: unknown) => terminate.call(context, reason, context.state, context.data)),
    format: formatStatus && ((context: Context) => formatStatus.call(context, context.state, context.data)),
  }
  const made: Behaviour<readonly unknown[], unknown> = {
    behaviour: 'gen_statem',
    module,
    gate: statemGate(definition.accepts),
    run(self, starting, ...args) {
      if (definition.trapExit) self.trapExit = true
      return whenThere(definition.init(...args), (begun) => {
        if (begun === ignore) starting.ignore()
        if (begun instanceof Transition && begun.kind === 'stop') throw new ExitError(begun.value)
        if (!(begun instanceof Entry)) throw badInit(begun)
        const engine = new StatemEngine(self, callbacks)
        engine.setUp(begun)
        starting.ack()
        handOver(self, starting, engine, identity)
      })
    },
    handle: (address, by) => serverAt(by, address),
  }
  return made as never
}

const shape = { needs: ['init'], may: ['handleEvent', 'terminate', 'formatStatus'], tables: ['states'] }

function badInit(begun: unknown): ExitError {
  return new ExitError(tuple(Symbol.for('bad_return_from_init'), begun instanceof Directive ? returned(begun) : begun))
}

interface AnyDefinition extends StatemBase<unknown, unknown, Protocol, StatemAccepts> {
  readonly init: (...args: readonly unknown[]) => unknown
  readonly states?: Readonly<Record<string, StateFunction<unknown, unknown>>>
  readonly handleEvent?: EventsDefinition<never, unknown, unknown, Protocol>['handleEvent']
}

function handlerOf({ states = {}, handleEvent, module = 'gen_statem' }: AnyDefinition): HandleEvent {
  if (handleEvent !== undefined) {
    return (context, event) => handleEvent.call(context, event, context.state, context.data)
  }
  // Only own properties are states: none is called `constructor` unless the definition has it.
  const functions = new Map<unknown, StateFunction<unknown, unknown>>(Object.entries(states))
  return (context, event) => {
    const { state } = context
    const told = functions.get(state)
    if (told !== undefined) return told.call(context, event, context.data)
    const name = typeof state === 'string' ? Symbol.for(state) : state
    throw new ExitError(tuple(Symbol.for('undef'), [tuple(Symbol.for(module), name, 3, [])]))
  }
}
