import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { groupKey } from '../../src/cluster/group-key.js'
import { GroupView } from '../../src/cluster/group-view.js'
import { keyText } from '../../src/codec/encode.js'
import { Address, type Entrance } from '../../src/term/address.js'
import { Incarnation } from '../../src/term/incarnation.js'
import { tuple } from '../../src/term/tuple.js'
import { spentMs } from '../support/quickest.js'

const nowhere: Entrance = { deliver: () => true, drained: () => Promise.resolve(), leaves: () => {} }
const runs = ['me', 'one', 'two'].map((name) => new Incarnation(`${name}@h`, 1))
const addressOf = (run: number, id: number) => new Address<never>(runs[run] as Incarnation, id, 0, nowhere)
const own = [1, 2, 3].map((id) => addressOf(0, id))
const peers = [addressOf(1, 100), addressOf(2, 100)] as const
const theirs = [1, 2].map((run) => [1, 2, 3].map((id) => addressOf(run, id)))

const key = (name: unknown): string =>
  typeof name === 'object' && name !== null ? `term:${keyText(name)}` : `plain:${String(name)}`
/** Structured names are made anew each time: it is the term that counts, not the object. */
const groupNames = [() => 'chat', () => Symbol.for('chat'), () => tuple('room', 7), () => ({ room: [1, 2] })] as const

/** The same, as simple as can be: a bag of memberships, each with who said so. */
class Model {
  own: { group: number; member: Address<never> }[] = []
  remote = new Map<number, { group: number; member: Address<never> }[]>()

  members(group: number): Address<never>[] {
    const all = [...this.own, ...[...this.remote.values()].flat()]
    return all.filter((membership) => membership.group === group).map(({ member }) => member)
  }

  static removeOnce(bag: { group: number; member: Address<never> }[], group: number, member: Address<never>): boolean {
    const at = bag.findIndex((membership) => membership.group === group && membership.member === member)
    if (at >= 0) bag.splice(at, 1)
    return at >= 0
  }
}

/** What listeners were told, added up: it must always come to what the look-ups say. */
class Ledger {
  readonly #counts = new Map<string, number>()

