/**
 * The master of an application: the process that its tree hangs on, which starts it, and stops it in order. To the node it is the root of
 * a supervision tree: `node.stop` stops it as such, hooks included. Source: OTP's application_master.
 */
import { endChild } from '../behaviour/end-child.js'
import type { Engine } from '../behaviour/engine.js'
import { loop } from '../behaviour/loop.js'
import { describe, ExitError, StartError } from '../errors.js'
import type { Behaviour } from '../process/behaviour.js'
import { isExitOf } from '../process/notices.js'
import type { Process } from '../process/process.js'
import { isBehaviour, start } from '../process/start.js'
import type { Address } from '../term/address.js'
import type { ApplicationContext, ApplicationDefinition, Rooted } from './application.js'

/** An application as a behaviour: it has started when its tree has. Its handle is the address of the tree's root. */
export function master<C>(
  definition: ApplicationDefinition<C, unknown>,
  contextOf: (self: Process<unknown>) => ApplicationContext<C>,
  rooted: (root: Address<unknown>) => void,
): Behaviour<[], Address<unknown>> {
  const { name } = definition
  return {
    behaviour: 'application',
    module: name,
    async run(self, starting) {
      // Before the tree: its end is to be news, not our end.
      self.trapExit = true
      // First of all: who has a parent among the trees is no tree of its own.
      const ended = self.host.trees.add(self.address, undefined)
      try {
        const context = contextOf(self)
        const given = await definition.start(context)
        const { root, state } = isBehaviour(given) ? { root: given, state: undefined } : (given as Rooted<unknown>)
        const { address } = await start(self, true, root, []).catch(reasonAlone)
        // Nothing is there that could be run: OTP's application master takes that for a failure too.
        if (address === undefined) throw new ExitError(Symbol.for('ignore'))
        rooted(address)
        starting.ack()
        const engine = new Master(self, address, definition, context, state)
        await loop(self, starting, engine, { behaviour: 'application', module: name })
      } finally {
        ended()
      }
    },
    handle: (address) => address,
  }
}

/** Why the root has not started is why the application has not. */
function reasonAlone(failure: unknown): never {
  throw failure instanceof StartError ? new ExitError(failure.reason) : failure
}

class Master<C> implements Engine {
  readonly #self: Process<unknown>
  readonly #definition: ApplicationDefinition<C, unknown>
  readonly #context: ApplicationContext<C>
  readonly #state: unknown
  #root: Address<never> | undefined

  constructor(
    self: Process<unknown>,
    root: Address<never>,
    definition: ApplicationDefinition<C, unknown>,
    context: ApplicationContext<C>,
    state: unknown,
  ) {
    this.#self = self
    this.#root = root
    this.#definition = definition
    this.#context = context
    this.#state = state
  }

  handle(message: unknown): void {
    if (!isExitOf(message, this.#root)) return
    this.#root = undefined
    throw new ExitError(message.reason)
  }

  async terminate(): Promise<void> {
    const { prepStop, stop } = this.#definition
    if (this.#root !== undefined) {
      await this.#call('prepStop', prepStop)
      // However long it takes: each child has its own time, and who stops us has a deadline for all.
      await endChild(this.#self, this.#root, Number.POSITIVE_INFINITY)
    }
    await this.#call('stop', stop)
  }

  /** What a hook throws must not keep the rest from being stopped. */
  async #call(hook: string, run: ((context: ApplicationContext<C>, state: unknown) => unknown) | undefined) {
    try {
      await run?.(this.#context, this.#state)
    } catch (error) {
      const fields = { application: this.#definition.name, hook, error: describe(error) }
      this.#self.host.logger.error(fields, 'a hook of the application threw')
    }
  }

  getState(): unknown {
    return this.#state
  }

  replaceState(_state: unknown): void {
    throw new TypeError('the state of an application is what its start gave')
  }
}
