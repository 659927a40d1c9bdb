/** Servers that are told what they accept. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { checked, checkedInfo, checkedRequest, genServer, sys } from '../../src/behaviour/index.js'
import {
  type Address,
  atom,
  type DeadLetter,
  type Down,
  type Process,
  RefusedError,
  type Schema,
  tuple,
} from '../../src/index.js'
import { Stage } from '../process/puppet.js'

let stage: Stage
let letters: DeadLetter[]
beforeEach(async () => {
  letters = []
  stage = await Stage.open()
  stage.node.deadLetters.subscribe((letter) => letters.push(letter))
})
afterEach(() => stage.node.stop())

const count = z.tuple([z.string().regex(/^\d+$/).transform(Number)])
const shop = genServer({
  init: () => ({ sold: 0, seen: [] as unknown[] }),
  calls: {
    sell: checked(count, (state, by) => (state.sold += by)),
    sold: (state) => state.sold,
    none: checked(z.tuple([]), () => 'none'),
    pair: checked(z.tuple([z.string(), z.number().default(7)]), (_, name, times) => `${name}${times}`),
    slow: checked(count, async function (state, by) {
      await null
      return [this.from !== undefined, state.sold + by]
    }),
  },
  casts: {
    sell: checked(count, (state, by) => {
      state.sold += by
    }),
  },
  handleCall: checkedRequest(z.object({ ask: z.string() }), (_, { ask }, from) => [ask, from[0] !== undefined]),
  handleCast: checkedRequest(z.object({ tell: z.string() }), (state, { tell }) => void state.seen.push(tell)),
  handleInfo: checkedInfo(z.object({ info: z.string() }), (state, message) => {
    state.seen.push(typeof message === 'object' && 'info' in message ? message.info : message)
  }),
})

const start = () => stage.node.start({ name: 'shop' }, shop)
const seen = async (address: Address<never>) => ((await sys.getState(stage.node, address)) as { seen: unknown[] }).seen
const refusal = (call: Promise<unknown>): Promise<RefusedError> =>
  call.then(
    (value) => expect.unreachable(`it gave ${String(value)}`),
    (error) => error,
  )

describe('a handler', () => {
  test('gets what the schema makes of the arguments', async () => {
    const { call, cast } = await start()
    expect(await call.sell('3')).toBe(3)
    cast.sell('4')
    expect(await call.sold()).toBe(7)
    expect([await call.none(), await call.pair('x'), await call.slow('3')]).toEqual(['none', 'x7', [true, 10]])
    expect(await stage.node.call('shop', tuple(atom('none')))).toBe('none')
  })

  test('never sees a request that does not fit: its caller gets a RefusedError, and the server goes on', async () => {
    const { call, cast, address } = await start()
    const error = await refusal(call.sell('many'))
    expect(error).toBeInstanceOf(RefusedError)
    expect(error).toMatchObject({ code: 'ERR_REIGN_REFUSED', issues: [{ path: [0], message: expect.any(String) }] })
    expect(error.message).toMatch(/^the call to pid:.* was refused: 0: /)
    for (const request of [
      atom('sell'),
      tuple(atom('sell'), '1', '2'),
      tuple(atom('sell'), 1),
      tuple(atom('none'), 1),
    ]) {
      expect((await refusal(stage.node.call('shop', request))).code).toBe('ERR_REIGN_REFUSED')
    }
    cast.sell('many')
    expect(await call.sold()).toBe(0)
    expect(stage.node.deadLetters.counts.refused).toBe(6)
    expect(letters.map(({ from, to }) => [from, to])).toEqual([
      ...new Array(5).fill([stage.node.system.self, address]),
      [undefined, address],
    ])
  })

  test('that has no schema gets what comes, and no other schema is asked', async () => {
    const { address } = await start()
    expect(await stage.node.call(address, tuple(atom('sold'), 'what', 'ever'))).toBe(0)
  })

  test('for all other requests and messages has its schema too', async () => {
    const { address } = await start()
    expect(await stage.node.call(address, { ask: 'why' })).toEqual(['why', true])
    expect((await refusal(stage.node.call(address, 'why'))).code).toBe('ERR_REIGN_REFUSED')
    const send = (message: unknown) => (address as Address<unknown>).send(message)
    for (const [good, bad] of [
      [tuple(atom('$gen_cast'), { tell: 'cast' }), tuple(atom('$gen_cast'), 'cast')],
      [{ info: 'info' }, { info: 3 }],
    ]) {
      send(bad)
      send(good)
    }
    expect(await seen(address)).toEqual(['cast', 'info'])
    expect(stage.node.deadLetters.counts.refused).toBe(3)
  })

  test('for messages gets what the runtime tells the server, whatever its schema', async () => {
    const notices: unknown[] = []
    const watcher = genServer({
      trapExit: true,
      init() {
        this.self.monitor(this.self.spawnLink(() => {}))
      },
      calls: { idle: () => 'idle' },
      handleInfo: checkedInfo(z.never(), (_, message) => void notices.push(message)),
    })
    const { call } = await stage.node.start(watcher)
    await call.idle()
    expect(notices).toEqual([
      { type: 'EXIT', from: expect.anything(), reason: atom('normal') },
      { type: 'DOWN', address: expect.anything(), ref: expect.anything(), reason: atom('normal') },
    ])
  })
})

describe('the entrance of a server', () => {
  test('is shut from its birth: what comes before init is done is looked at as well', async () => {
    let open: (() => void) | undefined
    const slow = genServer({
      init: () => new Promise<number[]>((resolve) => (open = () => resolve([]))),
      calls: { put: checked(z.tuple([z.number()]), (state, n) => state.push(n)) },
    })
    const started = stage.node.start({ name: 'slow' }, slow)
    const early = [1, 'two', 3].map((n) => stage.node.call('slow', tuple(atom('put'), n)).catch((error) => error.code))
    await stage.settle()
    open?.()
    await started
    expect(await Promise.all(early)).toEqual([1, 'ERR_REIGN_REFUSED', 2])
  })

  test('lets system messages in, and is there while the server is suspended', async () => {
    const server = await start()
    const { call, address } = server
    await sys.suspend(stage.node, address)
    const waiting = call.sell('1')
    expect((await refusal(call.sell('x'))).code).toBe('ERR_REIGN_REFUSED')
    await sys.resume(stage.node, address)
    expect(await waiting).toBe(1)
    await server.stop()
  })

  test('is made when a process becomes a server, for what has come before too', async () => {
    const address = stage.node.spawn(async (self: Process<never>) => {
      await self.receive(() => true)
      return shop.enterLoop(self, { sold: 5, seen: [] })
    })
    await stage.settle()
    ;(address as Address<unknown>).send('become')
    const [bad, good] = [
      refusal(stage.node.call(address, tuple(atom('sell'), 1))),
      stage.node.call(address, atom('sold')),
    ]
    expect([(await bad).code, await good]).toEqual(['ERR_REIGN_REFUSED', 5])
  })

  test('does not change what the sender has kept', async () => {
    await start()
    const request = tuple(atom('sell'), '3')
    await stage.node.call('shop', request)
    expect(request).toEqual(tuple(atom('sell'), '3'))
  })

  test.each([null, {}, () => {}])('takes no schema that is none: %s', (schema) => {
    const none = schema as unknown as Schema<[], []>
    const fault = expect.objectContaining({ code: 'ERR_REIGN_SCHEMA' })
    expect(() => checked(none, () => {})).toThrow(fault)
    expect(() => checkedRequest(none, () => {})).toThrow(fault)
    expect(() => checkedInfo(none, () => {})).toThrow(fault)
  })

  test('ends a server whose schema makes no list of its arguments', async () => {
    const wrong = z.tuple([z.number()]).transform(([n]) => n) as unknown as Schema<[number], [number]>
    const odd = genServer({ init: () => 0, calls: { odd: checked(wrong, (_, n) => n) } })
    using mailbox = stage.node.mailbox<Down>()
    const { call, address } = await stage.node.start(odd)
    mailbox.monitor(address)
    expect(await call.odd(3).catch((error) => error.code)).toBe('ERR_REIGN_CALL')
    expect(await mailbox.receive()).toMatchObject({ reason: { code: 'ERR_REIGN_SCHEMA' } })
  })
})

test('of several servers, one that refuses is one without an answer', async () => {
  await start()
  const { replies, badNodes } = await stage.node.servers<typeof shop>('shop', [stage.node.name]).call.sell('x')
  expect([replies.size, badNodes]).toEqual([0, [stage.node.name]])
})
