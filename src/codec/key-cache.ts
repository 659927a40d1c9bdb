/**
 * The keys of objects that one peer sends: most are of few kinds, so that those that came before cost no allocation.
 *
 * Unlike atoms they are nothing but texts: nothing stays of them but what is in the cache, which is of one size.
 */
import { isSame } from './atom-budget.js'
import { copyOf } from './copy.js'
import { isHazardousKey } from './decode-object.js'
import { textOf } from './decode-text.js'

/** A key that has been met. */
export interface KnownKey {
  readonly name: string
  /** Whether an object cannot take it in the ordinary way. */
  readonly hazardous: boolean
  /** The number of the object that it was last a key of; of the latest at all, until it is known of which. See `TermReader`. */
  stamp: number
}

const slotCount = 1_024
/** Longer keys are not kept. */
const keptBytesMax = 64
const noBytes = new Uint8Array(0)

/** See the head of this file. */
export class KeyCache {
  /** How many objects were read. */
  objectsRead = 0
  readonly #slots: (KnownKey | undefined)[] = Array(slotCount).fill(undefined)
  readonly #slotBytes: Uint8Array[] = Array(slotCount).fill(noBytes)

  /** The key with these bytes; `undefined` when they are no UTF-8. */
  meet(bytes: Buffer, start: number, length: number): KnownKey | undefined {
    if (length > keptBytesMax) return this.#make(bytes, start, length)
    let hash = length
    for (let i = start; i < start + length; i++) hash = Math.imul(hash ^ (bytes[i] as number), 0x0100_0193)
    const slot = (hash ^ (hash >>> 15)) & (slotCount - 1)
    const cached = this.#slots[slot]
    if (cached !== undefined && isSame(this.#slotBytes[slot] as Uint8Array, bytes, start, length)) return cached
    const made = this.#make(bytes, start, length)
    this.#slots[slot] = made
    this.#slotBytes[slot] = made === undefined ? noBytes : copyOf(bytes, start, length)
    return made
  }

  #make(bytes: Buffer, start: number, length: number): KnownKey | undefined {
    const name = textOf(bytes, start, length)
    return name === undefined ? undefined : { name, hazardous: isHazardousKey(name), stamp: this.objectsRead }
  }
}
