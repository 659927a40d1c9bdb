/**
 * Supervisors across nodes. The same Erlang questions go to a supervisor that is Erlang's own and to one that is ours, and get the same
 * answers; and ours go to Erlang's.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { child, dynamicSupervisor, startable, supervisor, supervisorAt } from '../../src/behaviour/index.js'
import { atom, ExitError, named } from '../../src/index.js'
import type { TestNode } from '../cluster/cluster-kit.js'
import type { ErlangNode } from './erl.js'
import { type OtpPeer, otpPeer } from './otp-peer.js'

const [shop, erlang] = ['shop@127.0.0.1', 'erl@127.0.0.1']

/** What `child` of supervisor_peer.erl is, here: of the argument depends whether it starts. */
const worker = startable(async function child(self, starting, what: symbol) {
  if (what === atom('none')) starting.ignore()
  if (what !== atom('run')) throw new ExitError(what)
  starting.ack()
  await self.receive((message) => message === atom('stop'))
})

const args: [symbol] = [atom('run')]
const top = supervisor(() => ({
  intensity: { restarts: 5, within: 5_000 },
  children: [
    child({ id: 'a', start: worker, args, restart: 'transient', shutdown: 'brutal_kill' }),
    child({ id: 'b', start: worker, args }),
    child({ id: 'c', start: worker, args, restart: 'temporary' }),
  ],
}))
const pool = dynamicSupervisor({ start: worker, restart: 'temporary' })

let peer: OtpPeer
let node: TestNode
let erl: ErlangNode
beforeAll(async () => {
  peer = await otpPeer('supervisor_peer', { reign: shop, erlang })
  ;({ node, erl } = peer)
})
afterAll(() => peer?.[Symbol.asyncDispose]())

/** Both supervisors anew, as other questions may have left them otherwise. */
async function startAnew(home: 'erlang' | 'reign'): Promise<void> {
  if (home === 'erlang') {
    await erl.eval('[gen_server:stop(S) || S <- [top, pool], whereis(S) =/= undefined], supervisor_peer:start()')
    return
  }
  for (const name of ['top', 'pool']) if (node.whereis(name)) await supervisorAt(node, name).stop()
  await node.start({ name: 'top' }, top)
  await node.start({ name: 'pool' }, pool)
}

