/** Asking a process to end, and waiting until it has: Erlang's `proc_lib:stop`, which `gen_server:stop` is. */
import { CallError, TimeoutError } from '../errors.js'
import { sameTerm } from '../term/equal.js'
import type { Ref } from '../term/ref.js'
import { tuple } from '../term/tuple.js'
import type { Timer } from '../timers.js'
import { call } from './call.js'
import type { Entity } from './entity.js'
import { resume } from './scheduler.js'
import { type Destination, resolved } from './via.js'
import { type ReceiveOptions, timeoutFault } from './waiter.js'

const system = Symbol.for('system')
const terminate = Symbol.for('terminate')

/**
 * Asks by a system message, which behaviours heed after what was sent to them before; a process that heeds none is waited for.
 *
 * @throws `ERR_REIGN_CALL` (a `CallError` with the reason) when it is not there (`noproc`), is out of reach (`noconnection`), is the
 *   caller itself (`calling_self`), or ends with another reason than the one it was given; `ERR_REIGN_TIMEOUT`, and the reason of the abort
 *   signal: it may end yet; `ERR_REIGN_EXIT`, `ERR_REIGN_CLOSED` when the caller ends; `ERR_REIGN_ARGUMENT`.
 */
export function stop(
  by: Entity,
  destination: Destination,
  reason: unknown,
  options: ReceiveOptions = {},
): Promise<void> {
  const { timeout = Number.POSITIVE_INFINITY, signal } = options
  return new Promise((resolve, reject) => {
    const { host } = by
    const fail = (error: unknown) => resume(host.scheduler, (why) => by.rejectWait(reject, why), error)
    if (!by.alive) return fail(by.endError(by.exitReason))
    if (signal?.aborted) return fail(signal.reason)
    const fault = timeoutFault(timeout)
    if (fault !== undefined) return fail(fault)
    const asking = new AbortController()
    let ref: Ref | undefined
    let timer: Timer | undefined
    const settle = () => {
      if (timer !== undefined) host.timers.cancel(timer)
      signal?.removeEventListener('abort', aborted)
      asking.abort()
    }
    const giveUp = (error: unknown) => {
      settle()
      if (ref !== undefined) by.stopMonitor(ref)
      fail(error)
    }
    const aborted = () => giveUp(signal?.reason)
    signal?.addEventListener('abort', aborted, { once: true })
    if (timeout !== Number.POSITIVE_INFINITY) {
      timer = host.timers.after(timeout, () => giveUp(new TimeoutError(timeout, 'it has not ended')))
    }
    const ended = (why: unknown) => {
      settle()
      if (!by.alive) fail(by.endError(why))
      else if (sameTerm(why, reason)) resume(host.scheduler, resolve, undefined)
      else fail(new CallError(why, String(destination)))
    }
    try {
      // The one that has the name now is asked, and waited for.
      const target = resolved(destination)
      ref = by.startMonitor(target, { take: ended })
      const bounds = { timeout: Number.POSITIVE_INFINITY, signal: asking.signal }
      call(by, target, tuple(terminate, reason), bounds, system).catch((error) => {
        // Its end says the rest; that it is us who are asked to end while waiting for it, nothing else says.
        if (error instanceof CallError && error.reason === Symbol.for('calling_self')) giveUp(error)
      })
    } catch (error) {
      giveUp(error)
    }
  })
}
