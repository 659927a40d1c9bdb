/**
 * What processes say to those of another node, and what they make of what comes from there: with the other node played by the
 * test, signal by signal, so that every crossing can be had.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Address, atom, type Mailbox, named, type Process, tuple } from '../../src/index.js'
import type { LocalNode } from '../../src/node/local-node.js'
import type { Signal } from '../../src/signal.js'
import { Stage } from '../process/puppet.js'

const far = 'far@away'
const noconnection = atom('noconnection')

let stage: Stage
let node: LocalNode
let sent: Signal[]
let mailbox: Mailbox<unknown>
let other: Address<unknown>

beforeEach(async () => {
  stage = await Stage.open()
  node = stage.node
  sent = []
  const entrance = {
    deliver: (to: Address<never>, message: unknown) => {
      sent.push({ op: 'message', from: undefined, to, message })
      return true
    },
    drained: () => Promise.resolve(),
    leaves: () => {},
  }
  node.router.remote = {
    signal: (_, signal) => void sent.push(encodable(signal)),
    call: () => false,
    entrance: () => entrance,
  }
  mailbox = node.mailbox()
  other = node.addressBook.address(far, 1, 0, 7) as Address<unknown>
})
afterEach(() => stage.node.stop())

/** As a codec would: a function cannot leave. */
function encodable(signal: Signal): Signal {
  if ('reason' in signal && typeof signal.reason === 'function') throw new TypeError('functions cannot be sent')
  return signal
}

const arrives = (signal: Signal) => node.router.receive(signal)
const linksOf = (address: Address<never>) => node.processInfo(address)?.links
const self = () => mailbox.address

/** What was sent since the last look. */
function said(): Signal[] {
  const all = sent
  sent = []
  return all
}

describe('links', () => {
  const exit = (reason: unknown) => arrives({ op: 'link-exit', from: other, to: self(), reason })

  test('are told once, and their exits arrive', () => {
    mailbox.link(other)
    mailbox.link(other)
    expect(said()).toEqual([{ op: 'link', from: self(), to: other }])
    exit('x')
    exit('y')
    expect(mailbox.peek()).toEqual([{ type: 'EXIT', from: other, reason: 'x' }])
    expect(linksOf(self())).toEqual([])
  })

  test('that the other side made are as good; its own exit tells it', () => {
    arrives({ op: 'link', from: other, to: self() })
    expect(linksOf(self())).toEqual([other])
    mailbox.close('x')
    expect(said()).toEqual([{ op: 'link-exit', from: self(), to: other, reason: 'x' }])
  })

  test('with one who is not there: the other side is told noproc', () => {
    const gone = node.mailbox()
    gone.close()
    arrives({ op: 'link', from: other, to: gone.address })
    expect(said()).toEqual([{ op: 'link-exit', from: gone.address, to: other, reason: atom('noproc') }])
  })

  test('undone: no exit arrives, be it on its way already, and the other side need not have heard', () => {
    mailbox.link(other)
    mailbox.unlink(other)
    const [, unlink] = said()
    expect(unlink).toMatchObject({ op: 'unlink', from: self(), to: other })
    expect(linksOf(self())).toEqual([])
    exit('crossed')
    arrives({ op: 'unlink-ack', from: other, to: self(), id: (unlink as { id: bigint }).id })
    exit('late')
    expect(mailbox.length).toBe(0)
    mailbox.unlink(other)
    expect(said()).toEqual([])
  })

  test('undone and made again before the other side has heard: the new link holds, whatever comes of the old one', () => {
    mailbox.link(other)
    mailbox.unlink(other)
    mailbox.link(other)
    const [, unlink, again] = said()
    expect(again).toEqual({ op: 'link', from: self(), to: other })
    arrives({ op: 'unlink-ack', from: other, to: self(), id: (unlink as { id: bigint }).id })
    expect(linksOf(self())).toEqual([other])
    exit('of the new link')
    expect(mailbox.peek()).toEqual([{ type: 'EXIT', from: other, reason: 'of the new link' }])
  })

  test('undone twice: only the acknowledgement of the last unlink settles it', () => {
    mailbox.link(other)
    mailbox.unlink(other)
    mailbox.link(other)
    mailbox.unlink(other)
    const ids = said().flatMap((signal) => (signal.op === 'unlink' ? [signal.id] : [])) as [bigint, bigint]
    expect(ids[0]).not.toBe(ids[1])
    arrives({ op: 'unlink-ack', from: other, to: self(), id: ids[0] })
    // A link of the other side that crossed our unlink is undone by it.
    arrives({ op: 'link', from: other, to: self() })
    expect(linksOf(self())).toEqual([])
    arrives({ op: 'unlink-ack', from: other, to: self(), id: ids[1] })
    arrives({ op: 'link', from: other, to: self() })
    expect(linksOf(self())).toEqual([other])
  })

  test('undone by both at once: both are acknowledged, and none is left', () => {
    mailbox.link(other)
    mailbox.unlink(other)
    const [, unlink] = said()
    arrives({ op: 'unlink', from: other, to: self(), id: 42n })
    expect(said()).toEqual([{ op: 'unlink-ack', from: self(), to: other, id: 42n }])
    arrives({ op: 'unlink-ack', from: other, to: self(), id: (unlink as { id: bigint }).id })
    expect(linksOf(self())).toEqual([])
    expect(node.processInfo(self())?.message_queue_len).toBe(0)
  })

  test('undone by the other side: acknowledged, also by who is not there; not in the obsolete form', () => {
    mailbox.link(other)
    said()
    arrives({ op: 'unlink', from: other, to: self(), id: 5n })
    expect(linksOf(self())).toEqual([])
    mailbox.close()
    arrives({ op: 'unlink', from: other, to: mailbox.address, id: 6n })
    arrives({ op: 'unlink', from: other, to: mailbox.address, id: 0n })
    expect(said()).toEqual([
      { op: 'unlink-ack', from: mailbox.address, to: other, id: 5n },
      { op: 'unlink-ack', from: mailbox.address, to: other, id: 6n },
    ])
  })
})

