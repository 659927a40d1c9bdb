/**
 * The engine of event managers: which handlers there are, and what becomes of an event, and of a handler. Source: OTP's gen_event
 * (handle_msg, server_notify, server_update, do_terminate).
 */
import { describe, ExitError } from '../errors.js'
import { handlerCrashed } from '../events.js'
import { normal, shutdown } from '../exit-reason.js'
import { LogPace } from '../log-pace.js'
import { type Caller, isCaller, reply } from '../process/call.js'
import { publish } from '../process/guard.js'
import { type Exit, isExit, isNotice } from '../process/notices.js'
import type { Process } from '../process/process.js'
import { Refusals } from '../process/refusals.js'
import { judged, Refusal } from '../schema.js'
import { Address } from '../term/address.js'
import { sameTerm } from '../term/equal.js'
import { charlist } from '../term/text.js'
import { isTuple, tuple } from '../term/tuple.js'
import { badReturn, Directive } from './directive.js'
import type { Engine } from './engine.js'
import { type AnyEventHandler, EventHandler, Leaving } from './event-handler.js'
import { handlerName, InstalledHandler } from './installed-handler.js'
import { shown } from './loop.js'
import { nextFault, Outcome } from './outcome.js'
import { takeParcel } from './parcels.js'
import { judgedRequest } from './request-gate.js'

const ok = Symbol.for('ok')
const error = Symbol.for('error')
const exited = Symbol.for('EXIT')
const notify = Symbol.for('notify')
const handlerExit = Symbol.for('gen_event_EXIT')

/** What a handler can say of what is to happen next. */
const afterEvent = new Set(['state', 'hibernate'])

/** See the head of this file. */
export class EventEngine implements Engine {
  readonly #self: Process<unknown>
  readonly #refusals: Refusals
  #dropped: LogPace | undefined
  readonly #parent: Address<never> | undefined
  /** The handlers that anybody may add, by module. */
  readonly #known: ReadonlyMap<string, AnyEventHandler>
  /** Those that were added last come first, as in Erlang. */
  #installed: InstalledHandler[] = []

  constructor(self: Process<unknown>, parent: Address<never> | undefined, known: readonly AnyEventHandler[]) {
    this.#self = self
    this.#refusals = new Refusals(self)
    this.#parent = parent
    this.#known = new Map(known.map((handler) => [handler.module, handler]))
  }

  handle(message: unknown): unknown {
    if (isTuple(message)) {
      if (message.length === 2 && message[0] === notify) return this.#notify('handleEvent', message[1])
      const from = message.length === 3 ? message[1] : undefined
      if (isCaller(from)) return this.#asked(from, message[2], message)
    }
    if (isExit(message)) return this.#exited(message)
    return this.#notify('handleInfo', message)
  }

