/** Some scenarios of each group over mutual TLS, with certificates as `reign init` makes them. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Workplace } from '../cli/command.js'
import { startEpmd } from '../interop/epmd.js'
import { all } from './all.js'
import { placements, testScenario } from './fixture.js'
import type { Placement } from './placement.js'

const chosen = all.filter(({ options }) => options.tls)
/** Names for so many nodes of each label: those that live on, and a fresh one now and then. */
const nodesEach = 24

let place: Workplace
let encrypted: Placement[]
beforeAll(async () => {
  place = new Workplace()
  const names = ['a', 'b', 'c'].flatMap((label) =>
    Array.from({ length: nodesEach }, (_, i) => `${label}${i + 1}@127.0.0.1`),
  )
  expect(await place.reign(['init', ...names])).toMatchObject({ code: 0 })
  const epmd = await startEpmd()
  const used = new Map<string, number>()
  const nodeName = (label: string): string => {
    const n = (used.get(label) ?? 0) + 1
    if (n > nodesEach) throw new Error(`certificates were made for ${nodesEach} nodes ${label}: make more`)
    used.set(label, n)
    return `${label}${n}@127.0.0.1`
  }
  const cookie = readFileSync(place.path('cluster', 'cookie'), 'utf8')
  const tls = { epmdPort: epmd.port, cookie, tlsFolder: place.path('cluster') }
  // On one node nothing goes over TLS.
  encrypted = placements(tls, nodeName).filter(({ single }) => !single)
})
afterAll(() => place[Symbol.dispose]())

test('there are some of each group that takes two nodes', () => {
  const groups = new Set(all.map(({ group }) => group))
  expect(groups.size - new Set(chosen.map(({ group }) => group)).size).toBeLessThanOrEqual(4)
})

for (const scenario of chosen) testScenario(scenario, () => encrypted)
