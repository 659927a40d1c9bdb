/** Servers under names of `global`, started here and by Erlang, and called by these names from both sides. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventHandler, eventManagerAt, genEvent, genServer, supervisor, sys } from '../../src/behaviour/index.js'
import { Node } from '../../src/cluster/node.js'
import { atom, tuple, via } from '../../src/index.js'
import { silent } from '../../src/logger.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'
import { type Epmd, startEpmd } from './epmd.js'
import { type ErlangNode, startErlang } from './erl.js'

const cookie = 'a-cookie-of-the-tests-alone'
const [here, there] = ['here@127.0.0.1', 'there@127.0.0.1']

const counter = genServer({
  module: 'counter',
  init: (value: number) => ({ value }),
  calls: { add: (state, by: number) => (state.value += by), value: (state) => state.value },
  casts: {
    reset: (state) => {
      state.value = 0
    },
  },
})

let epmd: Epmd
let node: Node
let erl: ErlangNode
beforeAll(async () => {
  epmd = await startEpmd()
  const cluster = { nodes: { [here]: {} }, cookie, tls: false, epmd: { port: epmd.port, embedded: false } }
  node = await Node.start(here, { cluster, visible: true, logger: silent })
  const source = await readFile(new URL('./gen_server_peer.erl', import.meta.url), 'utf8')
  erl = await startErlang({ name: there, cookie, epmdPort: epmd.port, code: { gen_server_peer: source } })
  expect(await node.connect(there)).toBe(true)
  await eventually(() => node.global?.nodes().includes(there) === true, deadlineMs)
  await erl.waitFor(`lists:member('${here}', gen_server:call(global_name_server, get_known))`, deadlineMs)
})
afterAll(async () => {
  await erl?.stop()
  await node?.stop()
  await epmd?.stop()
})

const failure = (promise: Promise<unknown>) =>
  promise.then(
    (value) => expect.unreachable(`it gave ${String(value)}`),
    (thrown) => thrown,
  )

test('Erlang calls, casts, looks into and stops a server that was started here under a global name', async () => {
  const { address } = await within(
    deadlineMs,
    node.start({ name: via(node.global, atom('ours')) }, counter, 10),
    'the start',
  )
  await erl.waitFor('is_pid(global:whereis_name(ours))', deadlineMs)
  expect(await erl.eval('gen_server:call({global, ours}, {add, 3})')).toBe('13')
  expect(
    await erl.eval('ok = gen_server:cast({global, ours}, reset), gen_server:call({via, global, ours}, value)'),
  ).toBe('0')
  expect(await erl.eval('sys:get_state({global, ours})')).toBe('#{value => 0}')
  // Here it is started by nobody else under that name, nor there.
  const taken = await failure(node.start({ name: via(node.global, atom('ours')) }, counter, 1))
  expect(taken).toMatchObject({ code: 'ERR_REIGN_START', reason: tuple(atom('already_started'), address) })
  expect(
    await erl.eval(
      `{error, {already_started, Pid}} = gen_server:start({global, ours}, gen_server_peer, 1, []), node(Pid)`,
    ),
  ).toBe(`'${here}'`)
  expect(await erl.eval('gen_server:stop({global, ours})')).toBe('ok')
  await erl.waitFor('global:whereis_name(ours) =:= undefined', deadlineMs)
  expect(await failure(node.call(via(node.global, atom('ours')), atom('value')))).toMatchObject({
    reason: atom('noproc'),
  })
})

test('a server that Erlang has started under a global name is called, cast, looked into and stopped from here', async () => {
  await erl.eval('{ok, _} = gen_server:start({global, theirs}, gen_server_peer, 10, []), ok')
  const name = via(node.global, atom('theirs'))
  await eventually(() => name.whereis() !== undefined, deadlineMs)
  const server = node.server<typeof counter>(name)
  expect(await server.call.add(3)).toBe(13)
  server.cast.reset()
  expect(await server.call.value()).toBe(0)
  expect(await sys.getState(node, name)).toMatchObject([0, []])
  const taken = await failure(node.start({ name }, counter, 1))
  expect(taken.reason).toEqual(tuple(atom('already_started'), name.whereis()))
  await server.stop(atom('normal'), { timeout: deadlineMs })
  await eventually(() => name.whereis() === undefined, deadlineMs)
})

test('a supervised child has its global name again when it is started again; an event manager has one too', async () => {
  const heard = eventHandler({
    module: 'heard',
    init: () => [] as unknown[],
    handleEvent: (state, event: unknown) => void state.push(event),
    calls: { all: (state) => state },
  })
  const events = genEvent<unknown>({ handlers: [heard] })
  const top = await node.start(
    supervisor({
      // The name may be refused while Erlang's nodes have not heard of the end of who had it: each try is a restart.
      intensity: { restarts: 1_000, within: 5_000 },
      children: [
        { id: 'counter', name: via(node.global, atom('child')), start: counter, args: [1] },
        { id: 'events', name: via(node.global, atom('events')), start: events },
      ],
    }),
  )
  await erl.waitFor('is_pid(global:whereis_name(child)) andalso is_pid(global:whereis_name(events))', deadlineMs)
  await erl.eval('exit(global:whereis_name(child), kill)')
  const value = `try gen_server:call({global, child}, value) =:= 1 catch exit:_ -> false end`
  await erl.waitFor(value, deadlineMs)
  const told = 'ok = gen_event:add_handler({global, events}, heard, []), ok = gen_event:notify({global, events}, e)'
  expect(await erl.eval(`${told}, gen_event:call({global, events}, heard, all)`)).toBe('[e]')
  const manager = eventManagerAt<typeof events>(node, via(node.global, atom('events')))
  expect(await manager.handler(heard).call.all()).toEqual([atom('e')])
  await top.stop()
  await erl.waitFor('global:whereis_name(child) =:= undefined', deadlineMs)
})
