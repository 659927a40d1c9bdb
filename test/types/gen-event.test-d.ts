/** Types of event managers: which events, handlers, arguments and calls go with which. */
import {
  type EventManager,
  eventHandler,
  eventManagerAt,
  genEvent,
  removeHandler,
  reply,
  swapHandler,
} from '../../src/behaviour/index.js'
import { type Address, type Node, named, type Process } from '../../src/index.js'
import { expectType } from './expect.js'

declare const node: Node
declare const self: Process<unknown>

type Alarm = { readonly level: number; readonly text: string }

const counter = eventHandler({
  module: 'counter',
  init: (from: number) => ({ count: from }),
  handleEvent(state, alarm: Alarm) {
    expectType<{ count: number }>()(state)
    expectType<{ count: number }>()(this.state)
    expectType<Process<unknown>>()(this.self)
    // @ts-expect-error: alarms have no such property
    state.count += alarm.weight
    // @ts-expect-error: the state has another shape
    this.state = 3
    return alarm.level > 3 ? swapHandler(quiet, undefined) : undefined
  },
  calls: {
    count: (state) => state.count,
    add: (state, by: number) => reply(state.count + by, { hibernate: true }),
    close: async (state) => removeHandler(state.count > 0),
  },
  // @ts-expect-error: the state has no b
  terminate: (state) => state.b,
})
/** Takes anything, and nothing to begin with. */
const quiet = eventHandler({ module: 'quiet', init: () => 0, handleEvent: () => {} })
const texts = eventHandler({ module: 'texts', init: () => '', handleEvent: (_, _event: string) => {} })

const alarms = genEvent<Alarm>({ handlers: [counter, quiet] })
// @ts-expect-error: a handler that wants other events
genEvent<Alarm>({ handlers: [texts] })

const manager = await node.start({ name: 'alarms' }, alarms)
expectType<EventManager<Alarm>>()(manager)
expectType<Address<unknown>>()(manager.address)
// @ts-expect-error: it starts with nothing
await node.start(alarms, 1)

for (const each of [
  manager,
  eventManagerAt<typeof alarms>(self, 'alarms'),
  eventManagerAt<Alarm>(node, named('a', 'x@y')),
]) {
  each.notify({ level: 1, text: 'hot' })
  // @ts-expect-error: no alarm
  each.notify('hot')
  // @ts-expect-error: an alarm without a text
  await each.syncNotify({ level: 1 })
  await each.addHandler(counter, 1)
  await each.addHandler([counter, 'id'], 1)
  await each.addHandler(quiet)
  await each.addHandler('by_name', ['anything'])
  // @ts-expect-error: it begins with a number
  await each.addHandler(counter, 'one')
  // @ts-expect-error: it begins with a number
  await each.addSupHandler([counter, 'id'])
  // @ts-expect-error: a handler that wants other events
  await each.addHandler(texts)
  await each.swapHandler(quiet, 'bye', counter, 1)
  // @ts-expect-error: it begins with a number
  await each.swapHandler(quiet, 'bye', counter)
  const { call } = each.handler(counter)
  expectType<Promise<number>>()(call.count())
  expectType<Promise<number>>()(call.add(1))
  expectType<Promise<boolean>>()(each.handler([counter, 1]).with({ timeout: 10 }).call.close())
  // @ts-expect-error: no such call
  await call.reset()
  // @ts-expect-error: another argument
  await call.add('one')
}
// @ts-expect-error: its init takes a number
swapHandler(counter, 'one')
