/**
 * The challenges of one node: drawn at random, used once, and known for as long as they wait for an answer.
 *
 * The protocol's initiator answers a challenge before the other side has proved anything. Whoever has no cookie could
 * therefore connect to us, take the challenge that we give him, and hand it to us as *his* challenge on a connection that
 * we have dialled: we would compute the answer for him. So a challenge that is one of our own is never answered.
 */

import { ReignError } from '../errors.js'

/** Shared by all handshakes of one node, dialled and accepted alike. */
export class ChallengeBook {
  readonly #draw: () => number
  readonly #waiting = new Set<number>()

  /** @param draw An unpredictable integer from 0 to 2^32 - 1: `Entropy.uint32`. */
  constructor(draw: () => number) {
    this.#draw = draw
  }

  /**
   * A challenge that no other handshake is waiting on, and that is not `unlike`. To be given back with {@link retire}.
   *
   * @throws `ERR_REIGN_HANDSHAKE` when the generator gives nothing new: it is broken, and no proof can rest on it.
   */
  issue(unlike?: number): number {
    for (let draws = 0; draws < 100; draws++) {
      const challenge = this.#draw() >>> 0
      if (challenge === unlike || this.#waiting.has(challenge)) continue
      this.#waiting.add(challenge)
      return challenge
    }
    throw new ReignError('ERR_REIGN_HANDSHAKE', 'the random generator repeats itself: no challenge can be drawn')
  }

  /** Whether it is one of ours, and waits for its answer. */
  isOurs(challenge: number): boolean {
    return this.#waiting.has(challenge)
  }

  /** Its handshake is over, in whichever way. */
  retire(challenge: number): void {
    this.#waiting.delete(challenge)
  }

  /** How many wait for an answer. */
  get size(): number {
    return this.#waiting.size
  }
}
