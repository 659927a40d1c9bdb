import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MessageQueue, type QueueMark } from '../../src/process/message-queue.js'

const ids = (queue: MessageQueue) => queue.toArray() as number[]

function filled(count: number): MessageQueue {
  const queue = new MessageQueue()
  for (let i = 0; i < count; i++) queue.push(i)
  return queue
}

describe('against a plain array', () => {
  type Step =
    | { do: 'push'; count: number }
    | { do: 'shift'; count: number }
    | { do: 'take'; wanted: (message: number) => boolean }
    | { do: 'take all'; wanted: (message: number) => boolean }
    | { do: 'mark' }
    | { do: 'take marked'; nth: number; modulo: number }
    | { do: 'drain' }

  const wanted = fc.oneof(
    fc.integer({ min: 1, max: 7 }).map((n) => (message: number) => message % n === n - 1),
    fc.constant(() => true),
    fc.constant(() => false),
    fc.integer({ min: 0, max: 3_000 }).map((n) => (message: number) => message > n),
  )
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('push' as const), count: fc.integer({ min: 1, max: 90 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('push' as const), count: fc.integer({ min: 1_000, max: 2_500 }) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('shift' as const), count: fc.integer({ min: 1, max: 5 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('shift' as const), count: fc.integer({ min: 1, max: 2_500 }) }),
    },
    { weight: 5, arbitrary: fc.record({ do: fc.constant('take' as const), wanted }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('take all' as const), wanted }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('mark' as const) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('take marked' as const),
        nth: fc.nat(),
        modulo: fc.integer({ min: 1, max: 5 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('drain' as const) }) },
  )

  function takeFrom(model: number[], accepts: (message: number) => boolean) {
    const at = model.findIndex(accepts)
    return at < 0 ? { found: false, message: undefined } : { found: true, message: model.splice(at, 1)[0] }
  }

  test('whatever is pushed, shifted, taken from the middle and drained, in any order', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const queue = new MessageQueue()
        let model: number[] = []
        let arrivals = 0
        const marks: { mark: QueueMark; arrivals: number }[] = []
        for (const each of steps) {
          if (each.do === 'push') {
            for (let i = 0; i < each.count; i++) {
              queue.push(arrivals)
              model.push(arrivals++)
            }
          } else if (each.do === 'shift') {
            for (let i = 0; i < each.count; i++) expect(queue.shift()).toBe(model.shift())
          } else if (each.do === 'take') {
            expect(queue.take(each.wanted)).toEqual(takeFrom(model, each.wanted))
          } else if (each.do === 'take all') {
            for (;;) {
              const taken = queue.take(each.wanted)
              expect(taken).toEqual(takeFrom(model, each.wanted))
              if (!taken.found) break
            }
          } else if (each.do === 'mark') {
            marks.push({ mark: queue.mark(), arrivals })
          } else if (each.do === 'take marked') {
            const marked = marks[each.nth % Math.max(1, marks.length)]
            if (marked === undefined) continue
            // What a mark is for: what is wanted cannot be older than the mark.
            const accepts = (message: number) => message >= marked.arrivals && message % each.modulo === 0
            expect(queue.take(accepts, marked.mark)).toEqual(takeFrom(model, accepts))
          } else {
            expect(queue.drain()).toEqual(model)
            model = []
          }
          expect(queue.length).toBe(model.length)
        }
        expect(queue.toArray()).toEqual(model)
      }),
      { numRuns: 300 },
    )
  })
})

test('takes from the middle leave the others in order', () => {
  const queue = filled(10)
  for (const wanted of [5, 0, 9, 4, 6]) expect(queue.take((n) => n === wanted).message).toBe(wanted)
  expect(ids(queue)).toEqual([1, 2, 3, 7, 8])
  expect(queue.length).toBe(5)
  queue.push(10)
  expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual([1, 2, 3, 7])
  expect(ids(queue)).toEqual([8, 10])
})

