/**
 * gen_servers across nodes. The same Erlang callers meet a server that is Erlang's own and one that is ours, and see no difference;
 * and our callers meet Erlang's.
 */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { genServer, noReply, Requests, reply, stop, sys } from '../../src/behaviour/index.js'
import { type Address, atom, type Caller, type Down, named, tuple } from '../../src/index.js'
import type { TestNode } from '../cluster/cluster-kit.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'
import { type ErlangNode, startErlang } from './erl.js'
import { type OtpPeer, otpPeer } from './otp-peer.js'

const [shop, erlang] = ['shop@127.0.0.1', 'erl@127.0.0.1']

/** What gen_server_peer.erl is, here. */
const suite = genServer({
  module: 'suite',
  init: (value: number) => ({ value, log: [] as unknown[] }),
  calls: {
    add: (state, by: number) => (state.value += by),
    value: (state) => state.value,
    echo: (_, term: unknown) => term,
    later(_, ms: number) {
      const { from, self } = this
      setTimeout(() => self.address.send(tuple(atom('answer'), from)), ms)
      return noReply<symbol>()
    },
    never: () => noReply<never>(),
    who() {
      return this.from?.[0]
    },
    go: () => reply(atom('gone'), { continue: atom('on') }),
    idle: (_, ms: number) => reply(atom('idle'), { timeout: ms }),
    hibernate: () => reply(atom('slept'), { hibernate: true }),
    log: (state) => state.log,
    stop: (_, reason: unknown, ...last: unknown[]) => stop(reason, last.length > 0 ? { reply: last[0] } : {}),
    fail: (): number => {
      throw new Error('asked to fail')
    },
  },
  casts: {
    reset: (state) => {
      state.value = 0
    },
    stop: (_, reason: unknown) => stop(reason),
  },
  handleCall(state, request) {
    state.log.push(tuple(atom('call'), request))
    return tuple(atom('unknown'), request)
  },
  handleCast: (state, request) => void state.log.push(tuple(atom('cast'), request)),
  handleInfo(state, message) {
    if (Array.isArray(message) && message[0] === atom('answer')) {
      return this.self.reply(message[1] as Caller, atom('answered'))
    }
    state.log.push(tuple(atom('info'), message))
  },
  handleContinue: (state) => void state.log.push(atom('continued')),
})

let peer: OtpPeer
let node: TestNode
let erl: ErlangNode
beforeAll(async () => {
  peer = await otpPeer('gen_server_peer', { reign: shop, erlang })
  ;({ node, erl } = peer)
})
afterAll(() => peer?.[Symbol.asyncDispose]())

/** Starts the server under test, named `suite`, unless one lives. */
async function startServer(home: 'erlang' | 'reign'): Promise<void> {
  if (home === 'erlang') await erl.eval('whereis(suite) =/= undefined orelse gen_server_peer:start()')
  else if (node.whereis('suite') === undefined) await node.start({ name: 'suite' }, suite, 10)
}

