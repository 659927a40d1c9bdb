import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { task, taskSupervisor, taskSupervisorAt } from '../../src/behaviour/index.js'
import { atom, type Exit, Node, named, type Process, TaskError } from '../../src/index.js'
import { silent } from '../../src/logger.js'
import { Stage } from '../process/puppet.js'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.node.stop())

const bang = new Error('bang')
const [kill, killed, shutdown] = [atom('kill'), atom('killed'), atom('shutdown')]
const fail = (): never => {
  throw bang
}
const failure = (promise: Promise<unknown>): Promise<{ code?: string; reason?: unknown }> =>
  promise.then(
    (value) => expect.unreachable(`it gave ${String(value)}`),
    (thrown) => thrown,
  )
/** A task that ends when it is told to, or by exits. */
const waits = (self: Process<unknown>) => self.receive() as Promise<unknown>
const sleeps = <T>(ms: number, value: T) => new Promise<T>((resolve) => stage.clock.setTimer(() => resolve(value), ms))

describe('a task', () => {
  test('runs beside its owner, which gets its value, as often as it asks', async () => {
    const { self } = await stage.puppet()
    const sum = task.async(self, (_, a: number, b: number) => sleeps(10, a + b), 1, 2)
    const early = sum.await()
    await stage.clock.run(10)
    expect([await early, await sum.await(), await sum.yield()]).toEqual([3, 3, { ok: true, value: 3 }])
    expect(await task.async(self, () => 'at once').await()).toBe('at once')
  })

  test('is a process, with arguments, a mailbox and a name in reports', async () => {
    const { self } = await stage.puppet()
    const echo = task.async(self, waits)
    await stage.settle()
    expect(stage.node.processInfo(echo.address)).toMatchObject({ initial_call: 'waits', status: 'waiting' })
    stage.node.send(echo.address, 'message')
    expect(await echo.await()).toBe('message')
  })

  test('that has given its value leaves neither link nor monitor, nor a message to an owner that traps exits', async () => {
    const { self } = await stage.puppet({ trapExit: true })
    const one = task.async(self, () => 1)
    expect(stage.node.processInfo(self.address)?.links).toEqual([one.address])
    expect(await one.await()).toBe(1)
    await stage.settle()
    expect(stage.node.processInfo(self.address)).toMatchObject({ links: [], monitors: [], message_queue_len: 0 })
    expect(stage.node.isAlive(one.address)).toBe(false)
  })

  test('that fails ends its owner, with the reason', async () => {
    const owner = await stage.puppet()
    const waited = failure(task.async(owner.self, fail).await())
    expect(await waited).toMatchObject({ code: 'ERR_REIGN_EXIT', reason: bang })
    expect(stage.reason(owner)).toBe(bang)
  })

  test.each([
    ['throws', fail, bang],
    ['rejects', () => Promise.reject(bang), bang],
    ['exits', (self: Process<unknown>) => self.exit('enough'), 'enough'],
    ['exits in order', (self: Process<unknown>) => self.exit(atom('normal')), atom('normal')],
  ] as const)('that %s gives an owner that traps exits an error, and the exit as a message', async (_, run, reason) => {
    const owner = await stage.puppet({ trapExit: true })
    const failed = task.async(owner.self, run)
    const thrown = await failure(failed.await())
    expect(thrown).toBeInstanceOf(TaskError)
    expect(thrown).toMatchObject({ name: 'TaskError', code: 'ERR_REIGN_TASK', reason })
    expect(await failed.yield()).toEqual({ ok: false, reason })
    expect(stage.inbox(owner)).toEqual([{ type: 'EXIT', from: failed.address, reason } satisfies Exit])
  })

  test('ends with its owner, and its signal is aborted', async () => {
    const owner = await stage.puppet()
    let aborted: unknown
    const linked = task.async(owner.self, (self) => {
      self.signal.addEventListener('abort', () => {
        aborted = (self.signal.reason as { reason: unknown }).reason
      })
      return waits(self)
    })
    await stage.settle()
    owner.throw('gone')
    await stage.settle()
    expect([stage.node.isAlive(linked.address), aborted]).toEqual([false, 'gone'])
  })

  test('that is too late is an error for who waits, runs on, and can be asked again', async () => {
    const { self } = await stage.puppet()
    const slow = task.async(self, () => sleeps(6_000, 'late'))
    const usual = failure(slow.await())
    const short = failure(slow.await({ timeout: 100 }))
    await stage.clock.run(100)
    expect(await short).toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 100 })
    await stage.clock.run(5_000)
    expect(await usual).toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 5_000 })
    expect(await slow.yield({ timeout: 0 }).then((none) => none, String)).toBeUndefined()
    const patient = slow.await({ timeout: Number.POSITIVE_INFINITY })
    await stage.clock.run(1_000)
    expect(await patient).toBe('late')
  })

  test('is waited for until a signal, or in a sound time', async () => {
    const { self } = await stage.puppet()
    const slow = task.async(self, waits)
    const controller = new AbortController()
    const waited = failure(slow.await({ signal: controller.signal }))
    controller.abort('enough')
    expect(await waited).toBe('enough')
    expect(await failure(slow.await({ signal: controller.signal }))).toBe('enough')
    expect(await failure(slow.await({ timeout: Number.NaN }))).toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
  })

  test('fails whoever waits for it when its owner ends', async () => {
    const owner = await stage.puppet()
    const slow = task.async(owner.self, waits)
    const waited = failure(slow.await())
    owner.throw('gone')
    expect(await waited).toMatchObject({ code: 'ERR_REIGN_EXIT', reason: 'gone' })
    expect(await failure(slow.await())).toMatchObject({ code: 'ERR_REIGN_EXIT', reason: 'gone' })
    expect(() => task.async(owner.self, fail)).toThrow(expect.objectContaining({ code: 'ERR_REIGN_EXIT' }))
  })

  test('of a node ends nobody by its fault; of a mailbox it is a message there', async () => {
    expect(await task.async(stage.node, () => 1).await()).toBe(1)
    expect(await failure(task.async(stage.node, fail).await())).toMatchObject({ reason: bang })
    using mailbox = stage.node.mailbox()
    const failed = task.async(mailbox, fail)
    expect(await failed.yield()).toEqual({ ok: false, reason: bang })
    expect(mailbox.poll()).toEqual({ type: 'EXIT', from: failed.address, reason: bang })
  })

  test('passes its value through the codec in strict mode', async () => {
    await using node = new Node({
      name: 'strict@127.0.0.1',
      creation: 7,
      logger: silent,
      copy: (message) => structuredClone(message),
    })
    const value = { list: [1] }
    const copy = await task.async(node, () => value).await()
    expect(copy).toEqual(value)
    expect(copy).not.toBe(value)
    expect(await failure(task.async(node, () => () => {}).await())).toMatchObject({
      reason: { name: 'DataCloneError' },
    })
  })
})

