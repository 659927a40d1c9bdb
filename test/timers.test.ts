import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Clock } from '../src/clock.js'
import { type Timer, Timers } from '../src/timers.js'
import { VirtualClock } from './support/virtual-clock.js'

const rethrow = (error: unknown) => {
  throw error
}

/** What a program does with timers: each in milliseconds or by the position of an earlier timer. */
type Step =
  | { do: 'set'; delayMs: number; and?: 'throw' | { set: number } | { cancel: number } }
  | { do: 'cancel'; nth: number }
  | { do: 'advance'; ms: number }
  | { do: 'clear' }

const delay = fc.integer({ min: 0, max: 50 })
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('set' as const), delayMs: delay }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('set' as const),
      delayMs: delay,
      and: fc.oneof(
        fc.constant('throw' as const),
        fc.record({ set: delay }),
        fc.record({ cancel: fc.integer({ min: 0, max: 60 }) }),
      ),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('cancel' as const), nth: fc.integer({ min: 0, max: 60 }) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('advance' as const), ms: fc.integer({ min: 0, max: 80 }) }) },
  { weight: 1, arbitrary: fc.constant({ do: 'clear' as const }) },
)

/** What timers are to be: a list, looked through from end to end. */
class ModelTimers {
  now = 0
  log: string[] = []
  #made = 0
  pending: { id: number; due: number; round: number; and: Extract<Step, { do: 'set' }>['and'] }[] = []
  #round = 0

  set(delayMs: number, and?: Extract<Step, { do: 'set' }>['and']): void {
    this.pending.push({ id: this.#made++, due: this.now + delayMs, round: this.#round, and })
  }

  cancel(id: number): boolean {
    const before = this.pending.length
    this.pending = this.pending.filter((timer) => timer.id !== id)
    return this.pending.length < before
  }

  advance(ms: number): void {
    const end = this.now + ms
    for (;;) {
      // One round at a time: what a timer sets fires after all that were due when its round began.
      const due = Math.min(...this.pending.map((timer) => timer.due))
      if (due > end) break
      this.now = Math.max(this.now, due)
      this.#round++
      for (;;) {
        const next = this.pending
          .filter((timer) => timer.due <= this.now && timer.round < this.#round)
          .sort((a, b) => a.due - b.due || a.id - b.id)[0]
        if (next === undefined) break
        this.cancel(next.id)
        this.log.push(`${this.now}: ${next.id}`)
        if (next.and === 'throw') this.log.push(`failed ${next.id}`)
        else if (next.and !== undefined && 'set' in next.and) this.set(next.and.set)
        else if (next.and !== undefined) this.log.push(`cancelled: ${this.cancel(next.and.cancel)}`)
      }
    }
    this.now = end
  }
}

test('timers do what a sorted list of them would, whatever is set, cancelled or thrown, and when', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clock = new VirtualClock()
      const log: string[] = []
      const timers = new Timers(clock, (error) => log.push(`failed ${error}`))
      const made: Timer[] = []
      const cancel = (nth: number) => made[nth] !== undefined && timers.cancel(made[nth])
      const set = (delayMs: number, and?: Extract<Step, { do: 'set' }>['and']) => {
        const id = made.length
        made.push(
          timers.after(delayMs, () => {
            log.push(`${clock.now()}: ${id}`)
            if (and === 'throw') throw id
            if (and !== undefined && 'set' in and) set(and.set)
            else if (and !== undefined) log.push(`cancelled: ${cancel(and.cancel)}`)
          }),
        )
      }
      const model = new ModelTimers()
      for (const each of steps) {
        if (each.do === 'set') {
          set(each.delayMs, each.and)
          model.set(each.delayMs, each.and)
        } else if (each.do === 'cancel') {
          expect(cancel(each.nth)).toBe(model.cancel(each.nth))
        } else if (each.do === 'advance') {
          clock.advance(each.ms)
          model.advance(each.ms)
        } else {
          timers.clear()
          model.pending = []
        }
        expect(log).toEqual(model.log)
        expect(timers.size).toBe(model.pending.length)
        for (const [id, timer] of made.entries()) {
          const left = model.pending.find((other) => other.id === id)
          expect(timers.left(timer)).toBe(left === undefined ? undefined : left.due - model.now)
          expect(timer.pending).toBe(left !== undefined)
        }
        // One timer of the clock serves all of ours, and keeps the program alive exactly while there are some.
        expect(clock.timersPending).toBeLessThanOrEqual(1)
        expect(clock.holdsProgram).toBe(model.pending.length > 0)
      }
    }),
    { numRuns: 500 },
  )
})

test('never early, and at most a millisecond late, on a clock that knows whole milliseconds only', () => {
  const delays = fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 30 })
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, noNaN: true }), delays, (start, delaysMs) => {
      const clock = new VirtualClock({ startMs: start })
      const timers = new Timers(clock, rethrow)
      const late: number[] = []
      for (const delayMs of delaysMs) timers.after(delayMs, () => late.push(clock.now() - (start + delayMs)))
      clock.advance(102)
      expect(late).toHaveLength(delaysMs.length)
      expect(Math.min(...late)).toBeGreaterThanOrEqual(0)
      expect(Math.max(...late)).toBeLessThanOrEqual(1.000_001)
    }),
  )
})

