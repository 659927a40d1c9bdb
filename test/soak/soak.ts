/**
 * A soak: nodes at work, faults round after round, and after each round a look at whether all is as it should be. Everything that a node has
 * seen that may not be, and everything that does not come to rest in time, is a violation.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { Random } from '../../src/testing/random.js'
import { Book } from './book.js'
import type { View } from './claims.js'
import { Field, type FieldOptions, type Member } from './field.js'
import type { Answers } from './member-process.js'
import { type Fault, type PlanOptions, roundOf } from './plan.js'
import { growsMore, type Sample } from './slope.js'

export interface SoakOptions extends FieldOptions, PlanOptions {
  /** How long there are new rounds, in milliseconds. */
  readonly ms: number
  /** How long there is no fault at first, in milliseconds. */
  readonly warmUpMs: number
  /** How soon all nodes are to be connected after the last fault, in milliseconds. */
  readonly meshWithinMs: number
  /** How soon names and groups are to agree after that, in milliseconds. */
  readonly namesWithinMs: number
  /** How soon all that was sent is to be there then, all calls and notices too, in milliseconds. */
  readonly restWithinMs: number
  /** Told what happens, line by line. */
  readonly say: (line: string) => void
}

/** What came of a round. */
export interface RoundReport {
  readonly faults: readonly Fault[]
  /** From the end of the faults until all nodes were connected with all. */
  readonly meshMs: number
  /** From then until all knew the same names and groups. */
  readonly namesMs: number
  /** From then until all that was sent was there, and nobody waited for anything. */
  readonly restMs: number
}

/** What became of a node, over all of its runs. */
export interface MemberReport {
  readonly name: string
  readonly runs: number
  /** The sums of all runs, as far as they were told before each end. */
  readonly sent: number
  readonly heard: number
  readonly lost: number
  readonly notices: Readonly<Record<string, number>>
  readonly calls: Readonly<Record<string, number>>
  readonly logged: Readonly<Record<string, number>>
  /** Resident, and in use after a collection, at the end of each round of the last run, in bytes. */
  readonly rss: readonly Sample[]
  readonly used: readonly Sample[]
  /** What it held at rest, before the first fault and after the last. */
  readonly holdings: readonly Readonly<Record<string, number>>[]
}

export interface SoakReport {
  readonly rounds: readonly RoundReport[]
  readonly members: readonly MemberReport[]
  readonly violations: readonly string[]
  readonly tookMs: number
}

/** Between two looks at something that is to come about, in milliseconds. */
const lookMs = 100
/** How often nodes tell what they have counted, in milliseconds. */
const statusMs = 5_000
/** What a program does in its first minutes says little of its memory. */
const memoryFromMs = 180_000
/** More in an hour, for certain, is a leak. Compiled code alone, of what happens seldom, is some MiB in the first ten minutes. */
const usedPerHourMax = 16 * 1_048_576
/** As many violations are enough. */
const violationsMax = 100

/** See the head of this file. */
export class Soak {
  readonly #options: SoakOptions
  readonly #field: Field
  readonly #books = new Map<Member, Book>()
  readonly #violations: string[] = []
  readonly #rounds: RoundReport[] = []
  readonly #startedAt = performance.now()

  private constructor(options: SoakOptions, field: Field) {
    this.#options = options
    this.#field = field
    for (const member of field.members) this.#books.set(member, new Book())
    field.onEnd = (_, report) => this.#violated(report)
  }

  /** Runs one from beginning to end. */
  static async run(options: SoakOptions): Promise<SoakReport> {
    await using field = await Field.make(options)
    const soak = new Soak(options, field)
    await soak.#run()
    return soak.#report()
  }

