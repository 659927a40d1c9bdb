/** Servers: what can be started, called and cast, with what, for what. */

import {
  begin,
  genServer,
  ignore,
  noReply,
  reenter,
  reply,
  type StartedServer,
  stop,
} from '../../src/behaviour/index.js'
import { type Address, type Caller, type Node, named, type Process, type Server } from '../../src/index.js'
import { expectType } from './expect.js'

declare const node: Node
declare const self: Process<unknown>

const counter = genServer({
  init: (start: number) => ({ value: start }),
  calls: {
    add: (state, by: number) => (state.value += by),
    value: (state) => state.value,
    fail: (): number => {
      throw new Error('asked to fail')
    },
    later: async (state, prefix: string, times = 1) => `${prefix}${state.value * times}`,
  },
  casts: {
    reset: (state) => {
      state.value = 0
    },
    set: (state, to: number) => {
      state.value = to
    },
  },
})

// --- starting -----------------------------------------------------------------------------------------------------------

const server = await node.start(counter, 10)
expectType<Address<unknown>>()(server.address)
const alike: Server<typeof counter> = server
await node.start({ name: 'counter', timeout: 1_000 }, counter, 10)
await self.start(counter, 10)
// @ts-expect-error: it starts with a number
await node.start(counter, 'ten')
// @ts-expect-error: it starts with a number
await node.start(counter)
// @ts-expect-error: it starts with one number
await node.start(counter, 1, 2)
// @ts-expect-error: no such option
await node.start({ nmae: 'counter' }, counter, 10)

// --- calling ------------------------------------------------------------------------------------------------------------

const byName = node.server<typeof counter>('counter')
for (const each of [server, alike, byName, self.server<typeof counter>(named('counter', 'x@y')), self.server(byName)]) {
  expectType<Promise<number>>()(each.call.add(3))
  expectType<Promise<number>>()(each.call.value())
  expectType<Promise<number>>()(each.call.fail())
  expectType<Promise<string>>()(each.call.later('x'))
  expectType<Promise<string>>()(each.call.later('x', 2))
  expectType<void>()(each.cast.reset())
  expectType<void>()(each.cast.set(3))
  expectType<Promise<number>>()(each.with({ timeout: 1 }).call.add(3))
  expectType<Promise<void>>()(each.stop('reason', { timeout: 1 }))
}
// @ts-expect-error: a number is added
server.call.add('3')
// @ts-expect-error: something is added
server.call.add()
// @ts-expect-error: one number is added
server.call.add(1, 2)
// @ts-expect-error: there is no such call
server.call.subtract(1)
// @ts-expect-error: a cast is no call
server.call.reset()
// @ts-expect-error: a call is no cast
server.cast.add(1)
// @ts-expect-error: a number is set
server.cast.set('1')
// @ts-expect-error: the reply is a number
const text: string = await server.call.value()
// @ts-expect-error: the address of a name may change, and may be elsewhere
byName.address
void text

// --- several ------------------------------------------------------------------------------------------------------------

const all = node.servers<typeof counter>('counter', ['a@b', 'c@d'])
const answers = await all.call.add(3)
expectType<ReadonlyMap<string, number>>()(answers.replies)
expectType<readonly string[]>()(answers.badNodes)
expectType<void>()(all.cast.reset())
// @ts-expect-error: a number is added
all.call.add('3')

// --- a server of Erlang, by its protocol ----------------------------------------------------------------------------------

interface Bank {
  calls: { balance: (account: string) => number; deposit: (account: string, amount: number) => symbol }
  casts: { audit: () => void }
}
const bank = node.server<Bank>(named('bank', 'erlang@host'))
expectType<Promise<number>>()(bank.call.balance('x'))
expectType<Promise<symbol>>()(bank.call.deposit('x', 1))
expectType<void>()(bank.cast.audit())
// @ts-expect-error: an amount is a number
bank.call.deposit('x', '1')
const deaf = node.server<{ casts: { tick: () => void } }>('deaf')
deaf.cast.tick()
// @ts-expect-error: it has no calls
deaf.call.tick()

// --- outcomes -----------------------------------------------------------------------------------------------------------

