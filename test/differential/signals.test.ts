/** Scenarios on nodes that live on from one to the next. */
import { beforeAll } from 'vitest'
import { lasting } from './all.js'
import { plainPlacements, testScenario } from './fixture.js'
import type { Placement } from './placement.js'

let placements: Placement[]
beforeAll(async () => {
  placements = await plainPlacements()
})

for (const scenario of lasting) testScenario(scenario, () => placements)
