/** Names and process groups of a reign node and a real Erlang node: what each knows of the other's. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { GroupJoin, GroupLeave } from '../../src/cluster/group-monitors.js'
import type { MultipleClaim } from '../../src/cluster/name-conflicts.js'
import type { Node } from '../../src/cluster/node.js'
import type { Address } from '../../src/term/address.js'
import { atom } from '../../src/term/atom.js'
import { eventually } from '../support/deadline.js'
import type { ErlangNode } from './erl.js'
import { deadlineMs, erlang, Neighbours, shop } from './neighbours.js'

let neighbours: Neighbours
let node: Node
let erl: ErlangNode
beforeAll(async () => {
  neighbours = await Neighbours.make()
  node = await neighbours.startReign('tls')
  erl = await neighbours.startErl('tls')
  await eventually(() => node.nodes().includes(erlang), deadlineMs)
})
afterAll(async () => {
  await node.stop()
  await neighbours[Symbol.asyncDispose]()
})

/** A process of Erlang that lives, as an Erlang expression. */
const lives = 'spawn(fun() -> receive stop -> ok end end)'
const knows = (names: () => readonly unknown[], count: number) =>
  eventually(() => names().length === count, deadlineMs, `${count} to be known`)

test('a scope that Erlang starts later is found, though it does not greet whom it does not see', async () => {
  const { address } = node.mailbox()
  node.names.register('early', address)
  await node.names.sync()
  expect(node.names.view().nodes).toEqual([{ node: erlang, state: 'absent', names: 0 }])
  await erl.eval('{ok, _} = pg:start(reign)')
  await erl.waitFor('length(pg:get_members(reign, <<"early">>)) =:= 1', deadlineMs)
  await eventually(() => node.names.view().nodes[0]?.state === 'synced', deadlineMs)
  node.names.unregister('early')
  await erl.waitFor('pg:which_groups(reign) =:= []', deadlineMs)
})

