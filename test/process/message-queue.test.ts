import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { any, atom, isTuple, Ref, tuple } from '../../src/index.js'
import { accepts } from '../../src/process/match.js'
import { matcher } from '../../src/process/matcher.js'
import { MessageQueue, nothing, type QueueMark } from '../../src/process/message-queue.js'
import { Incarnation } from '../../src/term/incarnation.js'
import { spentMs } from '../support/quickest.js'

const ids = (queue: MessageQueue) => queue.toArray() as number[]

const take = (queue: MessageQueue, guard: (message: number) => boolean, mark?: QueueMark) =>
  queue.take(matcher(guard), mark)

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
    return at < 0 ? nothing : model.splice(at, 1)[0]
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
            expect(take(queue, each.wanted)).toBe(takeFrom(model, each.wanted))
          } else if (each.do === 'take all') {
            for (;;) {
              const taken = take(queue, each.wanted)
              expect(taken).toBe(takeFrom(model, each.wanted))
              if (taken === nothing) break
            }
          } else if (each.do === 'mark') {
            marks.push({ mark: queue.mark(), arrivals })
          } else if (each.do === 'take marked') {
            const marked = marks[each.nth % Math.max(1, marks.length)]
            if (marked === undefined) continue
            // What a mark is for: what is wanted cannot be older than the mark.
            const accepts = (message: number) => message >= marked.arrivals && message % each.modulo === 0
            expect(take(queue, accepts, marked.mark)).toBe(takeFrom(model, accepts))
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
  for (const wanted of [5, 0, 9, 4, 6]) expect(take(queue, (n) => n === wanted)).toBe(wanted)
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
  expect(take(queue, (message) => message === undefined)).toBe(undefined)
  expect(take(queue, (message) => message === undefined)).toBe(nothing)
  expect(queue.shift()).toBe(null)
  expect(queue.shift()).toBe(Number.NaN)
  expect(queue.shift()).toBe(undefined)
  expect(queue.length).toBe(0)
})

test('what was taken is held no more, wherever it was taken from, while others wait', async () => {
  const queue = new MessageQueue()
  const seen = Array.from({ length: 5_000 }, (_, i) => {
    const message = { i }
    queue.push(message)
    return new WeakRef(message)
  })
  for (let i = 0; i < 700; i++) expect(queue.shift()).toEqual({ i })
  const wanted = matcher(({ i }: { i: number }) => i % 3 === 1)
  while (queue.take(wanted) !== nothing);
  for (let i = 0; i < 700; i++) queue.shift()
  expect(queue.length).toBeGreaterThan(2_000)
  // What a WeakRef was made for stays until the job ends.
  await new Promise(setImmediate)
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
  const held = seen.filter((weak) => weak.deref() !== undefined).length
  // But for the one or other that this very test still has on its stack.
  expect(held - queue.length).toBeLessThan(10)
})

test('each message is looked at once, oldest first, and no further than the one that is wanted', () => {
  const queue = filled(100)
  for (const gap of [3, 50, 51]) take(queue, (n) => n === gap)
  const looks: number[] = []
  const taken = take(queue, (n) => {
    looks.push(n)
    return n === 60
  })
  expect(taken).toBe(60)
  expect(looks).toEqual(Array.from({ length: 61 }, (_, n) => n).filter((n) => ![3, 50, 51].includes(n)))
})

test('when the match throws, nothing is taken', () => {
  const queue = filled(3)
  const failing = (n: number) => {
    if (n === 1) throw new Error('not this one')
    return n === 2
  }
  expect(() => take(queue, failing)).toThrow('not this one')
  expect(ids(queue)).toEqual([0, 1, 2])
})

