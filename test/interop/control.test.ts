/** Control messages with a live Erlang node: what it sends is read, and what we write has the effect that it should. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { AtomBudget } from '../../src/codec/atom-budget.js'
import { TermReader } from '../../src/codec/decode.js'
import { type ControlContext, ControlReader, controlContext, encodeSignal } from '../../src/dist/control.js'
import { flags, publishedFlags } from '../../src/dist/flags.js'
import { systemEntropy } from '../../src/entropy.js'
import { defaultLimits } from '../../src/limits.js'
import type { Signal } from '../../src/signal.js'
import type { Address, Entrance } from '../../src/term/address.js'
import { AddressBook } from '../../src/term/address-book.js'
import { Incarnation } from '../../src/term/incarnation.js'
import { tuple } from '../../src/term/tuple.js'
import { dialUp, endOf, type Watched } from '../net/net-kit.js'
import { eventually, within } from '../support/deadline.js'
import { type Epmd, startEpmd } from './epmd.js'
import { type ErlangNode, type ErlangShell, startErlang } from './erl.js'

const atom = Symbol.for
const nowhere: Entrance = { deliver: () => true, drained: () => Promise.resolve(), leaves: () => {} }
const hidden = publishedFlags & ~flags.PUBLISHED
let epmd: Epmd
let erl: ErlangNode
beforeAll(async () => {
  epmd = await startEpmd()
  erl = await startErlang({ name: 'x@127.0.0.1', cookie: 'secret', epmdPort: epmd.port })
})
afterAll(() => erl.kill())

/** One connection with Erlang, as signals. */
class Link {
  readonly name: string
  readonly book: AddressBook
  readonly watched: Watched
  readonly ops: number[] = []
  readonly #signals: Signal[] = []
  readonly #context: ControlContext
  #wake: () => void = () => {}

  constructor(name: string, watched: Watched) {
    this.name = name
    this.watched = watched
    const { connection } = watched
    const run = new Incarnation(name, 7)
    const owner = { local: () => undefined, gone: nowhere, route: () => nowhere }
    this.book = new AddressBook(run, owner, systemEntropy)
    const reader = new TermReader({
      address: (...parts) => this.book.address(...parts),
      ref: (...parts) => this.book.ref(...parts),
      atoms: new AtomBudget(),
      binaries: 'text',
      floats: 'number',
      depthMax: defaultLimits.termDepthMax,
      termCountMax: defaultLimits.termCountMax,
      bigintBytesMax: defaultLimits.bigintBytesMax,
    })
    const control = new ControlReader(reader, {
      peer: { node: connection.peer.name, creation: connection.peer.creation },
    })
    connection.onFrame = (bytes, start, end) => {
      const signal = control.read(bytes, start, end)
      this.ops.push(bytes[start + 5] as number)
      if (signal !== undefined) this.#signals.push(signal)
      this.#wake()
    }
    this.#context = controlContext(this.book, connection.peer.flags)
  }

  static async up(name: string, offered: bigint): Promise<Link> {
    const endpoint = { host: '127.0.0.1', port: (await epmd.names()).get('x') ?? 0 }
    return new Link(name, await dialUp(endOf(name, { creation: 7, flags: offered }), erl.name, endpoint))
  }

  /** A process of ours. */
  own(id: number): Address<never> {
    return this.book.address(this.name, id, 0, 7)
  }