  async #run(): Promise<void> {
    const { ms, warmUpMs, say } = this.#options
    await Promise.all(this.#field.members.map((member) => this.#field.start(member)))
    say(`${this.#field.members.map(({ name }) => name).join(', ')} are up`)
    const statuses = setInterval(() => void this.#askStatus(), statusMs)
    try {
      await this.#go()
      await sleep(warmUpMs)
      await this.#rest('before the first fault')
      const until = performance.now() + ms
      for (let round = 0; (round === 0 || performance.now() < until) && this.#violations.length === 0; round++) {
        await this.#round(round)
      }
      await this.#end()
    } catch (error) {
      this.#violated(String(error))
    } finally {
      clearInterval(statuses)
    }
  }

  async #round(round: number): Promise<void> {
    const faults = roundOf(this.#options, round)
    const random = new Random(this.#options.seed + round)
    this.#options.say(`round ${round}: ${faults.map(shown).join('; ')}`)
    await this.#go()
    const begin = performance.now()
    const all = faults.map(async (fault) => {
      await sleep(fault.atMs - (performance.now() - begin))
      const member = this.#field.members[fault.nodes[0] as number] as Member
      if (fault.kind === 'kill') {
        // Killed before, and not up again yet.
        if (member.run === undefined) return
        await this.#askStatus()
      }
      const heal = await this.#field.befall(fault, Math.round(random.between(20, 200)))
      if (fault.kind === 'kill') this.#books.get(member)?.begin()
      await sleep(fault.forMs)
      await heal()
      if (fault.kind === 'kill') await member.run?.ask('go')
    })
    await Promise.all(all)
    const report = await this.#rest(`after round ${round}`)
    this.#rounds.push({ faults, ...report })
  }

  /** Waits until all is connected, in agreement, and at rest; takes down what each node holds then. */
  async #rest(when: string): Promise<Omit<RoundReport, 'faults'>> {
    const { meshWithinMs, namesWithinMs, restWithinMs, say } = this.#options
    const meshMs = await this.#comesAbout(`${when}: a full mesh`, meshWithinMs, () => this.#missing())
    await this.#ask('still')
    const namesMs = await this.#comesAbout(`${when}: names that agree`, namesWithinMs, () => this.#disagreement())
    const restMs = await this.#comesAbout(`${when}: rest`, restWithinMs, () => this.#unrest())
    await this.#askStatus()
    const at = performance.now() - this.#startedAt
    for (const [member, { used }] of await this.#ask('memory')) {
      const { rssBytes } = member
      const book = this.#books.get(member)
      book?.used.push({ at, value: used })
      if (rssBytes !== undefined) book?.rss.push({ at, value: rssBytes })
    }
    for (const [member, holdings] of await this.#ask('holdings')) this.#books.get(member)?.holdings.push(holdings)
    say(
      `${when}: connected after ${meshMs} ms, names agree after ${namesMs} ms more, all at rest after ${restMs} ms more`,
    )
    return { meshMs, namesMs, restMs }
  }

  /** Looks until nothing is amiss; what still is after a while is a violation. */
  async #comesAbout(what: string, withinMs: number, amiss: () => Promise<string | undefined>): Promise<number> {
    const begin = performance.now()
    for (;;) {
      const wrong = await amiss().catch(String)
      const took = Math.round(performance.now() - begin)
      if (wrong === undefined) return took
      if (took > withinMs) {
        this.#violated(`${what} has not come about within ${withinMs} ms: ${wrong}`)
        return took
      }
      await sleep(lookMs)
    }
  }

  async #missing(): Promise<string | undefined> {
    const nodes = await this.#ask('nodes')
    for (const [member, known] of nodes) {
      const others = this.#field.members.filter((other) => other !== member && !known.includes(other.name))
      if (others.length > 0) return `${member.name} is not connected with ${others.map(({ name }) => name)}`
    }
    return undefined
  }

