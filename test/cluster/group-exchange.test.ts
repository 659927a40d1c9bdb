/** Process groups across nodes, on a network in memory, in virtual time. */
import { describe, expect, test, vi } from 'vitest'
import type { GroupJoin, GroupLeave } from '../../src/cluster/group-monitors.js'
import type { GroupScope } from '../../src/cluster/group-scope.js'
import { GroupView } from '../../src/cluster/group-view.js'
import { Node } from '../../src/cluster/node.js'
import { silent } from '../../src/logger.js'
import type { Address } from '../../src/term/address.js'
import { named } from '../../src/term/named.js'
import { tuple } from '../../src/term/tuple.js'
import { spentMs } from '../support/quickest.js'
import type { TestNode } from './cluster-kit.js'
import { addressTexts, code, endSimulation, notices } from './group-kit.js'
import { Simulation } from './simulation.js'

const atom = Symbol.for
const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'
const c = 'c@127.0.0.1'

/** So long, in virtual milliseconds, everybody is connected, and every message has arrived. */
const settleMs = 1_500

interface Two {
  readonly simulation: Simulation
  readonly nodes: readonly TestNode[]
  readonly scopes: readonly GroupScope[]
  settle(ms?: number): Promise<void>
}

/** Nodes that are connected, with a scope on each. */
async function connected(names: readonly string[], run: (world: Two) => Promise<void>): Promise<void> {
  const simulation = new Simulation(42, names, { latency: { minMs: 1, maxMs: 5 } })
  const nodes: TestNode[] = []
  for (const name of names) nodes.push(await simulation.start(name))
  const scopes = nodes.map((node) => node.groups.scope())
  const settle = (ms = settleMs) => simulation.clock.run(ms)
  await settle()
  await run({ simulation, nodes, scopes, settle })
  expect(nodes.flatMap(({ log }) => log.at('error'))).toEqual([])
  await endSimulation(simulation, ...nodes)
}

/** All scopes have exactly these members in a group. */
function agree(scopes: readonly GroupScope[], group: unknown, members: readonly Address<never>[]): void {
  for (const scope of scopes) expect(addressTexts(scope.members(group))).toEqual(addressTexts(members))
}

