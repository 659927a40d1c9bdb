/** How servers end: what their handlers must not do, and who is told. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  begin,
  genServer,
  nextState,
  noReply,
  reenter,
  removeHandler,
  startIn,
  stop,
  stopMachine,
  swapHandler,
  sys,
} from '../../src/behaviour/index.js'
import { type Address, atom, CallError, ExitError, named, tuple } from '../../src/index.js'
import { KeptLog } from '../cluster/cluster-kit.js'
import { Stage } from '../process/puppet.js'
import { counter, endOf, exitOf, failure, normal, shutdown } from './server-kit.js'

let stage: Stage
let log: KeptLog
beforeEach(async () => {
  log = new KeptLog()
  stage = await Stage.open({ logger: log })
})
afterEach(() => stage.node.stop())

describe('what a handler cannot return', () => {
  /** What the compiler would not let through. */
  const returns = (what: () => unknown) => {
    const handler = what as () => undefined
    return genServer({
      init: () => 0,
      calls: { call: handler, later: async () => handler() },
      handleCall: handler,
      handleCast: handler,
      handleInfo: handler,
      handleContinue: handler,
    })
  }
  const wrong: readonly (readonly [string, () => unknown, string])[] = [
    ['begin', () => begin(1), 'begin(…): it returns a value, or what reply, noReply, stop or reenter make'],
    ['nextState', () => nextState('open'), 'nextState(…): it returns'],
    ['stopMachine', () => stopMachine('why'), 'stopMachine(…): it returns'],
    ['startIn', () => startIn('open', 1), 'startIn(…): it returns'],
    ['removeHandler', () => removeHandler(), 'removeHandler(…): it returns'],
    ['swapHandler', () => swapHandler(undefined as never, 1 as never), 'swapHandler(…): it returns'],
    [
      'what is next, in another word',
      () => noReply({ timout: 5 } as never),
      'there is no `timout` in it, but state, timeout',
    ],
    [
      'a time-out that is none',
      () => noReply({ timeout: Number.NaN }),
      'its time-out is a number of milliseconds, not NaN',
    ],
    ['a time-out below zero', () => noReply({ timeout: -1 }), 'its time-out is a number of milliseconds, not -1'],
    ['what is next, as no object', () => noReply(5 as never), 'what is to happen next is an object'],
    [
      'a time-out at the end',
      () => stop('why', { timeout: 5 } as never),
      'there is no `timeout` in it, but reply, state',
    ],
    ['no promise to wait for', () => reenter(5 as never, () => 1), 'it takes a promise, and a function that goes on'],
  ]
  test.each(wrong)('%s: ends the server, with words', async (_, what, words) => {
    const badReturn = (reason: unknown) =>
      expect(reason).toEqual([atom('bad_return_value'), expect.stringContaining(words)])
    const definition = returns(what)
    for (const request of [atom('call'), atom('later'), 'anything']) {
      const { address } = await stage.node.start(definition)
      badReturn((await failure(stage.node.call(address, request))).reason)
    }
    for (const message of [tuple(atom('$gen_cast'), 'cast'), 'info']) {
      const { address } = await stage.node.start(definition)
      badReturn(await endOf(stage, address, () => (address as Address<unknown>).send(message)))
    }
  })

  test('of a handler that goes on after continue, and of an init, likewise', async () => {
    const goesOn = genServer({ init: () => begin(0, { continue: 1 }), handleContinue: () => begin(1) as never })
    const parent = await stage.puppet({ trapExit: true })
    const { address: from } = await parent.self.start(goesOn)
    expect(await exitOf(parent, from)).toEqual([atom('bad_return_value'), expect.stringContaining('begin(…)')])
    for (const next of [{ timeout: 'soon' }, { state: 1 }]) {
      const { reason } = await failure(stage.node.start(genServer({ init: () => begin(0, next as never) })))
      expect(reason).toEqual([atom('bad_return_value'), expect.stringMatching(/^the init returned begin/)])
    }
  })
})