describe('a mark', () => {
  const looksFor = (queue: MessageQueue, wanted: number, mark: QueueMark) => {
    let looks = 0
    const message = take(
      queue,
      (n) => {
        looks++
        return n === wanted
      },
      mark,
    )
    return { message, looks }
  }

  test('spares a search all that was queued before it', () => {
    const queue = filled(100_000)
    const mark = queue.mark()
    queue.push(-1)
    queue.push(-2)
    expect(looksFor(queue, -2, mark)).toEqual({ message: -2, looks: 2 })
    expect(looksFor(queue, -1, mark)).toEqual({ message: -1, looks: 1 })
    expect(looksFor(queue, -3, mark)).toEqual({ message: nothing, looks: 0 })
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
    for (;;) if (take(queue, (n) => n % 3 !== 0 && n > 0) === nothing) break
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
  const start = spentMs()
  for (let i = 49_999; i >= 0; i--) expect(take(queue, (n) => n === -i - 1, marks[i])).toBe(-i - 1)
  expect(spentMs() - start).toBeLessThan(5_000)
  expect(queue.length).toBe(100_000)
})

describe('patterns that are looked for again and again', () => {
  type Message = Readonly<Record<string, unknown>>
  const values = ['x', 'y', 'z', 1, -0, 0, Number.NaN, undefined, null, atom('x'), { deep: 1 }] as const
  const value = fc.constantFrom<unknown>(...values)
  const message: fc.Arbitrary<unknown> = fc.oneof(
    { weight: 8, arbitrary: fc.record({ type: value, key: value, more: value }, { requiredKeys: [] }) },
    { weight: 2, arbitrary: fc.tuple(value, value) },
    { weight: 2, arbitrary: fc.tuple(value, value).map((pair) => tuple(...pair)) },
    { weight: 1, arbitrary: fc.constantFrom<unknown>('x', null, undefined, 7) },
  )
  const pattern: fc.Arbitrary<unknown> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: value, key: value, more: value }, { requiredKeys: [] }) },
    { weight: 2, arbitrary: fc.tuple(fc.oneof(value, fc.constant(any)), value) },
    { weight: 2, arbitrary: fc.tuple(value, fc.constant(any)).map((pair) => tuple(...pair)) },
    { weight: 1, arbitrary: value },
  )
  type Step =
    | { do: 'push'; messages: unknown[]; times: number }
    | { do: 'take'; pattern: unknown; times: number }
    | { do: 'shift'; count: number }
    | { do: 'guard'; wanted: unknown }
    | { do: 'mark' }
    | { do: 'hostile' }
    | { do: 'drain' }
  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('push' as const),
        messages: fc.array(message, { minLength: 1, maxLength: 20 }),
        times: fc.constantFrom(1, 3, 30),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({ do: fc.constant('take' as const), pattern, times: fc.constantFrom(1, 5, 200) }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('shift' as const), count: fc.constantFrom(1, 5, 100) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('guard' as const), wanted: value }) },
    { weight: 1, arbitrary: fc.constant({ do: 'mark' as const }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('hostile' as const, 'drain' as const) }) },
  )
  const refuse = () => {
    throw new Error('no looking')
  }
  const hostile = Object.defineProperties(
    {},
    { type: { get: refuse }, key: { get: refuse }, more: { get: refuse }, ref: { get: refuse } },
  )

  /** What a search is to be: a look at all, one by one. */
  function taken(model: unknown[], wanted: unknown, from: number): unknown {
    for (let i = 0; i < model.length; i++) {
      const [arrival, message] = model[i] as [number, unknown]
      if (arrival >= from && accepts(wanted, message)) {
        model.splice(i, 1)
        return message
      }
    }
    return nothing
  }
  function expectSame(messages: unknown[], model: [number, unknown][]): void {
    expect(messages.length).toBe(model.length)
    expect(model.every(([, message], i) => message === messages[i] || Object.is(message, messages[i]))).toBe(true)
  }
  const outcome = (act: () => unknown) => {
    try {
      return act()
    } catch (error) {
      return (error as Error).message
    }
  }

  test('give what a look at all, one by one, would give, and in that order', () => {
    fc.assert(
      fc.property(fc.array(step, { minLength: 1, maxLength: 60 }), (steps) => {
        const queue = new MessageQueue()
        let model: [number, unknown][] = []
        let arrivals = 0
        let mark: { mark: QueueMark; arrivals: number } | undefined
        const push = (message: unknown) => {
          queue.push(message)
          model.push([arrivals++, message])
        }
        for (const each of steps) {
          if (each.do === 'push') {
            // Copies, so that the very message can be told from its equals.
            for (let i = 0; i < each.times; i++) for (const made of each.messages) push(copyOf(made))
          } else if (each.do === 'take') {
            for (let i = 0; i < each.times; i++) {
              const got = outcome(() => queue.take(matcher(each.pattern)))
              expect(got).toBe(outcome(() => taken(model, each.pattern, 0)))
              if (got === nothing && i > 20) break
            }
          } else if (each.do === 'shift') {
            for (let i = 0; i < each.count; i++) expect(queue.shift()).toBe(model.shift()?.[1])
          } else if (each.do === 'guard') {
            const guard = (message: unknown) => message === each.wanted
            const at = model.findIndex(([, message]) => guard(message))
            expect(queue.take(matcher(guard))).toBe(at < 0 ? nothing : model.splice(at, 1)[0]?.[1])
          } else if (each.do === 'mark') {
            // What a mark is for: messages that hold what did not exist before.
            mark = { mark: queue.mark(), arrivals }
            const fresh = { type: 'x', ref: {} }
            push(fresh)
            const wanted = matcher({ type: 'x', ref: fresh.ref })
            const found = taken(model, fresh, mark.arrivals)
            expect(queue.take(wanted, mark.mark)).toBe(found)
          } else if (each.do === 'hostile') {
            push(hostile)
          } else {
            expectSame(queue.drain(), model)
            model = []
          }
          expect(queue.length).toBe(model.length)
        }
        expectSame(queue.toArray(), model)
      }),
      { numRuns: 300 },
    )
  })

  /** Counts the looks at the properties of messages that nobody wants. */
  function counted(count: number, make: (i: number) => Message) {
    const looks = { count: 0 }
    const queue = new MessageQueue()
    for (let i = 0; i < count; i++) {
      queue.push(
        new Proxy(make(i), {
          get(target, key) {
            looks.count++
            return target[key as string]
          },
        }),
      )
    }
    return { queue, looks }
  }

  test.each<[string, (i: number) => Message, (i: number) => unknown]>([
    ['another type', () => ({ type: 'noise' }), (key) => ({ type: 'reply', key })],
    ['the same type, and another key', (i) => ({ type: 'reply', key: -i - 1 }), (key) => ({ type: 'reply', key })],
    ['the same key, and another type', () => ({ key: 1, type: 'noise' }), () => ({ key: 1, type: 'reply' })],
  ])('do not look again and again at messages of %s', (_, noise, wanted) => {
    const { queue, looks } = counted(10_000, noise)
    for (let i = 0; i < 2_000; i++) {
      expect(queue.take(matcher(wanted(i)))).toBe(nothing)
      const reply = copyOf(wanted(i))
      queue.push(reply)
      expect(queue.take(matcher(wanted(i)))).toBe(reply)
    }
    // Some rounds one by one, and one for each property that is indexed, instead of 4,000; again each time gaps are closed.
    expect(looks.count).toBeLessThan(40 * 10_000)
    expect(queue.length).toBe(10_000)
  })

  test('nor at those of the same kind that were taken before', () => {
    const queue = new MessageQueue()
    for (let i = 0; i < 50_000; i++) queue.push({ type: 'noise' })
    const start = spentMs()
    for (let i = 0; i < 30_000; i++) queue.push({ type: 'reply', i })
    for (let i = 0; i < 30_000; i++) expect(queue.take(matcher({ type: 'reply' }))).toEqual({ type: 'reply', i })
    // A look at all that were taken before it, each time, would be 450 million.
    expect(spentMs() - start).toBeLessThan(10_000)
  })

  test('make a queue remember no more than twice what is in it, but for a thousand', async () => {
    const queue = new MessageQueue()
    const incarnation = new Incarnation('a@127.0.0.1', 1)
    for (let i = 0; i < 1_000; i++) queue.push({ type: 'noise', i })
    for (let i = 0; i < 10; i++) queue.take(matcher({ type: 'reply' }))
    const seen: WeakRef<Ref>[] = []
    for (let i = 0; i < 20_000; i++) {
      const type = new Ref(incarnation, [i])
      seen.push(new WeakRef(type))
      const message = { type }
      queue.push(message)
      expect(queue.take(matcher({ type }))).toBe(message)
      queue.shift()
      queue.push({ type: 'noise', i })
    }
    expect(queue.length).toBe(1_000)
    // What a WeakRef was made for stays until the job ends.
    await new Promise(setImmediate)
    setFlagsFromString('--expose-gc')
    runInNewContext('gc')()
    expect(seen.filter((weak) => weak.deref() !== undefined).length).toBeLessThan(4_000)
  })
})

/** The same structure, made anew. */
function copyOf(value: unknown): unknown {
  if (isTuple(value)) return tuple(...value)
  if (Array.isArray(value)) return [...value]
  return typeof value === 'object' && value !== null ? { ...value } : value
}
