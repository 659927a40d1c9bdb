/**
 * References found by their words; what comes and goes with each call between nodes.
 *
 * A Map would do, but for the garbage collector: a Map with much coming and going is laid out anew every few hundred times, and its old
 * layout points to the new one (for iterators that are under way). Once one of them has grown old, all that follow are kept from
 * dying young, with whatever was in them: measured, 400 bytes of each remote call, and a tenth of its time. This table is
 * changed in place. Linear probing, at most half full; what is taken out leaves no mark, as those behind it move up.
 */
import type { Ref } from './ref.js'

const slotsMin = 16

/** See the head of this file. Cost: O(1) for each step. */
export class RefTable {
  #slots: (Ref | undefined)[] = Array(slotsMin).fill(undefined)
  #size = 0
  readonly #seed: number

  /** @param seed Kept from peers, who choose the words of their references: so they cannot choose them to fall into one place. */
  constructor(seed: number) {
    this.#seed = seed
  }

  get size(): number {
    return this.#size
  }

  find(words: readonly number[]): Ref | undefined {
    const slots = this.#slots
    for (let at = this.#placeOf(words); ; at = (at + 1) & (slots.length - 1)) {
      const ref = slots[at]
      if (ref === undefined || isSame(ref.words, words)) return ref
    }
  }

  /** Adds a reference that is not there. */
  add(ref: Ref): void {
    if (++this.#size * 2 > this.#slots.length) this.#grow()
    this.#put(ref)
  }

  /** Takes a reference out that is there. */
  remove(ref: Ref): void {
    const slots = this.#slots
    const mask = slots.length - 1
    let hole = this.#placeOf(ref.words)
    while (slots[hole] !== ref) hole = (hole + 1) & mask
    for (let at = (hole + 1) & mask; ; at = (at + 1) & mask) {
      const other = slots[at]
      if (other === undefined) break
      // It moves up unless its own place is behind the hole: then it would not be found there.
      if (((at - this.#placeOf(other.words)) & mask) < ((at - hole) & mask)) continue
      slots[hole] = other
      hole = at
    }
    slots[hole] = undefined
    this.#size--
  }

  #put(ref: Ref): void {
    const slots = this.#slots
    let at = this.#placeOf(ref.words)
    while (slots[at] !== undefined) at = (at + 1) & (slots.length - 1)
    slots[at] = ref
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = Array(old.length * 2).fill(undefined)
    for (const ref of old) if (ref !== undefined) this.#put(ref)
  }

  #placeOf(words: readonly number[]): number {
    let hash = this.#seed
    for (let i = 0; i < words.length; i++) {
      hash = Math.imul(hash ^ (words[i] as number), 0x85eb_ca6b)
      hash ^= hash >>> 15
    }
    return hash & (this.#slots.length - 1)
  }
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
