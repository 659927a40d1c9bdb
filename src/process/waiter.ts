/** Somebody who waits for a message: what it accepts, and how it is told. */
import { ReignError } from '../errors.js'
import type { Timer } from '../timers.js'
import type { Matcher } from './match.js'

/** How a receive may be bounded. */
export interface ReceiveOptions {
  /** Milliseconds to wait; 0 or less looks at what is queued and does not wait; omitted or infinite, waits for ever. */
  timeout?: number | undefined
  /** Ends the wait, with the signal's reason, when it is aborted. */
  signal?: AbortSignal | undefined
}

/** What is wrong with a time-out, if anything is. */
export function timeoutFault(timeout: number | undefined): ReignError | undefined {
  if (timeout === undefined || (typeof timeout === 'number' && !Number.isNaN(timeout))) return undefined
  return new ReignError('ERR_REIGN_ARGUMENT', `a timeout is a number of milliseconds, not ${String(timeout)}`)
}

/** See the head of this file. */
export interface Waiter {
  /** Accepts every message when there is none. */
  readonly match: Matcher | undefined
  readonly resolve: (value: never) => void
  readonly reject: (error: unknown) => void
  /** The iteration that it belongs to: it wants a result around the message, and an end when the mailbox closes. */
  readonly iteration: object | undefined
  timer: Timer | undefined
  /** Takes back the listener on the abort signal. */
  unlisten: (() => void) | undefined
}