describe('a crash', () => {
  test('fails who called and who waits, at once, with what was thrown', async () => {
    const server = await stage.node.start(counter, 1)
    const [first, second] = await Promise.all([failure(server.call.fail()), failure(server.call.value())])
    for (const error of [first, second]) {
      expect(error).toBeInstanceOf(CallError)
      expect(error).toMatchObject({ name: 'CallError', code: 'ERR_REIGN_CALL', reason: new Error('asked to fail') })
    }
  })

  test('of an async handler likewise', async () => {
    const slow = genServer({
      init: () => 0,
      calls: {
        fail: async () => {
          await Promise.resolve()
          throw new Error('later')
        },
      },
    })
    const server = await stage.node.start(slow)
    expect(await failure(server.call.fail())).toMatchObject({ reason: new Error('later') })
  })

  test.each([
    ['normal', false],
    ['shutdown', false],
    ['tuple', false],
    ['fault', true],
  ])('an end with %s is reported: %s', async (kind, reported) => {
    const reasons: Record<string, unknown> = { normal, shutdown, tuple: tuple(shutdown, 'x'), fault: 'fault' }
    const quitter = genServer({ init: () => 0, casts: { quit: () => stop(reasons[kind]) } })
    const server = await stage.node.start(quitter)
    expect(await endOf(stage, server.address, () => server.cast.quit())).toEqual(reasons[kind])
    expect(log.at('error')).toHaveLength(reported ? 1 : 0)
  })

  test('is reported with the true reason, when the state cannot be shown', async () => {
    const shy = genServer({
      init: () => 'secret',
      calls: {
        fail: () => {
          throw new Error('the true reason')
        },
      },
      formatStatus: () => {
        throw new Error('shy')
      },
    })
    const server = await stage.node.start(shy)
    await failure(server.call.fail())
    const [{ fields } = { fields: {} }] = log.at('error')
    expect(fields).toMatchObject({ reason: 'Error: the true reason', state: expect.stringContaining('shy') })
    expect(JSON.stringify(fields)).not.toContain('secret')
  })
})

describe('terminate', () => {
  const ends: unknown[] = []
  const ending = genServer({
    trapExit: true,
    init: (worse = false) => ({ worse }),
    calls: {
      fail: () => {
        throw new Error('crash')
      },
    },
    terminate(state, reason) {
      ends.push(reason)
      if (state.worse) throw new Error('worse')
    },
  })
  beforeEach(() => {
    ends.length = 0
  })

  test('gets the reason of a stop, a crash, or the end of the parent', async () => {
    const parent = await stage.puppet({ trapExit: true })
    const [one, two, three] = [
      await stage.node.start(ending),
      await stage.node.start(ending),
      await parent.self.start(ending),
    ]
    await one.stop()
    await failure(two.call.fail())
    await endOf(stage, three.address, () => parent.throw('gone'))
    expect(ends).toEqual([normal, new Error('crash'), 'gone'])
  })

  test('that throws: that is the reason then', async () => {
    const server = await stage.node.start(ending, true)
    expect((await failure(server.call.fail())).reason).toEqual(new Error('worse'))
  })

  test('is not called by a kill', async () => {
    const server = await stage.node.start(ending)
    expect(await endOf(stage, server.address, () => stage.node.exit(server.address, atom('kill')))).toBe(atom('killed'))
    expect(ends).toEqual([])
  })
})

describe('a callback that is missing', () => {
  const undef = (callback: string, arity: number) =>
    tuple(atom('undef'), [tuple(atom('counter'), atom(callback), arity, [])])

  test('handleCall: the server ends, and its caller knows why', async () => {
    const server = await stage.node.start(counter, 1)
    expect((await failure(stage.node.call(server.address, 'what'))).reason).toEqual(undef('handle_call', 3))
  })

  test('handleCast: the server ends', async () => {
    const { address } = await stage.node.start(counter, 1)
    expect(await endOf(stage, address, () => address.send(tuple(atom('$gen_cast'), 'what')))).toEqual(
      undef('handle_cast', 2),
    )
  })

  test('handleInfo: the message is dropped, with a warning', async () => {
    const { address, call } = await stage.node.start(counter, 1)
    address.send('hello')
    expect(await call.value()).toBe(1)
    expect(log.at('warn')).toMatchObject([{ fields: { module: 'counter', dropped: 'hello' } }])
  })

  test('handleInfo: of a flood one is told each second, and how many were not', async () => {
    const { address, call } = await stage.node.start(counter, 1)
    for (let n = 0; n < 1_000; n++) address.send(`${n}`)
    expect(await call.value()).toBe(1)
    expect(log.at('warn')).toHaveLength(1)
    stage.clock.advance(1_000)
    address.send('last')
    await call.value()
    expect(log.at('warn').slice(1)).toMatchObject([{ fields: { dropped: 'last', untold: 999 } }])
  })

  test('handleContinue: the server ends', async () => {
    const eager = genServer({ module: 'counter', init: () => begin(0, { continue: 'x' }) })
    const parent = await stage.puppet({ trapExit: true })
    const { address: from } = await parent.self.start(eager)
    expect(await exitOf(parent, from)).toEqual(undef('handle_continue', 2))
  })

  test('terminate, formatStatus, and everything else: the server lives and ends without', async () => {
    const server = await stage.node.start(genServer({ init: () => 'bare' }))
    expect(await sys.getState(stage.node, server.address)).toBe('bare')
    expect((await sys.getStatus(stage.node, server.address)).state).toBe('running')
    await server.stop()
  })
})

