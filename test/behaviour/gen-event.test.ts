import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type EventManager,
  eventHandler,
  eventManagerAt,
  genEvent,
  handlerExitIn,
  nextState,
  noReply,
  removeHandler,
  reply,
  stop,
  swapHandler,
  sys,
} from '../../src/behaviour/index.js'
import { type Address, atom, type Down, HandlerError, isTuple, type Process, tuple } from '../../src/index.js'
import { KeptLog } from '../cluster/cluster-kit.js'
import { Stage } from '../process/puppet.js'
import { Heard } from '../support/heard.js'

let stage: Stage
let log: KeptLog
let told: unknown[]
let manager: EventManager<unknown>
beforeEach(async () => {
  log = new KeptLog()
  stage = await Stage.open({ logger: log })
  told = []
  manager = await stage.node.start({ name: 'events' }, events)
})
afterEach(() => stage.node.stop())

const [normal, shutdown, ok, error] = [atom('normal'), atom('shutdown'), atom('ok'), atom('error')]
const exited = atom('EXIT')
const bang = new Error('bang')

/** Never begins. */
const broken = eventHandler({
  module: 'broken',
  init: (): number => {
    throw bang
  },
  handleEvent: () => {},
})

/** Keeps what it hears, and does what it is told to. */
const keeper = eventHandler({
  module: 'keeper',
  init(label: string, previous) {
    if (label === 'stop') return stop('no luck')
    if (label === 'throw') throw bang
    if (label === 'reply') return reply(1) as never
    return { label, heard: (previous === undefined ? [] : [previous]) as unknown[] }
  },
  async handleEvent(state, event: unknown) {
    if (event === 'throw') throw bang
    if (event === 'leave') return removeHandler()
    if (event === 'swap') return swapHandler(other, 'new', { leaving: 'for another' })
    if (event === 'swap badly') return swapHandler(broken, undefined, { id: 'bad' })
    if (event === 'replace') return noReply({ state: { ...state, heard: ['replaced'] } })
    if (event === 'reply') return reply('nobody asked')
    if (event === 'slow') await new Promise<void>((resolve) => stage.clock.setTimer(resolve, 10))
    state.heard.push(event)
    told.push(tuple(state.label, event))
    return undefined
  },
  calls: {
    heard: (state) => state.heard,
    add: (state, ...more: unknown[]) => state.heard.push(...more),
    replace: () => reply('replaced', { state: { label: 'own', heard: [] } }),
    leave: () => removeHandler('gone'),
    swap: () => swapHandler(other, 'new', { id: 7, reply: 'swapped' }),
    fail: (): number => {
      throw bang
    },
    own(): Promise<unknown> {
      return eventManagerAt(this.self, this.self.address).call('keeper', atom('heard'))
    },
  },
  handleCall: (_, request) => tuple('unknown', request),
  handleInfo(state, message) {
    if (message === 'throw') throw bang
    state.heard.push(message)
  },
  terminate(state, why) {
    told.push(tuple(state.label, 'terminates', why))
    if (why === 'badly') throw bang
    return why === 'silently' ? undefined : tuple('left by', state.label)
  },
})

/** The least that there can be. */
const other = eventHandler({
  module: 'other',
  init: (label: string, previous) => ({ label, previous }),
  handleEvent: (state, event) => void told.push(tuple(state.label, event)),
  calls: { previous: (state) => state.previous },
})

const events = genEvent<unknown>({ module: 'events', handlers: [keeper, other] })

const failure = (promise: Promise<unknown>): Promise<{ code?: string; reason?: unknown; name?: string }> =>
  promise.then(
    (value) => expect.unreachable(`it gave ${String(value)}`),
    (thrown) => thrown,
  )
const heard = () => manager.handler(keeper).call.heard()
/** What a request is answered with, as Erlang's `gen_event` gets it. */
async function raw(request: unknown): Promise<unknown> {
  using mailbox = stage.node.mailbox<readonly unknown[]>()
  const tag = mailbox.makeRef()
  manager.address.send(tuple(mailbox.address, tuple(mailbox.address, tag), request))
  const [got, answer] = await mailbox.receive()
  expect(got).toBe(tag)
  return answer
}

