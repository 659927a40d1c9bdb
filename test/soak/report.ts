/** What came of a soak, for people. */
import { spawnSync } from 'node:child_process'
import os from 'node:os'
import { type Slope, slopeOf } from './slope.js'
import type { MemberReport, SoakOptions, SoakReport } from './soak.js'

/** What a soak was. */
export interface Summary {
  readonly seed: number
  readonly nodes: readonly string[]
  readonly minutes: number
  readonly perSecond: number
  readonly tickTimeMs: number
  readonly roundMs: number
  readonly commit: string
  readonly date: string
  readonly machine: string
}

export function summary(
  { seed, kinds, ms, perSecond, tickTimeMs, roundMs }: SoakOptions,
  _report: SoakReport,
): Summary {
  const git = spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' })
  const erlang = spawnSync('erl', ['-noinput', '-eval', 'io:put_chars(erlang:system_info(otp_release)), halt().'], {
    encoding: 'utf8',
  })
  const otp = kinds.includes('erlang') ? `, Erlang/OTP ${erlang.stdout}` : ''
  return {
    seed,
    nodes: kinds,
    minutes: ms / 60_000,
    perSecond: perSecond * kinds.length * (kinds.length - 1) * 2,
    tickTimeMs,
    roundMs,
    commit: git.stdout?.trim() ?? '',
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    machine: `${os.cpus().length} x ${os.cpus()[0]?.model}, ${os.type()} ${os.release()}, Node.js ${process.version}${otp}`,
  }
}

/** The report as a page. */
export function markdown(about: Summary, { rounds, members, violations, tookMs }: SoakReport): string {
  const faults = rounds.flatMap((round) => round.faults)
  const kinds = [...new Set(faults.map(({ kind }) => kind))].sort()
  const counted = kinds.map((kind) => `${faults.filter((fault) => fault.kind === kind).length} ${kind}`)
  const sum = (read: (member: MemberReport) => number) => members.reduce((total, member) => total + read(member), 0)
  const all = (read: (member: MemberReport) => Readonly<Record<string, number>>) => {
    const sums: Record<string, number> = {}
    for (const member of members) {
      for (const [key, count] of Object.entries(read(member))) sums[key] = (sums[key] ?? 0) + count
    }
    return Object.entries(sums).sort(([one], [other]) => (one < other ? -1 : 1))
  }
  const listed = (entries: [string, number][]) => entries.map(([key, count]) => `${thousands(count)} ${key}`).join(', ')
  const times = (read: (round: (typeof rounds)[number]) => number) => {
    const sorted = rounds.map(read).sort((one, other) => one - other)
    return `${sorted[sorted.length >> 1]} ms in the median, ${sorted.at(-1)} ms at most`
  }
  return `| | |
| --- | --- |
| command | \`npm run soak -- --minutes ${about.minutes} --seed ${about.seed}\` |
| date, revision | ${about.date} UTC, ${about.commit} |
| machine | ${about.machine} |
| nodes | ${about.nodes.length}: ${about.nodes.join(', ')}; mutual TLS, a proxy on each way, ticks of ${about.tickTimeMs} ms |
| length | ${(tookMs / 60_000).toFixed(1)} minutes, ${rounds.length} rounds of faults |
| faults | ${faults.length}: ${counted.join(', ')} |
| messages in numbered streams | ${thousands(sum(({ sent }) => sent))} sent, ${thousands(sum(({ heard }) => heard))} heard; ${thousands(sum(({ lost }) => lost))} known to be lost with their connections |
| notices of monitors and links | ${listed(all(({ notices }) => notices))} |
| gen_server calls | ${listed(all(({ calls }) => calls))} |
| warnings in the logs of reign | ${listed(all(({ logged }) => logged)) || 'none'} |
| all connected again after a round | ${times(({ meshMs }) => meshMs)} |
| all names and groups known everywhere after that | ${times(({ namesMs }) => namesMs)} |
| everything heard, nobody waiting after that | ${times(({ restMs }) => restMs)} |
| **violations** | **${violations.length}** |
${violations.map((violation) => `\n- ${violation.slice(0, 1_000)}`).join('')}

| node | runs | memory in use after a collection | an hour | resident | an hour | held at rest, first and last |
| --- | --- | --- | --- | --- | --- | --- |
${members.map(row).join('\n')}

Memory is of the last run of each node, at rest after each round; "an hour" is the line of least squares through that, with 95 % of certainty.
`
}

function row({ name, runs, rss, used, holdings }: MemberReport): string {
  const held = holdings.map((each) =>
    Object.entries(each)
      .map(([what, count]) => `${count} ${what}`)
      .join(', '),
  )
  return `| ${[name, runs, range(used), slope(slopeOf(used)), range(rss), slope(slopeOf(rss)), held.join('; ')].join(' | ')} |`
}

const mib = (bytes: number): string => (bytes / 1_048_576).toFixed(1)

function range(samples: MemberReport['rss']): string {
  const [first, last] = [samples[0], samples.at(-1)]
  return first === undefined || last === undefined ? '' : `${mib(first.value)} to ${mib(last.value)} MiB`
}

const slope = (line: Slope | undefined): string =>
  line === undefined ? '' : `${line.perHour >= 0 ? '+' : ''}${mib(line.perHour)} ±${mib(line.plusMinus)} MiB`

const thousands = (count: number): string => count.toLocaleString('en-US')
