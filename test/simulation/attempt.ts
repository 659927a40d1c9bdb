/** Runs plans, and says what came of them: what threads and tests have in common. */
import type { Measure, Plan } from './plan.js'
import { planOf } from './plan.js'
import { type Failure, shrink } from './shrink.js'
import { type Outcome, World } from './world.js'

/** What came of a seed. */
export type Result =
  | { readonly seed: number; readonly outcome: Outcome }
  | { readonly seed: number; readonly failure: Failure; readonly hash: string }

/** Does what a plan says; gives what went wrong, if something did. */
export async function attempt(plan: Plan): Promise<{ world: World; failure: Failure | undefined }> {
  const world = new World(plan)
  try {
    await world.perform()
    return { world, failure: undefined }
  } catch (error) {
    const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { world, failure: { plan, message, atMs: world.simulation.now } }
  }
}

/** The run of a seed; what fails is made short. */
export async function runSeed(seed: number, measure: Measure, shrinks = true): Promise<Result> {
  const plan = planOf(seed, measure)
  const { world, failure } = await attempt(plan)
  if (failure === undefined) return { seed, outcome: world.outcome }
  const hash = world.simulation.traceHash
  if (!shrinks) return { seed, failure, hash }
  return { seed, hash, failure: await shrink(failure, async (shorter) => (await attempt(shorter)).failure) }
}
