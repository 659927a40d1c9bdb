/** Output across nodes: a process of Erlang that writes to one of ours, and ours to one of Erlang's. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Address, atom, type Process } from '../../src/index.js'
import { TestCluster, type TestNode } from '../cluster/cluster-kit.js'
import { eventually, within } from '../support/deadline.js'
import { type ErlangNode, startErlang } from './erl.js'

const deadlineMs = 15_000
const [shop, erlang] = ['shop@127.0.0.1', 'erl@127.0.0.1']

/** A group leader of Erlang's that keeps what is written, and has one line to read. */
const keeper = `
-module(keeper).
-export([start/0, written/1]).
start() -> spawn(fun() -> loop([], ["a line\\n"]) end).
written(Pid) -> Pid ! {self(), written}, receive {Pid, Text} -> Text end.
loop(Texts, Lines) ->
    receive
        {io_request, From, As, {put_chars, unicode, Text}} -> From ! {io_reply, As, ok}, loop([Text | Texts], Lines);
        {io_request, From, As, {put_chars, unicode, M, F, A}} -> From ! {io_reply, As, ok}, loop([apply(M, F, A) | Texts], Lines);
        {io_request, From, As, {get_line, unicode, _}} when Lines =/= [] -> From ! {io_reply, As, hd(Lines)}, loop(Texts, tl(Lines));
        {io_request, From, As, {get_line, unicode, _}} -> From ! {io_reply, As, eof}, loop(Texts, Lines);
        {From, written} -> From ! {self(), unicode:characters_to_binary(lists:reverse(Texts))}, loop([], Lines)
    end.
`

let cluster: TestCluster
let node: TestNode
let erl: ErlangNode
let written = ''
beforeAll(async () => {
  cluster = await TestCluster.make()
  node = await cluster.start(shop, { output: (text) => (written += text) })
  node.expose('talk', {
    async says(this: Process, text: string) {
      await this.io.putChars(text)
      await this.io.format('~p ~ts~n', [[1, 2], 'ä'])
      return this.io.getLine('more? ')
    },
    async hands_on(this: Process, text: string) {
      const child = this.spawnMonitor((self: Process) => self.io.putChars(text))
      await this.receive({ type: 'DOWN', ref: child.ref })
    },
  })
  erl = await startErlang({
    name: erlang,
    cookie: 'a-cookie-of-the-tests-alone',
    epmdPort: cluster.epmd.port,
    hidden: true,
    code: { keeper },
  })
  expect(await erl.eval(`net_adm:ping('${shop}')`)).toBe('pong')
})
afterAll(async () => {
  await erl?.stop()
  await cluster?.[Symbol.asyncDispose]()
})
beforeEach(() => {
  written = ''
})

/** Evaluates with the io server of our node as `G`. */
const eval_ = (expression: string) =>
  erl.eval(`G = erpc:call('${shop}', erlang, whereis, [user]), ${expression}`, { deadlineMs })

test('Erlang writes to a group leader here as to one of its own', async () => {
  const seen = await eval_(`group_leader(G, self()),
    [io:format("~p and ~s~n", [{a, "text", <<"bin">>}, "b"]), io:put_chars("ä€"), io:nl(), io:write([a]), io:fwrite("~n"),
     io:put_chars(G, <<"bytes">>), io:format(G, "~ts", [[8364]]), io:get_line("? "), io:getopts(), io:setopts([binary]), io:columns(),
     io:requests([{put_chars, unicode, "x"}, nl, {format, "~b", [7]}])]`)
  expect(seen).toBe('[ok,ok,ok,ok,ok,ok,ok,eof,[{encoding,unicode}],ok,{error,enotsup},ok]')
  expect(written).toBe('{a,"text",<<"bin">>} and b\nä€\n[a]\nbytes€x\n7')
})

test('what cannot be written is an error at who writes', async () => {
  const catching = (what: string) => eval_(`try ${what} catch error:Why -> Why end`)
  expect(await catching('io:format(G, "~w", [])')).toBe('badarg')
  expect(await catching('io:put_chars(G, <<255>>)')).toBe('badarg')
  expect(await catching('io:format(G, "~1000000000s", ["x"])')).toBe('badarg')
  expect(written).toBe('')
})

test('what a function of Erlang writes that we call is our output', async () => {
  const io = node.erpc(erlang)
  expect(await within(deadlineMs, io.call('io', 'format', ['~p~n', [[atom('a')]]]), 'the format')).toBe(atom('ok'))
  expect(written).toBe('[a]\n')
  let own = ''
  using server = node.ioServer((text) => (own += text))
  const done = new Promise<void>((resolve) => {
    node.spawn(async (self: Process) => {
      self.groupLeader = server.address as Address<never>
      await self.erpc(erlang).call('io', 'put_chars', ['by a process'])
      resolve()
    })
  })
  await within(deadlineMs, done, 'the process')
  expect([own, written]).toEqual(['by a process', '[a]\n'])
})

test('what we write in a function that Erlang calls goes to the group leader of its caller, and is read from there', async () => {
  const seen = await erl.eval(
    `K = keeper:start(), group_leader(K, self()),
     One = [erpc:call('${shop}', talk, says, [<<"hello ">>]), rpc:call('${shop}', talk, says, [<<"and ">>])],
     ok = gen_server:cast({rex, '${shop}'}, {cast, talk, hands_on, [<<"never">>], user}),
     Two = erpc:call('${shop}', talk, hands_on, [<<"by its child">>]), {One, Two, keeper:written(K)}`,
    { deadlineMs },
  )
  expect(seen).toBe('{[<<"a line\\n">>,undefined],undefined,<<"hello [1,2] ä\\nand [1,2] ä\\nby its child"/utf8>>}')
  await eventually(() => written === 'never', deadlineMs, 'the output of the cast')
})

test('Erlang makes one of ours the group leader of a process that runs here', async () => {
  using server = node.ioServer((text) => (written += `[${text}]`))
  node.register('printer', server.address as Address<never>)
  const talker = node.spawn(async (self: Process) => {
    for (;;) {
      await self.receive()
      await self.io.putChars('now')
    }
  })
  node.register('talker', talker as Address<never>)
  await erl.eval(
    `[P, T] = [erpc:call('${shop}', erlang, whereis, [N]) || N <- [printer, talker]], group_leader(P, T), T ! go`,
  )
  await eventually(() => written === '[now]', deadlineMs, 'the output')
})
