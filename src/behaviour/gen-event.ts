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
import { ReignError } from '../errors.js'
import type { Behaviour } from '../process/behaviour.js'
import { EventEngine } from './event-engine.js'
import { type AnyEventHandler, EventHandler } from './event-handler.js'
import { EventManager } from './event-manager.js'
import { loop } from './loop.js'

/** What an event manager is made of. */
export interface GenEventDefinition<E> {
  /** The handlers that others may add by the names of their modules: Erlang's nodes, and whoever has no more than the name. */
  readonly handlers?: readonly AnyEventHandler<E>[]
  /** A name for what it does, for reports. */
  readonly module?: string
}

/** An event manager that can be started; `EventManager<E>` is what it is then used through. */
export interface GenEvent<E> extends Behaviour<[], EventManager<E>> {
  /** Type only. */
  readonly '~events': E
}

/**
 * Makes an event manager of events `E`; see the head of this file.
 *
 * @throws `ERR_REIGN_ARGUMENT` when two handlers have one name, or one is none.
 */
export function genEvent<E>(definition: GenEventDefinition<E> = {}): GenEvent<E> {
  const { handlers = [], module = 'gen_event' } = definition
  const modules = handlers.map((handler) => {
    if (handler instanceof EventHandler) return handler.module
    throw new ReignError('ERR_REIGN_ARGUMENT', 'the handlers of an event manager are made by eventHandler')
  })
  const twice = modules.find((name, at) => modules.indexOf(name) !== at)
  if (twice !== undefined) throw new ReignError('ERR_REIGN_ARGUMENT', `two handlers are called ${twice}`)
  const made: Behaviour<[], EventManager<E>> = {
    behaviour: 'gen_event',
    module,
    async run(self, starting) {
      self.trapExit = true
      starting.ack()
      const engine = new EventEngine(self, starting.parent, handlers)
      await loop(self, starting, engine, { behaviour: 'gen_event', module })
    },
    handle: (address, by) => new EventManager(by, address),
  }
  return made as GenEvent<E>
}
