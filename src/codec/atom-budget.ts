/**
 * The atoms that peers bring: known ones found fast, new ones counted and bounded.
 *
 * Registered symbols are never collected (neither are Erlang's atoms), so a peer that sent ever new ones would fill the
 * memory of this program. One budget serves all connections of a node. It is also the cache from bytes to atoms: names that
 * are known cost no allocation.
 */
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

/** See the head of this file. */
export class AtomBudget {
  /** How many atoms peers may bring; the next one is refused with `ERR_REIGN_ATOM_LIMIT`. */
  readonly atomCountMax: number
  /** @internal Counts the maps that were decoded: see `TermReader`. */
  mapsRead = 0
  readonly #byName = new Map<string, KnownAtom>()
  readonly #slots: (KnownAtom | undefined)[] = Array(slotCount).fill(undefined)
  /** The bytes of what is in each slot: to compare bytes with bytes is faster than with the characters of a name. */
  readonly #slotBytes: Uint8Array[] = Array(slotCount).fill(noBytes)
  #counted = 0

  /** @param known Atoms of the program itself, which are not counted when a peer brings them. */
  constructor(atomCountMax: number = defaultLimits.atomCountMax, known: Iterable<AtomValue> = []) {
    this.atomCountMax = atomCountMax
    for (const value of known) this.know(value)
  }

  /** How many atoms peers have brought so far, each counted once. */
  get count(): number {
    return this.#counted
  }

  /** Makes an atom known without counting it: for the atoms of the program itself. */
  know(value: AtomValue): void {
    this.known(value)
  }

  /**
   * The atom with these UTF-8 bytes. For the tables of atoms in distribution headers.
   *
   * @throws `TermError`: `ERR_REIGN_TERM_INVALID` when Erlang has no such atom, `ERR_REIGN_ATOM_LIMIT`.
   */
  atom(bytes: Uint8Array, start: number, length: number): AtomValue {
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
    if (this.#counted >= this.atomCountMax) {
      throw new TermError(
        'ERR_REIGN_ATOM_LIMIT',
        `peers have brought ${this.#counted} atoms, which is the limit (limits.atomCountMax)`,
      )
    }
    const met = new KnownAtom(name)
    this.#byName.set(name, met)
    this.#counted++
    return met
  }
}

/** @internal Whether these are the bytes of a part of others. */
export function isSame(known: Uint8Array, bytes: Uint8Array, start: number, length: number): boolean {
  if (known.length !== length) return false
  for (let i = 0; i < length; i++) if (known[i] !== bytes[start + i]) return false
  return true
}
