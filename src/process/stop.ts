/** Asking a process to end, and waiting until it has: Erlang's `proc_lib:stop`, which `gen_server:stop` is. */
import { CallError } from '../errors.js'
import { sameTerm } from '../term/equal.js'
import { tuple } from '../term/tuple.js'
import { boundedWait, type Settle } from './bounded-wait.js'
import { Call } from './call.js'
import type { Entity } from './entity.js'
import type { Target } from './notices.js'
import { type Destination, resolved } from './via.js'
import type { ReceiveOptions } from './waiter.js'

const system = Symbol.for('system')
const terminate = Symbol.for('terminate')

/** That it is about to end is no news: its end is. */
const answered = (): void => {}

/**
 * Asks by a system message, which behaviours heed after what was sent to them before; a process that heeds none is waited for.
 *
 * @throws `ERR_REIGN_CALL` (a `CallError` with the reason) when it is not there (`noproc`), is out of reach (`noconnection`), is the
 *   caller itself (`calling_self`), or ends with another reason than the one it was given; `ERR_REIGN_TIMEOUT`, and the reason of the abort
 *   signal: it may end yet, also when it was only asked (a time-out of 0); `ERR_REIGN_EXIT`, `ERR_REIGN_CLOSED` when the caller ends;
 *   `ERR_REIGN_ARGUMENT`.
 */
export function stop(
  by: Entity,
  destination: Destination,
  reason: unknown,
  options: ReceiveOptions = {},
): Promise<void> {
  return boundedWait<void>(by, options, 'it has not ended', (settle) => {
    try {
      // The one that has the name now is asked, and waited for.
      return ask(by, resolved(destination), reason, settle)
    } catch (error) {
      settle.reject(error)
      return () => {}
    }
  })
}

/** Asks, and waits for the end. @returns What gives up waiting. */
function ask(by: Entity, target: Target, reason: unknown, { resolve, reject }: Settle<void>): () => void {
  const ended = (why: unknown) => {
    if (!by.alive) reject(by.endError(why))
    else if (sameTerm(why, reason)) resolve()
    else reject(new CallError(why, String(target)))
  }
  const ref = by.startMonitor(target, { take: ended })
  const asking = new Call(by, target, Number.POSITIVE_INFINITY)
  asking.armed(answered, (error) => {
    // Its end says the rest; that it is us who are asked to end while waiting for it, nothing else says.
    if (error instanceof CallError && error.reason === Symbol.for('calling_self')) reject(error)
  })
  asking.begin(tuple(terminate, reason), undefined, system)
  return () => {
    // Nobody asks any more: it goes without an error of its own.
    asking.fail(undefined)
    by.stopMonitor(ref)
  }
}
