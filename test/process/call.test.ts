import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type Address,
  atom,
  type Down,
  improperList,
  isTuple,
  type Mailbox,
  named,
  type Process,
  type Ref,
  tuple,
} from '../../src/index.js'
import { type Caller, callIn, reply } from '../../src/process/call.js'
import type { Entity } from '../../src/process/entity.js'
import { type Puppet, Stage } from './puppet.js'

const noproc = atom('noproc')

let stage: Stage
beforeEach(async () => {
  stage = await Stage.open()
})
afterEach(() => stage.node.stop())

/** A server that answers with what it is asked; `hold` it keeps to itself; of `die` it dies. */
const echo = async (self: Process) => {
  for await (const message of self) {
    const called = callIn(message)
    if (called === undefined || called.request === 'hold') continue
    if (called.request === 'die') throw new Error('as asked')
    reply(self, called.from, { echo: called.request })
  }
}

/** The callers that a silent server has not answered, oldest first. */
const callersOf = (server: Puppet): Caller[] =>
  (stage.inbox(server) ?? []).flatMap((message) => {
    const called = callIn(message)
    return called === undefined ? [] : [called.from]
  })

/** That nothing of a call is left: neither monitor, alias, timer nor listener. */
function expectNothingLeft(caller: Entity, server: Address<never>, from?: Caller): void {
  // The node itself watches over the scope of its names.
  const monitors = stage.node.processInfo(caller.self)?.monitors ?? []
  expect(monitors.filter((target) => target !== stage.node.whereis('reign'))).toEqual([])
  expect(stage.node.processInfo(server)?.monitored_by ?? []).toEqual([])
  expect(stage.clock.holdsProgram).toBe(false)
  if (from !== undefined) {
    const before = stage.node.deadLetters.counts.noalias
    stage.node.send((from[1] as { tail: Ref }).tail, 'late')
    expect(stage.node.deadLetters.counts.noalias).toBe(before + 1)
  }
}

describe('a call', () => {
  test('gives the reply', async () => {
    const server = stage.node.spawn(echo)
    expect(await stage.node.call(server, 'hello')).toEqual({ echo: 'hello' })
    expectNothingLeft(stage.node.system, server)
  })

  test('is Erlang’s gen:call: a monitor whose reference is the alias that the reply goes to', async () => {
    const server = await stage.puppet()
    const { self } = await stage.puppet()
    const answer = self.call(server.self.address, 'request')
    const [message] = stage.inbox(server) as [[symbol, Caller, unknown]]
    expect(isTuple(message)).toBe(true)
    const ref = (message[1][1] as { tail: Ref }).tail
    expect(message).toEqual(
      tuple(atom('$gen_call'), tuple(self.address, improperList([atom('alias')], ref)), 'request'),
    )
    stage.node.send(ref, tuple(message[1][1], 42))
    expect(await answer).toBe(42)
  })

  test('to a name, here or given with its node', async () => {
    stage.node.spawn({ name: 'echo' }, echo)
    const { self } = await stage.puppet()
    expect(await stage.node.call('echo', 1)).toEqual({ echo: 1 })
    expect(await self.call('echo', 2)).toEqual({ echo: 2 })
    expect(await self.call(named('echo', stage.node.name), 3)).toEqual({ echo: 3 })
  })

  test('many at once, answered in whichever order: each gets its own', async () => {
    const server = await stage.puppet()
    const calls = Promise.all([1, 2, 3].map((n) => stage.node.call(server.self.address, n)))
    for (const [i, from] of callersOf(server).reverse().entries()) reply(server.self, from, i)
    expect(await calls).toEqual([2, 1, 0])
  })

  test('passes by the mailbox of its caller: neither looks at what is queued, nor leaves anything there', async () => {
    const server = stage.node.spawn(echo)
    const { self } = await stage.puppet()
    let looks = 0
    const message = {
      get type() {
        looks++
        return 'x'
      },
    }
    for (let i = 0; i < 10_000; i++) self.address.send(message)
    expect(await self.call(server, 'hello')).toEqual({ echo: 'hello' })
    expect(looks).toBe(0)
    expect(self.length).toBe(10_000)
  })

  test('of a reply that is undefined, a tuple, or no gen reply at all', async () => {
    const server = await stage.puppet()
    const calls = Promise.all(['a', 'b', 'c'].map((n) => stage.node.call(server.self.address, n)))
    const [a, b, c] = callersOf(server) as [Caller, Caller, Caller]
    reply(server.self, a, undefined)
    reply(server.self, b, tuple(1, 2, 3))
    stage.node.send((c[1] as { tail: Ref }).tail, 'bare')
    expect(await calls).toEqual([undefined, tuple(1, 2, 3), 'bare'])
  })
})

