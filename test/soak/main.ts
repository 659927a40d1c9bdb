/**
 * Runs a soak, and reports: `npm run soak -- --minutes 10`.
 *
 *   --minutes N      how long there are new faults; at least one round. Default: 1
 *   --seed S         decides the faults and what the nodes do. Default: drawn
 *   --nodes N        Default: 5
 *   --otp N          how many of them are of Erlang, where that is installed. Default: 2
 *   --rate N         messages in a second, of all senders together. Default: 1,200
 *   --round-ms N     how long a round of faults is. Default: 20,000
 *   --tick-ms N      the time of the ticks, whole seconds. Default: 4,000
 *   --warm-ms N      how long there is no fault at first. Default: 3,000
 *   --mesh-ms N      how soon all are to be connected after a round. Default: 30,000
 *   --names-ms N     how soon all are to know the same names and groups then. Default: 5,000
 *   --out FOLDER     where the report goes, as JSON and as Markdown. Default: .cache/soak
 *   --plant WHAT     lets the first node go wrong, to see that it is found: drop, duplicate, swap, notice
 *
 * Ends with 0 when there was no violation.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { projectFolder } from '../support/fresh-build.js'
import type { MemberOptions } from './member.js'
import type { Kind } from './member-process.js'
import { markdown, summary } from './report.js'
import { Soak } from './soak.js'
import { streamsPerPair } from './work.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
    nodes: { type: 'string', default: '5' },
    otp: { type: 'string', default: '2' },
    rate: { type: 'string', default: '1200' },
    'round-ms': { type: 'string', default: '20000' },
    'tick-ms': { type: 'string', default: '4000' },
    'warm-ms': { type: 'string', default: '3000' },
    'mesh-ms': { type: 'string', default: '30000' },
    'names-ms': { type: 'string', default: '5000' },
    out: { type: 'string', default: join(projectFolder, '.cache', 'soak') },
    plant: { type: 'string' },
  },
})

const [nodes, minutes, seed] = [Number(values.nodes), Number(values.minutes), Number(values.seed)]
const withErlang = spawnSync('erl', ['-version'], { stdio: 'ignore' }).error === undefined
const otp = withErlang ? Math.min(nodes - 1, Number(values.otp)) : 0
const kinds: Kind[] = Array.from({ length: nodes }, (_, index) => (index < nodes - otp ? 'reign' : 'erlang'))
if (Number(values.otp) > 0 && !withErlang) console.log('Erlang is not installed: ALL NODES ARE OF REIGN.')

const options = {
  kinds,
  seed,
  nodes,
  // One of each kind is never killed.
  veterans: otp > 0 ? [0, nodes - otp] : [0],
  ms: minutes * 60_000,
  roundMs: Number(values['round-ms']),
  tickTimeMs: Number(values['tick-ms']),
  perSecond: Number(values.rate) / (nodes * (nodes - 1) * streamsPerPair),
  warmUpMs: Number(values['warm-ms']),
  meshWithinMs: Number(values['mesh-ms']),
  namesWithinMs: Number(values['names-ms']),
  restWithinMs: 60_000,
  plant: values.plant as MemberOptions['plant'],
  say: (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
}
console.log(`seed ${seed}: ${nodes} nodes (${otp} of Erlang), ${minutes} minutes, ${values.rate} messages/s`)
const report = await Soak.run(options)
const about = summary(options, report)
const folder = values.out
mkdirSync(folder, { recursive: true })
writeFileSync(join(folder, `${seed}.json`), JSON.stringify({ ...about, ...report }, null, 1))
writeFileSync(join(folder, `${seed}.md`), markdown(about, report))
console.log(`\n${markdown(about, report)}\nreport: ${join(folder, `${seed}.md`)}`)
process.exit(report.violations.length === 0 ? 0 : 1)
