/** Functions that yield, as other nodes read them, on the node itself: across nodes it is the same code. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { atom, type ErpcError, Node, type Process, tuple } from '../../src/index.js'
import { silent } from '../../src/logger.js'
import { Stage } from './puppet.js'

let stage: Stage
let here: string
/** What the functions have done, in order. */
let done: string[]
beforeEach(async () => {
  stage = await Stage.open()
  here = stage.node.name
  done = []
  stage.node.expose('m', {
    async *count(to: number) {
      try {
        for (let n = 1; n <= to; n++) {
          done.push(`made ${n}`)
          yield n
        }
        return 'all'
      } finally {
        done.push('tidied up')
      }
    },
    *plain(to: number) {
      try {
        for (let n = 1; n <= to; n++) yield n
      } finally {
        done.push('tidied up')
      }
    },
    async *fails(how: string) {
      yield 1
      if (how === 'throw') throw 'up'
      throw new RangeError('no more')
    },
    async *exits(this: Process, reason: unknown) {
      yield 1
      this.exit(reason)
    },
    async *hears(this: Process) {
      try {
        for (;;) yield await this.receive()
      } finally {
        done.push('tidied up')
      }
    },
    async *waits() {
      yield 1
      await new Promise(() => {})
    },
    array: () => ['a', Promise.resolve('b')],
    later: async () => new Set([1, 2]),
    text: () => 'text',
    number: () => 5,
    iterator: () => ({
      next: async () => ({ done: done.push('next') > 3, value: 1 }),
      [Symbol.asyncIterator]() {
        return this
      },
    }),
    async *address(this: Process) {
      yield this.address
      yield await this.receive()
    },
    *functions() {
      yield 1
      yield () => {}
    },
  })
})
afterEach(() => stage.node.stop())

const stream = (name: string, args: unknown[] = [], options = {}) =>
  stage.node.erpc(here).stream('m', name, args, options)
const all = async (values: AsyncIterable<unknown>) => {
  const list: unknown[] = []
  for await (const each of values) list.push(each)
  return list
}
const raised = (outcome: Promise<unknown>): Promise<ErpcError> =>
  outcome.then(
    () => expect.fail('it gave a value'),
    (thrown) => thrown,
  )
const running = () =>
  stage.node.processes().filter((each) => stage.node.processInfo(each)?.initial_call?.startsWith('erpc:'))

describe('a stream', () => {
  test.each([1, 2, 64, 10_000])('gives all that the function yields, in order, with a credit of %i', async (credit) => {
    const ten = Array.from({ length: 10 }, (_, n) => n + 1)
    expect(await all(stream('count', [10], { credit }))).toEqual(ten)
    expect(await all(stream('plain', [10], { credit }))).toEqual(ten)
    expect(await all(stream('count', [0], { credit }))).toEqual([])
    await stage.settle()
    expect(running()).toEqual([])
  })

  test('ends with what the function returns, and stays ended', async () => {
    const values = stream('count', [1])
    expect([await values.next(), await values.next(), await values.next()]).toEqual([
      { done: false, value: 1 },
      { done: true, value: 'all' },
      { done: true, value: undefined },
    ])
  })

  test('reads any iterable that a function gives, at once or later', async () => {
    expect(await all(stream('array'))).toEqual(['a', 'b'])
    expect(await all(stream('later'))).toEqual([1, 2])
    expect(await all(stream('iterator'))).toEqual([1, 1, 1])
  })

  test('makes no more values than there is room for', async () => {
    const values = stream('count', [1_000], { credit: 4 })
    await values.next()
    await stage.settle()
    expect(done).toHaveLength(4)
    await values.next()
    await stage.settle()
    expect(done).toHaveLength(6)
    for (let n = 3; n <= 50; n++) expect(await values.next()).toEqual({ done: false, value: n })
    await stage.settle()
    expect(done.length).toBeLessThanOrEqual(54)
    await values.return()
  })

  test('that is left ends the function where it yields, and lets it tidy up', async () => {
    for (const name of ['count', 'plain']) {
      done = []
      for await (const value of stream(name, [1e9], { credit: 2 })) if (value === 3) break
      await stage.settle()
      expect(done.at(-1)).toBe('tidied up')
      expect(running()).toEqual([])
    }
  })

  test('that is left ends a function that waits for something of the runtime', async () => {
    const values = stream('hears')
    const first = values.next()
    await stage.settle()
    stage.node.send(running()[0] as never, 'hello')
    expect(await first).toEqual({ done: false, value: 'hello' })
    await stage.settle()
    expect(done).toEqual([])
    await values.return()
    await stage.settle()
    expect([done, running()]).toEqual([['tidied up'], []])
  })

  test('that is left while it opens ends the function too', async () => {
    const values = stream('count', [1e9])
    const first = values.next()
    expect(await values.return('enough')).toEqual({ done: true, value: 'enough' })
    expect(await first).toEqual({ done: true, value: undefined })
    await stage.settle()
    expect(running()).toEqual([])
  })

  test('that nobody reads runs nothing', async () => {
    await stream('count', [1]).return()
    {
      await using _ = stream('count', [1])
    }
    await stage.settle()
    expect([done, running()]).toEqual([[], []])
  })

  test('shows the function its messages, and none of what the stream is made of', async () => {
    const values = stream('address', [], { credit: 1 })
    const { value: address } = await values.next()
    const second = values.next()
    await stage.settle()
    stage.node.send(address as never, 'for the function')
    expect(await second).toEqual({ done: false, value: 'for the function' })
    await values.return()
  })

  test('serves several who wait in their order', async () => {
    const values = stream('count', [3])
    const four = await Promise.all([values.next(), values.next(), values.next(), values.next()])
    expect(four.map(({ value }) => value)).toEqual([1, 2, 3, 'all'])
  })
})

