/** Functions that yield, read by Erlang over mutual TLS: all at once by `erpc` and `rpc`, and one by one in the protocol of docs/remote-calls.md. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { atom, type Process } from '../../src/index.js'
import { deadlineMs } from '../cluster/cluster-kit.js'
import { FolderCluster, type FolderNode } from '../cluster/folder-cluster.js'
import { eventually } from '../support/deadline.js'
import { type ErlangNode, startErlang } from './erl.js'

const [shop, erlang] = ['shop@127.0.0.1', 'erl@127.0.0.1']

let cluster: FolderCluster
let node: FolderNode
let erl: ErlangNode
let tidied: number
beforeAll(async () => {
  cluster = await FolderCluster.make(shop, erlang)
  node = await cluster.start(shop)
  node.expose('pricing', {
    async *ticks(to: number) {
      try {
        for (let n = 1; n <= to; n++) yield n
        return atom('closed')
      } finally {
        tidied++
      }
    },
    *throws() {
      yield 1
      throw atom('up')
    },
    async *exits(this: Process) {
      yield 1
      this.exit(atom('gone'))
    },
    number: () => 5,
  })
  const [cookie, epmdPort] = [cluster.read('cookie'), cluster.epmdPort]
  erl = await startErlang({ name: erlang, cookie, epmdPort, tls: `${cluster.folder}/${erlang}.erlang.conf` })
  expect(await erl.eval(`net_adm:ping('${shop}')`)).toBe('pong')
})
afterAll(async () => {
  await erl?.stop()
  await cluster?.[Symbol.asyncDispose]()
})
beforeEach(() => {
  tidied = 0
})

const running = () => node.processes().filter((each) => node.processInfo(each)?.initial_call?.startsWith('erpc:'))

test.each([
  ['erpc:call', `erpc:call('${shop}', pricing, ticks, [3])`],
  ['rpc:call', `rpc:call('${shop}', pricing, ticks, [3])`],
  ['rpc:block_call', `rpc:block_call('${shop}', pricing, ticks, [3])`],
  ['erpc:multicall', `[{ok, L}] = erpc:multicall(['${shop}'], pricing, ticks, [3]), L`],
])('%s of a function that yields gives the list of all', async (_, call) => {
  expect(await erl.eval(call)).toBe('[1,2,3]')
  expect(tidied).toBe(1)
})

test('a call of a function that yields more than a list may hold is an error', async () => {
  const call = `try erpc:call('${shop}', pricing, ticks, [1000000]) catch error:{exception, system_limit, _} -> told end`
  expect(await erl.eval(call)).toBe('told')
})

/** As docs/remote-calls.md shows it. */
const read = (name: string, args: string, credit: number, pause = '') => `
  Ref = make_ref(),
  {Pid, Monitor} = spawn_monitor('${shop}', erpc, execute_stream, [{self(), Ref}, ${credit}, pricing, ${name}, ${args}]),
  Loop = fun Loop(Values) ->
    receive
      {Ref, {next, Value}} -> ${pause} Pid ! {Ref, {more, 1}}, Loop([Value | Values]);
      {'DOWN', Monitor, process, Pid, Reason} ->
        {lists:reverse(Values), case Reason of
          {Ref, return, Returned} -> {return, Returned};
          {Ref, Class, Thrown} -> {Class, Thrown};
          {Ref, error, Thrown, _} -> {error, Thrown};
          _ -> Reason
        end}
    end
  end,
  Loop([])`

test.each([
  ['all values, and what is returned', read('ticks', '[5]', 2), '{[1,2,3,4,5],{return,closed}}'],
  ['no value', read('ticks', '[0]', 2), '{[],{return,closed}}'],
  ['what is thrown', read('throws', '[]', 1), '{[1],{throw,up}}'],
  ['an exit', read('exits', '[]', 1), '{[1],{exit,gone}}'],
  [
    'that it does not yield',
    `{[], {error, {bad_return_value, _}}} = begin ${read('number', '[]', 1)} end, told`,
    'told',
  ],
  ['that there is no such function', read('absent', '[]', 1), '{[],{error,undef}}'],
  ['that it has no credit', read('ticks', '[5]', 0), '{[],{{badarg,Stack},none}}'],
])('a process of Erlang reads one by one: %s', async (what, expression, result) => {
  if (what === 'that it has no credit') {
    expect(await erl.eval(`{[], {badarg, [{erpc, execute_stream, _, []}]}} = begin ${expression} end, told`)).toBe(
      'told',
    )
  } else expect(await erl.eval(expression)).toBe(result)
  expect(running()).toEqual([])
})

test('no more comes than it has asked for, and the function ends when it has enough, or ends itself', async () => {
  const some = `
    Ref = make_ref(),
    {Pid, _} = spawn_monitor('${shop}', erpc, execute_stream, [{self(), Ref}, 3, pricing, ticks, [1000000]]),
    [receive {Ref, {next, N}} -> N end || N <- [1, 2, 3]],
    receive {Ref, _} = More -> {too_many, More} after 300 -> Pid ! {Ref, {more, 2}} end,
    [receive {Ref, {next, N}} -> N end || N <- [4, 5]],
    Pid ! {Ref, cancel},
    receive {'DOWN', _, process, Pid, Reason} -> Reason end`
  expect(await erl.eval(some)).toBe('normal')
  expect(tidied).toBe(1)
  const dies = `
    {_, Monitor} = spawn_monitor(fun() ->
      Ref = make_ref(),
      spawn('${shop}', erpc, execute_stream, [{self(), Ref}, 1, pricing, ticks, [1000000]]),
      receive {Ref, {next, 1}} -> ok end
    end),
    receive {'DOWN', Monitor, process, _, Reason} -> Reason end`
  expect(await erl.eval(dies)).toBe('normal')
  await eventually(() => tidied === 2 && running().length === 0, deadlineMs, 'the function to tidy up')
})

test('a stream of a node of Erlang fails: it knows no such function', async () => {
  const first = node.erpc(erlang).stream('lists', 'seq', [1, 3]).next()
  await expect(first).rejects.toMatchObject({ code: 'ERR_REIGN_ERPC', reason: [atom('undef'), expect.anything()] })
})
