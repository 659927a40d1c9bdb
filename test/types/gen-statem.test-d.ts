/** Types of state machines: states, data and calls are checked. */
import { genStatem, keepState, nextState, protocol, replyTo, startIn } from '../../src/behaviour/index.js'
import type { Node } from '../../src/index.js'

declare const node: Node

const lamp = genStatem({
  protocol: protocol<{ calls: { toggle: () => boolean }; casts: { dim: (by: number) => void } }>(),
  init: (level: number) => startIn('off', { level }),
  states: {
    off(event, data) {
      if (event.type === 'call') return nextState('on', replyTo(event.from, true))
      // @ts-expect-error there is no such property
      data.colour = 1
      return undefined
    },
    on(event) {
      this.data.level++
      if (event.type === 'call') return nextState('off', replyTo(event.from, false))
      return keepState()
    },
  },
})

// @ts-expect-error there is no state `broken`
genStatem({
  init: () => startIn('off', {}),
  states: {
    off: () => nextState('broken'),
  },
})
// @ts-expect-error the first state is none of them
genStatem({
  init: () => startIn('broken', {}),
  states: { off: () => undefined },
})
genStatem({
  init: () => startIn(0 as number, 'data'),
  handleEvent(_event, state, data) {
    return data.length > 0 ? nextState(state + 1) : undefined
  },
})

export async function use(): Promise<void> {
  const server = await node.start(lamp, 5)
  const on: boolean = await server.call.toggle()
  server.cast.dim(on ? 1 : 2)
  // @ts-expect-error no such call
  await server.call.explode()
  // @ts-expect-error an argument of another type
  server.cast.dim('much')
  // @ts-expect-error an argument of another type
  await node.start(lamp, 'five')
}
