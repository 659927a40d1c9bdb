/**
 * Event managers: processes that tell whoever has added a handler what has happened.
 *
 *   const alarms = genEvent<Alarm>({ handlers: [counter] })
 *   const manager = await node.start({ name: 'alarms' }, alarms)
 *   await manager.addHandler(counter, 0)
 *   manager.notify({ level: 3 })
 *   await manager.handler(counter).call.count()                        // 1: number
 *
 * To Erlang it is a gen_event as any: `gen_event:notify`, `sync_notify`, `call`, `add_handler` and its kin are answered. One event at a time,
 * and one handler after the other: those that were added last come first. A handler that throws is removed, is told of to who supervises
 * it, and is reported; the manager and its other handlers go on. Source: OTP's gen_event.
 */
import { check, checkObject, checkPart, refused } from '../arguments.js'
import { ReignError } from '../errors.js'
import type { Behaviour } from '../process/behaviour.js'
import { checkSchema, type InputOf, type OutputOf, type Schema } from '../schema.js'
import { EventEngine } from './event-engine.js'
import { EventGate } from './event-gate.js'
import { type AnyEventHandler, EventHandler } from './event-handler.js'
import { EventManager } from './event-manager.js'
import { handOver } from './loop.js'

/** What an event manager is made of. */
export interface GenEventDefinition<E> {
  /** The handlers that others may add by the names of their modules: Erlang's nodes, and whoever has no more than the name. */
  readonly handlers?: readonly AnyEventHandler<E>[]
  /** A name for what it does, for reports. */
  readonly module?: string
}

/** The same, of one that says what events it accepts: handlers hear what the schema makes of what is told. */
export interface CheckedEventDefinition<S extends Schema> extends GenEventDefinition<OutputOf<S>> {
  /** A schema of the events. What does not fit is heard by nobody; who waits for it gets a `RefusedError`. See `docs/schemas.md`. */
  readonly accepts: S
}

/** An event manager that can be started; `EventManager<E, H>` is what it is then used through. `H` is what handlers hear of an event `E`. */
export interface GenEvent<E, H = E> extends Behaviour<[], EventManager<E, H>> {
  /** Type only. */
  readonly '~events': E
  /** Type only. */
  readonly '~heard': H
}

/**
 * Makes an event manager of events `E`; see the head of this file.
 *
 * @throws `ERR_REIGN_ARGUMENT` when two handlers have one name, or one is none; `ERR_REIGN_SCHEMA` when what it accepts is no schema.
 */
export function genEvent<S extends Schema>(definition: CheckedEventDefinition<S>): GenEvent<InputOf<S>, OutputOf<S>>
export function genEvent<E>(definition?: GenEventDefinition<E>): GenEvent<E>
export function genEvent(definition: GenEventDefinition<never> & { readonly accepts?: Schema } = {}): unknown {
  checkObject(definition, 'the definition of an event manager')
  checkPart(definition, 'module', 'string', 'module of an event manager')
  const { handlers = [], module = 'gen_event', accepts } = definition
  check(Array.isArray(handlers), 'handlers are an array', handlers)
  const modules = handlers.map((handler) => {
    if (handler instanceof EventHandler) return handler.module
    throw refused('the handlers of an event manager are made by eventHandler', handler)
  })
  const twice = modules.find((name, at) => modules.indexOf(name) !== at)
  if (twice !== undefined) throw new ReignError('ERR_REIGN_ARGUMENT', `two handlers are called ${twice}`)
  const identity = { behaviour: 'gen_event', module }
  const made: Behaviour<[], EventManager<never>> = {
    behaviour: 'gen_event',
    module,
    gate: accepts && new EventGate(checkSchema(accepts, 'what an event manager accepts')),
    run(self, starting) {
      self.trapExit = true
      starting.ack()
      handOver(self, starting, new EventEngine(self, starting.parent, handlers), identity)
    },
    handle: (address, by) => new EventManager(by, address),
  }
  return made
}
