import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProcessTable } from '../../src/node/process-table.js'
import type { Entity } from '../../src/process/entity.js'

const entity = (id: number, serial: number) => ({ self: { id, serial } }) as Entity

/** Allocates and adds. */
function born(table: ProcessTable): Entity {
  const id = table.allocate()
  const { serial } = table
  const made = entity(id, serial)
  table.add(made)
  return made
}

test('numbers begin at 1, and none is given twice while its bearer lives', () => {
  const table = new ProcessTable()
  const made = Array.from({ length: 1_000 }, () => born(table))
  expect(made.map(({ self }) => self.id)).toEqual(Array.from({ length: 1_000 }, (_, i) => i + 1))
  expect(table.size).toBe(1_000)
  expect([...table.values()]).toEqual(made)
})

test('a number is not given again soon: the others come first, then the serial moves on', () => {
  const table = new ProcessTable({ idMax: 4, serialMax: 2 })
  const seen: string[] = []
  for (let i = 0; i < 14; i++) {
    const { self } = born(table)
    seen.push(`${self.id}.${self.serial}`)
    table.remove(entity(self.id, self.serial))
  }
  expect(seen).toEqual([
    ...['1.0', '2.0', '3.0', '4.0'],
    ...['1.1', '2.1', '3.1', '4.1'],
    ...['1.2', '2.2', '3.2', '4.2'],
    ...['1.0', '2.0'],
  ])
})

test('numbers wrap around past those who live', () => {
  const table = new ProcessTable({ idMax: 3, serialMax: 1 })
  const survivor = born(table)
  expect(survivor.self).toEqual({ id: 1, serial: 0 })
  for (let i = 0; i < 9; i++) {
    const passing = born(table)
    expect(passing.self.id).not.toBe(1)
    table.remove(passing)
  }
  expect(table.get(1, 0)).toBe(survivor)
})

test('who had a number before is not found by it', () => {
  const table = new ProcessTable({ idMax: 1, serialMax: 1 })
  const first = born(table)
  table.remove(first)
  const second = born(table)
  expect(second.self).toEqual({ id: 1, serial: 1 })
  expect(table.get(1, 0)).toBe(undefined)
  expect(table.get(1, 1)).toBe(second)
  expect(table.get(2, 0)).toBe(undefined)
})

const arbitrarySteps = fc.array(fc.oneof({ weight: 2, arbitrary: fc.constant('birth' as const) }, fc.nat()), {
  maxLength: 600,
})

test('whoever comes and goes, in whichever order, the living are found and the dead are not', () => {
  fc.assert(
    fc.property(fc.constantFrom(16, 200), arbitrarySteps, (idMax, steps) => {
      const table = new ProcessTable({ idMax, serialMax: 3 })
      const living: Entity[] = []
      const dead: Entity[] = []
      for (const step of steps) {
        if (step === 'birth') {
          if (living.length < idMax) living.push(born(table))
        } else if (living.length > 0) {
          const [gone] = living.splice(step % living.length, 1) as [Entity]
          table.remove(gone)
          dead.push(gone)
        }
      }
      expect(table.size).toBe(living.length)
      expect(new Set(table.values())).toEqual(new Set(living))
      for (const { self } of living) expect(table.get(self.id, self.serial)?.self).toBe(self)
      const key = ({ self }: Entity) => `${self.id}.${self.serial}`
      const taken = new Set(living.map(key))
      expect(taken.size).toBe(living.length)
      for (const gone of dead)
        if (!taken.has(key(gone))) expect(table.get(gone.self.id, gone.self.serial)).toBe(undefined)
    }),
  )
})

test('whoever is removed twice, or never was there, changes nothing', () => {
  const table = new ProcessTable()
  const [first, second] = [born(table), born(table)]
  table.remove(first)
  table.remove(first)
  table.remove(entity(1_000_000, 0))
  expect(table.size).toBe(1)
  expect([...table.values()]).toEqual([second])
})
