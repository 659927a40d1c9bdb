/**
 * Islands that stay whole: no two nodes are to see different clusters. Erlang: `prevent_overlapping_partitions`.
 *
 * Who loses a connection says so to everybody, each hands that on once, and everybody parts with the node that was lost. So where a
 * cable between two is pulled, both end up alone, and the others stay together: nobody can know which of the two it was. The other side
 * of a parting is asked to close the connection; that it is lost is then no news to anybody. Source: OTP's global.erl.
 */
import type { Clock } from '../../clock.js'
import { type Tuple, tuple } from '../../term/tuple.js'
import { LostConnections } from './lost-connections.js'
import { nodeOf, partitionsVersion, word } from './terms.js'

/** What {@link Islands} need of the server. */
export interface IslandsServer {
  readonly self: string
  readonly clock: Clock
  /** The nodes that are known, or about to be, each with the version that it speaks. */
  around(): readonly (readonly [node: string, version: number])[]
  isAround(node: string): boolean
  /** They are known no more. */
  forget(node: string): void
  /** Sends to the server of a node, if it is connected. */
  tell(node: string, message: readonly unknown[]): void
  disconnect(node: string): void
  /** A node is parted with. */
  parting(node: string): void
}

/** See the head of this file. */
export class Islands {
  readonly #server: IslandsServer
  readonly #heard: LostConnections
  /** Tells this run of the node from others. */
  readonly #run: bigint
  /** Those that are being parted with. */
  readonly #parting = new Set<string>()
  #losses = 0

  /** @param run Unlike those of all other runs of this node. */
  constructor(server: IslandsServer, run: bigint) {
    this.#server = server
    this.#run = run
    this.#heard = new LostConnections(server.clock)
  }

  /** A connection is lost, or cannot be made: says so to everybody, unless it was to be. */
  lost(node: string): void {
    this.#server.forget(node)
    if (this.#parting.delete(node)) return
    const [self, other] = [Symbol.for(this.#server.self), Symbol.for(node)]
    this.#tellAll(tuple(word.lost_connection, self, this.#run, ++this.#losses, other), node)
  }

  /** `{lost_connection, A, Run, N, B}`: A has lost its connection with B, so we part with B too. */
  lostElsewhere(message: Tuple): void {
    const [, first, run, at, second] = message
    const by = nodeOf(first)
    const lost = nodeOf(second)
    if (by === undefined || lost === undefined || by === this.#server.self) return
    if (typeof at !== 'number' && typeof at !== 'bigint') return
    if (!this.#heard.isNews(by, lost, run, at)) return
    // A may have been lost to others while it told them.
    this.#tellAll(message, by)
    // Should it be us, everybody else will part with us: so we ask A to do so as well, and wait for it.
    const other = lost === this.#server.self ? by : lost
    if (!this.#server.isAround(other)) return
    this.#server.tell(other, tuple(word.remove_connection, Symbol.for(this.#server.self)))
    this.#part(other)
  }

  /** `{remove_connection, Node}`: a node parts with us. */
  removed(node: string): void {
    // If we part with it at the same time, somebody has to close the connection all the same.
    if (!this.#server.isAround(node) && !this.#parting.has(node)) return
    if (!this.#parting.has(node)) this.#part(node)
    this.#server.disconnect(node)
  }

  /** Asks a node to close the connection, without more ado. */
  release(node: string): void {
    this.#server.tell(node, tuple(word.remove_connection, Symbol.for(this.#server.self)))
    this.#server.forget(node)
    this.#parting.add(node)
  }

  #part(node: string): void {
    this.#server.parting(node)
    this.#server.forget(node)
    this.#parting.add(node)
  }

  #tellAll(message: readonly unknown[], but: string): void {
    for (const [node, version] of this.#server.around()) {
      if (node !== but && version >= partitionsVersion) this.#server.tell(node, message)
    }
  }
}
