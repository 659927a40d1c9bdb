/** State machines: order of events, postponing, time-outs, enter calls, ends. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Action,
  begin,
  cancelTimeout,
  eventTimeout,
  genStatem,
  ignore,
  insertEvent,
  keepState,
  namedTimeout,
  nextState,
  postpone,
  protocol,
  repeatState,
  reply,
  replyTo,
  type StatemEvent,
  startIn,
  stateTimeout,
  stopMachine,
  sys,
  type Transition,
  updateTimeout,
} from '../../src/behaviour/index.js'
import { type Address, atom, CallError, type Caller, sameTerm, tuple } from '../../src/index.js'
import { Stage } from '../process/puppet.js'

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.node.stop())

const failure = (promise: Promise<unknown>): Promise<{ code: string; reason: unknown }> =>
  promise.then(
    () => expect.unreachable('it has not failed'),
    (error) => error,
  )

type Told = (
  this: { state: unknown },
  event: StatemEvent,
  state: unknown,
) => Transition<unknown> | undefined | Promise<Transition<unknown> | undefined>

/** A machine in the state `a`, that does what the test says, and keeps what it is told. */
const machine = (
  told: Told,
  more: { enterCalls?: boolean; first?: Action[]; terminate?: (reason: unknown) => unknown } = {},
) => {
  const seen: string[] = []
  const show = (event: StatemEvent, state: unknown) => {
    if (event.type === 'enter') return `${state}: enter from ${event.from}`
    const content = typeof event.content === 'symbol' ? event.content.description : event.content
    return `${state}: ${event.type}${event.type === 'timeout' ? ` ${event.name}` : ''}${content === undefined ? '' : ` ${content}`}`
  }
  const made = genStatem({
    init: () => startIn('a' as unknown, { n: 0 }, ...(more.first ?? [])),
    enterCalls: more.enterCalls ?? false,
    handleEvent(event, state) {
      seen.push(show(event, state))
      return told.call(this, event, state)
    },
    ...(more.terminate && { terminate: (reason: unknown) => more.terminate?.(reason) }),
  })
  return { made, seen }
}

const start = async (given: ReturnType<typeof machine>): Promise<Address<unknown>> =>
  (await stage.node.start(given.made)).address
const content = (event: StatemEvent): unknown => (event.type === 'enter' ? undefined : event.content)

describe('a door with a code', () => {
  type Door = { calls: { state: () => string }; casts: { button: (digit: number) => void } }
  const door = genStatem({
    module: 'door',
    protocol: protocol<Door>(),
    init: (code: readonly number[]) => startIn('locked', { code, typed: [] as number[] }),
    states: {
      locked(event, data) {
        if (event.type === 'call') return keepState(replyTo(event.from, this.state))
        if (event.type !== 'cast') return undefined
        data.typed = [...data.typed, (event.content as [symbol, number])[1]].slice(-data.code.length)
        return sameTerm(data.typed, data.code) ? nextState('open', stateTimeout(10_000)) : undefined
      },
      open(event, data) {
        if (event.type === 'stateTimeout') {
          data.typed = []
          return nextState('locked')
        }
        if (event.type === 'call') return keepState(replyTo(event.from, this.state))
        return keepState(postpone)
      },
    },
  })

  test('opens, locks itself again, and heeds then what came too early', async () => {
    const server = await stage.node.start({ name: 'door' }, door, [1, 2])
    for (const digit of [3, 1, 2]) server.cast.button(digit)
    expect(await server.call.state()).toBe('open')
    for (const digit of [1, 2]) server.cast.button(digit)
    await stage.clock.run(9_999)
    expect(await server.call.state()).toBe('open')
    await stage.clock.run(1)
    // What was typed while it was open opens it again.
    expect(await server.call.state()).toBe('open')
    await stage.clock.run(10_000)
    expect(await server.call.state()).toBe('locked')
    await server.stop()
    expect(stage.node.whereis('door')).toBeUndefined()
  })
})

