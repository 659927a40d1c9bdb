/**
 * A reign node beside an Erlang node, over mutual TLS: small messages one way, to it and from it. Erlang's figures for the same among
 * its own are those of `oneway_small` in bench/erlang/bench_remote.erl, whose peer is the Erlang node here.
 *
 *   node mixed.mjs CLUSTER_FOLDER        node a; node b runs `bench_remote:peer()`
 */
import { amount, libraryModule, measure, now, rate } from '../measure.mjs'

const { atom, Node, named, tuple } = await libraryModule('index.js')

const cluster = process.argv[2]
const b = 'b@127.0.0.1'
const node = await Node.start('a@127.0.0.1', { cluster })
await node.connect(b)
const payload = new Uint8Array(16).fill(7)
const seq = atom('seq')
const count = atom('count')

const sink = await node.erpc(b).call('erlang', 'whereis', [atom('sink')])
const mailbox = node.mailbox()
await measure('oneway_small_to_erlang', 'msgs/s', async () => {
  const n = amount(300_000)
  const start = now()
  for (let i = 0; i < n; i++) {
    if (!sink.send(tuple(seq, i, payload))) await sink.drained()
  }
  sink.send(tuple(count, mailbox.address))
  const [, counted] = await mailbox.receive()
  if (counted !== n) throw new Error(`sent ${n}, counted ${counted}`)
  return rate(n, now() - start)
})

node.spawn({ name: 'sink' }, async (self) => {
  let counted = 0
  for (;;) {
    const message = await self.receive()
    if (message[0] !== count) counted++
    else {
      message[1].send(tuple(count, counted))
      counted = 0
    }
  }
})
const here = named('sink', node.name)
await measure('oneway_small_from_erlang', 'msgs/s', async () => {
  const n = amount(300_000)
  const perSecond = await node
    .erpc(b)
    .call('bench_remote', 'flood', [tuple(atom(here.name), atom(here.node)), n], { timeout: 60_000 })
  return perSecond
})

// There and back: each message comes back from an Erlang process, with sixty-four of them under way.
const echo = await node.erpc(b).call('erlang', 'whereis', [atom('echo')])
await measure('echo_small_64_under_way', 'roundtrips/s', async () => {
  const n = amount(100_000)
  const start = now()
  const send = () => echo.send(tuple(mailbox.address, payload))
  for (let i = 0; i < 64; i++) send()
  for (let i = 0; i < n; i++) {
    await mailbox.receive()
    if (i < n - 64) send()
  }
  return rate(n, now() - start)
})
process.exit(0)
