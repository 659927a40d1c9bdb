/** A state machine of ours, as Erlang's own `gen_statem` and `sys` see it. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { genStatem, keepState, nextState, postpone, replyTo, startIn, stopMachine } from '../../src/behaviour/index.js'
import { atom } from '../../src/index.js'
import { TestCluster, type TestNode } from '../cluster/cluster-kit.js'
import { type ErlangNode, startErlang } from './erl.js'

const [shop, erlang] = ['shop@127.0.0.1', 'erl@127.0.0.1']

/** Closed, it keeps all questions until it is open. */
const gate = genStatem({
  module: 'gate',
  init: () => startIn('closed', { passed: 0 }),
  states: {
    closed: (event) => (event.type === 'cast' ? nextState('open') : keepState(postpone)),
    open(event, data) {
      if (event.type !== 'call') return undefined
      if (event.content === atom('quit')) return stopMachine(atom('shutdown'), replyTo(event.from, atom('bye')))
      data.passed++
      return keepState(replyTo(event.from, data.passed))
    },
  },
})

let cluster: TestCluster
let node: TestNode
let erl: ErlangNode
beforeAll(async () => {
  cluster = await TestCluster.make()
  node = await cluster.start(shop)
  const [cookie, epmdPort] = ['a-cookie-of-the-tests-alone', cluster.epmd.port]
  erl = await startErlang({ name: erlang, cookie, epmdPort, hidden: true })
  expect(await erl.eval(`net_adm:ping('${shop}')`)).toBe('pong')
})
afterAll(async () => {
  await erl?.stop()
  await cluster?.[Symbol.asyncDispose]()
})
beforeEach(async () => {
  const old = node.whereis('gate')
  if (old !== undefined) await node.server('gate').stop()
  await node.start({ name: 'gate' }, gate)
})

const G = `{gate, '${shop}'}`

test.each([
  ['calls and casts', `ok = gen_statem:cast(${G}, open), [gen_statem:call(${G}, pass) || _ <- [1, 2]]`, '[1,2]'],
  [
    'is answered when the state has changed, where its call was postponed',
    `R = gen_statem:send_request(${G}, pass), timeout = gen_statem:wait_response(R, 50), ok = gen_statem:cast(${G}, open),
     gen_statem:wait_response(R, 5000)`,
    '{reply,1}',
  ],
  [
    'reads the state and the data',
    `ok = gen_statem:cast(${G}, open), 1 = gen_statem:call(${G}, pass), sys:get_state(${G})`,
    '{open,#{passed => 1}}',
  ],
  [
    'sees what comes in and what becomes of it by the name of the state',
    `sys:log(${G}, true), ok = gen_statem:cast(${G}, open), {ok, Log} = sys:log(${G}, get),
     [E || {consume, _, _, _} = E <- Log]`,
    '[{consume,{cast,open},closed,open}]',
  ],
  ['stops it', `{gen_statem:stop(${G}), erpc:call('${shop}', erlang, whereis, [gate])}`, '{ok,undefined}'],
  [
    'sees it end after a last reply',
    `M = monitor(process, ${G}), ok = gen_statem:cast(${G}, open), bye = gen_statem:call(${G}, quit),
     receive {'DOWN', M, process, _, Reason} -> Reason after 60000 -> late end`,
    'shutdown',
  ],
])('an Erlang caller %s', async (_, expression, result) => {
  expect(await erl.eval(expression)).toBe(result)
})
