/** Makes a plan that fails as short as a hundred runs can, so that somebody can read it. */
import type { Plan } from './plan.js'

/** What is known of a plan that fails. */
export interface Failure {
  readonly plan: Plan
  readonly message: string
  readonly atMs: number
}

/** How often a plan is tried at most. */
const runsMax = 120

/** @param run Does what a plan says; gives what went wrong, if something did. */
export async function shrink(first: Failure, run: (plan: Plan) => Promise<Failure | undefined>): Promise<Failure> {
  let found = first
  let left = runsMax
  const tries = async (change: Partial<Plan>): Promise<boolean> => {
    if (left-- <= 0) return false
    const failure = await run({ ...found.plan, ...change })
    if (failure !== undefined) found = failure
    return failure !== undefined
  }
  // What comes later cannot have mattered, unless it was the calm in the end that has failed.
  const { plan, atMs } = found
  const before = <T extends { readonly atMs: number }>(list: readonly T[]) => list.filter((each) => each.atMs <= atMs)
  await tries({
    minutes: Math.min(plan.minutes, atMs / 60_000),
    steps: before(plan.steps),
    faults: before(plan.faults),
    knocks: before(plan.knocks),
    visits: before(plan.visits),
    treeSteps: before(plan.treeSteps),
  })
  await tries({ knocks: [] })
  await tries({ visits: [] })
  await tries({ treeSteps: [] })
  for (const kind of new Set(found.plan.faults.map((fault) => fault.kind))) {
    await tries({ faults: found.plan.faults.filter((fault) => fault.kind !== kind) })
  }
  await thin(
    (faults) => tries({ faults }),
    () => found.plan.faults,
  )
  await thin(
    (treeSteps) => tries({ treeSteps }),
    () => found.plan.treeSteps,
  )
  await thin(
    (visits) => tries({ visits }),
    () => found.plan.visits,
  )
  await thin(
    (steps) => tries({ steps }),
    () => found.plan.steps,
  )
  await thin(
    (faults) => tries({ faults }),
    () => found.plan.faults,
  )
  return found
}

/** Leaves out parts of a list, smaller and smaller ones, for as long as it fails without them. */
async function thin<T>(tries: (list: T[]) => Promise<boolean>, now: () => readonly T[]): Promise<void> {
  for (
    let size = Math.ceil(now().length / 2);
    size >= 1 && now().length > 0;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let from = 0; from < now().length; ) {
      const list = [...now().slice(0, from), ...now().slice(from + size)]
      if (!(await tries(list))) from += size
    }
  }
}