describe('an event', () => {
  test('is told to all handlers, those that were added last first, one after the other', async () => {
    for (const label of ['a', 'b', 'c']) await manager.addHandler([keeper, label], label)
    manager.notify('slow')
    await stage.clock.run(30)
    expect(told).toEqual(['c', 'b', 'a'].map((label) => tuple(label, 'slow')))
  })

  test('that is told in step is dealt with by all when its promise is there', async () => {
    await manager.addHandler(keeper, 'a')
    const done = manager.syncNotify('slow').then(() => told.push('done'))
    await stage.clock.run(30)
    await done
    expect(told).toEqual([tuple('a', 'slow'), 'done'])
  })

  test('goes nowhere where nobody has added a handler, and to nobody where there is no manager', async () => {
    await manager.syncNotify('nobody')
    const nobody = eventManagerAt<typeof events>(stage.node, 'nobody')
    nobody.notify('event')
    expect(await failure(nobody.syncNotify('event'))).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('noproc') })
    expect(stage.node.deadLetters.counts.noname).toBeGreaterThan(0)
  })

  test('is Erlang’s on the wire: {notify, Event}, and a request that the caller’s pid stands before', async () => {
    const peer = await stage.puppet({ name: 'peer' })
    const theirs = eventManagerAt<unknown>(stage.node, 'peer')
    theirs.notify('event')
    const asked = [
      theirs.syncNotify('event'),
      theirs.addHandler(['theirs', 1], 'argument'),
      theirs.addHandler('theirs'),
      theirs.deleteHandler('theirs'),
      theirs.swapHandler('theirs', 'leaving', ['ours', 2], 'argument'),
      theirs.whichHandlers(),
      theirs.handler('theirs').call as unknown,
    ]
    theirs.call('theirs', atom('query'), { timeout: 1 }).catch(() => {})
    for (const each of asked) if (each instanceof Promise) each.catch(() => {})
    const [me, from] = [stage.node.system.self, expect.anything()]
    const theirName = atom('theirs')
    expect(stage.inbox(peer)).toEqual([
      tuple(atom('notify'), 'event'),
      tuple(me, from, tuple(atom('sync_notify'), 'event')),
      tuple(me, from, tuple(atom('add_handler'), tuple(theirName, 1), 'argument')),
      tuple(me, from, tuple(atom('add_handler'), theirName, [])),
      tuple(me, from, tuple(atom('delete_handler'), theirName, [])),
      tuple(me, from, tuple(atom('swap_handler'), theirName, 'leaving', tuple(atom('ours'), 2), 'argument')),
      tuple(me, from, atom('which_handlers')),
      tuple(me, from, tuple(atom('call'), theirName, atom('query'))),
    ])
  })
})

