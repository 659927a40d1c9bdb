/** Lines that are slow, and lines that come and go, as the kernel makes them. */
import { expect } from 'vitest'
import { keepsPromises } from '../faults/chronicle.js'
import { deadlineMs, type Outpost, ReignOutpost, tickTimeMs } from '../faults/outpost.js'
import { eventually } from '../support/deadline.js'
import { type Cable, far, near, onAllCables, withCables } from './cable.js'

withCables()

onAllCables(
  'a line of 1 Mbit/s that is full for longer than the time of the ticks keeps its nodes together',
  async (cable) => {
    await cable.meet()
    await cable.lab.slow(125_000)
    const from = performance.now()
    const sizes = Array.from({ length: 18 }, () => 40_000)
    expect(await cable.near.echo(cable.far, sizes)).toBe(sizes.length)
    expect(performance.now() - from).toBeGreaterThan(tickTimeMs * 1.25)
    for (const each of cable.both) expect(await each.log()).toEqual(['up', 'met'])
  },
)

const flapMs = 200
const flaps = 16

/** Lets the line come and go, again and again, while both sides send; then it stays, and both hear each other. */
async function flap(cable: Cable, go: (turn: number) => Promise<void>): Promise<void> {
  let flapping = true
  const stream = async (from: Outpost, to: Outpost) => {
    let last = 0
    while (flapping) {
      // Erlang waits here while it dials.
      await from.count(to, last + 1, last + 10)
      last += 10
      await pause(20)
    }
    // The end of a connection may yet be on its way: what is said often enough arrives.
    const said = last
    const heard = async () => {
      await from.count(to, ++last, last)
      return (await to.fates()).some((line) => Number(line.split('..')[1]) > said)
    }
    await eventually(heard, deadlineMs, `${to.name} to hear from ${from.name} again`)
  }
  const streams = Promise.all([stream(cable.near, cable.far), stream(cable.far, cable.near)])
  streams.catch(() => {})
  try {
    for (let turn = 0; turn < flaps; turn++) {
      await go(turn)
      await pause(flapMs)
      await cable.lab.heal()
      await pause(flapMs)
    }
  } finally {
    flapping = false
  }
  await streams
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** What would grow if reign leaked, while the two are connected and their witnesses have met. */
async function holdings(cable: Cable): Promise<Record<string, number>[]> {
  // The answers come behind the monitors and links on their way.
  await Promise.all([cable.near.ask(cable.far), cable.far.ask(cable.near)])
  return Promise.all(cable.both.map((each) => (each instanceof ReignOutpost ? each.holdings() : {})))
}

/** A leak is one thing for each time that the line went; a timer that happens to be pending is none. */
const passing = 2

async function leavesNothing(cable: Cable, go: (turn: number) => Promise<void>): Promise<void> {
  await cable.meet()
  const before = await holdings(cable)
  await flap(cable, go)
  for (const each of cable.both) await keepsPromises(each)
  await cable.reset()
  await cable.meet()
  const same = async () => {
    for (const [index, held] of (await holdings(cable)).entries()) {
      for (const [what, count] of Object.entries(held)) {
        expect({ what, tooMany: count > (before[index]?.[what] ?? 0) + passing && count }).toEqual({
          what,
          tooMany: false,
        })
      }
    }
    return true
  }
  await eventually(same, deadlineMs, 'as much as before')
}

onAllCables('a line that goes and comes every 200 ms leaves nothing behind, and all promises are kept', (cable) =>
  leavesNothing(cable, () => cable.lab.part(near, far)),
)

onAllCables(
  'connections that are reset every 400 ms, from either side, leave nothing behind, and all promises are kept',
  (cable) => leavesNothing(cable, (turn) => cable.lab.refuse(turn % 2 === 0 ? far : near)),
)
