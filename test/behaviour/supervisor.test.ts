/** What supervisors do: start and stop in order, restart or not, strategies, and the bound on restarts. */
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { child, startable, supervisor } from '../../src/behaviour/index.js'
import { atom, named, type Process, sameTerm, tuple } from '../../src/index.js'
import { crash, Nursery, normal, shutdown } from './supervised.js'

let nursery: Nursery
beforeEach(async () => {
  nursery = await Nursery.open()
})
afterEach(() => nursery[Symbol.asyncDispose]())

const failure = (
  started: Promise<unknown>,
): Promise<{ code: string; reason: unknown; cause: unknown; message: string }> =>
  started.then(
    () => expect.unreachable('it has not failed'),
    (error) => error,
  )

describe('the start', () => {
  test('starts the children in order, and stops them in reverse', async () => {
    const top = await nursery.supervisor(['a', 'b', 'c'].map((id) => nursery.spec(id)))
    expect(nursery.news()).toBe('+a +b +c')
    await top.stop()
    expect(nursery.news()).toBe('-c -b -a')
    expect(nursery.texts()).toEqual([])
  })

  test('of one that fails undoes those before it, and says which and why', async () => {
    nursery.plans.set('b', [{ fails: crash }])
    const { code, reason } = await failure(nursery.supervisor(['a', 'b', 'c'].map((id) => nursery.spec(id))))
    expect(code).toBe('ERR_REIGN_START')
    expect(sameTerm(reason, tuple(shutdown, tuple(atom('failed_to_start_child'), 'b', crash)))).toBe(true)
    expect(nursery.news()).toBe('+a !b -a')
    expect(nursery.texts()).toEqual(['a child was not started'])
  })

  test('of one that had better not be there leaves it out, and goes on', async () => {
    nursery.plans.set('b', ['ignore']).set('t', ['ignore'])
    const top = await nursery.supervisor([
      nursery.spec('a'),
      nursery.spec('b'),
      nursery.spec('t', { restart: 'temporary' }),
      nursery.spec('c'),
    ])
    expect(nursery.news()).toBe('+a +c')
    expect((await top.whichChildren()).map(({ id, child }) => [id, child === undefined])).toEqual([
      ['c', false],
      ['b', true],
      ['a', false],
    ])
  })

  test('waits for each child to say that it has started', async () => {
    nursery.plans.set('b', ['hang'])
    const starting = failure(
      nursery.supervisor([nursery.spec('a'), nursery.spec('b', { startTimeout: 3_000 }), nursery.spec('c')]),
    )
    await nursery.stage.settle()
    await nursery.stage.clock.run(2_999)
    expect(nursery.news()).toBe('+a')
    await nursery.stage.clock.run(1)
    expect(
      sameTerm((await starting).reason, tuple(shutdown, tuple(atom('failed_to_start_child'), 'b', atom('timeout')))),
    ).toBe(true)
    expect(nursery.news()).toBe('-a')
  })

  test('of a function that throws or gives nonsense is a failed start', async () => {
    const { node } = nursery.stage
    expect((await failure(node.start(supervisor(() => Promise.reject(crash))))).reason).toBe(crash)
    const wrong = supervisor(() => ({ children: [{ id: 'a', start: 5 as never }] }))
    expect(await failure(node.start(wrong))).toMatchObject({
      code: 'ERR_REIGN_START',
      cause: { code: 'ERR_REIGN_CHILD_SPEC' },
    })
  })

  test('gives a name that is free again when the start has failed', async () => {
    const { node } = nursery.stage
    nursery.plans.set('a', [{ fails: crash }])
    const made = supervisor({ children: [{ id: 'a', start: nursery.worker, args: [nursery, 'a'] }] })
    await failure(node.start({ name: 'top' }, made))
    expect(node.whereis('top')).toBeUndefined()
    const top = await node.start({ name: 'top' }, made)
    expect(node.whereis('top')).toBe(top.address)
  })

  test('takes plain functions as children', async () => {
    const seen: unknown[] = []
    const plain = async (self: Process<string>, greeting: string) => {
      for await (const message of self) seen.push(greeting + message)
    }
    const top = await nursery.stage.node.start(
      supervisor({ children: [{ id: 'p', start: plain, args: ['hello '], name: 'greeter' }] }),
    )
    nursery.stage.node.send('greeter', 'you')
    await nursery.stage.settle()
    expect(seen).toEqual(['hello you'])
    expect(await top.whichChildren()).toMatchObject([{ id: 'p', modules: ['plain'], type: 'worker' }])
  })
})

