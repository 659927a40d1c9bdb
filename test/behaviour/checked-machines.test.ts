/** State machines and event managers that are told what they accept. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  checked,
  checkedInfo,
  checkedRequest,
  type EventManager,
  eventHandler,
  genEvent,
  genStatem,
  insertEvent,
  keepState,
  nextState,
  postpone,
  replyTo,
  startIn,
  stateTimeout,
  sys,
} from '../../src/behaviour/index.js'
import { type Address, atom, type DeadLetter, RefusedError, type Schema, tuple } from '../../src/index.js'
import { KeptLog } from '../cluster/cluster-kit.js'
import { Stage } from '../process/puppet.js'

let stage: Stage
let log: KeptLog
let letters: DeadLetter[]
beforeEach(async () => {
  letters = []
  log = new KeptLog()
  stage = await Stage.open({ logger: log })
  stage.node.deadLetters.subscribe((letter) => letters.push(letter))
})
afterEach(() => stage.node.stop())

const number = z.tuple([z.string().regex(/^\d+$/).transform(Number)])
const failure = (promise: Promise<unknown>): Promise<RefusedError> =>
  promise.then(
    (value) => expect.unreachable(`it gave ${String(value)}`),
    (error) => error,
  )
const send = (to: Address<never>, message: unknown) => (to as Address<unknown>).send(message)

describe('a state machine', () => {
  let seen: unknown[]
  beforeEach(() => {
    seen = []
  })
  const lock = genStatem({
    accepts: {
      calls: { turn: number, state: z.tuple([]) },
      casts: { push: number },
      info: z.object({ knock: z.string() }),
    },
    init: () => startIn('shut', { code: 12 }),
    states: {
      shut(event, data) {
        if (event.type === 'call' && event.name === 'turn') {
          if (event.args[0] !== data.code) return keepState(replyTo(event.from, false))
          return nextState('open', replyTo(event.from, true), insertEvent('odd', 'cast'))
        }
        if (event.type === 'call') return keepState(replyTo(event.from, this.state))
        return keepState(postpone)
      },
      open(event) {
        if (event.type === 'call') return keepState(replyTo(event.from, event.name))
        if (event.type === 'cast') seen.push([event.name, ...event.args])
        if (event.type === 'info') seen.push(event.content)
        if (event.type === 'stateTimeout') seen.push('time')
        return event.type === 'info' ? keepState(stateTimeout(0)) : undefined
      },
    },
  })

  test('is told of what fits, as its schemas make it, also when it is postponed', async () => {
    const { call, cast, address } = await stage.node.start(lock)
    cast.push('3')
    send(address, { knock: 'knock' })
    expect([await call.turn('11'), await call.turn('12'), await call.state()]).toEqual([false, true, 'state'])
    await stage.settle()
    // What it inserts itself is not looked at, nor is what the runtime tells it.
    expect(seen).toEqual([[undefined], ['push', 3], { knock: 'knock' }, 'time'])
    expect(letters).toEqual([])
  })

  test('never sees what does not fit: it is counted and told with its sender, and a caller gets a RefusedError', async () => {
    const { call, cast, address } = await stage.node.start(lock)
    const error = await failure(call.turn('many'))
    expect(error).toBeInstanceOf(RefusedError)
    expect(error).toMatchObject({ code: 'ERR_REIGN_REFUSED', issues: [{ path: [0] }] })
    for (const request of [
      'turn',
      tuple(atom('turn')),
      tuple(atom('state'), 1),
      atom('push'),
      tuple(atom('drop'), 1),
    ]) {
      expect((await failure(stage.node.call(address, request))).code).toBe('ERR_REIGN_REFUSED')
    }
    cast.push('many')
    send(address, 'knock')
    expect(await call.state()).toBe('shut')
    expect(stage.node.deadLetters.counts.refused).toBe(8)
    expect(letters.slice(0, 6).map(({ from }) => from)).toEqual(new Array(6).fill(stage.node.system.self))
    expect(
      letters.every(({ cause, to, issues }) => cause === 'refused' && to === address && issues !== undefined),
    ).toBe(true)
    expect(log.lines).toMatchObject([{ level: 'warn', message: 'refused a message that does not fit' }])
  })

  test('may have one schema for all its requests, and for one kind of them alone', async () => {
    const any = genStatem({
      accepts: { calls: z.object({ ask: z.string() }) },
      init: () => startIn(0, 'data'),
      handleEvent: (event) => (event.type === 'call' ? keepState(replyTo(event.from, event.content.ask)) : undefined),
    })
    const { address } = await stage.node.start(any)
    expect(await stage.node.call(address, { ask: 'why' })).toBe('why')
    expect((await failure(stage.node.call(address, atom('ask')))).issues).toMatchObject([{ path: [] }])
    send(address, 'anything')
    send(address, tuple(atom('$gen_cast'), 'anything'))
    expect(letters).toHaveLength(1)
  })

  test('is looked into, suspended and stopped as any', async () => {
    const server = await stage.node.start(lock)
    expect(await sys.getState(stage.node, server.address)).toEqual(tuple(atom('shut'), { code: 12 }))
    await server.stop()
    expect(letters).toEqual([])
  })

  test('takes no schema that is none', () => {
    const none = {} as unknown as Schema
    const fault = expect.objectContaining({ code: 'ERR_REIGN_SCHEMA' })
    for (const accepts of [{ info: none }, { calls: { a: none as never } }, { casts: { a: none as never } }]) {
      expect(() => genStatem({ accepts, init: () => startIn(0, 0), handleEvent: () => undefined })).toThrow(fault)
    }
  })
})

describe('an event manager', () => {
  const alarm = z.object({ level: z.string().transform(Number) })
  let heard: unknown[]
  const keeper = eventHandler({
    module: 'keeper',
    init: () => ({ sum: 0 }),
    handleEvent(state, { level }: { level: number }) {
      state.sum += level
      heard.push(level)
    },
    calls: {
      sum: (state) => state.sum,
      add: checked(number, function (state, by) {
        expect(this.state).toBe(state)
        return (state.sum += by)
      }),
      odd: checked(z.tuple([z.promise(z.number())]) as unknown as Schema<[number], [number]>, (_, n) => n),
    },
    handleCall: checkedRequest(z.object({ ask: z.string() }), (_, { ask }) => ask),
    handleInfo: checkedInfo(z.object({ info: z.string() }), (_, message) => {
      heard.push(message)
    }),
  })
  const alarms = genEvent({ accepts: alarm, handlers: [keeper] })
  let manager: EventManager<{ level: string }, { level: number }>
  beforeEach(async () => {
    heard = []
    manager = await stage.node.start({ name: 'alarms' }, alarms)
    await manager.addHandler('keeper')
  })

  test('lets its handlers hear of events as the schema makes them', async () => {
    manager.notify({ level: '3' })
    await manager.syncNotify({ level: '4' })
    expect([heard, await manager.handler(keeper).call.sum()]).toEqual([[3, 4], 7])
  })

  test('tells nobody of an event that does not fit; who waits for it gets a RefusedError', async () => {
    send(manager.address, tuple(atom('notify'), 'fire'))
    const error = await failure(manager.syncNotify({ level: 3 } as never))
    expect(error).toBeInstanceOf(RefusedError)
    expect(error).toMatchObject({ code: 'ERR_REIGN_REFUSED', issues: [{ path: ['level'] }] })
    await manager.syncNotify({ level: '4' })
    expect(heard).toEqual([4])
    expect(letters).toMatchObject([
      { cause: 'refused', to: manager.address },
      { cause: 'refused', to: manager.address, from: stage.node.system.self },
    ])
  })

  test('has handlers that say what calls they accept: others are refused, and the handler stays', async () => {
    const { call } = manager.handler(keeper)
    expect(await call.add('3')).toBe(3)
    expect(await failure(call.add('many'))).toMatchObject({ code: 'ERR_REIGN_REFUSED', issues: [{ path: [0] }] })
    expect(await manager.call(keeper, { ask: 'why' })).toBe('why')
    expect((await failure(manager.call(keeper, 'why'))).code).toBe('ERR_REIGN_REFUSED')
    expect(await manager.whichHandlers()).toEqual(['keeper'])
    expect(letters.map(({ cause, from }) => [cause, from])).toEqual(
      new Array(2).fill(['refused', stage.node.system.self]),
    )
  })

  test('has handlers that say what messages they accept, each for itself', async () => {
    const open = eventHandler({
      module: 'open',
      init: () => 0,
      handleEvent: () => {},
      handleInfo: (_, message) => void heard.push(message),
    })
    await manager.addHandler(open)
    send(manager.address, 'message')
    send(manager.address, { info: 'yes' })
    await manager.syncNotify({ level: '1' })
    expect(heard).toEqual(['message', { info: 'yes' }, { info: 'yes' }, 1])
    expect(letters).toMatchObject([{ cause: 'refused', message: 'message' }])
    const linked = stage.node.spawn(async (self) => {
      self.link(manager.address)
    })
    await stage.settle()
    expect(heard.slice(4)).toEqual(new Array(2).fill({ type: 'EXIT', from: linked, reason: atom('normal') }))
  })

  test('loses a handler whose schema decides later', async () => {
    const error = await manager.call(keeper, tuple(atom('odd'), 1)).catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'ERR_REIGN_HANDLER', reason: { code: 'ERR_REIGN_SCHEMA' } })
    expect(await manager.whichHandlers()).toEqual([])
  })

  test('takes no schema that is none', () => {
    expect(() => genEvent({ accepts: {} as unknown as Schema })).toThrow(
      expect.objectContaining({ code: 'ERR_REIGN_SCHEMA' }),
    )
  })
})
