/**
 * Every bound of the library: its unit in its name, its default, and what happens when it is reached.
 * `docs/limits.md` is this file for readers. Turning one up costs memory per connection; turning one down refuses more.
 */

/** Bounds on what one connection may bring or hold. */
export interface Limits {
  /** Bytes of one frame after the handshake. A larger announcement closes the connection before anything is allocated. */
  readonly frameBytesMax: number
  /** Bytes of long messages from one peer of which not all has come; more close the connection. */
  readonly fragmentBytesMax: number
  /** How many messages from one peer may be under way in fragments; more close the connection. */
  readonly fragmentedMessagesMax: number
  /** Bytes of one handshake message, before the peer has proved who it is. */
  readonly handshakeBytesMax: number
  /** Levels of nesting in one term; deeper ones close the connection. */
  readonly termDepthMax: number
  /** Terms in one frame, counting every element: what a small frame can grow to in memory. */
  readonly termCountMax: number
  /** Bytes of one big integer. Converting one costs time in proportion to its square. */
  readonly bigintBytesMax: number
  /** Atoms that were new here which one peer, by its name, may bring to this node's run: registered symbols are never collected. */
  readonly atomCountPerPeerMax: number
  /** The same for all peers together. */
  readonly atomCountMax: number
  /**
   * Bytes waiting to be written to one peer from which `send` returns `false`. Erlang: `+zdbbl`. Small messages of a sender that goes on
   * until then take some 3 ms of the event loop with 256 KiB, and 7 with 1 MiB, which moves no more of them.
   */
  readonly outboxSoftBytes: number
  /** Bytes waiting to be written to one peer at which the connection is closed with `overload`. */
  readonly outboxHardBytes: number
  /** Milliseconds from the first byte of a connection, TLS included, to the end of its handshake. Erlang: `net_setuptime`. */
  readonly handshakeMs: number
  /**
   * Milliseconds in which a node that is connected must give a sign of life when another run of its name knocks; else that takes its place.
   * At most half of {@link handshakeMs}, within which the other side wants an answer.
   */
  readonly rivalAnswerMs: number
  /** Connections that have not finished their handshake; then the oldest that has proved nothing gives way. */
  readonly pendingConnectionsMax: number
  /** The same for one remote address. Loopback addresses are bounded by {@link pendingConnectionsMax} alone. */
  readonly pendingConnectionsPerAddressMax: number
  /** Nodes that one peer may name as its own connections, where nodes build a mesh; more are not dialled. */
  readonly meshNodesMax: number
  /**
   * Percent of the heap, bounded by `--max-old-space-size` or what Node.js takes for it, from which on no other node is let in; 100 and more for
   * no bound. What there is goes on.
   */
  readonly heapPercentMax: number
}

/** The defaults. */
export const defaultLimits: Limits = {
  frameBytesMax: 64 * 1024 * 1024,
  fragmentBytesMax: 256 * 1024 * 1024,
  fragmentedMessagesMax: 1_024,
  handshakeBytesMax: 1_024,
  termDepthMax: 1_000,
  termCountMax: 4_000_000,
  bigintBytesMax: 64 * 1024,
  atomCountPerPeerMax: 100_000,
  atomCountMax: 1_000_000,
  outboxSoftBytes: 256 * 1024,
  outboxHardBytes: 64 * 1024 * 1024,
  handshakeMs: 7_000,
  rivalAnswerMs: 2_000,
  pendingConnectionsMax: 1_024,
  pendingConnectionsPerAddressMax: 64,
  meshNodesMax: 1_024,
  heapPercentMax: 85,
}