describe.each(['erlang', 'reign'] as const)('an Erlang caller, and a server of %s', (home) => {
  const where = home === 'erlang' ? erlang : shop
  const S = `{suite, '${where}'}`
  /** The pid, which calls may go to as well. */
  const P = `erpc:call('${where}', erlang, whereis, [suite])`
  beforeEach(async () => {
    await startServer(home)
    await erl.eval(`gen_server:cast(${S}, reset)`)
  })

  test.each([
    ['calls with arguments', `gen_server:call(${S}, {add, 3})`, '3'],
    ['calls with none', `gen_server:call(${S}, value)`, '0'],
    ['calls with a tuple of none', `gen_server:call(${S}, {value})`, '0'],
    ['calls by pid', `gen_server:call(${P}, {add, 4})`, '4'],
    ['calls with a bound', `gen_server:call(${S}, value, 5000)`, '0'],
    ['calls without a bound', `gen_server:call(${S}, value, infinity)`, '0'],
    ['calls with any term', `gen_server:call(${S}, [any, "term", #{a => 1}])`, '{unknown,[any,"term",#{a => 1}]}'],
    ['is told as the caller', `gen_server:call(${S}, who) =:= self()`, 'true'],
    ['is answered later', `gen_server:call(${S}, {later, 10})`, 'answered'],
    ['sees hibernate change nothing', `[gen_server:call(${S}, R) || R <- [hibernate, value]]`, '[slept,0]'],
    ['casts, and calls after that', `gen_server:cast(${S}, reset), gen_server:call(${S}, value)`, '0'],
    ['casts by pid', `gen_server:cast(${P}, reset)`, 'ok'],
    ['calls many', `gen_server:multi_call(['${where}'], suite, value)`, `{[{'${where}',0}],[]}`],
    [
      'calls many, some of them not there',
      `gen_server:multi_call(['${where}', 'nobody@127.0.0.1'], suite, value, 5000)`,
      `{[{'${where}',0}],['nobody@127.0.0.1']}`,
    ],
    [
      'calls many, of a name that nobody has',
      `gen_server:multi_call(['${where}'], nosuite, value, 5000)`,
      `{[],['${where}']}`,
    ],
    ['casts to many', `gen_server:abcast(['${where}', 'nobody@127.0.0.1'], suite, reset)`, 'abcast'],
    ['sends a request', `gen_server:receive_response(gen_server:send_request(${S}, {add, 1}), 5000)`, '{reply,1}'],
    [
      'waits for the response to a request',
      `R = gen_server:send_request(${S}, {later, 50}), [gen_server:wait_response(R, 0), gen_server:wait_response(R, 5000)]`,
      '[timeout,{reply,answered}]',
    ],
    [
      'checks messages for the response',
      `R = gen_server:send_request(${S}, value), receive M -> gen_server:check_response(M, R) after 60000 -> late end`,
      '{reply,0}',
    ],
    [
      'is told by a request that nobody is there',
      `gen_server:receive_response(gen_server:send_request({nosuite, '${where}'}, value), 5000)`,
      `{error,{noproc,{nosuite,'${where}'}}}`,
    ],
    [
      'keeps requests in a collection',
      `C0 = gen_server:send_request(${S}, {later, 50}, slow, gen_server:reqids_new()),
       C1 = gen_server:send_request(${S}, value, fast, C0),
       {A, L1, C2} = gen_server:receive_response(C1, 5000, true), {B, L2, C3} = gen_server:receive_response(C2, 5000, true),
       {A, L1, B, L2, gen_server:reqids_size(C3), gen_server:receive_response(C3, 5000, true)}`,
      '{{reply,0},fast,{reply,answered},slow,0,no_request}',
    ],
    ['is not told of a server that is too late', `catch gen_server:call(${S}, never, 50)`, /^\{'EXIT',\{timeout,/],
    ['is told that nobody is there', `catch gen_server:call({nosuite, '${where}'}, value)`, /^\{'EXIT',\{noproc,/],
    [
      'is answered by an alias that carries more',
      `Ref = monitor(process, ${S}, [{alias, reply_demonitor}]), Tag = [[alias | Ref] | payload],
       ${S} ! {'$gen_call', {self(), Tag}, value}, receive {Tag, V} -> {payload, V} after 60000 -> late end`,
      '{payload,0}',
    ],
    [
      'is answered without an alias too',
      `Ref = make_ref(), ${S} ! {'$gen_call', {self(), Ref}, value}, receive {Ref, V} -> V after 60000 -> late end`,
      '0',
    ],
    [
      'has a hundred thousand messages queued while it calls',
      `[self() ! N || N <- lists:seq(1, 100000)], [gen_server:call(${S}, value) || _ <- lists:seq(1, 100)],
       element(2, process_info(self(), message_queue_len))`,
      '100000',
    ],
  ] as const)('%s', async (_, expression, expected) => {
    const value = await erl.eval(expression)
    if (typeof expected === 'string') expect(value).toBe(expected)
    else expect(value).toMatch(expected)
  })

  test('sees what is no call or cast of the server go to its handlers, in order, and continue before all else', async () => {
    await erl.eval(`exit(${P}, kill)`)
    await eventually(async () => (await erl.eval(P)) === 'undefined', deadlineMs, 'the server to be gone')
    await startServer(home)
    const order = `gen_server:cast(${S}, odd), ${S} ! message, gen_server:call(${S}, go), gen_server:call(${S}, log)`
    expect(await erl.eval(order)).toBe('[{cast,odd},{info,message},continued]')
    expect(await erl.eval(`gen_server:call(${S}, {idle, 1})`)).toBe('idle')
    // Asked by sys, as a message of any other kind would take the time-out back.
    const seen = `case sys:get_state(${S}) of {_, [{info, timeout} | _]} -> true; #{log := Log} -> lists:last(Log) =:= {info, timeout} end`
    await erl.waitFor(seen, deadlineMs)
  })

  const watched = (act: string) => `
    Ref = monitor(process, ${S}), Result = (catch ${act}),
    receive {'DOWN', Ref, process, _, Reason} -> {Result, Reason} after 60000 -> late end`

  test.each([
    ['stops it', `gen_server:stop(${S})`, '{ok,normal}'],
    ['stops it by pid', `gen_server:stop(${P})`, '{ok,normal}'],
    ['stops it with a reason', `gen_server:stop(${S}, shutdown, infinity)`, '{ok,shutdown}'],
    ['stops it with any reason', `gen_server:stop(${S}, {any, "reason"}, 5000)`, '{ok,{any,"reason"}}'],
    ['stops it by a system message', `sys:terminate(${S}, {shutdown, told})`, '{ok,{shutdown,told}}'],
    ['has it stop with a reply', `gen_server:call(${S}, {stop, shutdown, bye})`, '{bye,shutdown}'],
    ['has it stop by a cast', `gen_server:cast(${S}, {stop, {shutdown, cast}})`, '{ok,{shutdown,cast}}'],
    ['kills it', `exit(${P}, kill)`, '{true,killed}'],
  ])('%s', async (_, act, expected) => {
    expect(await erl.eval(watched(act))).toBe(expected)
  })

  test('gets the reason when it stops without a reply', async () => {
    expect(await erl.eval(watched(`gen_server:call(${S}, {stop, {shutdown, silent}})`))).toMatch(
      /^\{\{'EXIT',\{\{shutdown,silent\},\{gen_server,call,.*\},\{shutdown,silent\}\}$/,
    )
  })

  test('gets an exit at once when it crashes, with what the monitor tells too', async () => {
    const value =
      await erl.eval(`{{'EXIT', {Why, _}}, Same} = (fun() -> ${watched(`gen_server:call(${S}, fail)`)} end)(),
      {Same =:= Why, is_list(element(2, Why))}`)
    expect(value).toBe('{true,true}')
  })

  test('cannot stop what is not there', async () => {
    expect(await erl.eval(`catch gen_server:stop({nosuite, '${where}'})`)).toMatch(/^\{'EXIT',\{?noproc/)
  })

  test('asks by sys for state and status, and suspends and resumes it', async () => {
    expect(await erl.eval(`gen_server:call(${S}, {add, 5})`)).toBe('5')
    expect(await erl.eval(`sys:get_state(${S})`)).toMatch(home === 'erlang' ? /^\{5,/ : /value => 5/)
    const status = `{status, Pid, {module, gen_server}, [PDict, State, Parent, Debug, Misc]} = sys:get_status(${S}),
      {is_pid(Pid), [K || {K, _} <- PDict, lists:member(K, ['$initial_call', '$ancestors'])] =/= [], State, is_pid(Parent), Debug,
       [element(1, M) || M <- Misc]}`
    expect(await erl.eval(status)).toBe('{true,true,running,true,[],[header,data,data]}')
    expect(await erl.eval(`sys:suspend(${S}), element(2, lists:split(1, element(4, sys:get_status(${S}))))`)).toMatch(
      /^\[suspended,/,
    )
    expect(await erl.eval(`catch gen_server:call(${S}, value, 100)`)).toMatch(/^\{'EXIT',\{timeout,/)
    expect(await erl.eval(`sys:resume(${S}), gen_server:call(${S}, value)`)).toBe('5')
  })

  test('asks by sys what has happened', async () => {
    expect(await erl.eval(`sys:log(${S}, {true, 10}), sys:statistics(${S}, true)`)).toBe('ok')
    await erl.eval(`gen_server:call(${S}, value), gen_server:cast(${S}, reset), gen_server:call(${S}, value)`)
    const kinds = `{ok, Events} = sys:log(${S}, get), [element(1, E) || E <- Events]`
    expect(await erl.eval(kinds)).toMatch(/^\[in,out,in,(noreply,)?in,out\]$/)
    const counts = `{ok, Counts} = sys:statistics(${S}, get), [proplists:get_value(K, Counts) || K <- [messages_in, messages_out]]`
    expect(await erl.eval(counts)).toBe('[3,2]')
    expect(await erl.eval(`sys:no_debug(${S}), {sys:log(${S}, get), sys:statistics(${S}, get)}`)).toBe(
      '{{ok,[]},{ok,no_statistics}}',
    )
    expect(await erl.eval(`catch sys:change_code(${S}, m, 1, [])`)).toMatch(/unknown_system_msg/)
  })
})

test('a function of Erlang’s cannot replace the state of ours: the server says so, and lives', async () => {
  await startServer('reign')
  const replaced = await erl.eval(`catch sys:replace_state({suite, '${shop}'}, fun(S) -> S end)`)
  expect(replaced).toMatch(/callback_failed/)
  expect(await erl.eval(`is_integer(gen_server:call({suite, '${shop}'}, value))`)).toBe('true')
})

test('a function of Erlang’s sees nothing in ours, nor does a file get its log: the server says so, and lives', async () => {
  await startServer('reign')
  const installed = await erl.eval(`sys:install({suite, '${shop}'}, {spy, fun(S, _, _) -> S end, 0})`)
  expect(installed).toMatch(
    /^\{error,\{callback_failed,\{gen_server,debug\},\{error,<<"TypeError: functions of other nodes/,
  )
  expect(await erl.eval(`sys:remove({suite, '${shop}'}, spy)`)).toBe('ok')
  expect(await erl.eval(`sys:log_to_file({suite, '${shop}'}, "/tmp/never")`)).toBe('{error,open_file}')
  expect(await erl.eval(`sys:log_to_file({suite, '${shop}'}, false)`)).toBe('ok')
  expect(await erl.eval(`is_integer(gen_server:call({suite, '${shop}'}, value))`)).toBe('true')
})

test('a state that Erlang cannot be sent is an error for who asks for it, and the server lives', async () => {
  const odd = genServer({ init: () => ({ run: () => 1 }), calls: { get: (state) => state.run() } })
  const { address, call } = await node.start({ name: 'odd' }, odd)
  expect(await erl.eval(`catch sys:get_state({odd, '${shop}'})`)).toMatch(/callback_failed/)
  expect(await call.get()).toBe(1)
  expect(node.isAlive(address)).toBe(true)
})

describe('our caller, and a server of Erlang', () => {
  const server = () => node.server<typeof suite>(named('suite', erlang))
  beforeEach(async () => {
    await startServer('erlang')
    server().cast.reset()
  })

  test('calls, casts, and is answered later', async () => {
    expect(await server().call.add(3)).toBe(3)
    server().cast.reset()
    expect(await server().call.value()).toBe(0)
    expect(await server().call.later(10)).toBe(atom('answered'))
    expect(await server().call.echo(['any', { term: 1n }])).toEqual(['any', { term: 1 }])
  })

  test('calls in its own name', async () => {
    using mailbox = node.mailbox()
    expect(await mailbox.server(server()).call.who()).toBe(mailbox.address)
    expect(await server().call.who()).toBe(node.system.self)
  })

  test('calls by address', async () => {
    const address = (await node.erpc(erlang).call('erlang', 'whereis', [atom('suite')])) as Address<unknown>
    expect(await node.server<typeof suite>(address).call.add(1)).toBe(1)
  })

  const refused = async (promise: Promise<unknown>) => expect(await promise.catch((error) => error))

  test('is told why there is no answer', async () => {
    ;(await refused(server().with({ timeout: 50 }).call.never())).toMatchObject({ code: 'ERR_REIGN_TIMEOUT' })
    const absent = node.server<typeof suite>(named('nosuite', erlang))
    ;(await refused(absent.call.value())).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
    const nowhere = node.server<typeof suite>(named('suite', 'nobody@127.0.0.1'))
    ;(await refused(nowhere.call.value())).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noconnection') })
    ;(await refused(server().call.stop(atom('shutdown')))).toMatchObject({ reason: atom('shutdown') })
    await startServer('erlang')
    ;(await refused(server().call.fail())).toMatchObject({ reason: [atom('asked_to_fail'), expect.anything()] })
  })

  test('calls and casts to many, here and there, some of them not there', async () => {
    await startServer('reign')
    const all = node.servers<typeof suite>('suite', [shop, erlang, 'nobody@127.0.0.1'])
    all.cast.reset()
    const { replies, badNodes } = await within(deadlineMs, all.call.add(2), 'the answers')
    expect([...replies]).toEqual([
      [shop, 2],
      [erlang, 2],
    ])
    expect(badNodes).toEqual(['nobody@127.0.0.1'])
  })

  test('casts to a host that is not there without waiting for it', () => {
    const nowhere = node.server<typeof suite>(named('suite', 'nobody@127.0.0.1'))
    for (let i = 0; i < 1_000; i++) nowhere.cast.reset()
  })

  test('keeps requests in a collection', async () => {
    const requests = new Requests<string, unknown>(node)
    requests.add('slow', server().call.later(50)).add('fast', server().call.value())
    requests.add('nobody', node.server<typeof suite>(named('nosuite', erlang)).call.value())
    const order: string[] = []
    for await (const { label } of requests) order.push(label)
    expect(order.indexOf('slow')).toBe(2)
  })

  test('stops it', async () => {
    using mailbox = node.mailbox<Down>()
    for (const reason of [atom('normal'), atom('shutdown'), tuple('any', 1)]) {
      await startServer('erlang')
      const ref = mailbox.monitor(server().target)
      await server().stop(reason, { timeout: deadlineMs })
      expect((await within(deadlineMs, mailbox.receive({ type: 'DOWN', ref }), 'the end')).reason).toEqual(reason)
    }
    ;(await refused(server().stop())).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
  })

  test('asks by sys', async () => {
    const target = named('suite', erlang)
    await server().call.add(7)
    expect(await sys.getState(node, target)).toMatchObject([7, expect.anything()])
    await expect(sys.replaceState(node, target, (state) => state)).rejects.toThrow()
    await sys.suspend(node, target)
    expect(await sys.getStatus(node, target)).toMatchObject({ module: atom('gen_server'), state: 'suspended' })
    await sys.resume(node, target)
    expect((await sys.getStatus(node, target)).state).toBe('running')
    await sys.statistics(node, target, true)
    await sys.log(node, target, 5)
    await server().call.value()
    expect(await sys.statistics(node, target, 'get')).toEqual({ messagesIn: 1, messagesOut: 1 })
    expect(await sys.log(node, target, 'get')).toMatchObject([{ 0: atom('in') }, { 0: atom('out'), 1: 7, 3: [7, []] }])
    await sys.noDebug(node, target)
    expect(await sys.statistics(node, target, 'get')).toBeUndefined()
    await sys.terminate(node, target, atom('shutdown'))
    await erl.waitFor('whereis(suite) =:= undefined', deadlineMs)
  })
})

test('a node that is lost fails who calls a server there at once', async () => {
  const name = 'mortal@127.0.0.1'
  const cookie = 'a-cookie-of-the-tests-alone'
  const source = await readFile(new URL('./gen_server_peer.erl', import.meta.url), 'utf8')
  const mortal = await startErlang({
    name,
    cookie,
    epmdPort: peer.cluster.epmd.port,
    hidden: true,
    code: { gen_server_peer: source },
  })
  await mortal.eval('gen_server_peer:start()')
  const asked = node.server<typeof suite>(named('suite', name)).with({ timeout: deadlineMs }).call.never()
  const failed = asked.catch((error) => error)
  await mortal.waitFor('element(2, process_info(whereis(suite), monitored_by)) =/= []', deadlineMs)
  await mortal.kill()
  expect(await within(5_000, failed, 'the failure')).toMatchObject({
    code: 'ERR_REIGN_CALL',
    reason: atom('noconnection'),
  })
})
