/**
 * Measures reign beside Erlang and the bare floor of Node.js, in one run, and prints the ratios: machines differ, and so does
 * the same machine from hour to hour, so that a figure alone says little.
 *
 *   npm run bench                        everything
 *   npm run bench -- --quick             a tenth of the work, three runs instead of five: a look in under two minutes, and nothing to quote
 *   npm run bench -- tls local           some suites: local, tcp, tls, mixed, observation; names and cluster, which are not among everything
 *   npm run bench -- --case oneway_small some cases, by the beginning of their names
 *   npm run bench -- --heap 16           with so many mebibytes of objects held by each program of Node.js, as by one that does something
 *   npm run bench -- --compare main      this tree beside another revision instead of beside Erlang, in turn, run for run
 *   npm run bench -- local --one-program all cases of one node one after the other in one program, instead of each kind in one of its own
 *
 * Erlang takes part where it is installed. Results go to bench/results/ as well. What else runs on the machine shows in
 * the spread: look at it before you believe a ratio.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import os from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { median } from './measure.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean' },
    case: { type: 'string', multiple: true },
    reps: { type: 'string' },
    compare: { type: 'string' },
    heap: { type: 'string', default: '0' },
  },
})
const { compare } = values
const startedAt = performance.now()
const everything = ['local', 'tcp', 'tls', ...(compare === undefined ? ['mixed', 'observation'] : [])]
const suites = positionals.length > 0 ? positionals : everything
const repetitions = Number(values.reps ?? (values.quick ? 3 : 5))
const root = fileURLToPath(new URL('..', import.meta.url))
const folder = mkdtempSync(join(os.tmpdir(), 'reign-bench-'))
const revisionTree = join(folder, 'revision')
const withErlang = spawnSync('erl', ['-version'], { stdio: 'ignore' }).error === undefined
const environment = {
  ...process.env,
  BENCH_REPS: String(compare === undefined ? repetitions : 1),
  BENCH_SCALE: values.quick ? '0.1' : '1',
  BENCH_HEAP_MIB: values.heap,
  BENCH_CASES: (values.case ?? []).join(','),
  BENCH_EBIN: folder,
  // A port mapper of our own, on loopback, so that nothing else on the machine is disturbed.
  ERL_EPMD_PORT: String(await freePort()),
  ERL_EPMD_ADDRESS: '127.0.0.1',
}

/** Runs a program to its end; its lines are its cases. */
function run(command, args, env = environment) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'inherit'] })
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

const cookie = 'benchmark-of-one-machine'
const erlFlags = ['-noinput', '-pa', folder, '+P', '4000000', '-setcookie', cookie]
const reignWith = (env, program, ...args) =>
  run(process.execPath, ['--expose-gc', '--max-old-space-size=8192', program, ...args], env)
const reign = (program, ...args) => reignWith(environment, program, ...args)

function clusterFolder(carrier, ports) {
  const cluster = join(folder, `${carrier}-${ports[0]}`)
  const cli = fileURLToPath(new URL('../lib/cli/main.js', import.meta.url))
  const nodes = ports.map((port, i) => `${'abc'[i]}@127.0.0.1:${port}`)
  execFileSync(process.execPath, [cli, 'init', ...nodes, '--dir', cluster], { stdio: 'ignore' })
  const file = join(cluster, 'cluster.json')
  const spec = JSON.parse(readFileSync(file, 'utf8'))
  // Without the port mapper, which may still hold the name of a node of Erlang that was there before.
  writeFileSync(file, JSON.stringify({ ...spec, epmd: 'off', tls: carrier === 'tls' }))
  return cluster
}