describe('a child that ends', () => {
  const reasons = { normal, shutdown, 'shutdown with a word': tuple(shutdown, 'x'), crash }

  test.each([
    ['permanent', 'normal', 'restarted'],
    ['permanent', 'shutdown', 'restarted'],
    ['permanent', 'shutdown with a word', 'restarted'],
    ['permanent', 'crash', 'restarted'],
    ['transient', 'normal', 'kept'],
    ['transient', 'shutdown', 'kept'],
    ['transient', 'shutdown with a word', 'kept'],
    ['transient', 'crash', 'restarted'],
    ['temporary', 'normal', 'forgotten'],
    ['temporary', 'shutdown', 'forgotten'],
    ['temporary', 'shutdown with a word', 'forgotten'],
    ['temporary', 'crash', 'forgotten'],
  ] as const)('%s, with %s: is %s', async (restart, reason, then) => {
    const top = await nursery.supervisor([nursery.spec('a', { restart }), nursery.spec('b')])
    nursery.news()
    await nursery.end('a', reasons[reason])
    expect(nursery.news()).toBe(then === 'restarted' ? '+a' : '')
    expect((await top.whichChildren()).map(({ id }) => id)).toEqual(then === 'forgotten' ? ['b'] : ['b', 'a'])
    expect(nursery.alive('b')).toEqual([true])
  })

  test('is told of in the log: who, why, with the stack, and how many restarts are left', async () => {
    await nursery.supervisor([nursery.spec('a')], { intensity: { restarts: 3, within: 1_000 } })
    nursery.address('a').send({ throws: new TypeError('no such thing') })
    await nursery.stage.settle()
    const report = nursery.logged.find(({ text }) => text === 'a child has ended')
    expect(report).toMatchObject({
      level: 'error',
      fields: {
        child: 'a',
        restart: 'permanent',
        reason: 'TypeError: no such thing',
        stack: expect.stringContaining('supervisor.test.ts'),
        restarts: '2 of 3 left',
      },
    })
  })

  test('that is linked with the supervisor but none of its children is nobody', async () => {
    const top = await nursery.supervisor([nursery.spec('a')])
    const stranger = await nursery.stage.puppet()
    stranger.self.link(top.address)
    stranger.throw(new Error('not yours'))
    await nursery.stage.settle()
    expect(nursery.isAlive(top)).toBe(true)
    expect(nursery.news()).toBe('+a')
  })
})

