/**
 * Event managers across nodes. The same Erlang callers meet a manager that is Erlang's own and one that is ours, with handlers of
 * one name that do the same, and see no difference; and our callers meet Erlang's.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  type EventHandler,
  eventHandler,
  eventManagerAt,
  genEvent,
  handlerExitIn,
  removeHandler,
  reply,
  stop,
  swapHandler,
  sys,
} from '../../src/behaviour/index.js'
import { atom, type Down, isTuple, named, tuple } from '../../src/index.js'
import type { TestNode } from '../cluster/cluster-kit.js'
import { within } from '../support/deadline.js'
import type { ErlangNode } from './erl.js'
import { type OtpPeer, otpPeer } from './otp-peer.js'

const deadlineMs = 15_000
const [shop, erlang] = ['shop@127.0.0.1', 'erl@127.0.0.1']
const fail = (): never => {
  throw new Error('asked to fail')
}

/** What gen_event_peer.erl is, here. */
const peer = eventHandler({
  module: 'gen_event_peer',
  init(label: unknown, left) {
    if (label === atom('refuse')) return stop(tuple(atom('refused'), atom('politely')))
    if (label === atom('crash')) return fail()
    const heard: unknown[] = left === undefined ? [] : [tuple(atom('left'), left)]
    return { label: left !== undefined && isTuple(label) ? label[1] : label, heard }
  },
  handleEvent(state, event: unknown) {
    if (event === atom('leave')) return removeHandler()
    if (event === atom('crash')) return fail()
    if (isTuple(event) && event[0] === atom('swap')) {
      const again: EventHandler<unknown, unknown> = peer
      const [, label] = event
      return swapHandler(again, tuple(atom('again'), label), { id: label, leaving: atom('swapped_out') })
    }
    state.heard.push(event)
    return undefined
  },
  calls: {
    heard: (state) => state.heard,
    echo: (_, term: unknown) => term,
    hibernate: () => reply(atom('slept'), { hibernate: true }),
    leave: () => removeHandler(atom('left')),
    crash: () => fail() as number,
  },
  handleCall: (_, request) => tuple(atom('unknown'), request),
  handleInfo(state, message) {
    const exit = message as { type?: string; reason: unknown }
    if (exit.type === 'EXIT') state.heard.push(tuple(atom('exited'), exit.reason))
    else state.heard.push(tuple(atom('info'), message))
  },
  terminate(state, why) {
    node.send(named('witness', erlang), tuple(atom('terminated'), state.label, why))
    return tuple(atom('end_of'), state.label)
  },
})
const events = genEvent<unknown>({ handlers: [peer] })

let otp: OtpPeer
let node: TestNode
let erl: ErlangNode
beforeAll(async () => {
  otp = await otpPeer('gen_event_peer', { reign: shop, erlang })
  ;({ node, erl } = otp)
})
afterAll(() => otp?.[Symbol.asyncDispose]())

/** A new manager, named `events`. */
async function startManager(home: 'erlang' | 'reign'): Promise<void> {
  if (home === 'reign') {
    const old = node.whereis('events')
    if (old !== undefined) await eventManagerAt(node, old).stop()
    await node.start({ name: 'events' }, events)
  } else await erl.eval(`catch gen_event:stop(events), gen_event_peer:start(events)`)
}