/** A node of Erlang serves while `work` is under way, and is started again when somebody has killed it. */
async function withErlangPeer(carrier, cluster, name, work) {
  const tls = (name) => ['-proto_dist', 'inet_tls', '-ssl_dist_optfile', join(cluster, `${name}.erlang.conf`)]
  const flags = (name) => [...erlFlags, '-name', name, ...(carrier === 'tls' ? tls(name) : [])]
  let over = false
  let peer
  /** Resolves with what it says instead, when it ends before it is ready; starts it again when it ends later. */
  const startOnce = () =>
    new Promise((resolve) => {
      if (over) return resolve(undefined)
      peer = spawn('erl', [...flags(`${name}@127.0.0.1`), '-run', 'bench_remote', 'peer'], {
        env: environment,
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      let said = ''
      let ready = false
      peer.stdout.setEncoding('utf8').on('data', (text) => {
        if (ready) return
        said += text
        ready = said.includes('ready')
        if (ready) resolve(undefined)
      })
      peer.once('exit', () => {
        if (!ready) resolve(said)
        else if (!over) start().catch((error) => console.error(error))
      })
    })
  const start = async () => {
    for (let attempt = 1; ; attempt++) {
      const said = await startOnce()
      if (said === undefined) return
      // The node that had its name may not be quite gone.
      if (attempt === 20) throw new Error(`node ${name} did not start: ${said}`)
      await sleep(250)
    }
  }
  await start()
  try {
    return await work(flags)
  } finally {
    over = true
    if (peer.exitCode === null && peer.signalCode === null) {
      const gone = new Promise((resolve) => peer.once('exit', resolve))
      peer.kill('SIGKILL')
      await gone
    }
  }
}

const erlangPair = (carrier, cluster) =>
  withErlangPeer(carrier, cluster, 'b', (flags) =>
    run('erl', [...flags('a@127.0.0.1'), '-run', 'bench_remote', 'main']),
  )

/** A reign node beside two Erlang nodes, over TLS. */
async function mixed() {
  const cluster = clusterFolder('tls', [await freePort(), await freePort(), await freePort()])
  const file = join(cluster, 'cluster.json')
  const spec = JSON.parse(readFileSync(file, 'utf8'))
  // Erlang's nodes listen where they like, and say so to the port mapper.
  for (const node of Object.values(spec.nodes)) delete node.address
  const epmd = { port: Number(environment.ERL_EPMD_PORT), embedded: false }
  writeFileSync(file, JSON.stringify({ ...spec, cookie, epmd }))
  const program = join(here, 'reign/mixed.mjs')
  return withErlangPeer('tls', cluster, 'b', () => withErlangPeer('tls', cluster, 'c', () => reign(program, cluster)))
}

/**
 * The kinds of cases of one node, by the beginning of their names. Each is measured in a program of its own, for both sides alike: what one
 * leaves behind, such as the heap of a million processes, is none of the next one's. In Erlang each process has a heap of its own anyway.
 */
const localKinds = [
  ...['pingpong', 'fanin', 'ring', 'spawn_100k', 'spawn_1M'],
  ...['selective', 'call', 'timers', 'genserver', 'supervised'],
]

/** What is added to the environment of each program of a suite, in turn. */
function partsOf(name) {
  if (name !== 'local' || values['one-program']) return [{}]
  const wishes = values.case ?? ['']
  return localKinds
    .map((kind) =>
      wishes
        .filter((wish) => wish.startsWith(kind) || kind.startsWith(wish))
        .map((wish) => (wish.startsWith(kind) ? wish : kind)),
    )
    .filter((cases) => cases.length > 0)
    .map((cases) => ({ BENCH_CASES: cases.join(',') }))
}

/** The programs of a suite that measure this library, with what they are given. */
async function reignProgram(name) {
  if (name === 'local' || name === 'observation') return [join(here, `reign/${name}.mjs`)]
  const cluster = clusterFolder(name === 'tcp' ? 'tcp' : 'tls', [await freePort(), await freePort()])
  return [join(here, `reign/${name === 'names' ? 'names' : 'remote'}.mjs`), cluster]
}

/** The columns of a suite: what was measured, by whom. The first is what the others are held against. */
async function suite(name) {
  if (compare !== undefined) return compared(name)
  const erlang = (work) => (withErlang ? work() : [])
  switch (name) {
    case 'local':
      return local(await reignProgram(name))
    case 'names':
      return { reign: await reign(...(await reignProgram(name))) }
    case 'cluster': {
      const program = join(here, 'cluster.mjs')
      return {
        reign: await run(process.execPath, [program, 'reign']),
        Erlang: await erlang(() => run(process.execPath, [program, 'erlang'])),
      }
    }
    case 'mixed': {
      const results = await erlang(mixed)
      return { reign: results.filter(isFirst), 'Erlang to Erlang': others(results) }
    }
    case 'observation': {
      const results = await reign(...(await reignProgram(name)))
      return { watched: results.filter(isFirst), 'nobody looks': others(results) }
    }
    default: {
      const [program, cluster] = await reignProgram(name)
      const ours = await reign(program, cluster)
      const erlangs = await erlang(() => erlangPair(name, cluster))
      const bare = await run(process.execPath, [join(here, 'floor/remote.mjs'), name, cluster])
      return { reign: ours, Erlang: erlangs, 'bare Node.js': bare.filter(isFirst), 'bare, kept': others(bare) }
    }
  }
}

/** One node: kind by kind, and side by side. */
async function local(program) {
  const columns = { reign: [], Erlang: [], 'bare Node.js': [] }
  for (const part of partsOf('local')) {
    const env = { ...environment, ...part }
    columns.reign.push(...(await reignWith(env, ...program)))
    if (withErlang) columns.Erlang.push(...(await run('erl', [...erlFlags, '-run', 'bench_local', 'main'], env)))
    columns['bare Node.js'].push(...(await reignWith(env, join(here, 'floor/local.mjs'))))
  }
  return columns
}

/** What a case is to be held against has its name, with a mark behind. */
const isFirst = (result) => !result.case.includes(':')
const others = (results) =>
  results
    .filter((result) => !isFirst(result))
    .map((result) => ({ ...result, case: result.case.slice(0, result.case.indexOf(':')) }))

/**
 * This tree and another revision, a run of each in turn, and which goes first in turn as well: what else the machine does befalls both
 * alike. The programs are those of this tree; a case whose interface the other revision does not have ends the comparison.
 */
async function compared(name) {
  const columns = { 'this tree': [], [compare]: [] }
  const turns = [
    ['this tree', environment],
    [compare, { ...environment, REIGN_LIB: builtRevision(compare) }],
  ]
  for (let i = 0; i < repetitions; i++) {
    for (const [column, env] of i % 2 === 0 ? turns : turns.toReversed()) {
      for (const part of partsOf(name)) {
        for (const result of await reignWith({ ...env, ...part }, ...(await reignProgram(name)))) {
          const known = columns[column].find((one) => one.case === result.case)
          if (known === undefined) columns[column].push(result)
          else known.runs.push(...result.runs)
        }
      }
    }
  }
  return columns
}

/** The `lib` of another revision, built in a working tree of its own, with the packages of this one. */
function builtRevision(revision) {
  if (!existsSync(revisionTree)) {
    execFileSync('git', ['-C', root, 'worktree', 'add', '--quiet', '--detach', revisionTree, revision])
    symlinkSync(join(root, 'node_modules'), join(revisionTree, 'node_modules'))
    const tsc = join(root, 'node_modules/.bin/tsc')
    execFileSync(tsc, ['-p', join(revisionTree, 'tsconfig.build.json')], { stdio: 'inherit' })
  }
  return join(revisionTree, 'lib')
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

/**
 * How many times better the first is: more of a rate, less of a time or a size. Of runs that were made in turn it is the median of the
 * ratios of the pairs, which a machine that is busy now and then does not move.
 */
function ratio(first, other, inTurn) {
  if (other === undefined) return ''
  const isLess = ['us', 'ms', 'bytes', '% of a core', 'times'].includes(first.unit)
  const better = (one, two) => (isLess ? two / one : one / two)
  if (!inTurn || first.runs.length !== other.runs.length)
    return better(median(first.runs), median(other.runs)).toFixed(2)
  const ratios = first.runs.map((run, i) => better(run, other.runs[i]))
  const spread = (Math.max(...ratios) - Math.min(...ratios)) / 2
  return `${median(ratios).toFixed(2)} ±${spread.toFixed(2)}`
}

function print(name, columns) {
  const [[firstName, firsts], ...rest] = Object.entries(columns)
  const inTurn = compare !== undefined || name === 'mixed' || name === 'observation'
  const head = ['case', 'unit', firstName, ...rest.flatMap(([other]) => [other, `${firstName} / ${other}`])]
  const rows = firsts.map((result) => {
    const beside = rest.flatMap(([, results]) => {
      const other = results.find((one) => one.case === result.case)
      return [shown(other), ratio(result, other, inTurn)]
    })
    return [result.case, result.unit, shown(result), ...beside]
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
  if (withErlang) {
    // Relaxed, so that it can be ended although somebody is still registered.
    execFileSync('epmd', ['-daemon', '-relaxed_command_check'], { env: environment })
    execFileSync('erlc', [
      '-o',
      folder,
      ...['bench', 'bench_local', 'bench_remote', 'bench_cluster'].map((m) => join(here, `erlang/${m}.erl`)),
    ])
  } else console.log('Erlang is not installed: no ratios against it.')
  const [cpu] = os.cpus()
  console.log(
    `Node.js ${process.version}, ${os.cpus().length} x ${cpu?.model}, ${new Date().toISOString().slice(0, 10)}`,
  )
  const results = {}
  for (const name of suites) {
    results[name] = await suite(name)
    print(name, results[name])
  }
  console.log(`\nIn ${Math.round((performance.now() - startedAt) / 1_000)} s.`)
  mkdirSync(join(here, 'results'), { recursive: true })
  const file = join(here, 'results', `${new Date().toISOString().replace(/[:.]/g, '-')}.json`)
  writeFileSync(
    file,
    JSON.stringify({ node: process.version, cpu: cpu?.model, cpus: os.cpus().length, results }, null, 1),
  )
} finally {
  if (existsSync(revisionTree)) spawnSync('git', ['-C', root, 'worktree', 'remove', '--force', revisionTree])
  if (withErlang) spawnSync('epmd', ['-port', environment.ERL_EPMD_PORT, '-kill'], { stdio: 'ignore' })
  rmSync(folder, { recursive: true, force: true })
}
