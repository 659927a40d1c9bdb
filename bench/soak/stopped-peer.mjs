/**
 * A peer is stopped (SIGSTOP) and flooded; what that costs the memory of the one who floods, and its other connection.
 *
 *   node bench/soak/stopped-peer.mjs [--seconds 60] [--hard-mib 64] [--mib-per-second 100]
 *
 * Three OS processes over mutual TLS: this one floods, one is stopped, one answers calls all the while. Prints a JSON
 * line, and fails when memory grew by more than the hard limit and 32 MiB, or the calls took more than twice as long as
 * before (99th percentile). Who floods looks at nothing that `send` says.
 */
import { execFileSync, fork } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { Node, named } from '../../lib/index.js'
import { freePorts } from '../free-ports.mjs'
import { inFolder } from './in-folder.mjs'

const mib = 1024 * 1024
const [a, b, c] = ['a', 'b', 'c'].map((alive) => `${alive}@127.0.0.1`)
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: 'string', default: '60' },
    'hard-mib': { type: 'string', default: '64' },
    'mib-per-second': { type: 'string', default: '100' },
  },
})

/** Answers calls, and reads whatever else is sent to it, until its parent is gone. */
async function serve(name, cluster) {
  const node = await Node.start(name, { cluster, dialMembers: false })
  const sink = node.spawn({ name: 'sink' }, async (self) => {
    for await (const _ of self);
  })
  node.expose('soak', { sink: () => sink })
  process.on('disconnect', () => process.exit(0))
  process.send('ready')
}

/** How long calls take, one each other millisecond or so, until `until` says so: milliseconds, sorted. */
async function callTimes(node, until) {
  const times = []
  while (!until()) {
    const start = performance.now()
    if (!(await node.ping(c))) throw new Error('the peer that is well does not answer')
    times.push(performance.now() - start)
    await sleep(2)
  }
  return times.sort((x, y) => x - y)
}

async function main(folder) {
  const [epmdPort, ...ports] = await freePorts(4)
  process.env.ERL_EPMD_PORT = String(epmdPort)
  const cli = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url))
  const members = [a, b, c].map((name, i) => `${name}:${ports[i]}`)
  execFileSync(process.execPath, [cli, 'init', ...members, '--dir', folder], { stdio: 'ignore' })
  const children = [b, c].map((name) => fork(fileURLToPath(import.meta.url), ['serve', name, folder]))
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('message', resolve))))
  const [stopped] = children
  const hardMib = Number(values['hard-mib'])
  const limits = { outboxHardBytes: hardMib * mib }
  const node = await Node.start(a, { cluster: folder, dialMembers: false, limits })
  for (const name of [b, c]) if (!(await node.connect(name))) throw new Error(`no connection with ${name}`)
  const overloads = []
  node.onNodeDown((name, reason) => overloads.push([name, reason]))
  const mailbox = node.mailbox()
  mailbox.monitor(named('sink', b))
  mailbox.link(await node.erpc(b).call('soak', 'sink', []))
  const sink = await node.erpc(b).call('soak', 'sink', [])
  await node.ping(b)

  const seconds = Number(values.seconds)
  const calmUntil = performance.now() + Math.min(5_000, seconds * 500)
  const calm = await callTimes(node, () => performance.now() > calmUntil)

  stopped.kill('SIGSTOP')
  const before = process.memoryUsage().rss
  let [most, sent, busy] = [before, 0, 0]
  const message = new Uint8Array(16 * 1024)
  const start = performance.now()
  const over = () => performance.now() - start > seconds * 1_000
  const flood = setInterval(() => {
    const due = ((performance.now() - start) / 1_000) * Number(values['mib-per-second']) * mib
    for (; sent < due; sent += message.length) if (!sink.send(message)) busy++
    most = Math.max(most, process.memoryUsage().rss)
  }, 2)
  const flooded = await callTimes(node, over)
  clearInterval(flood)
  const notices = [mailbox.poll(), mailbox.poll(), mailbox.poll()].filter((notice) => notice !== undefined)

  const p99 = (times) => times[Math.floor(times.length * 0.99)]
  const result = {
    seconds,
    floodMib: sent / mib,
    saidBusy: busy,
    grewMib: (most - before) / mib,
    allowedMib: hardMib + 32,
    calls: flooded.length,
    calmP99Ms: p99(calm),
    floodP99Ms: p99(flooded),
    lost: overloads[0],
    notices: notices.map(({ type, reason }) => `${type} ${reason.description}`).sort(),
    othersLost: overloads.some(([name]) => name === c),
  }
  console.log(JSON.stringify(result))
  // One that is stopped does not hear that it is to end.
  stopped.kill('SIGKILL')
  const ok = result.grewMib <= result.allowedMib && result.floodP99Ms <= 2 * result.calmP99Ms && !result.othersLost
  return ok ? 0 : 1
}

if (positionals[0] === 'serve') await serve(positionals[1], positionals[2])
else process.exit(await inFolder(main))
