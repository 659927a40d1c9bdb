/**
 * Two nodes in two OS processes: the cases of bench/erlang/bench_remote.erl.
 *
 *   node remote.mjs CLUSTER_FOLDER        node a, which starts node b
 */

import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import {
  amount,
  isWanted,
  libraryModule,
  measure,
  measureLatency,
  now,
  rate,
  repetitions,
  report,
} from '../measure.mjs'

const { atom, Node, named, tuple } = await libraryModule('index.js')
const { genServer } = await libraryModule('behaviour/index.js')

const [cluster, role] = process.argv.slice(2)
const b = 'b@127.0.0.1'
const seq = atom('seq')

async function peer() {
  const node = await Node.start(b, { cluster })
  const echo = node.spawn({ name: 'echo' }, async (self) => {
    for (;;) {
      const [from, payload] = await self.receive()
      from.send(payload)
    }
  })
  node.spawn({ name: 'sink' }, async (self) => {
    let count = 0
    for (;;) {
      const message = await self.receive()
      if (message?.[0] !== 'count') count++
      else {
        message[1].send(count)
        count = 0
      }
    }
  })
  const ok = atom('ok')
  node.spawn({ name: 'server' }, async (self) => {
    for (;;) {
      const [, from] = await self.receive()
      node.send(from[1].tail, tuple(from[1], ok))
    }
  })
  const table = genServer({ init: () => ({ found: ok }), calls: { get: (state, _key) => state.found } })
  await node.start({ name: 'table' }, table)
  const delay = loopDelay()
  node.expose('bench', {
    watchLoop: () => delay.start(),
    loopDelay: () => delay.p99(),
    flood: (to, ms) => {
      node.spawn(() => flood(to, now() + ms))
    },
    addresses: () => ['echo', 'sink', 'server'].map((name) => node.whereis(name)),
    idle: (count) => Array.from({ length: count }, () => node.spawn(async (self) => self.receive())),
  })
  process.on('disconnect', () => process.exit(0))
  process.send?.(String(echo))
}

async function startPeer() {
  const child = fork(fileURLToPath(import.meta.url), [cluster, 'peer'])
  await new Promise((resolve) => child.once('message', resolve))
  return child
}

/** How late timers of this process are: the 99th percentile, in milliseconds. */
function loopDelay() {
  const resolutionMs = 1
  const histogram = monitorEventLoopDelay({ resolution: resolutionMs })
  return {
    start: () => {
      histogram.reset()
      histogram.enable()
    },
    p99: () => {
      histogram.disable()
      return Math.max(0, histogram.percentile(99) / 1e6 - resolutionMs)
    },
  }
}

/** Sends small messages until then, as fast as they go. */
async function flood(to, until) {
  const payload = new Uint8Array(16)
  for (let i = 0; now() < until; i++) {
    if (!to.send(tuple(seq, i, payload))) await to.drained()
  }
}

/** Monitors on processes of b, which is killed: from the kill, and from the first notice, to the last. */
async function down(node, child, n) {
  const idle = await node.erpc(b).call('bench', 'idle', [n])
  const mailbox = node.mailbox()
  for (const address of idle) mailbox.monitor(address)
  await node.ping(b)
  const start = now()
  child.kill('SIGKILL')
  await mailbox.receive()
  const first = now()
  for (let i = 1; i < n; i++) await mailbox.receive()
  const last = now()
  mailbox.close()
  return { fromKill: last - start, fromFirst: last - first }
}

async function main() {
  let child = await startPeer()
  const node = await Node.start('a@127.0.0.1', { cluster })
  await node.connect(b)
  const [echo, sink, server] = await node.erpc(b).call('bench', 'addresses', [])
  const mailbox = node.mailbox()

  for (const [size, tag, count] of [
    [32, '32B', 10_000],
    [1_024, '1KiB', 10_000],
    [65_536, '64KiB', 2_000],
  ]) {
    const payload = new Uint8Array(randomBytes(size))
    await measureLatency(`pingpong_${tag}`, amount(count), () => {
      echo.send(tuple(mailbox.address, payload))
      return mailbox.receive()
    })
  }

  for (const [size, tag, count] of [
    [16, 'small', 300_000],
    [1_024, '1KiB', 100_000],
    [65_536, '64KiB', 3_000],
    [1_048_576, '1MiB', 200],
  ]) {
    const payload = new Uint8Array(randomBytes(size))
    await measure(`oneway_${tag}`, 'msgs/s', async () => {
      const n = amount(count)
      const start = now()
      for (let i = 0; i < n; i++) {
        if (!sink.send(tag === 'small' ? tuple(seq, i, payload) : payload)) await sink.drained()
      }
      sink.send(['count', mailbox.address])
      const counted = await mailbox.receive()
      if (counted !== n) throw new Error(`sent ${n}, counted ${counted}`)
      return rate(n, now() - start)
    })
  }

  // Both nodes send to the other as much as goes, and take what comes: the later of the two event loops.
  if (isWanted('loop_delay_p99')) {
    const here = node.spawn(async (self) => {
      for (;;) await self.receive()
    })
    const runs = []
    for (let i = 0; i <= repetitions; i++) {
      const delay = loopDelay()
      const ms = amount(2_000)
      await node.erpc(b).call('bench', 'flood', [here, ms])
      await node.erpc(b).call('bench', 'watchLoop', [])
      delay.start()
      await flood(sink, now() + ms)
      runs.push(Math.max(delay.p99(), await node.erpc(b).call('bench', 'loopDelay', [])))
    }
    report('loop_delay_p99', 'ms', runs.slice(1))
    sink.send(['count', mailbox.address])
    await mailbox.receive()
  }

  const request = tuple(atom('get'), 1)
  const calls = async (n) => {
    for (let i = 0; i < n; i++) await node.call(server, request)
  }
  await measure('calls_1', 'calls/s', async () => {
    const n = amount(10_000)
    const start = now()
    await calls(n)
    return rate(n, now() - start)
  })
  await measure('calls_100', 'calls/s', async () => {
    const n = amount(1_000)
    const start = now()
    await Promise.all(Array.from({ length: 100 }, () => calls(n)))
    return rate(100 * n, now() - start)
  })

  // The same as a gen_server, by its name, through a typed handle.
  const table = node.server(named('table', b))
  const genServerCalls = async (n) => {
    for (let i = 0; i < n; i++) await table.call.get(i)
  }
  await measure('genserver_calls_1', 'calls/s', async () => {
    const n = amount(10_000)
    const start = now()
    await genServerCalls(n)
    return rate(n, now() - start)
  })
  await measure('genserver_calls_100', 'calls/s', async () => {
    const n = amount(1_000)
    const start = now()
    await Promise.all(Array.from({ length: 100 }, () => genServerCalls(n)))
    return rate(100 * n, now() - start)
  })

  if (isWanted('down')) {
    const runs = []
    // As in all cases, the first is not counted; it is said on its own, as a program may well lose a node only once.
    for (let i = 0; i <= repetitions; i++) {
      runs.push(await down(node, child, amount(10_000)))
      child = await startPeer()
      while (!(await node.ping(b))) await new Promise((resolve) => setTimeout(resolve, 10))
    }
    const [cold, ...warm] = runs
    report('down_kill_to_last_cold', 'ms', [cold.fromKill])
    report(
      'down_kill_to_last',
      'ms',
      warm.map(({ fromKill }) => fromKill),
    )
    report(
      'down_first_to_last',
      'ms',
      warm.map(({ fromFirst }) => fromFirst),
    )
  }
  process.exit(0)
}

await (role === 'peer' ? peer() : main())
