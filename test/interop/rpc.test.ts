/**
 * Functions of other nodes. The same Erlang callers (`erpc`, `rpc`, and what C nodes send) call a node of Erlang's own and one of ours, and
 * see no difference; and our callers call Erlang's.
 */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Requests } from '../../src/behaviour/index.js'
import {
  type Address,
  atom,
  ErpcError,
  type ErpcResult,
  type Process,
  type TimeoutError,
  tuple,
} from '../../src/index.js'
import { TestCluster, type TestNode } from '../cluster/cluster-kit.js'
import { within } from '../support/deadline.js'
import { type ErlangNode, startErlang } from './erl.js'

const deadlineMs = 15_000
const [shop, caller, callee] = ['shop@127.0.0.1', 'caller@127.0.0.1', 'callee@127.0.0.1']

/** A fun of a module that no other node has. */
const onlyHere = `
-module(only_here).
-export([local_fun/0]).
local_fun() -> fun() -> here end.
`

let cluster: TestCluster
let node: TestNode
let erl: ErlangNode
let other: ErlangNode
beforeAll(async () => {
  cluster = await TestCluster.make()
  node = await cluster.start(shop)
  node.expose('rpc_peer', {
    give: (value: unknown) => value,
    throws: (value: unknown) => {
      throw value
    },
    exits(this: Process, reason: unknown) {
      this.exit(reason)
    },
    sleep(this: Process) {
      return this.receive(() => false)
    },
    group_leader(this: Process) {
      return this.groupLeader
    },
    pid(this: Process) {
      return this.address
    },
    note(this: Process, to: Address<unknown>, what: unknown) {
      to.send(tuple(what, this.address))
      return atom('noted')
    },
    async hold(this: Process, to: Address<unknown>, name: symbol) {
      to.send(tuple(atom('begun'), name, this.address))
      await this.receive((message) => message === atom('go'))
      return name
    },
    async linked(this: Process, to: Address<unknown>, reason: unknown) {
      this.spawnLink((child: Process) => child.exit(reason))
      to.send(tuple(atom('waiting'), this.address))
      await this.receive((message) => message === atom('go'))
      return atom('went_on')
    },
  })
  const source = await readFile(new URL('./rpc_peer.erl', import.meta.url), 'utf8')
  const shared = {
    cookie: 'a-cookie-of-the-tests-alone',
    epmdPort: cluster.epmd.port,
    hidden: true,
    args: ['-kernel', 'logger_level', 'none', '-connect_all', 'false'],
  }
  ;[erl, other] = await Promise.all([
    startErlang({ ...shared, name: caller, code: { only_here: onlyHere } }),
    startErlang({ ...shared, name: callee, code: { rpc_peer: source } }),
  ])
  for (const name of [shop, callee]) expect(await erl.eval(`net_adm:ping('${name}')`)).toBe('pong')
})
afterAll(async () => {
  await Promise.all([erl?.stop(), other?.stop()])
  await cluster?.[Symbol.asyncDispose]()
})

/** What an expression gives, or what it raises, as Erlang prints it. `N` is the node that is called, `Nowhere` one that is not there. */
const ask = (where: string, expression: string) =>
  erl.eval(
    `N = '${where}', Nowhere = 'nowhere@127.0.0.1', Me = self(),
     Catch = fun(Do) -> try {value, Do()} catch Class:Reason -> {Class, Reason} end end, _ = {Nowhere, Me, Catch}, ${expression}`,
    { deadlineMs },
  )