test('a message may be undefined, null, or not a number', () => {
  const queue = new MessageQueue()
  for (const message of [undefined, null, Number.NaN]) queue.push(message)
  expect(queue.length).toBe(3)
  expect(queue.take((message) => message === undefined)).toEqual({ found: true, message: undefined })
  expect(queue.take((message) => message === undefined)).toEqual({ found: false, message: undefined })
  expect(queue.shift()).toBe(null)
  expect(queue.shift()).toBe(Number.NaN)
  expect(queue.shift()).toBe(undefined)
  expect(queue.length).toBe(0)
})

test('each message is looked at once, oldest first, and no further than the one that is wanted', () => {
  const queue = filled(100)
  for (const gap of [3, 50, 51]) queue.take((n) => n === gap)
  const looks: number[] = []
  const taken = queue.take((n: number) => {
    looks.push(n)
    return n === 60
  })
  expect(taken.message).toBe(60)
  expect(looks).toEqual(Array.from({ length: 61 }, (_, n) => n).filter((n) => ![3, 50, 51].includes(n)))
})

test('when the match throws, nothing is taken', () => {
  const queue = filled(3)
  const failing = (n: number) => {
    if (n === 1) throw new Error('not this one')
    return n === 2
  }
  expect(() => queue.take(failing)).toThrow('not this one')
  expect(ids(queue)).toEqual([0, 1, 2])
})

describe('a mark', () => {
  const looksFor = (queue: MessageQueue, wanted: number, mark: QueueMark) => {
    let looks = 0
    const taken = queue.take((n: number) => {
      looks++
      return n === wanted
    }, mark)
    return { message: taken.message, looks }
  }

  test('spares a search all that was queued before it', () => {
    const queue = filled(100_000)
    const mark = queue.mark()
    queue.push(-1)
    queue.push(-2)
    expect(looksFor(queue, -2, mark)).toEqual({ message: -2, looks: 2 })
    expect(looksFor(queue, -1, mark)).toEqual({ message: -1, looks: 1 })
    expect(looksFor(queue, -3, mark)).toEqual({ message: undefined, looks: 0 })
    expect(queue.length).toBe(100_000)
  })

  test('holds while older messages are taken from the front', () => {
    const queue = filled(10_000)
    const mark = queue.mark()
    queue.push(-1)
    for (let i = 0; i < 6_000; i++) expect(queue.shift()).toBe(i)
    expect(looksFor(queue, -1, mark)).toEqual({ message: -1, looks: 1 })
    for (let i = 6_000; i < 10_000; i++) expect(queue.shift()).toBe(i)
    queue.push(-2)
    expect(looksFor(queue, -2, mark)).toEqual({ message: -2, looks: 1 })
  })

  test('means nothing after gaps were closed: the search looks at all, and finds what it would have found', () => {
    const queue = filled(1_000)
    const mark = queue.mark()
    queue.push(-1)
    for (;;) if (!queue.take((n: number) => n % 3 !== 0 && n > 0).found) break
    expect(queue.length).toBe(335)
    expect(looksFor(queue, -1, mark).message).toBe(-1)
  })

  test('means nothing after the queue was drained, nor in another queue', () => {
    const queue = filled(10)
    const mark = queue.mark()
    queue.drain()
    queue.push(1)
    expect(looksFor(queue, 1, mark).message).toBe(1)
    const other = filled(5)
    expect(looksFor(other, 2, mark)).toEqual({ message: 2, looks: 3 })
  })
})

test('taking newest first, from a hundred thousand, is no slower by orders of magnitude than taking oldest first', () => {
  // A queue that closed a gap at each take from the middle would move 100,000 slots 50,000 times.
  const queue = filled(100_000)
  const marks = Array.from({ length: 50_000 }, (_, i) => {
    const mark = queue.mark()
    queue.push(-i - 1)
    return mark
  })
  const start = performance.now()
  for (let i = 49_999; i >= 0; i--) expect(queue.take((n) => n === -i - 1, marks[i]).found).toBe(true)
  expect(performance.now() - start).toBeLessThan(5_000)
  expect(queue.length).toBe(100_000)
})
