import { describe, expect, test } from 'vitest'
import { defaultTicks, isSilent, type TickCounts, tickIntervalMs, tickStart, tickStep } from '../../src/dist/ticker.js'

const quiet: TickCounts = { bytesRead: 100, bytesWritten: 50, bytesWaiting: 0, readingPaused: false }

/** Runs steps on a time line: `readAt` are the moments (ms) at which bytes arrive. Gives the moment of suspicion. */
function suspectedAt(readAt: readonly number[], options = defaultTicks, untilMs = 300_000): number | undefined {
  const interval = tickIntervalMs(options)
  let state = tickStart
  for (let now = interval; now <= untilMs; now += interval) {
    const bytesRead = 1 + readAt.filter((at) => at < now).length
    const step = tickStep(state, { ...quiet, bytesRead }, options)
    if (step.suspect) return now
    state = step.state
  }
  return undefined
}

test('the defaults are those of Erlang: 60 s, and a tick each 15 s', () => {
  expect(defaultTicks).toEqual({ tickTimeMs: 60_000, tickIntensity: 4 })
  expect(tickIntervalMs(defaultTicks)).toBe(15_000)
})

test.each([
  [0, 4],
  [-1, 4],
  [Number.NaN, 4],
  [Number.POSITIVE_INFINITY, 4],
  [60_000, 3],
  [60_000, 4.5],
  [60_000, 1001],
])('a tick time of %s with an intensity of %s is refused', (tickTimeMs, tickIntensity) => {
  expect(() => tickIntervalMs({ tickTimeMs, tickIntensity })).toThrow(
    expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }),
  )
})

describe('silence', () => {
  test.each<[string, number[], number]>([
    ['from the start', [], 75_000],
    ['after a byte just behind a step', [15_001], 90_000],
    ['after a byte just before a step', [29_999], 90_000],
    ['after a last byte at 100 s', [14_000, 30_000, 70_000, 100_000], 165_000],
  ])('%s', (_, readAt, suspected) => {
    expect(suspectedAt(readAt)).toBe(suspected)
    const lastRead = readAt.at(-1) ?? 0
    expect(suspected - lastRead).toBeGreaterThanOrEqual(60_000)
    expect(suspected - lastRead).toBeLessThanOrEqual(75_000)
  })

  test('is never found while the peer ticks', () => {
    const ticks = Array.from({ length: 100 }, (_, index) => 14_000 + index * 15_000)
    expect(suspectedAt(ticks, defaultTicks, 1_500_000)).toBeUndefined()
  })

  test('is never found while single bytes of a long frame trickle in', () => {
    const bytes = Array.from({ length: 30 }, (_, index) => 1_000 + index * 55_000)
    expect(suspectedAt(bytes, defaultTicks, 1_500_000)).toBeUndefined()
  })

  test('with a tick time of 8 s is found after 8 to 10 s', () => {
    expect(suspectedAt([4_500], { tickTimeMs: 8_000, tickIntensity: 4 })).toBe(14_000)
  })

  test('of a peer that we ourselves do not read is not counted, and counting starts anew when we read again', () => {
    let state = tickStart
    for (let steps = 0; steps < 20; steps++) {
      const step = tickStep(state, { ...quiet, readingPaused: true }, defaultTicks)
      expect(step.suspect).toBe(false)
      state = step.state
    }
    const suspicions = [1, 2, 3, 4].map(() => {
      const step = tickStep(state, quiet, defaultTicks)
      state = step.state
      return step.suspect
    })
    expect(suspicions).toEqual([false, false, false, true])
  })

  test('is confirmed only if nothing came in the turn behind the suspicion', () => {
    const { state } = tickStep({ bytesRead: 100, bytesWritten: 0, silentIntervals: 3 }, quiet, defaultTicks)
    expect(state.silentIntervals).toBe(4)
    expect(isSilent(state, quiet)).toBe(true)
    expect(isSilent(state, { ...quiet, bytesRead: 104 })).toBe(false)
    expect(isSilent(state, { ...quiet, readingPaused: true })).toBe(false)
  })
})

describe('ticks are sent', () => {
  test.each<[string, Partial<TickCounts>, boolean]>([
    ['when nothing was written since the last step', {}, true],
    ['not when something was', { bytesWritten: 51 }, false],
    ['not when something waits to be written', { bytesWaiting: 1 }, false],
    ['also to a peer that talks', { bytesRead: 101 }, true],
    ['also while we do not read', { readingPaused: true }, true],
  ])('%s', (_, counts, sendTick) => {
    const state = { bytesRead: 100, bytesWritten: 50, silentIntervals: 0 }
    expect(tickStep(state, { ...quiet, ...counts }, defaultTicks).sendTick).toBe(sendTick)
  })

  test('at each step of an idle connection', () => {
    let state = { bytesRead: 100, bytesWritten: 50, silentIntervals: 0 }
    for (let steps = 0; steps < 5; steps++) {
      const step = tickStep(state, { ...quiet, bytesRead: 100 + steps }, defaultTicks)
      expect(step.sendTick).toBe(true)
      state = step.state
    }
  })
})
