/** Ports of Erlang nodes: opaque here, kept so that they come back to Erlang as they left. */

/** An Erlang port. Nothing can be sent to it from here. */
export class Port {
  readonly node: string
  /** @internal */
  readonly id: bigint
  /** @internal */
  readonly creation: number

  /** @internal Ports come from nodes of Erlang. */
  constructor(node: string, id: bigint, creation: number) {
    this.node = node
    this.id = id
    this.creation = creation
  }

  toString(): string {
    return `port:${this.node}:${this.id}:${this.creation}`
  }
}
