/**
 * A cluster over mutual TLS, each node in an OS process of its own: how soon a new one is heard of, how soon a lost connection is
 * there again, what a full mesh costs, and what strangers and a peer that is stopped do.
 *
 *   node cluster.mjs reign     the cases of reign
 *   node cluster.mjs erlang    those that Erlang has too; needs bench_cluster.beam in BENCH_EBIN
 *
 * Run by run.mjs. What a program prints about itself comes in lines of JSON, by kind: `{"ready": …}`, `{"heard": …}`.
 */
import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import os from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePorts } from './free-ports.mjs'
import { amount, isWanted, now, repetitions, report } from './measure.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const kind = process.argv[2]
const folder = mkdtempSync(join(os.tmpdir(), 'reign-bench-cluster-'))
const children = new Set()
const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

/** A program, and the lines that it prints. */
class Program {
  constructor(command, args) {
    this.startedAt = now()
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.lines = []
    this.looks = new Set()
    children.add(this.child)
    let rest = ''
    this.child.stdout.setEncoding('utf8').on('data', (text) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop()
      for (const line of lines) if (line.startsWith('{')) this.lines.push(JSON.parse(line))
      for (const look of this.looks) look()
    })
    this.ended = new Promise((resolve) => this.child.once('exit', resolve))
    void this.ended.then(() => children.delete(this.child))
  }

  /** The next line that has the key. */
  async line(key) {
    const ended = this.ended.then(async (code) => {
      // Its last lines may still be on their way.
      await sleep(100)
      throw new Error(`a program ended with ${code} before it said ${key}`)
    })
    const said = new Promise((resolve) => {
      const look = () => {
        const at = this.lines.findIndex((line) => key in line)
        if (at < 0) return
        this.looks.delete(look)
        resolve(this.lines.splice(at, 1)[0])
      }
      this.looks.add(look)
      look()
    })
    return Promise.race([said, ended])
  }

  /** What the next line with the key says under it. */
  async says(key) {
    return (await this.line(key))[key]
  }

  async kill() {
    this.child.kill('SIGKILL')
    await this.ended
  }

  get rssBytes() {
    return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))[1]) * 1_024
  }

  /** Seconds of processor time so far. */
  get cpuSeconds() {
    const stat = readFileSync(`/proc/${this.child.pid}/stat`, 'latin1')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
  }
}

let clusters = 0
const nodeName = (index) => `n${index}@127.0.0.1`

async function makeCluster(count) {
  const ports = await freePorts(count)
  const cli = join(here, '../lib/cli/main.js')
  const nodes = ports.map((port, index) => `${nodeName(index)}:${port}`)
  const cluster = join(folder, `cluster-${++clusters}`)
  execFileSync(process.execPath, [cli, 'init', ...nodes, '--dir', cluster], { stdio: 'ignore' })
  return { cluster, ports }
}

/** Starts a node that plays a part: see bench/reign/member.mjs and bench/erlang/bench_cluster.erl. */
function start(cluster, index, part, ...args) {
  const name = nodeName(index)
  if (kind === 'reign')
    return new Program(process.execPath, [join(here, 'reign/member.mjs'), part, name, cluster, ...args])
  return new Program('erl', [
    ...['-noinput', '-pa', process.env.BENCH_EBIN, '-setcookie', 'benchmark-of-one-machine'],
    ...['-name', name, '-proto_dist', 'inet_tls', '-ssl_dist_optfile', join(cluster, `${name}.erlang.conf`)],
    ...['-run', 'bench_cluster', part, ...args],
  ])
}

/** From the start of an OS process to its first message at a node that is there. */
async function startToFirstMessage() {
  const { cluster } = await makeCluster(2)
  const listener = start(cluster, 0, 'listener')
  await listener.says('ready')
  const runs = []
  for (let round = 0; round <= repetitions * 2; round++) {
    const starter = start(cluster, 1, 'starter', nodeName(0))
    await listener.says('heard')
    runs.push(now() - starter.startedAt)
    await starter.kill()
    await listener.says('lost')
  }
  // The first is slower for what is not yet in the caches of the machine.
  report('start_to_first_message', 'ms', runs.slice(1))
  await listener.kill()
}