  async terminate(_reason: unknown): Promise<void> {
    const all = this.#installed
    this.#installed = []
    for (const each of all) await this.#end(each, Symbol.for('stop'), shutdown)
    // The end of the manager is no news to whoever supervised a handler: the end of that was.
    for (const { supervisor } of all) {
      if (supervisor !== undefined && supervisor !== this.#parent) this.#self.unlink(supervisor)
    }
  }

  /** `[{Module, Id, State}]`, with `false` for the id of one that has none. */
  getState(): unknown {
    return this.#installed.map(({ item }) => item)
  }

  /** Each handler by itself: one whose state cannot be replaced keeps it. */
  replaceState(change: (state: unknown) => unknown): unknown {
    return this.#installed.map((each) => {
      const present = each.item
      try {
        const changed = change(present)
        if (!isTuple(changed) || changed.length !== 3) return present
        if (changed[0] !== present[0] || !sameTerm(changed[1], present[1])) return present
        each.context.state = changed[2]
        return changed
      } catch {
        return present
      }
    })
  }

  formatState(): unknown {
    return this.#installed.map((each) => tuple(...each.item.slice(0, 2), each.shown()))
  }

  statusItem(): unknown {
    const records = this.#installed.map((each) => {
      const [module, id] = each.item
      return tuple(Symbol.for('handler'), module, id, each.shown(), each.supervisor ?? false)
    })
    return tuple(Symbol.for('items'), tuple(charlist('Installed handlers'), records))
  }

  // --- requests -----------------------------------------------------------------------------------------------------

  async #asked(from: Caller, request: unknown, message: unknown): Promise<void> {
    const [what, ...args] = isTuple(request) ? request : [request]
    switch (typeof what === 'symbol' ? `${what.description}/${args.length}` : undefined) {
      case 'sync_notify/1':
        await this.#notify('handleEvent', args[0])
        return reply(this.#self, from, ok)
      case 'call/2':
        return this.#called(from, args[0], args[1], message)
      case 'add_handler/2':
        return reply(this.#self, from, await this.#add(args[0], args[1], undefined))
      case 'add_sup_handler/3':
        return reply(this.#self, from, await this.#add(args[0], args[1], supervisorIn(args[2])))
      case 'delete_handler/2':
        return reply(this.#self, from, await this.#delete(args[0], args[1]))
      case 'swap_handler/4':
        return reply(this.#self, from, await this.#swap(args, undefined))
      case 'swap_sup_handler/5':
        return reply(this.#self, from, await this.#swap(args, supervisorIn(args[4])))
      case 'which_handlers/0':
        return reply(
          this.#self,
          from,
          Array.from(this.#installed, ({ name }) => name),
        )
      case 'get_modules/0':
        return reply(this.#self, from, [...new Set(Array.from(this.#installed, ({ moduleAtom }) => moduleAtom))])
      case 'stop/0':
        await this.terminate(normal)
        reply(this.#self, from, ok)
        throw new ExitError(normal)
      default:
        return this.#notify('handleInfo', message)
    }
  }

  async #add(what: unknown, argument: unknown, supervisor: Address<never> | undefined): Promise<unknown> {
    // Also when it is not added in the end: so does OTP, as others may have a link of their own to that process.
    if (supervisor !== undefined) this.#self.link(supervisor)
    const { handler, id, name } = this.#wanted(what)
    if (handler === undefined) return undefinedFunction(name, 'init', [argument])
    const made = new InstalledHandler(this.#self, handler, id, supervisor)
    const answer = await this.#init(made, argument, undefined)
    if (answer === ok) this.#installed.unshift(made)
    return answer
  }

  /** Runs the init of a handler: `ok`, or why it is not to be there. */
  async #init(made: InstalledHandler, argument: unknown, previous: unknown): Promise<unknown> {
    const { init } = made.handler.callbacks
    try {
      const begun = await this.#run(() => init.call(made.context as never, argument as never, previous))
      if (begun instanceof Outcome && begun.kind === 'stop') return begun.value
      if (begun instanceof Directive) throw badReturn('the init', begun, 'it returns a state, or stop(…)')
      made.context.state = begun
      return ok
    } catch (thrown) {
      return this.#fault(thrown)
    }
  }

  async #delete(name: unknown, argument: unknown): Promise<unknown> {
    const found = this.#installedAs(name)
    if (found === undefined) return tuple(error, Symbol.for('module_not_found'))
    this.#remove(found)
    return this.#end(found, argument, normal)
  }

  async #swap([old, leaving, next, argument]: readonly unknown[], by: Address<never> | undefined): Promise<unknown> {
    const found = this.#installedAs(old)
    const supervisor = by ?? found?.supervisor
    let previous: unknown = error
    const { handler, id, name } = this.#wanted(next)
    if (found !== undefined) {
      this.#remove(found)
      previous = await this.#end(found, leaving, tuple(Symbol.for('swapped'), name, supervisor ?? false))
    }
    if (supervisor !== undefined) this.#self.link(supervisor)
    if (handler === undefined) return tuple(error, undefinedFunction(name, 'init', [tuple(argument, previous)]))
    const made = new InstalledHandler(this.#self, handler, id, supervisor)
    const answer = await this.#init(made, argument, previous)
    if (answer !== ok) return tuple(error, answer)
    this.#installed.unshift(made)
    return ok
  }

  async #called(from: Caller, name: unknown, request: unknown, message: unknown): Promise<void> {
    const found = this.#installedAs(name)
    if (found === undefined) return reply(this.#self, from, tuple(error, Symbol.for('bad_module')))
    try {
      const judged = judgedRequest(found.handler.accepted.calls, request)
      if (judged instanceof Refusal) return this.#refusals.refused(message, judged, from)
      reply(this.#self, from, await this.#call(found, judged))
    } catch (thrown) {
      const fault = this.#fault(thrown)
      await this.#crashed(found, fault, request)
      reply(this.#self, from, tuple(error, fault))
    }
  }

  /** The reply of a handler to a call that it accepts. */
  async #call(installed: InstalledHandler, request: unknown): Promise<unknown> {
    const { context, handler } = installed
    const { handleCall } = handler.callbacks
    const named = handler.calls.get(isTuple(request) ? request[0] : request)
    const args = isTuple(request) ? request.slice(1) : []
    const result = await this.#run(() => {
      if (named !== undefined) return named.call(context as never, context.state as never, ...(args as never[]))
      if (handleCall === undefined)
        throw new ExitError(undefinedReason(installed.moduleAtom, 'handle_call', [request, context.state]))
      return handleCall.call(context as never, context.state as never, request as never)
    })
    if (!(result instanceof Directive)) return result
    if (!(result instanceof Leaving)) return this.#next(installed, result, 'reply').value
    await this.#leave(installed, result)
    return result.reply
  }

  // --- events -------------------------------------------------------------------------------------------------------

  async #notify(callback: 'handleEvent' | 'handleInfo', event: unknown): Promise<void> {
    for (const each of [...this.#installed]) await this.#tell(each, callback, event)
  }

  async #tell(installed: InstalledHandler, callback: 'handleEvent' | 'handleInfo', event: unknown): Promise<void> {
    const { context, handler } = installed
    const told = handler.callbacks[callback]
    if (told === undefined) {
      const { logger, clock } = this.#self.host
      // Anybody can send anything.
      this.#dropped ??= new LogPace(clock)
      this.#dropped.tell((untold) => {
        const process = this.#self.address.toString()
        const fields = { process, handler: handler.module, dropped: describe(event), ...untold }
        logger.warn(fields, 'an event handler without handleInfo got a message that is no event')
      })
      return
    }
    try {
      const judged = callback === 'handleInfo' ? judgedInfo(handler, event) : event
      if (judged instanceof Refusal) return this.#refusals.refused(event, judged, undefined)
      const result = await this.#run(() => told.call(context as never, context.state as never, judged as never))
      if (result instanceof Leaving) return await this.#leave(installed, result)
      if (result instanceof Directive) this.#next(installed, result, 'noreply')
    } catch (thrown) {
      await this.#crashed(installed, this.#fault(thrown), event)
    }
  }

  /** What a handler returned that stays: it may have set its state. */
  #next({ context }: InstalledHandler, result: Directive, kind: 'reply' | 'noreply'): Outcome<unknown> {
    if (!(result instanceof Outcome) || result.kind !== kind) {
      const what = kind === 'reply' ? 'a reply, reply(…)' : 'nothing, noReply(…)'
      throw badReturn('a handler', result, `it returns ${what}, removeHandler(…) or swapHandler(…)`)
    }
    const fault = nextFault(result.next, afterEvent)
    if (fault !== undefined) throw badReturn('a handler', result, fault)
    if ('state' in result.next) context.state = result.next.state
    return result
  }

  /** Runs a function of a handler. Calls that would wait for this very manager fail while it is at it. */
  async #run(run: () => unknown): Promise<unknown> {
    const { host } = this.#self
    let value: unknown
    host.running = this.#self
    try {
      value = run()
    } finally {
      host.running = undefined
    }
    return value
  }

  async #exited(exit: Exit): Promise<void> {
    const { from, reason } = exit
    const orphans = this.#installed.filter(({ supervisor }) => supervisor === from)
    for (const each of orphans) {
      this.#remove(each)
      await this.#end(each, tuple(Symbol.for('stop'), reason), shutdown)
    }
    await this.#notify('handleInfo', exit)
  }

  // --- how handlers go ----------------------------------------------------------------------------------------------

  /** A handler has asked to be removed, or for another one in its place. */
  async #leave(installed: InstalledHandler, { successor }: Leaving<unknown>): Promise<void> {
    if (successor === undefined) {
      this.#remove(installed)
      await this.#end(installed, Symbol.for('remove_handler'), normal)
      return
    }
    const { handler, id, argument, leaving } = successor
    const { supervisor } = installed
    const made = new InstalledHandler(this.#self, handler, id, supervisor)
    const swapped = tuple(Symbol.for('swapped'), made.name, supervisor ?? false)
    const previous = await this.#end(installed, leaving, swapped)
    const answer = await this.#init(made, argument, previous)
    const at = this.#installed.indexOf(installed)
    if (answer === ok) return void this.#installed.splice(at, 1, made)
    this.#installed.splice(at, 1)
    this.#report(made, answer, undefined)
    this.#tellSupervisor(made, answer)
  }

  async #crashed(installed: InstalledHandler, fault: unknown, event: unknown): Promise<void> {
    this.#remove(installed)
    this.#report(installed, fault, event)
    await this.#end(installed, tuple(error, fault), fault)
  }

  /** Lets a handler put things away, and tells who supervises it why it goes: what its `terminate` returned, `ok` for nothing. */
  async #end(installed: InstalledHandler, argument: unknown, why: unknown): Promise<unknown> {
    const { context, handler } = installed
    const { terminate } = handler.callbacks
    let left: unknown
    try {
      left = await terminate?.call(context as never, context.state as never, argument as never)
    } catch (thrown) {
      left = this.#fault(thrown)
    }
    this.#tellSupervisor(installed, why)
    return left === undefined ? ok : left
  }

  #tellSupervisor({ supervisor, name }: InstalledHandler, why: unknown): void {
    if (supervisor === undefined) return
    const to = supervisor as Address<unknown>
    try {
      to.send(tuple(handlerExit, name, why))
    } catch {
      // A reason that cannot be encoded for another node must not keep it from being told.
      to.send(tuple(handlerExit, name, describe(why)))
    }
  }

  #report(installed: InstalledHandler, fault: unknown, event: unknown): void {
    const reason = isTuple(fault) && fault[0] === exited ? fault[1] : fault
    const fields = {
      process: this.#self.address.toString(),
      handler: describe(installed.name),
      reason: describe(reason),
      ...(reason instanceof Error && { stack: reason.stack }),
      lastEvent: shown(event),
      state: shown(installed.shown()),
    }
    this.#self.host.logger.error(fields, 'an event handler crashed, and is removed')
    if (!handlerCrashed.hasSubscribers) return
    const { self: address } = this.#self
    publish(handlerCrashed, { node: address.node, address, handler: installed.name, error: reason })
  }

  /** `{'EXIT', Reason}`: what Erlang's `catch` makes of an exception. An end of the manager itself is none of a handler. */
  #fault(thrown: unknown): unknown {
    if (!this.#self.alive) throw thrown
    return tuple(exited, thrown instanceof ExitError ? thrown.reason : thrown)
  }

  // --- finding ------------------------------------------------------------------------------------------------------

  #installedAs(wanted: unknown): InstalledHandler | undefined {
    return this.#installed.find(({ name }) => sameTerm(name, wanted))
  }

  #remove(installed: InstalledHandler): void {
    this.#installed = this.#installed.filter((each) => each !== installed)
  }

  /** What a request says is to be added: by its name, or, within this node, by a reference to the handler itself. */
  #wanted(what: unknown): Wanted {
    const [head, id] = isTuple(what) && what.length === 2 ? what : [what, undefined]
    const given = takeParcel(head)
    if (given instanceof EventHandler) return { handler: given, id, name: handlerName(given.module, id) }
    const handler = typeof head === 'symbol' ? this.#known.get(head.description ?? '') : undefined
    return { handler, id, name: what }
  }
}

interface Wanted {
  readonly handler: AnyEventHandler | undefined
  readonly id: unknown
  /** What Erlang calls it. */
  readonly name: unknown
}

function supervisorIn(given: unknown): Address<never> | undefined {
  return given instanceof Address ? given : undefined
}

function undefinedReason(module: unknown, name: string, args: readonly unknown[]): unknown {
  return tuple(Symbol.for('undef'), [tuple(module, Symbol.for(name), args, [])])
}

/** What a message becomes by the schema of a handler, if it has one. What the runtime itself tells is not its business. */
function judgedInfo({ accepted: { info } }: AnyEventHandler, message: unknown): unknown {
  return info === undefined || isNotice(message) ? message : judged(info, message)
}

/** What Erlang answers when it is to add a handler of a module that it does not know. */
function undefinedFunction(handler: unknown, name: string, args: readonly unknown[]): unknown {
  return tuple(exited, undefinedReason(isTuple(handler) ? handler[0] : handler, name, args))
}
