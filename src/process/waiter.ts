/** Somebody who waits for a message: what it accepts, and how it is told. */
import type { Timer } from '../timers.js'
import type { Matcher } from './match.js'

/** How a receive may be bounded. */
export interface ReceiveOptions {
  /** Milliseconds to wait; 0 looks at what is queued and does not wait; omitted, waits for ever. */
  timeout?: number | undefined
  /** Ends the wait, with the signal's reason, when it is aborted. */
  signal?: AbortSignal | undefined
}

/** See the head of this file. */
export interface Waiter {
  /** Accepts every message when there is none. */
  readonly match: Matcher | undefined
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
  /** Wants an iterator's result around the message, and the end of the iteration when the mailbox closes. */
  readonly iterates: boolean
  timer: Timer | undefined
  /** Takes back the listener on the abort signal. */
  unlisten: (() => void) | undefined
}
