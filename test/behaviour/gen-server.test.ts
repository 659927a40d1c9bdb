import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  begin,
  type GenServer,
  genServer,
  ignore,
  nextState,
  noReply,
  Requests,
  reenter,
  removeHandler,
  reply,
  type Server,
  startIn,
  stop,
  stopMachine,
  swapHandler,
  sys,
} from '../../src/behaviour/index.js'
import {
  type Address,
  atom,
  CallError,
  type Caller,
  type Down,
  type Exit,
  ExitError,
  named,
  type Process,
  StartError,
  tuple,
} from '../../src/index.js'
import { KeptLog } from '../cluster/cluster-kit.js'
import { type Puppet, Stage } from '../process/puppet.js'

let stage: Stage
let log: KeptLog
beforeEach(async () => {
  log = new KeptLog()
  stage = await Stage.open({ logger: log })
})
afterEach(() => stage.node.stop())

const [normal, shutdown, timeout] = [atom('normal'), atom('shutdown'), atom('timeout')]

const counter = genServer({
  module: 'counter',
  init: (start: number) => ({ value: start }),
  calls: {
    add: (state, by: number) => (state.value += by),
    value: (state) => state.value,
    fail: (): number => {
      throw new Error('asked to fail')
    },
  },
  casts: {
    reset: (state) => {
      state.value = 0
    },
  },
})

const failure = (promise: Promise<unknown>): Promise<{ code?: string; reason?: unknown; name?: string }> =>
  promise.then(
    (value) => expect.unreachable(`it gave ${String(value)}`),
    (error) => error,
  )

/** Why a process that was started by its parent has ended: it may have before whoever started it goes on, as in Erlang. */
async function exitOf(parent: Puppet, from: Address<never>): Promise<unknown> {
  return ((await parent.self.receive({ type: 'EXIT', from })) as Exit).reason
}

async function endOf(address: Address<never>, act: () => unknown): Promise<unknown> {
  using mailbox = stage.node.mailbox<Down>()
  const ref = mailbox.monitor(address)
  act()
  return (await mailbox.receive({ type: 'DOWN', ref })).reason
}

describe('a server', () => {
  test('is called and cast by name, with arguments or none', async () => {
    const server = await stage.node.start(counter, 10)
    expect(await server.call.add(3)).toBe(13)
    server.cast.reset()
    expect(await server.call.value()).toBe(0)
  })

  test('is an ordinary gen_server: {add, By}, the bare atom or a tuple of it alone', async () => {
    const { address } = await stage.node.start(counter, 10)
    expect(await stage.node.call(address, tuple(atom('add'), 3))).toBe(13)
    expect(await stage.node.call(address, atom('value'))).toBe(13)
    expect(await stage.node.call(address, tuple(atom('value')))).toBe(13)
    address.send(tuple(atom('$gen_cast'), atom('reset')))
    expect(await stage.node.call(address, atom('value'))).toBe(0)
    address.send(tuple(atom('$gen_cast'), tuple(atom('reset'))))
    expect(await stage.node.call(address, atom('value'))).toBe(0)
  })

  test('sends what Erlang’s servers take', async () => {
    const peer = await stage.puppet({ name: 'peer' })
    const server = stage.node.server<{
      calls: { add: (by: number, twice: boolean) => number; value: () => number }
      casts: { set: (to: number) => void; reset: () => void }
    }>('peer')
    server.call.add(3, true).catch(() => {})
    server.call.value().catch(() => {})
    server.cast.set(1)
    server.cast.reset()
    const [genCall, genCast, from] = [atom('$gen_call'), atom('$gen_cast'), expect.anything()]
    expect(stage.inbox(peer)).toEqual([
      tuple(genCall, from, tuple(atom('add'), 3, true)),
      tuple(genCall, from, atom('value')),
      tuple(genCast, tuple(atom('set'), 1)),
      tuple(genCast, atom('reset')),
    ])
  })

  test('by its name outlives restarts', async () => {
    const server = stage.node.server<typeof counter>('counter')
    expect(await failure(server.call.value())).toMatchObject({ reason: atom('noproc') })
    for (const start of [1, 2]) {
      const { address } = await stage.node.start({ name: 'counter' }, counter, start)
      expect(await server.call.value()).toBe(start)
      await endOf(address, () => stage.node.exit(address, 'gone'))
    }
  })

  test.each([
    ['of one argument', [1]],
    ['of four', [1, 2, 3, 4]],
    ['of nothing', []],
  ])('takes arguments as they are: %s', async (_, args) => {
    const echo = genServer({ init: () => 0, calls: { echo: (_, ...rest: unknown[]) => rest } })
    const server = await stage.node.start(echo)
    expect(await server.call.echo(...args)).toEqual(args)
  })

  test('finds only what the definition itself has, whatever it is asked for', async () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      const { address } = await stage.node.start(counter, 1)
      const asked = failure(stage.node.call(address, atom(name)))
      expect((await asked).reason).toEqual(tuple(atom('undef'), [expect.anything()]))
    }
  })

  test('is no promise, and has no form in JSON', async () => {
    const server = await stage.node.start(counter, 1)
    expect(await server).toBe(server)
    const { call } = server
    expect(await Promise.resolve(call)).toBe(call)
    expect(JSON.stringify({ call })).toBe('{"call":{}}')
    expect(await call.value()).toBe(1)
    expect(`${Object.keys(call)}`).toBe('')
  })

  test('forms of the start: alone or linked, with a name or none, with a bound or none', async () => {
    const parent = await stage.puppet({ trapExit: true })
    for (const options of [{}, { name: 'counter' }, { timeout: 100 }]) {
      const alone = await stage.node.start(options, counter, 1)
      expect(stage.node.processInfo(alone.address)).toMatchObject({ registered_name: options.name, links: [] })
      await alone.stop()
      const linked = await parent.self.start(options, counter, 2)
      expect(stage.node.processInfo(linked.address)?.links).toEqual([parent.self.address])
      expect(await linked.call.value()).toBe(2)
      await linked.stop()
    }
  })
})

