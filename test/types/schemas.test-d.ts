/** What is sent is the input of a schema, what is received its output. */
import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import {
  checked,
  checkedInfo,
  checkedRequest,
  type EventManager,
  eventHandler,
  eventManagerAt,
  genEvent,
  genServer,
  genStatem,
  type InfoNotice,
  keepState,
  protocol,
  replyTo,
  startable,
  startIn,
} from '../../src/behaviour/index.js'
import type { Address, Caller, Down, Exit, InputOf, Mailbox, Node, OutputOf, Process, Schema } from '../../src/index.js'
import { expectType } from './expect.js'

declare const node: Node
declare const self: Process<unknown>

const zod = z.object({ age: z.string().transform(Number) })
const valibot = v.object({ age: v.pipe(v.string(), v.transform(Number)) })
const arktype = type({ age: 'string.numeric.parse' })
for (const schema of [zod, valibot, arktype]) {
  const standard: Schema<{ age: string }, { age: number }> = schema
  void standard
}
expectType<{ age: string }>()({} as InputOf<typeof zod>)
expectType<{ age: number }>()({} as OutputOf<typeof valibot>)
expectType<{ age: number }>()({} as OutputOf<typeof arktype>)

// --- mailboxes ------------------------------------------------------------------------------------------------------------

const mailbox = node.mailbox({ accepts: zod })
expectType<Mailbox<{ age: number }, { age: string }>>()(mailbox)
expectType<Promise<{ age: number }>>()(mailbox.receive())
mailbox.address.send({ age: '3' })
// @ts-expect-error: it is sent as a text
mailbox.address.send({ age: 3 })
// @ts-expect-error: only what is a schema is accepted
node.mailbox({ accepts: 3 })
const watching = node.mailbox<typeof zod, Down>({ accepts: zod, limit: { messages: 1, policy: 'exit' } })
expectType<Promise<{ age: number } | Down>>()(watching.receive())
watching.address.send({ age: '3' })
// @ts-expect-error: notices are not sent
watching.address.send({} as Down)

// --- processes ------------------------------------------------------------------------------------------------------------

const spawned = node.spawn(
  { accepts: valibot, name: 'x' },
  async (me, prefix) => {
    expectType<string>()(prefix)
    expectType<{ age: number }>()(await me.receive())
    me.address.send({ age: '3' })
  },
  'a',
)
expectType<Address<{ age: string }>>()(spawned)
expectType<Address<{ age: string }>>()(self.spawnLink({ accepts: zod }, (me) => me.receive()))
expectType<Address<{ age: string }>>()(self.spawnMonitor({ accepts: zod }, (me) => me.receive()).address)
// @ts-expect-error: it is sent as a text
spawned.send({ age: 3 })
const plain = startable({ accepts: zod }, async (me, starting, count: number) => {
  starting.ack(count)
  expectType<{ age: number }>()(await me.receive())
})
expectType<Address<{ age: string }>>()(await node.start(plain, 3))

// --- servers --------------------------------------------------------------------------------------------------------------

const server = genServer({
  init: (start: number) => ({ value: start }),
  calls: {
    add: checked(v.tuple([v.pipe(v.string(), v.transform(Number))]), (state, by) => {
      expectType<{ value: number }>()(state)
      expectType<number>()(by)
      return state.value + by
    }),
    who: checked(z.tuple([]), function () {
      expectType<Caller | undefined>()(this.from)
      return this.state.value
    }),
    optional: checked(z.tuple([z.number().optional()]), (_, n?: number) => n),
    value: (state) => state.value,
  },
  casts: {
    set: checked(z.tuple([z.number(), z.string()]), (state, to, why) => {
      state.value = to + why.length
    }),
  },
  handleCall: checkedRequest(zod, (state, request, from) => {
    expectType<{ age: number }>()(request)
    expectType<Caller>()(from)
    return state.value
  }),
  handleCast: checkedRequest(zod, (state, request) => {
    state.value = request.age
  }),
  handleInfo: checkedInfo(zod, (state, message) => {
    expectType<{ age: number } | InfoNotice>()(message)
    expectType<number>()(state.value)
  }),
})
const started = await node.start(server, 3)
expectType<Promise<number>>()(started.call.add('3'))
expectType<Promise<number | undefined>>()(started.call.optional())
expectType<Promise<number>>()(started.call.who())
expectType<Promise<number>>()(started.call.value())
started.cast.set(1, 'because')
// @ts-expect-error: it is sent as a text
started.call.add(3)
// @ts-expect-error: it takes no more
started.call.add('3', '4')
// @ts-expect-error: a reason is missing
started.cast.set(1)
genServer({
  init: () => 0,
  // @ts-expect-error: the arguments of a handler are a list
  calls: { odd: checked(zod, () => {}) },
})