describe('a strategy', () => {
  const abc = (restart?: 'temporary') =>
    ['a', 'b', 'c'].map((id) => nursery.spec(id, id === 'c' && restart ? { restart } : {}))

  test.each([
    ['one_for_one', '+b'],
    ['one_for_all', '-c -a +a +b +c'],
    ['rest_for_one', '-c +b +c'],
  ] as const)('%s: the end of b gives %s', async (strategy, news) => {
    await nursery.supervisor(abc(), { strategy })
    nursery.news()
    await nursery.end('b', crash)
    expect(nursery.news()).toBe(news)
    expect(nursery.alive('a', 'b', 'c')).toEqual([true, true, true])
  })

  test.each([
    ['one_for_all', '-c -a +a +b'],
    ['rest_for_one', '-c +b'],
  ] as const)('%s ends temporary bystanders, and forgets them', async (strategy, news) => {
    const top = await nursery.supervisor(abc('temporary'), { strategy })
    nursery.news()
    await nursery.end('b', crash)
    expect(nursery.news()).toBe(news)
    expect((await top.whichChildren()).map(({ id }) => id)).toEqual(['b', 'a'])
  })

  test.each(['one_for_one', 'one_for_all', 'rest_for_one'] as const)(
    '%s: more restarts than are borne end the supervisor',
    async (strategy) => {
      const top = await nursery.supervisor(abc(), { strategy, intensity: { restarts: 1, within: 1_000 } })
      const monitor = await nursery.stage.puppet()
      monitor.self.monitor(top.address)
      await nursery.end('b', crash)
      expect(nursery.isAlive(top)).toBe(true)
      await nursery.end('b', crash)
      expect(nursery.stage.inbox(monitor)).toMatchObject([{ type: 'DOWN', reason: shutdown }])
      expect(nursery.alive('a', 'c')).toEqual([false, false])
      expect(nursery.texts()).toContain('a supervisor gives up: too many restarts')
    },
  )

  test.each([
    ['one_for_one', '!b !b +b'],
    ['one_for_all', '-c -a +a !b -a +a !b -a +a +b +c'],
    ['rest_for_one', '-c !b !b +b +c'],
  ] as const)('%s: one that does not start again is tried again', async (strategy, news) => {
    await nursery.supervisor(abc(), { strategy, intensity: { restarts: 5, within: 1_000 } })
    nursery.news()
    nursery.plans.set('b', [{ fails: crash }, { fails: crash }])
    await nursery.end('b', crash)
    expect(nursery.news()).toBe(news)
  })

  test('rest_for_one: when one after it does not start again, those from there on are tried again', async () => {
    await nursery.supervisor(abc(), { strategy: 'rest_for_one', intensity: { restarts: 5, within: 1_000 } })
    nursery.news()
    nursery.plans.set('c', [{ fails: crash }])
    await nursery.end('b', crash)
    expect(nursery.news()).toBe('-c +b !c +c')
  })

  test('one_for_all starts transient ones too that had ended in order', async () => {
    await nursery.supervisor([nursery.spec('a', { restart: 'transient' }), nursery.spec('b')], {
      strategy: 'one_for_all',
    })
    await nursery.end('a', normal)
    nursery.news()
    await nursery.end('b', crash)
    expect(nursery.news()).toBe('+a +b')
  })
})

describe('the bound on restarts', () => {
  test('is of restarts within a time: just below it goes on for ever', async () => {
    const top = await nursery.supervisor([nursery.spec('a')], { intensity: { restarts: 2, within: 1_000 } })
    for (let i = 0; i < 20; i++) {
      await nursery.end('a', crash)
      await nursery.stage.clock.run(501)
    }
    expect(nursery.isAlive(top)).toBe(true)
    for (let i = 0; i < 2; i++) await nursery.end('a', crash)
    expect(nursery.isAlive(top)).toBe(false)
  })

  test('of none lets the first end be the last', async () => {
    const top = await nursery.supervisor([nursery.spec('a')], { intensity: { restarts: 0, within: 1_000 } })
    await nursery.end('a', crash)
    expect(nursery.isAlive(top)).toBe(false)
    expect(nursery.news()).toBe('+a')
  })

  test('is one restart in five seconds unless given', async () => {
    const top = await nursery.supervisor([nursery.spec('a')])
    await nursery.end('a', crash)
    await nursery.stage.clock.run(5_001)
    await nursery.end('a', crash)
    expect(nursery.isAlive(top)).toBe(true)
    await nursery.end('a', crash)
    expect(nursery.isAlive(top)).toBe(false)
  })

  test('escalates at one more than it bears: a child that ends at once is started so often, and no more', async () => {
    const starts: number[] = []
    const doomed = startable(async function doomed(_self, starting) {
      starts.push(starts.length)
      starting.ack()
      throw new Error('at once')
    })
    const top = supervisor({ intensity: { restarts: 7, within: 10_000 }, children: [{ id: 'doomed', start: doomed }] })
    const started = await nursery.stage.node.start(top)
    await nursery.stage.settle()
    expect(starts).toHaveLength(8)
    expect(nursery.isAlive(started as never)).toBe(false)
  })

  test('escalates to the supervisor above, which starts the lower one again', async () => {
    const { node } = nursery.stage
    const lower = supervisor(() => ({
      intensity: { restarts: 0, within: 1_000 },
      children: [nursery.spec('a'), nursery.spec('b')],
    }))
    const top = await node.start(supervisor({ children: [{ id: 'lower', start: lower, args: [] }] }))
    nursery.news()
    await nursery.end('a', crash)
    expect(nursery.news()).toBe('-b +a +b')
    expect(await top.whichChildren()).toMatchObject([{ id: 'lower', type: 'supervisor' }])
  })

  test('ends also a supervisor whose child cannot be started again', async () => {
    const top = await nursery.supervisor([nursery.spec('a')], { intensity: { restarts: 3, within: 1_000 } })
    nursery.plans.set('a', Array(10).fill({ fails: crash }))
    await nursery.end('a', crash)
    expect(nursery.isAlive(top)).toBe(false)
    expect(nursery.news()).toBe('+a !a !a !a')
  })
})

