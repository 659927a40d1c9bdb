/** Nodes as programs use them: a local node, and what being in a cluster adds. */
import { LocalNode, type LocalOptions, nowhereName } from '../node/local-node.js'

/** A node: the home of processes and mailboxes. Several can live in one program; nothing is global. */
export class Node extends LocalNode {
  /**
   * A node without a network: all that processes and mailboxes can do, with no configuration.
   *
   * Declare it with `await using`, or call `stop`.
   */
  static async local(options: LocalOptions = {}): Promise<Node> {
    return new Node({ ...options, name: nowhereName, creation: 0 })
  }
}
