/** Waiting in a command: for so long, and no longer than the command is to run. */
import type { Clock } from '../clock.js'
import { ReignError } from '../errors.js'

/** What ends a wait early. */
export interface Deadline {
  readonly clock: Clock
  /** Milliseconds. */
  readonly timeoutMs: number
  /** Its reason ends the wait. */
  readonly stop: AbortSignal
}

/**
 * The value of `promise`, if it comes in time.
 *
 * @param what What it is to be, for the message: `two@127.0.0.1 to answer`.
 * @throws `ERR_REIGN_TIMEOUT`; the reason of `stop`; what `promise` rejects with.
 */
export function within<T>({ clock, timeoutMs, stop }: Deadline, promise: Promise<T>, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (outcome: () => void) => {
      clock.clearTimer(timer)
      stop.removeEventListener('abort', stopped)
      outcome()
    }
    const stopped = () => settle(() => reject(stop.reason))
    const late = () => reject(new ReignError('ERR_REIGN_TIMEOUT', `waited ${timeoutMs} ms for ${what}`))
    const timer = clock.setTimer(() => settle(late), timeoutMs)
    stop.addEventListener('abort', stopped)
    if (stop.aborted) stopped()
    promise.then(
      (value) => settle(() => resolve(value)),
      (error: unknown) => settle(() => reject(error)),
    )
  })
}

/** Lets time pass. @throws the reason of `stop`. */
export function pause({ clock, timeoutMs, stop }: Deadline): Promise<void> {
  return new Promise((resolve, reject) => {
    const stopped = () => {
      clock.clearTimer(timer)
      reject(stop.reason)
    }
    const timer = clock.setTimer(() => {
      stop.removeEventListener('abort', stopped)
      resolve()
    }, timeoutMs)
    stop.addEventListener('abort', stopped, { once: true })
    if (stop.aborted) stopped()
  })
}
