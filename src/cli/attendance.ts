/**
 * Who is in the chat, told as lines: who has come, who has left, whose node was lost.
 *
 * That a node is lost takes its claims away, and is told with a reason, as two events; whichever comes first waits for the
 * other, so that it is one line.
 */

/** See the head of this file. Pure: it is told what happens, and says what is to be shown. */
export class Attendance {
  readonly #say: (line: string) => void
  #present: ReadonlySet<string> = new Set()
  /** Nodes whose claims are gone because they were lost; why is not known yet. */
  readonly #unexplained = new Set<string>()
  /** Nodes that were lost, and why; their claims are still there. */
  readonly #reasons = new Map<string, string>()

  /** @param say Gets each line. */
  constructor(say: (line: string) => void) {
    this.#say = say
  }

  /** Whether anybody is there. */
  get isEmpty(): boolean {
    return this.#present.size === 0
  }

  /**
   * The claims have changed.
   *
   * @param nodes The nodes with a claim, but for our own; several claims of one node count once.
   * @param connected Whether there is a connection with a node.
   */
  changed(nodes: Iterable<string>, connected: (node: string) => boolean): void {
    const now = new Set(nodes)
    for (const node of this.#present) if (!now.has(node)) this.#gone(node, connected(node))
    for (const node of now) if (!this.#present.has(node)) this.#come(node)
    this.#present = now
  }

  /** A node is lost. */
  lost(node: string, reason: string): void {
    if (this.#unexplained.delete(node)) this.#sayLost(node, reason)
    else if (this.#present.has(node)) this.#reasons.set(node, reason)
  }

  #come(node: string): void {
    this.#reasons.delete(node)
    this.#say(`${node} is here`)
  }

  #gone(node: string, connected: boolean): void {
    const reason = this.#reasons.get(node)
    this.#reasons.delete(node)
    if (reason !== undefined) this.#sayLost(node, reason)
    else if (connected) this.#say(`${node} has left`)
    else this.#unexplained.add(node)
  }

  #sayLost(node: string, reason: string): void {
    this.#say(`${node} is lost: ${words[reason] ?? reason.replaceAll('_', ' ')}`)
  }
}

/** Erlang's words for what happened, in ours. */
const words: Readonly<Record<string, string>> = {
  connection_closed: 'its connection broke',
  net_tick_timeout: 'no sign of life',
  overload: 'it takes in less than is sent to it',
  protocol: 'it broke the protocol',
}
