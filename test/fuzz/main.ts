/**
 * The fuzzer as a program: see `--help`. Run by scripts/fuzz.mjs, on sources with marks.
 *
 * Ends with 1 when something does not hold; the shortest input that shows it is printed, and put into found.json with `--keep`.
 */
import { parseArgs } from 'node:util'
import { campaign, type Marks, type Report, shortened, shown } from './campaign.js'
import { addFound, readCorpus, readFound, writeCorpus } from './corpus.js'
import { hexOf, type Target } from './target.js'
import { allTargets } from './targets.js'
import { Watchdog } from './watchdog.js'

const help = `npm run fuzz -- [options]

  --seconds N     for how long, all targets together (60)
  --inputs N      at most so many inputs for each target
  --seed S        what is drawn from; one of the time of day unless given
  --target NAME   only this: terms, payloads, control, frames, handshake, epmd, certs, texts; may be given several times
  --keep          writes what was found: faults into found.json, inputs that reach something new into corpus/
`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    inputs: { type: 'string' },
    seed: { type: 'string' },
    target: { type: 'string', multiple: true },
    keep: { type: 'boolean', default: false },
    folder: { type: 'string', default: 'test/fuzz' },
    help: { type: 'boolean', default: false },
  },
})

const { marks } = globalThis as { marks?: Marks }
const seed = values.seed === undefined ? Date.now() % 1_000_000 : Number(values.seed)

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(help)
  const known = allTargets()
  for (const name of values.target ?? []) {
    if (!known.some((target) => target.name === name)) throw new Error(`no target is called ${name}`)
  }
  const targets = known.filter(({ name }) => values.target?.includes(name) ?? true)
  print(`seed ${seed}`)
  const watchdog = new Watchdog()
  for (const target of targets) {
    const corpus = readCorpus(values.folder, target.name)
    const found = readFound(values.folder).filter((each) => each.target === target.name)
    const report = await campaign(target, {
      seed,
      ms: (Number(values.seconds) * 1_000) / targets.length,
      ...(values.inputs !== undefined && { inputsMax: Number(values.inputs) }),
      corpus: [...corpus, ...found.map(({ hex }) => Buffer.from(hex, 'hex'))],
      marks,
      begins: (input) => watchdog.begins(target.name, input),
    })
    print(lineOf(report))
    if (report.failure !== undefined) {
      print(shown(report.failure))
      const { input, error } = report.failure
      if (values.keep) addFound(values.folder, { target: target.name, title: error.message, hex: hexOf(input) })
      process.exitCode = 1
    } else if (values.keep && marks !== undefined) {
      watchdog.rest()
      keep(target, corpus, report, marks)
    }
  }
  watchdog.stop()
}

function lineOf({ target, inputs, frames, processorMs, outcomes, kept }: Report): string {
  const rate = (count: number) => Math.round(count / (processorMs / 1_000)).toLocaleString('en')
  const common = [...outcomes].sort(([, a], [, b]) => b - a).slice(0, 6)
  const shares = common.map(
    ([outcome, count]) => `${outcome.replace('ERR_REIGN_', '')} ${Math.round((count / inputs) * 100)} %`,
  )
  const rates = `${rate(frames)} frames and ${rate(inputs)} inputs for each second of a processor`
  return `${target}: ${inputs.toLocaleString('en')} inputs, ${rates}, ${kept.length} new; ${shares.join(', ')}`
}

/** Of the corpus and what is new, shortened, the fewest that reach what all of it reaches beyond the seeds. */
function keep(target: Target, corpus: readonly Uint8Array[], report: Report, marks: Marks): void {
  const reachedBy = (input: Uint8Array): readonly number[] => {
    marks.forget()
    target.run(input)
    return marks.last()
  }
  const reached = new Set(target.seeds().flatMap(reachedBy))
  const kept: Uint8Array[] = []
  for (const input of [...corpus, ...report.kept]) {
    const own = reachedBy(input).filter((mark) => !reached.has(mark))
    if (own.length === 0) continue
    const short = shortened(input, (each) => {
      const marksOf = new Set(reachedBy(each))
      return own.every((mark) => marksOf.has(mark))
    })
    kept.push(short)
    for (const mark of reachedBy(short)) reached.add(mark)
  }
  writeCorpus(values.folder, target.name, kept)
  print(`  ${kept.length} inputs are kept, which reach ${reached.size} branches with the seeds`)
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

await main()