describe('a call ends without a reply, and leaves nothing behind', () => {
  let server: Puppet
  let caller: Puppet
  beforeEach(async () => {
    ;[server, caller] = (await stage.puppets(2)) as [Puppet, Puppet]
  })

  test('when the server dies: with its reason, at once', async () => {
    const fault = new Error('fault')
    const answer = caller.self.call(server.self.address, 'x').catch((error) => error)
    const [from] = callersOf(server)
    stage.node.exit(server.self.address, fault)
    expect(await answer).toMatchObject({ name: 'CallError', code: 'ERR_REIGN_CALL', reason: fault, cause: fault })
    expectNothingLeft(caller.self, server.self.address, from)
  })

  test('when the server throws at the request', async () => {
    const address = stage.node.spawn(echo)
    await expect(stage.node.call(address, 'die')).rejects.toMatchObject({ code: 'ERR_REIGN_CALL', message: /as asked/ })
    await expect(stage.node.call(address, 'again')).rejects.toMatchObject({ reason: noproc })
    expectNothingLeft(stage.node.system, address)
  })

  test('when there is no server: noproc, by address or by name', async () => {
    stage.node.exit(server.self.address, 'x')
    for (const target of [server.self.address, 'nobody', named('nobody', stage.node.name)]) {
      await expect(caller.self.call(target, 'x')).rejects.toMatchObject({ code: 'ERR_REIGN_CALL', reason: noproc })
    }
    expectNothingLeft(caller.self, server.self.address)
  })

  test('when the node of the server is out of reach: noconnection', async () => {
    const far = named('echo', 'far@away')
    await expect(caller.self.call(far, 'x')).rejects.toMatchObject({ reason: atom('noconnection') })
    expectNothingLeft(caller.self, server.self.address)
  })

  test('when its time is over: 5,000 ms unless told otherwise; a late reply is a dead letter', async () => {
    const outcome = caller.self.call(server.self.address, 'x').catch((error) => error)
    const [from] = callersOf(server) as [Caller]
    await stage.clock.run(4_999)
    expect(stage.node.processInfo(server.self.address)?.monitored_by).toHaveLength(1)
    await stage.clock.run(1)
    expect(await outcome).toMatchObject({ code: 'ERR_REIGN_TIMEOUT', timeoutMs: 5_000, message: /no reply/ })
    reply(server.self, from, 'late')
    expect(stage.node.deadLetters.counts.noalias).toBe(1)
    expectNothingLeft(caller.self, server.self.address, from)
    expect(caller.self.length).toBe(0)
  })

  test('when its time is over: as long as was given, and never if that is infinite', async () => {
    const soon = caller.self.call(server.self.address, 'x', { timeout: 10 }).catch((error) => error.timeoutMs)
    const never = caller.self.call(server.self.address, 'x', { timeout: Number.POSITIVE_INFINITY })
    await stage.clock.run(1_000_000)
    expect(await soon).toBe(10)
    reply(server.self, callersOf(server)[1] as Caller, 'at last')
    expect(await never).toBe('at last')
    expectNothingLeft(caller.self, server.self.address)
  })

  test('when it is aborted: with the reason of the signal', async () => {
    const abort = new AbortController()
    const answer = caller.self.call(server.self.address, 'x', { signal: abort.signal }).catch((error) => error)
    const [from] = callersOf(server)
    abort.abort('enough')
    expect(await answer).toBe('enough')
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    expectNothingLeft(caller.self, server.self.address, from)
  })

  test('when it was aborted before: nothing is sent', async () => {
    const signal = AbortSignal.abort('enough')
    await expect(caller.self.call(server.self.address, 'x', { signal })).rejects.toBe('enough')
    expect(stage.inbox(server)).toEqual([])
    expectNothingLeft(caller.self, server.self.address)
  })

  test('when its caller exits: with that exit', async () => {
    const answer = caller.self.call(server.self.address, 'x').catch((error) => error)
    const [from] = callersOf(server)
    stage.node.exit(caller.self.address, 'gone')
    expect(await answer).toMatchObject({ code: 'ERR_REIGN_EXIT', reason: 'gone' })
    expectNothingLeft(caller.self, server.self.address, from)
  })

  test('when the mailbox that calls is closed: with that close', async () => {
    const mailbox: Mailbox = stage.node.mailbox()
    const answer = mailbox.call(server.self.address, 'x').catch((error) => error)
    const [from] = callersOf(server)
    mailbox.close('gone')
    expect(await answer).toMatchObject({ code: 'ERR_REIGN_CLOSED', reason: 'gone' })
    expectNothingLeft(mailbox, server.self.address, from)
  })

  test('when the node stops', async () => {
    const answer = stage.node.call(server.self.address, 'x').catch((error) => error)
    await stage.node.stop()
    expect(await answer).toMatchObject({ code: expect.stringMatching(/ERR_REIGN_(NODE_STOPPED|CALL)/) })
    await expect(stage.node.call(server.self.address, 'x')).rejects.toMatchObject({ code: 'ERR_REIGN_NODE_STOPPED' })
    expect(stage.clock.holdsProgram).toBe(false)
  })

  test('when the target or the time is none', async () => {
    for (const target of [undefined, 1, { name: 'x' }]) {
      const abort = new AbortController()
      await expect(caller.self.call(target as never, 'x', { signal: abort.signal })).rejects.toMatchObject({
        code: 'ERR_REIGN_ARGUMENT',
      })
      expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    }
    await expect(caller.self.call(server.self.address, 'x', { timeout: Number.NaN })).rejects.toMatchObject({
      code: 'ERR_REIGN_ARGUMENT',
    })
    expect(stage.inbox(server)).toEqual([])
    expectNothingLeft(caller.self, server.self.address)
  })

  test('after a reply: its time, its signal and the end of the server have no effect', async () => {
    const abort = new AbortController()
    const answer = caller.self.call(server.self.address, 'x', { signal: abort.signal, timeout: 10 })
    const [from] = callersOf(server) as [Caller]
    reply(server.self, from, 'in time')
    reply(server.self, from, 'twice')
    server.throw('x')
    abort.abort()
    await stage.clock.run(100)
    expect(await answer).toBe('in time')
    expect(getEventListeners(abort.signal, 'abort')).toEqual([])
    expectNothingLeft(caller.self, server.self.address, from)
  })

  test('a thousand times over, each way', async () => {
    const outcomes: Promise<unknown>[] = []
    for (let i = 0; i < 1_000; i++) {
      outcomes.push(caller.self.call(server.self.address, 'x', { timeout: 10 + (i % 7) }).catch((error) => error.code))
      outcomes.push(caller.self.call('nobody', 'x').catch((error) => error.code))
      outcomes.push(caller.self.call(server.self.address, i).catch((error) => error.code))
    }
    for (const [i, from] of callersOf(server).entries()) if (i % 3 === 1) reply(server.self, from, 'reply')
    await stage.clock.run(100)
    stage.node.exit(server.self.address, 'x')
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['reply', 'ERR_REIGN_TIMEOUT', 'ERR_REIGN_CALL']))
    expectNothingLeft(caller.self, server.self.address)
  })
})

