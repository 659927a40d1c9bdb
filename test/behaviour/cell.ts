/** The smallest behaviour there is: keeps a value, and answers calls for it. For tests of what all behaviours share. */

import { type Engine, loop } from '../../src/behaviour/index.js'
import { type Address, type Behaviour, callIn, ExitError, type Process, type Starting } from '../../src/index.js'

/** What a cell lets its test see, and do instead. */
export interface CellOptions {
  readonly trapExit?: boolean
  /** Gets the reasons of its ends. */
  readonly ends?: unknown[]
  readonly terminate?: (reason: unknown) => unknown
  readonly format?: (state: unknown) => unknown
  readonly handle?: (message: unknown) => unknown
}

/** A behaviour that keeps the value that it is started with; see the head of this file. */
export const cell = (options: CellOptions = {}): Behaviour<[value: unknown], Address<unknown>> => ({
  behaviour: 'cell',
  async run(self: Process<unknown>, starting: Starting, value: unknown) {
    self.trapExit = options.trapExit ?? false
    let state = value
    const engine: Engine = {
      handle(message) {
        const called = callIn(message)
        if (called?.request === 'get') return self.reply(called.from, state)
        if (called?.request === 'stop') throw new ExitError('stopped')
        if (called?.request === 'crash') throw new Error('crashed')
        return options.handle?.(message)
      },
      async terminate(reason) {
        options.ends?.push(reason)
        await options.terminate?.(reason)
      },
      getState: () => state,
      replaceState: (change) => {
        state = change(state)
        return state
      },
      ...(options.format !== undefined && { formatState: () => options.format?.(state) }),
    }
    starting.ack()
    await loop(self, starting, engine, { behaviour: 'cell', module: 'cell' })
  },
  handle: (address) => address,
})
