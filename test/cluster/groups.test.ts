/** Process groups as one node has them: members, scopes, and who is told of changes. */
import { describe, expect, test } from 'vitest'
import type { GroupJoin, GroupLeave } from '../../src/cluster/group-monitors.js'
import { Node } from '../../src/cluster/node.js'
import { silent } from '../../src/logger.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { tuple } from '../../src/term/tuple.js'
import { code, endSimulation, notices } from './group-kit.js'
import { Simulation } from './simulation.js'

const atom = Symbol.for
const a = 'a@127.0.0.1'
const b = 'b@127.0.0.1'

const local = () => Node.local({ logger: silent })

describe('on one node', () => {
  test('a process is in as often as it has joined, and out when it has left as often', async () => {
    await using node = await local()
    const { groups } = node
    const [one, other] = [node.mailbox().address, node.mailbox().address]
    groups.join('shop', one)
    groups.join('shop', [one, other, one])
    expect(groups.members('shop')).toEqual([one, one, one, other])
    expect(groups.localMembers('shop')).toEqual([one, one, one, other])
    expect(groups.groups()).toEqual(['shop'])
    expect(groups.localGroups()).toEqual(['shop'])

    expect(groups.leave('nobody', one)).toBe(false)
    expect(groups.leave('shop', node.mailbox().address)).toBe(false)
    expect(groups.leave('shop', [one, one])).toBe(true)
    expect(groups.members('shop')).toEqual([one, other])
    // As often as it is in, and no more.
    expect(groups.leave('shop', [one, one, one])).toBe(true)
    expect(groups.leave('shop', other)).toBe(true)
    expect(groups.leave('shop', other)).toBe(false)
    expect(groups.members('shop')).toEqual([])
    expect(groups.groups()).toEqual([])
  })

  test('joining and leaving nobody is nothing', async () => {
    await using node = await local()
    node.groups.join('shop', [])
    expect(node.groups.leave('shop', [])).toBe(false)
    expect(node.groups.groups()).toEqual([])
  })

  test('its end takes a process out of all its groups; one that has ended does not come in', async () => {
    await using node = await local()
    const box = node.mailbox()
    const mortal = node.spawn((self: Process) => self.receive())
    node.groups.join('shop', [box.address, mortal, mortal])
    node.groups.join('desk', mortal)
    node.exit(mortal, atom('kill'))
    expect(node.groups.members('shop')).toEqual([box.address])
    expect(node.groups.groups()).toEqual(['shop'])
    node.groups.join('desk', [mortal, box.address])
    expect(node.groups.members('desk')).toEqual([box.address])
    expect(node.groups.leave('desk', mortal)).toBe(false)
  })

  test('a process that leaves and ends at once, in either order, is out', async () => {
    await using node = await local()
    for (let n = 0; n < 100; n++) {
      const address = node.spawn(() => {})
      if (n % 3 === 0) await Promise.resolve()
      node.groups.join('test', address)
      if (n % 3 === 1) await new Promise((resolve) => setImmediate(resolve))
      node.groups.leave('test', address)
      if (n % 3 === 2) node.exit(address, atom('kill'))
    }
    await new Promise((resolve) => setImmediate(resolve))
    expect(node.groups.groups()).toEqual([])
    expect(node.processInfo(node.whereis('pg') as Address<never>)?.monitors).toEqual([])
  })

  test('only processes of the node itself join; of several, none when one is a stranger', async () => {
    const simulation = new Simulation(1, [a, b])
    const [node, other] = [await simulation.start(a), await simulation.start(b)]
    const mine = node.mailbox().address
    const theirs = other.mailbox().address
    for (const members of [
      theirs,
      [theirs, theirs],
      [mine, theirs],
      undefined,
      [undefined],
      'chat',
      atom('chat'),
      [mine, {}],
    ]) {
      expect(() => node.groups.join('shop', members as never)).toThrow(code('ERR_REIGN_ARGUMENT'))
      expect(() => node.groups.leave('shop', members as never)).toThrow(code('ERR_REIGN_ARGUMENT'))
    }
    expect(node.groups.groups()).toEqual([])
    await endSimulation(simulation, node, other)
  })

  test('any term is a name, and the same term is the same name', async () => {
    await using node = await local()
    const { address } = node.mailbox()
    const same: readonly (readonly [unknown, unknown])[] = [
      ['shop', new TextEncoder().encode('shop')],
      [atom('shop'), atom('shop')],
      [tuple('room', 7), tuple('room', 7)],
      [{ room: [1, { deep: 'x' }] }, { room: [1, { deep: 'x' }] }],
      [7, 7n],
      [2 ** 53 - 1, 2n ** 53n - 1n],
      [0, -0],
      [1.5, 1.5],
      [2n ** 70n, 2n ** 70n],
      [undefined, undefined],
      [null, null],
      [true, atom('true')],
      [address, address],
      [new Uint8Array([0xff]), new Uint8Array([0xff])],
      ['', ''],
    ]
    for (const [one, other] of same) {
      node.groups.join(one, address)
      expect(node.groups.members(other)).toEqual([address])
      expect(node.groups.groups()).toHaveLength(1)
      node.groups.leave(other, address)
      expect(node.groups.groups()).toEqual([])
    }
    for (const [one] of same) node.groups.join(one, address)
    expect(node.groups.groups()).toHaveLength(same.length)
  })

  test('what is no term is no name, and leaves nothing behind', async () => {
    await using node = await local()
    const { address } = node.mailbox()
    for (const name of [Symbol('private'), () => {}, 'a lone \ud800', Number.NaN, { deep: Symbol('private') }]) {
      expect(() => node.groups.join(name, address)).toThrow(code('ERR_REIGN_TERM_UNSUPPORTED'))
      expect(() => node.groups.members(name)).toThrow(code('ERR_REIGN_TERM_UNSUPPORTED'))
    }
    expect(node.groups.groups()).toEqual([])
  })

  test('what is looked up is the caller’s own', async () => {
    await using node = await local()
    const list = [node.mailbox().address]
    node.groups.join('shop', list)
    list.length = 0
    node.groups.members('shop').length = 0
    node.groups.localMembers('shop').length = 0
    expect(node.groups.members('shop')).toHaveLength(1)
  })
})

