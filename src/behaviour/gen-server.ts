/**
 * Generic servers, typed from end to end, and ordinary gen_servers to any Erlang node.
 *
 *   const counter = genServer({
 *     init: (start: number) => ({ value: start }),
 *     calls: { add: (state, by: number) => (state.value += by) },     // gen_server:call(Counter, {add, 3})
 *     casts: { reset: (state) => void (state.value = 0) },            // gen_server:cast(Counter, reset)
 *   })
 *   const server = await node.start({ name: 'counter' }, counter, 10)
 *   await server.call.add(3)                                          // 13: number
 *
 * `add(by)` is the request `{add, By}`; one without arguments is the bare atom, or a tuple of it alone. Requests that are none of the
 * calls or casts, and all other messages, go to `handleCall`, `handleCast` and `handleInfo`.
 *
 * One message at a time: when a handler returns a promise, the next message waits for it, unless the handler asks for more with
 * `reenter`. A handler that throws ends the server, after `terminate`; its callers, and those who wait, get a `CallError` with what was
 * thrown. Source: OTP's gen_server.
 */
import { check } from '../arguments.js'
import { ExitError } from '../errors.js'
import type { Behaviour } from '../process/behaviour.js'
import type { Caller } from '../process/call.js'
import { Process } from '../process/process.js'
import { type Protocol, type StartedServer, serverAt } from '../process/server.js'
import { takenApart } from './checked.js'
import { checkDefinition } from './definition.js'
import { badReturn, Directive } from './directive.js'
import { handOver, loop } from './loop.js'
import { Begin, type Ignore, ignore, type Next, nextFault, nothingNext, Outcome, type ReplyIn } from './outcome.js'
import { requestGate } from './request-gate.js'
import { handlerTable, type ServerCallbacks, type ServerContext, ServerEngine } from './server-engine.js'
import { whenThere } from './when-there.js'

/** Handlers by name. Each gets the state, then the arguments of the request. */
export type Handlers<S> = Readonly<
  Record<string, (this: ServerContext<S>, state: S, ...args: never[]) => Result<S> | PromiseLike<Outcome<unknown, S>>>
>

/** Anything at all; that it may be an outcome which sets the state `S` lets the compiler read such a state as it is meant. */
// biome-ignore lint/complexity/noBannedTypes: what is neither null nor undefined; `unknown` would hide the outcome.
type Result<S> = {} | null | undefined | void | Outcome<unknown, S>

/** The state in what `init` returns. */
export type StateIn<R> =
  Awaited<R> extends infer T
    ? T extends Begin<infer S>
      ? S
      : T extends Outcome<unknown, unknown> | Ignore
        ? never
        : T
    : never

/**
 * A gen_server, as {@link genServer} takes it. `A` are the arguments of its start, `R` is what its init returns. `this` in each of
 * the functions is the {@link ServerContext}.
 */
export interface GenServerDefinition<
  A extends readonly unknown[],
  R,
  C,
  K,
  HandleCall = unknown,
  HandleCast = unknown,
  HandleInfo = unknown,
  HandleContinue = unknown,
> {
  /** A name for what it does, for reports and `sys:get_status`, where Erlang has the callback module. */
  readonly module?: string
  /** Whether exits of linked processes come to `handleInfo` as messages, and `terminate` is called when the parent ends it. */
  readonly trapExit?: boolean
  /**
   * Makes the state. May also return `begin(state, …)`, `ignore`, or `stop(reason)`; a throw is a failed start. May be async: the
   * starter waits.
   */
  readonly init: (this: ServerContext<unknown>, ...args: A) => R
  /** What is called by name: the value is the reply, unless it is an outcome (`reply`, `noReply`, `stop`, `reenter`). */
  readonly calls?: C
  /** What is cast by name. The value does not matter, unless it is an outcome. */
  readonly casts?: K
  /** Takes calls that are not in `calls`. Without it they end the server, as in Erlang. */
  readonly handleCall?: (
    this: ServerContext<StateIn<R>>,
    state: StateIn<R>,
    request: unknown,
    from: Caller,
  ) => HandleCall
  /** Takes casts that are not in `casts`. Without it they end the server, as in Erlang. */
  readonly handleCast?: (this: ServerContext<StateIn<R>>, state: StateIn<R>, request: unknown) => HandleCast
  /** Takes everything else: messages, notices, the atom `timeout`. Without it they are dropped, with a warning. */
  readonly handleInfo?: (this: ServerContext<StateIn<R>>, state: StateIn<R>, message: unknown) => HandleInfo
  /** Goes on after `continue`. */
  readonly handleContinue?: (this: ServerContext<StateIn<R>>, state: StateIn<R>, argument: unknown) => HandleContinue
  /**
   * Puts things away before the end: after a stop, a throw, or, for one that traps exits, the end of its parent. Not after a kill, nor
   * an exit that it does not trap.
   */
  readonly terminate?: (this: ServerContext<StateIn<R>>, state: StateIn<R>, reason: unknown) => unknown
  /** The state as reports and `sys:get_status` show it. What it throws is shown instead. */
  readonly formatStatus?: (this: ServerContext<StateIn<R>>, state: StateIn<R>) => unknown
}

/** The names of those handlers whose outcomes set a state that is none of the server's. */
type Estranged<H, S> = {
  [N in Names<H>]: H[N] extends (...args: never[]) => infer R ? ([SetBy<Awaited<R>>] extends [S] ? never : N) : never
}[Names<H>]

