/** What an Erlang node can start and ask here, what it is told of errors, and the same the other way round. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Node } from '../../src/cluster/node.js'
import type { Down, Exit } from '../../src/process/notices.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { atom, atomName } from '../../src/term/atom.js'
import { named } from '../../src/term/named.js'
import { type Tuple, tuple } from '../../src/term/tuple.js'
import { eventually } from '../support/deadline.js'
import type { ErlangNode } from './erl.js'
import { deadlineMs, erlang, Neighbours, receive, shop } from './neighbours.js'

let neighbours: Neighbours
let node: Node
let erl: ErlangNode
beforeAll(async () => {
  neighbours = await Neighbours.make()
  node = await neighbours.startReign('tls')
  erl = await neighbours.startErl('tls')
})
afterAll(async () => {
  await erl?.stop()
  await node?.stop()
  await neighbours?.[Symbol.asyncDispose]()
})

test('whatever is thrown, by a function or a promise, at once or later, is a reason that Erlang can read', async () => {
  class PriceError extends Error {
    override readonly name = 'PriceError'
  }
  const values: Record<string, readonly [thrown: () => unknown, asErlang: string]> = {
    error: [() => new Error('plain'), '{error,{\'Error\',<<"plain">>}}'],
    type_error: [() => new TypeError('x is no y'), '{error,{\'TypeError\',<<"x is no y">>}}'],
    own_error: [() => new PriceError('none'), '{error,{\'PriceError\',<<"none">>}}'],
    odd_error: [() => Object.assign(new Error('odd'), { name: 'two words' }), '{error,{\'Error\',<<"odd">>}}'],
    string: [() => 'text', '{value,<<"text">>}'],
    number: [() => 42, '{value,42}'],
    atom: [() => atom('tired'), '{value,tired}'],
    nothing: [() => undefined, '{value,undefined}'],
    tuple: [() => tuple(atom('shutdown'), [1, 2]), '{value,{shutdown,[1,2]}}'],
    object: [() => ({ code: 'E1', at: [1] }), '{value,#{at => [1],code => <<"E1">>}}'],
    function: [() => () => 1, '{value,{unencodable,<<"'],
  }
  node.expose('throwing', {
    at_once: (name: symbol) => {
      throw values[atomName(name) ?? '']?.[0]()
    },
    later: async (name: symbol) => {
      await Promise.resolve()
      throw values[atomName(name) ?? '']?.[0]()
    },
  })
  for (const [name, [, expected]] of Object.entries(values)) {
    for (const when of ['at_once', 'later']) {
      const seen = await erl.eval(`
        {P, R} = spawn_monitor('${shop}', throwing, ${when}, [${name}]),
        receive {'DOWN', R, process, P, Reason} -> case Reason of
          {Why, [{M, F, 0, [{file, File}, {line, Line}]} | _]}
            when is_atom(M), is_atom(F), is_list(File), is_integer(Line) -> {error, Why};
          Value -> {value, Value} end end`)
      expect([name, when, seen.slice(0, expected.length)]).toEqual([name, when, expected])
    }
  }
})

test('Erlang spawns what is exposed and nothing else; erpc both ways', async () => {
  node.expose('pricing', {
    quote: (currency: string, cents: number) => tuple(atom('ok'), { currency, cents: cents * 2 }),
    fail: () => {
      throw new Error('no price')
    },
  })
  const quote = `erpc:call('${shop}', pricing, quote, [<<"EUR">>, 42])`
  expect(await erl.eval(quote)).toBe('{ok,#{cents => 84,currency => <<"EUR">>}}')
  expect(await erl.eval(`catch erpc:call('${shop}', pricing, nothing, [])`)).toContain('undef')
  expect(
    await erl.eval(`
      try erpc:call('${shop}', pricing, fail, []) catch error:{exception, What, [{M, F, 0, Where} | _]} ->
        {What, M, F, filename:basename(proplists:get_value(file, Where)), is_integer(proplists:get_value(line, Where))} end`),
  ).toBe(`{{'Error',<<"no price">>},'requests.test',fail,"requests.test.ts",true}`)
  expect(await erl.eval(`rpc:call('${shop}', os, cmd, ["id"])`)).toContain('{badrpc,{')
  expect(
    await erl.eval(
      `{P, R} = spawn_monitor('${shop}', pricing, quote, [<<"EUR">>, 1]), receive {'DOWN', R, _, P, W} -> W end`,
    ),
  ).toBe('normal')
  expect(
    await erl.eval(`
      R = erlang:spawn_request('${shop}', os, cmd, ["id"], [monitor]),
      receive {spawn_reply, R, error, Why} -> Why end`),
  ).toBe('notsup')

  expect(await node.erpc(erlang).call('lists', 'reverse', [[1, 2, 3]])).toEqual([3, 2, 1])
  await expect(node.erpc(erlang).call('nomod', 'nofun', [])).rejects.toMatchObject({
    code: 'ERR_REIGN_ERPC',
    class: 'error',
    reason: atom('undef'),
  })
  await expect(node.erpc(erlang).call('erlang', 'throw', [atom('up')])).rejects.toMatchObject({ class: 'throw' })
})

test('Erlang spawns with all the options that it has, and is told what became of it', async () => {
  node.expose('jobs', {
    wait(this: Process) {
      return this.receive()
    },
    fail: () => {
      throw 'no luck'
    },
  })
  const info = `Info = fun(P, Item) -> erpc:call('${shop}', erlang, process_info, [P, Item]) end`
  expect(
    await erl.eval(`${info},
      P = spawn('${shop}', jobs, wait, [1, <<"two">>]),
      {initial_call, {jobs, wait, 2}} = Info(P, initial_call),
      {group_leader, group_leader()} =:= Info(P, group_leader)`),
  ).toBe('true')
  expect(
    await erl.eval(`${info}, Me = self(), process_flag(trap_exit, true),
      P = spawn_link('${shop}', jobs, wait, []), Linked = Info(P, links), P ! go,
      {Linked =:= {links, [Me]}, receive {'EXIT', P, Why} -> Why end}`),
  ).toBe('{true,normal}')
  // The monitor with a tag and an alias of its own is Erlang's business; what goes over the wire is that there is one.
  expect(
    await erl.eval(`process_flag(trap_exit, true),
      {P, R} = spawn_opt('${shop}', jobs, fail, [], [link, {monitor, [{tag, gone}, {alias, demonitor}]}, {priority, high}]),
      {receive {gone, R, process, P, Down} -> Down end, receive {'EXIT', P, Exit} -> Exit end}`),
  ).toBe('{<<"no luck">>,<<"no luck">>}')
  expect(
    await erl.eval(`
      R = erlang:spawn_request('${shop}', jobs, wait, [], [monitor, {reply_tag, mine}]),
      P = receive {mine, R, ok, Pid} -> Pid end,
      exit(P, stopped), receive {'DOWN', R, process, P, Why} -> Why end`),
  ).toBe('stopped')
  // No reply is wanted when it fails either; the request of a process that waits no more leaves nothing behind.
  expect(
    await erl.eval(`
      R = erlang:spawn_request('${shop}', jobs, wait, [], [{reply, no}, monitor]),
      Gone = erlang:spawn_request('${shop}', jobs, wait, [], [link]),
      Abandoned = erlang:spawn_request_abandon(Gone),
      Ps = [P || P <- erpc:call('${shop}', erlang, processes, []), {monitored_by, [self()]} =:=
        erpc:call('${shop}', erlang, process_info, [P, monitored_by])],
      [exit(P, stopped) || P <- Ps], {Abandoned, receive {'DOWN', R, process, P, Why} -> Why end, receive X -> X after 0 -> none end}`),
  ).toBe('{true,stopped,none}')
  const left = () => node.processes().filter((each) => node.processInfo(each)?.initial_call === 'jobs:wait/0')
  await eventually(() => left().length === 0, deadlineMs, 'the process that nobody waited for to end')
})

test('reign spawns functions of Erlang, linked and monitored, in the name of a process or mailbox', async () => {
  using mailbox = node.mailbox<Down | Exit>()
  const made = await node.spawnOn(erlang, 'erlang', 'exit', [tuple(atom('oops'), 1)], {
    link: mailbox,
    monitor: mailbox,
  })
  const reason = tuple(atom('oops'), 1)
  const seen = [await receive<Down>(mailbox, 'one'), await receive<Exit>(mailbox, 'two')]
  expect(seen).toContainEqual({ type: 'DOWN', ref: made.ref, address: made.address, reason })
  expect(seen).toContainEqual({ type: 'EXIT', from: made.address, reason })
  // Erlang starts a process for whatever it is asked; that there is no such function is its end.
  await node.spawnOn(erlang, 'no_such_module', 'f', [], { monitor: mailbox })
  const down = await receive<Down>(mailbox, 'undef')
  expect((down.reason as Tuple)[0]).toBe(atom('undef'))
})

test('what is safe to answer can be asked from Erlang, and is answered as Erlang does', async () => {
  const friend = node.spawn({ name: 'friend' }, async (self) => self.receive())
  const shown = node.spawn(
    { name: 'looked_at' },
    async function clerk(self: Process, other: Address<unknown>) {
      self.trapExit = true
      self.link(other)
      self.monitor(other)
      self.monitor(named('init', erlang))
      await self.receive({ type: 'never' })
    },
    friend,
  )
  shown.send('secret')
  shown.send('another')
  await eventually(() => node.processInfo(shown)?.status === 'waiting', deadlineMs, 'the clerk to wait')
  const ask = (name: string, args: string) =>
    erl.eval(`
      [Shown, Friend] = [erpc:call('${shop}', erlang, whereis, [N]) || N <- [looked_at, friend]],
      try erpc:call('${shop}', erlang, ${name}, ${args}) of V -> V
      catch error:{exception, Why, [{M, F, A, _} | _]} -> {Why, M, F, length(A)} end`)
  const info = (item: string) => ask('process_info', `[Shown, ${item}]`)

  expect(await info('message_queue_len')).toBe('{message_queue_len,2}')
  expect(await info('status')).toBe('{status,waiting}')
  expect(await info('initial_call')).toBe('{initial_call,{reign,clerk,0}}')
  expect(await info('[registered_name, trap_exit, dictionary, priority, suspending]')).toBe(
    '[{registered_name,looked_at},{trap_exit,true},{dictionary,[]},{priority,normal},{suspending,[]}]',
  )
  const ties = `
    [Shown, Friend] = [erpc:call('${shop}', erlang, whereis, [N]) || N <- [looked_at, friend]],
    Info = fun(P, Items) -> erpc:call('${shop}', erlang, process_info, [P, Items]) end,
    {Info(Shown, [links, monitors]) =:= [{links, [Friend]}, {monitors, [{process, Friend}, {process, {init, node()}}]}],
     Info(Friend, [links, monitored_by]) =:= [{links, [Shown]}, {monitored_by, [Shown]}]}`
  expect(await erl.eval(ties)).toBe('{true,true}')
  // Without items: what Erlang tells then, in its order, as far as it is known here; and no name where there is none.
  const keys = (name: string) =>
    erl.eval(`
      Pid = erpc:call('${shop}', erlang, whereis, [${name}]),
      [K || {K, _} <- process_info(self()) -- [], lists:member(K, [registered_name, current_function, initial_call, status,
        message_queue_len, links, dictionary, trap_exit, priority, group_leader, suspending])]
      =:= [K || {K, _} <- erpc:call('${shop}', erlang, process_info, [Pid]), K =/= registered_name]`)
  expect(await keys('looked_at')).toBe('true')
  expect(
    await erl.eval(`
    Pid = erpc:call('${shop}', erlang, whereis, [looked_at]),
    {registered_name, looked_at} = hd(erpc:call('${shop}', erlang, process_info, [Pid])),
    is_pid(proplists:get_value(group_leader, erpc:call('${shop}', erlang, process_info, [Pid])))`),
  ).toBe('true')
  node.unregister('friend')
  const nameless = `[hd([P || P <- erpc:call('${shop}', erlang, processes, []), {links, [Shown]} =:=
    erpc:call('${shop}', erlang, process_info, [P, links])])`
  const shownOnly = (expression: string) =>
    erl.eval(`Shown = erpc:call('${shop}', erlang, whereis, [looked_at]), ${expression}`)
  expect(await shownOnly(`erpc:call('${shop}', erlang, process_info, ${nameless}, registered_name])`)).toBe('[]')
  expect(await shownOnly(`erpc:call('${shop}', erlang, process_info, ${nameless}, [registered_name]])`)).toBe(
    '[{registered_name,[]}]',
  )

  expect(await ask('is_process_alive', '[Shown]')).toBe('true')
  expect(await ask('registered', '[]')).toContain('looked_at')
  expect(await ask('node', '[]')).toBe(`'${shop}'`)
  expect(await ask('nodes', '[]')).toBe('[]')
  expect(await ask('nodes', '[[hidden, this]]')).toBe(`['${shop}','${erlang}']`)
  expect(await ask('system_info', '[otp_release]')).toMatch(/^"\d+"$/)
  expect(await ask('system_info', '[process_count]')).toBe(String(node.processes().length + 1))
  expect(await ask('whereis', '[nobody]')).toBe('undefined')

  // What is queued belongs to the process; the rest is not known here, or nowhere.
  for (const item of ['messages', 'memory', 'nonsense', '<<"links">>', '[links, nonsense]']) {
    expect([item, await info(item)]).toEqual([item, '{badarg,erlang,process_info,2}'])
  }
  expect(await ask('process_info', '[self()]')).toBe('{badarg,erlang,process_info,1}')
  expect(await ask('nodes', '[nonsense]')).toBe('{badarg,erlang,nodes,1}')
  expect(await ask('system_info', '[nonsense]')).toBe('{badarg,erlang,system_info,1}')
  expect(await ask('whereis', '["looked_at"]')).toBe('{badarg,erlang,whereis,1}')
  expect(await ask('halt', '[]')).toBe('{undef,erlang,halt,0}')
  expect(await ask('exit', '[Shown, kill]')).toBe('{undef,erlang,exit,2}')

  node.exit(shown, atom('kill'))
  expect(await ask('is_process_alive', '[Shown]')).toContain('badarg')
  expect(node.isAlive(shown)).toBe(false)
})
