/**
 * Records what live nodes say to each other, reign and Erlang, into captures.json: `node scripts/fuzz.mjs --record` (with `erl` installed).
 *
 * Both dial through a proxy over plain TCP, which keeps the bytes. Only to be run when something that nodes say has changed.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { deflateRawSync } from 'node:zlib'
import { systemClock } from '../../src/clock.js'
import { Node } from '../../src/cluster/node.js'
import { epmdNode } from '../../src/dist/epmd-messages.js'
import { systemEntropy } from '../../src/entropy.js'
import { silent } from '../../src/logger.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import { EpmdServer } from '../../src/net/epmd-server.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { atom } from '../../src/term/atom.js'
import { named } from '../../src/term/named.js'
import { type Tuple, tuple } from '../../src/term/tuple.js'
import type { Capture } from './captures.js'

const cookie = 'a-cookie-of-the-tests-alone'
const reign = 'shop@127.0.0.1'
const other = 'store@127.0.0.1'
const erlang = 'erl@127.0.0.1'
const captures: Capture[] = []

/** A proxy that keeps what passes. @returns where it listens, and what to call when nothing more is to come. */
async function recorder(title: string, dialler: string, target: () => number): Promise<{ port: number; end(): void }> {
  const streams: { who: string; chunks: Buffer[] }[] = []
  const server = createServer((from) => {
    const to = connect(target(), '127.0.0.1')
    for (const [one, two, who] of [
      [from, to, 'dialler'],
      [to, from, 'dialled'],
    ] as const) {
      const chunks: Buffer[] = []
      streams.push({ who, chunks })
      one.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        two.write(chunk)
      })
      one.on('close', () => two.destroy())
      one.on('error', () => {})
    }
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    port: (server.address() as AddressInfo).port,
    end() {
      server.close()
      for (const { who, chunks } of streams)
        captures.push(captureOf(`${title}, ${who} (${dialler} dials)`, Buffer.concat(chunks), who))
    },
  }
}

/** Takes the handshake off: its messages have two bytes of length, and the last of each side is known by its first byte. */
function captureOf(title: string, bytes: Buffer, who: string): Capture {
  const last = who === 'dialler' ? 'r' : 'a'
  const handshake: string[] = []
  let at = 0
  for (let over = false; !over; ) {
    const end = at + 2 + bytes.readUInt16BE(at)
    const message = bytes.subarray(at + 2, end)
    handshake.push(message.toString('hex'))
    over = String.fromCharCode(message[0] as number) === last
    at = end
  }
  let form: Capture['form'] = 'pass-through'
  for (let next = at; next + 4 < bytes.length; next += 4 + bytes.readUInt32BE(next)) {
    if (bytes.readUInt32BE(next) > 0) form = bytes[next + 4] === 131 ? 'headers' : 'pass-through'
  }
  return { title, form, handshake, stream: deflateRawSync(bytes.subarray(at), { level: 9 }).toString('base64') }
}

const epmd = await EpmdServer.listen({ port: 0, clock: systemClock, entropy: systemEntropy })
const client = new EpmdClient({ port: epmd.port, clock: systemClock })
const specOf = (nodes: Record<string, object>) => ({
  nodes,
  cookie,
  weakCookie: true,
  tls: false as const,
  epmd: { port: epmd.port, embedded: false },
})

/** Where the Erlang node listens, once it does. */
async function erlangPort(): Promise<number> {
  for (;;) {
    const { nodes } = await client.names('127.0.0.1')
    const port = nodes.find(({ alive }) => alive === 'erl')?.port
    if (port !== undefined) return port
    await new Promise((later) => setTimeout(later, 50))
  }
}

