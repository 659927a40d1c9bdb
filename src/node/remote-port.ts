/** What the router wants from a cluster. A node that is not in one has {@link nowhere}. */
import { noconnection } from '../exit-reason.js'
import type { Signal } from '../signal.js'
import type { Entrance } from '../term/address.js'
import type { Incarnation } from '../term/incarnation.js'

/** The way to other nodes. */
export interface RemotePort {
  /** Takes a signal for another node; one that cannot be carried is answered by {@link undeliverable}. */
  signal(node: string, signal: Signal): void
  /** Takes a call that is one signal, or its reply. `false`: there is no way for such, and nothing was sent. */
  call(node: string, signal: Signal & { op: 'call' | 'reply' }): boolean
  /** What stands behind the addresses of a run of another node. */
  entrance(incarnation: Incarnation): Entrance
}

/**
 * What the sender of a signal is to be told when there is no way to its receiver: links and monitors fire, a spawn fails,
 * messages are lost (the caller counts them).
 */
export function undeliverable(signal: Signal): Signal | undefined {
  switch (signal.op) {
    case 'link':
      return { op: 'link-exit', from: signal.to, to: signal.from, reason: noconnection }
    case 'monitor':
      return { op: 'down', from: signal.to, to: signal.from, ref: signal.ref, reason: noconnection }
    case 'unlink':
      return { op: 'unlink-ack', from: signal.to, to: signal.from, id: signal.id }
    case 'spawn':
      return { op: 'spawned', ref: signal.ref, to: signal.from, linked: false, monitored: false, result: noconnection }
    default:
      return undefined
  }
}