describe.each(['erlang', 'reign'] as const)('an Erlang caller, and an event manager of %s', (home) => {
  const where = home === 'erlang' ? erlang : shop
  const M = `{events, '${where}'}`
  const P = `erpc:call('${where}', erlang, whereis, [events])`
  const H = 'gen_event_peer'
  const add = `ok = gen_event:add_handler(${M}, ${H}, a)`
  beforeEach(() => startManager(home))

  test.each([
    ['adds a handler', `[gen_event:add_handler(${M}, ${H}, a), gen_event:which_handlers(${M})]`, `[ok,[${H}]]`],
    [
      'adds more of one kind, and lists them, those that were added last first',
      `${add}, ok = gen_event:add_handler(${P}, {${H}, 1}, b), ok = gen_event:add_handler(${M}, {${H}, "x"}, c),
       gen_event:which_handlers(${M})`,
      `[{${H},"x"},{${H},1},${H}]`,
    ],
    ['is told that an init says no', `gen_event:add_handler(${M}, ${H}, refuse)`, '{refused,politely}'],
    [
      'is told that an init crashes',
      `{'EXIT', {_, [_ | _]}} = gen_event:add_handler(${M}, ${H}, crash), gen_event:which_handlers(${M})`,
      '[]',
    ],
    [
      'is told that there is no such handler',
      `{'EXIT', {undef, [{nohandler, init, [a], _} | _]}} = gen_event:add_handler(${M}, nohandler, a), ok`,
      'ok',
    ],
    [
      'notifies, with and without waiting, in order',
      `${add}, [ok, ok, ok] = [gen_event:notify(${M}, 1), gen_event:notify(${M}, {2, "two"}), gen_event:sync_notify(${M}, 3)],
       gen_event:call(${M}, ${H}, heard)`,
      '[1,{2,"two"},3]',
    ],
    ['calls with arguments', `${add}, gen_event:call(${M}, ${H}, {echo, [any, "term"]})`, '[any,"term"]'],
    ['calls with a bound', `${add}, gen_event:call(${M}, ${H}, heard, 5000)`, '[]'],
    [
      'calls one of several',
      `${add}, gen_event:add_handler(${M}, {${H}, 1}, b), gen_event:notify(${M}, e),
       gen_event:delete_handler(${M}, ${H}, x), gen_event:call(${M}, {${H}, 1}, heard)`,
      '[e]',
    ],
    ['calls with what a handler does not know', `${add}, gen_event:call(${M}, ${H}, odd)`, '{unknown,odd}'],
    [
      'sees hibernate change nothing',
      `${add}, [gen_event:call(${M}, ${H}, R) || R <- [hibernate, heard]]`,
      '[slept,[]]',
    ],
    ['calls who is not there', `gen_event:call(${M}, ${H}, heard)`, '{error,bad_module}'],
    [
      'calls a handler that leaves',
      `${add}, [gen_event:call(${M}, ${H}, leave), gen_event:which_handlers(${M})]`,
      '[left,[]]',
    ],
    [
      'calls a handler that crashes, which is removed',
      `${add}, {error, {'EXIT', {_, [_ | _]}}} = gen_event:call(${M}, ${H}, crash), gen_event:which_handlers(${M})`,
      '[]',
    ],
    [
      'sends requests, and keeps them in a collection',
      `${add}, {reply, one} = gen_event:receive_response(gen_event:send_request(${M}, ${H}, {echo, one}), 5000),
       {error, bad_module} = gen_event:receive_response(gen_event:send_request(${M}, nohandler, {echo, one}), 5000),
       C = gen_event:send_request(${M}, ${H}, {echo, two}, label, gen_event:reqids_new()),
       {A, L, D} = gen_event:receive_response(C, 5000, true), {A, L, gen_event:reqids_size(D)}`,
      '{{reply,two},label,0}',
    ],
    [
      'is told by a request that nobody is there',
      `gen_event:receive_response(gen_event:send_request({noevents, '${where}'}, ${H}, heard), 5000)`,
      `{error,{noproc,{noevents,'${where}'}}}`,
    ],
    [
      'deletes a handler',
      `${add}, [gen_event:delete_handler(${M}, ${H}, bye), gen_event:which_handlers(${M})]`,
      '[{end_of,a},[]]',
    ],
    ['deletes who is not there', `gen_event:delete_handler(${M}, ${H}, bye)`, '{error,module_not_found}'],
    [
      'swaps a handler, which is told what the one before left',
      `${add}, ok = gen_event:swap_handler(${M}, {${H}, bye}, {{${H}, 2}, {again, b}}),
       {gen_event:which_handlers(${M}), gen_event:call(${M}, {${H}, 2}, heard)}`,
      `{[{${H},2}],[{left,{end_of,a}}]}`,
    ],
    [
      'swaps a handler that is not there',
      `ok = gen_event:swap_handler(${M}, {${H}, bye}, {${H}, {again, b}}), gen_event:call(${M}, ${H}, heard)`,
      '[{left,error}]',
    ],
    [
      'sees handlers leave, and swap themselves',
      `${add}, gen_event:add_handler(${M}, {${H}, 1}, b), gen_event:sync_notify(${M}, {swap, 7}),
       S = gen_event:which_handlers(${M}), gen_event:sync_notify(${M}, leave), {S, gen_event:which_handlers(${M})}`,
      `{[{${H},7},{${H},7}],[]}`,
    ],
    [
      'sends what is no event',
      `${add}, ${P} ! message, ${P} ! {notify}, gen_event:call(${M}, ${H}, heard)`,
      '[{info,message},{info,{notify}}]',
    ],
    [
      'is linked with it, and its exit is a message to the handlers',
      `${add}, Pid = ${P}, {L, R} = spawn_monitor(fun() -> link(Pid), exit(over) end),
       receive {'DOWN', R, process, L, over} -> ok after 5000 -> exit(late) end,
       (fun Wait(0) -> late; Wait(N) -> case gen_event:call(Pid, ${H}, heard) of [] -> timer:sleep(10), Wait(N - 1); V -> V end end)(500)`,
      '[{exited,over}]',
    ],
    [
      'supervises a handler: is told of its end',
      `ok = gen_event:add_sup_handler(${M}, ${H}, a), gen_event:delete_handler(${M}, ${H}, bye),
       receive {gen_event_EXIT, A, B} -> {A, B} after 5000 -> late end`,
      `{${H},normal}`,
    ],
    [
      'supervises a handler that is swapped, and the one after it, which crashes',
      `ok = gen_event:add_sup_handler(${M}, {${H}, 1}, a), ok = gen_event:swap_handler(${M}, {{${H}, 1}, bye}, {${H}, {again, b}}),
       Self = self(), receive {gen_event_EXIT, {${H}, 1}, {swapped, ${H}, Self}} -> ok after 5000 -> exit(late) end,
       gen_event:notify(${M}, crash),
       receive {gen_event_EXIT, ${H}, {'EXIT', {_, [_ | _]}}} -> gen_event:which_handlers(${M}) after 5000 -> late end`,
      '[]',
    ],
    [
      'takes over the supervision of a handler',
      `ok = gen_event:add_handler(${M}, ${H}, a), ok = gen_event:swap_sup_handler(${M}, {${H}, bye}, {${H}, {again, b}}),
       gen_event:sync_notify(${M}, leave), receive {gen_event_EXIT, A, B} -> {A, B} after 5000 -> late end`,
      `{${H},normal}`,
    ],
    [
      'supervises a handler, and ends: the handler is told',
      `register(witness, self()), Pid = ${P},
       {L, R} = spawn_monitor(fun() -> ok = gen_event:add_sup_handler(Pid, ${H}, a), exit(over) end),
       receive {'DOWN', R, process, L, over} -> ok after 5000 -> exit(late) end,
       receive {terminated, a, {stop, over}} -> unregister(witness), gen_event:which_handlers(Pid) after 5000 -> late end`,
      '[]',
    ],
    [
      'supervises a handler, and learns of the end of the manager, which is no exit',
      `process_flag(trap_exit, true), ok = gen_event:add_sup_handler(${M}, ${H}, a), ok = gen_event:stop(${M}),
       receive Message -> Message after 5000 -> late end`,
      `{gen_event_EXIT,${H},shutdown}`,
    ],
    [
      'stops it, and all its handlers are told',
      `register(witness, self()), ${add}, Ref = monitor(process, ${M}), ok = gen_event:stop(${M}, shutdown, 5000),
       receive {terminated, a, stop} -> ok after 5000 -> exit(late) end, unregister(witness),
       receive {'DOWN', Ref, process, _, Reason} -> Reason after 5000 -> late end`,
      'shutdown',
    ],
    ['cannot stop what is not there', `catch gen_event:stop({noevents, '${where}'})`, /^\{'EXIT',\{?noproc/],
    [
      'asks by sys for the states of the handlers',
      `${add}, gen_event:add_handler(${M}, {${H}, 1}, b), [{X, Y} || {X, Y, _} <- sys:get_state(${M})]`,
      `[{${H},1},{${H},false}]`,
    ],
    [
      'asks by sys for the status',
      `${add}, {status, Pid, {module, gen_event}, [_, running, Parent, [], Misc]} = sys:get_status(${M}),
       {is_pid(Pid), is_pid(Parent), [element(1, I) || I <- Misc], [element(2, I) || {items, {"Installed handlers", [I]}} <- Misc]}`,
      `{true,true,[header,data,items],[${H}]}`,
    ],
    [
      'suspends and resumes it',
      `${add}, ok = sys:suspend(${M}), ok = gen_event:notify(${M}, e), R = (catch gen_event:call(${M}, ${H}, heard, 50)),
       ok = sys:resume(${M}), {element(1, element(2, R)), gen_event:call(${M}, ${H}, heard)}`,
      '{timeout,[e]}',
    ],
    [
      'asks by sys what has happened',
      `${add}, sys:log(${M}, {true, 10}), sys:statistics(${M}, true), gen_event:notify(${M}, e), gen_event:sync_notify(${M}, f),
       {ok, Events} = sys:log(${M}, get), {ok, Counts} = sys:statistics(${M}, get), sys:no_debug(${M}),
       {[element(1, E) || E <- Events], [proplists:get_value(K, Counts) || K <- [messages_in, messages_out]]}`,
      '{[in,in],[2,0]}',
    ],
  ] as const)('%s', async (_, expression, expected) => {
    const value = await erl.eval(expression)
    if (typeof expected === 'string') expect(value).toBe(expected)
    else expect(value).toMatch(expected)
  })
})

describe('our caller, and an event manager of Erlang', () => {
  const manager = () => eventManagerAt<typeof events>(node, named('events', erlang))
  beforeEach(() => startManager('erlang'))

  test('adds, notifies, calls, lists and deletes, as here', async () => {
    await manager().addHandler(peer, atom('a'))
    await manager().addHandler([peer, 1], atom('b'))
    manager().notify(1)
    await manager().syncNotify(['two'])
    expect(await manager().handler(peer).call.heard()).toEqual([1, ['two']])
    expect(await manager().handler([peer, 1]).call.echo('term')).toBe('term')
    expect(await manager().whichHandlers()).toEqual([['gen_event_peer', 1], 'gen_event_peer'])
    expect(await manager().deleteHandler([peer, 1])).toEqual(tuple(atom('end_of'), atom('b')))
    await manager().swapHandler(peer, atom('bye'), [peer, 'x'], tuple(atom('again'), atom('c')))
    expect(await manager().handler([peer, 'x']).call.heard()).toEqual([
      tuple(atom('left'), tuple(atom('end_of'), atom('a'))),
    ])
  })

  const refused = (promise: Promise<unknown>) =>
    promise.then(
      () => expect.unreachable(),
      (error) => error,
    )

  test('is told what went wrong', async () => {
    expect(await refused(manager().addHandler(peer, atom('refuse')))).toMatchObject({
      code: 'ERR_REIGN_HANDLER',
      reason: tuple(atom('refused'), atom('politely')),
    })
    expect((await refused(manager().addHandler(peer, atom('crash')))).reason).toMatchObject({
      0: atom('asked_to_fail'),
    })
    expect((await refused(manager().addHandler('nohandler'))).reason).toMatchObject({ 0: atom('undef') })
    expect((await refused(manager().handler(peer).call.heard())).reason).toBe(atom('bad_module'))
    expect((await refused(manager().deleteHandler(peer))).reason).toBe(atom('module_not_found'))
    await manager().addHandler(peer, atom('a'))
    expect((await refused(manager().handler(peer).call.crash())).reason).toMatchObject({ 0: atom('asked_to_fail') })
    expect(await manager().whichHandlers()).toEqual([])
    const nobody = eventManagerAt(node, named('noevents', erlang))
    expect(await refused(nobody.syncNotify('x'))).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
  })

  test('supervises a handler there', async () => {
    using mailbox = node.mailbox<unknown>()
    const mine = eventManagerAt<typeof events>(mailbox, named('events', erlang))
    const exit = async () => handlerExitIn(await within(deadlineMs, mailbox.receive(), 'the end of the handler'))
    await mine.addSupHandler(peer, atom('a'))
    await manager().syncNotify(atom('leave'))
    expect(await exit()).toEqual({ handler: 'gen_event_peer', reason: atom('normal') })
    await mine.addSupHandler([peer, 1], atom('b'))
    await manager().syncNotify(atom('crash'))
    expect(await exit()).toMatchObject({ handler: ['gen_event_peer', 1], reason: { 0: atom('EXIT') } })
    await mine.addSupHandler(peer, atom('c'))
    await manager().stop(atom('shutdown'), { timeout: deadlineMs })
    expect(await exit()).toEqual({ handler: 'gen_event_peer', reason: atom('shutdown') })
    expect(mailbox.length).toBe(0)
  })

  test('stops it, and asks by sys', async () => {
    await manager().addHandler(peer, atom('a'))
    const target = named('events', erlang)
    expect(await sys.getState(node, target)).toEqual([tuple(atom('gen_event_peer'), false, tuple(atom('a'), []))])
    expect(await sys.getStatus(node, target)).toMatchObject({ module: atom('gen_event'), state: 'running' })
    using mailbox = node.mailbox<Down>()
    const ref = mailbox.monitor(target)
    await manager().stop()
    expect((await within(deadlineMs, mailbox.receive({ type: 'DOWN', ref }), 'the end')).reason).toBe(atom('normal'))
  })
})