describe('init', () => {
  const starting = genServer({
    init: async (
      how: 'ignore' | 'stop' | 'throw' | 'hang' | 'reply' | 'begin',
      self?: (self: Process<unknown>) => void,
    ) => {
      if (how === 'ignore') return ignore
      if (how === 'stop') return stop('no luck')
      if (how === 'throw') throw new Error('bad luck')
      if (how === 'reply') return reply(1) as never
      if (how === 'hang') return new Promise<never>(() => {})
      return begin({ how, self }, { continue: 'further' })
    },
    calls: { get: (state) => state.how },
    handleContinue(state, argument) {
      state.how += argument === 'further' ? ' and further' : ''
    },
  })

  test('may be async: the starter waits, and so do those who call', async () => {
    const server = await stage.node.start(starting, 'begin')
    expect(await server?.call.get()).toBe('begin and further')
  })

  test('that says ignore leaves no server', async () => {
    expect(await stage.node.start({ name: 'nobody' }, starting, 'ignore')).toBeUndefined()
    expect(stage.node.whereis('nobody')).toBeUndefined()
  })

  test.each([
    ['stops', 'stop', 'no luck'],
    ['throws', 'throw', new Error('bad luck')],
    [
      'returns what it cannot',
      'reply',
      tuple(atom('bad_return_value'), 'the init returned reply(…): it returns a state, begin(…), ignore or stop(…)'),
    ],
  ] as const)('that %s is a failed start, which leaves no name', async (_, how, reason) => {
    const error = await failure(stage.node.start({ name: 'nobody' }, starting, how))
    expect(error).toBeInstanceOf(StartError)
    expect(error.reason).toEqual(reason)
    expect(stage.node.whereis('nobody')).toBeUndefined()
    await stage.node.start({ name: 'nobody' }, counter, 1)
  })

  test('that takes too long is a failed start', async () => {
    const error = failure(stage.node.start({ name: 'nobody', timeout: 100 }, starting, 'hang'))
    await stage.clock.run(100)
    expect((await error).reason).toBe(timeout)
    expect(stage.node.whereis('nobody')).toBeUndefined()
  })
})

