/** Scenarios that lose connections or nodes, and those of three nodes. */
import { beforeAll } from 'vitest'
import { losing } from './all.js'
import { plainPlacements, testScenario } from './fixture.js'
import type { Placement } from './placement.js'

let placements: Placement[]
beforeAll(async () => {
  placements = await plainPlacements()
})

for (const scenario of losing) testScenario(scenario, () => placements)