describe('events', () => {
  test('are told with their types', async () => {
    const m = machine((event) => (event.type === 'call' ? keepState(replyTo(event.from, 'answer')) : undefined))
    const address = await start(m)
    address.send('hello')
    address.send(tuple(atom('$gen_cast'), atom('cast')))
    expect(await stage.node.call(address, atom('call'))).toBe('answer')
    expect(m.seen).toEqual(['a: info hello', 'a: cast cast', 'a: call call'])
  })

  test('that are inserted come first, in their order, before what is queued', async () => {
    const m = machine((event) =>
      content(event) === 'go' ? keepState(insertEvent('x'), insertEvent('y', 'cast')) : undefined,
    )
    const address = await start(m)
    address.send('go')
    address.send('later')
    await stage.settle()
    expect(m.seen).toEqual(['a: info go', 'a: internal x', 'a: cast y', 'a: info later'])
  })

  test('that are postponed come again, in order, when the state has changed, after inserted ones', async () => {
    const m = machine((event, state) => {
      if (content(event) === 'open') return nextState('b', insertEvent('first'))
      return state === 'a' ? keepState(postpone) : undefined
    })
    const address = await start(m)
    for (const each of ['1', '2', 'open', '3']) address.send(each)
    await stage.settle()
    expect(m.seen.slice(2)).toEqual(['a: info open', 'b: internal first', 'b: info 1', 'b: info 2', 'b: info 3'])
  })

  test('that are postponed do not come again when the state is the same', async () => {
    const m = machine((event) =>
      content(event) === 'stay' ? nextState('a') : content(event) === 'repeat' ? repeatState() : keepState(postpone),
    )
    const address = await start(m)
    for (const each of ['1', 'stay', 'repeat']) address.send(each)
    await stage.settle()
    expect(m.seen).toEqual(['a: info 1', 'a: info stay', 'a: info repeat'])
  })

  test('states are terms: another tuple of the same content is the same state', async () => {
    const m = machine((event) => (content(event) === 'p' ? keepState(postpone) : nextState(tuple('x', 1))))
    const address = await start(m)
    address.send('go')
    address.send('p')
    address.send('go')
    await stage.settle()
    expect(m.seen).toHaveLength(3)
  })

  test('wait for each other when a state takes its time', async () => {
    let go: (() => void) | undefined
    const m = machine((event) =>
      content(event) === 'slow'
        ? new Promise((resolve) => {
            go = () => resolve(nextState('b'))
          })
        : undefined,
    )
    const address = await start(m)
    address.send('slow')
    address.send('next')
    await stage.settle()
    expect(m.seen).toEqual(['a: info slow'])
    go?.()
    await stage.settle()
    expect(m.seen).toEqual(['a: info slow', 'b: info next'])
  })

  test('a call can be answered in a later state', async () => {
    let from: Caller | undefined
    const m = machine((event) => {
      if (event.type === 'call') {
        from = event.from
        return nextState('b')
      }
      return keepState(replyTo(from as Caller, content(event)))
    })
    const address = await start(m)
    const called = stage.node.call(address, 'question')
    await stage.settle()
    address.send('answer')
    expect(await called).toBe('answer')
  })
})