describe('shutdown', () => {
  test.each([
    ['in order', undefined],
    ['at once', 'brutal_kill'],
    ['with a bound', 100],
  ] as const)('ends a task %s, and nobody with it', async (_, how) => {
    const owner = await stage.puppet()
    const slow = task.async(owner.self, waits)
    expect(await slow.shutdown(how)).toBeUndefined()
    expect([stage.node.isAlive(slow.address), stage.alive(owner)]).toEqual([false, true])
    expect(await failure(slow.await())).toMatchObject({ reason: how === 'brutal_kill' ? killed : shutdown })
  })

  test('kills one that does not heed it when the time is over, and leaves no timer', async () => {
    const { self } = await stage.puppet()
    const stubborn = task.async(self, async (own) => {
      own.trapExit = true
      for (;;) await own.receive()
    })
    await stage.settle()
    const ended = stubborn.shutdown(100)
    await stage.clock.run(99)
    expect(stage.node.isAlive(stubborn.address)).toBe(true)
    await stage.clock.run(1)
    expect(await ended).toBeUndefined()
    expect(stage.node.isAlive(stubborn.address)).toBe(false)
  })

  test('gives what came of it before', async () => {
    const { self } = await stage.puppet({ trapExit: true })
    const [done, failed] = [task.async(self, () => 1), task.async(self, fail)]
    await stage.settle()
    expect(await done.shutdown()).toEqual({ ok: true, value: 1 })
    expect(await failed.shutdown()).toEqual({ ok: false, reason: bang })
    const quitter = task.async(self, async (own) => {
      own.trapExit = true
      await own.receive()
      own.exit('my own reason')
    })
    await stage.settle()
    expect(await quitter.shutdown()).toEqual({ ok: false, reason: 'my own reason' })
  })
})