describe('the stop', () => {
  test('kills who does not end in time, and goes on with the next', async () => {
    const top = await nursery.supervisor([nursery.spec('a'), nursery.spec('b', { shutdown: 2_000 }), nursery.spec('c')])
    nursery.stubborn.add('b')
    nursery.news()
    const stopping = top.stop()
    await nursery.stage.settle()
    await nursery.stage.clock.run(1_999)
    expect(nursery.news()).toBe('-c')
    expect(nursery.alive('b')).toEqual([true])
    await nursery.stage.clock.run(1)
    await stopping
    expect(nursery.news()).toBe('-a')
    expect(nursery.texts()).toEqual(['a child did not end as it was asked to'])
  })

  test('kills at once where that is wanted', async () => {
    const top = await nursery.supervisor([nursery.spec('a', { shutdown: 'brutal_kill' }), nursery.spec('b')])
    nursery.news()
    await top.stop()
    expect(nursery.news()).toBe('-b')
    expect(nursery.alive('a')).toEqual([false])
    expect(nursery.texts()).toEqual([])
  })

  test('waits without bound for a supervisor below', async () => {
    const lower = supervisor(() => ({ children: [nursery.spec('a', { shutdown: 60_000 })] }))
    const top = await nursery.stage.node.start(supervisor({ children: [{ id: 'lower', start: lower, args: [] }] }))
    nursery.stubborn.add('a')
    const stopping = top.stop()
    await nursery.stage.settle()
    await nursery.stage.clock.run(59_999)
    expect(nursery.alive('a')).toEqual([true])
    await nursery.stage.clock.run(1)
    await stopping
    expect(nursery.alive('a')).toEqual([false])
  })

  test('says so when a child ends with something else than it was asked to', async () => {
    const top = await nursery.supervisor([nursery.spec('a'), nursery.spec('b', { restart: 'transient' })])
    nursery.lastWords.set('a', crash).set('b', normal)
    await top.stop()
    expect(nursery.texts()).toEqual(['a child did not end as it was asked to'])
    expect(nursery.logged.at(-1)?.fields).toMatchObject({ child: 'a', reason: 'crash' })
  })

  test('comes with the end of the parent, and with the node', async () => {
    const parent = await nursery.stage.puppet()
    await parent.self.start(supervisor(() => ({ children: [nursery.spec('a'), nursery.spec('b')] })))
    nursery.news()
    parent.return()
    await nursery.stage.settle()
    expect(nursery.news()).toBe('-b -a')
  })

  test('takes the children along when the supervisor is killed', async () => {
    const hard = async (self: Process) => {
      await self.receive()
    }
    const { node } = nursery.stage
    const top = await node.start(supervisor({ children: [{ id: 'h', start: hard, name: 'h' }] }))
    expect(node.whereis('h')).toBeDefined()
    node.exit(top.address, atom('kill'))
    await nursery.stage.settle()
    expect(node.whereis('h')).toBeUndefined()
  })

  test('does not hang on a child that has undone its link', async () => {
    const naughty = startable(async function naughty(self, starting) {
      if (starting.parent) self.unlink(starting.parent)
      starting.ack()
      await self.receive()
    })
    const top = await nursery.stage.node.start(supervisor({ children: [{ id: 'n', start: naughty }] }))
    await top.stop()
    expect(nursery.stage.node.processes().filter((address) => address === top.address)).toEqual([])
  })

  test('is possible while a child is tried again and again', async () => {
    const top = await nursery.supervisor([nursery.spec('a')], { intensity: { restarts: 1_000_000, within: 1_000 } })
    nursery.plans.set('a', Array(50_000).fill({ fails: crash }))
    nursery.address('a').send({ exit: crash })
    const stopping = top.stop()
    await nursery.stage.settle()
    await stopping
    expect(nursery.isAlive(top)).toBe(false)
    expect((nursery.plans.get('a') ?? []).length).toBeGreaterThan(40_000)
  })
})

