/** Handlers that are installed in an event manager, each with its state, and how they are named. */
import type { Process } from '../process/process.js'
import type { Address } from '../term/address.js'
import { tuple } from '../term/tuple.js'
import type { AnyEventHandler } from './event-handler.js'

/** See the head of this file. */
export class InstalledHandler {
  readonly handler: AnyEventHandler
  /** `undefined` when it has none, and is known by its module alone. */
  readonly id: unknown
  /** What it is called by everybody: the atom of its module, or `{Module, Id}`. */
  readonly name: unknown
  /** The process that is told of its end, and whose end it goes with. */
  readonly supervisor: Address<never> | undefined
  readonly context: { readonly self: Process<unknown>; state: unknown }

  constructor(self: Process<unknown>, handler: AnyEventHandler, id: unknown, supervisor: Address<never> | undefined) {
    this.handler = handler
    this.id = id
    this.name = handlerName(handler.module, id)
    this.supervisor = supervisor
    this.context = { self, state: undefined }
  }

  /** The state as it is to be shown. */
  shown(): unknown {
    const { context } = this
    const { formatStatus } = this.handler.callbacks
    if (formatStatus === undefined) return context.state
    try {
      return formatStatus.call(context as never, context.state as never)
    } catch (thrown) {
      return thrown
    }
  }

  /** `{Module, Id, State}`, with `false` for the id of one that has none. */
  get item(): readonly [symbol, unknown, unknown] {
    return tuple(this.moduleAtom, this.id === undefined ? false : this.id, this.context.state)
  }

  get moduleAtom(): symbol {
    return Symbol.for(this.handler.module)
  }
}

/** A handler as requests name it. */
export function handlerName(module: string, id: unknown): unknown {
  return id === undefined ? Symbol.for(module) : tuple(Symbol.for(module), id)
}
