/** The arithmetic of restarts, against OTP's own words for it: more than so many restarts within so long. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RestartWindow } from '../../src/behaviour/restart-window.js'

test('a restart at the very end of the time still counts, one just outside does not', () => {
  const window = new RestartWindow({ restarts: 1, within: 1_000 })
  expect([window.add(0), window.add(1_000), window.add(2_001)]).toEqual([true, false, true])
})

test('tells how many more are borne', () => {
  const window = new RestartWindow({ restarts: 2, within: 1_000 })
  expect([window.left(0), window.add(0), window.left(0), window.left(1_001)]).toEqual([2, true, 1, 2])
})

test('whatever the times, it says no exactly when more than are borne lie within', () => {
  const steps = fc.array(fc.nat(50), { maxLength: 60 })
  fc.assert(
    fc.property(fc.nat(5), fc.integer({ min: 1, max: 100 }), steps, (restarts, within, gaps) => {
      const window = new RestartWindow({ restarts, within })
      const times: number[] = []
      for (const gap of gaps) {
        const now = (times.at(-1) ?? 0) + gap
        times.push(now)
        const counted = times.filter((at) => now - at <= within).length
        expect(window.add(now)).toBe(counted <= restarts)
      }
    }),
  )
})
