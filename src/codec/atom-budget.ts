/**
 * The atoms that peers bring: known ones found fast, new ones counted and bounded.
 *
 * V8 keeps registered symbols for ever (as Erlang does its atoms), so a peer that sent ever new ones would fill the memory of this
 * program. Each peer of a node has a share: one that uses its own up leaves the others theirs. The shares are parts of one budget,
 * which bounds them all together. It is also the cache from bytes to atoms: names that are known, whoever brought them, cost nothing.
 */
import { check, checkNumber, checkText } from '../arguments.js'
import { TermError } from '../errors.js'
import { defaultLimits } from '../limits.js'
import { atomCharactersMax } from '../term/atom.js'
import { type AtomValue, atomValue, atomValueName } from './atom-value.js'
import { copyOf } from './copy.js'
import { isHazardousKey } from './decode-object.js'
import { textOf } from './decode-text.js'

export type { AtomValue } from './atom-value.js'

/** An atom that has been met. */
export class KnownAtom {
  readonly name: string
  readonly value: AtomValue
  /** When it was last the key of a map: see `TermReader`. */
  stamp = 0
  /** Whether an object cannot take it as a key in the ordinary way: see `TermReader`. */
  readonly hazardous: boolean

  constructor(name: string) {
    this.name = name
    this.value = atomValue(name)
    this.hazardous = isHazardousKey(name)
  }
}

/** Slots for names, found by a hash of their bytes. Another name of the same hash takes the slot over. */
const slotCount = 4_096
const noBytes = new Uint8Array(0)
const atomBytesMax = atomCharactersMax * 4

/** What all shares of a budget have in common. */
interface Shared {
  readonly byName: Map<string, KnownAtom>
  readonly slots: (KnownAtom | undefined)[]
  /** The bytes of what is in each slot: to compare bytes with bytes is faster than with the characters of a name. */
  readonly slotBytes: Uint8Array[]
  readonly stamps: { last: number }
  /** How many each peer has brought of those with a share: of these alone, so that it is no longer than the atoms are many. */
  readonly brought: Map<string, number>
}

/** See the head of this file. */
export class AtomBudget {
  /** How many atoms may be brought; the next one is refused with `ERR_REIGN_ATOM_LIMIT`. */
  readonly atomCountMax: number
  /** @internal Numbers the maps that are decoded: see `TermReader`. */
  readonly stamps: { last: number }
  readonly #shared: Shared
  readonly #byName: Map<string, KnownAtom>
  readonly #slots: (KnownAtom | undefined)[]
  readonly #slotBytes: Uint8Array[]
  readonly #of: { readonly whole: AtomBudget; readonly peer: string } | undefined
  #counted = 0

  /**
   * @param atomCountMax 1,000,000 unless given.
   * @param known Atoms of the program itself, which are not counted when a peer brings them.
   */
  constructor(atomCountMax?: number, known?: Iterable<AtomValue>)
  /** @internal */
  constructor(
    atomCountMax?: number,
    known?: Iterable<AtomValue>,
    of?: { readonly whole: AtomBudget; readonly peer: string },
  )
  constructor(
    atomCountMax: number = defaultLimits.atomCountMax,
    known: Iterable<AtomValue> = [],
    of?: { readonly whole: AtomBudget; readonly peer: string },
  ) {
    checkNumber(atomCountMax, 'atomCountMax', 0, Number.POSITIVE_INFINITY)
    check(Array.isArray(known) || typeof known?.[Symbol.iterator] === 'function', 'known atoms are iterable', known)
    this.atomCountMax = atomCountMax
    this.#of = of
    this.#shared =
      of !== undefined
        ? of.whole.#shared
        : {
            byName: new Map(),
            slots: Array(slotCount).fill(undefined),
            slotBytes: Array(slotCount).fill(noBytes),
            stamps: { last: 0 },
            brought: new Map(),
          }
    // Each at hand, as they are needed for every atom that comes.
    const { byName, slots, slotBytes, stamps } = this.#shared
    this.#byName = byName
    this.#slots = slots
    this.#slotBytes = slotBytes
    this.stamps = stamps
    for (const value of known) this.know(value)
  }

