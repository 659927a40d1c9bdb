/** Who is told when other nodes come and go: callbacks, and inboxes that get messages. */
import { type Entity, tell } from '../process/entity.js'
import type { Address } from '../term/address.js'

/** A node has come up: sent before the first message of that node. Erlang: `{nodeup, Node}`. */
export interface NodeUp {
  readonly type: 'nodeup'
  readonly node: string
}

/** A node is gone, or out of reach: sent after its last message, and after what its loss did to links and monitors. */
export interface NodeDown {
  readonly type: 'nodedown'
  readonly node: string
  /** Erlang's words: `connection_closed`, `net_tick_timeout`, `disconnect`, … */
  readonly reason: string
}

/** See the head of this file. */
export class NodeEvents {
  readonly #up = new Set<(node: string) => unknown>()
  readonly #down = new Set<(node: string, reason: string) => unknown>()
  readonly #inboxes = new Map<Address<never>, () => boolean>()
  readonly #failed: (error: unknown) => void
  /** Those that are being told, the first of them just now. */
  readonly #events: (NodeUp | NodeDown)[] = []

  /** @param failed Told of what a callback throws, or rejects with: it must disturb nobody else. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  onUp(callback: (node: string) => unknown): () => void {
    this.#up.add(callback)
    return () => {
      this.#up.delete(callback)
    }
  }

  onDown(callback: (node: string, reason: string) => unknown): () => void {
    this.#down.add(callback)
    return () => {
      this.#down.delete(callback)
    }
  }

  /** Sends `NodeUp` and `NodeDown` to the inbox from now on, or no longer. Ends with the inbox. */
  monitor(inbox: Entity, wanted: boolean): void {
    if (wanted) this.#inboxes.set(inbox.self, () => inbox.alive)
    else this.#inboxes.delete(inbox.self)
  }

  up(node: string): void {
    this.#tell({ type: 'nodeup', node })
  }

  down(node: string, reason: string): void {
    this.#tell({ type: 'nodedown', node, reason })
  }

  /** One event after the other: a callback may disconnect, and all hear of the node's coming before they hear of its going. */
  #tell(event: NodeUp | NodeDown): void {
    this.#events.push(event)
    if (this.#events.length > 1) return
    for (let next: NodeUp | NodeDown | undefined = event; next !== undefined; next = this.#events[0]) {
      this.#tellInboxes(next)
      this.#tellCallbacks(next)
      this.#events.shift()
    }
  }

  #tellInboxes(event: NodeUp | NodeDown): void {
    for (const [address, alive] of this.#inboxes) {
      if (alive()) tell(address, event)
      else this.#inboxes.delete(address)
    }
  }

  #tellCallbacks(event: NodeUp | NodeDown): void {
    if (event.type === 'nodeup') for (const callback of this.#up) this.#call(() => callback(event.node))
    else for (const callback of this.#down) this.#call(() => callback(event.node, event.reason))
  }

  #call(callback: () => unknown): void {
    try {
      const result = callback()
      if (result instanceof Promise) result.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }
}
