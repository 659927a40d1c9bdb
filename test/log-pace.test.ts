import { expect, test } from 'vitest'
import { LogPace } from '../src/log-pace.js'
import { VirtualClock } from './support/virtual-clock.js'

test('tells the first at once, counts those that come too soon, and says with the next how many they were', () => {
  const clock = new VirtualClock()
  const pace = new LogPace(clock, { everyMs: 1_000 })
  const lines: object[] = []
  const tell = (count: number) => {
    for (let i = 0; i < count; i++) pace.tell((untold) => lines.push(untold))
  }
  tell(1)
  clock.advance(999)
  tell(3)
  expect(lines).toEqual([{}])
  clock.advance(1)
  tell(2)
  expect(lines).toEqual([{}, { untold: 3 }])
  clock.advance(5_000)
  tell(1)
  clock.advance(5_000)
  tell(1)
  expect(lines).toEqual([{}, { untold: 3 }, { untold: 1 }, {}])
})

test('lets as many pass in one while as it is told to', () => {
  const clock = new VirtualClock()
  const pace = new LogPace(clock, { linesMax: 10 })
  const lines: object[] = []
  for (let i = 0; i < 10_000; i++) pace.tell((untold) => lines.push(untold))
  expect(lines).toEqual(Array(10).fill({}))
  clock.advance(1_000)
  pace.tell((untold) => lines.push(untold))
  expect(lines.at(-1)).toEqual({ untold: 9_990 })
})
