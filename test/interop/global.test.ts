/**
 * A visible node among Erlang's: what OTP's `global` expects of it, with names, locks, nodes that come and go, and partitions. Erlang's
 * nodes must neither hang nor complain.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { comparePids } from '../../src/cluster/global/terms.js'
import { Node, type StartOptions } from '../../src/cluster/node.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { atom } from '../../src/term/atom.js'
import { tuple } from '../../src/term/tuple.js'
import { KeptLog, sees } from '../cluster/cluster-kit.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'
import { type Epmd, startEpmd } from './epmd.js'
import { type ErlangNode, startErlang } from './erl.js'

const cookie = 'a-cookie-of-the-tests-alone'
const [a, m, x, y, z] = ['a', 'm', 'x', 'y', 'z'].map((alive) => `${alive}@127.0.0.1`) as [
  string,
  string,
  string,
  string,
  string,
]

let epmd: Epmd
beforeAll(async () => {
  epmd = await startEpmd()
})
afterAll(() => epmd.stop())

const running: { stop(): Promise<unknown> }[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => within(deadlineMs, each.stop(), 'the nodes to stop')))
})

type LoggedNode = Node & { readonly log: KeptLog }

async function reign(name: string, options: Partial<StartOptions> = {}): Promise<LoggedNode> {
  const log = new KeptLog()
  const cluster = { nodes: { [name]: {} }, cookie, tls: false, epmd: { port: epmd.port, embedded: false } }
  const node = await Node.start(name, { cluster, visible: true, logger: log, ...options })
  running.push(node)
  return Object.assign(node, { log })
}

/** An Erlang node that keeps what is logged at `warning` and above. */
async function erl(name: string, ...args: string[]): Promise<ErlangNode> {
  const node = await startErlang({ name, cookie, epmdPort: epmd.port, args })
  await node.load(
    'kept_log',
    `log(#{level := Level, msg := Msg}, _) -> ets:insert(kept_log, {erlang:unique_integer([monotonic]), Level, Msg}).
     start() ->
       Self = self(),
       spawn(fun() -> ets:new(kept_log, [named_table, public, ordered_set]), Self ! ok, receive stop -> ok end end),
       receive ok -> ok end,
       logger:add_handler(kept_log, kept_log, #{level => warning}).
     lines() -> [io_lib:format("~p", [M]) || {_, _, M} <- ets:tab2list(kept_log)].`,
  )
  await node.eval('kept_log:start()')
  running.push({ stop: () => node.kill() })
  return node
}

const complaints = async (node: ErlangNode) =>
  (await node.eval('length(kept_log:lines())')).concat(
    await node.eval('lists:flatten(lists:join("; ", kept_log:lines()))'),
  )
const quiet = '0[]'

/** Each of these of Erlang has done with the loss of a node: its own, and what the others of them have told it of theirs. */
async function doneWith(name: string, ...of: ErlangNode[]): Promise<void> {
  for (const each of of) {
    await each.waitFor(`not lists:member('${name}', nodes())`, deadlineMs)
    // OTP keeps what it knows of a node in a map of the server's state, by its name and by tuples of its name.
    await each.waitFor(
      `[K || M <- tuple_to_list(sys:get_state(global_name_server)), is_map(M), K <- maps:keys(M),
             K =:= '${name}' orelse is_tuple(K) andalso lists:member('${name}', tuple_to_list(K))] =:= []`,
      deadlineMs,
    )
  }
  // Now each has sent its news. An answer comes after them, and the news are behind what has come before the next answer at home.
  for (const each of of) {
    for (const other of of) {
      await each.waitFor(`is_list(gen_server:call({global_name_server, '${other.name}'}, get_known))`, deadlineMs)
    }
    await each.waitFor('is_list(gen_server:call(global_name_server, get_known))', deadlineMs)
  }
}

/**
 * Waits until all are of one mind about who is connected with whom; gives the islands that they see, each sorted.
 *
 * Where two lose each other, several ends are right. As a rule everybody parts with both. But who is parted with by all before it has noticed
 * anything has nobody left to tell, and then the other of the two stays with the rest.
 */