describe('a stream that fails', () => {
  test.each([
    ['throws a value', 'fails', ['throw'], ['exception', 'throw', 'up']],
    ['throws an error', 'fails', ['error'], ['exception', 'error', tuple(atom('RangeError'), 'no more')]],
    ['exits', 'exits', ['why'], ['exception', 'exit', 'why']],
    ['exits with normal', 'exits', [atom('normal')], ['exception', 'exit', atom('normal')]],
    ['yields what has no term', 'functions', [], ['exception', 'error', expect.anything()]],
  ] as const)('as the function %s gives the values before, and then that', async (what, name, args, expected) => {
    if (what.startsWith('yields')) {
      await stage.node.stop()
      stage = await Stage.open({ strict: true })
      stage.node.expose('m', {
        *functions() {
          yield 1
          yield () => {}
        },
      })
    }
    const values = stream(name, [...args])
    expect(await values.next()).toEqual({ done: false, value: 1 })
    const { code, origin, class: kind, reason } = await raised(values.next())
    expect([code, origin, kind, reason]).toEqual(['ERR_REIGN_ERPC', ...expected])
    expect(await values.next()).toEqual({ done: true, value: undefined })
  })

  test.each(['text', 'number'])('as the function gives no iterable but a %s says so', async (name) => {
    const { origin, class: kind, reason } = await raised(stream(name).next())
    expect([origin, kind, reason]).toEqual([
      'exception',
      'error',
      tuple(atom('bad_return_value'), expect.stringMatching('gives an iterable')),
    ])
  })

  test('as there is no such function', async () => {
    expect(await raised(stream('absent').next())).toMatchObject({ class: 'error', reason: atom('undef') })
  })

  test('as its process is killed, and what the function holds is let go', async () => {
    const values = stream('count', [1e9], { credit: 2 })
    await values.next()
    await stage.settle()
    stage.node.exit(running()[0] as never, atom('kill'))
    expect((await values.next()).value).toBe(2)
    expect(await raised(all(values))).toMatchObject({ origin: 'signal', class: 'exit', reason: atom('killed') })
    await stage.settle()
    expect(done.at(-1)).toBe('tidied up')
  })

  test('as a value takes too long, or the reader is aborted: the function is ended', async () => {
    const values = stream('waits', [], { timeout: 20 })
    await values.next()
    const late = expect(values.next()).rejects.toMatchObject({ code: 'ERR_REIGN_TIMEOUT' })
    await stage.clock.run(21)
    await late
    expect(await values.next()).toEqual({ done: true, value: undefined })
    const abort = new AbortController()
    const other = stream('waits', [], { signal: abort.signal })
    await other.next()
    const waiting = other.next()
    abort.abort('enough')
    await expect(waiting).rejects.toBe('enough')
    await stage.settle()
    expect(running()).toEqual([])
  })

  test('as its reader ends: so does the function', async () => {
    const reader = stage.node.spawn(async (self) => {
      for await (const _ of self.erpc(here).stream('m', 'count', [1e9])) await self.receive()
    })
    await stage.settle()
    expect(running()).toHaveLength(1)
    stage.node.exit(reader, atom('shutdown'))
    await stage.settle()
    expect([done.at(-1), running()]).toEqual(['tidied up', []])
  })

  test.each([
    ['credit', { credit: 0 }],
    ['credit', { credit: 10_001 }],
    ['credit', { credit: 1.5 }],
    ['timeout', { timeout: Number.NaN }],
  ])('is refused for a %s that is none: %o', async (_, options) => {
    await expect(stream('count', [1], options).next()).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    await expect(
      stage.node
        .erpc(here)
        .stream(5 as never, 'x', [])
        .next(),
    ).rejects.toMatchObject({
      code: 'ERR_REIGN_ARGUMENT',
    })
  })
})