describe('across nodes', () => {
  test('members of before and after the connection are known on both sides, with repeats; local ones are those of the node', () =>
    connected([a, b], async ({ nodes: [one, other], scopes, settle }) => {
      const [mine, theirs] = scopes as [GroupScope, GroupScope]
      const early = (one as TestNode).mailbox().address
      mine.join('shop', [early, early])
      await settle()
      agree(scopes, 'shop', [early, early])
      expect(theirs.localMembers('shop')).toEqual([])
      expect(theirs.localGroups()).toEqual([])
      expect(theirs.groups()).toEqual(['shop'])

      other?.disconnect(a)
      const late = (other as TestNode).mailbox().address
      theirs.join('shop', late)
      expect(mine.members('shop')).toEqual([early, early])
      await settle()
      agree(scopes, 'shop', [early, early, late])
      // Its own first, whoever came first.
      expect(theirs.members('shop')[0]).toBe(late)
      expect(theirs.first('shop')).toBe(late)
      expect(mine.first('shop')).toBe(early)
    }))

  test('sixteen times in, four times out', () =>
    connected([a, b], async ({ nodes: [one], scopes, settle }) => {
      const member = (one as TestNode).mailbox().address
      scopes[0]?.join('two', Array(16).fill(member))
      scopes[0]?.leave('two', Array(4).fill(member))
      await settle()
      agree(scopes, 'two', Array(12).fill(member))
      ;(one as TestNode).exit(member, atom('kill'))
      await settle()
      agree(scopes, 'two', [])
      expect(scopes[1]?.groups()).toEqual([])
    }))

  test('a group that is emptied from afar is no group any more, in whatever order its members left', () =>
    connected([a, b], async ({ nodes: [one], scopes, settle }) => {
      const [first, second] = [(one as TestNode).mailbox().address, (one as TestNode).mailbox().address]
      for (const leaving of [[first], [second, first], [first, second]]) {
        scopes[0]?.join('shop', leaving.length === 1 ? first : [first, second])
        await settle()
        expect(scopes[1]?.groups()).toEqual(['shop'])
        scopes[0]?.leave('shop', leaving)
        await settle()
        expect(scopes[1]?.groups()).toEqual([])
      }
    }))

  test('what changes while nodes are apart is known to all when they meet again', () =>
    connected([a, b, c], async ({ simulation, nodes, scopes, settle }) => {
      const boxes = nodes.map((node) => [node.mailbox(), node.mailbox(), node.mailbox()] as const)
      for (const [n, scope] of scopes.entries()) {
        scope.join('all', boxes[n]?.[0].address as never)
        scope.join('leaves', boxes[n]?.[1].address as never)
        scope.join('ends', boxes[n]?.[2].address as never)
      }
      await settle()
      for (const name of ['all', 'leaves', 'ends'])
        expect(scopes.map((scope) => scope.members(name).length)).toEqual([3, 3, 3])

      // Pulled cables: nobody is told, until the ticks say so.
      simulation.network.cut(a, b)
      simulation.network.cut(a, c)
      await settle(100_000)
      expect(scopes.map((scope) => scope.members('all').length)).toEqual([1, 2, 2])
      for (const [n, scope] of scopes.entries()) {
        scope.leave('leaves', boxes[n]?.[1].address as never)
        boxes[n]?.[2].close()
        scope.join('apart', [boxes[n]?.[0].address as never, boxes[n]?.[0].address as never])
      }
      await settle()
      expect(scopes.map((scope) => scope.members('apart').length)).toEqual([2, 4, 4])
      simulation.network.heal()
      // As long as the longest pause between two attempts at a member.
      await settle(60_000)
      agree(
        scopes,
        'all',
        boxes.map(([box]) => box.address),
      )
      agree(scopes, 'leaves', [])
      agree(scopes, 'ends', [])
      agree(
        scopes,
        'apart',
        boxes.flatMap(([box]) => [box.address, box.address]),
      )
      for (const scope of scopes) expect(scope.groups().length).toBe(2)
    }))

  test('a node that restarts brings its new members, and none of the old', () =>
    connected([a, b], async ({ simulation, nodes, scopes, settle }) => {
      const old = (nodes[1] as TestNode).mailbox().address
      scopes[1]?.join('shop', old)
      await settle()
      agree(scopes.slice(0, 1), 'shop', [old])
      simulation.network.vanish(b)
      const next = await simulation.start(b)
      const fresh = next.mailbox().address
      next.groups.join('shop', fresh)
      await settle(5_000)
      agree([scopes[0] as GroupScope, next.groups.scope()], 'shop', [fresh])
      const stopped = next.stop()
      await settle(20_000)
      await stopped
    }))

  test('a node that only has the scope later takes part from then on, whichever it is', async () => {
    const simulation = new Simulation(7, [a, b], { latency: { minMs: 1, maxMs: 5 } })
    const [one, other] = [await simulation.start(a), await simulation.start(b)]
    await simulation.clock.run(settleMs)
    const first = one.groups.scope('late')
    const early = one.mailbox().address
    first.join('shop', early)
    await simulation.clock.run(10_000)
    expect(first.nodes()).toEqual([{ node: b, state: 'absent', groups: 0 }])
    const second = other.groups.scope('late')
    const late = other.mailbox().address
    second.join('shop', late)
    await simulation.clock.run(100)
    agree([first, second], 'shop', [early, late])
    expect(first.nodes()).toEqual([{ node: b, state: 'synced', groups: 1 }])
    // That the scope was not there was asked again and again, but no message was left lying about.
    expect(other.deadLetters.counts.noname).toBe(1)
    await endSimulation(simulation, one, other)
  })

  test('a scope that is stopped is gone for the others; started again, it knows them at once', () =>
    connected([a, b], async ({ nodes: [one, other], scopes, settle }) => {
      const [mine, theirs] = [(one as TestNode).mailbox().address, (other as TestNode).mailbox().address]
      scopes[0]?.join('shop', [mine, mine])
      scopes[1]?.join('shop', theirs)
      await settle()
      scopes[0]?.stop()
      await settle()
      agree(scopes.slice(1), 'shop', [theirs])
      const again = (one as TestNode).groups.scope()
      await settle(100)
      agree([again, scopes[1] as GroupScope], 'shop', [theirs])
      again.join('shop', mine)
      await settle(100)
      agree([again, scopes[1] as GroupScope], 'shop', [theirs, mine])
    }))

  test('a scope process that is killed from afar is followed by another: nobody’s membership is lost', () =>
    connected([a, b], async ({ nodes: [one, other], scopes, settle }) => {
      const box = (one as TestNode).mailbox()
      const theirs = (other as TestNode).mailbox().address
      using watcher = (one as TestNode).mailbox<GroupJoin | GroupLeave>()
      scopes[0]?.join('shop', [box.address, box.address])
      scopes[1]?.join('shop', theirs)
      await settle()
      const { ref } = (scopes[0] as GroupScope).monitor(watcher, 'shop')
      const before = one?.whereis<never>('pg') as Address<never>
      other?.exit(other.addressBook.address(a, before.id, before.serial, before.creation), atom('kill'))
      await settle()
      expect(one?.whereis('pg')).not.toBe(before)
      agree(scopes, 'shop', [box.address, box.address, theirs])
      // Who watches sees the others go and come.
      expect(notices(watcher)).toEqual(['leave shop 1', 'join shop 1'])
      // Ends are seen by the new one as by the old.
      box.close()
      await settle()
      agree(scopes, 'shop', [theirs])
      expect(notices(watcher)).toEqual(['leave shop 1', 'leave shop 1'])
      expect((scopes[0] as GroupScope).demonitor(ref)).toBe(true)
      expect(one?.log.at('warn').map(({ message }) => message)).toContain(
        'the process of a scope was ended from outside, and is started again',
      )
    }))

  test('the end of a member reaches everybody in one message, however many groups it was in', () =>
    connected([a, b], async ({ nodes: [one, other], scopes, settle }) => {
      const box = (one as TestNode).mailbox()
      for (let n = 0; n < 50; n++) scopes[0]?.join(`group ${n}`, [box.address, box.address])
      await settle()
      expect(scopes[1]?.groups()).toHaveLength(50)
      // What a spy in the place of the other scope process hears.
      const heard: unknown[] = []
      const spy = (other as TestNode).service((message) => heard.push(message))
      other?.send(named('pg', a), tuple(atom('discover'), spy.self))
      await settle()
      heard.length = 0
      box.close()
      await settle()
      expect(scopes[1]?.groups()).toEqual([])
      expect(heard).toHaveLength(1)
    }))

  test('connected nodes exchange their members once, not twice', () =>
    connected([a, b], async ({ nodes: [one, other], scopes, settle }) => {
      scopes[0]?.join('shop', (one as TestNode).mailbox().address)
      scopes[1]?.join('shop', (other as TestNode).mailbox().address)
      await settle()
      const sync = vi.spyOn(GroupView.prototype, 'sync')
      one?.disconnect(b)
      await settle()
      expect(scopes.map((scope) => scope.members('shop').length)).toEqual([2, 2])
      expect(sync.mock.calls.filter(([, told]) => told.length > 0)).toHaveLength(2)
      sync.mockRestore()
    }))
})