/** The states that are set by what a handler returns, where that is known. */
type SetBy<T> = unknown extends T
  ? never
  : T extends Outcome<unknown, infer W>
    ? unknown extends W
      ? never
      : W
    : never

/** What the handlers return that take whatever has no handler of its own. */
interface OtherHandlers<HandleCall, HandleCast, HandleInfo, HandleContinue> {
  readonly handleCall: () => HandleCall
  readonly handleCast: () => HandleCast
  readonly handleInfo: () => HandleInfo
  readonly handleContinue: () => HandleContinue
}

/** Nothing, or, for the compiler to complain of, the names of handlers that set another state. */
type OneState<N> = [N] extends [never] ? [] : [handlersThatSetAnotherState: N]

type Tail<F> = F extends (state: never, ...args: infer A) => unknown ? A : []

/** The names of handlers; none when there are no handlers, and so nothing but what they must be is known of them. */
type Names<H> = string extends keyof H ? never : keyof H

/** The protocol of a definition with these handlers. */
export interface ProtocolFrom<C, K> extends Protocol {
  readonly calls: {
    readonly [N in Names<C>]: C[N] extends (...args: never[]) => infer R ? (...args: Tail<C[N]>) => ReplyIn<R> : never
  }
  readonly casts: { readonly [N in Names<K>]: (...args: Tail<K[N]>) => void }
}

/**
 * A gen_server that can be started: by `node.start(counter, ...args)`, by a process, as the child of a supervisor. `Server<typeof
 * counter>` is the type of what is then called.
 */
export interface GenServer<A extends readonly unknown[], P extends Protocol, U = never, S = unknown>
  extends Behaviour<A, StartedServer<P> | U> {
  /** Type only. */
  readonly '~protocol': P
  /** Turns a process that runs already into such a server, with that state. Never returns. Erlang: `gen_server:enter_loop`. */
  enterLoop<M>(self: Process<M>, state: S): Promise<never>
}

/**
 * Makes a gen_server of a definition; see the head of this file. The state that a handler sets by an outcome is checked: where one sets
 * another, the compiler wants a second argument, which there is not, and which names it.
 */
export function genServer<
  A extends readonly unknown[],
  R,
  C extends Handlers<StateIn<R>>,
  K extends Handlers<StateIn<R>>,
  HandleCall,
  HandleCast,
  HandleInfo,
  HandleContinue,
>(
  definition: GenServerDefinition<A, R, C, K, HandleCall, HandleCast, HandleInfo, HandleContinue>,
  ..._: OneState<
    | Estranged<C, StateIn<R>>
    | Estranged<K, StateIn<R>>
    | Estranged<OtherHandlers<HandleCall, HandleCast, HandleInfo, HandleContinue>, StateIn<R>>
  >
): GenServer<A, ProtocolFrom<C, K>, Ignore extends Awaited<R> ? undefined : never, StateIn<R>> {
  checkDefinition(definition, 'the definition of a server', shape)
  const { module } = definition
  const identity = { behaviour: 'gen_server', module: module ?? 'gen_server' }
  const { calls, casts, callbacks, accepted } = takenApart<ServerCallbacks>(definition as never)
  const gate = requestGate(accepted)
  const tables = [handlerTable(calls), handlerTable(casts)] as const
  const made: Behaviour<A, unknown> & { enterLoop: GenServer<A, Protocol>['enterLoop'] } = {
    behaviour: 'gen_server',
    module,
    gate,
    run(self, starting, ...args) {
      if (definition.trapExit) self.trapExit = true
      const engine = new ServerEngine<unknown>(self, callbacks, ...tables)
      return whenThere(definition.init.call(engine.context, ...args) as unknown, (begun) => {
        if (begun === ignore) starting.ignore()
        if (begun instanceof Directive) engine.setUp(...beginning(begun))
        else engine.setUp(begun, nothingNext)
        starting.ack()
        handOver(self, starting, engine, identity)
      })
    },
    handle: (address, by) => serverAt(by, address),
    enterLoop(process, state) {
      check(process instanceof Process, 'who becomes a server is a process', process)
      const self = process as unknown as Process<unknown>
      if (gate !== undefined) self.gate(gate)
      const engine = new ServerEngine<unknown>(self, callbacks, ...tables)
      engine.setUp(state, nothingNext)
      return loop(self, { parent: undefined, name: undefined }, engine, identity)
    },
  }
  return made as never
}

const shape = {
  needs: ['init'],
  may: ['handleCall', 'handleCast', 'handleInfo', 'handleContinue', 'terminate', 'formatStatus'],
  tables: ['calls', 'casts'],
}
const afterInit = new Set(['timeout', 'continue', 'hibernate'])

/** What an init returned that is more than a state. `stop(reason)` is the one outcome that it can have. */
function beginning(begun: Directive): [state: unknown, next: Next] {
  if (begun instanceof Outcome && begun.kind === 'stop') throw new ExitError(begun.value)
  const isBegin = begun instanceof Begin
  const fault = isBegin ? nextFault(begun.next, afterInit) : 'it returns a state, begin(…), ignore or stop(…)'
  if (fault !== undefined) throw badReturn('the init', begun, fault)
  const { state, next } = begun as Begin<unknown>
  return [state, next]
}
