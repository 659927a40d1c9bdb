/** What two nodes know of the calls between them, while they last and when they are over. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { genServer } from '../../src/behaviour/gen-server.js'
import { noReply } from '../../src/behaviour/outcome.js'
import { CallError } from '../../src/errors.js'
import { Call, type Caller, callIn } from '../../src/process/call.js'
import type { Signal } from '../../src/signal.js'
import type { Address } from '../../src/term/address.js'
import { named } from '../../src/term/named.js'
import { Ref } from '../../src/term/ref.js'
import { tuple } from '../../src/term/tuple.js'
import { deadlineMs, eventually } from '../support/deadline.js'
import { TestCluster, type TestNode } from './cluster-kit.js'

const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

/** The reference in the tag of a caller. */
const refOf = (from: Caller | undefined) => (from?.[1] as { tail: Ref } | undefined)?.tail

const kept: Caller[] = []
const server = genServer({
  module: 'server',
  init: () => ({}),
  calls: {
    plain: () => 1,
    keep(_state: object) {
      if (this.from !== undefined) kept.push(this.from)
      return refOf(this.from)
    },
  },
  handleCall(_state: object, _request: unknown, from: Caller) {
    kept.push(from)
    return refOf(from)
  },
})

test('the reference of a call is known to neither side when the call is over, unless somebody holds it', async () => {
  await using cluster = await TestCluster.make()
  const [one, other] = [await cluster.start(a), await cluster.start(b)]
  await cluster.meet(one, other)
  await other.start({ name: 'server' }, server)
  const handle = one.server<typeof server>(named('server', b))
  const { creation } = one.addressBook.self
  const find = (node: typeof one, { words }: { words: readonly number[] }) => {
    return node.addressBook.signalRef(a, creation, words)
  }
  for (const ask of [() => handle.call.keep(), () => one.call(named('server', b), 'anything')]) {
    const ref = (await ask()) as Ref
    await handle.call.plain()
    // Whoever holds it, here in a reply and there in a list, has what the next message would bring.
    expect(find(one, ref)).toBe(ref)
    expect(find(other, ref)).toBe(refOf(kept.at(-1)))
    expect(find(other, ref)).not.toBe(ref)
  }
  const [before] = one.addressBook.makeRef().words
  await handle.call.plain()
  await handle.call.plain()
  const words = one.addressBook.makeRef().words.with(0, Number(before) + 1)
  // Nobody holds it, so that it is made anew each time that it comes.
  for (const node of [one, other]) expect(find(node, { words })).not.toBe(find(node, { words }))
})

const answererName = Symbol.for('answerer')

/** The kinds of signals that a node gets from others from now on which are for the answerer, or for a call to it. */
function signalsTo(node: TestNode): Signal['op'][] {
  const ops: Signal['op'][] = []
  const { router } = node.runtime
  const receive = router.receive.bind(router)
  const isOfCall = ({ to }: Signal & { to?: unknown }) =>
    to === answererName ||
    (to instanceof Ref && to.alias instanceof Call && String(to.alias.target).startsWith('answerer'))
  const spy = vi.spyOn(router, 'receive').mockImplementation((signal) => {
    if (isOfCall(signal)) ops.push(signal.op)
    receive(signal)
  })
  onTestFinished(() => void spy.mockRestore())
  return ops
}

const ok = Symbol.for('ok')
/** A server that answers in ways of its own: each request says how. */
const answerer = genServer({
  module: 'answerer',
  init: () => ({}),
  calls: { now: () => ok, unsendable: (): unknown => () => {} },
  handleCall(_state: object, _request: unknown, from: Caller) {
    kept.push(from)
    return noReply()
  },
})

async function pair(cluster: TestCluster) {
  const [one, other] = [await cluster.start(a), await cluster.start(b)]
  await cluster.meet(one, other)
  await other.start({ name: 'answerer' }, answerer)
  const address = other.whereis('answerer') as Address<unknown>
  const monitors = () => other.processInfo(address)?.monitored_by ?? []
  return { one, other, address, monitors, target: named('answerer', b) }
}

test('between two nodes of this library a call is one signal each way, and its monitor ends with the reply', async () => {
  await using cluster = await TestCluster.make()
  const { one, other, monitors, target } = await pair(cluster)
  const [there, here] = [signalsTo(other), signalsTo(one)]
  const handle = one.server<typeof answerer>(target)
  for (let i = 0; i < 3; i++) expect(await handle.call.now()).toBe(ok)
  expect(there).toEqual(['call', 'call', 'call'])
  expect(here).toEqual(['reply', 'reply', 'reply'])
  expect(monitors()).toEqual([])
})