  /**
   * The share of one peer in this budget: it knows what this one knows, and what is new counts in both. A second one for the same peer goes
   * on counting where the first has come to.
   *
   * @param atomCountMax How many that peer may bring, over all its shares.
   */
  share(peer: string, atomCountMax: number): AtomBudget {
    checkText(peer, 'the name of a peer')
    checkNumber(atomCountMax, 'atomCountMax', 0, Number.POSITIVE_INFINITY)
    return new AtomBudget(atomCountMax, [], { whole: this.#of === undefined ? this : this.#of.whole, peer })
  }

  /** How many atoms have been brought so far, each counted once; of a share, those that its peer has brought. */
  get count(): number {
    return this.#of === undefined ? this.#counted : (this.#shared.brought.get(this.#of.peer) ?? 0)
  }

  /** Makes an atom known without counting it: for the atoms of the program itself. */
  know(value: AtomValue): void {
    const isAtom =
      typeof value === 'symbol'
        ? Symbol.keyFor(value) !== undefined
        : value === undefined || value === null || typeof value === 'boolean'
    check(isAtom, 'an atom is a registered symbol, a boolean, undefined or null', value)
    this.known(value)
  }

  /**
   * The atom with these UTF-8 bytes. For the tables of atoms in distribution headers.
   *
   * @throws `TermError`: `ERR_REIGN_TERM_INVALID` when Erlang has no such atom, `ERR_REIGN_ATOM_LIMIT`.
   */
  atom(bytes: Uint8Array, start: number, length: number): AtomValue {
    check(bytes instanceof Uint8Array, 'the bytes of an atom are a Uint8Array', bytes)
    const isIn =
      Number.isInteger(start) && Number.isInteger(length) && start >= 0 && length >= 0 && start + length <= bytes.length
    check(isIn, `an atom lies within its ${bytes.length} bytes`, [start, length])
    const view = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const met = this.meet(view, start, length)
    if (met === undefined) throw new TermError('ERR_REIGN_TERM_INVALID', 'not an atom', { byteOffset: start })
    return met.value
  }

  /** @internal The entry of an atom that needs not be counted: the program's own, or one met before. */
  known(value: AtomValue): KnownAtom {
    const name = atomValueName(value)
    let known = this.#byName.get(name)
    if (known === undefined) this.#byName.set(name, (known = new KnownAtom(name)))
    return known
  }

  /** @internal The entry of the atom with these UTF-8 bytes; `undefined` when Erlang has no such atom. */
  meet(bytes: Buffer, start: number, length: number): KnownAtom | undefined {
    if (length > atomBytesMax) return undefined
    let hash = length
    for (let i = start; i < start + length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x0100_0193)
    const slot = (hash ^ (hash >>> 15)) & (slotCount - 1)
    const cached = this.#slots[slot]
    if (cached !== undefined && isSame(this.#slotBytes[slot] as Uint8Array, bytes, start, length)) return cached
    const name = textOf(bytes, start, length)
    if (name === undefined) return undefined
    const met = this.meetName(name)
    if (met !== undefined) {
      this.#slots[slot] = met
      this.#slotBytes[slot] = copyOf(bytes, start, length)
    }
    return met
  }

  /** @internal The same for a name, counted like the others. */
  meetName(name: string): KnownAtom | undefined {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    if (name.length > atomCharactersMax && [...name].length > atomCharactersMax) return undefined
    this.#charge()
    const met = new KnownAtom(name)
    this.#byName.set(name, met)
    return met
  }

  /** Counts one more, in the whole as well. @throws `ERR_REIGN_ATOM_LIMIT`, and nothing is counted. */
  #charge(): void {
    const { count } = this
    if (count >= this.atomCountMax) {
      const said =
        this.#of === undefined
          ? `peers have brought ${count} atoms, which is the limit for all together (limits.atomCountMax)`
          : `${this.#of.peer} has brought ${count} atoms that were new here, which is the limit (limits.atomCountPerPeerMax)`
      throw new TermError('ERR_REIGN_ATOM_LIMIT', said)
    }
    if (this.#of === undefined) {
      this.#counted++
      return
    }
    this.#of.whole.#charge()
    this.#shared.brought.set(this.#of.peer, count + 1)
  }
}

/** @internal Whether these are the bytes of a part of others. */
export function isSame(known: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (known.length !== length) return false
  for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return false
  return true
}
