/**
 * Measures reign beside the actor and service libraries that npm has, in the same cases on the same machine, each case in a program of its own
 * and in turn: `npm run bench:peers`.
 *
 *   npm run bench:peers -- nact effect          some of them
 *   npm run bench:peers -- --case ask-1         some cases, by the beginning of their names
 *   npm run bench:peers -- --reps 3             runs of each. Default: 5
 *
 * They are installed on demand into bench/peers/node_modules, by its lock file and without any script of theirs, and are no dependencies of
 * reign. Results go to bench/results/ as well.
 *
 * | case | what is done in a second |
 * | --- | --- |
 * | tell | messages of one sender to one receiver, in a burst, until the last one is taken |
 * | ask-1, ask-64 | questions and answers within one program; so many at a time |
 * | remote-ask-1, remote-ask-64 | the same between two programs: theirs over plain TCP, reign's over TCP and over mutual TLS |
 */
import { execFile, execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs, promisify } from 'node:util'
import { freePorts } from '../free-ports.mjs'
import { median } from '../measure.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const peers = {
  nact: ['tell', 'ask'],
  xstate: ['tell', 'ask'],
  comedy: ['tell', 'ask', 'remote-ask'],
  moleculer: ['tell', 'ask', 'remote-ask'],
  effect: ['tell', 'ask', 'remote-ask'],
}
const cases = ['tell', 'ask-1', 'ask-64', 'remote-ask-1', 'remote-ask-64']
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { case: { type: 'string', multiple: true }, reps: { type: 'string', default: '5' } },
})
const asked = positionals.length > 0 ? positionals : Object.keys(peers)
const unknown = asked.filter((peer) => !(peer in peers))
if (unknown.length > 0) throw new Error(`not among them: ${unknown}; there are ${Object.keys(peers)}`)
const wanted = cases.filter((name) => values.case?.some((wish) => name.startsWith(wish)) ?? true)

const installed = join(here, 'node_modules')
if (!existsSync(installed)) {
  console.log('Installing what reign is measured beside …')
  execFileSync('npm', ['ci', '--ignore-scripts'], { cwd: here, stdio: ['ignore', 'ignore', 'inherit'] })
}
const versionOf = (peer) => JSON.parse(readFileSync(join(installed, peer, 'package.json'), 'utf8')).version

/** A run takes two or three seconds. One that takes so long, in milliseconds, is ended, and told as one that did not come to an end. */
const runMsMax = 20_000

const folder = mkdtempSync(join(os.tmpdir(), 'reign-bench-peers-'))

/** A cluster folder of two nodes. */
async function cluster(carrier) {
  const path = join(folder, carrier)
  const cli = fileURLToPath(new URL('../../lib/cli/main.js', import.meta.url))
  const [one, other] = await freePorts(2)
  const nodes = [`a@127.0.0.1:${one}`, `b@127.0.0.1:${other}`]
  execFileSync(process.execPath, [cli, 'init', ...nodes, '--dir', path], { stdio: 'ignore' })
  const file = join(path, 'cluster.json')
  const spec = { ...JSON.parse(readFileSync(file, 'utf8')), epmd: 'off', tls: carrier === 'tls' }
  writeFileSync(file, JSON.stringify(spec))
  return path
}

/** How often in a second; `undefined` of what does not come to an end. */
async function rateOf(library, name, env = {}) {
  const ports = await freePorts(2)
  const args = [join(here, 'one.mjs'), library, name, ...ports.map(String)]
  const options = { env: { ...process.env, ...env }, timeout: runMsMax }
  const { stdout } = await promisify(execFile)(process.execPath, args, options).catch((error) => error)
  const line = stdout.split('\n').findLast((each) => each.startsWith('{"rate"'))
  return line && JSON.parse(line).rate
}

/** Who takes part in a case: what stands in the table, and what is run. */
function partsOf(name, clusters) {
  const takesPart = (peer) => asked.includes(peer) && peers[peer].some((kind) => name.startsWith(kind))
  const others = Object.keys(peers).filter(takesPart)
  const ours = name.startsWith('remote')
    ? ['tls', 'tcp'].map((carrier) => [`reign, ${carrier}`, 'reign', { PEERS_CLUSTER: clusters[carrier] }])
    : [['reign', 'reign', {}]]
  return [...ours, ...others.map((peer) => [`${peer} ${versionOf(peer)}`, peer, {}])]
}

function shown(runs, wanted) {
  if (runs.length === 0) return 'did not come to an end'
  if (runs.length < wanted)
    return `${shown(runs, 0)}, in ${runs.length} of ${wanted} runs; the others did not come to an end`
  const value = median(runs)
  const spread = Math.round(((Math.max(...runs) - Math.min(...runs)) / value / 2) * 100)
  const text =
    value >= 1e6 ? `${(value / 1e6).toFixed(2)} M` : value >= 1e4 ? `${(value / 1e3).toFixed(0)} k` : value.toFixed(0)
  return `${text} ±${spread} %`
}

try {
  console.log(
    `Node.js ${process.version}, ${os.cpus().length} x ${os.cpus()[0]?.model}, ${new Date().toISOString().slice(0, 10)}\n`,
  )
  console.log('| case | who | in a second | reign is ahead |\n| --- | --- | --- | --- |')
  const clusters = { tcp: await cluster('tcp'), tls: await cluster('tls') }
  const results = []
  for (const name of wanted) {
    const parts = partsOf(name, clusters).map(([who, library, env]) => ({ case: name, who, library, env, runs: [] }))
    // In turn, so that whatever else the machine does befalls all of them.
    for (let rep = 0; rep < Number(values.reps); rep++) {
      for (const part of parts) {
        const rate = await rateOf(part.library, name, part.env)
        if (rate !== undefined) part.runs.push(rate)
      }
    }
    const ours = median(parts[0].runs)
    for (const { who, runs, library } of parts) {
      const ahead = library === 'reign' || runs.length === 0 ? '' : `${(ours / median(runs)).toPrecision(2)} x`
      console.log(`| ${name} | ${who} | ${shown(runs, Number(values.reps))} | ${ahead} |`)
      results.push({ case: name, who, runs })
    }
  }
  const resultsFolder = join(here, '..', 'results')
  mkdirSync(resultsFolder, { recursive: true })
  const file = join(resultsFolder, `peers-${new Date().toISOString().replace(/[:.]/g, '-')}.json`)
  writeFileSync(file, JSON.stringify({ node: process.version, cpu: os.cpus()[0]?.model, results }, null, 1))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
