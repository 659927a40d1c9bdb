/** Plays a scenario in all placements, and holds each against Erlang's: see docs/differential.md. */
import type { Placement } from './placement.js'
import type { Run } from './run.js'
import type { Kinds, Scenario } from './scenario.js'

/** How long what was seen may go on changing after the script, in milliseconds. */
const calmMs = 20_000
/** Between two looks, in milliseconds. */
const lookMs = 20

/** What a scenario looked like in one placement, and what it is to look like. */
export interface Comparison {
  readonly title: string
  readonly expected: string
  readonly seen: string
  /** What the script did: for the message of a failure. */
  readonly steps: string
}

/** The placements in which a scenario can be played. */
export function suits(scenario: Scenario, placement: Placement): boolean {
  const { nodes = 2, fresh = [], apart = false } = scenario.options
  return !placement.single || (nodes === 2 && fresh.length === 0 && !apart)
}

/**
 * Plays a scenario in all placements at once and compares: those of two nodes with (erl, erl), those of one with (erl).
 *
 * @throws when (erl, erl) does not come to its end, or shows nothing: then it is the scenario that is wrong.
 */
export async function compare(scenario: Scenario, placements: readonly Placement[]): Promise<Comparison[]> {
  const suitable = placements.filter((placement) => suits(scenario, placement))
  const played = await Promise.allSettled(suitable.map((placement) => placement.play(scenario)))
  const plays = played.flatMap((result, i) =>
    result.status === 'fulfilled' ? [{ placement: suitable[i] as Placement, ...result.value }] : [],
  )
  try {
    for (const result of played) if (result.status === 'rejected') throw result.reason
    return await calm(scenario, plays)
  } finally {
    await Promise.all(plays.map(({ end }) => end()))
  }
}

type Play = { readonly placement: Placement; readonly run: Run }

/**
 * What becomes of a process is announced to others on its own time, so what is seen right after the script may not be all:
 * looks until all placements agree, or until nothing more is to be hoped for.
 */
async function calm(scenario: Scenario, plays: readonly Play[]): Promise<Comparison[]> {
  const deadline = performance.now() + calmMs
  for (;;) {
    const samples = await Promise.all(plays.map(({ run }) => run.sample()))
    const comparisons = held(scenario, plays, samples)
    const same = comparisons.every(({ expected, seen }) => expected === seen)
    if (same || performance.now() > deadline) return comparisons
    await new Promise((resolve) => setTimeout(resolve, lookMs))
  }
}

function held(scenario: Scenario, plays: readonly Play[], samples: readonly string[][]): Comparison[] {
  return plays.flatMap(({ placement, run }, i) => {
    const seen = samples[i] as string[]
    if (isReference(placement)) {
      if (run.failure !== undefined)
        throw new Error(`"${scenario.title}" is wrong: in ${placement.title}, ${told(run)}`)
      if (seen.length === 0) throw new Error(`"${scenario.title}" shows nothing in ${placement.title}`)
      return []
    }
    const of = plays.findIndex((other) => isReference(other.placement) && other.placement.single === placement.single)
    const expected = expectation(scenario, samples[of] as string[], placement.kinds)
    return [
      { title: placement.title, expected: expected.join('\n'), seen: seen.join('\n'), steps: run.steps.join('\n') },
    ]
  })
}

function isReference({ kinds }: Placement): boolean {
  return kinds.a === 'erl' && kinds.b === 'erl'
}

function expectation(scenario: Scenario, reference: readonly string[], kinds: Kinds): readonly string[] {
  return scenario.options.differs?.expected(reference, kinds) ?? reference
}

function told(run: Run): string {
  return `${run.failure}\nsteps:\n  ${run.steps.join('\n  ')}`
}
