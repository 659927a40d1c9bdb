/** The placements of one test file, and a test for each scenario. */
import { expect, test } from 'vitest'
import { startEpmd } from '../interop/epmd.js'
import { compare } from './conductor.js'
import type { Kind, Surroundings } from './drivers.js'
import { Placement } from './placement.js'
import type { NodeLabel, Scenario } from './scenario.js'

/** The four ways to place two nodes, and both kinds alone. */
const kinds: readonly (readonly [Kind, Kind, boolean])[] = [
  ['erl', 'erl', false],
  ['erl', 'reign', false],
  ['reign', 'erl', false],
  ['reign', 'reign', false],
  ['erl', 'erl', true],
  ['reign', 'reign', true],
]

/** All placements; `nodeName` gives a node name that is new, for a node with that label. */
export function placements(surroundings: Surroundings, nodeName: (label: NodeLabel) => string): Placement[] {
  return kinds.map(([a, b, single]) => new Placement(a, b, surroundings, nodeName, { single }))
}

/** All placements over plain TCP on loopback, with a port mapper of their own. */
export async function plainPlacements(): Promise<Placement[]> {
  const epmd = await startEpmd()
  let nodes = 0
  return placements({ epmdPort: epmd.port, cookie: 'differential' }, (label) => `${label}${++nodes}@127.0.0.1`)
}

const pairs = ['(erl, reign)', '(reign, erl)', '(reign, reign)']

/** One test: the scenario looks the same in all placements. */
export function testScenario(scenario: Scenario, all: () => readonly Placement[]): void {
  test(`${scenario.group}: ${scenario.title}`, async () => {
    const compared = await compare(scenario, all())
    // (erl, erl) is what the others are held against; a placement that was left out would compare nothing.
    expect(compared.map(({ title }) => title)).toEqual(expect.arrayContaining(pairs))
    for (const { title, expected, seen, steps } of compared) {
      expect.soft(seen, `${title} differs from Erlang; the script was\n${steps}\n`).toBe(expected)
    }
  })
}
