/** The engine of gen_servers: what becomes of a message, and of what its handler returns. */
import { describe, ExitError } from '../errors.js'
import { LogPace } from '../log-pace.js'
import { type Caller, callIn, forgetCaller, isCast, reply } from '../process/call.js'
import type { Process } from '../process/process.js'
import { Ref } from '../term/ref.js'
import { isTuple, tuple } from '../term/tuple.js'
import { badReturn, Directive } from './directive.js'
import type { Engine, SysEvents } from './engine.js'
import { type Next, nextFault, Outcome, type Reentry } from './outcome.js'
import { isPromise } from './when-there.js'

const genCall = Symbol.for('$gen_call')

/** What handlers of a gen_server find in `this`. */
export interface ServerContext<S> {
  /** The process of the server. Not for its mailbox: the server takes the messages. */
  readonly self: Process<unknown>
  /** The state; set it to replace it. */
  state: S
  /**
   * Who made the call that is being handled, for `self.reply(from, value)` later; `undefined` when it is no call. Read it before the
   * first `await` of a handler that lets others in (`reenter`).
   */
  readonly from: Caller | undefined
}

/** A handler, whatever it takes. */
export type Handler = (this: unknown, state: never, ...args: never[]) => unknown

/** The parts of a definition that the engine calls. */
export interface ServerCallbacks {
  readonly module?: string
  readonly handleCall?: (state: never, request: unknown, from: Caller) => unknown
  readonly handleCast?: (state: never, request: unknown) => unknown
  readonly handleInfo?: (state: never, message: unknown) => unknown
  readonly handleContinue?: (state: never, argument: unknown) => unknown
  readonly terminate?: (state: never, reason: unknown) => unknown
  readonly formatStatus?: (state: never) => unknown
}

/** Handlers by the atom that requests name them with. */
export type HandlerTable = ReadonlyMap<unknown, Handler>

/** See {@link HandlerTable}. Only own properties are handlers: a peer that calls `constructor` finds nothing. */
export function handlerTable(handlers: Readonly<Record<string, Handler>> = {}): HandlerTable {
  return new Map(Object.entries(handlers).map(([name, handler]) => [Symbol.for(name), handler]))
}

/** What can be said of what is to happen after a handler, and at the end. */
const [afterHandler, atEnd] = [new Set(['state', 'timeout', 'continue', 'hibernate']), new Set(['reply', 'state'])]

class Context<S> implements ServerContext<S> {
  readonly self: Process<unknown>
  state: S = undefined as S
  /** @internal Whether a handler has asked who calls since this was last set. */
  fromSeen = false
  #from: Caller | undefined = undefined

  get from(): Caller | undefined {
    this.fromSeen = true
    return this.#from
  }

  set from(caller: Caller | undefined) {
    this.#from = caller
  }

  constructor(self: Process<unknown>) {
    this.self = self
  }
}

/** See the head of this file. */
export class ServerEngine<S> implements Engine {
  readonly context: Context<S>
  idleTimeoutMs: number | undefined = undefined
  readonly #self: Process<unknown>
  readonly #callbacks: ServerCallbacks
  readonly #calls: HandlerTable
  readonly #casts: HandlerTable
  #first: Next = {}
  #sys: SysEvents | undefined
  #dropped: LogPace | undefined
  /** What goes on once a promise is there, by the reference that the server sends itself then. */
  #reentries: Map<Ref, () => unknown> | undefined

  constructor(self: Process<unknown>, callbacks: ServerCallbacks, calls: HandlerTable, casts: HandlerTable) {
    this.context = new Context(self)
    this.#self = self
    this.#callbacks = callbacks
    this.#calls = calls
    this.#casts = casts
  }

  /** The state that init made, and what is to happen when the loop begins. */
  setUp(state: S, next: Next): void {
    this.context.state = state
    this.#first = next
  }