describe('sync', () => {
  test('resolves when both sides know all that had joined, however lately they have met', () =>
    connected([a, b, c], async ({ simulation, nodes, scopes }) => {
      for (const node of nodes) for (const other of nodes) node.disconnect(other.name)
      for (const [n, scope] of scopes.entries()) scope.join('shop', (nodes[n] as TestNode).mailbox().address)
      let up = 0
      for (const node of nodes) node.onNodeUp(() => up++)
      let known: number[] | undefined
      while (up < 6) await simulation.clock.run(1)
      const synced = scopes[0]?.sync().then(() => {
        known = scopes.map((scope) => scope.members('shop').length)
      })
      expect(scopes[0]?.nodes().map(({ state }) => state)).toContain('waiting')
      await simulation.clock.run(100)
      await synced
      // The two others may not know each other yet; each knows us, and we know both.
      expect(known?.[0]).toBe(3)
      expect(known?.[1]).toBeGreaterThanOrEqual(2)
      expect(known?.[2]).toBeGreaterThanOrEqual(2)
    }))

  test('waits for what is under way between nodes that know each other', () =>
    connected([a, b], async ({ nodes: [one], scopes, settle }) => {
      for (let n = 0; n < 20; n++) scopes[0]?.join(`group ${n}`, (one as TestNode).mailbox().address)
      let known: number | undefined
      const synced = scopes[0]?.sync().then(() => {
        known = scopes[1]?.groups().length
      })
      expect(scopes[1]?.groups()).toEqual([])
      await settle()
      await synced
      expect(known).toBe(20)
    }))

  test('does not wait for nodes without the scope, nor for those that are lost meanwhile, nor without any', async () => {
    await using alone = await Node.local({ logger: silent })
    await alone.groups.sync()
    const simulation = new Simulation(5, [a, b, c], { latency: { minMs: 1, maxMs: 5 } })
    const [one, other, third] = [
      await simulation.start(a),
      await simulation.start(b),
      await simulation.start(c),
    ] as const
    await simulation.clock.run(settleMs)
    other.groups.scope()
    const scope = one.groups.scope()
    const synced = scope.sync()
    await simulation.clock.run(100)
    await synced
    expect(scope.nodes()).toEqual([
      { node: b, state: 'synced', groups: 0 },
      { node: c, state: 'absent', groups: 0 },
    ])
    simulation.network.cut(a, b)
    const late = scope.sync({ timeout: 1_000_000 })
    await simulation.clock.run(100_000)
    await late
    await endSimulation(simulation, one, other, third)
  })

  test('ends at its time, and by its signal, and leaves nothing behind', () =>
    connected([a, b], async ({ simulation, nodes: [one], scopes, settle }) => {
      simulation.network.cut(a, b)
      const timers = simulation.clock.timersPending
      const scope = scopes[0] as GroupScope
      const late = expect(scope.sync({ timeout: 100 })).rejects.toThrow(code('ERR_REIGN_TIMEOUT'))
      const end = new AbortController()
      const aborted = expect(scope.sync({ signal: end.signal })).rejects.toBe('enough')
      await settle(50)
      end.abort('enough')
      await settle(100)
      await late
      await aborted
      await expect(scope.sync({ signal: end.signal })).rejects.toBe('enough')
      await expect(scope.sync({ timeout: Number.NaN })).rejects.toThrow(code('ERR_REIGN_ARGUMENT'))
      expect(simulation.clock.timersPending).toBe(timers)
      expect(one?.processInfo(one.whereis('pg') as Address<never>)?.monitors).toHaveLength(1)
      simulation.network.heal()
      const synced = scope.sync()
      await settle()
      await synced
    }))
})

