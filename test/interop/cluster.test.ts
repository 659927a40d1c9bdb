/** A reign node and a real Erlang node in one cluster: everything that crosses, in both directions, over TLS and over TCP. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Node } from '../../src/cluster/node.js'
import { callIn } from '../../src/process/call.js'
import type { Down, Exit } from '../../src/process/notices.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { atom } from '../../src/term/atom.js'
import { named } from '../../src/term/named.js'
import { type Tuple, tuple } from '../../src/term/tuple.js'
import { eventually } from '../support/deadline.js'
import type { ErlangNode } from './erl.js'
import { deadlineMs, erlang, Neighbours, receive, shop } from './neighbours.js'

let neighbours: Neighbours
beforeAll(async () => {
  neighbours = await Neighbours.make()
})
afterAll(() => neighbours[Symbol.asyncDispose]())

/** Processes of Erlang that do as they are told. */
const workerModule = `
start() -> spawn(fun() -> work() end).
work() -> receive {exit, Reason} -> exit(Reason); _ -> work() end.
gone(Node) -> {mortal, Node} ! {self(), hello}, Pid = receive {P, hello} -> P end,
  Ref = monitor(process, Pid), Pid ! {exit, normal}, receive {'DOWN', Ref, process, Pid, _} -> Pid end.
init(N) -> {ok, N}.
handle_call({add, By}, _From, N) -> {reply, N + By, N + By};
handle_call(stop, _From, N) -> {stop, stopped, N}.
handle_cast(_, N) -> {noreply, N}.
`

/** The same here, registered as \`mortal\`; whoever greets gets its address, and its successor takes the name when it ends. */
function spawnMortal(node: Node): void {
  const mortal = node.spawn({ name: 'mortal' }, async (self: Process<Tuple>) => {
    for (;;) {
      const [first, second] = await self.receive()
      if (first === atom('exit')) self.exit(second)
      if (first === atom('throw')) throw new Error(String(second))
      ;(first as Address<unknown>).send(tuple(self.address, second))
    }
  })
  const watch = node.mailbox<Down>()
  const ref = watch.monitor(mortal)
  void watch.receive({ type: 'DOWN', ref }).then(
    () => {
      watch.close()
      if (node.isAlive(node.system.self)) spawnMortal(node)
    },
    () => {},
  )
}