describe.each(['erlang', 'reign'] as const)('an Erlang caller, and a supervisor of %s', (home) => {
  const where = home === 'erlang' ? erlang : shop
  const T = `{top, '${where}'}`
  const P = `{pool, '${where}'}`
  beforeEach(() => startAnew(home))

  test.each([
    [
      'lists the children',
      `[{I, is_pid(C), T, M} || {I, C, T, M} <- supervisor:which_children(${T})]`,
      '[{<<"c">>,true,worker,[child]},{<<"b">>,true,worker,[child]},{<<"a">>,true,worker,[child]}]',
    ],
    ['counts the children', `supervisor:count_children(${T})`, '[{specs,3},{active,3},{supervisors,0},{workers,3}]'],
    [
      'ends a child, which stays known',
      `R = supervisor:terminate_child(${T}, <<"b">>), {R, lists:keyfind(<<"b">>, 1, supervisor:which_children(${T}))}`,
      '{ok,{<<"b">>,undefined,worker,[child]}}',
    ],
    [
      'ends a temporary child, which is forgotten',
      `R = supervisor:terminate_child(${T}, <<"c">>), {R, [I || {I, _, _, _} <- supervisor:which_children(${T})]}`,
      '{ok,[<<"b">>,<<"a">>]}',
    ],
    [
      'starts a child again',
      `ok = supervisor:terminate_child(${T}, <<"b">>), {ok, C} = supervisor:restart_child(${T}, <<"b">>), is_pid(C)`,
      'true',
    ],
    ['cannot start again what runs', `supervisor:restart_child(${T}, <<"b">>)`, '{error,running}'],
    ['cannot delete what runs', `supervisor:delete_child(${T}, <<"b">>)`, '{error,running}'],
    [
      'deletes a child',
      `ok = supervisor:terminate_child(${T}, <<"b">>), {supervisor:delete_child(${T}, <<"b">>), length(supervisor:which_children(${T}))}`,
      '{ok,2}',
    ],
    [
      'finds no other child',
      `[supervisor:F(${T}, <<"nobody">>) || F <- [terminate_child, restart_child, delete_child, get_childspec]]`,
      '[{error,not_found},{error,not_found},{error,not_found},{error,not_found}]',
    ],
    [
      'reads a specification',
      `{ok, S} = supervisor:get_childspec(${T}, <<"a">>), maps:with([id, restart, shutdown, type, significant], S)`,
      '#{id => <<"a">>,restart => transient,shutdown => brutal_kill,significant => false,type => worker}',
    ],
    [
      'sees a child that crashed started again',
      `Who = fun() -> element(2, lists:keyfind(<<"a">>, 1, supervisor:which_children(${T}))) end, C = Who(), exit(C, kill),
       Wait = fun Again(0) -> late; Again(N) -> case Who() of D when is_pid(D), D =/= C -> again; _ -> timer:sleep(10), Again(N - 1) end end,
       Wait(1000)`,
      'again',
    ],
    [
      'stops it',
      `{gen_server:stop(${T}), catch supervisor:which_children(${T})}`,
      `{ok,{'EXIT',{noproc,{gen_server,call,[${T.replace(' ', '')},which_children,infinity]}}}}`,
    ],
    [
      'starts children of a pool',
      `{ok, C} = supervisor:start_child(${P}, [run]), {is_pid(C), supervisor:count_children(${P})}`,
      '{true,[{specs,1},{active,1},{supervisors,0},{workers,1}]}',
    ],
    [
      'lists children of a pool',
      `{ok, C} = supervisor:start_child(${P}, [run]), [{undefined, C, worker, [child]}] =:= supervisor:which_children(${P})`,
      'true',
    ],
    ['is told why a child of a pool does not start', `supervisor:start_child(${P}, [because])`, '{error,because}'],
    [
      'is told that a child of a pool had better not be there',
      `supervisor:start_child(${P}, [none])`,
      '{ok,undefined}',
    ],
    [
      'ends a child of a pool',
      `{ok, C} = supervisor:start_child(${P}, [run]), [supervisor:terminate_child(${P}, C), supervisor:which_children(${P})]`,
      '[ok,[]]',
    ],
    [
      'cannot use ids with a pool',
      `[supervisor:F(${P}, a) || F <- [terminate_child, restart_child, delete_child]]`,
      '[{error,simple_one_for_one},{error,simple_one_for_one},{error,simple_one_for_one}]',
    ],
  ])('%s', async (_, expression, result) => {
    expect(await erl.eval(expression)).toBe(result)
  })
})

describe('a caller of ours, and a supervisor of Erlang’s', () => {
  const theirs = () => supervisorAt(node, named('top', erlang))
  beforeEach(() => startAnew('erlang'))

  test('lists, counts, ends, starts again and deletes children', async () => {
    expect(await theirs().countChildren()).toEqual({ specs: 3, active: 3, supervisors: 0, workers: 3 })
    await theirs().terminateChild('b')
    expect((await theirs().whichChildren()).map(({ id, child }) => [id, child === undefined])).toEqual([
      ['c', false],
      ['b', true],
      ['a', false],
    ])
    expect((await theirs().restartChild('b'))?.node).toBe(erlang)
    await expect(theirs().deleteChild('b')).rejects.toMatchObject({ code: 'ERR_REIGN_CHILD', cause: atom('running') })
    await theirs().terminateChild('b')
    await theirs().deleteChild('b')
    expect(await theirs().childSpec('a')).toMatchObject({ id: 'a', restart: atom('transient') })
    await theirs().stop()
    await expect(theirs().whichChildren()).rejects.toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
  })
})

test('an Erlang supervisor can have a child that runs on our node', async () => {
  // The start function of the child asks our node to run what it exposes, and links with it: a port of one child at a time.
  node.expose('shop', { worker: async () => new Promise(() => {}) })
  const spec = `#{id => ours, start => {erlang, apply, [fun() -> {ok, spawn_link('${shop}', shop, worker, [])} end, []]}, restart => permanent}`
  await startAnew('erlang')
  expect(await erl.eval(`{ok, C} = supervisor:start_child(top, ${spec}), node(C)`)).toBe(`'${shop}'`)
  expect(
    await erl.eval(`
      Who = fun() -> element(2, lists:keyfind(ours, 1, supervisor:which_children(top))) end,
      C = Who(), R = monitor(process, C), exit(C, kill),
      receive {'DOWN', R, _, _, killed} -> ok end,
      %% The news for the supervisor may come after ours.
      (fun Again() -> case Who() of D when is_pid(D), D =/= C -> node(D); _ -> timer:sleep(10), Again() end end)()`),
  ).toBe(`'${shop}'`)
})