describe('a function that yields', () => {
  const call = (name: string, args: unknown[] = []) => stage.node.erpc(here).call('m', name, args)

  test('gives the list of all to who calls it', async () => {
    expect(await call('count', [3])).toEqual([1, 2, 3])
    expect(await call('plain', [0])).toEqual([])
    expect(await call('later')).toEqual(new Set([1, 2]))
  })

  test('that yields more than a list may hold is ended, and its caller told', async () => {
    expect(await raised(call('plain', [1e9]))).toMatchObject({ class: 'error', reason: atom('system_limit') })
    expect(done).toEqual(['tidied up'])
  })

  test('runs to its end when it is cast or spawned', async () => {
    stage.node.erpc(here).cast('m', 'count', [2])
    await stage.settle()
    expect(done).toEqual(['made 1', 'made 2', 'tidied up'])
    await stage.node.spawnOn(here, 'm', 'count', [1])
    await stage.settle()
    expect(done.slice(3)).toEqual(['made 1', 'tidied up'])
  })

  test('keeps timers and others from nothing, when it yields for ever to nobody', async () => {
    await using node = await Node.local({ logger: silent })
    node.expose('m', {
      *ever() {
        for (;;) yield 1
      },
    })
    const { address } = await node.spawnOn(node.name, 'm', 'ever', [])
    await new Promise((resolve) => setTimeout(resolve, 1))
    node.exit(address, atom('kill'))
    expect(node.isAlive(address)).toBe(false)
  })
})

describe('the functions of a module', () => {
  test('are called, cast and read by their names', async () => {
    const m = stage.node
      .erpc(here)
      .module<{ count: (to: number) => AsyncGenerator<number, string>; number: () => number }>('m')
    expect([await m.call.number(), await m.call.count(2), await all(m.stream.count(2))]).toEqual([5, [1, 2], [1, 2]])
    m.cast.count(1)
    await stage.settle()
    expect(done.at(-2)).toBe('made 1')
    expect(() => m.with({ credit: 0 })).toThrow(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
  })
})

describe('a process that speaks the protocol itself', () => {
  test.each([
    ['no reader', [5, 1]],
    ['a reader without a reference', [tuple('pid', 'tag'), 1]],
    ['no credit', [null, 0]],
  ])('is told badarg for %s', async (_, [reader, credit]) => {
    const from = reader ?? tuple(stage.node.system.self, stage.node.mailbox().makeRef())
    const outcome = stage.node.erpc(here).call('erpc', 'execute_stream', [from, credit, atom('m'), atom('count'), [1]])
    expect(await raised(outcome)).toMatchObject({ class: 'error', reason: atom('badarg') })
  })

  test('that sends more than it was asked for ends the stream', async () => {
    // A producer that minds no credit: in place of ours.
    stage.node.expose('erpc', {
      async execute_stream(this: Process, from: readonly [never, { tail: never }]) {
        for (let n = 0; n < 5; n++) stage.node.send(from[1].tail, tuple(from[1], tuple(atom('next'), n)))
        await this.receive()
      },
    })
    const values = stream('any', [], { credit: 3 })
    expect(await raised(all(values))).toMatchObject({ origin: 'erpc', reason: atom('overflow') })
    expect(stage.node.whereis('any')).toBeUndefined()
  })
})
