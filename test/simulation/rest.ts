/** What must be so when the weather has been fine for a while: the oracles of the end of a run. */
import type { Simulation } from '../../src/testing/simulation.js'
import { type Inhabitant, type Ledger, Violation } from './ledger.js'
import type { Population } from './population.js'
import { claimNames, type Steps } from './steps.js'

/** What there is to be looked at. */
export interface Calm {
  readonly simulation: Simulation
  readonly ledger: Ledger
  readonly population: Population
  readonly steps: Steps
  /** Lets so many milliseconds pass. */
  readonly pass: (ms: number) => Promise<void>
}

/** Names and groups are the same on all nodes, and have those in them who live and say so. */
export function namesAgree({ simulation, ledger, population }: Calm): void {
  const living = new Set(population.living.map(({ text }) => text))
  const views = [...claimNames.map((name) => [name, 'reign'] as const), ['club', 'pg'] as const]
  for (const [group, scopeName] of views) {
    const own = simulation.running.map((node) => node.groups.scope(scopeName).localMembers(group))
    const all = own.flat().map(String).sort()
    if (all.length > 0) ledger.marks.add(`members of ${group}`)
    for (const member of all) if (!living.has(member)) throw new Violation(`${member} is in ${group}, and has ended`)
    for (const node of simulation.running) {
      const seen = node.groups.scope(scopeName).members(group).map(String).sort()
      if (seen.join() !== all.join()) {
        throw new Violation(`P11: ${node.name} sees in ${group}: ${seen.join(' ')}; there are: ${all.join(' ')}`)
      }
    }
  }
}

/** Nothing is lost any more. */
export async function everybodyHears({ population, steps, pass }: Calm): Promise<void> {
  const living = population.living
  const last = new Map<Inhabitant, Map<Inhabitant, number>>()
  for (const by of living) {
    const said = new Map<Inhabitant, number>()
    last.set(by, said)
    for (const to of living) {
      steps.send(by, to, 2)
      said.set(to, by.said)
    }
    steps.call(by, living[0] as Inhabitant, 1)
  }
  await pass(40_000)
  for (const [by, said] of last) {
    for (const [to, n] of said) {
      if (to.heard.get(by)?.lastN !== n) throw new Violation(`${to.text} never hears number ${n} of ${by.text}`)
    }
  }
  if (steps.callsPending > 0) throw new Violation(`${steps.callsPending} calls are never over`)
}

/** Links are links at both ends, monitors are known at both ends, and none is left of who has ended. */
export function tablesAgree({ ledger, population }: Calm): void {
  const living = population.living
  const info = new Map(living.map((each) => [each, infoOf(each)]))
  for (const who of living) {
    const { links, monitors, monitored_by } = infoOf(who)
    for (const address of links) {
      const other = ledger.byAddress(address)
      const theirs = other && info.get(other)?.links
      if (theirs === undefined) throw new Violation(`${who.text} is linked with ${address}, who has ended`)
      if (!theirs.some((each) => String(each) === who.text)) {
        throw new Violation(`${who.text} is linked with ${address}, who is not linked with it`)
      }
    }
    for (const { target } of who.watching.values()) {
      if (!target.alive) throw new Violation(`${who.text} was never told of the end of ${target.text}`)
    }
    if (monitors.length !== who.watching.size) {
      throw new Violation(`${who.text} has ${monitors.length} monitors, and has set ${who.watching.size}`)
    }
    const watchers = living.flatMap((by) => [...by.watching.values()].filter(({ target }) => target === who))
    // Groups watch their members, too.
    const watched = monitored_by.filter((address) => ledger.byAddress(address) !== undefined)
    if (watched.length !== watchers.length) {
      throw new Violation(`${who.text} is watched by ${watched.length}, and should be by ${watchers.length}`)
    }
  }
}

function infoOf(who: Inhabitant) {
  const info = who.run.node.processInfo(who.self.address)
  if (info === undefined) throw new Violation(`${who.text} lives, and is not to be found`)
  return info
}
