/**
 * `npm run simulate -- --seeds 1000`: whole clusters under faults, one for each seed, on all processors. Prints for each seed that
 * fails its seed, the commit and the trace hash, and keeps the shortest plan that fails in test/simulation/regressions/.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { type FaultKind, faultKinds } from '../../src/testing/weather.js'
import { type Result, runSeed } from './attempt.js'
import { manners } from './guest-manners.js'
import { type Measure, treeWeights } from './plan.js'

/** What must happen in some of a hundred runs, or they show less than they seem to. */
const expectedMarks = [
  ...faultKinds.map((kind) => `fault ${kind === 'flap' ? 'cut' : kind}`),
  ...['DOWN', 'EXIT'].flatMap((notice) => ['reason', 'noproc', 'noconnection'].map((why) => `${notice} ${why}`)),
  ...['connection_closed', 'net_tick_timeout', 'disconnect'].map((reason) => `nodedown ${reason}`),
  ...['answered', 'ERR_REIGN_CALL', 'ERR_REIGN_TIMEOUT', 'ERR_REIGN_EXIT'].map((end) => `call ${end}`),
  ...Object.keys(treeWeights).map((kind) => `tree ${kind}`),
  ...['planted', 'borne', 'given up', 'over'].map((outcome) => `tree ${outcome}`),
  ...manners.map(({ name }) => `guest ${name}`),
  ...['guest heard', 'busy', 'message lost', 'message by name', 'members of club', 'members of red'],
]

/** A thread: gets seeds, gives results. */
function work({ measure }: { measure: Measure }): void {
  // Most errors here are refused connections, of which nobody wants to know where they were made.
  Error.stackTraceLimit = 3
  parentPort?.on('message', async (seed: number) => {
    parentPort?.postMessage(await runSeed(seed, measure))
  })
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '200' },
      from: { type: 'string', default: '1' },
      minutes: { type: 'string', default: '10' },
      nodes: { type: 'string', default: '5' },
      without: { type: 'string', default: '' },
      workers: { type: 'string', default: String(availableParallelism()) },
      keep: { type: 'string', default: 'test/simulation/regressions' },
      verbose: { type: 'boolean', default: false },
    },
  })
  const without = values.without.split(',').filter((kind) => kind !== '') as FaultKind[]
  const measure: Measure = { minutes: Number(values.minutes), nodes: Number(values.nodes), without }
  const from = Number(values.from)
  const count = Number(values.seeds)
  const build = commit()
  const started = performance.now()
  const cpu = process.cpuUsage()
  let next = from
  let ms = 0
  let heard = 0
  let lost = 0
  const failed: number[] = []
  const marks = new Map<string, number>()
  const hashes: string[] = []

  const tell = (result: Result) => {
    const { seed } = result
    if ('outcome' in result) {
      const { outcome } = result
      ms += outcome.ms
      heard += outcome.heard
      lost += outcome.lost
      hashes[seed - from] = outcome.hash
      for (const mark of outcome.marks) marks.set(mark, (marks.get(mark) ?? 0) + 1)
      if (values.verbose || count === 1) console.log(`seed ${seed} commit ${build} trace ${outcome.hash} clean`)
      return
    }
    failed.push(seed)
    const { failure, hash } = result
    hashes[seed - from] = hash
    const { plan, message } = failure
    console.log(`seed ${seed} commit ${build} trace ${hash} FAILED`)
    console.log(`  with ${plan.steps.length} steps and ${plan.faults.length} faults in ${plan.minutes.toFixed(1)} min:`)
    console.log(message.replace(/^/gm, '  '))
    mkdirSync(values.keep, { recursive: true })
    const file = join(values.keep, `seed-${seed}.json`)
    writeFileSync(file, `${JSON.stringify(plan)}\n`)
    console.log(`  kept as ${file}`)
  }

  const threads = Math.min(Number(values.workers), count)
  await Promise.all(
    Array.from({ length: threads }, () => {
      const worker = new Worker(fileURLToPath(import.meta.url), { workerData: { measure } })
      return new Promise<void>((resolve, reject) => {
        const give = () => {
          if (next < from + count) return worker.postMessage(next++)
          void worker.terminate().then(() => resolve())
        }
        worker.on('message', (told: Result) => {
          tell(told)
          give()
        })
        worker.on('error', reject)
        give()
      })
    }),
  )

  const { user, system } = process.cpuUsage(cpu)
  const cpuHours = (user + system) / 3_600_000_000
  const hours = ms / 3_600_000
  for (const [mark, seeds] of [...marks].sort()) console.log(`  ${String(seeds).padStart(5)}  ${mark}`)
  const took = ((performance.now() - started) / 1_000).toFixed(1)
  console.log(
    `${count} seeds of ${measure.nodes} nodes and ${measure.minutes} virtual minutes, commit ${build}: ${failed.length} failed; ` +
      `${heard} messages heard, ${lost} known to be lost.`,
  )
  console.log(
    `${hours.toFixed(1)} virtual hours in ${took} s, ${Math.round(hours / cpuHours)} for each hour of a processor.`,
  )
  console.log(`all traces ${sum(hashes)}`)
  // With fewer seeds, or without some faults, not everything can be expected.
  const missing = count < 100 || without.length > 0 ? [] : expectedMarks.filter((mark) => !marks.has(mark))
  if (missing.length > 0) console.log(`never happened, so nothing is shown of it: ${missing.join(', ')}`)
  if (failed.length > 0 || missing.length > 0) process.exitCode = 1
}

/** One text for the traces of all seeds, in their order. */
function sum(hashes: readonly string[]): string {
  let total = 0n
  for (const hash of hashes) total = (total * 31n + BigInt(`0x${hash}`)) % 2n ** 64n
  return total.toString(16).padStart(16, '0')
}

if (isMainThread) await main()
else work(workerData as { measure: Measure })