describe('a handler', () => {
  test('is added with an argument, by itself, by name, or with an id, and is listed so', async () => {
    await manager.addHandler(keeper, 'by itself')
    await manager.addHandler('keeper', 'by name')
    await manager.addHandler([keeper, 1], 'with an id')
    await manager.addHandler(['other', tuple('x')], 'new')
    expect(await manager.whichHandlers()).toEqual([['other', tuple('x')], ['keeper', 1], 'keeper', 'keeper'])
  })

  test('that the manager was not made with can be added within its node, and by nobody else', async () => {
    const stranger = eventHandler({ module: 'stranger', init: () => 0, handleEvent: () => {} })
    await manager.addHandler(stranger)
    await manager.addHandler([stranger, 'twice'])
    expect(await manager.whichHandlers()).toEqual([['stranger', 'twice'], 'stranger'])
    const undef = tuple(atom('undef'), [tuple(atom('stranger'), atom('init'), [[]], [])])
    expect(await failure(manager.addHandler('stranger'))).toMatchObject({ code: 'ERR_REIGN_HANDLER', reason: undef })
    expect(await raw(tuple(atom('add_handler'), atom('stranger'), []))).toEqual(tuple(exited, undef))
  })

  test.each([
    ['stops', 'stop', 'no luck'],
    ['throws', 'throw', bang],
    [
      'returns what it cannot',
      'reply',
      tuple(atom('bad_return_value'), 'the init returned reply(…): it returns a state, or stop(…)'),
    ],
  ])('whose init %s is not added', async (_, how, reason) => {
    const thrown = await failure(manager.addHandler(keeper, how))
    expect(thrown).toBeInstanceOf(HandlerError)
    expect(thrown).toMatchObject({ name: 'HandlerError', code: 'ERR_REIGN_HANDLER', reason })
    expect(await manager.whichHandlers()).toEqual([])
  })

  test('is deleted, and what its terminate returns comes back', async () => {
    await manager.addHandler(keeper, 'a')
    await manager.addHandler([keeper, 1], 'b')
    expect(await manager.deleteHandler([keeper, 1], 'why')).toEqual(tuple('left by', 'b'))
    expect(await manager.deleteHandler(keeper, 'silently')).toBe(ok)
    expect(told).toEqual([tuple('b', 'terminates', 'why'), tuple('a', 'terminates', 'silently')])
    await manager.addHandler(other, 'without terminate')
    expect(await manager.deleteHandler('other')).toBe(ok)
    expect(await manager.whichHandlers()).toEqual([])
  })

  test('that is not there, or fails as it ends, is no success to delete; it is gone all the same', async () => {
    expect(await failure(manager.deleteHandler(keeper))).toMatchObject({ reason: atom('module_not_found') })
    await manager.addHandler(keeper, 'a')
    expect(await failure(manager.deleteHandler(keeper, 'badly'))).toMatchObject({ reason: bang })
    expect(await manager.whichHandlers()).toEqual([])
  })

  test('is swapped for another, which gets what it left', async () => {
    await manager.addHandler(keeper, 'a')
    await manager.swapHandler(keeper, 'bye', [other, 1], 'b')
    expect(told).toEqual([tuple('a', 'terminates', 'bye')])
    expect(await manager.handler([other, 1]).call.previous()).toEqual(tuple('left by', 'a'))
    await manager.swapHandler('nobody', 'bye', other, 'c')
    expect(await manager.handler(other).call.previous()).toBe(error)
    expect(await manager.whichHandlers()).toEqual(['other', ['other', 1]])
  })

  test('is gone when the one that it is swapped for cannot be added', async () => {
    for (const [swap, reason] of [
      [() => manager.swapHandler(keeper, 'bye', keeper, 'throw'), bang],
      [() => manager.swapHandler(keeper, 'bye', keeper, 'stop'), 'no luck'],
      [() => manager.swapHandler(keeper, 'bye', 'nobody', 'x'), { 0: atom('undef') }],
    ] as const) {
      await manager.addHandler(keeper, 'a')
      expect(await failure(swap())).toMatchObject({ code: 'ERR_REIGN_HANDLER', reason })
      expect(await manager.whichHandlers()).toEqual([])
    }
  })

  test('leaves, or gives its place to another, by what it returns of an event or a call', async () => {
    for (const label of ['a', 'b']) await manager.addHandler([keeper, label], label)
    await manager.addHandler(other, 'top')
    expect(await manager.handler([keeper, 'b']).call.swap()).toBe('swapped')
    expect(await manager.whichHandlers()).toEqual(['other', ['other', 7], ['keeper', 'a']])
    await manager.syncNotify('swap')
    expect(await manager.whichHandlers()).toEqual(['other', ['other', 7], 'other'])
    await manager.deleteHandler(other)
    expect(await manager.handler(other).call.previous()).toEqual(tuple('left by', 'a'))
    expect(told).toContainEqual(tuple('a', 'terminates', 'for another'))
    await manager.addHandler(keeper, 'c')
    expect(await manager.handler(keeper).call.leave()).toBe('gone')
    await manager.addHandler(keeper, 'd')
    await manager.syncNotify('leave')
    expect(await manager.whichHandlers()).toEqual([['other', 7], 'other'])
    expect(told.slice(-2)).toEqual([tuple('new', 'leave'), tuple('new', 'leave')])
    expect(told).toContainEqual(tuple('d', 'terminates', atom('remove_handler')))
  })

  test('keeps a state of its own, which an outcome replaces', async () => {
    await manager.addHandler(keeper, 'a')
    await manager.syncNotify('event')
    await manager.syncNotify('replace')
    expect(await heard()).toEqual(['replaced'])
    expect(await manager.handler(keeper).call.replace()).toBe('replaced')
    expect(await heard()).toEqual([])
  })

  test('is called by name, with arguments or none, or with anything', async () => {
    await manager.addHandler(keeper, 'a')
    const { call } = manager.handler(keeper)
    expect(await call.add(1, 2)).toBe(2)
    expect(await call.heard()).toEqual([1, 2])
    expect(await manager.call('keeper', tuple(atom('heard')))).toEqual([1, 2])
    expect(await manager.call(keeper, 'anything')).toEqual(tuple('unknown', 'anything'))
    await manager.addHandler(other, 'b')
    const thrown = await failure(manager.call(other, 'anything'))
    expect(thrown.reason).toMatchObject([atom('undef'), [[atom('other'), atom('handle_call'), { 0: 'anything' }, []]]])
    expect(await failure(manager.call(other, 'anything'))).toMatchObject({ reason: atom('bad_module') })
  })

  test('gets what is no event as a message', async () => {
    await manager.addHandler(keeper, 'a')
    manager.address.send('message')
    manager.address.send(tuple(atom('notify')))
    await stage.settle()
    expect(await heard()).toEqual(['message', tuple(atom('notify'))])
    await manager.addHandler(other, 'without handleInfo')
    manager.address.send('dropped')
    await stage.settle()
    expect(await heard()).toHaveLength(3)
    expect(log.lines.map(({ message }) => message)).toEqual([
      'an event handler without handleInfo got a message that is no event',
    ])
    expect(await manager.whichHandlers()).toEqual(['other', 'keeper'])
  })

  test('that calls its own manager fails, and does not hang', async () => {
    await manager.addHandler(keeper, 'a')
    expect(await failure(manager.handler(keeper).call.own())).toMatchObject({
      code: 'ERR_REIGN_HANDLER',
      reason: { code: 'ERR_REIGN_CALL', reason: atom('calling_self') },
    })
  })
})