describe('with the scope on both', () => {
  /** The scope process of Erlang: it must outlive everything that we send. */
  let scope: string
  beforeAll(async () => {
    scope = String(await erl.eval('pid_to_list(whereis(reign))'))
  })
  afterAll(async () => {
    expect(String(await erl.eval('pid_to_list(whereis(reign))'))).toBe(scope)
  })

  test('each knows the claims of the other, and which are local', async () => {
    const mine = node.mailbox<MultipleClaim>()
    node.names.register('shop', mine.address as Address<never>, { multipleClaim: true })
    node.names.register(atom('shop'), mine.address as Address<never>)
    await erl.eval(`
      Member = ${lives},
      ok = pg:join(reign, <<"shop">>, [Member, Member]),
      ok = pg:join(reign, {not_a, name}, Member)`)
    await knows(() => node.names.lookupAll('shop'), 3)
    await erl.waitFor('length(pg:get_members(reign, <<"shop">>)) =:= 3', deadlineMs)
    await erl.waitFor(`[node(P) || P <- pg:get_members(reign, shop)] =:= ['${shop}']`, deadlineMs)
    expect(node.names.lookup('shop')).toBe(mine.address)
    // Who is in twice is one claimant.
    const { claimants } = await mine.receive({ timeout: deadlineMs })
    expect(claimants.map((claimant) => claimant.node)).toEqual([shop, erlang])
    expect(new Set(node.names.seen())).toEqual(new Set(['shop', atom('shop')]))
    mine.close()
    await erl.eval('[exit(P, kill) || P <- pg:get_local_members(reign, <<"shop">>)]')
    await erl.waitFor('pg:which_groups(reign) =:= []', deadlineMs)
    await knows(() => node.names.seen(), 0)
  })

  test('monitors on both sides tell of what the other side does', async () => {
    const watcher = node.mailbox<GroupJoin | GroupLeave>()
    const { ref } = node.groups.scope('reign').monitor(watcher, 'desk')
    const shell = erl.shell()
    await shell.eval('{Ref, []} = pg:monitor(reign, <<"desk">>)')
    const box = node.mailbox()
    node.names.register('desk', box.address)
    await shell.eval('receive {Ref, join, <<"desk">>, [Joined]} -> Joined after 60000 -> exit(late) end')
    await erl.eval(`ok = pg:join(reign, <<"desk">>, ${lives})`)
    box.close()
    await shell.eval('receive {Ref, leave, <<"desk">>, [Joined]} -> ok after 60000 -> exit(late) end')
    await eventually(() => watcher.length === 3, deadlineMs)
    const told = Array.from({ length: 3 }, () => watcher.poll())
    expect(told.map((each) => `${each?.type} ${each?.members[0]?.node}`).sort()).toEqual([
      `join ${erlang}`,
      `join ${shop}`,
      `leave ${shop}`,
    ])
    node.groups.scope('reign').demonitor(ref)
    await erl.eval('[exit(P, kill) || P <- pg:get_local_members(reign, <<"desk">>)]')
    await knows(() => node.names.seen(), 0)
  })

  test('OTP waits for our scope as its own suite does, and may send it anything', async () => {
    expect(await erl.eval(`sys:log({reign, '${shop}'}, get)`)).toBe('{ok,[]}')
    await erl.eval(`
      To = {reign, '${shop}'},
      [To ! Message || Message <- [garbage, {}, {join}, {join, self(), a}, {leave, self(), a, b}, {discover, 7},
        {discover, self(), 2}, {'$gen_cast', {sync, self(), [{a, b}, c, {<<"x">>, [self(), whatever]}]}},
        {'DOWN', make_ref(), process, self(), noproc}, {nodeup, node()}, {system, self(), get_state}]],
      gen_server:cast(To, garbage)`)
    expect(await erl.eval(`gen_server:call({reign, '${shop}'}, garbage)`)).toBe('ok')
    // What the process that sent it claimed is gone with it.
    await knows(() => node.names.seen(), 0)
    expect(node.whereis('reign')).toBeDefined()
  })

  test('a scope process that Erlang kills is followed by another: claims stay, and go on', async () => {
    const [before, box] = [node.whereis('reign'), node.mailbox()]
    node.names.register('stays', box.address)
    await erl.eval(`ok = pg:join(reign, <<"theirs">>, ${lives})`)
    await knows(() => node.names.lookupAll('theirs'), 1)
    await erl.eval(`exit(erpc:call('${shop}', erlang, whereis, [reign]), kill)`)
    await eventually(() => node.whereis('reign') !== before, deadlineMs)
    node.names.register('later', box.address)
    await erl.waitFor('length(pg:get_members(reign, <<"later">>)) =:= 1', deadlineMs)
    await erl.waitFor('length(pg:get_members(reign, <<"stays">>)) =:= 1', deadlineMs)
    await knows(() => node.names.lookupAll('theirs'), 1)
    box.close()
    await erl.waitFor('lists:sort(pg:which_groups(reign)) =:= [<<"theirs">>]', deadlineMs)
    await erl.eval('[exit(P, kill) || P <- pg:get_local_members(reign, <<"theirs">>)]')
    await knows(() => node.names.seen(), 0)
  })

  test('ten thousand names of each are known to the other again after a heal, and those that went meanwhile are not', async () => {
    const count = 10_000
    const [mine, gone] = [node.mailbox(), node.mailbox()]
    for (let n = 0; n < count; n++) node.names.register(`mine ${n}`, (n % 10 === 0 ? gone : mine).address)
    await erl.eval(`
      Member = ${lives},
      [ok = pg:join(reign, <<"theirs ", (integer_to_binary(N))/binary>>, Member) || N <- lists:seq(1, ${count})]`)
    await knows(() => node.names.seen(), 2 * count)
    await erl.waitFor(`length(pg:which_groups(reign)) =:= ${2 * count}`, deadlineMs)
    await erl.eval(`erlang:disconnect_node('${shop}')`)
    gone.close()
    await erl.waitFor(`length(pg:which_groups(reign)) =:= ${count}`, deadlineMs)
    await eventually(() => node.nodes().includes(erlang), deadlineMs)
    await node.names.sync({ timeout: deadlineMs })
    expect(node.names.seen()).toHaveLength(count + (count * 9) / 10)
    expect(await erl.eval('length(pg:which_groups(reign))')).toBe(String(count + (count * 9) / 10))
    mine.close()
    await erl.eval('[exit(P, kill) || P <- pg:get_local_members(reign, <<"theirs 1">>)]')
    await knows(() => node.names.seen(), 0)
    await erl.waitFor('pg:which_groups(reign) =:= []', deadlineMs)
  })

  test('process groups proper, in the scope that OTP means', async () => {
    await erl.eval('{ok, _} = pg:start(pg)')
    const box = node.mailbox()
    node.groups.join(atom('room'), [box.address, box.address])
    await erl.eval(`ok = pg:join(room, ${lives})`)
    await erl.waitFor('length(pg:get_members(room)) =:= 3 andalso length(pg:get_local_members(room)) =:= 1', deadlineMs)
    await knows(() => node.groups.members(atom('room')), 3)
    await erl.eval('gen_server:stop(pg)')
    await knows(() => node.groups.members(atom('room')), 2)
  })
})