describe('significant children', () => {
  const significant = { significant: true, restart: 'transient' } as const

  test('any_significant: the first to end in order ends the supervisor, with shutdown', async () => {
    const top = await nursery.supervisor(
      [nursery.spec('a', significant), nursery.spec('b', significant), nursery.spec('c')],
      {
        autoShutdown: 'any_significant',
      },
    )
    nursery.news()
    await nursery.end('a', normal)
    expect(nursery.isAlive(top)).toBe(false)
    expect(nursery.news()).toBe('-c -b')
    expect(nursery.texts()).toEqual([])
  })

  test('all_significant: the last to end does', async () => {
    const top = await nursery.supervisor(
      [nursery.spec('a', significant), nursery.spec('b', { ...significant, restart: 'temporary' }), nursery.spec('c')],
      {
        autoShutdown: 'all_significant',
      },
    )
    await nursery.end('b', crash)
    expect(nursery.isAlive(top)).toBe(true)
    await nursery.end('a', normal)
    expect(nursery.isAlive(top)).toBe(false)
  })

  test('one that is started again has not ended', async () => {
    const top = await nursery.supervisor([nursery.spec('a', significant)], { autoShutdown: 'any_significant' })
    await nursery.end('a', crash)
    expect(nursery.isAlive(top)).toBe(true)
  })

  test('one that is ended on request does not count', async () => {
    const top = await nursery.supervisor([nursery.spec('a', significant)], { autoShutdown: 'any_significant' })
    await top.terminateChild('a')
    expect(nursery.isAlive(top)).toBe(true)
  })

  test.each([
    [{ significant: true, restart: 'permanent' }, 'any_significant', /permanent child cannot be significant/],
    [{ significant: true, restart: 'transient' }, 'never', /significant means nothing without autoShutdown/],
  ] as const)('%o with %s is refused', async (more, autoShutdown, text) => {
    const { code, cause } = await failure(nursery.supervisor([nursery.spec('a', more)], { autoShutdown }))
    expect(code).toBe('ERR_REIGN_START')
    expect(cause).toMatchObject({ code: 'ERR_REIGN_CHILD_SPEC', message: expect.stringMatching(text) })
  })
})