describe('monitors', () => {
  test('by address: set, fired once, taken back', () => {
    const [fired, taken] = [mailbox.monitor(other), mailbox.monitor(other)]
    mailbox.demonitor(taken)
    expect(said()).toEqual([
      { op: 'monitor', from: self(), to: other, ref: fired },
      { op: 'monitor', from: self(), to: other, ref: taken },
      { op: 'demonitor', from: self(), to: other, ref: taken },
    ])
    for (const ref of [taken, fired, fired]) arrives({ op: 'down', from: other, to: self(), ref, reason: 'x' })
    expect(mailbox.peek()).toEqual([{ type: 'DOWN', ref: fired, address: other, reason: 'x' }])
  })

  test('by name: the name travels, and comes back in the notice', () => {
    const ref = mailbox.monitor(named('clerk', far))
    expect(said()).toEqual([{ op: 'monitor', from: self(), to: atom('clerk'), ref }])
    arrives({ op: 'down', from: atom('clerk'), to: self(), ref, reason: atom('noproc') })
    expect(mailbox.peek()).toEqual([{ type: 'DOWN', ref, address: named('clerk', far), reason: atom('noproc') }])
  })

  test('of the other side: it is told by what it asked for, once', () => {
    const refs = [1, 2, 3].map((n) => node.addressBook.ref(far, 7, [n])) as [never, never, never]
    node.register('clerk', self())
    arrives({ op: 'monitor', from: other, to: self(), ref: refs[0] })
    arrives({ op: 'monitor', from: other, to: atom('clerk'), ref: refs[1] })
    arrives({ op: 'monitor', from: other, to: atom('nobody'), ref: refs[2] })
    expect(said()).toEqual([{ op: 'down', from: atom('nobody'), to: other, ref: refs[2], reason: atom('noproc') }])
    expect(node.processInfo(self())?.monitored_by).toEqual([other, other])
    mailbox.close('x')
    expect(said()).toEqual([
      { op: 'down', from: self(), to: other, ref: refs[0], reason: 'x' },
      { op: 'down', from: atom('clerk'), to: other, ref: refs[1], reason: 'x' },
    ])
  })

  test('of the other side, by a name that has moved on: taken back from who was watched', () => {
    const ref = node.addressBook.ref(far, 7, [1])
    node.register('clerk', self())
    arrives({ op: 'monitor', from: other, to: atom('clerk'), ref })
    node.unregister('clerk')
    node.register('clerk', node.mailbox().address)
    arrives({ op: 'demonitor', from: other, to: atom('clerk'), ref })
    expect(node.processInfo(self())?.monitored_by).toEqual([])
    mailbox.close('x')
    expect(said()).toEqual([])
  })

  test('end with who has set them: the other side is told', async () => {
    const ref = mailbox.monitor(other)
    said()
    mailbox.close('x')
    expect(said()).toEqual([{ op: 'demonitor', from: self(), to: other, ref }])
  })
})