describe('what is no call is told apart', () => {
  test.each([
    ['a text', '$gen_call'],
    ['an array', [atom('$gen_call'), ['from', 'tag'], 1]],
    ['a tuple of another length', tuple(atom('$gen_call'), 1)],
    ['a tuple of another kind', tuple(atom('$gen_cast'), tuple(1, 2), 3)],
    ['a caller that is no pair', tuple(atom('$gen_call'), [1, 2], 3)],
    ['a caller that has no address', tuple(atom('$gen_call'), tuple(1, 2), 3)],
  ])('%s', (_, message) => {
    expect(callIn(message)).toBe(undefined)
  })

  test('a reply goes where the tag says: to the alias in it, also when more is around it, else to the caller', async () => {
    const caller = stage.node.mailbox()
    const { self } = await stage.puppet()
    const alias = caller.alias()
    const aliasTag = improperList([atom('alias')], alias)
    reply(self, [caller.address, aliasTag], 1)
    reply(self, [caller.address, improperList([aliasTag], 'more')], 2)
    const ref = caller.makeRef()
    reply(self, [caller.address, ref], 3)
    expect(caller.peek()).toEqual([tuple(aliasTag, 1), tuple(improperList([aliasTag], 'more'), 2), tuple(ref, 3)])
  })
})

