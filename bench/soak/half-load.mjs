/**
 * Small messages one way, at half of the rate that goes, for minutes: is anything lost, doubled or out of order, and does memory grow?
 *
 *   node bench/soak/half-load.mjs [--minutes 10] [--share 0.5]
 *
 * Two OS processes over mutual TLS. What goes is measured first, for five seconds. Every message is numbered, and the receiver looks at each
 * number and at the bytes beside it. Prints a JSON line, and fails when one is not as it should be, or when a program's memory in use, after a
 * collection, grows by more than 16 MiB in an hour for certain (the line of least squares, from the third minute on).
 */
import { execFileSync, fork } from 'node:child_process'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { atom, Node, tuple } from '../../lib/index.js'
import { freePorts } from '../free-ports.mjs'
import { inFolder } from './in-folder.mjs'

const mib = 1024 * 1024
const [a, b] = ['a@127.0.0.1', 'b@127.0.0.1']
const seq = atom('seq')
/** Between two bursts, in milliseconds. */
const beatMs = 2
const sampleMs = 10_000
const fullRateMs = 5_000
const memoryFromMs = 120_000
/** Fewer samples of memory make no line. */
const samplesMin = 10
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string', default: '10' }, share: { type: 'string', default: '0.5' } },
})

/** Bytes that are no text, other ones for each of the next sixty-four messages. */
const payloads = Array.from({ length: 64 }, (_, n) => new Uint8Array(16).fill(128 + n))

/** Memory of this program after a collection, in bytes. */
function memory() {
  globalThis.gc()
  globalThis.gc()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, used: heapUsed + external }
}

/** Counts what comes, and what is wrong with it, until its parent is gone. */
async function serve(cluster) {
  const node = await Node.start(b, { cluster })
  let [count, last, missing, repeated, altered] = [0, -1, 0, 0, 0]
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const sink = node.spawn(async (self) => {
    for await (const [, n, payload] of self) {
      count++
      if (n > last + 1) missing += n - last - 1
      else if (n <= last) repeated++
      if (Buffer.compare(payload, payloads[n % 64]) !== 0) altered++
      last = Math.max(last, n)
    }
  })
  node.expose('soak', {
    sink: () => sink,
    report: () => {
      const loopDelayP99Ms = Math.max(0, delay.percentile(99) / 1e6 - 1)
      delay.reset()
      return { count, missing, repeated, altered, loopDelayP99Ms, ...memory() }
    },
  })
  process.on('disconnect', () => process.exit(0))
  process.send('ready')
}

/** Growth in an hour, in bytes, by the line of least squares, and half of the interval in which it is with 95 of 100. */
function slope(samples) {
  const mean = (read) => samples.reduce((sum, sample) => sum + read(sample), 0) / samples.length
  const [at, value] = [mean(([ms]) => ms), mean(([, bytes]) => bytes)]
  const along = samples.reduce((sum, [ms]) => sum + (ms - at) ** 2, 0)
  const across = samples.reduce((sum, [ms, bytes]) => sum + (ms - at) * (bytes - value), 0)
  const apart = samples.reduce((sum, [ms, bytes]) => sum + (bytes - value - (across / along) * (ms - at)) ** 2, 0)
  const error = Math.sqrt(apart / Math.max(1, samples.length - 2) / along)
  return [(across / along) * 3_600_000, 2 * error * 3_600_000]
}

async function main(folder) {
  const [epmdPort, ...ports] = await freePorts(3)
  process.env.ERL_EPMD_PORT = String(epmdPort)
  const cli = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url))
  execFileSync(process.execPath, [cli, 'init', `${a}:${ports[0]}`, `${b}:${ports[1]}`, '--dir', folder])
  const child = fork(fileURLToPath(import.meta.url), ['serve', folder], { execArgv: ['--expose-gc'] })
  await new Promise((resolve) => child.once('message', resolve))
  const node = await Node.start(a, { cluster: folder })
  await node.connect(b)
  const lost = []
  node.onNodeDown((name, reason) => lost.push(`${name}: ${reason}`))
  const sink = await node.erpc(b).call('soak', 'sink', [])
  const report = () => node.erpc(b).call('soak', 'report', [])

  let n = 0
  const say = () => sink.send(tuple(seq, n, payloads[n++ % 64]))
  const begin = performance.now()
  while (performance.now() - begin < fullRateMs) if (!say()) await sink.drained()
  while ((await report()).count < n) await sleep(10)
  const fullRate = (n / (performance.now() - begin)) * 1_000

  const perMs = (fullRate * Number(values.share)) / 1_000
  const [start, first] = [performance.now(), n]
  const ms = Number(values.minutes) * 60_000
  const samples = []
  let [sampledAt, waited] = [start, 0]
  for (let now = start; now - start < ms; now = performance.now()) {
    // When the machine has stood still, no more than a second of it is made up for.
    const due = Math.min((now - start) * perMs, n - first + 1_000 * perMs)
    for (let room = true; n - first < due && room; ) {
      room = say()
      if (!room) {
        waited++
        await sink.drained()
      }
    }
    if (now - sampledAt >= sampleMs) {
      sampledAt = now
      samples.push([now - start, memory(), await report()])
    }
    await sleep(beatMs)
  }
  const took = performance.now() - start
  let told = await report()
  for (const end = performance.now() + 60_000; told.count < n && performance.now() < end; told = await report())
    await sleep(10)
  const settled = samples.filter(([at]) => at >= Math.min(memoryFromMs, ms / 5))
  const growth = (index, what) => slope(settled.map((sample) => [sample[0], sample[index][what]])).map((x) => x / mib)
  const range = (index, what) => {
    const all = settled.map((sample) => sample[index][what] / mib)
    return [all[0], all.at(-1), Math.max(...all)]
  }
  const short = (numbers) => numbers.map((number) => Number(number.toFixed(1)))
  const result = {
    minutes: took / 60_000,
    fullRate: Math.round(fullRate),
    rate: Math.round(((n - first) / took) * 1_000),
    sent: n,
    heard: told.count,
    missing: n - told.count + told.repeated,
    repeated: told.repeated,
    altered: told.altered,
    saidBusy: waited,
    connectionsLost: lost,
    loopDelayP99Ms: Number(Math.max(...samples.map(([, , { loopDelayP99Ms }]) => loopDelayP99Ms)).toFixed(1)),
    memoryMib: Object.fromEntries(
      [
        ['sender', 1],
        ['receiver', 2],
      ].map(([who, index]) => [
        who,
        {
          usedFirstLastMost: short(range(index, 'used')),
          usedPerHour: short(growth(index, 'used')),
          rssFirstLastMost: short(range(index, 'rss')),
          rssPerHour: short(growth(index, 'rss')),
        },
      ]),
    ),
  }
  console.log(JSON.stringify(result))
  // Looked at before the two part, which is a lost connection as well.
  const whole = result.missing === 0 && result.repeated === 0 && result.altered === 0 && lost.length === 0
  const { sender, receiver } = result.memoryMib
  const grew = [sender, receiver].some(({ usedPerHour: [perHour, plusMinus] }) => perHour - plusMinus > 16)
  const flat = settled.length < samplesMin || !grew
  child.disconnect()
  await node.stop()
  return whole && flat ? 0 : 1
}

if (positionals[0] === 'serve') await serve(positionals[1])
else if (globalThis.gc === undefined) {
  // Collections are to be made to measure what is in use.
  const again = fork(fileURLToPath(import.meta.url), process.argv.slice(2), { execArgv: ['--expose-gc'] })
  process.exitCode = await new Promise((resolve) => again.once('exit', resolve))
} else process.exit(await inFolder(main))
