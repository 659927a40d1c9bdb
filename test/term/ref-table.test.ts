import { expect, test } from 'vitest'
import { Incarnation } from '../../src/term/incarnation.js'
import { Ref } from '../../src/term/ref.js'
import { RefTable } from '../../src/term/ref-table.js'
import { seeded } from '../support/memory-network.js'

const home = new Incarnation('far@away', 7)

/** Words of every count that there is, alike enough to be mistaken for each other. */
function someWords(random: () => number): number[] {
  const count = Math.floor(random() * 6)
  return Array.from({ length: count }, () => Math.floor(random() * 3) * 0x7fff_ffff)
}

test('finds exactly what is in it, whatever came and went before', () => {
  for (let seed = 0; seed < 5; seed++) {
    const random = seeded(seed)
    const table = new RefTable(seed)
    const model = new Map<string, Ref>()
    for (let step = 0; step < 2_000; step++) {
      const words = someWords(random)
      const key = words.join('.')
      const there = model.get(key)
      expect(table.find(words)).toBe(there)
      if (there !== undefined) {
        table.remove(there)
        model.delete(key)
        expect(table.find(words)).toBeUndefined()
      } else {
        const ref = new Ref(home, words)
        table.add(ref)
        model.set(key, ref)
      }
      expect(table.size).toBe(model.size)
      if (step % 100 === 0) for (const ref of model.values()) expect(table.find(ref.words)).toBe(ref)
    }
  }
})
