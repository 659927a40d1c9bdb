/**
 * Calls: a request and its reply, the primitive that everything above is made of.
 *
 * On the wire it is Erlang's `gen:call`: a monitor whose reference is an alias as well, a `'$gen_call'` message, and a reply
 * to the alias. So a server that dies ends the call at once, and a reply that comes too late finds no alias and goes
 * nowhere. The reply reaches its caller beside the mailbox: the cost does not depend on what is queued there.
 */
import { CallError, TimeoutError } from '../errors.js'
import type { Signal } from '../signal.js'
import { Address } from '../term/address.js'
import { ImproperList } from '../term/improper-list.js'
import { Ref } from '../term/ref.js'
import { isTuple, Tuple } from '../term/tuple.js'
import type { Entity } from './entity.js'
import type { Target } from './notices.js'
import { resume } from './scheduler.js'
import { type ReceiveOptions, timeoutFault } from './waiter.js'

const genCall = Symbol.for('$gen_call')
const alias = Symbol.for('alias')
const aliasPrefix: readonly unknown[] = [alias]

/** How long a call waits for its reply unless told otherwise, in milliseconds: as in Erlang. */
export const callTimeoutMs = 5_000

/** Who called, as a server sees it: give it to {@link reply}, now or later. Erlang's `From`. */
export type Caller = readonly [address: Address<never>, tag: unknown]

function pair(first: unknown, second: unknown): Tuple {
  const made = Tuple.ofLength(2)
  made[0] = first
  made[1] = second
  return made
}

/**
 * Sends a request from `caller` and waits for the reply.
 *
 * @param label What the request is marked with: `'$gen_call'` for servers, `system` for `sys`. Erlang: the label of `gen:call`.
 * @throws `ERR_REIGN_CALL` (a `CallError` with the reason) when the server ends before it replies, is not there (`noproc`), or is
 *   out of reach (`noconnection`); `ERR_REIGN_TIMEOUT` after `timeout` ms (5,000 unless given); the reason of the abort
 *   signal; `ERR_REIGN_EXIT` when the caller itself exits (`ERR_REIGN_CLOSED` for a mailbox); `ERR_REIGN_ARGUMENT` for a target or
 *   a time that is none. On each of these paths the monitor, the alias and the timer are gone.
 */
export function call(
  caller: Entity,
  target: Target,
  request: unknown,
  options: ReceiveOptions = {},
  label: unknown = genCall,
): Promise<unknown> {
  const { timeout = callTimeoutMs, signal } = options
  return new Promise((resolve, reject) => {
    const { host } = caller
    const fail = (error: unknown) => resume(host.scheduler, (why) => caller.rejectWait(reject, why), error)
    if (!caller.alive) return fail(caller.endError(caller.exitReason))
    if (signal?.aborted) return fail(signal.reason)
    const fault = timeoutFault(timeout)
    if (fault !== undefined) return fail(fault)
    let ref: Ref | undefined
    const settle = () => {
      if (timer !== undefined) host.timers.cancel(timer)
      signal?.removeEventListener('abort', aborted)
    }
    const giveUp = (error: unknown) => {
      settle()
      if (ref !== undefined) caller.stopMonitor(ref)
      fail(error)
    }
    const aborted = () => giveUp(signal?.reason)
    const timer =
      timeout === Number.POSITIVE_INFINITY
        ? undefined
        : host.timers.after(timeout, () => giveUp(new TimeoutError(timeout, 'no reply')))
    signal?.addEventListener('abort', aborted, { once: true })
    const take = (reason: unknown) => {
      settle()
      fail(caller.alive ? new CallError(reason, String(target)) : caller.endError(reason))
    }
    const takeReply = (message: unknown) => {
      settle()
      // A reply is {Tag, Reply}; the tag is ours, as nobody else has the alias.
      resume(host.scheduler, resolve, isTuple(message) && message.length === 2 ? message[1] : message)
    }
    try {
      ref = caller.startMonitor(target, { alias: 'reply_demonitor', take, takeReply })
      const message = Tuple.ofLength(3)
      message[0] = label
      message[1] = pair(caller.self, new ImproperList(aliasPrefix, ref))
      message[2] = request
      sendTo(caller, target, message)
    } catch (error) {
      giveUp(error) // No target, or a request that cannot be encoded: the caller's mistake.
    }
  })
}

/** The signal that answers a caller. Protocol reference, "Protocols on top": where the tag says, with the tag as it came. */
export function replySignal(server: Entity, from: Caller, value: unknown): Signal {
  const [address, tag] = from
  const message = pair(tag, value)
  const ref = aliasOf(tag)
  if (ref !== undefined) return { op: 'alias-message', from: server.self, to: ref, message }
  return { op: 'message', from: server.self, to: address, message }
}

/** Answers a caller, from `server`. A caller that gave up gets nothing, and that is no error. */
export function reply(server: Entity, from: Caller, value: unknown): void {
  const signal = replySignal(server, from, value)
  server.host.signal(from[0].node, signal)
}

/**
 * The request and the caller in a message, when it is a call: `'$gen_call'`, as `call` of this library sends it and every
 * `gen_server:call` of Erlang. Answer with `reply` of the process, now or later.
 */
export function callIn(message: unknown): { readonly from: Caller; readonly request: unknown } | undefined {
  if (!isTuple(message) || message.length !== 3 || message[0] !== genCall) return undefined
  const from = message[1]
  if (!isTuple(from) || from.length !== 2 || !(from[0] instanceof Address)) return undefined
  return { from: from as unknown as Caller, request: message[2] }
}

/** Sends to an address or a name, with `from` as the sender that the wire is told. */
export function sendTo(from: Entity, target: Target, message: unknown): void {
  if (target instanceof Address) (target as Address<unknown>).send(message)
  else {
    const to = Symbol.for(target.name)
    from.host.signal(target.node, { op: 'named-message', from: from.self, to, message })
  }
}

/** The alias that a message is the reply to, if it looks like one: `{[alias | Ref], Reply}`. */
export function repliedTo(message: unknown): Ref | undefined {
  return isTuple(message) && message.length === 2 ? aliasOf(message[0]) : undefined
}

/** `[alias | Ref]`, or `[[alias | Ref] | Anything]`. */
function aliasOf(tag: unknown): Ref | undefined {
  if (!(tag instanceof ImproperList) || tag.elements.length !== 1) return undefined
  const first = tag.elements[0]
  if (first === alias && tag.tail instanceof Ref) return tag.tail
  return aliasOf(first)
}
