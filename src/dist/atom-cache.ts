/**
 * The distribution header: which atoms a frame refers to, each sent in full once and then by its place in a cache.
 *
 * Protocol: erl_ext_dist, "Distribution Header". This is the receiving side: a sender is free to use the cache or not, a receiver
 * is not. It is as good as a sender's word that a place is filled, so an empty one is a fault; and what is filled in counts for the
 * bound on atoms, as everywhere.
 */
import type { AtomBudget, KnownAtom } from '../codec/atom-budget.js'
import { ReignError } from '../errors.js'

const slotCount = 2_048

/** Half bytes of the flags: the one after the last says that lengths have two bytes; in the others, bit 3 is a new entry. */
const longAtoms = 1
const newEntry = 8
const segmentMask = 7

/** What one peer has filled in, over one connection. */
export class AtomCache {
  readonly #budget: AtomBudget
  readonly #slots: (KnownAtom | undefined)[] = Array(slotCount).fill(undefined)
  /** What the references of the frame whose header was read last stand for; another header changes it. */
  readonly atoms: KnownAtom[] = []

  constructor(budget: AtomBudget) {
    this.#budget = budget
  }

  /**
   * Reads a header from the byte with the number of references on, into {@link atoms}.
   *
   * @returns where the terms begin.
   * @throws `ERR_REIGN_CONTROL_INVALID` for a header that is cut short or refers to an empty place; `ERR_REIGN_ATOM_LIMIT`.
   */
  read(bytes: Buffer, start: number, end: number): number {
    const { atoms } = this
    const count = start < end ? (bytes[start] as number) : 0
    // Setting a length is a call of the runtime, also where it changes nothing.
    if (atoms.length !== count) atoms.length = count
    const flagsAt = start + 1
    if (count === 0 && flagsAt <= end) return flagsAt
    let at = flagsAt + (count >> 1) + 1
    if (at > end) throw invalid('is cut short')
    const isLong = (halfByte(bytes, flagsAt, count) & longAtoms) !== 0
    for (let i = 0; i < count; i++) {
      const flags = halfByte(bytes, flagsAt, i)
      if (at >= end) throw invalid('is cut short')
      const slot = ((flags & segmentMask) << 8) | (bytes[at++] as number)
      if ((flags & newEntry) !== 0) {
        const textAt = at + (isLong ? 2 : 1)
        if (textAt > end) throw invalid('is cut short')
        const length = isLong ? ((bytes[at] as number) << 8) | (bytes[at + 1] as number) : (bytes[at] as number)
        at = textAt + length
        if (at > end) throw invalid('is cut short')
        this.#slots[slot] = this.#budget.meet(bytes, textAt, length)
      }
      const atom = this.#slots[slot]
      if (atom === undefined) throw invalid(`refers to place ${slot} of the cache, where no atom is`)
      atoms[i] = atom
    }
    return at
  }
}

function halfByte(bytes: Buffer, flagsAt: number, index: number): number {
  return ((bytes[flagsAt + (index >> 1)] as number) >> ((index & 1) * 4)) & 15
}

function invalid(complaint: string): ReignError {
  return new ReignError('ERR_REIGN_CONTROL_INVALID', `a distribution header ${complaint}`)
}