const queue = genServer({
  init: () => ({ items: [] as string[], waiting: [] as Caller[] }),
  calls: {
    take(state) {
      expectType<Caller | undefined>()(this.from)
      expectType<Process<unknown>>()(this.self)
      expectType<string[]>()(this.state.items)
      const item = state.items.shift()
      if (item !== undefined) return reply(item, { timeout: 100 })
      state.waiting.push(this.from as Caller)
      return noReply<string>()
    },
    close: (state, last: boolean) => stop('closed', { reply: last ? state.items.length : undefined }),
    fetch: (_, url: string) =>
      reenter(
        fetch(url),
        (response) => response.status,
        () => false as const,
      ),
    slowly: async (state) => (state.items.length > 0 ? reply(1) : 'none'),
  },
  casts: {
    put(state, item: string) {
      const from = state.waiting.shift()
      if (from === undefined) state.items.push(item)
      else this.self.reply(from, item)
      // @ts-expect-error: the state has another shape
      this.state = 3
    },
  },
  handleInfo(state, message) {
    expectType<unknown>()(message)
    expectType<Caller[]>()(state.waiting)
  },
  terminate: (state, reason) => {
    expectType<string[]>()(state.items)
    expectType<unknown>()(reason)
  },
})
const queued = await node.start(queue)
expectType<Promise<string>>()(queued.call.take())
expectType<Promise<number | undefined>>()(queued.call.close(true))
expectType<Promise<number | false>>()(queued.call.fetch('http://x'))
expectType<Promise<number | 'none'>>()(queued.call.slowly())

// --- states ------------------------------------------------------------------------------------------------------------

type Phased = { phase: 'early' | 'late'; items: string[] }
const phased = genServer({
  init: (): Phased => ({ phase: 'early', items: [] }),
  calls: {
    next: (state) => reply('x', { state: { ...state, phase: 'late' } }),
    fresh: () => reply(1, { state: { phase: 'early', items: [] } }),
    later: async (state) => reply(1, { state }),
    wait: () => noReply<number>({ timeout: 1 }),
    either: (state, known: boolean) => (known ? reply(1, { state }) : noReply<string>()),
    end: (state) => stop('enough', { state, reply: 1 }),
    echo: (_, term: unknown) => term,
  },
  casts: { set: () => noReply({ state: { phase: 'late', items: [] } }) },
})
expectType<Promise<string>>()(node.server<typeof phased>('phased').call.next())
expectType<Promise<string | number>>()(node.server<typeof phased>('phased').call.either(true))
await phased.enterLoop(self, { phase: 'early', items: [] })
// @ts-expect-error: the state has another shape
await phased.enterLoop(self, { phase: 'never', items: [] })
// @ts-expect-error: `wrong` sets another state
genServer({ init: (): Phased => ({ phase: 'early', items: [] }), calls: { wrong: () => reply('x', { state: 3 }) } })
// @ts-expect-error: `wrong` sets a state without items
genServer({
  init: (): Phased => ({ phase: 'early', items: [] }),
  casts: { wrong: async () => noReply({ state: { phase: 'late' } }) },
})

// --- init ---------------------------------------------------------------------------------------------------------------

const picky = genServer({
  init: (wanted: boolean) => {
    if (!wanted) return ignore
    return wanted ? begin({ count: 1 }, { continue: 'load' }) : stop('reason')
  },
  calls: { count: (state) => state.count },
})
const maybe = await node.start(picky, false)
// @ts-expect-error: it may have said ignore
maybe.call.count()
expectType<Promise<number>>()((maybe as NonNullable<typeof maybe>).call.count())
expectType<Promise<number>>()(node.server<typeof picky>('picky').call.count())

const slow = genServer({ init: async (n: number) => n, calls: { get: (state) => state } })
const started: StartedServer<typeof slow> = await node.start(slow, 1)
expectType<Promise<number>>()(started.call.get())

genServer({
  init: () => ({ a: 1 }),
  calls: {
    // @ts-expect-error: the state has no b
    b: (state) => state.b,
  },
})

// --- the state that other handlers set ------------------------------------------------------------------------------------

genServer({
  init: () => ({ a: 1 }),
  handleCall: (state, request) => reply(request, { state: { a: state.a + 1 } }),
  handleCast: async () => noReply({ state: { a: 2 } }),
  handleInfo: (state, message) => (message === 'stop' ? stop('asked', { state }) : undefined),
  handleContinue: () => noReply({ state: { a: 3 }, timeout: 5 }),
})
// @ts-expect-error: handleCall sets another state
genServer({ init: () => ({ a: 1 }), handleCall: () => reply(1, { state: { b: 1 } }) })
// @ts-expect-error: handleCast sets another state, later
genServer({ init: () => ({ a: 1 }), handleCast: async () => noReply({ state: 'a' }) })
// @ts-expect-error: handleInfo sets another state, sometimes
genServer({ init: () => ({ a: 1 }), handleInfo: (_, message) => (message === 1 ? noReply({ state: 1 }) : undefined) })
// @ts-expect-error: handleContinue sets another state
genServer({ init: () => begin({ a: 1 }, { continue: 1 }), handleContinue: () => noReply({ state: { a: '1' } }) })
// @ts-expect-error: a time-out is a number
genServer({ init: () => ({ a: 1 }), handleInfo: () => noReply({ timeout: 'soon' }) })
