/**
 * A reign node beside two Erlang nodes, over mutual TLS: small messages one way, to Erlang's b and from it. Each case is done by node a,
 * which is reign's, and by node c, which is Erlang's, in turn: what else the machine does, and what b happens to be like, befalls both alike.
 *
 *   node mixed.mjs CLUSTER_FOLDER        node a; nodes b and c run `bench_remote:peer()`
 */
import { amount, isWanted, libraryModule, measure, now, rate, repetitions, report } from '../measure.mjs'

const { atom, Node, tuple } = await libraryModule('index.js')

const [a, b, c] = ['a', 'b', 'c'].map((name) => `${name}@127.0.0.1`)
const node = await Node.start(a, { cluster: process.argv[2] })
for (const peer of [b, c]) await node.connect(peer)
const payload = new Uint8Array(16).fill(7)
const seq = atom('seq')
const count = atom('count')
const mailbox = node.mailbox()
// Seconds of work: from one second to the next, Erlang's rates may differ by half.
const n = amount(1_500_000)

const sink = await node.erpc(b).call('erlang', 'whereis', [atom('sink')])
async function floodHere() {
  const start = now()
  for (let i = 0; i < n; i++) {
    if (!sink.send(tuple(seq, i, payload))) await sink.drained()
  }
  sink.send(tuple(count, mailbox.address))
  const [, counted] = await mailbox.receive()
  if (counted !== n) throw new Error(`sent ${n}, counted ${counted}`)
  return rate(n, now() - start)
}

const floodOf = (sender, receiver) =>
  node.erpc(sender).call('bench_remote', 'flood', [tuple(atom('sink'), atom(receiver)), n], { timeout: 120_000 })

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

/** Microseconds of processor that a program has taken since it began. */
const processor = {
  [a]: async () => {
    const { user, system } = process.cpuUsage()
    return user + system
  },
  [c]: async () => (await node.erpc(c).call('erlang', 'statistics', [atom('runtime')]))[0] * 1_000,
}

/** Name, and the work with a and with c at the other end. */
const cases = [
  ['oneway_small_to_erlang', { [a]: floodHere, [c]: () => floodOf(c, b) }],
  ['oneway_small_from_erlang', { [a]: () => floodOf(b, a), [c]: () => floodOf(b, c) }],
]
for (const [name, work] of cases) {
  if (!isWanted(name)) continue
  const rates = { [a]: [], [c]: [] }
  const costs = { [a]: [], [c]: [] }
  for (let i = 0; i <= repetitions; i++) {
    // Which goes first in turn as well; the first pair is not counted.
    for (const other of i % 2 === 0 ? [c, a] : [a, c]) {
      globalThis.gc?.()
      const before = await processor[other]()
      const perSecond = await work[other]()
      const cost = ((await processor[other]()) - before) / n
      if (i === 0) continue
      rates[other].push(perSecond)
      costs[other].push(cost)
    }
  }
  report(name, 'msgs/s', rates[a])
  report(`${name}:Erlang`, 'msgs/s', rates[c])
  report(`${name}_processor`, 'us', costs[a])
  report(`${name}_processor:Erlang`, 'us', costs[c])
}

// There and back: each message comes back from an Erlang process, with sixty-four of them under way.
const echo = await node.erpc(b).call('erlang', 'whereis', [atom('echo')])
await measure('echo_small_64_under_way', 'roundtrips/s', async () => {
  const rounds = amount(100_000)
  const start = now()
  const send = () => echo.send(tuple(mailbox.address, payload))
  for (let i = 0; i < 64; i++) send()
  for (let i = 0; i < rounds; i++) {
    await mailbox.receive()
    if (i < rounds - 64) send()
  }
  return rate(rounds, now() - start)
})
process.exit(0)
