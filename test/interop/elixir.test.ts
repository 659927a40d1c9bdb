/**
 * Elixir nodes as peers. What Elixir adds to Erlang are names and shapes: modules are atoms that begin with `Elixir.`, texts are
 * binaries, `nil` is an atom, structs are maps, and its GenServer, Supervisor and Task are OTP's under other names.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { child, genServer, stop, supervisor, supervisorAt } from '../../src/behaviour/index.js'
import { atom, CallError, type Down, ExitError, named, type Process, tuple } from '../../src/index.js'
import { deadlineMs, next, sees, TestCluster, type TestNode } from '../cluster/cluster-kit.js'
import { within } from '../support/deadline.js'
import { type ElixirNode, startElixir } from './elixir.js'

const [shop, ex] = ['shop@127.0.0.1', 'ex@127.0.0.1']

/** A gen_server of Elixir's, and a supervisor of two of them. What is below is the same here. */
const peer = `
  defmodule Stock do
    use GenServer
    def start_link({name, items}), do: GenServer.start_link(__MODULE__, items, name: name)
    def init(items), do: {:ok, items}
    def handle_call({:add, by}, _from, items), do: {:reply, items + by, items + by}
    def handle_call(:items, _from, items), do: {:reply, items, items}
    def handle_call({:echo, term}, _from, items), do: {:reply, term, items}
    def handle_call(:fail, _from, _items), do: exit(:as_asked)
    def handle_call({:quit, reason}, _from, items), do: {:stop, reason, :bye, items}
    def handle_cast(:reset, _items), do: {:noreply, 0}
  end
  defmodule Warehouse do
    use Supervisor
    def start_link, do: Supervisor.start_link(__MODULE__, [], name: :warehouse)
    def init(_) do
      Supervisor.init(
        [
          %{id: :one, start: {Stock, :start_link, [{:one, 1}]}},
          %{id: :two, start: {Stock, :start_link, [{:two, 2}]}, restart: :temporary}
        ],
        strategy: :one_for_one
      )
    end
  end`

const stock = genServer({
  init: (items: number) => ({ items }),
  calls: {
    add: (state, by: number) => (state.items += by),
    items: (state) => state.items,
    echo: (_, term: unknown) => term,
    fail: (): number => {
      throw new ExitError(atom('as_asked'))
    },
    quit: (_, reason: unknown) => stop(reason, { reply: atom('bye') }),
  },
  casts: {
    reset: (state) => {
      state.items = 0
    },
  },
})
const warehouse = supervisor(() => ({
  children: [
    child({ id: atom('one'), start: stock, args: [1], name: 'one' }),
    child({ id: atom('two'), start: stock, args: [2], name: 'two', restart: 'temporary' }),
  ],
}))

let cluster: TestCluster
let node: TestNode
let elixir: ElixirNode
beforeAll(async () => {
  cluster = await TestCluster.make()
  node = await cluster.start(shop)
  elixir = await startElixir({ name: ex, cookie: 'a-cookie-of-the-tests-alone', epmdPort: cluster.epmd.port })
  await elixir.elixir(peer)
  // What a server says before it ends is no concern of these tests.
  await elixir.eval('logger:set_primary_config(level, none)')
  expect(await elixir.elixir(`Node.connect(:"${shop}")`)).toBe('true')
})
afterAll(async () => {
  await elixir?.stop()
  await cluster?.[Symbol.asyncDispose]()
})

/** Who traps exits and lives as long as the node owns what is started: an evaluation ends, and its links with it. */
const owned = (code: string) =>
  `parent = self(); spawn(fn -> Process.flag(:trap_exit, true); send(parent, {:started, ${code}}); Process.sleep(:infinity) end); receive do {:started, {:ok, _}} -> :ok end`