describe('task.map', () => {
  /** How many run, and how many ran at most. */
  const count = () => {
    const counted = { now: 0, most: 0 }
    const run = async (_: Process<unknown>, ms: number) => {
      counted.most = Math.max(counted.most, ++counted.now)
      await sleeps(ms, undefined)
      counted.now--
      return ms
    }
    return { counted, run }
  }
  /** Steps through the time until it is there. */
  const inTime = async <T>(promise: Promise<T>): Promise<T> => {
    let over = false
    const done = promise.finally(() => {
      over = true
    })
    done.catch(() => {})
    while (!over) await stage.clock.run(1)
    return done
  }
  const all = async <T>(results: AsyncIterable<T>): Promise<T[]> => {
    const taken: T[] = []
    for await (const result of results) taken.push(result)
    return taken
  }
  const values = (...each: number[]) => each.map((value) => ({ ok: true, value }))

  test.each([
    [true, [33, 10, 20, 5]],
    [false, [10, 20, 33, 5]],
  ])('runs no more than so many at once (ordered: %s)', async (ordered, order) => {
    const { self } = await stage.puppet()
    const { counted, run } = count()
    const results = await inTime(all(task.map(self, [33, 10, 20, 5], run, { concurrency: 2, ordered })))
    expect(results).toEqual(values(...order))
    expect(counted).toEqual({ now: 0, most: 2 })
  })

  test('takes items as it goes, also those that come later, and no more than it needs', async () => {
    let taken = 0
    async function* items() {
      for (;;) {
        await sleeps(1, undefined)
        yield ++taken
      }
    }
    const first: unknown[] = []
    await inTime(
      (async () => {
        for await (const result of task.map(stage.node, items(), (_, n) => n * 2, { concurrency: 3 })) {
          if (first.push(result) === 10) break
        }
      })(),
    )
    expect(first).toEqual(values(2, 4, 6, 8, 10, 12, 14, 16, 18, 20))
    expect(taken).toBeLessThan(20)
  })

  test('does not run far ahead of one that is slow, where the order matters', async () => {
    const { self } = await stage.puppet()
    let begun = 0
    const items = [1_000, ...Array<number>(50).fill(1)]
    const run = (_: Process<unknown>, ms: number) => {
      begun++
      return sleeps(ms, ms)
    }
    const results = all(task.map(self, items, run, { concurrency: 4 }))
    await stage.clock.run(500)
    expect(begun).toBeLessThan(12)
    expect(await inTime(results)).toEqual(values(...items))
  })

  test('of nothing is nothing', async () => {
    expect(await all(task.map(stage.node, [], fail))).toEqual([])
  })

  test('a task that fails is a result, where it does not end the owner; a message to nobody', async () => {
    const owner = await stage.puppet({ trapExit: true })
    const run = (_: Process<unknown>, n: number) => (n === 2 ? fail() : n)
    const results = [values(1)[0], { ok: false, reason: bang }, values(3)[0]]
    expect(await inTime(all(task.map(owner.self, [1, 2, 3], run)))).toEqual(results)
    expect(await inTime(all(task.map(stage.node, [1, 2, 3], run)))).toEqual(results)
    expect(stage.inbox(owner)).toEqual([])
    const mortal = await stage.puppet()
    expect(await failure(inTime(all(task.map(mortal.self, [1, 2, 3], run))))).toMatchObject({ reason: bang })
    expect(stage.alive(mortal)).toBe(false)
  })

  test('a task that is too late ends all, or is killed and its result says so', async () => {
    const owner = await stage.puppet()
    const items = [10, 200, 20]
    const run = (_: Process<unknown>, ms: number) => sleeps(ms, ms)
    const late = all(task.map(owner.self, items, run, { timeout: 100, concurrency: 3 }))
    expect(await failure(inTime(late))).toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 100 })
    expect(stage.node.processInfo(owner.self.address)?.links).toEqual([])
    const results = all(task.map(owner.self, items, run, { timeout: 100, onTimeout: 'kill_task' }))
    expect(await inTime(results)).toEqual([values(10)[0], { ok: false, reason: atom('timeout') }, values(20)[0]])
    expect(stage.alive(owner)).toBe(true)
  })

  test('leaves no task behind when the loop is left, or the items fail', async () => {
    const owner = await stage.puppet()
    let told = 0
    function* items() {
      try {
        yield* [1, 1_000, 1_000]
        throw bang
      } finally {
        told++
      }
    }
    const left = (async () => {
      for await (const result of task.map(owner.self, items(), (_, ms) => sleeps(ms, ms), { concurrency: 2 })) {
        return result
      }
      return undefined
    })()
    expect(await inTime(left)).toEqual({ ok: true, value: 1 })
    expect(told).toBe(1)
    const failed = all(task.map(owner.self, items(), (_, ms) => sleeps(ms, ms), { concurrency: 4 }))
    expect(await failure(inTime(failed))).toBe(bang)
    expect(stage.node.processInfo(owner.self.address)).toMatchObject({ links: [], monitors: [] })
    expect(stage.alive(owner)).toBe(true)
  })

  test.each([{ concurrency: 0 }, { concurrency: 1.5 }, { onTimeout: 'shrug' as never }])('refuses %o', (options) => {
    expect(() => task.map(stage.node, [], fail, options)).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }),
    )
  })
})