  /** Who knows other names and groups than there are. */
  async #disagreement(): Promise<string | undefined> {
    const views = await this.#ask('views')
    const truth = together([...views].map(([, each]) => each.truth))
    for (const [member, { view }] of views) {
      if (JSON.stringify(together([view])) !== JSON.stringify(truth)) {
        return `${member.name} knows ${JSON.stringify(view)}, and true is ${JSON.stringify(truth)}`
      }
    }
    return undefined
  }

  /** Who still waits for something, and what was sent and not heard. */
  async #unrest(): Promise<string | undefined> {
    for (const [member, { outstanding, pending }] of await this.#ask('rest')) {
      if (outstanding > 0) return `${member.name} waits for ${outstanding} notices`
      if (pending > 0) return `${member.name} waits for ${pending} answers`
    }
    const tails = await this.#ask('tails')
    const missing = [...tails].flatMap(([, { said }]) =>
      said.filter(({ other, sender, total }) => {
        const [, heard] = [...tails].find(([member]) => member.name === other) ?? []
        return heard?.heard.find((each) => each.sender === sender)?.total !== total
      }),
    )
    // What was lost at the end of a connection is not noticed before something else is heard.
    if (missing.length > 0) await this.#ask('mark')
    return missing.length > 0 ? `not all is heard: ${JSON.stringify(missing.slice(0, 3))}` : undefined
  }

  async #end(): Promise<void> {
    await this.#comesAbout('at the end: nothing is held that was not before', this.#options.restWithinMs, () =>
      this.#held(),
    )
    for (const [{ name, runs }, { used }] of this.#books) {
      if (runs > 1) continue
      const line = growsMore(used, usedPerHourMax, memoryFromMs)
      if (line !== undefined)
        this.#violated(`memory: ${name} grows by ${line.perHour} ±${line.plusMinus} bytes an hour`)
    }
    await Promise.all(
      this.#field.members.map(async (member) => {
        const { run } = member
        member.run = undefined
        const ending = await run?.stop().catch((error: Error) => this.#violated(`stop: ${error.message}`))
        if (ending && ending.code !== 0)
          this.#violated(run?.process.report(`${member.name} did not stop in order`) ?? '')
      }),
    )
  }

  /** What is held at rest that was not when the last run of its node came to rest for the first time. */
  async #held(): Promise<string | undefined> {
    for (const [member, last] of await this.#ask('holdings')) {
      const holdings = this.#books.get(member)?.holdings ?? []
      const [first] = holdings
      if (first === undefined) continue
      holdings.push(last)
      for (const [what, before] of Object.entries(first)) {
        const after = last[what] ?? 0
        if (after > before) return `${member.name} holds ${after} ${what}, and held ${before}`
      }
    }
    return undefined
  }

  async #go(): Promise<void> {
    await this.#ask('go')
  }

  async #ask<K extends keyof Answers>(question: K): Promise<Map<Member, Answers[K]>> {
    const asked = this.#field.members.filter(({ answers }) => answers)
    const answers = await Promise.all(
      asked.map(async (member) => [member, await member.run?.ask(question)] as [Member, Answers[K]]),
    )
    return new Map(answers)
  }

  /** Takes down what nodes have counted, and what they have seen that may not be. One that is just being killed says nothing. */
  async #askStatus(): Promise<void> {
    const asked = this.#field.members.filter(({ answers }) => answers)
    await Promise.all(
      asked.map(async (member) => {
        const { run } = member
        const status = await run?.ask('status').catch(() => undefined)
        const book = this.#books.get(member)
        if (status === undefined || book === undefined || member.run !== run) return
        const known = book.last?.violations.length ?? 0
        for (const violation of status.violations.slice(known)) this.#violated(`${member.name}: ${violation}`)
        book.last = status
      }),
    )
  }

  #violated(what: string): void {
    if (this.#violations.length >= violationsMax) return
    this.#violations.push(what)
    this.#options.say(`VIOLATION ${what}`)
  }

  #report(): SoakReport {
    const members = [...this.#books].map(([{ name, runs }, { sums, rss, used, holdings }]) => ({
      name,
      runs,
      ...sums,
      rss,
      used,
      holdings: [holdings[0], holdings.at(-1)].filter((each) => each !== undefined),
    }))
    return {
      rounds: this.#rounds,
      members,
      violations: this.#violations,
      tookMs: Math.round(performance.now() - this.#startedAt),
    }
  }
}

const shown = ({ kind, nodes, atMs, forMs }: Fault): string => `${kind} ${nodes.join('-')} at ${atMs} for ${forMs} ms`

/** All views in one, in an order that does not depend on theirs. */
function together(views: readonly View[]): View {
  const all = new Map<string, string[]>()
  for (const view of views) {
    for (const [group, members] of Object.entries(view)) all.set(group, [...(all.get(group) ?? []), ...members])
  }
  const sorted = [...all].sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(sorted.map(([group, members]) => [group, members.sort()]))
}