test('two calls and a monitor of the same server do not touch each other', async () => {
  const server = await stage.puppet()
  const { self } = await stage.puppet()
  const ref = self.monitor(server.self.address)
  const outcomes = Promise.allSettled([self.call(server.self.address, 1), self.call(server.self.address, 2)])
  reply(server.self, callersOf(server)[0] as Caller, 'one')
  stage.node.exit(server.self.address, 'x')
  expect((await outcomes).map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
  expect(self.peek()).toEqual([{ type: 'DOWN', ref, address: server.self.address, reason: 'x' } satisfies Down])
})

test('calls of several callers to several servers that end in any order and any way: each has its own outcome, and nothing is left', async () => {
  type End = 'reply' | 'late' | 'abort'
  const plan = fc.record({
    calls: fc.array(
      fc.record({
        caller: fc.nat({ max: 2 }),
        server: fc.nat({ max: 2 }),
        end: fc.constantFrom<End[]>('reply', 'late', 'abort'),
        when: fc.nat(),
      }),
      { maxLength: 20 },
    ),
    dies: fc.option(
      fc.record({ who: fc.constantFrom<('caller' | 'server')[]>('caller', 'server'), after: fc.nat({ max: 20 }) }),
    ),
  })
  await fc.assert(
    fc.asyncProperty(plan, async ({ calls, dies }) => {
      const servers = await stage.puppets(3)
      const callers = await stage.puppets(3)
      const made = calls.map(({ caller, server, end, when }) => {
        const abort = new AbortController()
        const options = { timeout: end === 'late' ? 10 : 1_000, signal: abort.signal }
        const target = (servers[server] as Puppet).self.address
        const call = (callers[caller] as Puppet).self.call(target, 'x', options)
        const from = callersOf(servers[server] as Puppet).at(-1) as Caller
        return { caller, server, end, when, abort, from, outcome: call.catch((error) => error.code ?? error) }
      })
      const inOrder = made.toSorted((a, b) => a.when - b.when)
      const expected = new Map<(typeof made)[number], unknown>(made.map((call) => [call, 'ERR_REIGN_TIMEOUT']))
      const settle = (call: (typeof made)[number], outcome: string) => {
        if (expected.get(call) === 'ERR_REIGN_TIMEOUT') expected.set(call, outcome)
      }
      for (const [i, call] of inOrder.entries()) {
        if (i === dies?.after) {
          const { self } = (dies.who === 'caller' ? callers[0] : servers[0]) as Puppet
          stage.node.exit(self.address, 'gone')
          const code = dies.who === 'caller' ? 'ERR_REIGN_EXIT' : 'ERR_REIGN_CALL'
          for (const other of made) if (other[dies.who] === 0) settle(other, code)
        }
        if (call.end === 'reply') reply(stage.node.system, call.from, `reply ${i}`)
        if (call.end === 'abort') call.abort.abort(`abort ${i}`)
        if (call.end !== 'late') settle(call, `${call.end} ${i}`)
      }
      await stage.clock.run(10)
      for (const call of made) expect(await call.outcome).toBe(expected.get(call))
      for (const { self } of [...callers, ...servers]) {
        expect(stage.node.processInfo(self.address)?.monitors ?? []).toEqual([])
        expect(stage.node.processInfo(self.address)?.monitored_by ?? []).toEqual([])
        stage.node.exit(self.address, atom('kill'))
      }
      expect(stage.clock.holdsProgram).toBe(false)
    }),
    { numRuns: 60 },
  )
})