/** Each case of an Erlang caller: its title, what it evaluates, and what that gives wherever the function lives. */
const cases: readonly (readonly [title: string, expression: string, expected: string])[] = [
  // --- erpc:call
  ['a call gives the value', `erpc:call(N, rpc_peer, give, [{a, [1, 2.5], <<"b">>}])`, '{a,[1,2.5],<<"b">>}'],
  ['a call runs in a process of that node', `N =:= node(erpc:call(N, rpc_peer, pid, []))`, 'true'],
  ['a call raises what was thrown', `Catch(fun() -> erpc:call(N, rpc_peer, throws, [up]) end)`, '{throw,up}'],
  ['a call raises an exit', `Catch(fun() -> erpc:call(N, rpc_peer, exits, [gone]) end)`, '{exit,{exception,gone}}'],
  [
    'an exit with normal is an exit too',
    `Catch(fun() -> erpc:call(N, rpc_peer, exits, [normal]) end)`,
    '{exit,{exception,normal}}',
  ],
  [
    'a function that is not there is undef, with the call as its stack',
    `Catch(fun() -> erpc:call(N, rpc_peer, nothing, [1]) end)`,
    '{error,{exception,undef,[{rpc_peer,nothing,[1],[]}]}}',
  ],
  [
    'so is one of a module that is not there',
    `Catch(fun() -> erpc:call(N, no_module, f, []) end)`,
    '{error,{exception,undef,[{no_module,f,[],[]}]}}',
  ],
  [
    'a call whose process is killed raises a signal',
    `R = erpc:send_request(N, rpc_peer, hold, [Me, a]), receive {begun, a, P} -> exit(P, kill) end,
     Catch(fun() -> erpc:receive_response(R) end)`,
    '{exit,{signal,killed}}',
  ],
  [
    'a call of which the time is over',
    `Catch(fun() -> erpc:call(N, rpc_peer, sleep, [], 50) end)`,
    '{error,{erpc,timeout}}',
  ],
  ['a call with time enough', `erpc:call(N, rpc_peer, give, [1], 10000)`, '1'],
  [
    'a fun that names a function',
    `erpc:call(N, fun rpc_peer:pid/0), N =:= node(erpc:call(N, fun rpc_peer:pid/0))`,
    'true',
  ],
  [
    'a fun that names none is undef',
    `{error, {exception, Why, [First | _]}} = Catch(fun() -> erpc:call(N, fun rpc_peer:nothing/0) end), {Why, First}`,
    '{undef,{rpc_peer,nothing,[],[]}}',
  ],
  ['apply by name', `erpc:call(N, erlang, apply, [rpc_peer, give, [a]])`, 'a'],
  [
    'a call to a node that is not there',
    `Catch(fun() -> erpc:call(Nowhere, a, b, []) end)`,
    '{error,{erpc,noconnection}}',
  ],
  [
    'arguments that are no proper list',
    `{error, {exception, Why, [{erlang, apply, As, _} | _]}} = Catch(fun() -> erpc:call(N, rpc_peer, give, [a | b]) end), {Why, As}`,
    '{badarg,[rpc_peer,give,[a|b]]}',
  ],
  ['apply inside of apply', `erpc:call(N, erlang, apply, [erlang, apply, [rpc_peer, give, [a]]])`, 'a'],
  // --- requests
  ['a request, and its response', `erpc:receive_response(erpc:send_request(N, rpc_peer, give, [1]), 10000)`, '1'],
  [
    'waiting for a response for no time, and for longer',
    `R = erpc:send_request(N, rpc_peer, hold, [Me, a]),
     receive {begun, a, P} -> ok end, First = erpc:wait_response(R, 0), P ! go, {First, erpc:wait_response(R, infinity)}`,
    '{no_response,{response,a}}',
  ],
  [
    'checking messages for a response',
    `R = erpc:send_request(N, rpc_peer, throws, [up]), Me ! other,
     First = receive M1 -> Catch(fun() -> erpc:check_response(M1, R) end) end,
     Second = receive M2 -> Catch(fun() -> erpc:check_response(M2, R) end) end, lists:sort([First, Second])`,
    '[{throw,up},{value,no_response}]',
  ],
  [
    'a response that is not there in time',
    `R = erpc:send_request(N, rpc_peer, sleep, []), Catch(fun() -> erpc:receive_response(R, 20) end)`,
    '{error,{erpc,timeout}}',
  ],
  [
    'requests in a collection, answered in any order',
    `C0 = erpc:reqids_new(),
     C1 = erpc:send_request(N, rpc_peer, hold, [Me, a], first, C0),
     C2 = erpc:send_request(N, rpc_peer, give, [b], second, C1),
     C3 = erpc:send_request(N, rpc_peer, exits, [c], third, C2),
     Next = fun(C) -> try erpc:receive_response(C, infinity, true) catch exit:{Why, L, New} -> {Why, L, New} end end,
     {X, LX, C4} = Next(C3), {Y, LY, C5} = Next(C4), receive {begun, a, P} -> P ! go end, {Z, LZ, C6} = Next(C5),
     {lists:sort([{LX, X}, {LY, Y}]), {LZ, Z}, erpc:receive_response(C6, infinity, true)}`,
    '{[{second,b},{third,{exception,c}}],{first,a},no_request}',
  ],
  [
    'collections wait and check as well',
    `C1 = erpc:send_request(N, rpc_peer, hold, [Me, a], one, erpc:reqids_new()), receive {begun, a, P} -> ok end,
     First = erpc:wait_response(C1, 0, true), P ! go,
     {{response, a}, one, C2} = receive {'DOWN', _, _, _, _} = M -> erpc:check_response(M, C1, true) end,
     {First, erpc:reqids_size(C2)}`,
    '{no_response,0}',
  ],
  // --- casts
  [
    'a cast runs there, in another process each time',
    `ok = erpc:cast(N, rpc_peer, note, [Me, one]), ok = erpc:cast(N, rpc_peer, note, [Me, one]),
     receive {one, A} -> receive {one, B} -> {node(A) =:= N, A =/= B} end end`,
    '{true,true}',
  ],
  [
    'casts of what is not there, or to nowhere, say nothing',
    `ok = erpc:cast(N, rpc_peer, nothing, []), ok = erpc:cast(Nowhere, a, b, []), ok = erpc:multicast([N, Nowhere], rpc_peer, note, [Me, x]),
     receive {x, _} -> receive M -> M after 0 -> none end end`,
    'none',
  ],
  // --- several nodes
  [
    'calls to several nodes',
    `{value, [{ok, 1}, {error, {erpc, noconnection}}, {ok, 1}]} =:= Catch(fun() -> erpc:multicall([N, Nowhere, N], rpc_peer, give, [1]) end)`,
    'true',
  ],
  [
    'calls to several nodes that raise',
    `{erpc:multicall([N, N], rpc_peer, throws, [a]), erpc:multicall([N], rpc_peer, exits, [b]), erpc:multicall([N], rpc_peer, nothing, [])}`,
    '{[{throw,a},{throw,a}],[{exit,{exception,b}}],[{error,{exception,undef,[{rpc_peer,nothing,[],[]}]}}]}',
  ],
  [
    'calls to several nodes that take too long',
    `erpc:multicall([N, N], rpc_peer, sleep, [], 30)`,
    '[{error,{erpc,timeout}},{error,{erpc,timeout}}]',
  ],
  [
    'calls that have a long queue before them',
    `[Me ! {junk, I} || I <- lists:seq(1, 100000)],
     Ns = lists:duplicate(50, N), lists:usort(erpc:multicall(Ns, rpc_peer, give, [1]))`,
    '[{ok,1}]',
  ],
  // --- rpc
  ['rpc: the value', `rpc:call(N, rpc_peer, give, [1])`, '1'],
  ['rpc: what is thrown is a value', `rpc:call(N, rpc_peer, throws, [up])`, 'up'],
  [
    'rpc: an EXIT that is thrown is badrpc',
    `{rpc:call(N, rpc_peer, throws, [{'EXIT', a}]), rpc:block_call(N, rpc_peer, throws, [{'EXIT', a}])}`,
    "{{badrpc,{'EXIT',a}},{badrpc,{'EXIT',a}}}",
  ],
  [
    'rpc: one that is linked with the function ends',
    `K = rpc:async_call(N, rpc_peer, linked, [Me, normal]), receive {waiting, P} -> P ! go end,
     {rpc:call(N, rpc_peer, linked, [Me, abnormal]), rpc:yield(K)}`,
    "{{badrpc,{'EXIT',abnormal}},went_on}",
  ],
  ['rpc: an exit', `rpc:call(N, rpc_peer, exits, [gone])`, "{badrpc,{'EXIT',gone}}"],
  [
    'rpc: a function that is not there',
    `rpc:call(N, rpc_peer, nothing, [1])`,
    "{badrpc,{'EXIT',{undef,[{rpc_peer,nothing,[1],[]}]}}}",
  ],
  ['rpc: the time is over', `rpc:call(N, rpc_peer, sleep, [], 50)`, '{badrpc,timeout}'],
  ['rpc: no such node', `rpc:call(Nowhere, rpc_peer, give, [1])`, '{badrpc,nodedown}'],
  [
    'rpc: the caller is killed, and the function runs on',
    `{Pid, R} = spawn_monitor(fun() -> rpc:call(N, rpc_peer, hold, [Me, a]) end),
     receive {begun, a, P} -> exit(Pid, kill), receive {'DOWN', R, _, _, Why} ->
       Alive = erpc:call(N, erlang, is_process_alive, [P]), P ! go, {Why, Alive} end end`,
    '{killed,true}',
  ],
  [
    'rpc: calls to several nodes',
    `rpc:multicall([N, Nowhere, N], rpc_peer, give, [1])`,
    "{[1,1],['nowhere@127.0.0.1']}",
  ],
  ['rpc: several nodes that take too long', `rpc:multicall([N], rpc_peer, sleep, [], 30) =:= {[], [N]}`, 'true'],
  [
    'rpc: calls whose value is waited for later',
    `K1 = rpc:async_call(N, rpc_peer, hold, [Me, a]), K2 = rpc:async_call(N, rpc_peer, exits, [b]),
     receive {begun, a, P} -> ok end, First = rpc:nb_yield(K1), P ! go, {First, rpc:yield(K1), rpc:nb_yield(K2, infinity)}`,
    "{timeout,a,{value,{badrpc,{'EXIT',b}}}}",
  ],
  [
    'rpc: a cast, and one to all',
    `true = rpc:cast(N, rpc_peer, note, [Me, one]), abcast = rpc:eval_everywhere([N, Nowhere], rpc_peer, note, [Me, two]),
     receive {one, A} -> receive {two, B} -> {node(A) =:= N, node(B) =:= N} end end`,
    '{true,true}',
  ],
  ['rpc: a list is mapped', `[rpc:yield(rpc:async_call(N, rpc_peer, give, [X])) || X <- [1, 2, 3]]`, '[1,2,3]'],
  // --- rex
  [
    'rpc: blocking calls, one after the other',
    `Block = fun(Name) -> spawn(fun() -> Me ! {done, rpc:block_call(N, rpc_peer, hold, [Me, Name])} end) end,
     Block(a), A = receive {begun, a, PA} -> PA end, Block(b), X = rpc:call(N, rpc_peer, give, [x]),
     None = receive {begun, b, _} -> early after 50 -> none end,
     %% Ours runs each in a process of its own, Erlang's in rex itself; either goes on when its process is told to.
     A ! go, receive {begun, b, PB} -> PB ! go end, {X, None, lists:sort([receive {done, Z} -> Z end || _ <- [1, 2]])}`,
    '{x,none,[a,b]}',
  ],
  [
    'rpc: blocking calls that fail',
    `{rpc:block_call(N, rpc_peer, throws, [up]), rpc:block_call(N, rpc_peer, exits, [b]), rpc:block_call(N, rpc_peer, nothing, [])}`,
    "{up,{badrpc,{'EXIT',b}},{badrpc,{'EXIT',{undef,[{rpc_peer,nothing,[],[]}]}}}}",
  ],
  [
    'rpc: a blocking call in time, and one to nowhere',
    `{rpc:block_call(N, rpc_peer, give, [1], 10000), rpc:block_call(Nowhere, a, b, [])}`,
    '{1,{badrpc,nodedown}}',
  ],
  [
    'rex: a call as older nodes make it',
    `[gen_server:call({rex, N}, {call, rpc_peer, F, [a], L}) || F <- [give, throws, exits], L <- [group_leader(), user]]`,
    "[a,a,a,a,{badrpc,{'EXIT',a}},{badrpc,{'EXIT',a}}]",
  ],
  [
    'rex: a call whose process is killed',
    `R = gen_server:send_request({rex, N}, {call, rpc_peer, hold, [Me, a], user}),
     receive {begun, a, P} -> exit(P, kill) end, gen_server:receive_response(R, infinity)`,
    "{reply,{badrpc,{'EXIT',killed}}}",
  ],
  [
    'rex: a cast as older nodes make it',
    `gen_server:cast({rex, N}, {cast, rpc_peer, note, [Me, one], group_leader()}), receive {one, P} -> node(P) =:= N end`,
    'true',
  ],
  [
    'rex: a call as C nodes make it, and what is spoken there',
    `{rex, N} ! {Me, {call, rpc_peer, give, [a], user}}, {rex, N} ! {Me, features_request},
     {receive {rex, V} -> V end, receive {features_reply, N, Fs} -> Fs end}`,
    '{a,[erpc]}',
  ],
  ['rpc: a broadcast to a name', `{[], [N, Nowhere]} =:= rpc:sbcast([N, Nowhere], nobody_here, hello)`, 'true'],
  [
    'rpc: a broadcast to a name that somebody has, and one that does not wait',
    `{{[N], []} =:= rpc:sbcast([N], net_kernel, hello), rpc:abcast([N, Nowhere], net_kernel, hello)}`,
    '{true,abcast}',
  ],
  [
    'rpc: a call of a server by name',
    `{rpc:server_call(N, nobody_here, reply, hello), rpc:multi_server_call([Nowhere], nobody_here, hello)}`,
    "{{error,nodedown},{[],['nowhere@127.0.0.1']}}",
  ],
  // --- where output goes
  [
    'the group leader of the caller is that of the function',
    `G = group_leader(), {G =:= erpc:call(N, rpc_peer, group_leader, []), G =:= rpc:call(N, rpc_peer, group_leader, []),
      G =:= rpc:block_call(N, rpc_peer, group_leader, []), G =:= gen_server:call({rex, N}, {call, rpc_peer, group_leader, [], G})}`,
    '{true,true,true,true}',
  ],
  [
    'a fun whose code is not there is undef',
    `F = only_here:local_fun(), {error, {exception, Why, [{What, [], []} | _]}} = Catch(fun() -> erpc:call(N, F) end), {Why, What =:= F}`,
    '{undef,true}',
  ],
]