describe('a reason that cannot leave', () => {
  test('is told in words, to every side, once', () => {
    const ref = node.addressBook.ref(far, 7, [1])
    const watcher = node.mailbox<unknown>()
    watcher.monitor(self())
    mailbox.link(other)
    arrives({ op: 'monitor', from: other, to: self(), ref })
    said()
    const reason = () => {}
    mailbox.close(reason)
    expect(said()).toEqual([
      { op: 'link-exit', from: self(), to: other, reason: 'TypeError: functions cannot be sent' },
      { op: 'down', from: self(), to: other, ref, reason: 'TypeError: functions cannot be sent' },
    ])
    expect(watcher.peek()).toEqual([expect.objectContaining({ reason })])
  })
})

describe('exits asked for', () => {
  test.each([
    ['normal is ignored', atom('normal'), false, 'alive'],
    ['kill cannot be trapped', atom('kill'), true, atom('killed')],
    ['another reason ends', 'x', false, 'x'],
  ] as const)('%s', async (_, reason, trapExit, fate) => {
    const puppet = await stage.puppet({ trapExit })
    arrives({ op: 'exit', from: other, to: puppet.self.address, reason })
    expect(stage.reason(puppet)).toBe(fate)
  })

  test('of a process there go there', async () => {
    const { self: process } = await stage.puppet()
    process.exit(other, 'x')
    node.exit(other, 'y')
    expect(said()).toEqual([
      { op: 'exit', from: process.address, to: other, reason: 'x' },
      { op: 'exit', from: node.system.self, to: other, reason: 'y' },
    ])
  })
})

describe('when the connection is lost', () => {
  test('every link and monitor that crosses it fires once, with noconnection; nothing else does', async () => {
    const third = node.addressBook.address('third@place', 1, 0, 7)
    const local = await stage.puppet()
    mailbox.link(other)
    mailbox.link(third)
    mailbox.link(local.self.address)
    const refs = [mailbox.monitor(other), mailbox.monitor(named('clerk', far)), mailbox.monitor(third)]
    mailbox.monitor(local.self.address)
    node.disconnected(far)
    node.disconnected(far)
    expect(mailbox.peek()).toEqual([
      { type: 'DOWN', ref: refs[0], address: other, reason: noconnection },
      { type: 'DOWN', ref: refs[1], address: named('clerk', far), reason: noconnection },
      { type: 'EXIT', from: other, reason: noconnection },
    ])
    expect(linksOf(self())).toEqual([third, local.self.address])
    // What still comes of the old connection is nobody's any more.
    arrives({ op: 'down', from: other, to: self(), ref: refs[0] as never, reason: 'late' })
    arrives({ op: 'link-exit', from: other, to: self(), reason: 'late' })
    expect(mailbox.length).toBe(3)
  })

  test('links that are being undone are over, and say nothing', () => {
    mailbox.link(other)
    mailbox.unlink(other)
    node.disconnected(far)
    expect(mailbox.length).toBe(0)
    mailbox.link(other)
    expect(linksOf(self())).toEqual([other])
  })

  test('who watched from there is forgotten', () => {
    arrives({ op: 'monitor', from: other, to: self(), ref: node.addressBook.ref(far, 7, [1]) })
    node.disconnected(far)
    expect(node.processInfo(self())?.monitored_by).toEqual([])
    said()
    mailbox.close('x')
    expect(said()).toEqual([])
  })

  test('a process that does not trap exits ends, and those linked with it', async () => {
    const [a, b] = await stage.puppets(2)
    if (a === undefined || b === undefined) throw new Error('unreachable')
    a.self.link(b.self.address)
    a.self.link(other)
    node.disconnected(far)
    expect([stage.reason(a), stage.reason(b)]).toEqual([noconnection, noconnection])
  })

  test('calls under way fail with it', async () => {
    const answer = mailbox.call(other, 'request').catch((error) => error)
    node.disconnected(far)
    expect(await answer).toMatchObject({ code: 'ERR_REIGN_CALL', reason: noconnection })
    expect(stage.clock.holdsProgram).toBe(false)
  })

  test('and the next one carries new ones, which fire anew', () => {
    mailbox.monitor(other)
    node.disconnected(far)
    mailbox.monitor(other)
    node.disconnected(far)
    expect(mailbox.length).toBe(2)
  })

  test('of those who have ended before, nothing is kept', () => {
    for (let i = 0; i < 100; i++) {
      const box = node.mailbox()
      box.link(other)
      box.monitor(other)
      box.close()
    }
    said()
    node.disconnected(far)
    expect(said()).toEqual([])
  })
})