describe('a supervisor of tasks', () => {
  test('runs tasks that end nobody by their faults', async () => {
    const owner = await stage.puppet()
    await stage.node.start({ name: 'tasks' }, taskSupervisor())
    const tasks = taskSupervisorAt(owner.self, 'tasks')
    const sum = await tasks.asyncNolink((_, a: number, b: number) => a + b, 1, 2)
    expect(await sum.await()).toBe(3)
    const failed = await tasks.asyncNolink(fail)
    expect(await failed.yield()).toEqual({ ok: false, reason: bang })
    expect([stage.alive(owner), stage.inbox(owner), (await tasks.countChildren()).active]).toEqual([true, [], 0])
  })

  test('runs tasks whose faults end their owner, where that is wanted', async () => {
    const owner = await stage.puppet()
    await stage.node.start({ name: 'tasks' }, taskSupervisor())
    const tasks = taskSupervisorAt(owner.self, 'tasks')
    expect(await (await tasks.async(() => 1)).await()).toBe(1)
    expect(stage.node.processInfo(owner.self.address)?.links).toEqual([])
    await tasks.async(fail)
    await stage.settle()
    expect(stage.reason(owner)).toBe(bang)
    expect(await stage.node.call('tasks', atom('which_children'))).toEqual([])
  })

  test('lets go of a task whose owner is gone before it begins', async () => {
    const owner = await stage.puppet()
    const tasks = await stage.node.start(taskSupervisor())
    let ran = false
    const mine = taskSupervisorAt(owner.self, tasks.address)
    const waited = failure(
      mine.asyncNolink(() => {
        ran = true
      }),
    )
    stage.node.exit(owner.self.address, 'gone')
    expect(await waited).toMatchObject({ code: 'ERR_REIGN_EXIT' })
    await stage.settle()
    expect([ran, (await tasks.countChildren()).active]).toEqual([false, 0])
  })

  test('runs tasks that nobody waits for, ends them, and all of them with it', async () => {
    const tasks = await stage.node.start(taskSupervisor())
    let done = 0
    await tasks.startChild((_, by: number) => {
      done += by
    }, 2)
    const [one, other] = [await tasks.startChild(waits), await tasks.asyncNolink(waits)]
    expect(done).toBe(2)
    await tasks.terminateChild(one)
    expect([stage.node.isAlive(one), stage.node.isAlive(other.address)]).toEqual([false, true])
    await tasks.stop()
    expect(await other.yield()).toEqual({ ok: false, reason: shutdown })
  })

  test('maps, and a fault is a result', async () => {
    const tasks = await stage.node.start(taskSupervisor())
    const results: unknown[] = []
    for await (const result of tasks.map([1, 2, 3], (_, n) => (n === 2 ? fail() : n))) results.push(result)
    expect(results).toEqual([
      { ok: true, value: 1 },
      { ok: false, reason: bang },
      { ok: true, value: 3 },
    ])
  })

  test('has a bound, and is of this node', async () => {
    const tasks = await stage.node.start(taskSupervisor({ limit: 1 }))
    await tasks.startChild(waits)
    expect(await failure(tasks.asyncNolink(waits))).toMatchObject({
      code: 'ERR_REIGN_CHILD',
      cause: atom('max_children'),
    })
    const stranger = taskSupervisorAt(stage.node, named('tasks', 'other@127.0.0.1'))
    expect(await failure(stranger.startChild(waits))).toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    stage.node.exit(tasks.address, kill)
    await stage.settle()
    expect(await failure(tasks.asyncNolink(waits))).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
  })
})
