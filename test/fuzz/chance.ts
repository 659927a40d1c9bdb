/** Numbers that look random and are the same for the same seed: fast ones, as a fuzzer draws dozens for each input. */

/** See the head of this file (xorshift, 32 bits). */
export class Chance {
  #state: number

  constructor(seed: number) {
    // Neighbouring seeds are to have nothing in common, and zero would stay zero.
    this.#state = Math.imul((seed ^ 0x9e37_79b9) >>> 0, 0x85eb_ca6b) | 1
    for (let i = 0; i < 8; i++) this.u32()
  }

  /** 0 to 2^32 - 1. */
  u32(): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return state >>> 0
  }

  /** 0 to below `bound`. */
  below(bound: number): number {
    return Math.floor((this.u32() / 0x1_0000_0000) * bound)
  }

  /** True once in so many times. */
  oneIn(times: number): boolean {
    return this.below(times) === 0
  }

  pick<T>(list: ArrayLike<T>): T {
    return list[this.below(list.length)] as T
  }
}