describe('a handler that fails', () => {
  test.each([
    ['by an event', () => manager.syncNotify('throw'), bang],
    ['by a message', () => manager.address.send('throw'), bang],
    ['by a call', () => failure(manager.handler(keeper).call.fail()), bang],
    [
      'by what it cannot return',
      () => manager.syncNotify('reply'),
      tuple(
        atom('bad_return_value'),
        'a handler returned reply(…): it returns nothing, noReply(…), removeHandler(…) or swapHandler(…)',
      ),
    ],
  ] as const)(
    '%s is removed and reported, after its terminate; the others and the manager go on',
    async (_, act, why) => {
      await manager.addHandler([keeper, 'other'], 'other')
      await manager.addHandler(keeper, 'a')
      await manager.handler([keeper, 'other']).call.replace()
      using heard = new Heard('reign:handler:crashed')
      await act()
      await stage.settle()
      expect(told).toContainEqual(tuple('a', 'terminates', tuple(error, tuple(exited, why))))
      const [line] = log.lines.filter(({ fields }) => fields.handler === 'keeper')
      expect(line).toMatchObject({ level: 'error', message: 'an event handler crashed, and is removed' })
      expect(String(line?.fields.reason)).toContain(isTuple(why) ? 'bad_return_value' : 'bang')
      expect(String(line?.fields.state)).toContain("label: 'a'")
      expect(heard.of('reign:handler:crashed')).toContainEqual({
        node: stage.node.name,
        address: manager.address,
        handler: atom('keeper'),
        error: why,
      })
      expect(stage.node.isAlive(manager.address)).toBe(true)
      expect(await manager.whichHandlers()).not.toContain('keeper')
    },
  )

  test('with what the compiler would not let through is told so in words', async () => {
    const wrong = eventHandler({
      module: 'wrong',
      init: () => 0,
      handleEvent: () => {},
      calls: { open: () => nextState('open'), wait: () => reply(1, { timeout: 5 }) },
    })
    for (const [name, words] of [
      ['open', 'a handler returned nextState(…): it returns a reply, reply(…), removeHandler(…) or swapHandler(…)'],
      ['wait', 'a handler returned reply(…): there is no `timeout` in it, but state, hibernate'],
    ] as const) {
      await manager.addHandler(wrong)
      const { reason } = await failure(manager.call(wrong, atom(name)))
      expect(reason).toEqual(tuple(atom('bad_return_value'), words))
    }
  })

  test('tells who called it, with what it threw', async () => {
    await manager.addHandler(keeper, 'a')
    expect(await failure(manager.handler(keeper).call.fail())).toMatchObject({
      code: 'ERR_REIGN_HANDLER',
      reason: bang,
    })
    await manager.addHandler(keeper, 'a')
    expect(await raw(tuple(atom('call'), atom('keeper'), atom('fail')))).toEqual(tuple(error, tuple(exited, bang)))
  })
})

