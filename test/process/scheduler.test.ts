import { describe, expect, test } from 'vitest'
import { type Runnable, resume, SliceScheduler, sliceMs } from '../../src/process/scheduler.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** Work that takes so long, on a clock that only work moves on. */
class Load {
  readonly clock = new VirtualClock({ turns: 'by hand' })
  readonly scheduler = new SliceScheduler(this.clock)
  /** How long each turn of the event loop was kept busy, in milliseconds. */
  readonly turnsMs: number[] = []
  done = 0

  /** Something that takes `costMs`, and then wants to go on for ever, as one of a pair that answer each other does. */
  endless(costMs: () => number): Runnable {
    const work: Runnable = {
      // Running settles a promise; the work is done by who awaited it, later in the same turn.
      run: () => this.clock.microtask(goOn),
    }
    const goOn = () => {
      this.clock.advance(costMs())
      this.done++
      if (this.scheduler.claim()) work.run()
      else this.scheduler.enqueue(work)
    }
    return work
  }

  async turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const from = this.clock.now()
      this.clock.turn()
      await new Promise<void>((resolve) => setImmediate(resolve)) // All microtasks of the turn.
      this.turnsMs.push(this.clock.now() - from)
    }
  }
}

describe('a turn of the event loop is kept busy for a slice, and little longer', () => {
  test.each([0.0005, 0.01, 0.1, 0.5, 1, 2, 5])('by resumptions of %d ms each', async (costMs) => {
    const load = new Load()
    load.scheduler.enqueue(load.endless(() => costMs))
    await load.turns(20)
    // One batch may run over, by what it takes (1 ms, or one resumption if that is longer).
    expect(Math.max(...load.turnsMs)).toBeLessThanOrEqual(sliceMs + Math.max(2, costMs))
    // And the time is used: nobody waits for a turn while there is a slice.
    expect(Math.min(...load.turnsMs.slice(1))).toBeGreaterThanOrEqual(sliceMs)
  })

  test.each([0.001, 0.02, 0.3, 0.5])('by a crowd of a hundred, %d ms each', async (costMs) => {
    const load = new Load()
    for (let i = 0; i < 100; i++) load.scheduler.enqueue(load.endless(() => costMs))
    await load.turns(20)
    // Those who go on when the slice ends finish what they do: as much again as the slice had room for, at worst.
    expect(Math.max(...load.turnsMs)).toBeLessThanOrEqual(2 * sliceMs + 1)
    expect(Math.min(...load.turnsMs.slice(1))).toBeGreaterThanOrEqual(sliceMs)
  })

  test('by a crowd that only computes, and sends nothing', async () => {
    const load = new Load()
    for (let i = 0; i < 100; i++) {
      const again = () => {
        load.clock.advance(0.5)
        load.scheduler.enqueue({ run: () => load.clock.microtask(again) })
      }
      load.scheduler.enqueue({ run: () => load.clock.microtask(again) })
    }
    await load.turns(20)
    expect(Math.max(...load.turnsMs)).toBeLessThanOrEqual(sliceMs + 4)
  })

  test('when the cost of a resumption jumps from a microsecond to ten milliseconds, after one batch', async () => {
    const load = new Load()
    let costMs = 0.001
    load.scheduler.enqueue(load.endless(() => costMs))
    await load.turns(5)
    costMs = 10
    await load.turns(1)
    load.turnsMs.length = 0
    await load.turns(10)
    expect(Math.max(...load.turnsMs)).toBeLessThanOrEqual(sliceMs + 10)
  })
})

test('who may not go on at once waits for a turn, first come, first served', async () => {
  const clock = new VirtualClock({ turns: 'by hand' })
  const scheduler = new SliceScheduler(clock)
  expect(scheduler.claim()).toBe(true)
  clock.advance(sliceMs)
  const order: string[] = []
  for (const name of ['a', 'b', 'c']) resume(scheduler, (value) => order.push(value), name)
  await Promise.resolve()
  expect(order).toEqual([])
  await clock.settle()
  expect(order).toEqual(['a', 'b', 'c'])
})

test('what is enqueued never runs before its caller has ended, and in order', async () => {
  const clock = new VirtualClock({ turns: 'by hand' })
  const scheduler = new SliceScheduler(clock)
  const order: number[] = []
  for (let i = 0; i < 100; i++) scheduler.enqueue({ run: () => order.push(i) })
  expect(order).toEqual([])
  await clock.settle()
  expect(order).toEqual(Array.from({ length: 100 }, (_, i) => i))
})

test('what a batch resumes goes on before the next batch begins', async () => {
  const clock = new VirtualClock({ turns: 'by hand' })
  const scheduler = new SliceScheduler(clock)
  const order: string[] = []
  for (let i = 0; i < 100; i++) {
    scheduler.enqueue({
      run: () => {
        order.push(`start ${i}`)
        queueMicrotask(() => order.push(`go on ${i}`))
      },
    })
  }
  await clock.settle()
  expect(order).toHaveLength(200)
  expect(order.indexOf('go on 0')).toBeLessThan(order.indexOf('start 99'))
})

test('what is enqueued while others run waits for them, however many they are', async () => {
  const clock = new VirtualClock({ turns: 'by hand' })
  const scheduler = new SliceScheduler(clock)
  const order: string[] = []
  for (let i = 0; i < 5_000; i++) {
    scheduler.enqueue({
      run: () => {
        order.push(`first ${i}`)
        scheduler.enqueue({ run: () => order.push(`second ${i}`) })
      },
    })
  }
  await clock.settle()
  const numbers = Array.from({ length: 5_000 }, (_, i) => i)
  expect(order).toEqual([...numbers.map((i) => `first ${i}`), ...numbers.map((i) => `second ${i}`)])
})

test('one turn of the event loop is asked for at a time, and none when there is nothing to do', async () => {
  const clock = new VirtualClock({ turns: 'by hand' })
  const scheduler = new SliceScheduler(clock)
  expect(clock.turnsPending).toBe(0)
  for (let i = 0; i < 1_000; i++) {
    clock.advance(0.1)
    resume(scheduler, () => {}, undefined)
  }
  expect(clock.turnsPending).toBe(1)
  await clock.settle()
  expect(clock.turnsPending).toBe(0)
})

test('after a pause there is a fresh slice: nobody waits for a turn that is not needed', async () => {
  const clock = new VirtualClock({ turns: 'by hand' })
  const scheduler = new SliceScheduler(clock)
  for (let i = 0; i < 100; i++) {
    expect(scheduler.claim()).toBe(true)
    clock.turn()
    clock.advance(50)
  }
})
