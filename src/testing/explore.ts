/** Runs a test for many seeds, and says of one that fails how it is run again, and with how few faults. */
import { checkFunction, checkNumber, checkObject } from '../arguments.js'
import { ReignError } from '../errors.js'
import { Random } from './random.js'
import { Simulation, type SimulationOptions } from './simulation.js'
import { type Fault, type WeatherOptions, weather } from './weather.js'

/** What {@link explore} is told. */
export interface ExploreOptions extends Omit<SimulationOptions, 'seed'> {
  /** How many seeds. Default: 100. */
  readonly seeds?: number | undefined
  /** The first of them. Default: 1. */
  readonly from?: number | undefined
  /** What faults there are; none, unless given. */
  readonly weather?: Omit<WeatherOptions, 'nodes'> | undefined
}

/** What a seed was found to fail with. */
export class SeedError extends ReignError {
  readonly seed: number
  /** As few faults as were found to be enough. */
  readonly faults: readonly Fault[]
  /** The trace of the run that failed with them. */
  readonly traceHash: string

  /** @internal */
  constructor(seed: number, faults: readonly Fault[], traceHash: string, cause: unknown) {
    const told = faults.map((fault) => `\n  ${describeFault(fault)}`).join('')
    const why = cause instanceof Error ? cause.message : String(cause)
    const text = `seed ${seed} fails, with ${faults.length === 0 ? 'no faults' : 'these faults'} (trace ${traceHash}): ${why}${told}`
    super('ERR_REIGN_SEED', text, { cause })
    this.seed = seed
    this.faults = faults
    this.traceHash = traceHash
  }
}

/**
 * Runs a test once for each seed, each time in a simulation of its own, which is closed afterwards.
 *
 * @param test Gets the simulation, and the faults that were drawn for it: hand them to `simulation.endure`. It throws when something
 *   is not as it should be.
 * @throws `ERR_REIGN_SEED` (a {@link SeedError}, with what was thrown as its `cause`) for the first seed that fails. Before that the seed is
 *   run again with fewer and fewer faults, as long as it fails.
 */
export async function explore(
  options: ExploreOptions,
  test: (simulation: Simulation, faults: readonly Fault[]) => Promise<unknown>,
): Promise<void> {
  checkObject(options, 'options')
  checkFunction(test, 'what is tried')
  const { seeds = 100, from = 1 } = options
  checkNumber(seeds, 'seeds', 1)
  checkNumber(from, 'from', Number.NEGATIVE_INFINITY)
  for (let seed = from; seed < from + seeds; seed++) {
    const { nodes = [] } = options
    const faults = options.weather === undefined ? [] : weather(new Random(seed), { nodes, ...options.weather })
    const failure = await attempt(options, seed, faults, test)
    if (failure !== undefined) throw await fewest(options, failure, test)
  }
}

async function attempt(
  options: ExploreOptions,
  seed: number,
  faults: readonly Fault[],
  test: (simulation: Simulation, faults: readonly Fault[]) => Promise<unknown>,
): Promise<SeedError | undefined> {
  const simulation = new Simulation({ ...options, seed })
  try {
    await test(simulation, faults)
    await simulation.close()
    return undefined
  } catch (error) {
    return new SeedError(seed, faults, simulation.traceHash, error)
  }
}

/** Leaves out parts of the faults, smaller and smaller ones, for as long as the test fails without them. */
async function fewest(
  options: ExploreOptions,
  first: SeedError,
  test: (simulation: Simulation, faults: readonly Fault[]) => Promise<unknown>,
): Promise<SeedError> {
  let found = first
  for (let size = found.faults.length; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < found.faults.length; ) {
      const fewer = [...found.faults.slice(0, from), ...found.faults.slice(from + size)]
      const failure = await attempt(options, found.seed, fewer, test)
      if (failure === undefined) from += size
      else found = failure
    }
  }
  return found
}

function describeFault({ atMs, kind, nodes, forMs }: Fault): string {
  const lasting = forMs > 0 ? ` for ${Math.round(forMs)} ms` : ''
  return `after ${Math.round(atMs)} ms: ${kind} ${nodes.join(' ')}${lasting}`
}