describe('what others send to a scope', () => {
  test('of processes of a third node, or by a scope process that has not synced, changes nothing', () =>
    connected([a, b, c], async ({ nodes: [one, other, third], scopes, settle }) => {
      const to = named('pg', a)
      const own = (one as TestNode).mailbox().address
      const theirs = (other as TestNode).mailbox().address
      const far = (third as TestNode).mailbox().address
      scopes[0]?.join('shop', own)
      await settle()
      const peer = other?.whereis('pg')
      other?.send(to, tuple(atom('join'), peer, 'shop', [theirs, far, own]))
      await settle()
      agree(scopes.slice(0, 1), 'shop', [own, theirs])
      other?.send(to, tuple(atom('leave'), peer, [far, own], ['shop']))
      const stranger = (other as TestNode).mailbox().address
      other?.send(to, tuple(atom('join'), stranger, 'shop', theirs))
      other?.send(to, tuple(atom('leave'), stranger, theirs, ['shop']))
      await settle()
      agree(scopes.slice(0, 1), 'shop', [own, theirs])
      // One whose scope has been stopped is a stranger, too.
      scopes[1]?.stop()
      await settle()
      other?.send(to, tuple(atom('join'), peer, 'shop', theirs))
      await settle()
      agree(scopes.slice(0, 1), 'shop', [own])
    }))

  test('a sync out of turn is believed, and put right by the next', () =>
    connected([a, b], async ({ nodes: [one, other], scopes, settle }) => {
      const [own, theirs] = [(one as TestNode).mailbox().address, (other as TestNode).mailbox().address]
      scopes[0]?.join('one', own)
      scopes[1]?.join('one', theirs)
      await settle()
      const peer = other?.whereis('pg')
      const wrong = [tuple('one', [theirs, theirs]), tuple('two', [theirs, theirs]), tuple('one', [theirs])]
      other?.send(named('pg', a), tuple(atom('$gen_cast'), tuple(atom('sync'), peer, wrong)))
      await settle()
      agree(scopes.slice(0, 1), 'one', [own, theirs, theirs, theirs])
      agree(scopes.slice(0, 1), 'two', [theirs, theirs])
      one?.send(named('pg', b), tuple(atom('discover'), one.whereis('pg')))
      await settle()
      agree(scopes.slice(0, 1), 'one', [own, theirs])
      agree(scopes.slice(0, 1), 'two', [])
    }))

  test('that the node itself has come up, or greets itself, is no news', () =>
    connected([a, b], async ({ nodes: [one, other], scopes, settle }) => {
      const own = (one as TestNode).mailbox().address
      const self = one?.whereis('pg')
      one?.send(named('pg', a), tuple(atom('nodeup'), atom(a)))
      one?.send(named('pg', a), tuple(atom('discover'), self))
      one?.send(named('pg', a), tuple(atom('$gen_cast'), tuple(atom('sync'), self, [tuple('shop', [own])])))
      other?.send(named('pg', a), tuple(atom('$gen_cast'), tuple(atom('sync'), self, [tuple('shop', [own])])))
      await settle()
      expect(scopes[0]?.groups()).toEqual([])
      scopes[0]?.join('shop', own)
      agree(scopes.slice(0, 1), 'shop', [own])
    }))

  test('a process of a node that is not connected is not dialled for it', async () => {
    const simulation = new Simulation(9, [a, b, c], { latency: { minMs: 1, maxMs: 5 } })
    const [one, other, third] = [
      await simulation.start(a, { dialMembers: false }),
      await simulation.start(b, { dialMembers: false }),
      await simulation.start(c, { dialMembers: false }),
    ] as const
    const meet = [one.connect(b), other.connect(c)]
    await simulation.clock.run(100)
    await Promise.all(meet)
    one.groups.scope()
    const box = third.mailbox<Address<unknown>>()
    third.register('box', box.address)
    const theirs = third.mailbox()
    const given = other.mailbox<Address<unknown>>()
    third.send(given.address as never, 'x')
    other.register('given', given.address)
    third.send(named('given', b), theirs.address)
    await simulation.clock.run(100)
    for (const tag of ['discover', 'join']) {
      other.send(named('pg', a), tuple(atom(tag), given.poll() ?? theirs.address, 'shop', []))
    }
    await simulation.clock.run(1_000)
    expect(one.nodes()).toEqual([b])
    expect(one.groups.groups()).toEqual([])
    await endSimulation(simulation, one, other, third)
  })

  test('system messages are answered, as by every process of OTP', () =>
    connected([a, b], async ({ nodes: [one, other], settle }) => {
      const answers = (other as TestNode).mailbox()
      const ask = (request: unknown, from: unknown = tuple(answers.address, 'tag')) =>
        other?.send(named('pg', a), tuple(atom('system'), from, request))
      ask(tuple(atom('debug'), tuple(atom('log'), atom('get'))))
      ask(atom('get_state'))
      ask(atom('get_state'), 'nobody')
      ask(atom('get_state'), tuple('nobody', 'tag'))
      other?.send(named('pg', a), tuple(atom('system')))
      await settle()
      expect(Array.from({ length: answers.length }, () => answers.poll())).toEqual([
        tuple('tag', tuple(atom('ok'), [])),
        tuple('tag', tuple(atom('error'), tuple(atom('unknown_system_msg'), atom('get_state')))),
      ])
      expect(one?.whereis('pg')).toBeDefined()
    }))
})