describe.each(['elixir', 'reign'] as const)('an Elixir caller, and a server of %s', (home) => {
  const where = home === 'elixir' ? ex : shop
  const S = `{:stock, :"${where}"}`
  beforeEach(async () => {
    if (home === 'reign') {
      if (!node.whereis('stock')) await node.start({ name: 'stock' }, stock, 10)
    } else if ((await elixir.elixir('Process.whereis(:stock)')) === 'nil') {
      await elixir.elixir(owned('Stock.start_link({:stock, 10})'))
    }
    await elixir.elixir(`GenServer.cast(${S}, :reset)`)
  })

  test.each([
    ['calls with arguments', `GenServer.call(${S}, {:add, 3})`, '3'],
    ['calls with none', `GenServer.call(${S}, :items)`, '0'],
    ['casts, and calls after that', `GenServer.cast(${S}, :reset); GenServer.call(${S}, :items)`, '0'],
    [
      'calls many',
      `GenServer.multi_call([:"${where}"], :stock, {:add, 1})`,
      `{[${ex === where ? `"${ex}"` : `"${shop}"`}: 1], []}`,
    ],
    [
      'gets back terms of its own as they were',
      `term = %{name: "né", list: [nil, true, 'chars', 1.5, {:ok, -1}], range: 1..3, day: ~D[2024-02-29], set: MapSet.new([1]), bits: <<1::3>>, big: 2 ** 70};
       GenServer.call(${S}, {:echo, term}) == term`,
      'true',
    ],
    [
      'is told why a server died',
      `try do GenServer.call(${S}, :fail) catch :exit, {reason, {GenServer, :call, _}} -> reason end`,
      ':as_asked',
    ],
    [
      'is told why it stopped, after the answer',
      `ref = Process.monitor(${S}); :bye = GenServer.call(${S}, {:quit, {:shutdown, :early}});
       receive do {:DOWN, ^ref, :process, who, reason} -> {who == ${S}, reason} after ${deadlineMs} -> :late end`,
      '{true, {:shutdown, :early}}',
    ],
    [
      'is told that there is no server',
      `try do GenServer.call({:nostock, :"${where}"}, :items) catch :exit, {reason, _} -> reason end`,
      ':noproc',
    ],
    [
      'stops it',
      `GenServer.stop(${S}); Process.monitor(${S}); receive do m -> elem(m, 4) after ${deadlineMs} -> :late end`,
      ':noproc',
    ],
    [
      'monitors it, by pid and by name, and undoes that',
      `pid = :erpc.call(:"${where}", :erlang, :whereis, [:stock]);
       one = Process.monitor(pid); two = Process.monitor(${S});
       [Process.demonitor(one, [:flush]), Process.demonitor(two, [:flush]), GenServer.call(pid, :items)]`,
      '[true, true, 0]',
    ],
    ['looks into its state', `:sys.get_state(${S}) |> then(&(&1 in [0, %{items: 0}]))`, 'true'],
    [
      'asks from a task, and awaits',
      `1..20 |> Task.async_stream(fn _ -> GenServer.call(${S}, {:add, 1}) end) |> Enum.map(&elem(&1, 1)) |> Enum.sort() == Enum.to_list(1..20)`,
      'true',
    ],
  ])('%s', async (_, code, value) => {
    expect(await elixir.elixir(code)).toBe(value)
  })
})

