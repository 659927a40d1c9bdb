import { expect, test } from 'vitest'
import type { Clock } from '../../src/clock.js'
import { TickBeat } from '../../src/net/tick-beat.js'
import { VirtualClock } from '../support/virtual-clock.js'

test('all have their steps in one turn, once in each interval, with one timer, from the first that joins to the last that leaves', async () => {
  const clock = new VirtualClock()
  const beat = new TickBeat(clock, 1_000)
  const steps: string[] = []
  const join = (name: string) => beat.join(() => steps.push(`${name} ${clock.now()}`))
  const leaveA = join('a')
  await clock.run(400)
  const leaveB = join('b')
  await clock.run(2_000)
  expect(steps).toEqual(['a 1000', 'b 1000', 'a 2000', 'b 2000'])
  expect(clock.timersPending).toBe(1)
  leaveA()
  leaveA()
  await clock.run(1_000)
  expect(steps.slice(4)).toEqual(['b 3000'])
  leaveB()
  expect(clock.timersPending).toBe(0)
  await clock.run(500)
  // And begins anew.
  const leaveC = join('c')
  await clock.run(1_000)
  expect(steps.slice(5)).toEqual(['c 4900'])
  leaveC()
})

test('who leaves in the step of another has none any more', async () => {
  const clock = new VirtualClock()
  const beat = new TickBeat(clock, 1_000)
  const steps: string[] = []
  let leaveB = () => {}
  beat.join(() => {
    steps.push('a')
    leaveB()
  })
  leaveB = beat.join(() => steps.push('b'))
  await clock.run(2_000)
  expect(steps).toEqual(['a', 'a'])
})

test('very many share several turns of the event loop: sockets have theirs in between', async () => {
  const clock = new VirtualClock()
  const later: (() => void)[] = []
  const beat = new TickBeat({ ...clockOf(clock), nextTurn: (callback) => later.push(callback) }, 1_000)
  let steps = 0
  for (let n = 0; n < 250; n++) beat.join(() => steps++)
  await clock.run(1_000)
  const seen = [steps]
  for (let callback = later.shift(); callback !== undefined; callback = later.shift()) {
    callback()
    seen.push(steps)
  }
  expect(seen).toEqual([100, 200, 250])
})

/** Its functions, bound. */
function clockOf(clock: VirtualClock): Clock {
  return {
    now: () => clock.now(),
    wallTime: () => clock.wallTime(),
    setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
    clearTimer: (timer) => clock.clearTimer(timer as never),
    holdProgram: () => {},
    nextTurn: (callback) => clock.nextTurn(callback),
    microtask: (callback) => clock.microtask(callback),
  }
}
