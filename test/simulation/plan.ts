/** What a run does, drawn from its seed before it begins: steps of the inhabitants, and faults. A list, so that it can be made shorter. */
import { Random } from '../../src/testing/random.js'
import { type Fault, type FaultKind, weather } from '../../src/testing/weather.js'

/** What inhabitants do, and how often. */
const weights = {
  send: 30,
  burst: 2,
  large: 2,
  monitor: 12,
  demonitor: 6,
  link: 10,
  unlink: 8,
  entangle: 6,
  ask: 4,
  end: 4,
  call: 6,
  claim: 4,
  unclaim: 2,
  join: 3,
  leave: 2,
  timer: 6,
} as const

export type StepKind = keyof typeof weights

const kinds = asOften(weights)

/** Something that an inhabitant does; who, and to whom, is known when it is its turn. */
export interface Step {
  readonly atMs: number
  readonly kind: StepKind
  readonly a: number
  readonly b: number
  readonly c: number
}

/** A stranger at a door. */
export interface Knock {
  readonly atMs: number
  readonly door: number
  readonly seed: number
}

/** A guest: it has the cookie, and is let in. */
export interface Visit {
  readonly atMs: number
  readonly door: number
  readonly seed: number
}

/** What befalls the supervision trees, and how often. */
export const treeWeights = {
  crash: 12,
  finish: 4,
  storm: 6,
  fell: 1,
  add: 8,
  terminate: 5,
  restart: 4,
  delete: 3,
} as const

export type TreeStepKind = keyof typeof treeWeights

/** Something that befalls the tree of a node. */
export interface TreeStep {
  readonly atMs: number
  readonly node: number
  readonly kind: TreeStepKind
  /** Which supervisor, and which child. */
  readonly a: number
  readonly b: number
}

/** See the head of this file. */
export interface Plan {
  readonly seed: number
  readonly minutes: number
  readonly nodes: number
  readonly tickTimeMs: number
  readonly steps: readonly Step[]
  readonly faults: readonly Fault[]
  readonly knocks: readonly Knock[]
  readonly visits: readonly Visit[]
  readonly treeSteps: readonly TreeStep[]
}

/** What a run is to be, beside its seed. */
export interface Measure {
  readonly minutes: number
  readonly nodes: number
  /** Kinds of faults that are left out. */
  readonly without?: readonly FaultKind[] | undefined
}

export const nameOf = (index: number): string => `n${index}@sim`

/** Draws a plan. What is left out does not change what is drawn for the rest. */
export function planOf(seed: number, { minutes, nodes, without = [] }: Measure): Plan {
  const random = new Random(seed * 2_654_435_761)
  const ms = minutes * 60_000
  const names = Array.from({ length: nodes }, (_, index) => nameOf(index))
  const tickTimeMs = random.pick([8_000, 20_000, 60_000]) as number
  const faults = weather(random.fork(), { nodes: names, ms, everyMs: random.pick([8_000, 20_000, 60_000]) })
  const steps = drawSteps(random.fork(), ms)
  const knocks: Knock[] = []
  const strangers = random.fork()
  for (let atMs = 0; (atMs += strangers.between(0, 60_000)) < ms; ) {
    knocks.push({ atMs, door: strangers.int(nodes), seed: strangers.int(2 ** 32) })
  }
  const visits: Visit[] = []
  const guests = random.fork()
  for (let atMs = 0; (atMs += guests.between(0, 90_000)) < ms; ) {
    visits.push({ atMs, door: guests.int(nodes), seed: guests.int(2 ** 32) })
  }
  const treeSteps = drawTreeSteps(random.fork(), ms, nodes)
  const left = faults.filter(({ kind }) => !without.includes(kind))
  return { seed, minutes, nodes, tickTimeMs, steps, faults: left, knocks, visits, treeSteps }
}

/** Steps come in bursts: what happens within one trip of a message is what is worth a look. */
function drawSteps(random: Random, ms: number): Step[] {
  const steps: Step[] = []
  for (let atMs = 0; (atMs += random.between(0, 12_000)) < ms; ) {
    let withinMs = 0
    // Few of them, so that they meet.
    const few = random.chance(0.5) ? 3 : 1_000
    for (let left = 4 + random.int(20); left > 0; left--) {
      withinMs += random.chance(0.5) ? 0 : random.between(0, 30)
      const kind = random.pick(kinds) as StepKind
      steps.push({ atMs: atMs + withinMs, kind, a: random.int(few), b: random.int(few), c: random.int(1_000) })
    }
  }
  return steps.sort((a, b) => a.atMs - b.atMs)
}

/** Bursts at one node: so restarts come close together, and are too many now and then. */
function drawTreeSteps(random: Random, ms: number, nodes: number): TreeStep[] {
  const steps: TreeStep[] = []
  const kinds = asOften(treeWeights)
  for (let atMs = 0; (atMs += random.between(0, 30_000)) < ms; ) {
    const node = random.int(nodes)
    // Often one supervisor alone, so that it comes to the end of its patience.
    const one = random.chance(0.5) ? random.int(4) : undefined
    for (let left = 1 + random.int(8), withinMs = 0; left > 0; left--) {
      withinMs += random.between(0, 2_000)
      const kind = random.pick(kinds) as TreeStepKind
      steps.push({ atMs: atMs + withinMs, node, kind, a: one ?? random.int(4), b: random.int(1_000) })
    }
  }
  return steps.sort((a, b) => a.atMs - b.atMs)
}

/** Each kind as often as its weight says. */
function asOften<K extends string>(weights: Readonly<Record<K, number>>): K[] {
  return (Object.entries(weights) as [K, number][]).flatMap(([kind, weight]) => Array<K>(weight).fill(kind))
}