describe('an Elixir caller, and functions of reign', () => {
  beforeAll(() => {
    node.expose('pricing', {
      quote: (cents: number) => tuple(atom('ok'), cents * 2),
      fails: () => {
        throw new RangeError('no price')
      },
      throws: () => {
        throw atom('up')
      },
      async *ticks(to: number) {
        for (let n = 1; n <= to; n++) yield n
      },
    })
  })
  const call = (name: string, args: string) => `:erpc.call(:"${shop}", :pricing, :${name}, ${args})`
  /** What docs/remote-calls.md tells of, as a stream of Elixir's. */
  const stream = `
    ticks = fn to ->
      Stream.resource(
        fn ->
          ref = make_ref()
          {pid, monitor} = Node.spawn_monitor(:"${shop}", :erpc, :execute_stream, [{self(), ref}, 4, :pricing, :ticks, [to]])
          {ref, pid, monitor}
        end,
        fn {ref, pid, monitor} = source ->
          receive do
            {^ref, {:next, value}} -> send(pid, {ref, {:more, 1}}); {[value], source}
            {:DOWN, ^monitor, :process, ^pid, {^ref, :return, _}} -> {:halt, source}
          end
        end,
        fn {ref, pid, monitor} -> Process.demonitor(monitor, [:flush]); send(pid, {ref, :cancel}) end
      )
    end;`

  test.each([
    ['calls by :erpc', call('quote', '[21]'), '{:ok, 42}'],
    ['calls by :rpc', `:rpc.call(:"${shop}", :pricing, :quote, [21])`, '{:ok, 42}'],
    ['calls several nodes', `:erpc.multicall([:"${shop}"], :pricing, :quote, [21])`, '[ok: {:ok, 42}]'],
    [
      'rescues an error',
      `try do ${call('fails', '[]')} rescue e in ErlangError -> elem(e.original, 1) end`,
      '{:RangeError, "no price"}',
    ],
    ['catches what is thrown', `try do ${call('throws', '[]')} catch :throw, value -> value end`, ':up'],
    ['gets a list of what a function yields', `${call('ticks', '[3]')} == [1, 2, 3]`, 'true'],
    ['reads it as a stream, to its end', `${stream} ticks.(5) |> Enum.sum()`, '15'],
    [
      'reads as much as it wants of a stream',
      `${stream} ticks.(1_000_000) |> Stream.map(& &1 * 2) |> Enum.take(3) == [2, 4, 6]`,
      'true',
    ],
  ])('%s', async (_, code, value) => {
    expect(await elixir.elixir(code)).toBe(value)
  })
})

describe.each(['elixir', 'reign'] as const)('an Elixir caller, and a supervisor of %s', (home) => {
  const where = home === 'elixir' ? ex : shop
  const S = `{:warehouse, :"${where}"}`
  beforeEach(async () => {
    if (home === 'reign') {
      if (node.whereis('warehouse')) await supervisorAt(node, 'warehouse').stop()
      await node.start({ name: 'warehouse' }, warehouse)
    } else {
      await elixir.elixir(`Process.whereis(:warehouse) && Supervisor.stop(:warehouse)`)
      await elixir.elixir(owned('Warehouse.start_link()'))
    }
  })

  test.each([
    [
      'lists the children',
      `for {id, pid, type, _} <- Supervisor.which_children(${S}), do: {id, is_pid(pid), type}`,
      '[{:two, true, :worker}, {:one, true, :worker}]',
    ],
    ['counts the children', `Supervisor.count_children(${S})`, '%{active: 2, specs: 2, supervisors: 0, workers: 2}'],
    [
      'ends a child, starts it again, ends and deletes it',
      `:ok = Supervisor.terminate_child(${S}, :one); {:ok, pid} = Supervisor.restart_child(${S}, :one);
       running = Supervisor.delete_child(${S}, :one); :ok = Supervisor.terminate_child(${S}, :one);
       {is_pid(pid), running, Supervisor.delete_child(${S}, :one), Supervisor.restart_child(${S}, :one)}`,
      '{true, {:error, :running}, :ok, {:error, :not_found}}',
    ],
    [
      'sees a child that died come back, and a temporary one not',
      `[one, two] = for n <- [:one, :two], do: :erpc.call(:"${where}", :erlang, :whereis, [n]);
       refs = for pid <- [one, two], do: Process.monitor(pid);
       for pid <- [one, two], do: Process.exit(pid, :kill);
       for ref <- refs, do: (receive do {:DOWN, ^ref, _, _, :killed} -> :ok after ${deadlineMs} -> exit(:late) end);
       again = fn again -> case Supervisor.which_children(${S}) do
           [{:one, pid, :worker, _}] when is_pid(pid) and pid != one -> :ok
           _ -> Process.sleep(5); again.(again) # Its news of the two may come after ours.
         end end;
       again.(again)`,
      ':ok',
    ],
  ])('%s', async (_, code, value) => {
    expect(await elixir.elixir(code)).toBe(value)
  })
})

