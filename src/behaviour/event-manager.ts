/**
 * Event managers, as those see them who use them: ours, and Erlang's as well. Source: OTP's gen_event (the functions that call it).
 */

import { refused } from '../arguments.js'
import { describe, HandlerError, ReignError } from '../errors.js'
import type { Starter } from '../process/behaviour.js'
import { call, sendTo } from '../process/call.js'
import { Inbox } from '../process/inbox.js'
import { type Calls, functions, requestOf } from '../process/server.js'
import { type Destination, nodeOf } from '../process/via.js'
import { checkBounds, type ReceiveOptions } from '../process/waiter.js'
import type { Address } from '../term/address.js'
import { isTuple, tuple } from '../term/tuple.js'
import { type AnyEventHandler, EventHandler } from './event-handler.js'
import { Handle, targetOf } from './handle.js'
import { handlerName } from './installed-handler.js'
import { leaveParcel } from './parcels.js'

/** A handler, or the name of its module; with an id, where several of one module are to be told apart. Erlang: `Module | {Module, Id}`. */
export type HandlerRef<H extends AnyEventHandler | string = AnyEventHandler | string> =
  | H
  | readonly [handler: H, id: unknown]

/** What a handler is added with: nothing, when its init takes nothing. */
export type HandlerArgument<H> =
  H extends EventHandler<infer A, never> ? (unknown extends A ? [argument?: A] : [argument: A]) : [argument?: unknown]

/** How a handler is called by name; of a handler that is known by its name alone nothing is known. */
type HandlerCalls<H> = H extends { readonly '~protocol': infer P } ? Calls<P> : Calls<Readonly<Record<string, never>>>

/** The events of a manager's definition (`typeof alarms`), or the type of events itself. */
export type EventsOf<D> = D extends { readonly '~events': infer E } ? E : D

/** What the handlers of a manager's definition hear of its events: the same, unless it has a schema that makes something else of them. */
export type HeardOf<D> = D extends { readonly '~heard': infer H } ? H : D

/** One handler of a manager, to be called. */
export interface HandlerHandle<H> {
  /**
   * The calls: `manager.handler(counter).call.count()` is Erlang's `gen_event:call(Manager, counter, count)`.
   *
   * @throws `ERR_REIGN_HANDLER` (a `HandlerError`) when it is not installed (`bad_module`), or failed, and is removed; `ERR_REIGN_CALL` when the
   *   manager ends or is not there; `ERR_REIGN_TIMEOUT` after 5,000 ms, or what {@link with} says.
   */
  readonly call: HandlerCalls<H>
  /** The same handler, with other bounds for its calls. */
  with(options: ReceiveOptions): HandlerHandle<H>
}

/** Requests about handlers wait as long as it takes, as in Erlang: a handler may take its time. */
const noBound: ReceiveOptions = { timeout: Number.POSITIVE_INFINITY }
const error = Symbol.for('error')
/** Erlang's customary argument where there is nothing to say. */
const nothing: readonly unknown[] = []

/** An event manager of events `E`, of which its handlers hear as `H`. */
export class EventManager<in E, H = E> extends Handle {
  /** Type only. */
  declare readonly '~accepts': (event: E) => void
  /** Type only. */
  declare readonly '~heard': (heard: H) => void
  /** Tells all handlers of an event, and does not wait; whether anybody is there shows nowhere. Erlang: `gen_event:notify`. */
  notify(event: E): void {
    sendTo(this.by.entity, this.target, tuple(Symbol.for('notify'), event))
  }

  /**
   * Tells all handlers of an event, and waits until they have dealt with it. Erlang: `gen_event:sync_notify`.
   *
   * @throws `ERR_REIGN_CALL` when the manager ends or is not there. That a handler failed is no error: it is removed.
   */
  async syncNotify(event: E): Promise<void> {
    await this.#ask(tuple(Symbol.for('sync_notify'), event))
  }

  /**
   * Adds a handler, before all others. Within this node it can be any; elsewhere it is one that the manager knows by the name of its module:
   * one of its `handlers`, or, for Erlang's, any module. Erlang: `gen_event:add_handler`.
   *
   * @param argument What its init gets; `[]` when nothing is given, as is the custom in Erlang.
   * @throws `ERR_REIGN_HANDLER` (a `HandlerError`), with what its init threw or said; `ERR_REIGN_CALL` when the manager ends or is not there.
   */
  async addHandler<T extends AnyEventHandler<H> | string>(
    handler: HandlerRef<T>,
    ...argument: HandlerArgument<T>
  ): Promise<void> {
    const [given = nothing] = argument
    this.#taken(handler, await this.#ask(tuple(Symbol.for('add_handler'), this.#added(handler), given)))
  }

