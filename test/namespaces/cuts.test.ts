/** Cables that are cut and connections that are reset, by the kernel: TCP is the real one, and is not told. */
import { expect } from 'vitest'
import { keepsPromises } from '../faults/chronicle.js'
import { deadlineMs, earliest, type Outpost, tickTimeMs } from '../faults/outpost.js'
import { eventually } from '../support/deadline.js'
import { type Cable, far, near, onAllCables, withCables } from './cable.js'

withCables()

/** Messages in both directions, all of which come. */
async function exchange(cable: Cable, from: number, to: number): Promise<void> {
  await Promise.all([cable.near.count(cable.far, from, to), cable.far.count(cable.near, from, to)])
  await Promise.all(cable.both.map((each) => each.writes(`${from}..${to}`)))
}

/** Messages in both directions, of which nobody knows what becomes. */
async function sendAnyhow(cable: Cable, from: number, to: number): Promise<void> {
  await Promise.all([cable.near.count(cable.far, from, to), cable.far.count(cable.near, from, to)])
}

/** The two connect again, messages pass, and all that was promised has been kept from the beginning on. */
async function isWellAgain(cable: Cable): Promise<void> {
  await eventually(() => cable.near.connect(cable.far), deadlineMs, 'another connection')
  await exchange(cable, 5_001, 5_100)
  for (const each of cable.both) await keepsPromises(each)
}

/** Why the connection ended, as far as reign says it: Erlang has other words where TLS is between. */
async function endedBy(outpost: Outpost, ...reasons: readonly string[]): Promise<void> {
  const last = (await outpost.comings()).at(-1)
  expect(last).toMatch(/^down /)
  if (outpost.kind === 'reign') expect(reasons.map((each) => `down ${each}`)).toContain(last)
}

/** Both notice, from T - T/4 to T + T/4 of silence on; a busy machine may be late. */
async function partedByTicks(cable: Cable, from: number): Promise<void> {
  await cable.parted()
  expect(performance.now() - from).toBeGreaterThan(tickTimeMs * earliest)
  expect(performance.now() - from).toBeLessThan(tickTimeMs * 1.25 + 20_000)
}

onAllCables(
  'a cable that is cut is noticed by both sides in the time of their ticks, and nothing of it comes later',
  async (cable) => {
    await cable.meet()
    await exchange(cable, 1, 500)
    const from = performance.now()
    await cable.lab.part(near, far)
    await sendAnyhow(cable, 501, 600)
    await partedByTicks(cable, from)
    for (const each of cable.both) await endedBy(each, 'net_tick_timeout')
    await cable.lab.heal()
    await isWellAgain(cable)
  },
)

/**
 * Who hears nothing any more closes, and that may get through: unless TCP, to which nothing is acknowledged, still sends again and again what came
 * before. Then the other side, which hears nothing new, closes by its own ticks.
 */
async function cutOneWay(cable: Cable, deaf: 'near' | 'far'): Promise<void> {
  await cable.meet()
  await exchange(cable, 1, 500)
  const from = performance.now()
  if (deaf === 'far') await cable.lab.cut(near, far)
  else await cable.lab.cut(far, near)
  await sendAnyhow(cable, 501, 600)
  await partedByTicks(cable, from)
  for (const each of cable.both) {
    await endedBy(each, 'net_tick_timeout', ...(each === cable[deaf] ? [] : ['connection_closed']))
  }
  await cable.lab.heal()
  await isWellAgain(cable)
}

onAllCables('a cable that is cut towards who was dialled alone ends the connection on both sides', (cable) =>
  cutOneWay(cable, 'far'),
)

onAllCables('a cable that is cut towards who has dialled alone ends the connection on both sides', (cable) =>
  cutOneWay(cable, 'near'),
)

onAllCables(
  'a reset that only one side gets is told there at once, and on the other side when that says something',
  async (cable) => {
    for (const [reset, other, index] of [
      ['near', 'far', far],
      ['far', 'near', near],
    ] as const) {
      await cable.reset()
      await cable.meet()
      await exchange(cable, 1, 500)
      await cable.lab.refuse(index)
      await cable[reset].count(cable[other], 501, 600)
      await cable[reset].writes('DOWN noconnection')
      await cable.lab.heal()
      await cable.parted()
      for (const each of cable.both) await endedBy(each, 'connection_closed')
      await isWellAgain(cable)
    }
  },
)