describe.each([
  ['Erlang', callee],
  ['reign', shop],
])('an Erlang caller, and functions of %s', (_, where) => {
  test.each(cases)('%s', async (_title, expression, expected) => {
    expect(await ask(where, expression)).toBe(expected)
  })
})

test('what Erlang is told of an error, and of a value that cannot be sent', async () => {
  node.expose('wrong', {
    fails: () => {
      throw new RangeError('too far')
    },
    unsendable: () => () => 1,
  })
  expect(
    await ask(
      shop,
      `try erpc:call(N, wrong, fails, []) catch error:{exception, Why, [{M, F, 0, [{file, _}, {line, L}]} | _]} -> {Why, M, F, is_integer(L)} end`,
    ),
  ).toBe(`{{'RangeError',<<"too far">>},'rpc.test',fails,true}`)
  expect(await ask(shop, `Catch(fun() -> erpc:call(N, wrong, unsendable, []) end)`)).toContain('{exit,{signal,')
  for (const kind of ['call', 'block_call']) {
    expect(await ask(shop, `rpc:${kind}(N, wrong, unsendable, [])`)).toContain("{badrpc,{'EXIT',")
  }
  expect(await ask(shop, `rpc:block_call(N, rpc_peer, give, [1])`)).toBe('1')
})