  send(signal: Signal): void {
    const { outbox } = this.watched.connection
    encodeSignal(outbox.begin(), signal, this.#context)
    outbox.end()
  }

  /** The next signal of that kind; others before it are dropped. */
  async next<Op extends Signal['op']>(op: Op): Promise<Signal & { op: Op }> {
    for (;;) {
      const at = this.#signals.findIndex((signal) => signal.op === op)
      if (at >= 0) return this.#signals.splice(0, at + 1).pop() as Signal & { op: Op }
      const came = new Promise<void>((wake) => {
        this.#wake = wake
      })
      await within(15_000, came, `a signal '${op}'`)
    }
  }
}

const minimal = hidden & ~flags.SEND_SENDER & ~flags.EXIT_PAYLOAD
const offers = [
  ['with what reign offers', hidden, 'new'],
  ['with neither SEND_SENDER nor EXIT_PAYLOAD', minimal, 'old'],
] as const

describe.each(offers)('%s', (_what, offered, form) => {
  const name = `${form}@127.0.0.1`
  let link: Link
  let shell: ErlangShell
  let theirs: Address<never>
  beforeAll(async () => {
    link = await Link.up(name, offered)
    shell = erl.shell()
    // The one process of the shell: it knows a process of ours, and we know it.
    await shell.eval(`process_flag(trap_exit, true), {ours, '${name}'} ! {here, self()}`)
    const hello = await link.next('named-message')
    theirs = (hello.message as readonly [symbol, Address<never>])[1]
    link.send({ op: 'message', from: link.own(1), to: theirs, message: tuple(atom('ours'), link.own(1)) })
    await shell.eval('receive {ours, Ours} -> ok after 60000 -> exit(late) end')
  })
  afterEach(() => expect(link.watched.loss).toBeUndefined())
  afterAll(() => link.watched.connection.close())
  const op = (): number | undefined => link.ops.at(-1)

  test('messages: to a pid, to a name', async () => {
    await shell.eval('Ours ! {hello, 1}')
    const to = link.own(1)
    const from = form === 'new' ? theirs : undefined
    expect(await link.next('message')).toEqual({ op: 'message', from, to, message: tuple(atom('hello'), 1) })
    expect(op()).toBe(form === 'new' ? 22 : 2)
    await shell.eval(`{some_name, '${name}'} ! hi`)
    const toName = atom('some_name')
    expect(await link.next('named-message')).toEqual({
      op: 'named-message',
      from: theirs,
      to: toName,
      message: atom('hi'),
    })
    await shell.eval('register(driver, self())')
    link.send({ op: 'named-message', from: to, to: atom('driver'), message: ['a', 1] })
    expect(await shell.eval('receive [_, _] = M -> unregister(driver), M after 60000 -> exit(late) end')).toBe(
      '[<<"a">>,1]',
    )
  })

  test('links: we link, and exit', async () => {
    link.send({ op: 'link', from: link.own(2), to: theirs })
    link.send({ op: 'link-exit', from: link.own(2), to: theirs, reason: tuple(atom('shutdown'), 'why') })
    const exit = "receive {'EXIT', _, Reason} -> Reason after 60000 -> exit(late) end"
    expect(await shell.eval(exit)).toBe('{shutdown,<<"why">>}')
  })

  test('links: Erlang links, unlinks, is answered, links again, and exits', async () => {
    const linking = erl.shell()
    await linking.eval(`{ours, '${name}'} ! {here, self()}`)
    const mate = ((await link.next('named-message')).message as readonly [symbol, Address<never>])[1]
    link.send({ op: 'message', from: link.own(3), to: mate, message: link.own(3) })
    await linking.eval('receive Peer when is_pid(Peer) -> link(Peer) after 60000 -> exit(late) end')
    expect(await link.next('link')).toEqual({ op: 'link', from: mate, to: link.own(3) })
    await linking.eval('unlink(Peer)')
    const unlink = await link.next('unlink')
    expect(unlink).toMatchObject({ from: mate, to: link.own(3) })
    expect(unlink.id).toBeGreaterThan(0n)
    link.send({ op: 'unlink-ack', from: link.own(3), to: mate, id: unlink.id })
    await linking.eval('link(Peer)')
    expect(await link.next('link')).toMatchObject({ from: mate })
    await linking.eval('exit(Peer, kill)')
    expect(await link.next('exit')).toMatchObject({ to: link.own(3), reason: atom('kill') })
    expect(op()).toBe(form === 'new' ? 26 : 8)
  })

  test('links: we unlink, and are answered', async () => {
    link.send({ op: 'link', from: link.own(4), to: theirs })
    link.send({ op: 'unlink', from: link.own(4), to: theirs, id: 2n ** 40n })
    const answer = { op: 'unlink-ack', from: theirs, to: link.own(4), id: 2n ** 40n }
    expect(await link.next('unlink-ack')).toEqual(answer)
    // The exit of a link that is no more must not arrive.
    link.send({ op: 'link-exit', from: link.own(4), to: theirs, reason: atom('too_late') })
    link.send({ op: 'message', from: link.own(4), to: theirs, message: atom('after_it') })
    const next = "receive {'EXIT', _, R} -> R; after_it -> after_it after 60000 -> exit(late) end"
    expect(await shell.eval(next)).toBe('after_it')
  })

  test('a link to a process of an earlier run: the answer names what was asked, and is taken', async () => {
    const gone = link.book.address(theirs.node, theirs.id, theirs.serial, theirs.creation - 1)
    link.send({ op: 'link', from: link.own(5), to: gone })
    expect(await link.next('link-exit')).toEqual({
      op: 'link-exit',
      from: gone,
      to: link.own(5),
      reason: atom('noproc'),
    })
    expect(op()).toBe(form === 'new' ? 24 : 3)
    const ref = link.book.makeRef()
    link.send({ op: 'monitor', from: link.own(5), to: gone, ref })
    const down = { op: 'down', from: gone, to: link.own(5), ref, reason: atom('noproc'), by: erl.name }
    expect(await link.next('down')).toEqual(down)
  })

  test('exit: ours reaches a process', async () => {
    await shell.eval('register(victim, spawn(fun() -> receive stop -> ok end end))')
    const ref = link.book.makeRef()
    link.send({ op: 'monitor', from: link.own(6), to: atom('victim'), ref })
    // What comes after it on the same connection shows that it has been set.
    link.send({ op: 'message', from: link.own(6), to: theirs, message: atom('monitored') })
    await shell.eval('receive monitored -> ok after 60000 -> exit(late) end')
    await erl.eval('exit(whereis(victim), {bye, 1})')
    const down = { op: 'down', from: atom('victim'), to: link.own(6), ref, reason: tuple(atom('bye'), 1), by: erl.name }
    expect(await link.next('down')).toEqual(down)
    expect(op()).toBe(form === 'new' ? 28 : 21)
    link.send({ op: 'exit', from: link.own(6), to: theirs, reason: atom('please') })
    expect(
      await shell.eval("receive {'EXIT', Who, Reason2} -> {node(Who), Reason2} after 60000 -> exit(late) end"),
    ).toBe(`{'${name}',please}`)
  })

  test('monitors: Erlang monitors a name and a pid, and is told; a monitor that was taken back', async () => {
    await shell.eval(
      `R1 = monitor(process, {svc, '${name}'}), R2 = monitor(process, Ours), R3 = monitor(process, Ours)`,
    )
    const [byName, byPid, third] = [await link.next('monitor'), await link.next('monitor'), await link.next('monitor')]
    expect([byName.to, byPid.to, third.to]).toEqual([atom('svc'), link.own(1), link.own(1)])
    await shell.eval('demonitor(R3)')
    expect(await link.next('demonitor')).toEqual({ ...third, op: 'demonitor' })
    for (const { from, to, ref } of [byName, byPid]) {
      link.send({ op: 'down', from: to, to: from, ref, reason: tuple(atom('gone'), to) })
    }
    const downOf = (ref: string): Promise<string> =>
      shell.eval(
        `receive {'DOWN', ${ref}, process, O${ref}, {gone, G${ref}}} -> {O${ref}, G${ref} =:= O${ref}} after 60000 -> exit(late) end`,
      )
    expect(await downOf('R1')).toBe(`{{svc,'${name}'},false}`)
    expect(await downOf('R2')).toMatch(/,true\}$/)
  })

  test('demonitor: ours is heard', async () => {
    const ref = link.book.makeRef()
    link.send({ op: 'monitor', from: link.own(7), to: theirs, ref })
    const monitors = `[P || {process, P} <- [{process, Q} || Q <- element(2, process_info(self(), monitored_by))], node(P) =:= '${name}']`
    link.send({ op: 'message', from: link.own(7), to: theirs, message: atom('set') })
    expect(await shell.eval(`receive set -> length(${monitors}) after 60000 -> exit(late) end`)).toBe('1')
    link.send({ op: 'demonitor', from: link.own(7), to: theirs, ref })
    link.send({ op: 'message', from: link.own(7), to: theirs, message: atom('unset') })
    expect(await shell.eval(`receive unset -> length(${monitors}) after 60000 -> exit(late) end`)).toBe('0')
  })

  test('spawn: ours runs, with a monitor; a function that is not there', async () => {
    const ref = link.book.makeRef()
    const run = { module: 'erlang', function: 'exit', arity: 1 }
    const groupLeader = link.own(8)
    const options = [atom('monitor'), atom('link')]
    link.send({ op: 'spawn', ref, from: link.own(8), groupLeader, function: run, args: [tuple('done', 1)], options })
    const spawned = await link.next('spawned')
    expect(spawned).toMatchObject({ ref, to: link.own(8), linked: true, monitored: true })
    const from = spawned.result as Address<never>
    expect(from.node).toBe(erl.name)
    const ended = [await link.next('link-exit').catch(() => undefined)]
    expect(ended[0]).toEqual({ op: 'link-exit', from, to: link.own(8), reason: tuple('done', 1) })
    const bad = link.book.makeRef()
    link.send({
      op: 'spawn',
      ref: bad,
      from: link.own(8),
      groupLeader,
      function: run,
      args: [1],
      options: [atom('nonsense')],
    })
    expect(await link.next('spawned')).toMatchObject({
      ref: bad,
      result: atom('badopt'),
      linked: false,
      monitored: false,
    })
  })

  test('spawn: Erlang asks, and is refused, or gets a process', async () => {
    const asking = erl.eval(
      `spawn_request('${name}', m, f, [a, {b, 1}], [monitor, link, {reply_tag, answer}]), receive A -> A after 60000 -> late end`,
    )
    const request = await link.next('spawn')
    expect(request).toMatchObject({
      function: { module: 'm', function: 'f', arity: 2 },
      args: [atom('a'), tuple(atom('b'), 1)],
    })
    expect(request.options.map(String).sort()).toEqual(['Symbol(link)', 'Symbol(monitor)'])
    const { ref, from: to } = request
    link.send({ op: 'spawned', ref, to, linked: false, monitored: false, result: atom('notsup') })
    expect(await asking).toMatch(/^\{answer,#Ref<[\d.]+>,error,notsup\}$/)
    const again = erl.eval(
      `{P, R} = spawn_monitor('${name}', m, f, []), receive {'DOWN', R, process, P, Why} -> Why after 60000 -> late end`,
    )
    const second = await link.next('spawn')
    link.send({ op: 'spawned', ref: second.ref, to: second.from, linked: false, monitored: true, result: link.own(9) })
    link.send({ op: 'down', from: link.own(9), to: second.from, ref: second.ref, reason: atom('ran') })
    expect(await again).toBe('ran')
  })

  test('aliases: in both directions', async () => {
    await shell.eval('Alias = alias(), Ours ! {alias, Alias}')
    const { message } = await link.next('message')
    const alias = (message as readonly [symbol, ReturnType<AddressBook['makeRef']>])[1]
    link.send({ op: 'alias-message', from: link.own(1), to: alias, message: atom('through_it') })
    expect(await shell.eval('receive through_it -> yes after 60000 -> exit(late) end')).toBe('yes')
    const ours = link.book.makeRef()
    link.send({ op: 'message', from: link.own(1), to: theirs, message: tuple(atom('ours'), ours) })
    await shell.eval('receive {ours, OurAlias} -> OurAlias ! back after 60000 -> exit(late) end')
    expect(await link.next('alias-message')).toEqual({
      op: 'alias-message',
      from: theirs,
      to: ours,
      message: atom('back'),
    })
  })

  test('trace tokens do not disturb', async () => {
    await shell.eval(
      `seq_trace:set_token(label, {my, label}), Ours ! traced, {nobody, '${name}'} ! traced, seq_trace:set_token([])`,
    )
    expect(await link.next('message')).toMatchObject({ message: atom('traced'), to: link.own(1) })
    expect(await link.next('named-message')).toMatchObject({ message: atom('traced'), to: atom('nobody') })
    expect(link.ops.slice(-2)).toEqual([form === 'new' ? 23 : 12, 16])
    await shell.eval(`seq_trace:set_token(label, 1), spawn_request('${name}', m, f, [], []), seq_trace:set_token([])`)
    const { ref, from: to } = await link.next('spawn')
    expect(op()).toBe(30)
    link.send({ op: 'spawned', ref, to, linked: false, monitored: false, result: atom('notsup') })
  })

  test('group leaders: in both directions', async () => {
    link.send({ op: 'group-leader', from: link.own(10), to: theirs })
    link.send({ op: 'message', from: link.own(10), to: theirs, message: atom('set') })
    expect(await shell.eval('receive set -> node(group_leader()) after 60000 -> exit(late) end')).toBe(`'${name}'`)
    await shell.eval('group_leader(whereis(user), Ours)')
    const change = await link.next('group-leader')
    expect([change.from.node, change.to]).toEqual([erl.name, link.own(1)])
  })
})

test('what Erlang refuses closes the link there, and nothing else', async () => {
  const link = await Link.up('wrong@127.0.0.1', hidden)
  link.watched.send(Buffer.from('7083680161 63'.replace(' ', ''), 'hex'))
  expect(await link.watched.isLost()).toMatchObject({ reason: 'connection_closed' })
  expect(await erl.eval('node()')).toBe("'x@127.0.0.1'")
  await eventually(async () => !(await erl.eval('nodes(hidden)')).includes('wrong'), 15_000)
})

/** Signals to one receiver, of which OTP 25 does not take all when the receiver is of an earlier run of its. */
function signalsTo(link: Link, to: Address<never>): Record<string, Signal> {
  const { name, creation } = link.watched.connection.peer
  const [from, ours, theirs] = [link.own(1), link.book.makeRef(), link.book.ref(name, creation, [1, 2, 3])]
  const run = { module: 'erlang', function: 'self', arity: 0 }
  const made: Signal[] = [
    { op: 'message', from, to, message: 1 },
    { op: 'link', from, to },
    { op: 'unlink', from, to, id: 5n },
    { op: 'unlink-ack', from, to, id: 5n },
    { op: 'link-exit', from, to, reason: 1 },
    { op: 'exit', from, to, reason: 1 },
    { op: 'monitor', from, to, ref: ours },
    { op: 'demonitor', from, to, ref: ours },
    { op: 'down', from, to, ref: theirs, reason: 1 },
    { op: 'spawn', ref: ours, from, groupLeader: to, function: run, args: [], options: [] },
    { op: 'spawned', ref: theirs, to, linked: false, monitored: false, result: from },
    { op: 'group-leader', from, to },
  ]
  return Object.fromEntries(made.map((signal) => [signal.op, signal]))
}

const kinds = [
  'message',
  'link',
  'unlink',
  'unlink-ack',
  'link-exit',
  'exit',
  'monitor',
  'demonitor',
  'down',
  'spawn',
  'spawned',
  'group-leader',
]

/** Which of them closed the connection on which they were sent. */
async function fatal(id: number, earlierBy: number): Promise<string[]> {
  const closed: string[] = []
  for (const kind of kinds) {
    const link = await Link.up(`${kind}-${earlierBy}@127.0.0.1`, hidden)
    const { name, creation } = link.watched.connection.peer
    const to = link.book.address(name, id, 0, creation - earlierBy)
    link.send(signalsTo(link, to)[kind] as Signal)
    // A question that is answered when the connection still stands.
    link.send({ op: 'monitor', from: link.own(2), to: atom('nobody_here'), ref: link.book.makeRef() })
    const answer = async (): Promise<string | undefined> => {
      while ((await link.next('down')).from !== atom('nobody_here')) {}
      return undefined
    }
    const outcome = await Promise.race([answer().catch(() => kind), link.watched.lost.then(() => kind)])
    if (outcome !== undefined) closed.push(outcome)
    await link.watched.connection.close()
  }
  return closed
}

test('an address of no process is no error; one of an earlier run must not be sent all signals', async () => {
  expect(await fatal(20_000, 0)).toEqual([])
  // Found out, and described in docs/wire-control.md: whoever sends these has to know the run of the peer.
  expect(await fatal(20_000, 1)).toEqual(['unlink', 'unlink-ack', 'link-exit'])
})
