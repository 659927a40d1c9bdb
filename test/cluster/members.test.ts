/** Who belongs, of what several sources say: against a model that knows no counts. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Endpoint } from '../../src/cluster/endpoint.js'
import { Members, type MembersChange } from '../../src/cluster/members.js'

const self = 'self@127.0.0.1'
const names = ['a@127.0.0.1', 'b@127.0.0.1', 'c@127.0.0.1', self]
const sources = ['first', 'second', 'third']
const at = (port: number): Endpoint => ({ host: '127.0.0.1', port })

type Step =
  | { do: 'set'; source: string; named: Map<string, Endpoint | undefined> }
  | { do: 'add'; source: string; name: string; address: Endpoint | undefined }
  | { do: 'remove'; source: string; name: string }
  | { do: 'drop'; source: string }
  | { do: 'part'; name: string }
  | { do: 'back'; name: string }

const name = fc.constantFrom(...names)
const source = fc.constantFrom(...sources)
const address = fc.option(fc.integer({ min: 1, max: 9 }).map(at), { nil: undefined })
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constant('set' as const),
    source,
    named: fc.array(fc.tuple(name, address), { maxLength: 4 }).map((entries) => new Map(entries)),
  }),
  fc.record({ do: fc.constant('add' as const), source, name, address }),
  fc.record({ do: fc.constant('remove' as const), source, name }),
  fc.record({ do: fc.constant('drop' as const), source }),
  fc.record({ do: fc.constant('part' as const), name }),
  fc.record({ do: fc.constant('back' as const), name }),
)

function take(members: Members, step: Step): MembersChange | boolean {
  switch (step.do) {
    case 'set':
      return members.set(step.source, step.named)
    case 'add':
      return members.add(step.source, step.name, step.address)
    case 'remove':
      return members.remove(step.source, step.name)
    case 'drop':
      return members.drop(step.source)
    default:
      return members[step.do](step.name)
  }
}

test('whatever the sources say, and whoever parts and comes back, it agrees with a list of what was said', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const members = new Members(self, 'first')
      const said = new Map<string, Map<string, Endpoint | undefined>>([['first', new Map()]])
      const parted = new Set<string>()
      const isNamed = (each: string) => [...said.values()].some((named) => named.has(each))
      const belongs = (each: string) => each !== self && isNamed(each) && !parted.has(each)
      for (const each of steps) {
        const before = names.filter(belongs)
        const change = take(members, each)
        if (each.do === 'back') parted.delete(each.name)
        else if (each.do === 'part' && belongs(each.name)) parted.add(each.name)
        else if ('source' in each) {
          const named = each.do === 'set' ? each.named : (said.get(each.source) ?? new Map())
          said.set(each.source, named)
          if (each.do === 'add') named.set(each.name, each.address)
          if (each.do === 'remove') named.delete(each.name)
          if (each.do === 'drop') said.delete(each.source)
        }
        for (const one of parted) if (!isNamed(one)) parted.delete(one)
        const now = names.filter(belongs)
        expect([...members.names()].sort()).toEqual(now)
        expect(names.filter((one) => members.belongs(one))).toEqual(now)
        const differs = now.join() !== before.join()
        if (typeof change === 'boolean') expect(change).toBe(differs)
        else {
          expect([...change.added].sort()).toEqual(now.filter((one) => !before.includes(one)))
          expect([...change.removed].sort()).toEqual(before.filter((one) => !now.includes(one)))
        }
        for (const one of names) {
          const first = [...said.values()].find((named) => named.get(one) !== undefined)
          expect(members.address(one)).toEqual(one === self ? undefined : first?.get(one))
        }
      }
    }),
    { numRuns: 1_000 },
  )
})

test('the source that comes first has the say about an address, though it speaks last', () => {
  const members = new Members(self, 'file')
  members.add('other', 'a@127.0.0.1', at(2))
  expect(members.address('a@127.0.0.1')).toEqual(at(2))
  members.add('file', 'a@127.0.0.1', at(1))
  expect(members.address('a@127.0.0.1')).toEqual(at(1))
  members.add('file', 'a@127.0.0.1', undefined)
  expect(members.address('a@127.0.0.1')).toEqual(at(2))
})
