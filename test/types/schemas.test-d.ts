/** What is sent is the input of a schema, what is received its output. */
import { type } from 'arktype'
import * as v from 'valibot'
import { z } from 'zod'
import {
  checked,
  checkedInfo,
  checkedRequest,
  genServer,
  type InfoNotice,
  startable,
} from '../../src/behaviour/index.js'
import type { Address, Caller, Down, InputOf, Mailbox, Node, OutputOf, Process, Schema } from '../../src/index.js'
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
