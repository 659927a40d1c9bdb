/**
 * That the simulator finds what it is there for: bugs are planted, one at a time, and must be found within fifty seeds, by the oracle whose
 * promise they break; the shortest plan that shows each is kept, and must go on showing it. Without a bug all of them are clean.
 */
import { readFile } from 'node:fs/promises'
import { afterEach, expect, test } from 'vitest'
import { attempt, runSeed } from './attempt.js'
import { bugs } from './bugs.js'
import type { Plan } from './plan.js'

const seedsMax = 50
/** Shorter than in other runs: what is wrong shows soon. */
const measure = { minutes: 3, nodes: 3 }

let takeOut = () => {}
afterEach(() => {
  takeOut()
  takeOut = () => {}
})

/** Why seeds fail, up to the first that fails by what is looked for: one bug breaks several promises, and which shows first is chance. */
async function failures(shows: RegExp): Promise<string[]> {
  const found: string[] = []
  for (let seed = 1; seed <= seedsMax && !shows.test(found.at(-1) ?? ''); seed++) {
    const result = await runSeed(seed, measure, false)
    if ('failure' in result) found.push(result.failure.message.split('\n')[0] as string)
  }
  return found
}

test('the seeds of this file are clean as long as nothing is planted', async () => {
  for (let seed = 1; seed <= 5; seed++) expect(await runSeed(seed, measure, false)).toHaveProperty('outcome')
}, 60_000)

test.each(bugs.map((bug) => [bug.what, bug] as const))(
  '%s: that is found',
  async (_what, { plant, shows }) => {
    takeOut = plant()
    expect((await failures(shows)).at(-1)).toMatch(shows)
  },
  120_000,
)

test.each(bugs.map((bug) => [bug.what, bug] as const))(
  '%s: the kept plan shows that, and nothing else',
  async (_what, bug) => {
    const plan: Plan = JSON.parse(await readFile(`test/simulation/regressions/${bug.name}.json`, 'utf8'))
    expect((await attempt(plan)).failure).toBeUndefined()
    takeOut = bug.plant()
    expect((await attempt(plan)).failure?.message).toMatch(bug.shows)
  },
  60_000,
)
