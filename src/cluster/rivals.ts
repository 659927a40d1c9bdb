/**
 * Two runs of one node: which of them is connected. A node that was started again is let in at once when the connection of its last run
 * is gone; while that stands, it may be that nobody has noticed yet, or that somebody has started a second node of that name.
 * So the run that is connected is asked whether it is there: if it gives a sign of life, the newcomer is refused; otherwise it takes
 * its place. Protocol: reference, "Duplicate of a live connection"; Erlang's own nodes let any newcomer in.
 */
import type { HandshakePeer } from '../dist/handshake.js'
import type { Connection } from '../net/connection.js'
import type { LocalNode } from '../node/local-node.js'
import { named } from '../term/named.js'
import { pingRequest } from './net-kernel.js'

/** See the head of this file. */
export class Rivals {
  readonly #node: LocalNode
  readonly #answerMs: number
  readonly #looks = new Map<Connection, Promise<boolean>>()
  /** Those that gave no sign of life. */
  readonly #gone = new WeakSet<Connection>()

  /** @param answerMs How long the run that is connected may take for a sign of life, in milliseconds. */
  constructor(node: LocalNode, answerMs: number) {
    this.#node = node
    this.#answerMs = answerMs
  }

  /** Whether a run that knocks may have the place of one that is connected. The same run may: it knows best which connection works. */
  mayReplace(connection: Connection, knocking: HandshakePeer): boolean | Promise<boolean> {
    if (!this.conflict(connection, knocking)) return true
    // However many knock meanwhile, it is asked once.
    const known = this.#looks.get(connection)
    if (known !== undefined) return known
    const look = this.#look(connection).finally(() => this.#looks.delete(connection))
    this.#looks.set(connection, look)
    return look
  }

  /** Whether two runs are connected at once, neither of which is known to be gone: they knocked at the same time. */
  conflict(connection: Connection, other: HandshakePeer): boolean {
    return connection.peer.creation !== other.creation && !this.#gone.has(connection)
  }

  /** Resolves with whether it is gone. Any byte is a sign of life; the question is there to be answered by some. */
  async #look(connection: Connection): Promise<boolean> {
    const before = connection.bytesRead
    try {
      const target = named('net_kernel', connection.peer.name)
      await this.#node.call(target, pingRequest(this.#node.name), { timeout: this.#answerMs })
    } catch {
      if (!connection.isUp || connection.bytesRead === before) this.#gone.add(connection)
    }
    return this.#gone.has(connection)
  }
}
