/**
 * State machines across nodes. The same Erlang callers, by `gen_statem` and `sys`, meet a machine that is Erlang's own and one that is
 * ours, and see no difference.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import {
  cancelTimeout,
  eventTimeout,
  genStatem,
  insertEvent,
  keepState,
  namedTimeout,
  nextState,
  postpone,
  repeatState,
  replyTo,
  startIn,
  stateTimeout,
  stopMachine,
  updateTimeout,
} from '../../src/behaviour/index.js'
import { atom, tuple } from '../../src/index.js'
import type { TestNode } from '../cluster/cluster-kit.js'
import type { ErlangNode } from './erl.js'
import { type OtpPeer, otpPeer } from './otp-peer.js'

const [shop, erlang] = ['shop@127.0.0.1', 'erl@127.0.0.1']
const term = (tag: string, ...rest: unknown[]) => tuple(atom(tag), ...rest)

/** What gen_statem_peer.erl is, here. */
const gate = genStatem({
  module: 'gate',
  enterCalls: true,
  init: () => startIn('closed', { passed: 0, log: [] as unknown[] }),
  states: {
    closed(event, { log }) {
      if (event.type === 'enter') return void log.push(term('enter', atom(String(event.from)), atom('closed')))
      if (event.type === 'cast' && event.name === 'open') {
        log.push(atom('opened'))
        return nextState('open', insertEvent(atom('one')), insertEvent(atom('two')))
      }
      if (event.type === 'call' && event.name === 'log') return keepState(replyTo(event.from, log))
      if (event.type === 'info') return void log.push(term('info', event.content))
      return keepState(postpone)
    },
    open(event, data) {
      const { log } = data
      switch (event.type) {
        case 'enter':
          return void log.push(term('enter', atom(String(event.from)), atom('open')))
        case 'cast':
          if (event.name === 'close') return nextState('closed')
          if (event.name === 'again') return repeatState()
          if (event.name === 'soon') return keepState(stateTimeout(20, atom('late')))
          if (event.name === 'idle') return keepState(eventTimeout(20, atom('quiet')))
          if (event.name !== 'times') return void log.push(term('cast', event.content))
          return keepState(
            stateTimeout(0, atom('x')),
            namedTimeout(atom('a'), 0, atom('y')),
            namedTimeout(atom('b'), 50_000, atom('z')),
            updateTimeout('named', atom('w'), atom('b')),
            cancelTimeout('named', atom('b')),
            updateTimeout('named', atom('v'), atom('c')),
          )
        case 'call':
          if (event.name === 'pass') return keepState(replyTo(event.from, ++data.passed))
          if (event.name === 'log') return keepState(replyTo(event.from, log))
          if (event.name === 'quit') return stopMachine(atom('shutdown'), replyTo(event.from, atom('bye')))
          if (event.name === 'gone') return this.self.exit(atom('gone'))
          return (event.name === 'nonsense' ? atom('nonsense') : keepState(atom('dance') as never)) as never
        case 'stateTimeout':
          return void log.push(term('state_timeout', event.content))
        case 'eventTimeout':
          return void log.push(term('timeout', event.content))
        case 'timeout':
          return void log.push(term('timeout', event.name, event.content))
        default:
          return void log.push(term(event.type, event.content))
      }
    },
  },
})

let peer: OtpPeer
let node: TestNode
let erl: ErlangNode
beforeAll(async () => {
  peer = await otpPeer('gen_statem_peer', { reign: shop, erlang })
  ;({ node, erl } = peer)
})
afterAll(() => peer?.[Symbol.asyncDispose]())

