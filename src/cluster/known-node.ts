/** What `peers.ts` knows of one other node: its connection, the attempts at one in either direction, and when to try again. */
import type { Clock, ClockTimer } from '../clock.js'
import type { Entropy } from '../entropy.js'
import { Backoff, type BackoffLimits } from './backoff.js'
import { Peer, type PeerOwner } from './peer.js'

/** How long a node rests that was parted with, in milliseconds: enough for what follows from that to come to rest everywhere. */
export const restBackoff: BackoffLimits = { firstMs: 30_000, maxMs: 600_000 }

/** See the head of this file. */
export class KnownNode {
  readonly peer: Peer
  /** Whether it belongs to the cluster, and is dialled until it is there. */
  member = false
  /** Our attempt at it. */
  attempt: { cancel(): void } | undefined = undefined
  /** How many of its attempts at us have been told to come in, and are neither up nor dropped yet. */
  knocking = 0
  /** It keeps an attempt at us, and we gave up ours for that: until when its knock is waited for. */
  expectation: ClockTimer | undefined = undefined
  /** Until the next attempt, or until it need not be remembered any more. */
  timer: ClockTimer | undefined = undefined
  readonly backoff: Backoff
  /** How long it is left alone after it has been parted with: see `Peers.rest`. */
  readonly rests: Backoff
  /** Until when it is not dialled by itself. */
  restsUntil = 0
  upAt = 0
  failedAt: number = Number.NEGATIVE_INFINITY
  lastError: string | undefined = undefined
  /** Who waits for a connection, or to hear that there is none. */
  connecting: ((up: boolean) => void)[] = []
  readonly #clock: Clock

  constructor(
    name: string,
    owner: PeerOwner,
    { clock, entropy }: { readonly clock: Clock; readonly entropy: Entropy },
  ) {
    this.peer = new Peer(name, owner)
    this.backoff = new Backoff(entropy)
    this.rests = new Backoff(entropy, restBackoff)
    this.#clock = clock
  }

  /** Whether a connection is on its way: ours, or the other side's. */
  get isComing(): boolean {
    return this.attempt !== undefined || this.knocking > 0 || this.expectation !== undefined
  }

  /** Neither dials nor waits for the other side's knock any more. */
  standDown(): void {
    this.attempt?.cancel()
    this.attempt = undefined
    if (this.expectation !== undefined) this.#clock.clearTimer(this.expectation)
    this.expectation = undefined
    this.clearTimer()
  }

  clearTimer(): void {
    if (this.timer !== undefined) this.#clock.clearTimer(this.timer)
    this.timer = undefined
  }

  /** Those who wait for a connection, to be told what came of it; nobody waits any more. */
  takeConnecting(): ((up: boolean) => void)[] {
    const { connecting } = this
    this.connecting = []
    return connecting
  }
}
