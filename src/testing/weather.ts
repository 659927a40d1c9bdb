/**
 * Bad weather: faults of a cluster, drawn from a seed as a list before anything has happened, so that a run that fails can be run again
 * with some of them left out.
 */
import { check, checkNumber, checkObject } from '../arguments.js'
import type { Latency } from './network.js'
import { Random } from './random.js'
import type { Simulation } from './simulation.js'

/** The kinds of faults. */
export const faultKinds = [
  /** A cable is pulled, in both directions or in one. */
  'cut',
  'cutOneWay',
  /** The cluster falls into two parts. */
  'partition',
  /** One cable is pulled and put in again, many times. */
  'flap',
  /** Connections between two machines break. */
  'reset',
  /** One of two closes the connection with the other. */
  'disconnect',
  /** The way between two is slow. */
  'slow',
  /** A program stands still. */
  'freeze',
  /** A program is killed; the power of its machine fails; it is stopped by an operator. Another run starts later. */
  'crash',
  'switchOff',
  'stop',
  /** The wall clock of a machine jumps, forward or back. */
  'clock',
] as const

export type FaultKind = (typeof faultKinds)[number]

/** Something that goes wrong at a time, and is put right later. */
export interface Fault {
  /** Virtual milliseconds from the beginning of the weather. */
  readonly atMs: number
  readonly kind: FaultKind
  /** One machine or two that it befalls; for a partition, those of the one part. */
  readonly nodes: readonly string[]
  /** How long it lasts, in milliseconds. */
  readonly forMs: number
  readonly latency?: Latency | undefined
  /** How far a clock jumps, in milliseconds; back, if it is negative. */
  readonly byMs?: number | undefined
}

/** What weather is wanted. */
export interface WeatherOptions {
  readonly nodes: readonly string[]
  /** How long it lasts, in milliseconds. */
  readonly ms: number
  /** The time from one fault to the next, in milliseconds, on the average. Default: 10,000. */
  readonly everyMs?: number | undefined
  /** Which kinds there are. Default: all. */
  readonly kinds?: readonly FaultKind[] | undefined
  /** How long faults last, in milliseconds: anything between the two, short ones more often. Default: 20 to 120,000. */
  readonly lasting?: Latency | undefined
}

/** Those that are over at once. */
const momentary: ReadonlySet<FaultKind> = new Set(['reset', 'disconnect'])
/** By how much clocks jump, in milliseconds: an hour, ten seconds, ten years. */
const clockSteps = [3_600_000, -3_600_000, 10_000, -10_000, 315_360_000_000, -315_360_000_000]
/** Each half of a flap lasts so long, in milliseconds. */
const flapMs = 200

/** Draws faults, in the order of their times. */
export function weather(random: Random, options: WeatherOptions): Fault[] {
  check(random instanceof Random, 'weather is drawn from a Random', random)
  checkObject(options, 'options')
  check(Array.isArray(options.nodes), 'nodes are an array of names', options.nodes)
  checkNumber(options.ms, 'ms')
  const { nodes, ms, everyMs = 10_000, kinds = faultKinds, lasting = { minMs: 20, maxMs: 120_000 } } = options
  const faults: Fault[] = []
  for (let atMs = draw(random, everyMs); atMs < ms; atMs += draw(random, everyMs)) {
    const kind = random.pick(kinds) as FaultKind
    const [one, other, ...rest] = random.shuffled(nodes) as [string, string, ...string[]]
    if (one === undefined || (other === undefined && nodes.length < 2 && !single.has(kind))) continue
    const part = kind === 'partition' ? [one, ...rest.slice(0, random.int(rest.length + 1))] : []
    const forMs = momentary.has(kind) ? 0 : lasting.minMs * (lasting.maxMs / lasting.minMs) ** random.next()
    faults.push({
      atMs,
      kind,
      nodes: kind === 'partition' ? part : single.has(kind) ? [one] : [one, other],
      forMs,
      ...(kind === 'clock' && { byMs: random.pick(clockSteps) as number }),
      ...(kind === 'slow' && { latency: { minMs: 50, maxMs: 50 + random.int(2_000) } }),
    })
  }
  return faults
}