describe('a handler with a supervisor', () => {
  let owner: Process<unknown>
  let mine: EventManager<unknown>
  beforeEach(async () => {
    const puppet = await stage.puppet({ trapExit: true })
    owner = puppet.self
    mine = eventManagerAt<typeof events>(owner, 'events')
    await mine.addSupHandler(keeper, 'a')
  })
  const ends = () => (owner.peek() as unknown[]).map(handlerExitIn)

  test('is linked with it', () => {
    expect(stage.node.processInfo(manager.address)?.links).toEqual([owner.address])
  })

  test.each([
    ['is deleted', () => manager.deleteHandler(keeper), normal],
    ['leaves', () => manager.syncNotify('leave'), normal],
    ['fails', () => manager.syncNotify('throw'), tuple(exited, bang)],
    ['gives its place to another', () => manager.syncNotify('swap'), 'swapped'],
  ] as const)('that %s tells it why, and leaves the link', async (_, act, reason) => {
    await act()
    const why = reason === 'swapped' ? tuple(atom('swapped'), atom('other'), owner.address) : reason
    expect(ends()).toEqual([{ handler: 'keeper', reason: why }])
    expect(stage.node.processInfo(manager.address)?.links).toEqual([owner.address])
  })

  test('goes with it, and the others stay', async () => {
    await manager.addHandler(other, 'b')
    stage.node.exit(owner.address, atom('kill'))
    await stage.settle()
    expect(told).toEqual([tuple('a', 'terminates', tuple(atom('stop'), atom('killed')))])
    expect(await manager.whichHandlers()).toEqual(['other'])
  })

  test('that ends with the manager tells it, and there is no exit beside that', async () => {
    await manager.stop('enough')
    expect(told).toEqual([tuple('a', 'terminates', atom('stop'))])
    expect(owner.peek()).toEqual([tuple(atom('gen_event_EXIT'), atom('keeper'), shutdown)])
  })

  test('keeps it when it is swapped by somebody else, and gets another by a supervised swap', async () => {
    await manager.swapHandler(keeper, 'bye', [keeper, 1], 'b')
    expect(ends()).toEqual([
      { handler: 'keeper', reason: tuple(atom('swapped'), tuple(atom('keeper'), 1), owner.address) },
    ])
    const second = await stage.puppet({ trapExit: true })
    await eventManagerAt<typeof events>(second.self, 'events').swapSupHandler([keeper, 1], 'bye', other, 'c')
    expect(ends()[1]).toEqual({
      handler: ['keeper', 1],
      reason: tuple(atom('swapped'), atom('other'), second.self.address),
    })
    await manager.deleteHandler(other)
    expect(stage.inbox(second)).toEqual([tuple(atom('gen_event_EXIT'), atom('other'), normal)])
  })

  test('whose successor fails to begin tells it of that one too', async () => {
    await manager.syncNotify('swap badly')
    expect(ends()).toEqual([
      { handler: 'keeper', reason: tuple(atom('swapped'), tuple(atom('broken'), 'bad'), owner.address) },
      { handler: ['broken', 'bad'], reason: tuple(exited, bang) },
    ])
    expect(await manager.whichHandlers()).toEqual([])
  })

  test('needs a process or mailbox that can be told', async () => {
    await expect(manager.addSupHandler(keeper, 'x')).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
    using mailbox = stage.node.mailbox()
    await eventManagerAt<typeof events>(mailbox, 'events').addSupHandler(other, 'x')
    await manager.deleteHandler(other)
    expect(mailbox.poll()).toEqual(tuple(atom('gen_event_EXIT'), atom('other'), normal))
  })

  test('no other message is the end of one', () => {
    for (const message of ['text', tuple(atom('gen_event_EXIT')), tuple(1, 2, 3)]) {
      expect(handlerExitIn(message)).toBeUndefined()
    }
  })
})

