/**
 * Measures reign beside Erlang and the bare floor of Node.js, in one run, and prints the ratios: machines differ, and so does
 * the same machine from hour to hour, so that a figure alone says little.
 *
 *   npm run bench                        everything
 *   npm run bench -- --quick             less of everything, in under two minutes
 *   npm run bench -- tls local           some suites: local, tcp, tls; names and cluster, which are not among everything
 *   npm run bench -- --case oneway_small some cases, by the beginning of their names
 *
 * Erlang takes part where it is installed. Results go to bench/results/ as well. What else runs on the machine shows in
 * the spread: look at it before you believe a ratio.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import os from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './measure.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, case: { type: 'string', multiple: true }, reps: { type: 'string' } },
})
const suites = positionals.length > 0 ? positionals : ['local', 'tcp', 'tls']
const folder = mkdtempSync(join(os.tmpdir(), 'reign-bench-'))
const withErlang = spawnSync('erl', ['-version'], { stdio: 'ignore' }).error === undefined
const environment = {
  ...process.env,
  BENCH_REPS: values.reps ?? (values.quick ? '3' : '5'),
  BENCH_SCALE: values.quick ? '0.2' : '1',
  BENCH_CASES: (values.case ?? []).join(','),
  BENCH_EBIN: folder,
  // A port mapper of our own, on loopback, so that nothing else on the machine is disturbed.
  ERL_EPMD_PORT: String(await freePort()),
  ERL_EPMD_ADDRESS: '127.0.0.1',
}

/** Runs a program to its end; its lines are its cases. */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: environment, stdio: ['ignore', 'pipe', 'inherit'] })
    let text = ''
    child.stdout.on('data', (chunk) => {
      text += chunk
    })
    child.on('exit', (code) => {
      if (code !== 0) return reject(new Error(`${command} ${args.join(' ')} ended with ${code}\n${text}`))
      const lines = text.split('\n').filter((line) => line.startsWith('{'))
      resolve(lines.map((line) => JSON.parse(line)))
    })
  })
}

const erlFlags = ['-noinput', '-pa', folder, '+P', '4000000', '-setcookie', 'benchmark-of-one-machine']
const reign = (program, ...args) =>
  run(process.execPath, ['--expose-gc', '--max-old-space-size=8192', program, ...args])

function clusterFolder(carrier, ports) {
  const cluster = join(folder, carrier)
  const cli = fileURLToPath(new URL('../lib/cli/main.js', import.meta.url))
  const nodes = [`a@127.0.0.1:${ports[0]}`, `b@127.0.0.1:${ports[1]}`]
  execFileSync(process.execPath, [cli, 'init', ...nodes, '--dir', cluster], { stdio: 'ignore' })
  if (carrier === 'tcp') {
    const file = join(cluster, 'cluster.json')
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), tls: false }))
  }
  return cluster
}

/** Node b serves until node a has done, and is started again when that has killed it. */
async function erlangPair(carrier, cluster) {
  const tls = (name) => ['-proto_dist', 'inet_tls', '-ssl_dist_optfile', join(cluster, `${name}.erlang.conf`)]
  const flags = (name) => [...erlFlags, '-name', name, ...(carrier === 'tls' ? tls(name) : [])]
  let over = false
  let b
  const start = () =>
    new Promise((resolve, reject) => {
      b = spawn('erl', [...flags('b@127.0.0.1'), '-run', 'bench_remote', 'peer'], { env: environment })
      let started = false
      b.stdout.once('data', () => {
        started = true
        resolve()
      })
      b.once('exit', () => {
        if (!started) reject(new Error('node b did not start'))
        else if (!over) start().catch((error) => console.error(error))
      })
    })
  await start()
  try {
    return await run('erl', [...flags('a@127.0.0.1'), '-run', 'bench_remote', 'main'])
  } finally {
    over = true
    b.kill('SIGKILL')
  }
}