async function islandsOf(...nodes: (LoggedNode | ErlangNode)[]): Promise<string[]> {
  const look = async () =>
    new Map(await Promise.all(nodes.map(async (node) => [node.name, await viewOf(node)] as const)))
  const islands = await eventually(
    async () => {
      const seen = await look()
      const isWhole = [...seen.values()].every((island) => island.split(' ').every((name) => seen.get(name) === island))
      if (!isWhole) throw new Error(JSON.stringify([...seen]))
      return seen
    },
    deadlineMs,
    'all to see the same islands',
  )
  // News that are under way would change them: all that a node has told of it has parted with before.
  expect(await look()).toEqual(islands)
  return [...new Set(islands.values())].sort()
}

/** A node with all that it is connected with, sorted; what global knows is added where it differs, and is read after all that came before. */
async function viewOf(node: LoggedNode | ErlangNode): Promise<string> {
  const view = (others: readonly string[]) => [node.name, ...others].sort().join(' ')
  if (!('eval' in node)) return [...new Set([view(node.nodes('visible')), view(node.global?.nodes() ?? [])])].join(', ')
  const names = (text: string) => view([...text.matchAll(/'(.+?)'/g)].map(([, name]) => String(name)))
  const connected = names(await node.eval('nodes()'))
  const known = names(await node.eval('gen_server:call(global_name_server, get_known)'))
  return [...new Set([connected, known])].join(', ')
}

/** Both see the other as a full member of their cluster. */
async function met(node: LoggedNode, ...others: ErlangNode[]): Promise<void> {
  const names = others.map(({ name }) => name)
  await sees(node, ...names)
  await eventually(() => names.every((name) => node.global?.nodes().includes(name) === true), deadlineMs)
  for (const other of others) {
    for (const name of [node.name, ...names]) {
      if (name !== other.name) await other.waitFor(`lists:member('${name}', nodes())`, deadlineMs)
    }
    await other.waitFor(`lists:member('${node.name}', gen_server:call(global_name_server, get_known))`, deadlineMs)
  }
}

const sleeper = (node: Node) => node.spawn((self: Process) => self.receive())

describe('nodes', () => {
  test('a visible one is among nodes(), a hidden one is not, and global:sync waits for neither', async () => {
    const one = await erl(x)
    const visible = await reign(m)
    const hidden = await reign(a, { visible: false })
    expect(await visible.connect(x)).toBe(true)
    expect(await hidden.connect(x)).toBe(true)
    await met(visible, one)
    expect(await one.eval('nodes()')).toBe(`['${m}']`)
    expect(await one.eval('nodes(hidden)')).toBe(`['${a}']`)
    expect([visible.nodes('visible'), hidden.nodes('visible')]).toEqual([[x], []])
    expect([visible.nodes('hidden'), hidden.nodes('hidden')]).toEqual([[], [x]])
    expect(await one.eval('global:sync()')).toBe('ok')
    expect(await complaints(one)).toBe(quiet)
    expect(visible.log.at('warn', 'error').filter(({ message }) => !/tls is false/.test(message))).toEqual([])
  })

  test('who meets one meets all: those of Erlang dial it, and it dials those of Erlang', async () => {
    const one = await erl(x)
    const two = await erl(y)
    const three = await erl(z)
    const node = await reign(m)
    const other = await reign(a)
    // Two parts: one of Erlang alone, one of both.
    expect(await one.eval(`net_adm:ping('${y}')`)).toBe('pong')
    expect(await node.connect(z)).toBe(true)
    expect(await node.connect(a)).toBe(true)
    await met(node, three)
    expect(await two.eval(`net_adm:ping('${a}')`)).toBe('pong')
    await met(node, one, two, three)
    await met(other, one, two, three)
    for (const each of [one, two, three]) {
      expect(await each.eval('length(nodes())')).toBe('4')
      expect(await each.eval('global:sync()')).toBe('ok')
      expect(await complaints(each)).toBe(quiet)
    }
    expect(node.nodes('visible').sort()).toEqual([a, x, y, z])
  })

  test('one that stops, or is stopped and started anew, leaves nothing behind', async () => {
    const one = await erl(x)
    const two = await erl(y)
    for (let run = 0; run < 3; run++) {
      const node = await reign(m)
      expect(await node.connect(x)).toBe(true)
      expect(await node.connect(y)).toBe(true)
      await met(node, one, two)
      expect(await node.global?.register(`run ${run}`, sleeper(node))).toBe(true)
      await node.stop()
      await doneWith(m, one, two)
      for (const each of [one, two]) expect(await each.eval('global:registered_names()')).toBe('[]')
    }
    expect(await one.eval('nodes()')).toBe(`['${y}']`)
    expect(await two.eval('nodes()')).toBe(`['${x}']`)
    // Who hears from the other that it is gone before it sees that itself parts with it, and says so: of nodes of Erlang too.
    for (const each of [one, two]) {
      const said = await each.eval(
        `[M || {_, _, M} <- ets:tab2list(kept_log), case M of {_, [_, "requested disconnect from", '${m}']} -> false; _ -> true end]`,
      )
      expect(said).toBe('[]')
    }
  })
})