describe('the manager', () => {
  async function endOf(address: Address<never>, act: () => unknown): Promise<unknown> {
    using mailbox = stage.node.mailbox<Down>()
    const ref = mailbox.monitor(address)
    await act()
    return (await mailbox.receive({ type: 'DOWN', ref })).reason
  }

  test.each([
    ['is stopped', () => manager.stop(), normal],
    ['is stopped with a reason', () => manager.stop('enough'), 'enough'],
    ['is told to stop by OTP’s own request', async () => expect(await raw(atom('stop'))).toBe(ok), normal],
    ['is ended by a system message', () => sys.terminate(stage.node, manager.address, 'told'), 'told'],
  ] as const)('%s after the terminate of its handlers', async (_, act, reason) => {
    await manager.addHandler(keeper, 'a')
    expect(await endOf(manager.address, act)).toBe(reason)
    expect(told).toEqual([tuple('a', 'terminates', atom('stop'))])
  })

  test('ends with its parent, in order; the exit of anybody else is a message to its handlers', async () => {
    const [parent, stranger] = [await stage.puppet({ trapExit: true }), await stage.puppet({ trapExit: true })]
    const linked = await parent.self.start(events)
    await linked.addHandler(keeper, 'a')
    stranger.self.link(linked.address)
    stranger.throw('gone')
    await stage.settle()
    expect(await linked.handler(keeper).call.heard()).toMatchObject([{ type: 'EXIT', reason: 'gone' }])
    expect(await endOf(linked.address, () => parent.throw('over'))).toBe('over')
    expect(told).toEqual([tuple('a', 'terminates', atom('stop'))])
  })

  test('starts under a name, alone or linked, and not twice under one', async () => {
    expect(stage.node.whereis('events')).toBe(manager.address)
    expect(await failure(stage.node.start({ name: 'events' }, events))).toMatchObject({
      reason: tuple(atom('already_started'), manager.address),
    })
  })

  test('takes no handlers that are none, and none twice', () => {
    expect(() => genEvent({ handlers: ['keeper' as never] })).toThrow(/eventHandler/)
    expect(() => genEvent({ handlers: [keeper, keeper] })).toThrow(/two handlers are called keeper/)
    expect(() => manager.handler([3 as never, 1])).toThrow(/a handler is eventHandler/)
    return expect(manager.deleteHandler(3 as never)).rejects.toMatchObject({ code: 'ERR_REIGN_ARGUMENT' })
  })

  test('gives and replaces the states of its handlers, each by itself', async () => {
    await manager.addHandler(keeper, 'a')
    await manager.addHandler([other, 1], 'b')
    const states = await sys.getState(stage.node, 'events')
    expect(states).toMatchObject([
      [atom('other'), 1, { label: 'b' }],
      [atom('keeper'), false, { label: 'a' }],
    ])
    await sys.replaceState<unknown>(stage.node, 'events', (state) => {
      const [module, id, { label }] = state as [symbol, unknown, { label: string }]
      if (label === 'b') throw bang
      return tuple(module, id, { label: `${label}!`, heard: ['replaced'] })
    })
    expect(await sys.getState(stage.node, 'events')).toMatchObject([{ 2: { label: 'b' } }, { 2: { label: 'a!' } }])
    expect(await heard()).toEqual(['replaced'])
    await sys.replaceState<unknown>(stage.node, 'events', () => 'nonsense')
    expect(await heard()).toEqual(['replaced'])
  })

  test('shows its handlers in its status, their states as they are to be shown', async () => {
    const shy = eventHandler({
      module: 'shy',
      init: () => 'secret',
      handleEvent: () => {},
      formatStatus: () => 'hidden',
    })
    await manager.addHandler(shy)
    const { misc, module } = await sys.getStatus(stage.node, 'events')
    expect(module).toBe(atom('gen_event'))
    const [items, [, handlers]] = (misc as unknown[])[2] as [symbol, [unknown, unknown]]
    expect(items).toBe(atom('items'))
    expect(handlers).toEqual([tuple(atom('handler'), atom('shy'), false, 'hidden', false)])
  })

  test('tells by sys what comes to it, and takes nothing while it is suspended', async () => {
    await manager.addHandler(keeper, 'a')
    await sys.statistics(stage.node, 'events', true)
    await sys.log(stage.node, 'events', 3)
    manager.notify('one')
    await manager.syncNotify('two')
    expect(await sys.statistics(stage.node, 'events', 'get')).toEqual({ messagesIn: 2, messagesOut: 0 })
    expect(await sys.log(stage.node, 'events', 'get')).toMatchObject([
      [atom('in'), tuple(atom('notify'), 'one')],
      [atom('in'), { 2: tuple(atom('sync_notify'), 'two') }],
    ])
    await sys.suspend(stage.node, 'events')
    manager.notify('three')
    await stage.settle()
    expect(told).toHaveLength(2)
    await sys.resume(stage.node, 'events')
    await manager.syncNotify('four')
    expect(told).toHaveLength(4)
  })
})