test('two thousand syncs against ten thousand groups do not keep a scope from anything', async () => {
  const simulation = new Simulation(11, [a, b], { latency: { minMs: 1, maxMs: 1 } })
  const [one, other] = [await simulation.start(a), await simulation.start(b)]
  const scope = one.groups.scope()
  const far = other.groups.scope()
  await simulation.clock.run(settleMs)
  const box = one.mailbox()
  for (let n = 0; n < 10_000; n++) scope.join(tuple(atom('group'), n), box.address)
  await simulation.clock.run(settleMs)
  expect(far.groups()).toHaveLength(10_000)
  const theirs = other.mailbox().address
  const fake = tuple(
    atom('$gen_cast'),
    tuple(atom('sync'), other.whereis('pg'), [tuple(tuple(atom('group'), 1), [theirs, theirs])]),
  )
  const start = spentMs()
  for (let n = 0; n < 2_000; n++) other.send(named('pg', a), fake)
  await simulation.clock.run(settleMs)
  scope.join('herd', box.address)
  expect(scope.members('herd')).toEqual([box.address])
  expect(addressTexts(scope.members(tuple(atom('group'), 1)))).toEqual(addressTexts([box.address, theirs, theirs]))
  expect(spentMs() - start).toBeLessThan(5_000)
  await endSimulation(simulation, one, other)
})
