/** The messages that the runtime itself sends: what became of monitors, links and timers. */
import type { Address } from '../term/address.js'
import type { Named } from '../term/named.js'
import type { Ref } from '../term/ref.js'

/** What can be monitored or called: an address, or a registered name on some node. */
export type Target = Address<never> | Named

/**
 * A monitor has fired: what it was set on has exited, never was (`noproc`), or is out of reach (`noconnection`).
 * Comes once, after every message that the other side sent before it ended. Erlang: `{'DOWN', Ref, process, Object, Reason}`.
 */
export interface Down {
  readonly type: 'DOWN'
  /** What `monitor` returned. */
  readonly ref: Ref
  /** What the monitor was set on. */
  readonly address: Target
  readonly reason: unknown
}

/** A linked process has exited, and the receiver traps exits. Erlang: `{'EXIT', From, Reason}`. */
export interface Exit {
  readonly type: 'EXIT'
  readonly from: Address<never>
  readonly reason: unknown
}

/** Whether a message is the exit of somebody. */
export function isExit(message: unknown): message is Exit {
  return typeof message === 'object' && message !== null && (message as Exit).type === 'EXIT'
}

/** Whether a message is the exit of that process. */
export function isExitOf(message: unknown, from: Address<never> | undefined): message is Exit {
  return from !== undefined && isExit(message) && message.from === from
}

/** Whether a message looks like what has become of a monitor or a link. */
export function isNotice(message: unknown): message is Down | Exit {
  if (typeof message !== 'object' || message === null) return false
  const { type } = message as { type?: unknown }
  return type === 'DOWN' || type === 'EXIT'
}

/** A timer of `startTimer` has fired. Erlang: `{timeout, Ref, Message}`. */
export interface TimeoutNotice<M = unknown> {
  readonly type: 'timeout'
  readonly ref: Ref
  readonly message: M
}