describe('time-outs', () => {
  const settings: Record<string, Action[]> = {
    state: [stateTimeout(100, 's')],
    event: [eventTimeout(100, 'e')],
    named: [namedTimeout('t', 100, 'n')],
    zero: [stateTimeout(0, 's'), namedTimeout('t', 0, 'n'), insertEvent('i')],
    cancel: [cancelTimeout('state'), cancelTimeout('event'), cancelTimeout('named', 't')],
    update: [updateTimeout('state', 'changed')],
    never: [namedTimeout('t', Number.POSITIVE_INFINITY)],
    other: [namedTimeout(tuple('t', 1), 50, 'one'), namedTimeout(tuple('t', 2), 100, 'two')],
    again: [namedTimeout(tuple('t', 1), 100, 'anew')],
  }
  const open = async () => {
    const m = machine((event) => {
      const what = content(event)
      if (what === 'b') return nextState('b')
      return typeof what === 'string' && settings[what] ? keepState(...settings[what]) : undefined
    })
    const address = await start(m)
    const send = async (what: string) => {
      address.send(what)
      await stage.settle()
      m.seen.splice(0)
    }
    const passes = async (ms: number) => {
      await stage.clock.run(ms)
      return m.seen.splice(0)
    }
    return { m, address, send, passes }
  }

  test('of the state comes in its time, and is taken back when the state changes', async () => {
    const { send, passes } = await open()
    await send('state')
    expect([await passes(99), await passes(1)]).toEqual([[], ['a: stateTimeout s']])
    await send('state')
    await send('b')
    expect(await passes(1_000)).toEqual([])
  })

  test('of the state goes on when the state stays', async () => {
    const { send, passes } = await open()
    await send('state')
    await send('hello')
    expect(await passes(100)).toEqual(['a: stateTimeout s'])
  })

  test('of the event is taken back by any event', async () => {
    const { send, passes } = await open()
    await send('event')
    expect(await passes(100)).toEqual(['a: eventTimeout e'])
    await send('event')
    await send('hello')
    expect(await passes(1_000)).toEqual([])
  })

  test('of a name comes whatever happens', async () => {
    const { send, passes } = await open()
    await send('named')
    await send('b')
    await send('hello')
    expect(await passes(100)).toEqual(['b: timeout t n'])
  })

  test('of one name is one, of two names two; names are terms', async () => {
    const { m, send, passes } = await open()
    await send('other')
    await send('again')
    expect(await passes(50)).toEqual([])
    await passes(50)
    expect(m.seen).toEqual([])
  })

  test('are taken back', async () => {
    const { send, passes } = await open()
    for (const what of ['state', 'named', 'cancel']) await send(what)
    expect(await passes(1_000)).toEqual([])
    await send('never')
    expect(await passes(1_000_000)).toEqual([])
  })

  test('are updated: what they bring, not when; one that does not run is due at once', async () => {
    const { m, address, send, passes } = await open()
    await send('state')
    await passes(60)
    await send('update')
    expect([await passes(39), await passes(1)]).toEqual([[], ['a: stateTimeout changed']])
    address.send('update')
    await stage.settle()
    expect(m.seen).toEqual(['a: info update', 'a: stateTimeout changed'])
  })

  test('of no time come after what is inserted, and before what is in the mailbox', async () => {
    const { m, address } = await open()
    address.send('zero')
    address.send('mail')
    await stage.settle()
    expect(m.seen).toEqual(['a: info zero', 'a: internal i', 'a: stateTimeout s', 'a: timeout t n', 'a: info mail'])
  })

  test('that were taken back while their message was on its way are nothing', async () => {
    const m = machine((event) =>
      content(event) === 'wait'
        ? nextState('b')
        : content(event) === 'set'
          ? keepState(stateTimeout(10, 's'))
          : undefined,
    )
    const address = await start(m)
    address.send('set')
    await stage.settle()
    // The state changes by a message that is queued before the time-out.
    await sys.suspend(stage.node, address)
    address.send('wait')
    await stage.clock.run(10)
    await sys.resume(stage.node, address)
    await stage.settle()
    expect(m.seen).toEqual(['a: info set', 'a: info wait'])
  })

  test('of a time that is none are refused', () => {
    expect(() => stateTimeout(Number.NaN)).toThrowError(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
    expect(() => namedTimeout('t', -1)).toThrowError(expect.objectContaining({ code: 'ERR_REIGN_ARGUMENT' }))
  })

  test('leave nothing behind when the machine ends', async () => {
    const { address, send } = await open()
    for (const what of ['state', 'named', 'other']) await send(what)
    stage.node.exit(address, atom('shutdown'))
    await stage.settle()
    expect(stage.node.isAlive(address)).toBe(false)
    await stage.clock.run(1_000)
    expect(stage.clock.holdsProgram).toBe(false)
  })
})

describe('enter calls', () => {
  test('come first in each state, also the first, and again where the state is repeated', async () => {
    const m = machine(
      (event) =>
        content(event) === 'go'
          ? nextState('b')
          : content(event) === 'again'
            ? repeatState()
            : content(event) === 'same'
              ? nextState('b')
              : undefined,
      { enterCalls: true },
    )
    const address = await start(m)
    for (const each of ['go', 'same', 'again']) address.send(each)
    await stage.settle()
    expect(m.seen).toEqual([
      'a: enter from a',
      'a: info go',
      'b: enter from a',
      'b: info same',
      'b: info again',
      'b: enter from b',
    ])
  })

  test('come before postponed events, and may set time-outs and reply', async () => {
    const m = machine(
      (event, state) => {
        if (event.type === 'enter') return state === 'b' ? keepState(stateTimeout(5, 'late')) : undefined
        if (content(event) === 'go') return nextState('b')
        return state === 'a' ? keepState(postpone) : undefined
      },
      { enterCalls: true },
    )
    const address = await start(m)
    for (const each of ['early', 'go']) address.send(each)
    await stage.settle()
    await stage.clock.run(5)
    expect(m.seen.slice(3)).toEqual(['b: enter from a', 'b: info early', 'b: stateTimeout late'])
  })

  test.each([
    ['go elsewhere', nextState('c')],
    ['postpone', keepState(postpone)],
    ['insert events', keepState(insertEvent('x'))],
  ])('cannot %s', async (_, returned) => {
    const m = machine(
      (event, state) => (event.type === 'enter' ? (state === 'b' ? returned : undefined) : nextState('b')),
      { enterCalls: true },
    )
    const address = await start(m)
    const watcher = await stage.puppet()
    watcher.self.monitor(address)
    address.send('go')
    await stage.settle()
    expect(stage.inbox(watcher)).toMatchObject([
      { reason: [atom('bad_return_from_state_function'), expect.anything()] },
    ])
  })
})

describe('the start', () => {
  test('does the first actions: events before any message, time-outs', async () => {
    const m = machine(() => undefined, { first: [insertEvent('one'), insertEvent('two'), stateTimeout(0, 'now')] })
    await start(m)
    await stage.settle()
    expect(m.seen).toEqual(['a: internal one', 'a: internal two', 'a: stateTimeout now'])
  })

  test('can be ignored, stopped, and fail', async () => {
    const init = (what: () => unknown) =>
      stage.node.start(genStatem({ init: what as never, handleEvent: () => undefined }))
    expect(await init(() => ignore)).toBeUndefined()
    expect((await failure(init(() => stopMachine('no')))).reason).toBe('no')
    expect((await failure(init(() => Promise.reject('broken')))).reason).toBe('broken')
    expect((await failure(init(() => 5))).reason).toEqual(tuple(atom('bad_return_from_init'), 5))
  })
})

describe('the end', () => {
  test('stop replies first, then ends with the reason, after terminate', async () => {
    const ends: unknown[] = []
    const m = machine(
      (event) => (event.type === 'call' ? stopMachine(atom('shutdown'), replyTo(event.from, 'bye')) : undefined),
      {
        terminate: (reason) => ends.push(reason),
      },
    )
    const address = await start(m)
    expect(await stage.node.call(address, 'stop')).toBe('bye')
    await stage.settle()
    expect([ends, stage.node.isAlive(address)]).toEqual([[atom('shutdown')], false])
  })

  test('a throw ends it, and its callers are told why', async () => {
    const m = machine((event) => {
      if (event.type === 'call') throw new TypeError('broken')
      return undefined
    })
    const address = await start(m)
    const error = (await stage.node.call(address, 'x').catch((caught) => caught)) as CallError
    expect(error).toBeInstanceOf(CallError)
    expect(String(error.reason)).toBe('TypeError: broken')
  })

  test('returning nonsense ends it', async () => {
    const m = machine(() => 'nonsense' as never)
    const address = await start(m)
    expect((await failure(stage.node.call(address, 'x'))).reason).toEqual(
      tuple(atom('bad_return_from_state_function'), 'nonsense'),
    )
  })

  test.each([
    ['no transition', reply('x'), 'bad_return_from_state_function', 'reply(…)'],
    ['no action', keepState(5 as never), 'bad_action_from_state_function', 5],
    ['an action of nothing', keepState(undefined as never), 'bad_action_from_state_function', undefined],
    ['an action of no kind', keepState({ do: 'dance' } as never), 'bad_action_from_state_function', { do: 'dance' }],
    [
      'an event of no kind',
      keepState(insertEvent('x', 'shout' as never)),
      'bad_action_from_state_function',
      expect.objectContaining({ type: 'shout' }),
    ],
    [
      'a reply to nobody',
      keepState(replyTo(undefined as never, 'x')),
      'bad_reply_action_from_state_function',
      expect.objectContaining({ do: 'reply' }),
    ],
  ])('returning %s ends it, right there', async (_, what, reason, told) => {
    const m = machine(() => what as never)
    const address = await start(m)
    expect((await failure(stage.node.call(address, 'x'))).reason).toEqual([atom(reason), told])
  })

  test('an init that returns what it cannot is a failed start, in words', async () => {
    const wrong = genStatem({ init: () => begin('a') as never, handleEvent: () => undefined })
    expect((await failure(stage.node.start(wrong))).reason).toEqual(tuple(atom('bad_return_from_init'), 'begin(…)'))
  })

  test('going to a state that is not there ends it at the next event', async () => {
    const lost = genStatem({
      module: 'lost',
      init: () => startIn('here' as string, {}),
      states: { here: () => nextState('constructor') } as never,
    })
    const { address } = await stage.node.start(lost)
    address.send('go')
    const { reason } = await failure(stage.node.call(address, 'x'))
    expect(sameTerm(reason, tuple(atom('undef'), [tuple(atom('lost'), atom('constructor'), 3, [])]))).toBe(true)
  })

  test('a call of the machine to itself fails', async () => {
    let error: unknown
    const m = machine(async function (this: unknown, event) {
      if (event.type !== 'call') return undefined
      error = await (
        this as { self: { call: (to: unknown, what: unknown) => Promise<unknown>; address: unknown } }
      ).self
        .call((this as { self: { address: unknown } }).self.address, 'me')
        .catch((caught) => caught)
      return keepState(replyTo(event.from, 'done'))
    })
    const address = await start(m)
    expect(await stage.node.call(address, 'x')).toBe('done')
    expect(error).toMatchObject({ code: 'ERR_REIGN_CALL', reason: atom('calling_self') })
  })
})

describe('sys', () => {
  test('gives and takes states that have functions of their own as atoms, as Erlang does', async () => {
    const seen: unknown[] = []
    const door = genStatem({
      init: () => startIn('shut', 0),
      states: {
        shut: (event) => (event.type === 'call' ? nextState('open', replyTo(event.from, 'ok')) : undefined),
        open(event) {
          seen.push(this.state)
          return event.type === 'call' ? keepState(replyTo(event.from, this.state)) : undefined
        },
      },
    })
    const { address } = await stage.node.start(door)
    await sys.log(stage.node, address, 10)
    expect(await sys.getState(stage.node, address)).toEqual(tuple(atom('shut'), 0))
    expect(await stage.node.call(address, 'x')).toBe('ok')
    expect(await sys.getState(stage.node, address)).toEqual(tuple(atom('open'), 0))
    const events = (await sys.log(stage.node, address, 'get')) as readonly unknown[][]
    expect(events.find(([what]) => what === atom('consume'))?.slice(2)).toEqual([atom('shut'), atom('open')])
    for (const state of [atom('shut'), 'shut']) {
      await sys.replaceState(stage.node, address, () => tuple(state, 1))
      expect(await sys.getState(stage.node, address)).toEqual(tuple(atom('shut'), 1))
      expect(await stage.node.call(address, 'x')).toBe('ok')
      expect(await stage.node.call(address, 'x')).toBe('open')
    }
    expect(seen).toEqual(['open', 'open'])
  })

  test('gives and replaces the state and data, and shows them as the machine wants', async () => {
    const shown = genStatem({
      init: () => startIn('a' as string, { secret: 1 }),
      handleEvent: (event, state) => (event.type === 'call' ? keepState(replyTo(event.from, state)) : undefined),
      formatStatus: (state) => tuple(state, 'hidden'),
    })
    const { address } = await stage.node.start(shown)
    expect(await sys.getState(stage.node, address)).toEqual(tuple('a', { secret: 1 }))
    await sys.replaceState(stage.node, address, () => tuple('b', { secret: 2 }))
    expect(await stage.node.call(address, 'x')).toBe('b')
    expect(JSON.stringify(await sys.getStatus(stage.node, address).then(({ misc }) => misc))).toContain('hidden')
  })
})