  /**
   * Adds a handler whose end this process is told of, by a message (see {@link handlerExitIn}), and which goes when this process ends: with
   * a link between process and manager, which stays when the handler goes. Erlang: `gen_event:add_sup_handler`.
   *
   * @throws as {@link addHandler}; `ERR_REIGN_ARGUMENT` for a manager that is a node's: only a process or mailbox can be told.
   */
  async addSupHandler<T extends AnyEventHandler<H> | string>(
    handler: HandlerRef<T>,
    ...argument: HandlerArgument<T>
  ): Promise<void> {
    const [given = nothing] = argument
    const request = tuple(Symbol.for('add_sup_handler'), this.#added(handler), given, this.#supervisor())
    this.#taken(handler, await this.#ask(request))
  }

  /**
   * Removes a handler. Erlang: `gen_event:delete_handler`.
   *
   * @param argument What its `terminate` gets; `[]` when nothing is given.
   * @returns What its `terminate` returned; the atom `ok` when that is nothing.
   * @throws `ERR_REIGN_HANDLER` when it is not installed (`module_not_found`), or its `terminate` threw; it is gone then.
   */
  async deleteHandler(handler: HandlerRef, argument: unknown = nothing): Promise<unknown> {
    return this.#result(handler, await this.#ask(tuple(Symbol.for('delete_handler'), this.#called(handler), argument)))
  }

  /**
   * Removes a handler, and adds another, which gets what the `terminate` of the first returned; nobody who supervises it changes. Erlang:
   * `gen_event:swap_handler`.
   *
   * @param leaving What the `terminate` of the old one gets.
   * @param argument What the init of the new one gets, beside what the old one left.
   * @throws `ERR_REIGN_HANDLER` when the new one could not be added; the old one is gone all the same.
   */
  async swapHandler<T extends AnyEventHandler<H> | string>(
    old: HandlerRef,
    leaving: unknown,
    handler: HandlerRef<T>,
    ...argument: HandlerArgument<T>
  ): Promise<void> {
    await this.#swap(old, leaving, handler, argument)
  }

  /** As {@link swapHandler}; this process supervises the new one. Erlang: `gen_event:swap_sup_handler`. */
  async swapSupHandler<T extends AnyEventHandler<H> | string>(
    old: HandlerRef,
    leaving: unknown,
    handler: HandlerRef<T>,
    ...argument: HandlerArgument<T>
  ): Promise<void> {
    await this.#swap(old, leaving, handler, argument, this.#supervisor())
  }

  /** The handlers that are installed, as they are named, those that were added last first. Erlang: `gen_event:which_handlers`. */
  async whichHandlers(): Promise<(string | readonly [module: string, id: unknown])[]> {
    const names = (await this.#ask(Symbol.for('which_handlers'))) as readonly unknown[]
    return names.map((name) => (isTuple(name) ? ([text(name[0]), name[1]] as const) : text(name)))
  }

  /** A handler, to be called by the names of its calls. That it is installed shows at the first call. */
  handler<T extends AnyEventHandler | string>(handler: HandlerRef<T>, options?: ReceiveOptions): HandlerHandle<T> {
    parts(handler)
    checkBounds(options)
    const calls = functions((name) => {
      const atom = Symbol.for(name)
      return (...args) => this.call(handler, requestOf(atom, args), options)
    })
    return { call: calls as HandlerCalls<T>, with: (other) => this.handler(handler, other) }
  }

  /**
   * Calls a handler with any request. Erlang: `gen_event:call`, and, while its promise is not awaited, `gen_event:send_request`.
   *
   * @throws as {@link HandlerHandle.call}.
   */
  async call(handler: HandlerRef, request: unknown, options: ReceiveOptions = {}): Promise<unknown> {
    const answer = await this.#ask(tuple(Symbol.for('call'), this.#called(handler), request), options)
    if (isTuple(answer) && answer.length === 2 && answer[0] === error) {
      if (answer[1] === Symbol.for('bad_module')) throw new HandlerError(shownRef(handler), answer[1])
      this.#result(handler, answer[1])
    }
    return answer
  }

  #ask(request: unknown, options: ReceiveOptions = noBound): Promise<unknown> {
    const { entity } = this.by
    // The label of a request to a gen_event is whoever asks.
    return call(entity, this.target, request, options, entity.self)
  }

  #supervisor(): Address<never> {
    const { entity } = this.by
    if (entity instanceof Inbox) return entity.self
    throw new ReignError(
      'ERR_REIGN_ARGUMENT',
      'a handler is supervised by a process: eventManagerAt(self, manager.target)',
    )
  }

