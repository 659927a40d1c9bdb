/** One run of a node: its name and its creation. What a dead run left behind never equals what the next one makes. */

/** Erlang keeps the first word of a reference below 2^18. */
const lowWordEnd = 0x40000

/**
 * A run of a node. Interned by the {@link AddressBook}, so that two addresses of one run share one object.
 * Erlang: the node name and the 32-bit creation inside every pid, port and reference.
 */
export class Incarnation {
  readonly node: string
  /** 32 bits that differ from run to run. 0 means "whichever run is current" in old identifiers. */
  readonly creation: number
  /** @internal Makes references of one run unguessable from another's; of the run of this program that it is, set by its book. */
  salt: readonly [number, number] = [0, 0]

  constructor(node: string, creation: number) {
    this.node = node
    this.creation = creation
  }

  /** @internal The words of the n-th reference that this run makes. */
  words(n: number): readonly number[] {
    const [middle, high] = this.salt
    return [n % lowWordEnd, (middle + Math.floor(n / lowWordEnd)) % 0x1_0000_0000, high]
  }
}