  begin(sys: SysEvents): unknown {
    this.#sys = sys
    return this.#go(this.#first)
  }

  handle(message: unknown): unknown {
    this.idleTimeoutMs = undefined
    if (isTuple(message)) {
      if (message[0] === genCall) {
        const called = callIn(message)
        if (called !== undefined) return this.#call(called.from, called.request)
      } else if (isCast(message)) return this.#cast(message[1])
    } else if (message instanceof Ref && this.#reentries !== undefined) {
      const reentry = this.#reentries.get(message)
      if (reentry !== undefined) {
        this.#reentries.delete(message)
        return reentry()
      }
    }
    return this.#info(message)
  }

  terminate(reason: unknown): unknown {
    this.context.from = undefined
    return this.#callbacks.terminate?.call(this.context, this.context.state as never, reason)
  }

  getState(): unknown {
    return this.context.state
  }

  replaceState(change: (state: unknown) => unknown): unknown {
    this.context.state = change(this.context.state) as S
    return this.context.state
  }

  formatState(): unknown {
    const { formatStatus } = this.#callbacks
    const { state } = this.context
    return formatStatus === undefined ? state : formatStatus.call(this.context, state as never)
  }

  // --- messages -----------------------------------------------------------------------------------------------------

  #call(from: Caller, request: unknown): unknown {
    this.context.from = from
    const handler = this.#calls.get(isTuple(request) ? request[0] : request)
    if (handler !== undefined) {
      this.context.fromSeen = false
      const result = this.#run(handler, isTuple(request) ? request : noArguments)
      if (isPromise(result) || result instanceof Directive) return this.#answered(from, result)
      // Before the reply, which may be the end of the call's monitor: what nobody holds is forgotten with that.
      if (!this.context.fromSeen) this.#forget(from)
      this.#reply(from, result)
      return undefined
    }
    const { handleCall } = this.#callbacks
    if (handleCall === undefined) throw this.#undefined('handle_call', 3)
    return this.#answered(from, this.#run(handleCall as Handler, [undefined, request, from]))
  }

  #cast(request: unknown): unknown {
    this.context.from = undefined
    const handler = this.#casts.get(isTuple(request) ? request[0] : request)
    if (handler !== undefined) return this.#done(this.#run(handler, isTuple(request) ? request : noArguments))
    const { handleCast } = this.#callbacks
    if (handleCast === undefined) throw this.#undefined('handle_cast', 2)
    return this.#done(this.#run(handleCast as Handler, [undefined, request]))
  }

  #info(message: unknown): unknown {
    this.context.from = undefined
    const { handleInfo } = this.#callbacks
    if (handleInfo !== undefined) return this.#done(this.#run(handleInfo as Handler, [undefined, message]))
    const { logger, clock } = this.#self.host
    // Anybody can send anything.
    this.#dropped ??= new LogPace(clock)
    this.#dropped.tell((untold) => {
      const { module } = this.#callbacks
      const fields = { process: this.#self.address.toString(), module, dropped: describe(message), ...untold }
      logger.warn(fields, 'a server without handleInfo got a message that is no call or cast')
    })
    return undefined
  }

  /**
   * Runs a handler with the state and the arguments, which follow the name at the head of the request. Calls that would wait for this
   * very server fail while it runs.
   */
  #run(handler: Handler, request: readonly unknown[]): unknown {
    const { context } = this
    const state = context.state as never
    const { host } = this.#self
    host.running = this.#self
    try {
      switch (request.length) {
        case 1:
          return handler.call(context, state)
        case 2:
          return handler.call(context, state, request[1] as never)
        case 3:
          return handler.call(context, state, request[1] as never, request[2] as never)
        default:
          return handler.call(context, state, ...(request.slice(1) as never[]))
      }
    } finally {
      host.running = undefined
    }
  }

  #undefined(callback: string, arity: number): ExitError {
    const where = tuple(Symbol.for(this.#callbacks.module ?? 'gen_server'), Symbol.for(callback), arity, [])
    return new ExitError(tuple(Symbol.for('undef'), [where]))
  }

  // --- what handlers return -----------------------------------------------------------------------------------------

  /** A call has been handled. */
  #answered(from: Caller, result: unknown): unknown {
    if (isPromise(result)) return result.then((value) => this.#answered(from, value))
    if (result instanceof Directive) return this.#outcome(result, from)
    this.#reply(from, result)
    return undefined
  }

  /** Something that is no call has been handled. */
  #done(result: unknown): unknown {
    if (isPromise(result)) return result.then((value) => this.#done(value))
    if (result instanceof Directive) return this.#outcome(result, undefined)
    if (this.#sys?.watched) this.#sys.saw('noreply', this.context.state)
    return undefined
  }

  #outcome(result: Directive, from: Caller | undefined): unknown {
    const fault = outcomeFault(result, from)
    if (fault !== undefined || !(result instanceof Outcome)) throw badReturn('a handler', result, fault ?? '')
    const { kind, value, next } = result
    if ('state' in next) this.context.state = next.state as S
    switch (kind) {
      case 'reply':
        this.#reply(from as Caller, value)
        return this.#go(next)
      case 'noreply':
        this.#sys?.saw('noreply', this.context.state)
        return this.#go(next)
      case 'stop':
        if (from !== undefined && 'reply' in next) this.#reply(from, next.reply)
        throw new ExitError(value)
      case 'reenter':
        return this.#reenter(value as Reentry, from)
    }
  }

  #reply(from: Caller, value: unknown): void {
    reply(this.#self, from, value)
    if (this.#sys?.watched) this.#sys.saw('out', value, from, this.context.state)
  }

  /** Nobody here holds the caller any more, unless somebody looks over our shoulder. */
  #forget(from: Caller): void {
    this.context.from = undefined
    if (!this.#self.peeked && this.#sys?.watched !== true) forgetCaller(from)
  }

  /** What is to happen next, before or instead of the next message. */
  #go(next: Next): unknown {
    this.idleTimeoutMs = next.timeout
    if (!('continue' in next)) return undefined
    const { handleContinue } = this.#callbacks
    if (handleContinue === undefined) throw this.#undefined('handle_continue', 2)
    this.context.from = undefined
    return this.#done(this.#run(handleContinue as Handler, [undefined, next.continue]))
  }

  /** Lets the server go on; when the promise is there, its turn comes as a message of the server to itself. */
  #reenter({ promise, then, failed }: Reentry, from: Caller | undefined): undefined {
    const resume = (turn: () => unknown) => {
      if (!this.#self.alive) return
      const ref = this.#self.makeRef()
      this.#reentries ??= new Map()
      this.#reentries.set(ref, () => {
        this.context.from = from
        const result = this.#run(turn as Handler, noArguments)
        return from === undefined ? this.#done(result) : this.#answered(from, result)
      })
      this.#self.tell(ref)
    }
    promise.then(
      (value) => resume(() => then(value as never)),
      (error) =>
        resume(() => {
          if (failed === undefined) throw error
          return failed(error)
        }),
    )
  }
}

/** What is wrong with what a handler returned, if anything is. */
function outcomeFault(result: Directive, from: Caller | undefined): string | undefined {
  if (!(result instanceof Outcome)) return 'it returns a value, or what reply, noReply, stop or reenter make'
  const { kind, value, next } = result
  if (kind === 'reply' && from === undefined) return 'only a call can be replied to'
  if (kind === 'reenter') {
    const { promise, then } = value as Partial<Reentry>
    const sound = typeof promise?.then === 'function' && typeof then === 'function'
    return sound ? undefined : 'it takes a promise, and a function that goes on'
  }
  return nextFault(next, kind === 'stop' ? atEnd : afterHandler)
}

const noArguments: readonly unknown[] = [undefined]