/** An Erlang node that does these things, and then waits until ours is gone. */
function startErlang(first: string): ChildProcess {
  const program = `spawn(fun() -> try ${first}, ${script}, ${echo}, io:put_chars(user, "done"),
      fun Loop() -> case lists:member(Shop, nodes(connected)) of true -> timer:sleep(50), Loop(); false -> halt() end end()
    catch Kind:Fault:Stack -> io:format(user, "~p~n", [{Kind, Fault, Stack}]), halt(1) end end).`
  const args = ['-noinput', '-name', erlang, '-setcookie', cookie, '-start_epmd', 'false', '-eval', program]
  return spawn('erl', args, {
    env: { ...process.env, ERL_EPMD_PORT: String(epmd.port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

const echo = `register(echo, spawn(fun Loop() -> receive {From, T} -> From ! {self(), T}, Loop() end end))`

/** All that Erlang does to processes of ours, and has done to its own by ours. */
const script = `
  Shop = '${reign}',
  {box, Shop} ! {hello, self()},
  Box = receive {box, Pid} -> Pid after 60000 -> exit(late) end,
  process_flag(trap_exit, true),
  [Box ! {term, T} || T <- [1, 255, 256, -1, 1 bsl 40, 1 bsl 70, -(1 bsl 3000), 1.5, 1.0, ok, true, 'é', '', <<>>, <<"text">>, <<255,0>>, <<5:3>>,
     [], [1,2,3], "string", [a|b], {}, {a,{b,[c]}}, #{}, #{a => 1, b => [x]}, #{1 => a, <<"k">> => #{}}, self(), make_ref(), hd(erlang:ports()),
     fun lists:map/2, fun(X) -> {X, Box} end, lists:seq(1, 300), list_to_tuple(lists:seq(1, 300)), binary:copy(<<"x">>, 300)]],
  [{box, Shop} ! {named, N} || N <- [1, 2]],
  Alias = alias([explicit_unalias]), Box ! {alias, Alias}, receive through_alias -> ok after 60000 -> exit(late) end,
  seq_trace:set_token(label, {my, label}),
  Box ! {traced, 1}, {box, Shop} ! {traced, 2}, Traced = spawn(fun() -> link(Box), exit({traced, bye}) end),
  exit(Box, traced_but_trapped), seq_trace:set_token([]),
  Mate = spawn(fun() -> link(Box), receive stop -> exit(mate_stops) end end),
  M = monitor(process, Box), demonitor(M, [flush]), _ = monitor(process, {box, Shop}), _ = monitor(process, {nobody, Shop}),
  receive {'DOWN', _, process, {nobody, Shop}, noproc} -> ok after 60000 -> exit(late) end,
  link(Box), unlink(Box), exit(Box, trapped), Mate ! stop,
  group_leader(group_leader(), Box),
  R1 = spawn_request(Shop, reign, echo, [self()], [monitor, link, {reply_tag, tagged}]),
  receive {tagged, R1, _, _} -> ok after 60000 -> exit(late) end,
  {'EXIT', _} = (catch erpc:call(Shop, os, cmd, ["x"])),
  Box ! {long, binary:copy(<<0,1>>, 90000)}, Box ! {long, lists:duplicate(70000, ok)}, Box ! after_it,
  Box ! stop,
  receive {'DOWN', _, process, _, Why} -> Why after 60000 -> exit(late) end
`

/** A process of ours that answers as the script wants it, and does to who greets it what a process can do. */
function spawnBox(node: Node): void {
  node.spawn({ name: 'box' }, async (self: Process<unknown>) => {
    self.trapExit = true
    const [, greeter] = (await self.receive()) as Tuple as unknown as [symbol, Address<unknown>]
    node.send(greeter, tuple(atom('box'), self.address))
    for (;;) {
      const message = (await self.receive()) as unknown
      if (message === atom('stop')) return
      if (!Array.isArray(message)) continue
      const [what, value] = message as unknown[]
      if (what === atom('alias')) node.send(value as never, atom('through_alias'))
      if (what === atom('term')) node.send(greeter, tuple(atom('echo'), value))
      if (what === atom('long')) node.send(greeter, value)
    }
  })
}

/** What ours does to Erlang's, or to one of its own kind. */
async function visit(node: Node, name: string): Promise<void> {
  const done = node.mailbox<unknown>()
  node.spawn(async (self: Process<unknown>) => {
    self.trapExit = true
    const there = named('echo', name)
    node.send(there, tuple(self.address, atom('hello')))
    const peer = ((await self.receive()) as unknown as Tuple)[0] as unknown as Address<unknown>
    const ref = self.monitor(peer)
    self.demonitor(ref)
    self.monitor(there)
    self.monitor(named('nobody', name))
    await self.receive()
    self.link(peer)
    self.unlink(peer)
    self.link(peer)
    for (const term of [
      1,
      2 ** 40,
      1.5,
      'text',
      Uint8Array.of(255),
      [1, 2],
      tuple(atom('a'), true),
      { a: 1 },
      new Map([[1, 2]]),
      self.address,
    ]) {
      node.send(peer, tuple(self.address, term))
      await self.receive()
    }
    node.send(peer, tuple(self.address, new Uint8Array(150_000)))
    await self.receive()
    node.exit(peer as never, tuple(atom('leave'), 1))
    await self.receive()
    done.address.send(atom('done'))
  })
  await done.receive({ timeout: 60_000 })
}

{
  const connected = `fun Wait() -> case nodes(connected) of [] -> timer:sleep(20), Wait(); _ -> ok end end()`
  const erl = startErlang(connected)
  const known = await erlangPort()
  const toErlang = await recorder('reign and Erlang', 'reign', () => known)
  const nodes = { [reign]: {}, [erlang]: { address: `127.0.0.1:${toErlang.port}` } }
  const node = await Node.start(reign, { cluster: specOf(nodes), logger: silent, output: () => {} })
  spawnBox(node)
  await node.connect(erlang)
  process.stdout.write(`Erlang: ${(await once(erl.stdout as never, 'data'))[0]}\n`)
  await visit(node, erlang)
  await node.stop()
  await once(erl, 'exit')
  toErlang.end()
}
{
  // Erlang finds ours through the port mapper, which is told where the recorder listens.
  const spec = { ...specOf({ [reign]: { listen: '127.0.0.1:0', address: '127.0.0.1:1' } }), epmd: 'off' as const }
  const node = await Node.start(reign, { cluster: spec, logger: silent, output: () => {} })
  const toReign = await recorder('reign and Erlang', 'Erlang', () => node.endpoint?.port ?? 0)
  const registration = await client.register('127.0.0.1', epmdNode('shop', toReign.port))
  spawnBox(node)
  const erl = startErlang(`pong = net_adm:ping('${reign}')`)
  process.stdout.write(`Erlang: ${(await once(erl.stdout as never, 'data'))[0]}\n`)
  await visit(node, erlang)
  await registration.close()
  await node.stop()
  await once(erl, 'exit')
  toReign.end()
}
{
  const second = await Node.start(other, { cluster: specOf({ [other]: {} }), logger: silent })
  const between = await recorder('two of reign', 'reign', () => second.endpoint?.port ?? 0)
  const nodes = { [reign]: {}, [other]: { address: `127.0.0.1:${between.port}` } }
  const node = await Node.start(reign, { cluster: specOf(nodes), logger: silent })
  second.spawn({ name: 'echo' }, async (self: Process<unknown>) => {
    for (;;) {
      const [from, term] = (await self.receive()) as unknown as [Address<unknown>, unknown]
      second.send(from, tuple(self.address, term))
    }
  })
  await visit(node, other)
  await node.stop()
  await second.stop()
  between.end()
}
await epmd.close()
writeFileSync('test/fuzz/captures.json', `${JSON.stringify(captures, null, 1)}\n`)
for (const { title, form, stream, handshake } of captures)
  process.stdout.write(`${title}: ${form}, ${handshake.length} messages, ${stream.length} characters\n`)