describe('stop', () => {
  test('ends it with normal, or another reason, once it has done what came before', async () => {
    for (const reason of [undefined, shutdown, { any: 'reason' }]) {
      const server = await stage.node.start(counter, 1)
      const before = server.call.add(1)
      const reasons = await endOf(stage, server.address, () => server.stop(reason))
      expect(reasons).toEqual(reason ?? normal)
      expect(await before).toBe(2)
    }
  })

  test.each([
    ['address', (address: Address<unknown>) => address],
    ['name', () => 'counter'],
    ['name and node', () => named('counter', 'nonode@nohost')],
  ])('by %s', async (_, target) => {
    const { address } = await stage.node.start({ name: 'counter' }, counter, 1)
    await stage.node.server(target(address)).stop()
    expect(stage.node.isAlive(address)).toBe(false)
    expect(await failure(stage.node.server(target(address)).stop())).toMatchObject({ reason: atom('noproc') })
  })

  test('of one that ends with another reason meanwhile fails with that', async () => {
    const worse = genServer({
      init: () => 0,
      terminate: () => {
        throw new ExitError('worse')
      },
    })
    const server = await stage.node.start(worse)
    expect(await failure(server.stop())).toMatchObject({ code: 'ERR_REIGN_CALL', reason: 'worse' })
  })

  test('of one that does not heed it is bounded by a time, or a signal, which must be sound', async () => {
    const monitors = () => stage.node.processInfo(stage.node.system.self)?.monitors
    const before = monitors()
    const deaf = await stage.puppet({ name: 'deaf' })
    const server = stage.node.server('deaf')
    const late = failure(server.stop(normal, { timeout: 100 }))
    const stopped = new AbortController()
    const aborted = failure(server.stop(normal, { signal: stopped.signal }))
    await stage.clock.run(100)
    expect(await late).toMatchObject({ code: 'ERR_REIGN_TIMEOUT' })
    stopped.abort('enough')
    expect(await aborted).toBe('enough')
    expect(await failure(server.stop(normal, { signal: stopped.signal }))).toBe('enough')
    expect(await failure(server.stop(normal, { timeout: Number.NaN }))).toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    expect(monitors()).toEqual(before)
    expect(stage.alive(deaf)).toBe(true)
  })

  test('with a time-out of 0 asks, and waits no longer', async () => {
    const { address, stop } = await stage.node.start(counter, 1).then((server) => ({
      address: server.address,
      stop: () => server.stop(normal, { timeout: 0 }),
    }))
    expect(await failure(stop())).toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 0 })
    await stage.settle()
    expect(stage.node.isAlive(address)).toBe(false)
    // Of one that is not there that is known at once.
    expect(await failure(stop())).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
  })

  test('of what is no server is refused', async () => {
    for (const wrong of [undefined, null, 3, {}]) {
      const refused = expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' })
      expect(() => stage.node.server(wrong as never)).toThrow(refused)
    }
  })

  test('by a process that ends meanwhile', async () => {
    await stage.puppet({ name: 'deaf' })
    const caller = await stage.puppet()
    const stopping = failure(caller.self.server('deaf').stop())
    caller.return()
    expect(await stopping).toMatchObject({ code: 'ERR_REIGN_EXIT' })
    expect(await failure(caller.self.server('deaf').stop())).toMatchObject({ code: 'ERR_REIGN_EXIT' })
  })
})