describe('locks', () => {
  test('global:trans and global:set_lock include it, and end with who holds them', async () => {
    const one = await erl(x)
    const node = await reign(m)
    await node.connect(x)
    await met(node, one)
    expect(await one.eval('global:trans({lock, self()}, fun() -> done end)')).toBe('done')
    // Held by one, refused to another, free when the first has ended.
    const shell = one.shell()
    expect(
      await shell.eval(`P = spawn(fun() -> true = global:set_lock({lock, self()}), receive stop -> ok end end), ok`),
    ).toBe('ok')
    await shell.eval(
      '(fun F() -> case global:set_lock({lock, me}, [node() | nodes()], 0) of false -> ok; true -> global:del_lock({lock, me}), timer:sleep(5), F() end end)()',
    )
    expect(await shell.eval(`global:set_lock({lock, me}, ['${m}'], 0)`)).toBe('false')
    await shell.eval('P ! stop')
    expect(await shell.eval(`global:set_lock({lock, me}, ['${m}'], 5)`)).toBe('true')
    expect(await shell.eval(`global:del_lock({lock, me}, ['${m}'])`)).toBe('true')
    expect(await complaints(one)).toBe(quiet)
  })

  test('processes are ordered as Erlang orders them, as the name of a common lock is a sorted list of them', async () => {
    await erl(x)
    const node = await reign(m)
    await node.connect(x)
    const pids = [
      [1, 0, 5, 'b@h.x'],
      [2, 0, 5, 'b@h.x'],
      [1, 1, 5, 'b@h.x'],
      [2, 0, 5, 'a@h.x'],
      [1, 1, 4, 'c@h.x'],
      [1, 1, 6, 'c@h.x'],
      [0xfffffff, 0, 1, 'é@h.x'],
      [0xfffffff, 0x1fff, 1, 'Z@h.x'],
      [7, 0, 1, x],
    ] as const
    const addresses = pids.map(([id, serial, creation, of]) => node.addressBook.address(of, id, serial, creation))
    const sorted = (await node.erpc(x).call('lists', 'sort', [addresses])) as Address<never>[]
    expect([...addresses].sort(comparePids).map(String)).toEqual(sorted.map(String))
  })
})