test('those who have ended are not kept by the connections that they had ties across', async () => {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const ended: WeakRef<object>[] = []
  for (let i = 0; i < 100; i++) {
    const box = node.mailbox()
    box.link(other)
    box.monitor(other)
    box.close()
    ended.push(new WeakRef(box))
  }
  sent = []
  await new Promise<void>((resolve) => setImmediate(resolve))
  collect()
  expect(ended.filter((weak) => weak.deref() !== undefined).length).toBeLessThan(5)
})

describe('spawning there', () => {
  const made = (serial = 0) => node.addressBook.address(far, 99, serial, 7) as Address<unknown>
  const answer = (request: Signal, result: Address<never> | symbol, ties = { linked: false, monitored: false }) =>
    arrives({ op: 'spawned', ref: (request as Signal & { op: 'spawn' }).ref, to: self(), ...ties, result })

  test('asks with module, function, arguments and ties; the answer gives the address', async () => {
    const spawned = node.spawnOn(far, 'm', 'f', [1, 'a'], { link: mailbox })
    const [request] = said() as [Signal]
    expect(request).toMatchObject({
      op: 'spawn',
      from: self(),
      function: { module: 'm', function: 'f', arity: 2 },
      args: [1, 'a'],
      options: [atom('link')],
    })
    answer(request, made(), { linked: true, monitored: false })
    expect((await spawned).address).toBe(made())
    expect(linksOf(self())).toEqual([made()])
    arrives({ op: 'link-exit', from: made(), to: self(), reason: 'x' })
    expect(mailbox.peek()).toEqual([{ type: 'EXIT', from: made(), reason: 'x' }])
  })

  test('with a monitor: its reference is that of the request', async () => {
    const spawned = node.spawnOn(far, 'm', 'f', [], { monitor: mailbox })
    const [request] = said() as [Signal & { op: 'spawn' }]
    answer(request, made(), { linked: false, monitored: true })
    const { ref } = await spawned
    expect(ref).toBe(request.ref)
    arrives({ op: 'down', from: made(), to: self(), ref, reason: 'x' })
    expect(mailbox.peek()).toEqual([{ type: 'DOWN', ref, address: made(), reason: 'x' }])
  })

  test('refused: the atom of the other node is the cause', async () => {
    const spawned = node.spawnOn(far, 'm', 'f', [], { monitor: mailbox }).catch((error) => error)
    const [request] = said() as [Signal]
    answer(request, atom('system_limit'))
    expect(await spawned).toMatchObject({ code: 'ERR_REIGN_SPAWN', cause: atom('system_limit') })
    expect(node.processInfo(self())?.monitors).toEqual([])
  })

  test('the connection is lost before the answer: noconnection, and one word only', async () => {
    const spawned = node.spawnOn(far, 'm', 'f', [], { monitor: mailbox }).catch((error) => error)
    node.disconnected(far)
    expect(await spawned).toMatchObject({ code: 'ERR_REIGN_SPAWN', cause: noconnection })
    expect(mailbox.length).toBe(0)
    expect(node.processInfo(self())?.monitors).toEqual([])
  })

  test('the monitor is taken back, or its owner ends, before the answer: said when there is an address to say it to', async () => {
    const first = node.spawnOn(far, 'm', 'f', [], { monitor: mailbox })
    const [request] = said() as [Signal & { op: 'spawn' }]
    mailbox.demonitor(request.ref)
    expect(said()).toEqual([])
    answer(request, made(), { linked: false, monitored: true })
    expect(said()).toEqual([{ op: 'demonitor', from: self(), to: made(), ref: request.ref }])
    await first
    const second = node.spawnOn(far, 'm', 'f', [], { monitor: mailbox }).catch((error) => error)
    const [again] = said() as [Signal & { op: 'spawn' }]
    mailbox.close()
    expect(said()).toEqual([])
    answer(again, made(), { linked: false, monitored: true })
    expect(said()).toEqual([{ op: 'demonitor', from: mailbox.address, to: made(), ref: again.ref }])
    expect(await second).toMatchObject({ code: 'ERR_REIGN_CLOSED' })
  })

  test('its owner ends before the answer: the new process gets the exit of the link that was to be', async () => {
    const spawned = node.spawnOn(far, 'm', 'f', [], { link: mailbox }).catch((error) => error)
    const [request] = said() as [Signal]
    mailbox.close('gone')
    said()
    answer(request, made(), { linked: true, monitored: false })
    expect(said()).toEqual([{ op: 'link-exit', from: mailbox.address, to: made(), reason: 'gone' }])
    expect(await spawned).toMatchObject({ code: 'ERR_REIGN_CLOSED' })
  })

  test('a call of a function that is given up before the answer leaves no monitor behind, here or there', async () => {
    const abort = new AbortController()
    const called = mailbox.erpc(far).call('m', 'f', [1], { signal: abort.signal })
    called.catch(() => {})
    const [request] = said() as [Signal & { op: 'spawn' }]
    expect(request).toMatchObject({ function: { module: 'erpc', function: 'execute_call', arity: 4 } })
    expect(request.args.slice(1)).toEqual([atom('m'), atom('f'), [1]])
    abort.abort('enough')
    await expect(called).rejects.toBe('enough')
    expect(node.processInfo(self())?.monitors).toEqual([])
    answer(request, made(), { linked: false, monitored: true })
    expect(said()).toEqual([{ op: 'demonitor', from: self(), to: made(), ref: request.ref }])
    expect(mailbox.length).toBe(0)
  })

  test('a call of a function that the other node refuses, or whose connection is lost, fails as erpc says', async () => {
    const outcomes: Promise<unknown>[] = []
    const call = () =>
      outcomes.push(
        mailbox
          .erpc(far)
          .call('m', 'f', [])
          .catch((error) => [error.origin, error.reason]),
      )
    call()
    answer((said() as [Signal])[0], atom('notsup'))
    call()
    const [started] = said() as [Signal & { op: 'spawn' }]
    answer(started, made(), { linked: false, monitored: true })
    call()
    said()
    call()
    const limited = said()[0] as Signal & { op: 'spawn' }
    answer(limited, made(1), { linked: false, monitored: true })
    const reason = tuple(limited.args[0], atom('error'), tuple(atom('erpc'), atom('system_limit')))
    arrives({ op: 'down', from: made(1), to: self(), ref: limited.ref, reason })
    node.disconnected(far)
    expect(await Promise.all(outcomes)).toEqual([
      ['erpc', atom('notsup')],
      ['erpc', noconnection],
      ['erpc', noconnection],
      ['erpc', atom('system_limit')],
    ])
    expect(node.processInfo(self())?.monitors).toEqual([])
  })

  test('an answer that nobody waits for is dropped', () => {
    arrives({
      op: 'spawned',
      ref: node.addressBook.ref(node.name, node.addressBook.self.creation, [1, 2, 3]),
      to: self(),
      linked: false,
      monitored: false,
      result: made(),
    })
    expect(mailbox.length).toBe(0)
    expect(said()).toEqual([])
  })
})

