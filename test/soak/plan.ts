/** What befalls a soak, drawn from its seed round by round before it happens. */
import { Random } from '../../src/testing/random.js'

/** The kinds of faults, and how often each is drawn. */
const weights = { kill: 4, stop: 4, cut: 4, cutOneWay: 2, reset: 4, lag: 2, isolate: 1 } as const

export type FaultKind = keyof typeof weights

/** Something that goes wrong in a round, and is put right later. */
export interface Fault {
  /** Milliseconds from the beginning of the round. */
  readonly atMs: number
  readonly kind: FaultKind
  /** One node or two that it befalls, by their numbers. */
  readonly nodes: readonly number[]
  /** How long it lasts, in milliseconds; a killed node is started again then. */
  readonly forMs: number
}

export interface PlanOptions {
  readonly seed: number
  readonly nodes: number
  /** Those that are never killed, so that something can be said of their memory. */
  readonly veterans: readonly number[]
  /** The length of a round, in milliseconds. */
  readonly roundMs: number
  readonly tickTimeMs: number
}

const kinds = (Object.entries(weights) as [FaultKind, number][]).flatMap(([kind, weight]) =>
  Array<FaultKind>(weight).fill(kind),
)

/** The faults of a round, by its number. What befalls one node, or the way between two, is over before the next does. */
export function roundOf({ seed, nodes, veterans, roundMs, tickTimeMs }: PlanOptions, round: number): Fault[] {
  const random = new Random(seed * 2_654_435_761 + round * 40_503)
  const all = Array.from({ length: nodes }, (_, node) => node)
  const busyUntil = new Map<string, number>()
  const faults: Fault[] = []
  for (let atMs = random.between(0, roundMs / 6); atMs < roundMs; atMs += random.between(roundMs / 20, roundMs / 4)) {
    const kind = random.pick(kinds) as FaultKind
    const [one, other] = random.shuffled(all.filter((node) => kind !== 'kill' || !veterans.includes(node)))
    // Sometimes for longer than it takes to be noticed.
    const forMs = kind === 'reset' ? 0 : random.between(100, kind === 'kill' ? 1.5 * tickTimeMs : 2.5 * tickTimeMs)
    if (one === undefined || (other === undefined && kind !== 'kill')) continue
    const between = kind === 'cut' || kind === 'cutOneWay' || kind === 'reset' || kind === 'lag'
    const befallen = between ? [one, other as number] : [one]
    const keys = between ? [[...befallen].sort().join('-')] : kind === 'isolate' ? ['isolate'] : [String(one)]
    if (keys.some((key) => (busyUntil.get(key) ?? 0) >= atMs)) continue
    for (const key of keys) busyUntil.set(key, atMs + forMs)
    faults.push({ atMs: Math.round(atMs), kind, nodes: befallen, forMs: Math.round(forMs) })
  }
  return faults
}