describe('names', () => {
  test('registered on either side are known on both, once, until they end', async () => {
    const one = await erl(x)
    const two = await erl(y)
    const node = await reign(m)
    await one.eval(`net_adm:ping('${y}')`)
    await node.connect(x)
    await met(node, one, two)
    const mine = node.spawn(async (self: Process) => {
      for (;;) {
        const message = (await self.receive()) as Address<unknown>
        message.send(atom('heard'))
      }
    })
    expect(await node.global?.register(atom('mine'), mine)).toBe(true)
    expect(await one.eval('global:whereis_name(mine) =/= undefined')).toBe('true')
    expect(await two.eval('global:send(mine, self()), receive heard -> ok after 60000 -> silent end')).toBe('ok')
    expect(await one.eval('global:register_name(mine, self())')).toBe('no')

    const shell = two.shell()
    await shell.eval('P = spawn(fun() -> receive stop -> ok end end)')
    expect(await shell.eval('global:register_name({"theirs", 1}, P)')).toBe('yes')
    const name = node.global?.registered().find((each) => Array.isArray(each))
    expect(node.global?.whereis(name)?.node).toBe(y)
    expect(await node.global?.register(name, mine)).toBe(false)
    await shell.eval('P ! stop')
    await eventually(() => node.global?.whereis(name) === undefined, deadlineMs)

    expect(await one.eval('global:unregister_name(mine)')).toBe('ok')
    expect(node.global?.registered()).toEqual([])
    expect(await one.eval('global:re_register_name(mine, self()), global:whereis_name(mine) =:= self()')).toBe('true')
    await eventually(() => node.global?.registered().length === 0, deadlineMs)
    for (const each of [one, two]) expect(await complaints(each)).toBe(quiet)
  })

  test('that both sides have when they meet are settled as Erlang settles them', async () => {
    const one = await erl(x)
    const node = await reign(m)
    const other = await reign(z)
    const pids = { m: sleeper(node), z: sleeper(other) }
    using told = other.mailbox<unknown>()
    // Of two the process of the smaller node stays: m of m and x, x of x and z.
    expect(await node.global?.register(atom('m'), pids.m)).toBe(true)
    expect(await other.global?.register(atom('z'), pids.z)).toBe(true)
    expect(await other.global?.register(atom('told'), told.address)).toBe(true)
    const shell = one.shell()
    await shell.eval('Sleep = fun() -> receive stop -> ok end end')
    await shell.eval('[yes, yes] = [global:register_name(N, spawn(Sleep)) || N <- [m, z]]')
    await shell.eval('yes = global:register_name(told, spawn(Sleep), fun global:random_notify_name/3)')
    // Here reign decides, by what it was told.
    await shell.eval('Me = self()')
    await shell.eval(
      'All = spawn(fun() -> receive {global_name_conflict, N, P} -> Me ! {conflict, N, node(P)} end end), yes = global:register_name(all, All)',
    )
    using all = node.mailbox<unknown>()
    expect(await node.global?.register(atom('all'), all.address, { resolve: 'notify_all_name' })).toBe(true)
    await node.connect(x)
    await met(node, one)
    await other.connect(x)
    await met(other, one)
    const conflict = atom('global_name_conflict')
    expect(await told.receive({ timeout: deadlineMs })).toEqual(tuple(conflict, atom('told')))
    expect(await all.receive({ timeout: deadlineMs })).toMatchObject([conflict, atom('all'), { node: x }])
    expect(await shell.eval('receive {conflict, N, Node} -> {N, Node} after 60000 -> nothing end')).toBe(`{all,'${m}'}`)
    const holders = async (name: string) => [
      node.global?.whereis(atom(name))?.node,
      other.global?.whereis(atom(name))?.node,
      await one.eval(`node(global:whereis_name(${name}))`),
    ]
    expect(await holders('m')).toEqual([m, m, `'${m}'`])
    expect(await holders('z')).toEqual([x, x, `'${x}'`])
    expect(await holders('told')).toEqual([x, x, `'${x}'`])
    expect([node.isAlive(pids.m), other.isAlive(pids.z)]).toEqual([true, false])
    expect(await one.eval('global:whereis_name(all)')).toBe('undefined')
    expect(node.global?.whereis(atom('all'))).toBe(undefined)
  })

  test('that nodes of both kinds want at the same time go to one of them each', async () => {
    const erls = [await erl(x), await erl(y)]
    const reigns = [await reign(m), await reign(a)]
    for (const node of reigns) for (const { name } of erls) expect(await node.connect(name)).toBe(true)
    for (const node of reigns) {
      await met(node, ...erls)
      await eventually(() => node.global?.nodes().length === 3, deadlineMs, `${node.name} to know the other three`)
    }
    for (let n = 0; n < 5; n++) {
      const name = `leader${n}`
      const wins = await within(
        30_000,
        Promise.all([
          ...erls.map(
            async (each) =>
              (await each.eval(`global:register_name(${name}, spawn(fun() -> receive stop -> ok end end))`)) === 'yes',
          ),
          ...reigns.map((node) => node.global?.register(atom(name), sleeper(node))),
        ]),
        'the nodes to agree',
      )
      expect(wins.filter((won) => won === true)).toHaveLength(1)
      const known = reigns.map((node) => node.global?.whereis(atom(name))?.node)
      for (const each of erls) known.push((await each.eval(`node(global:whereis_name(${name}))`)).replaceAll("'", ''))
      expect(new Set(known).size).toBe(1)
    }
  })
})

