/**
 * `node scripts/simulate.mjs --program keep`: looks for the shortest plan that shows each of the planted bugs (bugs.ts), and keeps it in
 * test/simulation/regressions/. To be run when plans have another form than before.
 */
import { writeFileSync } from 'node:fs'
import { attempt } from './attempt.js'
import { bugs } from './bugs.js'
import { type Plan, planOf } from './plan.js'
import { shrink } from './shrink.js'

const measure = { minutes: 3, nodes: 3 }

Error.stackTraceLimit = 3
for (const { name, shows, plant } of bugs) {
  // Anew for each run, as some of them count. What fails in another way shows another bug.
  const run = async (plan: Plan) => {
    const takeOut = plant()
    try {
      const { failure } = await attempt(plan)
      return failure !== undefined && shows.test(failure.message) ? failure : undefined
    } finally {
      takeOut()
    }
  }
  for (let seed = 1; ; seed++) {
    const failure = await run(planOf(seed, measure))
    if (failure === undefined) continue
    const { plan, message } = await shrink(failure, run)
    writeFileSync(`test/simulation/regressions/${name}.json`, `${JSON.stringify(plan)}\n`)
    const size = `${plan.steps.length} steps, ${plan.faults.length} faults, ${plan.visits.length} visits`
    console.log(`${name}: seed ${seed}, ${size}: ${message.split('\n')[0]}`)
    break
  }
}
