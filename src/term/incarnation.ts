/** One run of a node: its name and its creation. What a dead run left behind never equals what the next one makes. */

/**
 * A run of a node. Interned by the {@link AddressBook}, so that two addresses of one run share one object.
 * Erlang: the node name and the 32-bit creation inside every pid, port and reference.
 */
export class Incarnation {
  readonly node: string
  /** 32 bits that differ from run to run. 0 means "whichever run is current" in old identifiers. */
  readonly creation: number

  constructor(node: string, creation: number) {
    this.node = node
    this.creation = creation
  }
}