async function suite(name) {
  if (name === 'local') {
    return {
      reign: await reign(join(here, 'reign/local.mjs')),
      erlang: withErlang ? await run('erl', [...erlFlags, '-run', 'bench_local', 'main']) : [],
      floor: [],
    }
  }
  if (name === 'names') {
    const folder = clusterFolder('tls', [await freePort(), await freePort()])
    return { reign: await reign(join(here, 'reign/names.mjs'), folder), erlang: [], floor: [] }
  }
  if (name === 'cluster') {
    const program = join(here, 'cluster.mjs')
    return {
      reign: await run(process.execPath, [program, 'reign']),
      erlang: withErlang ? await run(process.execPath, [program, 'erlang']) : [],
      floor: [],
    }
  }
  const cluster = clusterFolder(name, [await freePort(), await freePort()])
  return {
    reign: await reign(join(here, 'reign/remote.mjs'), cluster),
    erlang: withErlang ? await erlangPair(name, cluster) : [],
    floor: await run(process.execPath, [join(here, 'floor/remote.mjs'), name, cluster]),
  }
}

/** `1.27 M`, with how far the runs were apart. */
function shown(result) {
  if (result === undefined) return ''
  const value = median(result.runs)
  const spread = (Math.max(...result.runs) - Math.min(...result.runs)) / value / 2
  const text =
    value >= 1e6
      ? `${(value / 1e6).toFixed(2)} M`
      : value >= 1e4
        ? `${(value / 1e3).toFixed(0)} k`
        : value.toPrecision(3)
  return result.runs.length > 1 ? `${text} ±${Math.round(spread * 100)}%` : text
}

/** How many times better ours is: more of a rate, less of a time or a size. */
function ratio(ours, theirs) {
  if (theirs === undefined) return ''
  const [mine, other] = [median(ours.runs), median(theirs.runs)]
  return (['us', 'ms', 'bytes', '% of a core', 'times'].includes(ours.unit) ? other / mine : mine / other).toFixed(2)
}

function print(name, { reign: ours, erlang, floor }) {
  const head = ['case', 'unit', 'reign', 'Erlang', 'reign / Erlang', 'bare Node.js', 'reign / bare']
  const rows = ours.map((result) => {
    const find = (others) => others.find((other) => other.case === result.case)
    const [e, f] = [find(erlang), find(floor)]
    return [result.case, result.unit, shown(result), shown(e), ratio(result, e), shown(f), ratio(result, f)]
  })
  console.log(`\n${name}\n`)
  const table = [head, head.map(() => '---'), ...rows]
  const widths = head.map((_, column) => Math.max(...table.map((row) => row[column].length)))
  for (const row of table) console.log(`| ${row.map((cell, i) => cell.padEnd(widths[i])).join(' | ')} |`)
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address()
  await new Promise((resolve) => server.close(resolve))
  return port
}

try {
  if (withErlang)
    execFileSync('erlc', [
      '-o',
      folder,
      ...['bench', 'bench_local', 'bench_remote', 'bench_cluster'].map((m) => join(here, `erlang/${m}.erl`)),
    ])
  else console.log('Erlang is not installed: no ratios against it.')
  const [cpu] = os.cpus()
  console.log(
    `Node.js ${process.version}, ${os.cpus().length} x ${cpu?.model}, ${new Date().toISOString().slice(0, 10)}`,
  )
  const results = {}
  for (const name of suites) {
    results[name] = await suite(name)
    print(name, results[name])
  }
  mkdirSync(join(here, 'results'), { recursive: true })
  const file = join(here, 'results', `${new Date().toISOString().replace(/[:.]/g, '-')}.json`)
  writeFileSync(
    file,
    JSON.stringify({ node: process.version, cpu: cpu?.model, cpus: os.cpus().length, results }, null, 1),
  )
} finally {
  if (withErlang) spawnSync('epmd', ['-port', environment.ERL_EPMD_PORT, '-kill'], { stdio: 'ignore' })
  rmSync(folder, { recursive: true, force: true })
}
