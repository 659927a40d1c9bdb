/** Randomness as a seam: challenges, creations, jitter. A simulator passes a seeded one. */
import { randomFillSync } from 'node:crypto'

/** Where the library gets randomness from. */
export interface Entropy {
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array
  /** An unpredictable integer from 0 to 2^32 - 1. */
  uint32(): number
}

/** The operating system's cryptographic generator. */
export const systemEntropy: Entropy = {
  bytes: (count) => randomFillSync(new Uint8Array(count)),
  uint32: () => randomFillSync(new Uint32Array(1))[0] as number,
}
