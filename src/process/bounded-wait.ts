/** Waits that end once: by what is waited for, when their time is over, or by an abort signal. */
import { TimeoutError } from '../errors.js'
import type { Timer } from '../timers.js'
import type { Entity } from './entity.js'
import { resume } from './scheduler.js'
import { boundsFault, type ReceiveOptions } from './waiter.js'

/** How a wait is ended by whoever knows what came of it. Only the first end counts. */
export interface Settle<T> {
  resolve(value: T): void
  reject(error: unknown): void
}

/**
 * Waits in the name of `by`.
 *
 * @param what What has not happened, for the text of the error: `'no answer'`.
 * @param begin Begins to listen, and gives what stops listening, which is called however the wait ends.
 * @throws `ERR_REIGN_TIMEOUT` (a `TimeoutError`) when a time was given and is over; the reason of the abort signal; `ERR_REIGN_ARGUMENT` for a time
 *   that is none; what the wait is rejected with; `by`'s own end when it has ended before.
 */
export function boundedWait<T>(
  by: Entity,
  options: ReceiveOptions,
  what: string,
  begin: (settle: Settle<T>) => () => void,
): Promise<T> {
  const fault = boundsFault(options)
  const { timeout = Number.POSITIVE_INFINITY, signal } = fault === undefined ? options : {}
  return new Promise((resolve, reject) => {
    const { host } = by
    const fail = (error: unknown) => resume(host.scheduler, (why) => by.rejectWait(reject, why), error)
    if (!by.alive) return fail(by.endError(by.exitReason))
    if (signal?.aborted) return fail(signal.reason)
    if (fault !== undefined) return fail(fault)
    let timer: Timer | undefined
    let stop: (() => void) | undefined
    let over = false
    const end = (outcome: () => void) => {
      if (over) return
      over = true
      if (timer !== undefined) host.timers.cancel(timer)
      signal?.removeEventListener('abort', aborted)
      stop?.()
      outcome()
    }
    const aborted = () => end(() => fail(signal?.reason))
    stop = begin({
      resolve: (value) => end(() => resume(host.scheduler, resolve, value)),
      reject: (error) => end(() => fail(error)),
    })
    if (over) return stop()
    signal?.addEventListener('abort', aborted, { once: true })
    if (timeout === Number.POSITIVE_INFINITY) return
    const late = () => end(() => fail(new TimeoutError(timeout, what)))
    if (timeout <= 0) late()
    else timer = host.timers.after(timeout, late)
  })
}
