/** Supervisors of any number of children of one kind. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type DynamicDefinition, dynamicSupervisor, dynamicSupervisorAt, startable } from '../../src/behaviour/index.js'
import { atom, type Process, sameTerm, tuple } from '../../src/index.js'
import { crash, Nursery, normal } from './supervised.js'

let nursery: Nursery
beforeEach(async () => {
  nursery = await Nursery.open()
})
afterEach(() => nursery[Symbol.asyncDispose]())

const failure = (started: Promise<unknown>): Promise<{ code: string; reason: unknown; cause: unknown }> =>
  started.then(
    () => expect.unreachable('it has not failed'),
    (error) => error,
  )

const open = (more: Partial<DynamicDefinition<Nursery['worker'], [Nursery]>> = {}) =>
  nursery.stage.node.start(dynamicSupervisor({ ...more, start: nursery.worker, args: [nursery] }))

describe('children', () => {
  test('are started with what all have, and what each is given', async () => {
    const top = await open()
    const a = await top.startChild('a')
    const b = await top.startChild('b')
    expect([a, b]).toEqual([nursery.address('a'), nursery.address('b')])
    expect(await top.countChildren()).toEqual({ specs: 1, active: 2, supervisors: 0, workers: 2 })
    expect(await top.whichChildren()).toMatchObject([
      { id: undefined, child: b, modules: ['worker'] },
      { id: undefined, child: a, modules: ['worker'] },
    ])
  })

  test('are started by whoever knows the name of their supervisor', async () => {
    const definition = dynamicSupervisor({ start: nursery.worker, args: [nursery] })
    await nursery.stage.node.start({ name: 'pool' }, definition)
    const pool = dynamicSupervisorAt(nursery.stage.node, 'pool', definition)
    expect(await pool.startChild('a')).toBe(nursery.address('a'))
    const byAddress = dynamicSupervisorAt(nursery.stage.node, nursery.stage.node.whereis('pool') ?? '', definition)
    expect(await byAddress.countChildren()).toMatchObject({ active: 1 })
    const nobody = dynamicSupervisorAt(nursery.stage.node, 'nobody', definition)
    expect(await failure(nobody.startChild('b'))).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
  })

  test('that do not start are not kept, nor those that had better not be there', async () => {
    const top = await open()
    nursery.plans.set('a', [{ fails: crash }]).set('b', ['ignore'])
    expect(await failure(top.startChild('a'))).toMatchObject({ code: 'ERR_REIGN_START', reason: crash })
    expect(await top.startChild('b')).toBeUndefined()
    expect((await top.countChildren()).active).toBe(0)
    expect(await top.whichChildren()).toEqual([])
  })

  test.each([
    ['permanent', 'normal', true],
    ['permanent', 'crash', true],
    ['transient', 'normal', false],
    ['transient', 'crash', true],
    ['temporary', 'normal', false],
    ['temporary', 'crash', false],
  ] as const)('%s: after %s, started again: %s', async (restart, reason, again) => {
    const top = await open({ restart })
    await top.startChild('a')
    await top.startChild('b')
    nursery.news()
    await nursery.end('a', atom(reason))
    expect(nursery.news()).toBe(again ? '+a' : '')
    expect((await top.countChildren()).active).toBe(again ? 2 : 1)
    expect(nursery.alive('b')).toEqual([true])
  })

  test('are started again with what they were started with', async () => {
    const seen: unknown[] = []
    const echo = async (self: Process<unknown>, ...args: [first: string, more: { n: number }]) => {
      seen.push(args)
      await self.receive()
      throw crash
    }
    const top = await nursery.stage.node.start(dynamicSupervisor({ start: echo, args: ['x'] }))
    const given = { n: 1 }
    const child = await top.startChild(given)
    await nursery.stage.settle()
    child?.send('end')
    await nursery.stage.settle()
    expect(seen).toEqual([
      ['x', { n: 1 }],
      ['x', { n: 1 }],
    ])
  })

  test('that do not start again are tried again, until the bound on restarts', async () => {
    const top = await open({ intensity: { restarts: 3, within: 1_000 } })
    await top.startChild('a')
    await top.startChild('b')
    nursery.plans.set('a', [{ fails: crash }])
    await nursery.end('a', crash)
    expect(nursery.news()).toBe('+a +b !a +a')
    nursery.plans.set('a', Array(9).fill({ fails: crash }))
    await nursery.end('a', crash)
    expect(nursery.stage.node.isAlive(top.address)).toBe(false)
    expect(nursery.alive('b')).toEqual([false])
  })

  test('are bounded in number where that is wanted', async () => {
    const top = await open({ limit: 1, restart: 'temporary' })
    await top.startChild('a')
    expect((await failure(top.startChild('b'))).cause).toBe(atom('max_children'))
    await nursery.end('a', normal)
    expect(await top.startChild('b')).toBe(nursery.address('b'))
  })
})

describe('the end of children', () => {
  test('one is ended by its address, and not started again', async () => {
    const top = await open()
    const a = await top.startChild('a')
    await top.terminateChild(a as never)
    expect(nursery.news()).toBe('+a -a')
    expect((await failure(top.terminateChild(a as never))).cause).toBe(atom('not_found'))
  })

  test('all are asked at once, and killed at once when the time is over', async () => {
    const top = await open({ shutdown: 1_000 })
    for (const name of ['a', 'b', 'c']) await top.startChild(name)
    nursery.stubborn.add('a').add('c')
    nursery.news()
    const stopping = top.stop()
    await nursery.stage.settle()
    await nursery.stage.clock.run(999)
    expect(nursery.news()).toBe('-b')
    expect(nursery.alive('a', 'c')).toEqual([true, true])
    await nursery.stage.clock.run(1)
    await stopping
    expect(nursery.alive('a', 'c')).toEqual([false, false])
  })

  test('that end by themselves while the supervisor stops are ended all the same, and none is started again', async () => {
    const top = await open({ restart: 'permanent', intensity: { restarts: 100, within: 1_000 } })
    const names = Array.from({ length: 20 }, (_, n) => `c${n}`)
    for (const name of names) await top.startChild(name)
    nursery.news()
    const stopping = top.stop()
    // In the same instant: the supervisor hears of some ends before it asks, of others while it waits.
    for (const name of names.slice(0, 10)) nursery.address(name).send({ exit: normal })
    for (const name of names.slice(5, 15)) nursery.stage.node.exit(nursery.address(name), atom('kill'))
    await stopping
    expect(nursery.alive(...names)).toEqual(names.map(() => false))
    expect(nursery.news()).not.toContain('+')
  })

  test('ten thousand are ended', async () => {
    const top = await nursery.stage.node.start(
      dynamicSupervisor({ start: async (self: Process) => void (await self.receive()), restart: 'temporary' }),
    )
    for (let i = 0; i < 10_000; i++) await top.startChild()
    expect((await top.countChildren()).active).toBe(10_000)
    await top.stop()
    expect(nursery.stage.node.processes().length).toBeLessThan(100)
  })
})

describe('requests as Erlang makes them', () => {
  test('start_child takes a list of arguments; what has ids is refused', async () => {
    const top = await nursery.stage.node.start(
      dynamicSupervisor({ start: async (self: Process, _word: string) => void (await self.receive()) }),
    )
    const ask = (what: string, argument: unknown) => nursery.stage.node.call(top.address, tuple(atom(what), argument))
    const [ok, child] = (await ask('start_child', ['hello'])) as [symbol, never]
    expect([ok, nursery.stage.node.isAlive(child)]).toEqual([atom('ok'), true])
    expect(await ask('terminate_child', child)).toBe(atom('ok'))
    const noIds = tuple(atom('error'), atom('simple_one_for_one'))
    for (const what of ['terminate_child', 'restart_child', 'delete_child']) {
      expect(sameTerm(await ask(what, atom('a')), noIds)).toBe(true)
    }
    expect(sameTerm(await ask('start_child', 5), tuple(atom('error'), tuple(atom('bad_start_spec'), 5)))).toBe(true)
  })
})

test('what a child says of itself as it starts is told to whoever starts it', async () => {
  const told = startable(async (self: Process, starting, word: string) => {
    starting.ack(tuple(atom('extra'), word))
    await self.receive()
  })
  const { node } = nursery.stage
  const top = await node.start(dynamicSupervisor({ start: told }))
  const answer = await node.call(top.address, tuple(atom('start_child'), ['hello']))
  expect(answer).toEqual([atom('ok'), expect.anything(), tuple(atom('extra'), 'hello')])
})

test('a definition that cannot be is refused', () => {
  expect(() => dynamicSupervisor({ start: 5 as never })).toThrowError(
    expect.objectContaining({ code: 'ERR_REIGN_CHILD_SPEC' }),
  )
  expect(() => dynamicSupervisor({ start: () => {}, limit: Number.NaN })).toThrowError(/limit is a count/)
})