describe('partitions', () => {
  test('between two of Erlang: the visible node parts with them as a node of Erlang would', async () => {
    const one = await erl(x)
    const two = await erl(y)
    const three = await erl(z)
    const node = await reign(m)
    for (const name of [x, y, z]) await node.connect(name)
    await met(node, one, two, three)
    await one.eval('global:sync()')
    // x and y lose each other: everybody parts with both, or with all but one.
    expect(await one.eval(`erlang:disconnect_node('${y}')`)).toBe('true')
    const islands = await islandsOf(one, two, three, node)
    expect([[`${m} ${z}`, x, y].join(), [`${m} ${x} ${z}`, y].join(), [`${m} ${y} ${z}`, x].join()]).toContain(
      islands.join(),
    )
    const parted = node.log.at('warn').filter(({ message }) => /parted/.test(message))
    const others = [x, y].filter((name) => !node.nodes('visible').includes(name))
    expect(parted.map(({ fields }) => fields.peer).sort()).toEqual(others)
    // And together again.
    expect(await node.connect(x)).toBe(true)
    expect(await node.connect(y)).toBe(true)
    await met(node, one, two, three)
    for (const each of [one, two, three]) await each.waitFor('length(nodes()) =:= 3', deadlineMs)
  })

  test('between it and one of Erlang: the third parts with both, or with one if that had nobody left to tell', async () => {
    const one = await erl(x)
    const two = await erl(y)
    const node = await reign(m)
    for (const name of [x, y]) await node.connect(name)
    await met(node, one, two)
    expect(node.disconnect(x)).toBe(true)
    const islands = await islandsOf(one, two, node)
    expect([[m, x, y].join(), [`${m} ${y}`, x].join(), [m, `${x} ${y}`].join()]).toContain(islands.join())
    // No locks are left.
    expect(await two.eval('global:trans({lock, self()}, fun() -> done end)')).toBe('done')
    expect(await node.global?.register('after', sleeper(node))).toBe(true)
    for (const name of [x, y]) expect(await node.connect(name)).toBe(true)
    await met(node, one, two)
    for (const each of [one, two]) expect(await each.eval('global:registered_names()')).toBe('[<<"after">>]')
  })

  test('of a node that is killed: nobody else is parted with', async () => {
    const one = await erl(x)
    const two = await erl(y)
    const node = await reign(m)
    for (const name of [x, y]) await node.connect(name)
    await met(node, one, two)
    two.process.child.kill('SIGKILL')
    await eventually(() => node.nodes('visible').join() === x, deadlineMs, 'the node to stay with x')
    await one.waitFor(`nodes() =:= ['${m}']`, deadlineMs)
    // The news may have come before the end of its connection.
    const parted = node.log.at('warn').filter(({ message }) => /parted/.test(message))
    expect(parted.map(({ fields }) => fields.peer).filter((name) => name !== y)).toEqual([])
    expect(await one.eval('global:sync()')).toBe('ok')
    expect(await node.global?.register('after', sleeper(node))).toBe(true)
  })
})
