/** Long messages between reign and a real Erlang node: in fragments, both ways, beside others, and in order. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import type { Node } from '../../src/cluster/node.js'
import { Fragments } from '../../src/dist/fragments.js'
import type { Down, Exit } from '../../src/process/notices.js'
import type { Address } from '../../src/term/address.js'
import { atom } from '../../src/term/atom.js'
import { named } from '../../src/term/named.js'
import { type Tuple, tuple } from '../../src/term/tuple.js'
import { within } from '../support/deadline.js'
import type { ErlangNode } from './erl.js'
import { deadlineMs, erlang, Neighbours, receive, shop } from './neighbours.js'

const mib = 1024 * 1024
let neighbours: Neighbours
beforeAll(async () => {
  neighbours = await Neighbours.make()
})
afterAll(() => neighbours[Symbol.asyncDispose]())

/** What the tests have Erlang's processes do. */
const helpers = `
%% Takes messages for ever; tells, when asked, the sizes of the binaries in them, and their checks.
collector() -> spawn(fun() -> collect([]) end).
collect(Got) -> receive
  {report, To} -> To ! {report, lists:reverse(Got)}, collect([]);
  {note, N} -> collect([N | Got]);
  Bin when is_binary(Bin) -> collect([{byte_size(Bin), erlang:crc32(Bin)} | Got])
end.
bytes(N) -> binary:copy(<<0,255,1,254,2,253,3>>, N div 7).
%% Sends each of these, the numbers as binaries of so many bytes.
send_all(To, List) -> [To ! case E of {bytes, N} -> bytes(N); _ -> E end || E <- List], ok.
`

const noise = (bytes: number) => {
  const made = Buffer.alloc(bytes - (bytes % 7))
  for (let at = 0; at < made.length; at += 7) made.set([0, 255, 1, 254, 2, 253, 3], at)
  return new Uint8Array(made)
}

test('what is long comes in fragments, although we offer no atom cache', async () => {
  const begun = vi.spyOn(Fragments.prototype, 'first')
  await using node = await neighbours.startReign('tcp')
  const erl = await neighbours.startErl('tcp')
  try {
    await erl.load('long', helpers)
    using mailbox = node.mailbox<Uint8Array>()
    node.register('fragments', mailbox.address)
    // What is sent before there is a connection comes whole.
    expect(await erl.eval(`net_adm:ping('${shop}')`)).toBe('pong')
    await erl.eval(`{fragments, '${shop}'} ! long:bytes(${mib}), ok`)
    expect(await receive<Uint8Array>(mailbox, 'the message')).toHaveLength(mib - (mib % 7))
    expect(begun.mock.calls.map(([, fragments, atoms]) => [fragments, atoms])).toEqual([[17n, []]])
  } finally {
    begun.mockRestore()
    await erl.stop()
  }
})