describe.each(['erlang', 'reign'] as const)('an Erlang caller, and a machine of %s', (home) => {
  const where = home === 'erlang' ? erlang : shop
  const G = `{gate, '${where}'}`
  beforeEach(async () => {
    if (home === 'erlang') await erl.eval('catch gen_statem:stop(gate), gen_statem_peer:start()')
    else {
      const old = node.whereis('gate')
      if (old !== undefined) await node.server('gate').stop()
      await node.start({ name: 'gate' }, gate)
    }
  })
  /** What the machine was told, when it was asked for it behind all that. */
  const log = (acts: string) => `${acts}, gen_statem:call(${G}, log)`
  const open = `ok = gen_statem:cast(${G}, open)`
  const reason = (request: string) => `${open}, try gen_statem:call(${G}, ${request}) catch exit:{Why, _} -> Why end`

  /** Waits until the machine has been told of something: system messages are no events, and take no time-out back. */
  const comes = (what: string) =>
    `(fun Wait() -> {_, #{log := L}} = sys:get_state(${G}), case lists:member(${what}, L) of true -> seen; false -> Wait() end end)()`

  test.each([
    ['calls and casts', `${open}, [gen_statem:call(${G}, pass) || _ <- [1, 2]]`, '[1,2]'],
    ['calls with a bound', `${open}, gen_statem:call(${G}, pass, 5000)`, '1'],
    ['calls with a clean time-out', `catch gen_statem:call(${G}, pass, {clean_timeout, 20}), flushed`, 'flushed'],
    [
      'is answered when the state has changed, where its call was postponed',
      `R = gen_statem:send_request(${G}, pass), timeout = gen_statem:wait_response(R, 50), ${open},
       gen_statem:wait_response(R, 5000)`,
      '{reply,1}',
    ],
    [
      'keeps requests in a collection',
      `C0 = gen_statem:reqids_new(), C1 = gen_statem:send_request(${G}, pass, one, C0),
       C2 = gen_statem:send_request(${G}, pass, two, C1), ${open},
       {R1, L1, C3} = gen_statem:receive_response(C2, 5000, true), {R2, L2, C4} = gen_statem:receive_response(C3, 5000, true),
       [R1, L1, R2, L2, gen_statem:reqids_size(C4)]`,
      '[{reply,1},one,{reply,2},two,0]',
    ],
    [
      'sees inserted events come first, then what was postponed, then what is queued',
      log(`[gen_statem:cast(${G}, C) || C <- [first, second, open, third]]`),
      '[{enter,closed,closed},opened,{enter,closed,open},{internal,one},{internal,two},{cast,first},{cast,second},{cast,third}]',
    ],
    [
      'sees enter calls of each state, and again where the state is repeated',
      log(`${open}, [gen_statem:cast(${G}, C) || C <- [again, close]]`),
      '[{enter,closed,closed},opened,{enter,closed,open},{internal,one},{internal,two},{enter,open,open},{enter,open,closed}]',
    ],
    [
      'sees messages as events',
      log(`${G} ! hello, ${open}, ${G} ! world`),
      '[{enter,closed,closed},{info,hello},opened,{enter,closed,open},{internal,one},{internal,two},{info,world}]',
    ],
    [
      'sees time-outs of no time, updated and taken back, in their order',
      `lists:nthtail(5, begin ${log(`${open}, gen_statem:cast(${G}, times)`)} end)`,
      '[{state_timeout,x},{timeout,a,y},{timeout,c,v}]',
    ],
    [
      'sees the time-out of a state come',
      `${open}, gen_statem:cast(${G}, soon), ${comes('{state_timeout, late}')}`,
      'seen',
    ],
    [
      'sees the time-out of an event come when nothing else does',
      `${open}, gen_statem:cast(${G}, idle), ${comes('{timeout, quiet}')}`,
      'seen',
    ],
    [
      'reads the state',
      `${open}, 1 = gen_statem:call(${G}, pass), {open, #{passed := N}} = sys:get_state(${G}), N`,
      '1',
    ],
    [
      'sees what comes in and what becomes of it by the name of the state',
      `sys:log(${G}, true), ${open}, {ok, Log} = sys:log(${G}, get),
       [lists:member(closed, tuple_to_list(E)) || E <- Log, element(1, E) =:= consume, element(2, E) =:= {cast, open}]`,
      '[true]',
    ],
    [
      'suspends it, and lets it go on',
      `sys:suspend(${G}), ${open}, R = gen_statem:send_request(${G}, pass), timeout = gen_statem:wait_response(R, 50), sys:resume(${G}),
       gen_statem:wait_response(R, 5000)`,
      '{reply,1}',
    ],
    ['stops it', `{gen_statem:stop(${G}), erpc:call('${where}', erlang, whereis, [gate])}`, '{ok,undefined}'],
    [
      'stops it with a reason',
      `M = monitor(process, ${G}), ok = gen_statem:stop(${G}, {shutdown, why}, 5000), receive {'DOWN', M, _, _, R} -> R end`,
      '{shutdown,why}',
    ],
    [
      'sees it end after a last reply',
      `M = monitor(process, ${G}), ${open}, bye = gen_statem:call(${G}, quit), receive {'DOWN', M, _, _, R} -> R end`,
      'shutdown',
    ],
    ['is told why it has ended', reason('gone'), 'gone'],
    [
      'is told of a return that is none',
      `{R, _} = {begin ${reason('nonsense')} end, x}, told(R)`,
      'bad_return_from_state_function',
    ],
    [
      'is told of an action that is none',
      `{R, _} = {begin ${reason('dance')} end, x}, told(R)`,
      'bad_action_from_state_function',
    ],
    [
      'is told that nobody is there',
      `try gen_statem:call({nogate, '${where}'}, x) catch exit:{R, _} -> R end`,
      'noproc',
    ],
  ])('%s', async (_, expression, result) => {
    // As the reasons of OTP come with a stack, or without.
    const told = 'Told = fun({{Said, _}, _}) -> Said; ({Said, _}) -> Said end, '
    expect(await erl.eval(told + expression.replaceAll('told(R)', 'Told(R)'))).toEqual(result)
  })
})