describe('spawning asked of us', () => {
  const request = (module: string, options: unknown[]): Signal => ({
    op: 'spawn',
    ref: node.addressBook.ref(far, 7, [9]),
    from: other,
    groupLeader: other,
    function: { module, function: 'run', arity: 1 },
    args: ['a'],
    options,
  })

  test('ties are there before the answer, the answer before the process begins', async () => {
    const seen: unknown[] = []
    node.expose('m', {
      run(this: Process, word: string) {
        seen.push(
          word,
          said().map(({ op }) => op),
        )
        throw 'fault'
      },
    })
    arrives(request('m', [atom('link'), atom('monitor'), atom('unknown')]))
    expect(sent).toMatchObject([{ op: 'spawned', to: other, linked: true, monitored: true }])
    const { result, ref } = sent[0] as { result: Address<never>; ref: unknown }
    expect(node.processInfo(result)).toMatchObject({ links: [other], monitored_by: [other], group_leader: other })
    await stage.settle()
    expect(seen).toEqual(['a', ['spawned']])
    expect(said()).toEqual([
      { op: 'link-exit', from: result, to: other, reason: 'fault' },
      { op: 'down', from: result, to: other, ref, reason: 'fault' },
    ])
  })

  test('what is not exposed is refused', () => {
    arrives(request('m', []))
    expect(said()).toMatchObject([{ op: 'spawned', result: atom('notsup'), linked: false, monitored: false }])
  })
})