describe('our caller, and functions of Erlang', () => {
  const failure = (name: string, args: unknown[], module = 'erlang') =>
    node
      .erpc(callee)
      .call(module, name, args)
      .then(
        () => expect.fail('it gave a value'),
        (error: ErpcError) => [error.code, error.origin, error.class, error.reason],
      )

  test('a value, an error, an exit, a throw', async () => {
    expect(await node.erpc(callee).call('lists', 'reverse', [[1, 2, 3]])).toEqual([3, 2, 1])
    const code = 'ERR_REIGN_ERPC'
    expect(await failure('error', [atom('oops')])).toEqual([code, 'exception', 'error', atom('oops')])
    expect(await failure('exit', ['gone'])).toEqual([code, 'exception', 'exit', 'gone'])
    expect(await failure('throw', [tuple(1, 2)])).toEqual([code, 'exception', 'throw', tuple(1, 2)])
    expect(await failure('nofun', [1], 'nomod')).toEqual([code, 'exception', 'error', atom('undef')])
    const error = await node
      .erpc(callee)
      .call('nomod', 'nofun', [1])
      .catch((thrown) => thrown)
    expect(error).toBeInstanceOf(ErpcError)
    expect((error as ErpcError).stackTrace).toEqual([tuple(atom('nomod'), atom('nofun'), [1], [])])
  })

  test('one that is killed, one that takes too long, one on a node that is not there', async () => {
    using mailbox = node.mailbox<readonly [symbol, symbol, Address<unknown>]>()
    const monitors = node.processInfo(node.system.self)?.monitors.length as number
    const held = node.erpc(callee).call('rpc_peer', 'hold', [mailbox.address, atom('a')])
    held.catch(() => {})
    const [, , worker] = await within(deadlineMs, mailbox.receive(), 'the function to begin')
    node.exit(worker as Address<never>, atom('kill'))
    await expect(held).rejects.toMatchObject({ origin: 'signal', class: 'exit', reason: atom('killed') })
    await expect(node.erpc(callee).call('rpc_peer', 'sleep', [], { timeout: 30 })).rejects.toMatchObject({
      code: 'ERR_REIGN_TIMEOUT',
    })
    expect(node.processInfo(node.system.self)?.monitors).toHaveLength(monitors)
    await expect(node.erpc('nowhere@127.0.0.1').call('a', 'b', [])).rejects.toMatchObject({
      origin: 'erpc',
      reason: atom('noconnection'),
    })
  })

  test('casts, and several nodes at once', async () => {
    using mailbox = node.mailbox<readonly [unknown, Address<unknown>]>()
    mailbox.erpc([callee, 'nowhere@127.0.0.1', shop]).cast('rpc_peer', 'note', [mailbox.address, 'one'])
    node.erpc(callee).cast('rpc_peer', 'note', [mailbox.address, 'two'])
    const told = [1, 2, 3].map(() => within(deadlineMs, mailbox.receive(), 'a note'))
    const seen = (await Promise.all(told)).map(([what, from]) => `${what} ${from.node}`)
    expect(seen.sort()).toEqual([`one ${callee}`, `one ${shop}`, `two ${callee}`].sort())
    const results = await node.erpc([callee, shop, 'nowhere@127.0.0.1']).call('rpc_peer', 'give', [7])
    expect(
      results.map((result: ErpcResult) => (result.ok ? result.value : (result.error as ErpcError).reason)),
    ).toEqual([7, 7, atom('noconnection')])
    const late = await node.erpc([callee, shop]).call('rpc_peer', 'sleep', [], { timeout: 30 })
    expect(late.map((result) => !result.ok && (result.error as TimeoutError).code)).toEqual([
      'ERR_REIGN_TIMEOUT',
      'ERR_REIGN_TIMEOUT',
    ])
  })

  test('requests under way, answered in the order in which they are done', async () => {
    using mailbox = node.mailbox<readonly [symbol, symbol, Address<unknown>]>()
    const requests = new Requests<string>(node)
    requests.add('slow', node.erpc(callee).call('rpc_peer', 'hold', [mailbox.address, atom('a')]))
    requests.add('quick', node.erpc(callee).call('rpc_peer', 'give', [1]))
    expect(await requests.next({ timeout: deadlineMs })).toEqual({ label: 'quick', ok: true, reply: 1 })
    const [, , worker] = await within(deadlineMs, mailbox.receive(), 'the function to begin')
    worker.send(atom('go'))
    expect(await requests.next({ timeout: deadlineMs })).toEqual({ label: 'slow', ok: true, reply: atom('a') })
  })

  test('a node that is lost fails who calls there, at once', async () => {
    using mailbox = node.mailbox()
    const held = node.erpc(callee).call('rpc_peer', 'hold', [mailbox.address, atom('a')])
    held.catch(() => {})
    await within(deadlineMs, mailbox.receive(), 'the function to begin')
    node.disconnect(callee)
    await expect(within(deadlineMs, held, 'the failure')).rejects.toMatchObject({
      origin: 'erpc',
      class: 'error',
      reason: atom('noconnection'),
    })
    expect(await node.erpc(callee).call('rpc_peer', 'give', [1])).toBe(1)
  })
})