test('while it is not answered the server is monitored; a reply that comes later, by whatever way, ends that', async () => {
  await using cluster = await TestCluster.make()
  const { one, other, monitors, target } = await pair(cluster)
  const [there, here] = [signalsTo(other), signalsTo(one)]
  const ways: ((from: Caller) => void)[] = [
    (from) => other.mailbox().reply(from, 'late'),
    (from) => void other.send(refOf(from) as Ref, tuple(from[1], 'late')),
  ]
  for (const answer of ways) {
    const called = one.call(target, 'wait')
    await eventually(() => monitors().length === 1, deadlineMs, 'the call to arrive')
    expect(monitors().map(String)).toEqual([String(one.system.self)])
    answer(kept.at(-1) as Caller)
    expect(await called).toBe('late')
    expect(monitors()).toEqual([])
  }
  expect(there).toEqual(['call', 'call'])
  expect(here).toEqual(['reply', 'alias-message'])
})

test('a reply to the caller itself, or of a third node that was told who calls, leaves no monitor behind either', async () => {
  await using cluster = await TestCluster.make()
  const { one, other, monitors, target } = await pair(cluster)
  const third = await cluster.start('c@127.0.0.1')
  await cluster.meet(other, third)
  await cluster.meet(one, third)
  const there = signalsTo(other)
  third.spawn<Caller>({ name: 'deputy' }, async (self) => self.reply(await self.receive(), 'from afar'))
  const ways: [(from: Caller) => void, string][] = [
    [(from) => void from[0].send(tuple(from[1], 'straight') as never), 'straight'],
    [(from) => void other.send(named('deputy', third.name), from), 'from afar'],
  ]
  for (const [answer, reply] of ways) {
    const called = one.call(target, 'wait')
    await eventually(() => monitors().length === 1, deadlineMs, 'the call to arrive')
    answer(kept.at(-1) as Caller)
    expect(await called).toBe(reply)
    await eventually(() => monitors().length === 0, deadlineMs, 'the monitor to be taken back')
  }
  expect(there).toEqual(['call', 'demonitor', 'call', 'demonitor'])
})

test('whoever gives up takes the monitor back, and a reply that comes then goes nowhere', async () => {
  await using cluster = await TestCluster.make()
  const { one, other, monitors, target } = await pair(cluster)
  const stop = new AbortController()
  const called = one.call(target, 'wait', { signal: stop.signal })
  await eventually(() => monitors().length === 1, deadlineMs, 'the call to arrive')
  stop.abort('no more')
  await expect(called).rejects.toBe('no more')
  await eventually(() => monitors().length === 0, deadlineMs, 'the monitor to be taken back')
  const lost: unknown[] = []
  one.deadLetters.subscribe(({ cause, message }) => void lost.push([cause, (message as [unknown, unknown])[1]]))
  const from = kept.at(-1) as Caller
  other.mailbox().reply(from, 'too late')
  await eventually(() => lost.length === 1, deadlineMs, 'the late reply')
  expect(lost).toEqual([['noalias', 'too late']])
})

test('a server that is not there, that ends, or whose reply cannot be sent fails the call at once', async () => {
  await using cluster = await TestCluster.make()
  const { one, other, address, monitors, target } = await pair(cluster)
  const reasonOf = async (called: Promise<unknown>) => {
    const error = await called.then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    return error instanceof CallError ? error.reason : error
  }
  expect(await reasonOf(one.call(named('nobody', b), 'x'))).toBe(Symbol.for('noproc'))
  const called = one.call(address, 'wait')
  await eventually(() => monitors().length === 1, deadlineMs, 'the call to arrive')
  const both = [reasonOf(called), reasonOf(one.server<typeof answerer>(target).call.unsendable())]
  const [first, second] = await Promise.all(both)
  expect(String(second)).toContain('function')
  expect(String(first)).toBe(String(second))
  expect(await reasonOf(one.call(address, 'x'))).toBe(Symbol.for('noproc'))
  expect(other.whereis('answerer')).toBeUndefined()
})

test('a node that does not know such calls is called as Erlang is', async () => {
  await using cluster = await TestCluster.make()
  const { one, other, monitors, target } = await pair(cluster)
  vi.spyOn(one.runtime.router.remote, 'call').mockReturnValue(false)
  const [there, here] = [signalsTo(other), signalsTo(one)]
  expect(await one.server<typeof answerer>(target).call.now()).toBe(ok)
  await eventually(() => there.length === 3, deadlineMs, 'the monitor to be taken back')
  expect(there).toEqual(['monitor', 'named-message', 'demonitor'])
  expect(here).toEqual(['alias-message'])
  expect(monitors()).toEqual([])
})

test('a process without a behaviour sees such a call as any other, and answers it likewise', async () => {
  await using cluster = await TestCluster.make()
  const { one, other } = await pair(cluster)
  const plain = other.spawn(async (self) => {
    const { from, request } = callIn(await self.receive()) ?? {}
    if (from !== undefined) self.reply(from, tuple(refOf(from) instanceof Ref, request))
    await self.receive()
  })
  const address = one.addressBook.address(b, plain.id, plain.serial, plain.creation)
  expect(await one.call(address, tuple(1, 'x'))).toEqual([true, [1, 'x']])
  expect(other.processInfo(plain)?.monitored_by).toEqual([])
})
