/** Servers and processes that are told what they accept, with callers on other nodes: Erlang's, and ours. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import {
  checked,
  eventHandler,
  genEvent,
  genServer,
  genStatem,
  keepState,
  replyTo,
  startIn,
} from '../../src/behaviour/index.js'
import { type DeadLetter, named } from '../../src/index.js'
import { TestCluster, type TestNode } from '../cluster/cluster-kit.js'
import { eventually } from '../support/deadline.js'
import { type ErlangNode, startErlang } from './erl.js'

const [shop, till, erlang] = ['shop@127.0.0.1', 'till@127.0.0.1', 'erl@127.0.0.1']
const server = genServer({
  init: () => ({ sold: 0 }),
  calls: {
    sell: checked(z.tuple([z.string(), z.number().int()]), (state, _, by) => (state.sold += by)),
    sold: (state) => state.sold,
  },
})

let cluster: TestCluster
let node: TestNode
let erl: ErlangNode
let letters: DeadLetter[]
beforeAll(async () => {
  cluster = await TestCluster.make()
  node = await cluster.start(shop)
  const { epmd } = cluster
  erl = await startErlang({ name: erlang, cookie: 'a-cookie-of-the-tests-alone', epmdPort: epmd.port, hidden: true })
  expect(await erl.eval(`net_adm:ping('${shop}')`)).toBe('pong')
})
afterAll(async () => {
  await erl?.[Symbol.asyncDispose]()
  await cluster?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  letters = []
  const unsubscribe = node.deadLetters.subscribe((letter) => letters.push(letter))
  const started = await node.start({ name: 'shop' }, server)
  return async () => {
    unsubscribe()
    await started.stop()
  }
})

const S = `{shop, '${shop}'}`
const refused = `{{bad_request, [#{message := M, path := [1]}]}, {gen_server, call, [${S}, {sell, <<"tea">>, 1.5}]}}`

test('a call of Erlang that does not fit exits as if it had made the server crash, and the server goes on', async () => {
  expect(await erl.eval(`gen_server:call(${S}, {sell, <<"tea">>, 3})`)).toBe('3')
  const call = `try gen_server:call(${S}, {sell, <<"tea">>, 1.5}) of V -> V catch exit:${refused} -> is_binary(M) end`
  expect(await erl.eval(call)).toBe('true')
  expect(await erl.eval(`gen_server:call(${S}, sold)`)).toBe('3')
  expect(letters).toMatchObject([{ cause: 'refused', from: { node: erlang } }])
})

test('so does a request whose answer is waited for later, and one to a server by its pid', async () => {
  const request = `
    Pid = erpc:call('${shop}', erlang, whereis, [shop]),
    Id = gen_server:send_request(Pid, {sell, <<"tea">>, 1.5}),
    {error, {{bad_request, [#{path := [1]}]}, Pid}} = gen_server:receive_response(Id, 5000),
    {messages, Left} = process_info(self(), messages),
    Left`
  expect(await erl.eval(request)).toBe('[]')
})

test('of several servers, one that refuses answers with an error: its monitor is not the tag of the call', async () => {
  const call = `
    {[{'${shop}', {error, {bad_request, [#{path := [0]}]}}}], []} = gen_server:multi_call(['${shop}'], shop, {sell, 1, 2}),
    told`
  expect(await erl.eval(call)).toBe('told')
})

test('a caller that has no monitor is answered with an error', async () => {
  const call = `
    Tag = make_ref(),
    ${S} ! {'$gen_call', {self(), Tag}, {sell, <<"tea">>, 1.5}},
    receive {Tag, {error, {bad_request, [#{path := [1]}]}}} -> told end`
  expect(await erl.eval(call)).toBe('told')
})

test('what a process of Erlang sends to a mailbox is told with its sender', async () => {
  using numbers = node.mailbox({ accepts: z.number() })
  node.register('numbers', numbers.address)
  await erl.eval(`{numbers, '${shop}'} ! two, {numbers, '${shop}'} ! 3, sent`)
  expect(await numbers.receive()).toBe(3)
  expect(letters).toMatchObject([{ cause: 'refused', to: numbers.address, from: { node: erlang } }])
})

test('a call of another node of reign that does not fit gets a RefusedError, and leaves nothing behind', async () => {
  const other = await cluster.start(till)
  const { call } = other.server<typeof server>(named('shop', shop))
  const error = await call.sell('tea', 1.5).catch((e) => e)
  expect(error).toMatchObject({ name: 'RefusedError', code: 'ERR_REIGN_REFUSED', issues: [{ path: [1] }] })
  expect(await call.sell('tea', 2)).toBe(2)
  const address = node.whereis('shop')
  if (address === undefined) return expect.unreachable('it has ended')
  // The end of the last monitor comes behind the reply.
  await eventually(() => node.processInfo(address)?.monitored_by.length === 0, 15_000)
})

const door = genStatem({
  accepts: { calls: { knock: z.tuple([z.number().int()]) } },
  init: () => startIn('shut', 0),
  states: { shut: (event) => (event.type === 'call' ? keepState(replyTo(event.from, event.args[0])) : undefined) },
})

test('a state machine refuses a call of Erlang as a server does, and goes on', async () => {
  await node.start({ name: 'door' }, door)
  const D = `{door, '${shop}'}`
  const refusal = `{{bad_request, [#{path := [0]}]}, {gen_statem, call, [${D}, {knock, <<"1">>}, infinity]}}`
  const call = `try gen_statem:call(${D}, {knock, <<"1">>}) of V -> V catch exit:${refusal} -> gen_statem:call(${D}, {knock, 1}) end`
  expect(await erl.eval(call)).toBe('1')
  expect(
    await erl.eval(`try gen_statem:call(${D}, push) catch exit:{{bad_request, [#{path := []}]}, _} -> refused end`),
  ).toBe('refused')
  expect(letters).toMatchObject([{ from: { node: erlang } }, { from: { node: erlang } }])
})

const adder = eventHandler({
  module: 'adder',
  init: () => ({ sum: 0 }),
  handleEvent: (state, by: number) => void (state.sum += by),
  calls: {
    sum: (state) => state.sum,
    add: checked(z.tuple([z.number()]), (state, by) => (state.sum += by)),
  },
})

test('an event manager refuses events of Erlang, and its handlers refuse calls', async () => {
  await node.start({ name: 'sums' }, genEvent({ accepts: z.number(), handlers: [adder] }))
  const M = `{sums, '${shop}'}`
  // As what ends a manager is told by each: `sync_notify` alone does not say what was called.
  const refused = (act: string, why = '{{bad_request, [#{path := P}]}, {gen_event, call, _}}') =>
    `try ${act} catch exit:${why} -> {refused, P} end`
  expect(await erl.eval(`ok = gen_event:add_handler(${M}, adder, []), gen_event:notify(${M}, one)`)).toBe('ok')
  expect(await erl.eval(refused(`gen_event:sync_notify(${M}, <<"two">>)`, '{bad_request, [#{path := P}]}'))).toBe(
    '{refused,[]}',
  )
  expect(await erl.eval(`gen_event:sync_notify(${M}, 3)`)).toBe('ok')
  expect(await erl.eval(refused(`gen_event:call(${M}, adder, {add, four})`))).toBe('{refused,[0]}')
  expect(await erl.eval(`{gen_event:call(${M}, adder, {add, 5}), gen_event:call(${M}, adder, sum)}`)).toBe('{8,8}')
  expect(letters.map(({ from }) => from?.node)).toEqual(new Array(3).fill(erlang))
})
