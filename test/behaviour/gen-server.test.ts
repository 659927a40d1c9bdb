import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  begin,
  type GenServer,
  genServer,
  ignore,
  noReply,
  Requests,
  reenter,
  reply,
  type Server,
  stop,
  sys,
} from '../../src/behaviour/index.js'
import { type Address, atom, type Caller, type Process, StartError, tuple } from '../../src/index.js'
import { KeptLog } from '../cluster/cluster-kit.js'
import { Stage } from '../process/puppet.js'
import { counter, endOf, failure, normal, shutdown, timeout } from './server-kit.js'

let stage: Stage
let log: KeptLog
beforeEach(async () => {
  log = new KeptLog()
  stage = await Stage.open({ logger: log })
})
afterEach(() => stage.node.stop())

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
      await endOf(stage, address, () => stage.node.exit(address, 'gone'))
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
    expect(await endOf(stage, server.address, async () => expect(await server.call.stop()).toBe('stopped'))).toBe(
      shutdown,
    )
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
    expect(await endOf(stage, server.address, act)).toEqual(reason)
  })

  test('a cast replaces the state', async () => {
    server.cast.replace()
    expect(await server.call.log()).toEqual(['cast'])
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
    const reason = await endOf(stage, before, () => server.call.fail().catch(() => {}))
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