describe('scopes', () => {
  test('know nothing of each other; the one that is meant unless another is named is pg', async () => {
    await using node = await local()
    const { address } = node.mailbox()
    expect(node.groups.scopes()).toEqual(['reign'])
    node.groups.join('shop', address)
    expect(node.groups.scope('pg').members('shop')).toEqual([address])
    expect(node.groups.scope('other').members('shop')).toEqual([])
    node.groups.scope('other').join('desk', address)
    expect(node.groups.groups()).toEqual(['shop'])
    expect(node.groups.scopes()).toEqual(['reign', 'pg', 'other'])
    expect(node.groups.scope('other')).toBe(node.groups.scope('other'))
  })

  test('are registered processes: a name that is taken, or none, is refused, and can be had later', async () => {
    await using node = await local()
    const box = node.mailbox()
    node.register('mine', box.address)
    const before = node.processes().length
    expect(() => node.groups.scope('mine')).toThrow(code('ERR_REIGN_NAME_TAKEN'))
    for (const name of ['', 'x'.repeat(256), 7]) {
      expect(() => node.groups.scope(name as never)).toThrow(code('ERR_REIGN_ARGUMENT'))
    }
    expect(node.processes()).toHaveLength(before)
    node.unregister('mine')
    expect(node.groups.scope('mine').name).toBe('mine')
    expect(node.registered()).toContain('mine')
  })

  test('that are stopped have no members, and take none; started again, they begin anew', async () => {
    await using node = await local()
    using watcher = node.mailbox<GroupJoin | GroupLeave>()
    const box = node.mailbox()
    const scope = node.groups.scope('s')
    scope.join('shop', [box.address, box.address])
    scope.monitorScope(watcher)
    scope.stop()
    scope.stop()
    expect(notices(watcher)).toEqual(['leave shop 1', 'leave shop 1'])
    expect(scope.members('shop')).toEqual([])
    expect(node.whereis('s')).toBe(undefined)
    for (const use of [
      () => scope.join('shop', box.address),
      () => scope.leave('shop', box.address),
      () => scope.monitor(watcher, 'shop'),
      () => scope.monitorScope(watcher),
    ]) {
      expect(use).toThrow(code('ERR_REIGN_CLOSED'))
    }
    await expect(scope.sync()).rejects.toThrow(code('ERR_REIGN_CLOSED'))
    const again = node.groups.scope('s')
    expect(again).not.toBe(scope)
    again.join('shop', box.address)
    expect(again.members('shop')).toEqual([box.address])
    expect(box.alive).toBe(true)
  })

  test('end with their node', async () => {
    const node = await local()
    const told: unknown[] = []
    node.names.watch('shop', (claimants) => told.push(claimants.length))
    const { address } = node.mailbox()
    node.groups.join('shop', address)
    node.names.register('shop', address)
    await node.stop()
    expect(node.groups.members('shop')).toEqual([])
    expect(node.names.lookupAll('shop')).toEqual([])
    expect(() => node.groups.join('shop', address)).toThrow(code('ERR_REIGN_CLOSED'))
    expect(() => node.names.register('shop', address)).toThrow(code('ERR_REIGN_CLOSED'))
    expect(() => node.groups.scope('late')).toThrow(code('ERR_REIGN_NODE_STOPPED'))
    expect(told).toEqual([0, 1])
  })
})