  /** A handler that is there. */
  #called(ref: HandlerRef): unknown {
    const [handler, id] = parts(ref)
    return handlerName(typeof handler === 'string' ? handler : handler.module, id)
  }

  /** A handler that is to be there: within this node the handler itself, as no message can carry it. */
  #added(ref: HandlerRef): unknown {
    const [handler, id] = parts(ref)
    const { addressBook } = this.by.entity.host
    if (typeof handler === 'string' || nodeOf(this.target) !== addressBook.self.node) return this.#called(ref)
    const parcel = leaveParcel(addressBook, handler)
    return id === undefined ? parcel : tuple(parcel, id)
  }

  #taken(handler: HandlerRef, answer: unknown): void {
    if (answer === Symbol.for('ok')) return
    throw new HandlerError(shownRef(handler), this.#result(handler, answer))
  }

  async #swap(
    old: HandlerRef,
    leaving: unknown,
    handler: HandlerRef,
    [given = nothing]: readonly unknown[],
    supervisor?: Address<never>,
  ): Promise<void> {
    const what = [this.#called(old), leaving, this.#added(handler), given]
    const request =
      supervisor === undefined
        ? tuple(Symbol.for('swap_handler'), ...what)
        : tuple(Symbol.for('swap_sup_handler'), ...what, supervisor)
    const answer = await this.#ask(request)
    this.#taken(handler, isTuple(answer) && answer[0] === error ? answer[1] : answer)
  }

  /** @throws `ERR_REIGN_HANDLER` when the answer tells of an exception, or of a handler that is not there. */
  #result(handler: HandlerRef, answer: unknown): unknown {
    if (!isTuple(answer) || answer.length !== 2) return answer
    const [kind, reason] = answer
    const absent = kind === error && reason === Symbol.for('module_not_found')
    if (kind === Symbol.for('EXIT') || absent) throw new HandlerError(shownRef(handler), reason)
    return answer
  }
}

/** An event manager that runs already, of ours or of Erlang's, typed by its definition (`typeof alarms`) or by its events. */
export function eventManagerAt<D>(by: Starter, target: Destination | string): EventManager<EventsOf<D>, HeardOf<D>> {
  return new EventManager(by, targetOf(by, target))
}

/** What a process is told when a handler that it supervises is removed. Erlang: `{gen_event_EXIT, Handler, Reason}`. */
export interface HandlerExit {
  /** The handler, as it is named. */
  readonly handler: string | readonly [module: string, id: unknown]
  /**
   * `normal` when it was deleted or asked for it; `shutdown` when the manager ends; `{swapped, NewHandler, Supervisor}`; anything else is a
   * fault: `{'EXIT', Reason}` with what it threw.
   */
  readonly reason: unknown
}

/** The end of a supervised handler in a message, when it is one. */
export function handlerExitIn(message: unknown): HandlerExit | undefined {
  if (!isTuple(message) || message.length !== 3 || message[0] !== Symbol.for('gen_event_EXIT')) return undefined
  const [, name, reason] = message
  return { handler: isTuple(name) ? [text(name[0]), name[1]] : text(name), reason }
}

function parts(ref: HandlerRef): readonly [handler: AnyEventHandler | string, id: unknown] {
  const [handler, id] = Array.isArray(ref) ? (ref as readonly [AnyEventHandler | string, unknown]) : [ref, undefined]
  if (handler instanceof EventHandler || (typeof handler === 'string' && handler !== '')) return [handler, id]
  throw refused('a handler is eventHandler({ … }), the name of its module, or one of them with an id', ref)
}

function shownRef(ref: HandlerRef): string {
  const [handler, id] = parts(ref)
  return describe(handlerName(typeof handler === 'string' ? handler : handler.module, id))
}

function text(value: unknown): string {
  return typeof value === 'symbol' ? (value.description ?? '') : String(value)
}