describe.each(['tls', 'tcp'] as const)('over %s', (carrier) => {
  let node: Node
  let erl: ErlangNode
  beforeAll(async () => {
    node = await neighbours.startReign(carrier)
    erl = await neighbours.startErl(carrier)
    await erl.load('test_worker', workerModule)
    spawnMortal(node)
  })
  afterAll(async () => {
    await erl?.stop()
    await node?.stop()
  })

  test('either pings the other, and both see the connection', async () => {
    expect(await erl.eval(`net_adm:ping('${shop}')`)).toBe('pong')
    expect(await node.ping(erlang)).toBe(true)
    expect(node.nodes()).toEqual([erlang])
    expect(await erl.eval('nodes(hidden)')).toBe(`['${shop}']`)
  })

  test('Erlang sends to a name and to an address; reign sends to a name and to a pid', async () => {
    using mailbox = node.mailbox<Tuple>()
    node.register('box', mailbox.address)
    await erl.eval(`register(friend, spawn(fun() ->
      {box, '${shop}'} ! {hello, self(), <<"by name">>},
      receive {To, Text} -> To ! {got, Text} end,
      receive {again, From} -> From ! {bye, node()} end end))`)
    const [tag, pid, text] = await receive<Tuple>(mailbox, 'a message to a name')
    expect([tag, text]).toEqual([atom('hello'), 'by name'])
    const friend = pid as Address<unknown>
    expect(friend.node).toBe(erlang)
    friend.send(tuple(mailbox.address, 'to a pid'))
    expect(await receive<Tuple>(mailbox, 'a message to an address')).toEqual(tuple(atom('got'), 'to a pid'))
    node.send(named('friend', erlang), tuple(atom('again'), mailbox.address))
    expect(await receive<Tuple>(mailbox, 'the answer to a name')).toEqual(tuple(atom('bye'), atom(erlang)))
  })

  test('terms come back as they left', async () => {
    using mailbox = node.mailbox<Tuple>()
    await erl.eval(`register(echo, spawn(fun Loop() -> receive {F, T} -> F ! T, Loop() end end))`)
    const terms = [
      { a: 1, b: [1, 2, 3], c: { d: atom('e') } },
      tuple(atom('ok'), 1.5, -1n << 70n, 'text', new Uint8Array([255, 0, 1])),
      new Map<unknown, unknown>([
        [1, tuple()],
        ['k', [[], [atom('x')]]],
      ]),
      mailbox.address,
    ]
    for (const term of terms) {
      node.send(named('echo', erlang), tuple(mailbox.address, term))
      expect(await receive(mailbox, 'an echo')).toEqual(term)
    }
  })

  test('links: each hears of the other’s end, once; to a process that is gone, at once', async () => {
    using mailbox = node.mailbox<Exit>()
    const worker = await spawnWorker()
    mailbox.link(worker)
    worker.send(tuple(atom('exit'), atom('tired')))
    expect(await receive<Exit>(mailbox, 'an exit')).toEqual({ type: 'EXIT', from: worker, reason: atom('tired') })
    mailbox.link(worker)
    expect(await receive<Exit>(mailbox, 'no process')).toEqual({ type: 'EXIT', from: worker, reason: atom('noproc') })

    const told = erl.eval(`
      process_flag(trap_exit, true),
      {mortal, '${shop}'} ! {self(), hello},
      Pid = receive {P, hello} -> P end,
      link(Pid), Pid ! {exit, {shutdown, <<"worn out">>}},
      receive {'EXIT', Pid, Reason} -> Reason end`)
    expect(await told).toBe('{shutdown,<<"worn out">>}')
    const stale = `process_flag(trap_exit, true), Pid = test_worker:gone('${shop}'), link(Pid)`
    expect(await erl.eval(`${stale}, receive {'EXIT', Pid, Reason} -> Reason end`)).toBe('noproc')
  })

  test('an undone link carries no exit, whoever undoes it', async () => {
    using mailbox = node.mailbox<Exit | Down>()
    const worker = await spawnWorker()
    mailbox.link(worker)
    mailbox.unlink(worker)
    const ref = mailbox.monitor(worker)
    worker.send(tuple(atom('exit'), atom('unseen')))
    expect(await receive<Down>(mailbox, 'the notice')).toEqual({
      type: 'DOWN',
      ref,
      address: worker,
      reason: atom('unseen'),
    })
    expect(mailbox.length).toBe(0)
    expect(
      await erl.eval(`
        process_flag(trap_exit, true),
        {mortal, '${shop}'} ! {self(), hello}, Pid = receive {P, hello} -> P end,
        link(Pid), unlink(Pid), Ref = monitor(process, Pid), Pid ! {exit, unseen},
        receive {'DOWN', Ref, process, Pid, R} -> R end, receive {'EXIT', _, _} = E -> E after 0 -> nothing end`),
    ).toBe('nothing')
  })

  test('exit/2: kill cannot be trapped and is seen as killed, both ways', async () => {
    using mailbox = node.mailbox<Down>()
    const worker = await spawnWorker()
    const ref = mailbox.monitor(worker)
    node.exit(worker, atom('kill'))
    expect(await receive<Down>(mailbox, 'the notice')).toMatchObject({ ref, reason: atom('killed') })
    expect(
      await erl.eval(`
        {mortal, '${shop}'} ! {self(), hello}, Pid = receive {P, hello} -> P end,
        Ref = monitor(process, Pid), exit(Pid, kill), receive {'DOWN', Ref, process, Pid, R} -> R end`),
    ).toBe('killed')
  })

  test('monitors by address and by name, of processes that live and that do not', async () => {
    using mailbox = node.mailbox<Down>()
    const nobody = named('nobody', erlang)
    const none = mailbox.monitor(nobody)
    expect(await receive<Down>(mailbox, 'noproc')).toEqual({
      type: 'DOWN',
      ref: none,
      address: nobody,
      reason: atom('noproc'),
    })
    await erl.eval('register(by_name, spawn(fun() -> receive stop -> exit(done) end end))')
    const friend = named('by_name', erlang)
    const ref = mailbox.monitor(friend)
    node.send(friend, atom('stop'))
    expect(await receive<Down>(mailbox, 'down by name')).toEqual({
      type: 'DOWN',
      ref,
      address: friend,
      reason: atom('done'),
    })
    const down = `receive {'DOWN', R, process, Object, Reason} -> {Object, Reason} end`
    expect(await erl.eval(`R = monitor(process, {nobody, '${shop}'}), ${down}`)).toBe(`{{nobody,'${shop}'},noproc}`)
    expect(
      await erl.eval(`R = monitor(process, {mortal, '${shop}'}), {mortal, '${shop}'} ! {exit, by_name}, ${down}`),
    ).toBe(`{{mortal,'${shop}'},by_name}`)
  })

  test('a function that throws is seen from Erlang as an error and its stack', async () => {
    const reason = await erl.eval(`
      {mortal, '${shop}'} ! {self(), hello}, Pid = receive {P, hello} -> P end,
      Ref = monitor(process, Pid), Pid ! {throw, <<"as asked">>},
      receive {'DOWN', Ref, process, Pid, {What, Stack}} when is_list(Stack) -> What end`)
    expect(reason).toBe(`{'Error',<<"as asked">>}`)
  })

  test('gen_server:call finds a reign process, and reign calls a gen_server', async () => {
    node.spawn({ name: 'adder' }, async (self: Process) => {
      for (;;) {
        const call = callIn(await self.receive())
        if (call === undefined) continue
        if (call.request === atom('die')) self.exit(atom('asked'))
        const [, a, b] = call.request as Tuple<number>
        self.reply(call.from, (a ?? 0) + (b ?? 0))
      }
    })
    expect(await erl.eval(`gen_server:call({adder, '${shop}'}, {add, 2, 3})`)).toBe('5')
    expect(await erl.eval(`catch gen_server:call({adder, '${shop}'}, die)`)).toContain('asked')
    expect(await erl.eval(`catch gen_server:call({adder, '${shop}'}, {add, 2, 3})`)).toContain('noproc')

    await erl.eval(`{ok, _} = gen_server:start({local, counter}, test_worker, 40, [])`)
    const counter = named('counter', erlang)
    expect(await node.call(counter, tuple(atom('add'), 2))).toBe(42)
    await expect(node.call(counter, atom('stop'))).rejects.toMatchObject({ code: 'ERR_REIGN_CALL' })
    await expect(node.call(counter, atom('stop'))).rejects.toMatchObject({ reason: atom('noproc') })
  })

  test('a name of reign is a group of pg, and a member that Erlang adds is a claimant', async () => {
    using mailbox = node.mailbox()
    const name = `name over ${carrier}`
    await erl.eval('case pg:start(reign) of {ok, _} -> ok; {error, {already_started, _}} -> ok end')
    node.names.register(name, mailbox.address)
    // Its scope has started after the connection: greet it as a node does that comes up.
    node.disconnect(erlang)
    await node.connect(erlang)
    await erl.waitFor(`length(pg:get_members(reign, <<"${name}">>)) =:= 1`, deadlineMs)
    await erl.eval(`
      Member = spawn(fun() -> receive stop -> ok end end), register(member, Member),
      ok = pg:join(reign, <<"${name}">>, Member)`)
    await eventually(() => node.names.lookupAll(name).length === 2, deadlineMs, 'Erlang’s claim')
    await erl.eval('member ! stop')
    await eventually(() => node.names.lookupAll(name).length === 1, deadlineMs, 'the end of Erlang’s claim')
    mailbox.close()
    await erl.waitFor(`pg:get_members(reign, <<"${name}">>) =:= []`, deadlineMs)
  })

  test('when Erlang is killed, links, monitors and the node say so once; its next run is a new one', async () => {
    using mailbox = node.mailbox<
      Down | Exit | { type: 'nodedown'; node: string; reason: string } | { type: 'nodeup'; node: string }
    >()
    const worker = await spawnWorker()
    const ref = mailbox.monitor(worker)
    mailbox.link(worker)
    node.monitorNodes(mailbox as never)
    await node.ping(erlang)
    await erl.kill()
    const seen = [await receive(mailbox, 'one'), await receive(mailbox, 'two'), await receive(mailbox, 'three')]
    expect(seen).toContainEqual({ type: 'DOWN', ref, address: worker, reason: atom('noconnection') })
    expect(seen).toContainEqual({ type: 'EXIT', from: worker, reason: atom('noconnection') })
    expect(seen[2]).toEqual({ type: 'nodedown', node: erlang, reason: 'connection_closed' })
    erl = await neighbours.startErl(carrier)
    await erl.load('test_worker', workerModule)
    await erl.eval(`net_adm:ping('${shop}')`)
    expect(await receive(mailbox, 'the node again')).toEqual({ type: 'nodeup', node: erlang })
    const late = mailbox.monitor(worker)
    expect(await receive(mailbox, 'a stale address')).toEqual({
      type: 'DOWN',
      ref: late,
      address: worker,
      reason: atom('noproc'),
    })
  })

  async function spawnWorker(): Promise<Address<unknown>> {
    return (await node.erpc(erlang).call('test_worker', 'start', [])) as Address<unknown>
  }
})