describe('a call', () => {
  const box = genServer({
    init: () => ({ waiting: [] as Caller[], log: [] as unknown[] }),
    calls: {
      reply: () => reply('reply'),
      nothing: () => undefined,
      later: async () => 'later',
      laterOutcome: async () => reply('later outcome'),
      wait(state) {
        state.waiting.push(this.from as Caller)
        return noReply<string>()
      },
      state: (state) => reply('replaced', { state: { ...state, log: ['replaced'] } }),
      own(state) {
        this.state = { ...state, log: ['own'] }
        return 'own'
      },
      idle: () => reply('idle', { timeout: 100 }),
      hurry: () => reply('hurry', { timeout: 0 }),
      go: () => reply('gone', { continue: 'on' }),
      stop: () => stop(shutdown, { reply: 'stopped' }),
      stopSilently: () => stop<string>('silent'),
      hibernate: () => reply('slept', { hibernate: true }),
      log: (state) => state.log,
    },
    casts: {
      answer(state, value: string) {
        for (const from of state.waiting.splice(0)) this.self.reply(from, value)
      },
      idle: () => noReply({ timeout: 100 }),
      stop: () => stop('cast away'),
      wrong: () => reply('nobody asked'),
      replace: () => noReply({ state: { waiting: [], log: ['cast'] } }),
    },
    handleInfo(state, message) {
      state.log.push(message)
      if (message === 'stop') return stop('told')
      if (message === 'idle') return noReply({ timeout: 100 })
      return undefined
    },
    handleContinue(state, argument) {
      state.log.push(tuple('continue', argument))
      return argument === 'on' ? noReply({ continue: 'further' }) : undefined
    },
  })
  let server: Server<typeof box> & { readonly address: Address<unknown> }
  beforeEach(async () => {
    server = await stage.node.start(box)
  })

  test.each([
    ['reply', 'reply'],
    ['nothing', undefined],
    ['later', 'later'],
    ['laterOutcome', 'later outcome'],
    ['state', 'replaced'],
    ['own', 'own'],
    ['go', 'gone'],
    ['hibernate', 'slept'],
  ] as const)('gets what its handler returns: %s', async (name, value) => {
    expect(await server.call[name]()).toBe(value)
    expect(stage.node.isAlive(server.address)).toBe(true)
  })

  test.each([
    ['an outcome', 'state', ['replaced']],
    ['this', 'own', ['own']],
  ] as const)('sets another state by %s', async (_, name, kept) => {
    await server.call[name]()
    expect(await server.call.log()).toEqual(kept)
  })

  test('is answered later, by whoever has its caller', async () => {
    const [one, two] = [server.call.wait(), server.call.wait()]
    await stage.settle()
    server.cast.answer('at last')
    expect(await Promise.all([one, two])).toEqual(['at last', 'at last'])
  })

  test('that is not answered in time is over for its caller; what comes later goes nowhere', async () => {
    const late = failure(server.with({ timeout: 100 }).call.wait())
    await stage.clock.run(100)
    expect(await late).toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 100 })
    server.cast.answer('too late')
    await stage.settle()
    expect(stage.node.deadLetters.counts.noalias).toBe(1)
  })

  test('waits five seconds, unless told otherwise, or until a signal', async () => {
    const usual = failure(server.call.wait())
    const patient = server.with({ timeout: Number.POSITIVE_INFINITY }).call.wait()
    const stopped = new AbortController()
    const signalled = failure(server.with({ signal: stopped.signal }).call.wait())
    stopped.abort('enough')
    expect(await signalled).toBe('enough')
    await stage.clock.run(5_000)
    expect(await usual).toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 5_000 })
    server.cast.answer('here')
    expect(await patient).toBe('here')
  })

  test('goes on with continue before any other message, and again', async () => {
    const gone = server.call.go()
    server.address.send('next')
    expect(await gone).toBe('gone')
    expect(await server.call.log()).toEqual([tuple('continue', 'on'), tuple('continue', 'further'), 'next'])
  })

  test.each(['call', 'cast', 'info'] as const)('a time-out that a %s set comes when nothing else does', async (by) => {
    if (by === 'call') await server.call.idle()
    else if (by === 'cast') server.cast.idle()
    else server.address.send('idle')
    await stage.clock.run(99)
    const before = by === 'info' ? ['idle'] : []
    expect(((await sys.getState(stage.node, server.target)) as { log: unknown[] }).log).toEqual(before)
    await stage.clock.run(100)
    expect(await server.call.log()).toEqual([...before, timeout])
    await stage.clock.run(1_000)
    expect(await server.call.log()).toEqual([...before, timeout])
  })

  test('a time-out is taken back by whatever comes', async () => {
    await server.call.idle()
    await stage.clock.run(50)
    await server.call.nothing()
    await stage.clock.run(1_000)
    expect(await server.call.log()).toEqual([])
  })

  test('a time-out of 0 comes at once, unless there is a message', async () => {
    await server.call.hurry()
    await stage.settle()
    expect(await server.call.log()).toEqual([timeout])
    const hurry = server.call.hurry()
    server.address.send('first')
    await hurry
    expect(await server.call.log()).toEqual([timeout, 'first'])
  })

  test('that stops the server gets its reply first', async () => {
    expect(await endOf(server.address, async () => expect(await server.call.stop()).toBe('stopped'))).toBe(shutdown)
  })

  test('that stops the server without a reply fails with the reason', async () => {
    expect(await failure(server.call.stopSilently())).toMatchObject({ code: 'ERR_REIGN_CALL', reason: 'silent' })
  })

  test('hibernate changes nothing', async () => {
    expect(await server.call.hibernate()).toBe('slept')
    expect(await server.call.reply()).toBe('reply')
  })

  test.each([
    ['cast', () => server.cast.stop(), 'cast away'],
    ['message', () => server.address.send('stop'), 'told'],
    [
      'cast that replies',
      () => server.cast.wrong(),
      tuple(atom('bad_return_value'), 'a handler returned reply(…): only a call can be replied to'),
    ],
  ] as const)('a %s ends the server', async (_, act, reason) => {
    expect(await endOf(server.address, act)).toEqual(reason)
  })

  test('a cast replaces the state', async () => {
    server.cast.replace()
    expect(await server.call.log()).toEqual(['cast'])
  })
})

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
      badReturn(await endOf(address, () => (address as Address<unknown>).send(message)))
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
    expect(await endOf(server.address, () => server.cast.quit())).toEqual(reasons[kind])
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
    await endOf(three.address, () => parent.throw('gone'))
    expect(ends).toEqual([normal, new Error('crash'), 'gone'])
  })

  test('that throws: that is the reason then', async () => {
    const server = await stage.node.start(ending, true)
    expect((await failure(server.call.fail())).reason).toEqual(new Error('worse'))
  })

  test('is not called by a kill', async () => {
    const server = await stage.node.start(ending)
    expect(await endOf(server.address, () => stage.node.exit(server.address, atom('kill')))).toBe(atom('killed'))
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
    expect(await endOf(address, () => address.send(tuple(atom('$gen_cast'), 'what')))).toEqual(undef('handle_cast', 2))
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

describe('what no handler of its own takes', () => {
  const open = genServer({
    init: () => [] as unknown[],
    calls: { known: () => 'known' },
    handleCall(state, request, from) {
      state.push(tuple('call', request, from === this.from))
      return 'taken'
    },
    handleCast: (state, request) => void state.push(tuple('cast', request)),
    handleInfo: (state, message) => void state.push(tuple('info', message)),
  })

  test('goes to handleCall, handleCast and handleInfo', async () => {
    const { address } = await stage.node.start(open)
    expect(await stage.node.call(address, { any: 'thing' })).toBe('taken')
    expect(await stage.node.call(address, atom('known'))).toBe('known')
    address.send(tuple(atom('$gen_cast'), 'cast'))
    // What only looks like a call or a cast is a message like any other.
    for (const message of ['info', tuple(atom('$gen_call'), 'x'), tuple(atom('$gen_cast'))]) address.send(message)
    expect(await sys.getState(stage.node, address)).toEqual([
      tuple('call', { any: 'thing' }, true),
      tuple('cast', 'cast'),
      tuple('info', 'info'),
      tuple('info', tuple(atom('$gen_call'), 'x')),
      tuple('info', tuple(atom('$gen_cast'))),
    ])
  })
})

describe('a call to oneself', () => {
  const [itself, byName] = ['itself', 'byName'] as const
  const selfish: GenServer<[], { calls: Record<'itself' | 'byName' | 'byNode', () => unknown> }> = genServer({
    init: () => 0,
    calls: {
      async [itself]() {
        return (await failure(this.self.call(this.self.address, 'x'))).reason
      },
      async [byName]() {
        return (await failure(this.self.server<typeof counter>('selfish').call.value())).reason
      },
      byNode: async () => (await failure(stage.node.server<typeof counter>('selfish').call.value())).reason,
    },
  }) as never

  test.each([itself, byName, 'byNode'] as const)('fails, and does not hang: %s', async (name) => {
    const server = await stage.node.start({ name: 'selfish' }, selfish)
    expect(await server.call[name]()).toBe(atom('calling_self'))
  })

  test('to stop oneself likewise', async () => {
    const quitter = genServer({
      init: () => 0,
      calls: {
        async quit() {
          return (await failure(this.self.server(this.self.address).stop())).reason
        },
      },
    })
    const server = await stage.node.start(quitter)
    expect(await server.call.quit()).toBe(atom('calling_self'))
  })
})

describe('an async handler', () => {
  const gates: ((value: string) => void)[] = []
  const gate = () => new Promise<string>((resolve) => gates.push(resolve))
  const asked = genServer({
    init: () => ({ log: [] as string[] }),
    calls: {
      closed: async (state, name: string) => {
        state.log.push(`${name} begins`)
        const word = await gate()
        state.log.push(`${name} ends`)
        return word
      },
      open(state, name: string) {
        state.log.push(`${name} begins`)
        return reenter(gate(), (word) => {
          this.state.log.push(`${name} ends`)
          return word === 'outcome' ? reply('an outcome', { continue: 'on' }) : word
        })
      },
      failing: () => reenter(Promise.reject(new Error('refused')), () => 'never'),
      handled: () =>
        reenter(
          Promise.reject(new Error('refused')),
          () => 'never',
          (error) => `handled ${error}`,
        ),
      log: (state) => [...state.log],
    },
    casts: {
      open: (state) => reenter(gate(), (word) => void state.log.push(`cast ${word}`)),
    },
    handleContinue: (state, argument) => void state.log.push(`continue ${argument}`),
  })
  beforeEach(() => {
    gates.length = 0
  })

  test('keeps the server until it is done, as a slow one does', async () => {
    const server = await stage.node.start(asked)
    const answers = [server.call.closed('a'), server.call.closed('b'), server.call.log()]
    await stage.settle()
    gates[0]?.('first')
    await stage.settle()
    gates[1]?.('second')
    expect(await Promise.all(answers)).toEqual(['first', 'second', ['a begins', 'a ends', 'b begins', 'b ends']])
  })

  test('lets others in where it asks for it, and goes on between messages', async () => {
    const server = await stage.node.start(asked)
    const [one, two] = [server.call.open('a'), server.call.open('b')]
    expect(await server.call.log()).toEqual(['a begins', 'b begins'])
    gates[1]?.('second')
    expect(await two).toBe('second')
    gates[0]?.('outcome')
    expect(await one).toBe('an outcome')
    expect(await server.call.log()).toEqual(['a begins', 'b begins', 'b ends', 'a ends', 'continue on'])
    server.cast.open()
    await stage.settle()
    gates[2]?.('too')
    await stage.settle()
    expect((await server.call.log()).at(-1)).toBe('cast too')
  })

  test('that waits for what fails ends the server, unless it says what to do then', async () => {
    const server = await stage.node.start(asked)
    expect(await server.call.handled()).toBe('handled Error: refused')
    expect((await failure(server.call.failing())).reason).toEqual(new Error('refused'))
  })

  test('whose server has ended meanwhile goes nowhere', async () => {
    const server = await stage.node.start(asked)
    const lost = failure(server.call.open('a'))
    await stage.settle()
    await server.stop()
    gates[0]?.('late')
    await stage.settle()
    expect(await lost).toMatchObject({ code: 'ERR_REIGN_CALL', reason: normal })
    expect(stage.node.deadLetters.counts).toMatchObject({ noproc: 0 })
  })
})

describe('stop', () => {
  test('ends it with normal, or another reason, once it has done what came before', async () => {
    for (const reason of [undefined, shutdown, { any: 'reason' }]) {
      const server = await stage.node.start(counter, 1)
      const before = server.call.add(1)
      const reasons = await endOf(server.address, () => server.stop(reason))
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

describe('requests under way', () => {
  const slow = genServer({ init: () => 0, calls: { later: (_, word: string) => reenter(waitFor(word), () => word) } })
  const words = new Map<string, () => void>()
  const waitFor = (word: string) => new Promise<void>((resolve) => words.set(word, resolve))

  test('are answered in the order in which the answers come, failures too', async () => {
    const server = await stage.node.start(slow)
    const requests = new Requests<number, string>(stage.node)
    for (const [label, word] of [...'abc'].entries()) requests.add(label, server.call.later(word))
    requests.add(3, stage.node.server<typeof slow>('nobody').call.later('d'))
    await stage.settle()
    expect(requests.size).toBe(4)
    expect(requests.check()).toMatchObject({ label: 3, ok: false, error: { reason: atom('noproc') } })
    expect(requests.check()).toBeUndefined()
    const next = requests.next()
    words.get('c')?.()
    expect(await next).toEqual({ label: 2, ok: true, reply: 'c' })
    words.get('a')?.()
    words.get('b')?.()
    const rest: number[] = []
    for await (const { label } of requests) rest.push(label)
    expect(rest).toEqual([0, 1])
    expect([requests.size, await requests.next()]).toEqual([0, undefined])
  })

  test('are waited for within a bound, and stay', async () => {
    const server = await stage.node.start(slow)
    const requests = new Requests<string, string>(stage.node).add('x', server.call.later('x'))
    const late = failure(requests.next({ timeout: 100 }))
    await stage.clock.run(100)
    expect(await late).toMatchObject({ code: 'ERR_REIGN_TIMEOUT' })
    const stopped = new AbortController()
    const aborted = failure(requests.next({ signal: stopped.signal }))
    stopped.abort('enough')
    expect(await aborted).toBe('enough')
    expect(await failure(requests.next({ signal: stopped.signal }))).toBe('enough')
    expect(await failure(requests.next({ timeout: Number.NaN }))).toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    words.get('x')?.()
    expect(await requests.next()).toMatchObject({ label: 'x', reply: 'x' })
  })
})

describe('several servers of one name', () => {
  test('answer or not: nobody of that name, not in time, out of reach', async () => {
    await stage.node.start({ name: 'counter' }, counter, 1)
    const here = stage.node.name
    const servers = stage.node.servers<typeof counter>('counter', [here, 'other@host'])
    expect(await servers.call.value()).toEqual({ replies: new Map([[here, 1]]), badNodes: ['other@host'] })
    servers.cast.reset()
    expect((await servers.call.value()).replies.get(here)).toBe(0)
    await sys.suspend(stage.node, 'counter')
    const late = servers.with({ timeout: 100 }).call.value()
    await stage.clock.run(100)
    expect((await late).badNodes).toEqual([here, 'other@host'])
  })
})

describe('enterLoop', () => {
  test('turns a process that runs into a server', async () => {
    const before = stage.node.spawn({ name: 'late' }, async (self: Process<string>) => {
      const word = await self.receive()
      await counter.enterLoop(self, { value: word.length })
    })
    before.send('four')
    const server = stage.node.server<typeof counter>('late')
    expect(await server.call.add(1)).toBe(5)
    const reason = await endOf(before, () => server.call.fail().catch(() => {}))
    expect(reason).toEqual(new Error('asked to fail'))
  })
})

describe('a mailbox of half a million', () => {
  test('costs its owner no look when it calls', async () => {
    const server = await stage.node.start(counter, 0)
    using mailbox = stage.node.mailbox()
    for (let i = 0; i < 500_000; i++) mailbox.address.send(i)
    const before = mailbox.length
    for (let i = 0; i < 1_000; i++) await mailbox.server(server).call.add(1)
    expect([before, mailbox.length, await server.call.value()]).toEqual([500_000, 500_000, 1_000])
  })
})