  book(change: { kind: string; group: unknown; members: readonly Address<never>[] } | undefined): void {
    if (change === undefined) return
    if (change.members.length === 0) throw new Error('told of a change that is none')
    for (const member of change.members) {
      const line = `${key(change.group)} ${member}`
      const count = (this.#counts.get(line) ?? 0) + (change.kind === 'join' ? 1 : -1)
      if (count < 0) throw new Error(`${line}: told to have left more often than joined`)
      this.#counts.set(line, count)
    }
  }

  members(group: unknown): string[] {
    const lines = [...this.#counts].filter(([line]) => line.startsWith(`${key(group)} `))
    return lines.flatMap(([line, count]) => Array<string>(count).fill(line.slice(key(group).length + 1))).sort()
  }
}

const group = fc.nat({ max: groupNames.length - 1 })
const index = fc.nat({ max: 2 })
const peer = fc.nat({ max: 1 })
const some = fc.array(index, { maxLength: 3 })
const step = fc.oneof(
  fc.record({ do: fc.constant('join' as const), group, member: index }),
  fc.record({ do: fc.constant('leave' as const), group, member: index }),
  fc.record({ do: fc.constant('leave all' as const), member: index }),
  fc.record({ do: fc.constant('sync' as const), peer, told: fc.array(fc.tuple(group, some), { maxLength: 4 }) }),
  fc.record({ do: fc.constant('remote join' as const), peer, group, members: some }),
  fc.record({
    do: fc.constant('remote leave' as const),
    peer,
    members: some,
    groups: fc.array(group, { maxLength: 3 }),
  }),
  fc.record({ do: fc.constant('drop' as const), peer }),
)

const text = (addresses: readonly Address<never>[]) => addresses.map(String).sort()

test('whatever is joined, left, synced and dropped, in any order, it agrees with a bag of memberships', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const view = new GroupView()
      const model = new Model()
      const ledger = new Ledger()
      const versions = new Map<number, { version: number; members: string }>()
      for (const each of steps) {
        if (each.do === 'join') {
          const member = own[each.member] as Address<never>
          ledger.book(view.join(groupNames[each.group]?.(), [member]))
          model.own.push({ group: each.group, member })
        } else if (each.do === 'leave') {
          const member = own[each.member] as Address<never>
          const change = view.leave(groupNames[each.group]?.(), [member])
          expect(change !== undefined).toBe(Model.removeOnce(model.own, each.group, member))
          ledger.book(change)
        } else if (each.do === 'leave all') {
          const member = own[each.member] as Address<never>
          const changes = view.leaveAll(member)
          for (const change of changes) ledger.book(change)
          expect(changes.length).toBe(model.own.filter((membership) => membership.member === member).length)
          model.own = model.own.filter((membership) => membership.member !== member)
        } else if (each.do === 'sync') {
          const mine = theirs[each.peer] as Address<never>[]
          const told = each.told.map(
            ([g, members]) => [groupNames[g]?.(), members.map((m) => mine[m] as Address<never>)] as const,
          )
          for (const change of view.sync(peers[each.peer] as Address<never>, told)) ledger.book(change)
          model.remote.set(
            each.peer,
            each.told.flatMap(([g, members]) => members.map((m) => ({ group: g, member: mine[m] as Address<never> }))),
          )
        } else if (each.do === 'remote join') {
          const members = each.members.map((m) => theirs[each.peer]?.[m] as Address<never>)
          ledger.book(view.remoteJoin(peers[each.peer] as Address<never>, groupNames[each.group]?.(), members))
          model.remote.get(each.peer)?.push(...members.map((member) => ({ group: each.group, member })))
        } else if (each.do === 'remote leave') {
          const members = each.members.map((m) => theirs[each.peer]?.[m] as Address<never>)
          const names = each.groups.map((g) => groupNames[g]?.())
          for (const change of view.remoteLeave(peers[each.peer] as Address<never>, members, names)) ledger.book(change)
          const bag = model.remote.get(each.peer) ?? []
          for (const g of each.groups) for (const member of members) Model.removeOnce(bag, g, member)
        } else {
          for (const change of view.drop(peers[each.peer] as Address<never>)) ledger.book(change)
          model.remote.delete(each.peer)
        }

        groupNames.forEach((name, g) => {
          const members = view.members(name())
          expect(text(members)).toEqual(text(model.members(g)))
          expect(ledger.members(name())).toEqual(text(members))
          const ownCount = model.own.filter((membership) => membership.group === g).length
          // Those of this node first.
          expect(text(members.slice(0, ownCount))).toEqual(text(view.localMembers(name())))
          expect(view.localMembers(name()).length).toBe(ownCount)
          expect(view.first(name())).toBe(members[0])
          // The set of those who are in has another version exactly when it is another set.
          const distinct = view.distinct(groupKey(name()))
          const set = { version: distinct.version, members: text(distinct.members).join() }
          expect(set.members).toBe(text([...new Set(members)]).join())
          const before = versions.get(g) ?? { version: 0, members: '' }
          expect(set.version === before.version || set.members === '').toBe(
            set.members === before.members || set.members === '',
          )
          versions.set(g, set)
        })
        const present = groupNames.filter((_, g) => model.members(g).length > 0).map((name) => key(name()))
        expect(view.names().map(key).sort()).toEqual(present.sort())
        const told = view.own().flatMap(([name, members]) => members.map((member) => `${key(name)} ${member}`))
        expect(told.sort()).toEqual(
          model.own.map((membership) => `${key(groupNames[membership.group]?.())} ${membership.member}`).sort(),
        )
        for (const n of [0, 1]) expect(view.isKnown(peers[n] as Address<never>)).toBe(model.remote.has(n))
        for (const member of own) {
          expect(view.isMember(member)).toBe(model.own.some((membership) => membership.member === member))
        }
      }
    }),
    { numRuns: 500 },
  )
})

describe('what a look-up gives', () => {
  test('is the caller’s own: changing it changes nothing', () => {
    const view = new GroupView()
    view.join('chat', own.slice(0, 1))
    view.sync(peers[0], [['chat', [theirs[0]?.[0] as Address<never>]]])
    view.members('chat').length = 0
    view.localMembers('chat').length = 0
    expect(view.members('chat')).toHaveLength(2)
  })

  test('costs what the group has, not what the cluster has', () => {
    const view = new GroupView()
    for (let n = 0; n < 20_000; n++) view.join(`other ${n}`, [addressOf(0, n + 10)])
    view.join('chat', own.slice(0, 1))
    const start = spentMs()
    for (let n = 0; n < 10_000; n++) view.members('chat')
    expect(spentMs() - start).toBeLessThan(500)
  })
})