/** Those that befall one machine. */
const single: ReadonlySet<FaultKind> = new Set(['freeze', 'crash', 'switchOff', 'stop', 'clock'])

/** Times between things that happen independently of each other. */
function draw(random: Random, everyMs: number): number {
  return -Math.log(1 - random.next()) * everyMs
}

/** Something to be done at a time. */
export interface Deed {
  readonly atMs: number
  readonly what: string
  perform(): Promise<void> | void
}

/**
 * What is to be done for faults to come and go, in the order of the times; what is still wrong at the end is for the caller to put right
 * ({@link clearSky}).
 *
 * @param started Told of each run that starts in the place of one that was ended.
 */
export function deedsOf(
  simulation: Simulation,
  faults: readonly Fault[],
  started: (name: string) => void = () => {},
): Deed[] {
  const deeds: Deed[] = []
  for (const fault of faults) {
    const { atMs, forMs, kind } = fault
    const add = (afterMs: number, what: string, perform: Deed['perform']) =>
      deeds.push({ atMs: atMs + afterMs, what: `${what} ${fault.nodes.join(' ')}`, perform })
    const [one = '', other = ''] = fault.nodes
    const restart = () => startAgain(simulation, one, started)
    switch (kind) {
      case 'cut':
      case 'cutOneWay':
        add(0, kind, () => simulation.cut(one, other, { oneWay: kind === 'cutOneWay' }))
        add(forMs, 'heal', () => simulation.heal(one, other))
        break
      case 'partition':
        add(0, kind, () => across(simulation, fault.nodes, (a, b) => simulation.cut(a, b)))
        add(forMs, 'heal', () => across(simulation, fault.nodes, (a, b) => simulation.heal(a, b)))
        break
      case 'flap':
        for (let after = 0; after < Math.min(forMs, 20_000); after += 2 * flapMs) {
          add(after, 'cut', () => simulation.cut(one, other))
          add(after + flapMs, 'heal', () => simulation.heal(one, other))
        }
        break
      case 'reset':
        add(0, kind, () => simulation.reset(one, other))
        break
      case 'disconnect':
        add(0, kind, () => {
          if (simulation.runs(one)) simulation.node(one).disconnect(other)
        })
        break
      case 'slow':
        add(0, kind, () => simulation.delay(one, other, fault.latency))
        add(forMs, 'fast', () => simulation.delay(one, other))
        break
      case 'freeze':
        add(0, kind, () => simulation.freeze(one))
        add(forMs, 'thaw', () => simulation.thaw(one))
        break
      case 'crash':
      case 'switchOff':
        add(0, kind, () => simulation[kind](one))
        add(forMs, 'start', restart)
        break
      case 'stop':
        add(0, kind, () => simulation.stopMeanwhile(one))
        add(forMs, 'start', restart)
        break
      case 'clock':
        add(0, kind, () => simulation.stepClock(one, fault.byMs ?? 0))
        add(forMs, 'set', () => simulation.stepClock(one, -(fault.byMs ?? 0)))
    }
  }
  return deeds.sort((a, b) => a.atMs - b.atMs)
}

/** Puts right what is wrong: cables, delays, programs that stand still or are not there. */
export async function clearSky(simulation: Simulation, started: (name: string) => void = () => {}): Promise<void> {
  simulation.calm()
  for (const name of simulation.names) await startAgain(simulation, name, started)
}

async function startAgain(simulation: Simulation, name: string, started: (name: string) => void): Promise<void> {
  if (simulation.runs(name)) return
  await simulation.start(name)
  started(name)
}

function across(simulation: Simulation, part: readonly string[], act: (one: string, other: string) => void): void {
  for (const one of part) for (const other of simulation.names) if (!part.includes(other)) act(one, other)
}