test('a timer never fires before the call that set it has returned, not even for 0 or less', () => {
  const clock = new VirtualClock()
  const timers = new Timers(clock, rethrow)
  const fired: number[] = []
  for (const delayMs of [0, -5]) timers.after(delayMs, () => fired.push(delayMs))
  expect(fired).toEqual([])
  clock.advance(0)
  expect(fired).toEqual([0, -5])
})

test('what fell due while the event loop was blocked fires once each, in order, whatever its delay', () => {
  const clock = new VirtualClock()
  // The time goes on, and nobody is called back.
  let blockedMs = 0
  const blocked: Clock = {
    now: () => clock.now() + blockedMs,
    wallTime: () => clock.wallTime(),
    setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
    clearTimer: (timer) => clock.clearTimer(timer),
    holdProgram: (timer, holds) => clock.holdProgram(timer, holds),
    nextTurn: (callback) => clock.nextTurn(callback),
    microtask: (callback) => clock.microtask(callback),
  }
  const timers = new Timers(blocked, rethrow)
  const fired: string[] = []
  for (const delayMs of [30, 10, 20, 10, 9_000]) timers.after(delayMs, () => fired.push(`${delayMs}`))
  const every = () => {
    fired.push('every second')
    timers.after(1_000, every)
  }
  timers.after(1_000, every)
  timers.after(20_000, () => fired.push('late'))
  blockedMs = 10_000
  clock.advance(10)
  // Not ten times for the ten seconds: what is set anew is set from now.
  expect(fired).toEqual(['10', '10', '20', '30', 'every second', '9000'])
  clock.advance(1_000)
  expect(fired.slice(6)).toEqual(['every second'])
})

test('timers that set each other with 0 leave the event loop a turn in between', () => {
  const clock = new VirtualClock()
  const timers = new Timers(clock, rethrow)
  let rounds = 0
  const again = () => {
    if (++rounds < 100) timers.after(0, again)
  }
  timers.after(0, again)
  const before = clock.timersSet
  clock.advance(0)
  expect(rounds).toBe(100)
  expect(clock.timersSet - before).toBe(99) // Each had a timer of the clock of its own, so a turn of its own.
})

test('a delay that is no finite number is refused, and disturbs nothing', () => {
  const clock = new VirtualClock()
  const timers = new Timers(clock, rethrow)
  let fired = 0
  timers.after(10, () => fired++)
  for (const delayMs of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, '5', undefined]) {
    expect(() => timers.after(delayMs as number, () => fired++)).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT', message: expect.stringContaining(String(delayMs)) }),
    )
  }
  clock.advance(100)
  expect(fired).toBe(1)
  expect(timers.size).toBe(0)
})

test('a timer that lies further ahead than a clock can be set fires at its time, and not before', () => {
  const clock = new VirtualClock()
  const timers = new Timers(clock, rethrow)
  const days = 24 * 60 * 60 * 1_000
  const fired: string[] = []
  timers.after(60 * days, () => fired.push('far'))
  timers.after(40 * days, () => fired.push('nearer'))
  clock.advance(40 * days - 1)
  expect(fired).toEqual([])
  clock.advance(1)
  expect(fired).toEqual(['nearer'])
  clock.advance(20 * days - 1)
  expect(fired).toEqual(['nearer'])
  clock.advance(1)
  expect(fired).toEqual(['nearer', 'far'])
  expect(clock.timersSet).toBeLessThan(10) // Armed anew once on the way, not all the time.
})

test('waits that end in time cost no timer of the clock each', () => {
  const clock = new VirtualClock()
  const timers = new Timers(clock, rethrow)
  for (let i = 0; i < 10_000; i++) {
    const timer = timers.after(5_000, () => {})
    if (i % 100 === 0) clock.advance(1)
    timers.cancel(timer)
  }
  expect(clock.timersSet).toBeLessThan(10)
  expect(clock.holdsProgram).toBe(false)
})

test('a hundred thousand timers, half of them taken back, fire in order', () => {
  const clock = new VirtualClock()
  const timers = new Timers(clock, rethrow)
  const dues: number[] = []
  const made: Timer[] = []
  let seed = 42
  for (let i = 0; i < 100_000; i++) {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
    made.push(timers.after(seed % 1_000, () => dues.push(clock.now())))
  }
  for (let i = 0; i < made.length; i += 2) expect(timers.cancel(made[i] as Timer)).toBe(true)
  expect(timers.size).toBe(50_000)
  clock.advance(1_000)
  expect(dues).toHaveLength(50_000)
  expect(dues.every((due, i) => i === 0 || due >= (dues[i - 1] as number))).toBe(true)
})