/** From a connection that was lost to an answer over the next one. */
async function reconnect() {
  const { cluster } = await makeCluster(2)
  const listener = start(cluster, 0, 'listener')
  await listener.says('ready')
  const caller = start(cluster, 1, 'reconnector', nodeName(0), String(4 * repetitions + 1))
  report('reconnect', 'ms', (await caller.says('reconnects')).slice(1))
  await Promise.all([caller.kill(), listener.kill()])
}

/** A full mesh: until each node sees all others, what it needs, and what it does when nobody does anything. */
async function mesh() {
  const count = Math.max(4, amount(50))
  const { cluster } = await makeCluster(count)
  const from = now()
  const members = Array.from({ length: count }, (_, index) =>
    start(cluster, index, 'member', String(count - 1), nodeName(0)),
  )
  await Promise.all(members.map((member) => member.says('complete')))
  report(`mesh_${count}_complete`, 'ms', [now() - from])
  const sum = (read) => members.reduce((total, member) => total + read(member), 0)
  // What a quiet machine needs at least, on all of its processors together.
  report(`mesh_${count}_complete_cpu`, 'ms', [sum((member) => member.cpuSeconds) * 1_000])
  await sleep(5_000)
  const [cpuBefore, before] = [sum((member) => member.cpuSeconds), now()]
  await sleep(20_000)
  const idle = ((sum((member) => member.cpuSeconds) - cpuBefore) / (now() - before)) * 1_000
  report(`mesh_${count}_rss`, 'bytes', [sum((member) => member.rssBytes)])
  report(`mesh_${count}_idle`, '% of a core', [idle * 100])
  await Promise.all(members.map((member) => member.kill()))
}

/** Strangers who connect and say nothing: what they cost, how long they stay, and how soon a friend gets in. */
async function strangers() {
  const count = amount(10_000)
  const { cluster, ports } = await makeCluster(2)
  // As many as there may be by default, and then with room for all of them.
  const most = Number(/open files\s+(\d+)/.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 1_024)
  if (count + 100 > most) throw new Error(`${count} connections need more open files than ${most}: see ulimit -n`)
  for (const [label, limits] of [
    ['', {}],
    ['_unbounded', { pendingConnectionsMax: count + 1 }],
  ]) {
    const listener = start(cluster, 0, 'listener', JSON.stringify(limits))
    await listener.says('ready')
    const before = listener.rssBytes
    const sockets = new Set()
    let lastOpened = 0
    let largest = 0
    const allCut = new Promise((resolve) => {
      const look = setInterval(() => {
        if (lastOpened === 0 || sockets.size > 0) return
        clearInterval(look)
        resolve(now() - lastOpened)
      }, 5)
    })
    for (let open = 0; open < count; ) {
      const more = Math.min(200, count - open)
      await Promise.all(Array.from({ length: more }, () => stranger(ports[0], sockets)))
      open += more
      largest = Math.max(largest, listener.rssBytes - before)
    }
    lastOpened = now()
    const held = sockets.size
    report(`idle_${count}${label}_each`, 'bytes', [largest / (label === '' ? count : held)])
    const starter = start(cluster, 1, 'starter', nodeName(0))
    await listener.says('heard')
    report(`idle_${count}${label}_friend_heard`, 'ms', [now() - starter.startedAt])
    report(`idle_${count}${label}_all_cut`, 'ms', [await allCut])
    await Promise.all([starter.kill(), listener.kill()])
  }
}

function stranger(port, sockets) {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', resolve)
    sockets.add(socket)
    socket.on('error', reject)
    socket.on('close', () => sockets.delete(socket))
    socket.resume()
  })
}

/** A peer that is stopped, and flooded all the while: bench/soak/stopped-peer.mjs. */
async function stoppedPeer() {
  const seconds = String(Math.max(10, amount(60)))
  const flood = new Program(process.execPath, [join(here, 'soak/stopped-peer.mjs'), '--seconds', seconds])
  const { grewMib, calmP99Ms, floodP99Ms } = await flood.line('grewMib')
  report('flooded_growth', 'bytes', [grewMib * 1_048_576])
  report('flooded_p99_of_others', 'times', [floodP99Ms / calmP99Ms])
  await flood.kill()
}

try {
  if (isWanted('start_to_first_message')) await startToFirstMessage()
  if (isWanted('reconnect')) await reconnect()
  if (isWanted('mesh')) await mesh()
  if (kind === 'reign' && isWanted('idle')) await strangers()
  if (kind === 'reign' && isWanted('flooded')) await stoppedPeer()
} finally {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