describe('requests', () => {
  test('startChild adds a child after the others', async () => {
    const top = await nursery.supervisor([nursery.spec('a')])
    expect(await top.startChild(nursery.spec('b') as never)).toBe(nursery.address('b'))
    expect(await top.countChildren()).toEqual({ specs: 2, active: 2, supervisors: 0, workers: 2 })
    await top.stop()
    expect(nursery.news()).toBe('+a +b -b -a')
  })

  test('startChild refuses an id that is there, running or not, and keeps none that does not start', async () => {
    const top = await nursery.supervisor([nursery.spec('a')])
    expect((await failure(top.startChild(nursery.spec('a') as never))).code).toBe('ERR_REIGN_CHILD')
    await top.terminateChild('a')
    expect((await failure(top.startChild(nursery.spec('a') as never))).cause).toBe(atom('already_present'))
    nursery.plans.set('b', [{ fails: crash }])
    expect(await failure(top.startChild(nursery.spec('b') as never))).toMatchObject({
      code: 'ERR_REIGN_START',
      reason: crash,
    })
    expect((await top.whichChildren()).map(({ id }) => id)).toEqual(['a'])
  })

  test('terminateChild, restartChild and deleteChild: the life of a child', async () => {
    const top = await nursery.supervisor([nursery.spec('a'), nursery.spec('t', { restart: 'temporary' })])
    expect((await failure(top.restartChild('a'))).cause).toBe(atom('running'))
    expect((await failure(top.deleteChild('a'))).cause).toBe(atom('running'))
    await top.terminateChild('a')
    await top.terminateChild('a')
    expect(await top.whichChildren()).toMatchObject([{ id: 't' }, { id: 'a', child: undefined }])
    expect(await top.restartChild('a')).toBe(nursery.address('a'))
    await top.terminateChild('a')
    await top.deleteChild('a')
    await top.terminateChild('t')
    expect(await top.whichChildren()).toEqual([])
    for (const request of [top.terminateChild('a'), top.restartChild('a'), top.deleteChild('a'), top.childSpec('a')]) {
      expect(await failure(request as Promise<unknown>)).toMatchObject({
        code: 'ERR_REIGN_CHILD',
        cause: atom('not_found'),
      })
    }
    expect(nursery.news()).toBe('+a +t -a +a -a -t')
  })

  test('a child that is tried again is restarting, and can be ended and forgotten', async () => {
    const top = await nursery.supervisor([nursery.spec('a', { startTimeout: 1_000 }), nursery.spec('b')], {
      intensity: { restarts: 100, within: 1_000 },
    })
    nursery.plans.set('a', Array(40).fill('hang'))
    nursery.address('a').send({ exit: crash })
    await nursery.stage.settle()
    const seen = top.whichChildren()
    const ended = top.terminateChild('a')
    await nursery.stage.clock.run(1_000)
    expect((await seen).find(({ id }) => id === 'a')?.child).toBe('restarting')
    await ended
    await top.deleteChild('a')
    expect((await top.whichChildren()).map(({ id }) => id)).toEqual(['b'])
  })

  test('ready waits until a child has been started again', async () => {
    const top = await nursery.supervisor([nursery.spec('a')], { intensity: { restarts: 10, within: 1_000 } })
    const first = nursery.address('a')
    expect(await top.ready('a')).toBe(first)
    nursery.plans.set('a', [{ fails: crash }, { fails: crash }])
    nursery.stage.node.exit(first, atom('kill'))
    const second = await top.ready('a')
    expect([second === first, second]).toEqual([false, nursery.address('a')])
    expect((await failure(top.ready('nobody'))).cause).toBe(atom('not_found'))
    await top.terminateChild('a')
    expect((await failure(top.ready('a'))).cause).toBe(atom('not_running'))
  })

  test('ready fails when the supervisor gives up', async () => {
    const top = await nursery.supervisor([nursery.spec('a')], { intensity: { restarts: 2, within: 1_000 } })
    nursery.plans.set('a', Array(9).fill({ fails: crash }))
    nursery.stage.node.exit(nursery.address('a'), atom('kill'))
    const { code } = await failure(top.ready('a'))
    expect(['ERR_REIGN_CALL', 'ERR_REIGN_CHILD']).toContain(code)
  })

  test('childSpec tells of a child in OTP’s words', async () => {
    const top = await nursery.supervisor([nursery.spec('a', { restart: 'transient', shutdown: 'brutal_kill' })])
    expect(await top.childSpec('a')).toEqual({
      id: 'a',
      restart: atom('transient'),
      shutdown: atom('brutal_kill'),
      type: atom('worker'),
      significant: false,
    })
  })

  test('an atom and a text are the same id', async () => {
    const top = await nursery.supervisor([nursery.spec('a')])
    await top.terminateChild(atom('a'))
    expect(nursery.news()).toBe('+a -a')
  })

  test('what is no request of a supervisor is refused, and other messages hurt nobody', async () => {
    const top = await nursery.supervisor([nursery.spec('a')])
    const { node } = nursery.stage
    top.address.send('hello')
    top.address.send(tuple(atom('$gen_cast'), tuple(atom('try_again_restart'), 1)))
    expect(
      sameTerm(
        await node.call(top.address, atom('dance')),
        tuple(atom('error'), tuple(atom('bad_request'), atom('dance'))),
      ),
    ).toBe(true)
    expect(inspect(await node.call(top.address, tuple(atom('start_child'), 'x')))).toContain('invalid_child_spec')
    expect(nursery.alive('a')).toEqual([true])
  })

  test.each([
    [{ id: 5 }, /an id is a text or an atom/],
    [{ start: 'x' }, /start is a behaviour or a process function/],
    [{ args: 'x' }, /args is an array/],
    [{ restart: 'sometimes' }, /restart is permanent, transient or temporary/],
    [{ shutdown: -1 }, /shutdown is brutal_kill or a number of milliseconds/],
    [{ startTimeout: 0 }, /startTimeout is a number of milliseconds/],
    [{ type: 'boss' }, /type is worker or supervisor/],
    [{ name: 5 }, /name is a text/],
  ])('a child with %o is refused, at the place of the mistake', async (more, text) => {
    const spec = nursery.spec('a', more as never)
    expect(() => supervisor({ children: [spec as never] })).toThrowError(text)
    const top = await nursery.supervisor([])
    const { code, message } = await failure(top.startChild(spec as never))
    expect(code).toBe('ERR_REIGN_CHILD_SPEC')
    expect(message).toMatch(text)
  })

  test.each([
    [{ strategy: 'two_for_one' }, /there is no strategy two_for_one/],
    [{ intensity: { restarts: -1, within: 1 } }, /intensity\.restarts is a count/],
    [{ intensity: { restarts: 1, within: 0 } }, /intensity\.within is a number of milliseconds/],
    [{ autoShutdown: 'sometimes' }, /autoShutdown is/],
  ])('a supervisor with %o is refused', (more, text) => {
    expect(() => supervisor(more as never)).toThrowError(
      expect.objectContaining({ code: 'ERR_REIGN_CHILD_SPEC', message: expect.stringMatching(text) }),
    )
  })

  test('two children of one id are refused', () => {
    expect(() => supervisor({ children: [nursery.spec('a'), nursery.spec('a')] as never })).toThrowError(
      /two children are called a/,
    )
  })
})

test('ten thousand children start, are found, and stop', async () => {
  const quiet = async (self: Process) => {
    await self.receive()
  }
  const children = Array.from({ length: 10_000 }, (_, i) =>
    child({ id: `${i}`, start: quiet, shutdown: 'brutal_kill' }),
  )
  const top = await nursery.supervisor(children)
  expect(await top.countChildren()).toEqual({ specs: 10_000, active: 10_000, supervisors: 0, workers: 10_000 })
  await top.terminateChild('5000')
  await top.restartChild('5000')
  await top.stop()
  expect(nursery.stage.node.processes().length).toBeLessThan(100)
})

test('children are called by their names, whoever has them now', async () => {
  const top = await nursery.supervisor([nursery.spec('a', { name: 'anna' })])
  expect(nursery.stage.node.whereis('anna')).toBe(nursery.address('a'))
  nursery.stage.node.send(named('anna', nursery.stage.node.name), { exit: crash })
  await top.ready('a')
  await nursery.stage.settle()
  expect(nursery.stage.node.whereis('anna')).toBe(nursery.address('a'))
})