describe.each(['tls', 'tcp'] as const)('over %s', (carrier) => {
  let node: Node
  let erl: ErlangNode
  beforeAll(async () => {
    node = await neighbours.startReign(carrier)
    erl = await neighbours.startErl(carrier)
    await erl.load('long', helpers)
    expect(await erl.eval(`net_adm:ping('${shop}')`)).toBe('pong')
  })
  afterAll(async () => {
    await erl?.stop()
    await node?.stop()
  })

  /** A process of Erlang that runs an expression in which `Shop` is our node and `Box` a mailbox of ours. */
  async function collector(): Promise<Address<unknown>> {
    using mailbox = node.mailbox<Address<unknown>>()
    node.register('collected', mailbox.address)
    await erl.eval(`{collected, '${shop}'} ! long:collector()`)
    return await receive(mailbox, 'the collector')
  }

  test('Erlang sends 20 MiB to one process of ours; what it sends to others, and to us, is not kept waiting, nor mixed up', async () => {
    using large = node.mailbox<Uint8Array | number>()
    using small = node.mailbox<number>()
    node.register('large', large.address)
    node.register('small', small.address)
    const order: string[] = []
    const got = (async () => {
      for (const what of ['before', 'large', 'after']) {
        const message = await large.receive({ timeout: deadlineMs })
        order.push(what)
        if (what === 'large') expect(Buffer.compare(message as Uint8Array, noise(20 * mib))).toBe(0)
        else expect(message).toBe(what === 'before' ? 1 : 2)
      }
    })()
    const others = (async () => {
      for (let n = 1; n <= 50; n++) expect(await small.receive({ timeout: deadlineMs })).toBe(n)
      order.push('others')
    })()
    await erl.eval(
      `To = {large, '${shop}'}, Other = {small, '${shop}'}, Self = self(), Bytes = long:bytes(${20 * mib}),
       spawn_link(fun() -> Self ! ready, [begin Other ! N, timer:sleep(1) end || N <- lists:seq(1, 50)], Self ! done end),
       receive ready -> ok end, To ! 1, To ! Bytes, To ! 2, receive done -> ok end`,
      { deadlineMs },
    )
    await within(deadlineMs, Promise.all([got, others]), 'all that Erlang has sent')
    expect(order.filter((what) => what !== 'others')).toEqual(['before', 'large', 'after'])
    node.unregister('large')
    node.unregister('small')
  })

  test('we send 20 MiB to one process of Erlang; what we send to others arrives before, to itself behind', async () => {
    const [one, other] = [await collector(), await collector()]
    using mailbox = node.mailbox<Tuple>()
    const bytes = noise(20 * mib)
    one.send(tuple(atom('note'), 1))
    one.send(bytes)
    one.send(tuple(atom('note'), 2))
    other.send(tuple(atom('note'), 3))
    other.send(tuple(atom('report'), mailbox.address))
    one.send(tuple(atom('report'), mailbox.address))
    expect(await receive<Tuple>(mailbox, 'the report of the other')).toEqual(tuple(atom('report'), [3]))
    const [, report] = await within(deadlineMs, receive<Tuple>(mailbox, 'the report'), 'the report')
    const check = Number(await erl.eval(`erlang:crc32(long:bytes(${20 * mib}))`))
    expect(report).toEqual([1, tuple(20 * mib - ((20 * mib) % 7), check), 2])
  })

  test('messages of every length about the borders of a fragment arrive as they were, both ways', async () => {
    using mailbox = node.mailbox<Tuple>()
    using box = node.mailbox<Uint8Array>()
    node.register('borders', box.address)
    const collecting = await collector()
    const lengths = [65_400, 65_514, 65_535, 65_536, 65_537, 130_900, 131_028, 131_072, 131_200, 196_608, 262_144].map(
      (length) => length - (length % 7),
    )
    for (const length of lengths) collecting.send(noise(length))
    collecting.send(tuple(atom('report'), mailbox.address))
    const checks = lengths.map((length) => `{${length},${'erlang:crc32(long:bytes('}${length}))}`)
    const wanted = await erl.eval(`[${checks.join(',')}]`)
    const [, report] = await receive<Tuple>(mailbox, 'the report')
    expect(`[${(report as Tuple[]).map(([length, check]) => `{${length},${check}}`).join(',')}]`).toBe(wanted)
    await erl.eval(`long:send_all({borders, '${shop}'}, [${lengths.map((length) => `{bytes, ${length}}`).join(',')}])`)
    for (const length of lengths) {
      const bytes = await receive<Uint8Array>(box, `${length} bytes`)
      expect(Buffer.compare(bytes, noise(length))).toBe(0)
    }
    node.unregister('borders')
  })

  test('long reasons of exits, links and monitors arrive behind what was sent before, both ways', async () => {
    using mailbox = node.mailbox<Exit | Down | number>()
    node.register('watcher', mailbox.address)
    const reason = `{bye, long:bytes(${3 * mib})}`
    const lengthOf = ({ reason }: Exit | Down) => ((reason as Tuple)[1] as Uint8Array).length
    const pid = async (expression: string): Promise<Address<never>> => {
      await erl.eval(`{watcher, '${shop}'} ! (${expression})`)
      return (await receive(mailbox, 'a pid')) as never as Address<never>
    }
    const mortal = await pid(`spawn(fun() -> receive To -> To ! 1, To ! 2, exit(${reason}) end end)`)
    mailbox.link(mortal)
    const ref = mailbox.monitor(mortal)
    ;(mortal as Address<unknown>).send(mailbox.address)
    expect([await receive(mailbox, 'the first'), await receive(mailbox, 'the second')]).toEqual([1, 2])
    const ends = [await receive<Exit | Down>(mailbox, 'an end'), await receive<Exit | Down>(mailbox, 'an end')]
    expect(ends.map(({ type }) => type).sort()).toEqual(['DOWN', 'EXIT'])
    expect(ends.map(lengthOf)).toEqual([3 * mib - ((3 * mib) % 7), 3 * mib - ((3 * mib) % 7)])
    expect(ends.find(({ type }) => type === 'DOWN')).toMatchObject({ ref, address: mortal })

    const told = erl.eval(
      `process_flag(trap_exit, true), register(told, self()), {watcher, '${shop}'} ! go,
       Pid = receive {hello, P} -> P end, Ref = monitor(process, Pid), link(Pid), Pid ! now,
       receive first -> ok end, receive second -> ok end,
       {receive {'EXIT', Pid, {bye, A}} -> byte_size(A) end, receive {'DOWN', Ref, _, _, {bye, B}} -> byte_size(B) end}`,
      { deadlineMs },
    )
    expect(await receive<unknown>(mailbox, 'Erlang to be ready')).toBe(atom('go'))
    node.spawn(async (self) => {
      const to = named('told', erlang)
      node.send(to, tuple(atom('hello'), self.address))
      await self.receive()
      node.send(to, atom('first'))
      node.send(to, atom('second'))
      self.exit(tuple(atom('bye'), noise(3 * mib)))
    })
    const length = 3 * mib - ((3 * mib) % 7)
    expect(await told).toBe(`{${length},${length}}`)
    node.unregister('watcher')
  })

  test('a process of Erlang that is killed in the middle of a long message leaves nothing behind, and the connection stands', async () => {
    using mailbox = node.mailbox<symbol | Uint8Array>()
    node.register('cut_short', mailbox.address)
    const lengths: number[] = []
    for (let round = 0; round < 6; round++) {
      await erl.eval(
        `Bytes = long:bytes(${30 * mib}), {Pid, Ref} = spawn_monitor(fun() -> {cut_short, '${shop}'} ! Bytes end),
         timer:sleep(${round * 3}), exit(Pid, kill), receive {'DOWN', Ref, _, _, _} -> ok end,
         {cut_short, '${shop}'} ! next`,
        { deadlineMs },
      )
      for (let next = false; !next; ) {
        const message = await receive<symbol | Uint8Array>(mailbox, 'the next message')
        if (typeof message === 'symbol') next = true
        else lengths.push(message.length)
      }
    }
    await erl.eval(`{cut_short, '${shop}'} ! long:bytes(${30 * mib}), ok`)
    for (;;) {
      const { length } = (await receive<Uint8Array>(mailbox, 'one that is not cut short')) as Uint8Array
      lengths.push(length)
      if (mailbox.length === 0) break
    }
    // A long one came whole, or not at all.
    expect(new Set(lengths)).toEqual(new Set([30 * mib - ((30 * mib) % 7)]))
    expect(node.nodes()).toEqual([erlang])
    node.unregister('cut_short')
  })
})