// --- state machines -------------------------------------------------------------------------------------------------------

const text = v.pipe(v.string(), v.transform(Number))
const lock = genStatem({
  accepts: { calls: { turn: v.tuple([text]), state: z.tuple([]) }, casts: zod, info: arktype },
  init: (code: number) => startIn('shut', { code }),
  states: {
    shut(event, data) {
      expectType<{ code: number }>()(data)
      if (event.type === 'call') {
        if (event.name === 'turn') expectType<[number]>()(event.args)
        else expectType<[]>()(event.args)
        // @ts-expect-error: no such call is accepted
        if (event.name === 'push') return
        return keepState(replyTo(event.from, this.state))
      }
      if (event.type === 'cast') expectType<{ age: number }>()(event.content)
      if (event.type === 'info') expectType<{ age: number } | Down | Exit>()(event.content)
      return undefined
    },
  },
})
const locked = await node.start(lock, 12)
expectType<Promise<unknown>>()(locked.call.turn('12'))
expectType<Promise<unknown>>()(locked.call.state())
// @ts-expect-error: it is sent as a text
locked.call.turn(12)
// @ts-expect-error: no such call is accepted
locked.call.push()
genStatem({
  protocol: protocol<{ calls: { turn: (code: string) => boolean } }>(),
  accepts: { calls: { turn: v.tuple([text]) } },
  init: () => startIn(0 as number, 'data'),
  handleEvent(event, state) {
    expectType<number>()(state)
    if (event.type === 'call') expectType<'turn'>()(event.name)
    if (event.type === 'cast') expectType<string | undefined>()(event.name)
    return undefined
  },
})
// @ts-expect-error: the arguments of a call are a list
genStatem({ accepts: { calls: { turn: zod } }, init: () => startIn(0, 0), handleEvent: () => undefined })

// --- events ---------------------------------------------------------------------------------------------------------------

const hears = eventHandler({
  module: 'hears',
  init: () => ({ sum: 0 }),
  handleEvent: (state, event: { age: number }) => void (state.sum += event.age),
  calls: {
    add: checked(v.tuple([text]), function (state, by) {
      expectType<number>()(by)
      expectType<{ sum: number }>()(this.state)
      return state.sum + by
    }),
  },
  handleCall: checkedRequest(zod, (state, request) => state.sum + request.age),
  handleInfo: checkedInfo(zod, (_, message) => {
    expectType<{ age: number } | InfoNotice>()(message)
  }),
})
const births = genEvent({ accepts: zod, handlers: [hears] })
const manager = await node.start(births)
expectType<EventManager<{ age: string }, { age: number }>>()(manager)
manager.notify({ age: '3' })
// @ts-expect-error: it is sent as a text
manager.notify({ age: 3 })
await manager.addHandler(hears)
expectType<Promise<number>>()(manager.handler(hears).call.add('3'))
expectType<EventManager<{ age: string }, { age: number }>>()(eventManagerAt<typeof births>(node, 'births'))
const raw = eventHandler({ module: 'raw', init: () => 0, handleEvent: (_, _event: { age: string }) => {} })
// @ts-expect-error: handlers hear of numbers
await manager.addHandler(raw)
// @ts-expect-error: handlers hear of numbers
genEvent({ accepts: zod, handlers: [raw] })