describe('ours, and what is Elixir’s', () => {
  interface Stock {
    calls: { add: (by: number) => number; items: () => number; fail: () => number }
    casts: { reset: () => void }
  }

  test('a server is called and cast to by its protocol, and says why it died', async () => {
    await elixir.elixir(owned('Stock.start_link({:ours, 5})'))
    const server = node.server<Stock>(named('ours', ex))
    expect(await server.call.add(2)).toBe(7)
    server.cast.reset()
    expect(await server.call.items()).toBe(0)
    const died = await server.call.fail().catch((error: unknown) => error)
    expect(died).toBeInstanceOf(CallError)
    expect((died as CallError).reason).toBe(atom('as_asked'))
  })

  test('a supervisor answers, and a child of it is monitored', async () => {
    await elixir.elixir('Process.whereis(:warehouse) && Supervisor.stop(:warehouse)')
    await elixir.elixir(owned('Warehouse.start_link()'))
    const handle = supervisorAt(node, named('warehouse', ex))
    const children = await handle.whichChildren()
    expect(children.map(({ id }) => id)).toEqual([atom('two'), atom('one')])
    using mailbox = node.mailbox<Down>()
    const ref = mailbox.monitor(named('two', ex))
    await handle.terminateChild(atom('two'))
    expect((await next(mailbox)).reason).toBe(atom('shutdown'))
    expect(ref).toBeDefined()
  })

  test('an agent is asked by module, function and arguments', async () => {
    await elixir.elixir(owned('Agent.start_link(fn -> 3 end, name: :agent)'))
    const times = tuple(atom('update'), tuple(atom('Elixir.Kernel'), atom('*'), [14]))
    expect(await node.call(named('agent', ex), times)).toBe(atom('ok'))
    const [value] = [
      await node.call(named('agent', ex), tuple(atom('get'), tuple(atom('Elixir.Kernel'), atom('+'), [0]))),
    ]
    expect(value).toBe(42)
  })

  test('a function of Elixir’s is called, with texts both ways', async () => {
    expect(await node.erpc(ex).call('Elixir.String', 'upcase', ['straße'])).toBe('STRASSE')
    const missing = await node
      .erpc(ex)
      .call('Elixir.Nowhere', 'f', [])
      .catch((error: Error) => error.message)
    expect(missing).toMatch(/undef/)
  })

  test('it is among the nodes, and links and exits cross', async () => {
    const ours = node.spawn({ name: 'linked' }, async (self: Process) => {
      self.trapExit = true
      return self.receive()
    })
    expect(await elixir.elixir(`:"${shop}" in Node.list([:hidden, :visible])`)).toBe('true')
    expect(
      await elixir.elixir(`Process.flag(:trap_exit, true); pid = :erpc.call(:"${shop}", :erlang, :whereis, [:linked]);
        Process.link(pid); Process.exit(pid, :over); receive do {:EXIT, ^pid, reason} -> reason after ${deadlineMs} -> :late end`),
    ).toBe(':normal')
    expect(node.isAlive(ours)).toBe(false)
  })
})

test('a :global name of either is called by the other', async () => {
  const visible = await cluster.start('visible@127.0.0.1', { visible: true })
  expect(await within(deadlineMs, visible.connect(ex), 'to connect')).toBe(true)
  await elixir.waitFor(`lists:member('${visible.name}', nodes())`, deadlineMs)
  await sees(visible, ex)
  const server = await visible.start(stock, 7)
  expect(await visible.global?.register(atom('ours'), server.address)).toBe(true)
  await elixir.waitFor('is_pid(global:whereis_name(ours))', deadlineMs)
  expect(await elixir.elixir('GenServer.call({:global, :ours}, {:add, 1})')).toBe('8')

  await elixir.elixir(owned('Stock.start_link({{:global, :theirs}, 1})'))
  const theirs = visible.global?.whereis(atom('theirs'))
  expect(theirs?.node).toBe(ex)
  expect(theirs && (await visible.call(theirs, tuple(atom('add'), 1)))).toBe(2)
})
