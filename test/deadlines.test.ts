import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Deadlines, Expiring } from '../src/deadlines.js'
import { Timers } from '../src/timers.js'
import { VirtualClock } from './support/virtual-clock.js'

class Item extends Expiring {
  readonly timeoutMs: number
  readonly #expired: (item: Item) => void
  constructor(timeoutMs: number, expired: (item: Item) => void = () => {}) {
    super()
    this.timeoutMs = timeoutMs
    this.#expired = expired
  }
  expire(): void {
    this.#expired(this)
  }
}

function setUp() {
  const clock = new VirtualClock({ turns: 'by hand' })
  const timers = new Timers(clock, (error) => {
    throw error
  })
  return { clock, timers, deadlines: new Deadlines(clock, timers) }
}

test('what is over within its turn costs no timer, however much of it there is, and one look at the next turn', () => {
  const { clock, timers, deadlines } = setUp()
  for (let i = 0; i < 10_000; i++) {
    const items = [1, 2, 3].map(() => new Item(5_000))
    for (const item of items) deadlines.set(item)
    for (const item of items) deadlines.clear(item)
  }
  expect(clock.turnsPending).toBe(1)
  clock.turn()
  expect(clock.turnsPending).toBe(0)
  expect(timers.size).toBe(0)
  expect(clock.timersSet).toBe(0)
})

test('what outlives its turn expires in its time, counted from the end of the turn, and is cleared as well', () => {
  const { clock, timers, deadlines } = setUp()
  const expired: Item[] = []
  const [late, soon, cleared] = [50, 10, 20].map((ms) => new Item(ms, (item) => expired.push(item))) as [
    Item,
    Item,
    Item,
  ]
  for (const item of [late, soon, cleared]) deadlines.set(item)
  clock.turn()
  expect(timers.size).toBe(3)
  clock.advance(9)
  expect(expired).toEqual([])
  deadlines.clear(cleared)
  clock.advance(41)
  expect(expired).toEqual([soon, late])
  expect(timers.size).toBe(0)
  deadlines.clear(soon)
  deadlines.clear(cleared)
})

test('what is stopped does not expire, and can be cleared all the same', () => {
  const { clock, timers, deadlines } = setUp()
  const item = new Item(10, () => expect.unreachable())
  deadlines.set(item)
  deadlines.stop()
  clock.turn()
  clock.advance(100)
  expect(timers.size).toBe(0)
  deadlines.clear(item)
})

test('whatever is set and cleared in whichever turn: the rest expires, each in its time, equal times in the order they were set', () => {
  type Step = { do: 'set'; ms: number } | { do: 'clear'; nth: number } | { do: 'turn' } | { do: 'advance'; ms: number }
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), ms: fc.integer({ min: 0, max: 5 }) }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('clear' as const), nth: fc.nat({ max: 40 }) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 6 }) }) },
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const { clock, deadlines } = setUp()
      const items: Item[] = []
      const expired: number[] = []
      const model: { n: number; ms: number; due: number | undefined }[] = []
      const expected: number[] = []
      const turn = () => {
        for (const each of model) each.due ??= clock.now() + each.ms
        clock.turn()
      }
      const advance = (ms: number) => {
        const end = clock.now() + ms
        const due = model.filter((each) => each.due !== undefined && each.due <= end)
        due.sort((a, b) => (a.due as number) - (b.due as number) || model.indexOf(a) - model.indexOf(b))
        for (const each of due) {
          expected.push(each.n)
          model.splice(model.indexOf(each), 1)
        }
        clock.advance(ms)
      }
      for (const each of steps) {
        if (each.do === 'set') {
          const n = items.length
          const item = new Item(each.ms, () => expired.push(n))
          items.push(item)
          model.push({ n, ms: each.ms, due: undefined })
          deadlines.set(item)
        } else if (each.do === 'clear') {
          const item = items[each.nth]
          if (item === undefined) continue
          deadlines.clear(item)
          const at = model.findIndex(({ n }) => n === each.nth)
          if (at >= 0) model.splice(at, 1)
        } else if (each.do === 'turn') turn()
        else advance(each.ms)
      }
      turn()
      advance(10)
      expect(expired).toEqual(expected)
      expect(clock.holdsProgram).toBe(false)
    }),
    { numRuns: 300 },
  )
})
