/** Bytes that are nearly right: what goes wrong on purpose with an input that was good. */
import type { Chance } from './chance.js'

/** Inputs are not made longer than this. */
export const inputBytesMax = 16 * 1024

/** The tags of the External Term Format, and some that are none. */
const tags = [
  70, 73, 75, 77, 80, 82, 88, 89, 90, 97, 98, 99, 100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113,
  114, 115, 116, 117, 118, 119, 120, 121, 0, 131,
]
const edges = [0, 1, 2, 3, 4, 127, 128, 254, 255]
const longEdges = [
  0, 1, 2, 255, 256, 1_023, 1_024, 65_535, 65_536, 0xff_ffff, 0x100_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe,
  0xffff_ffff,
]
/** Beginnings of terms that hold one other term. */
const wrappers = ['6801', '6c00000001', '69 00000001', '7400000001 6101', '7400000001 770161'].map((hex) =>
  Buffer.from(hex.replaceAll(' ', ''), 'hex'),
)

const scratch = Buffer.alloc(inputBytesMax)

/**
 * A mutation of `original`: a view that is good until the next call.
 *
 * @param others What pieces are taken from.
 */
export function mutate(original: Uint8Array, others: ArrayLike<Uint8Array>, chance: Chance): Buffer {
  let length = Math.min(original.length, inputBytesMax)
  scratch.set(original.length > length ? original.subarray(0, length) : original)
  for (let left = 1 + (chance.oneIn(2) ? 0 : chance.below(4)); left > 0; left--) length = step(length, others, chance)
  return scratch.subarray(0, length)
}

/** One change of the first `length` bytes of the scratch. @returns how many there are then. */
function step(length: number, others: ArrayLike<Uint8Array>, chance: Chance): number {
  const at = length === 0 ? 0 : chance.below(length)
  switch (chance.below(16)) {
    case 0:
      return at
    case 1:
      scratch[at] = chance.pick(edges)
      return length
    case 2:
      scratch[at] = chance.pick(tags)
      return length
    case 3:
      scratch[at] = (scratch[at] as number) + chance.below(9) - 4
      return length
    case 4:
      return write(length, at, 4, chance.oneIn(3) ? length - at - chance.below(9) + 4 : chance.pick(longEdges))
    case 5:
      return write(length, at, 2, chance.oneIn(3) ? length - at - chance.below(9) + 4 : chance.pick(longEdges))
    case 6: {
      const bytes = Math.min(1 + chance.below(chance.oneIn(3) ? 40 : 6), length - at)
      scratch.copyWithin(at, at + bytes, length)
      return length - bytes
    }
    case 7: {
      // A piece of it twice.
      const bytes = Math.min(1 + chance.below(chance.oneIn(3) ? 80 : 10), length - at)
      return insert(length, at, scratch.subarray(at, at + bytes))
    }
    case 8:
      return insert(length, at, Uint8Array.of(chance.oneIn(2) ? chance.pick(tags) : chance.below(256)))
    case 9: {
      // The head of this and the tail of another.
      const other = chance.pick(others)
      const from = chance.below(other.length + 1)
      const bytes = Math.min(other.length - from, inputBytesMax - at)
      scratch.set(other.subarray(from, from + bytes), at)
      return at + bytes
    }
    case 10: {
      const other = chance.pick(others)
      const from = chance.below(other.length + 1)
      return insert(length, at, other.subarray(from, from + chance.below(60)))
    }
    case 11: {
      const other = chance.pick(others)
      const from = chance.below(other.length + 1)
      const bytes = Math.min(other.length - from, length - at, 1 + chance.below(40))
      scratch.set(other.subarray(from, from + bytes), at)
      return length
    }
    case 12:
      return chance.oneIn(40) ? nest(length, at, chance) : length
    default:
      scratch[at] = (scratch[at] as number) ^ (1 << chance.below(8))
      return length
  }
}

function write(length: number, at: number, bytes: 2 | 4, value: number): number {
  if (at + bytes > length) return length
  if (bytes === 4) scratch.writeUInt32BE(value >>> 0, at)
  else scratch.writeUInt16BE(value & 0xffff, at)
  return length
}

function insert(length: number, at: number, bytes: Uint8Array): number {
  const count = Math.min(bytes.length, inputBytesMax - length)
  const copy = Uint8Array.from(bytes.subarray(0, count))
  scratch.copyWithin(at + count, at, length)
  scratch.set(copy, at)
  return length + count
}

function nest(length: number, at: number, chance: Chance): number {
  const wrapper = chance.pick(wrappers)
  const levels = chance.pick([1, 2, 3, 10, 500, 990, 1_000, 1_010, 2_000])
  return insert(length, at, Buffer.concat(Array(levels).fill(wrapper)))
}
