/** What stands behind the addresses of another node: the way there, whoever is at its end just now. */
import type { Address, Entrance } from '../term/address.js'
import type { Peer } from './peer.js'

/** Finds the peer of a node; makes one if need be. */
export interface PeerFinder {
  peer(node: string): Peer
}

/** See the head of this file. One for each run of a node that is known; the peer behind it may come and go. */
export class Route implements Entrance {
  readonly #peers: PeerFinder
  readonly #node: string
  #peer: Peer | undefined

  constructor(peers: PeerFinder, node: string) {
    this.#peers = peers
    this.#node = node
  }

  deliver(to: Address<never>, message: unknown): boolean {
    return this.#current().deliver(to, message)
  }

  drained(to: Address<never>): Promise<void> {
    return this.#current().drained(to)
  }

  /** Addresses of others are in the book already. */
  leaves(): void {}

  #current(): Peer {
    const peer = this.#peer
    if (peer !== undefined && !peer.forgotten) return peer
    return (this.#peer = this.#peers.peer(this.#node))
  }
}