describe('a monitor', () => {
  test('of a group gives who is in it, and then tells of every change of it, and of no other', async () => {
    await using node = await local()
    using watcher = node.mailbox<GroupJoin | GroupLeave>()
    const [one, other] = [node.mailbox(), node.mailbox()]
    node.groups.join('shop', one.address)
    const { ref, members } = node.groups.monitor(watcher, 'shop')
    expect(members).toEqual([one.address])
    node.groups.join('desk', one.address)
    node.groups.join('shop', [other.address, other.address])
    node.groups.leave('shop', one.address)
    other.close()
    const told = Array.from({ length: watcher.length }, () => watcher.poll())
    expect(told).toEqual([
      { type: 'join', ref, group: 'shop', members: [other.address, other.address] },
      { type: 'leave', ref, group: 'shop', members: [one.address] },
      // As in OTP: once for each time that it was in.
      { type: 'leave', ref, group: 'shop', members: [other.address] },
      { type: 'leave', ref, group: 'shop', members: [other.address] },
    ])
  })

  test('of a scope gives all groups, and then tells of every change of any', async () => {
    await using node = await local()
    using watcher = node.mailbox<GroupJoin | GroupLeave>()
    const box = node.mailbox()
    node.groups.join('shop', box.address)
    node.groups.join(tuple('room', 1), [box.address, box.address])
    const { ref, groups } = node.groups.monitorScope(watcher)
    expect(groups).toEqual([
      ['shop', [box.address]],
      [tuple('room', 1), [box.address, box.address]],
    ])
    node.groups.join('desk', box.address)
    expect(watcher.poll()).toEqual({ type: 'join', ref, group: 'desk', members: [box.address] })
    box.close()
    expect(notices(watcher)).toEqual(['leave shop 1', 'leave {"room", 1} 1', 'leave {"room", 1} 1', 'leave desk 1'])
  })

  test('that is taken back tells nothing more, and what it has told is removed; other messages stay', async () => {
    await using node = await local()
    using watcher = node.mailbox<unknown>()
    const box = node.mailbox()
    const { ref } = node.groups.monitor(watcher, 'shop')
    const other = node.groups.monitor(watcher, 'shop')
    watcher.address.send('before')
    node.groups.join('shop', box.address)
    node.groups.join('shop', box.address)
    watcher.address.send('after')
    expect(node.groups.demonitor(ref)).toBe(true)
    expect(node.groups.demonitor(ref)).toBe(false)
    expect(node.groups.demonitor(node.addressBook.makeRef())).toBe(false)
    node.groups.leave('shop', box.address)
    const kinds = Array.from({ length: watcher.length }, () => watcher.poll()).map((each) =>
      typeof each === 'object' ? (each as GroupJoin).ref === other.ref && (each as GroupJoin).type : each,
    )
    expect(kinds).toEqual(['before', 'join', 'join', 'after', 'leave'])
  })

  test('ends with its mailbox, and leaves nothing behind', async () => {
    await using node = await local()
    const box = node.mailbox()
    node.groups.join('shop', box.address)
    const scope = node.whereis('pg') as Address<never>
    for (let n = 0; n < 100; n++) {
      const watcher = node.mailbox()
      node.groups.monitor(watcher, 'shop')
      node.groups.monitorScope(watcher)
      const taken = node.groups.monitor(watcher, 'desk')
      node.groups.demonitor(taken.ref)
      watcher.close()
    }
    expect(node.processInfo(scope)?.monitors).toEqual([box.address])
    const counted = node.deadLetters.counts.noproc
    node.groups.join('shop', box.address)
    expect(node.deadLetters.counts.noproc).toBe(counted)
  })

  test('is for mailboxes and processes', async () => {
    await using node = await local()
    expect(() => node.groups.monitor(node.mailbox().address as never, 'shop')).toThrow(code('ERR_REIGN_ARGUMENT'))
    expect(() => node.groups.monitorScope(undefined as never)).toThrow(code('ERR_REIGN_ARGUMENT'))
    const told = await new Promise((resolve) => {
      node.spawn(async (self: Process<GroupJoin>) => {
        node.groups.monitor(self, 'shop')
        node.groups.join('shop', self.address as Address<never>)
        resolve(await self.receive())
      })
    })
    expect(told).toMatchObject({ type: 'join', group: 'shop' })
  })

  test('that is set in the middle of a telling hears nothing twice, and misses nothing', async () => {
    const simulation = new Simulation(3, [a, b], { latency: { minMs: 1, maxMs: 1 } })
    const [node, other] = [await simulation.start(a), await simulation.start(b)]
    const scope = node.groups.scope()
    const far = other.groups.scope()
    const members = Array.from({ length: 3 }, () => other.mailbox().address)
    await simulation.clock.run(1_000)
    // One sync tells of many groups at once; the first of them makes somebody listen.
    other.disconnect(a)
    for (let n = 0; n < 10; n++) far.join(`group ${n}`, members)
    const watcher = node.mailbox<GroupJoin | GroupLeave>()
    const seen = new Map<unknown, number>()
    let begun = false
    scope.feed.all(() => {
      if (begun) return
      begun = true
      scope.join('own', watcher.address)
      for (const [group, { length }] of scope.monitorScope(watcher).groups) seen.set(group, length)
    })
    await simulation.clock.run(1_000)
    far.leave('group 7', members.slice(0, 1))
    await simulation.clock.run(1_000)
    expect(begun).toBe(true)
    for (let next = watcher.poll(); next !== undefined; next = watcher.poll()) {
      const sign = next.type === 'join' ? 1 : -1
      seen.set(next.group, (seen.get(next.group) ?? 0) + sign * next.members.length)
    }
    expect(new Map([...seen].sort())).toEqual(
      new Map(
        scope
          .groups()
          .map((group) => [group, scope.members(group).length] as const)
          .sort(),
      ),
    )
    expect(seen.size).toBe(11)
    await endSimulation(simulation, node, other)
  })
})
