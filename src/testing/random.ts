/** Randomness that a seed decides: the same seed, the same numbers, on every machine. */
import { check, checkNumber } from '../arguments.js'
import type { Entropy } from '../entropy.js'

/** Numbers from 0 to 1 (without 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Randomness for a node that a seed decides. Nothing of it is a secret. */
export function seededEntropy(seed: number): Entropy {
  const random = seeded(seed)
  const uint32 = () => Math.floor(random() * 2 ** 32)
  return { uint32, bytes: (count) => Uint8Array.from({ length: count }, () => uint32() & 0xff) }
}

/** Choices that a seed decides. */
export class Random {
  /** A number from 0 to 1, without 1. */
  readonly next: () => number

  constructor(seed: number) {
    check(Number.isInteger(seed), 'a seed is a whole number', seed)
    this.next = seeded(seed)
  }

  /** A whole number from 0 to `below`, without it. */
  int(below: number): number {
    checkNumber(below, 'below', Number.MIN_VALUE)
    return Math.floor(this.next() * below)
  }

  /** A number between two others. */
  between(min: number, max: number): number {
    checkNumber(min, 'min', Number.NEGATIVE_INFINITY)
    checkNumber(max, 'max', Number.NEGATIVE_INFINITY)
    return min + this.next() * (max - min)
  }

  /** Whether something happens that happens that often, of 1. */
  chance(often: number): boolean {
    checkNumber(often, 'often', Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY)
    return this.next() < often
  }

  /** One of them; `undefined` of none. */
  pick<T>(list: readonly T[]): T | undefined {
    check(Array.isArray(list), 'what is picked from is an array', list)
    return list.length === 0 ? undefined : list[this.int(list.length)]
  }

  /** All of them, in another order. */
  shuffled<T>(list: readonly T[]): T[] {
    check(Array.isArray(list), 'what is shuffled is an array', list)
    const rest = [...list]
    const shuffled: T[] = []
    while (rest.length > 0) shuffled.push(rest.splice(this.int(rest.length), 1)[0] as T)
    return shuffled
  }

  /** Another source, which this one decides: what is drawn from it does not change what is drawn here. */
  fork(): Random {
    return new Random(this.int(2 ** 32))
  }
}
