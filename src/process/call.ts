/**
 * Calls: a request and its reply, the primitive that everything above is made of.
 *
 * On the wire it is Erlang's `gen:call`: a monitor whose reference is an alias as well, a `'$gen_call'` message, and a reply
 * to the alias. So a server that dies ends the call at once, and a reply that comes too late finds no alias and goes
 * nowhere. The reply reaches its caller beside the mailbox: the cost does not depend on what is queued there.
 */
import { refused } from '../arguments.js'
import { Expiring } from '../deadlines.js'
import { CallError, RefusedError, TimeoutError } from '../errors.js'
import { callFailed, callReplied, callStarted } from '../events.js'
import type { Issue, Refusal } from '../schema.js'
import type { Signal, SignalTarget } from '../signal.js'
import { Address } from '../term/address.js'
import { ImproperList } from '../term/improper-list.js'
import { Named } from '../term/named.js'
import { type Alias, Ref } from '../term/ref.js'
import { isTuple, Tuple } from '../term/tuple.js'
import type { Entity } from './entity.js'
import { publish } from './guard.js'
import type { Target } from './notices.js'
import { signalTarget, Watcher } from './relations.js'
import { resume } from './scheduler.js'
import { type Destination, resolved, ViaName } from './via.js'
import { boundsFault, promiseOf, type ReceiveOptions, type Settler } from './waiter.js'

const genCall = Symbol.for('$gen_call')
const genCast = Symbol.for('$gen_cast')
const callingSelf = Symbol.for('calling_self')
const alias = Symbol.for('alias')
const badRequest = Symbol.for('bad_request')
const aliasPrefix: readonly unknown[] = [alias]

/** How long a call waits for its reply unless told otherwise, in milliseconds: as in Erlang. */
export const callTimeoutMs = 5_000

/** Who called, as a server sees it: give it to `self.reply`, now or later. Erlang's `From`. */
export type Caller = readonly [address: Address<never>, tag: unknown]

function pair(first: unknown, second: unknown): Tuple {
  const made = Tuple.ofLength(2)
  made[0] = first
  made[1] = second
  return made
}

/** The message that asks: `{Label, {Caller, [alias | Ref]}, Request}`. */
export function requestMessage(from: Address<never>, ref: Ref, request: unknown, label: unknown = genCall): Tuple {
  const message = Tuple.ofLength(3)
  message[0] = label
  message[1] = pair(from, new ImproperList(aliasPrefix, ref))
  message[2] = request
  return message
}

/** The message that answers a caller at an alias: `{[alias | Ref], Reply}`. */
export function replyMessage(ref: Ref, value: unknown): Tuple {
  return pair(new ImproperList(aliasPrefix, ref), value)
}

/**
 * Sends a request from `caller` and waits for the reply.
 *
 * @param label What the request is marked with: `'$gen_call'` for servers, `system` for `sys`. Erlang: the label of `gen:call`.
 * @throws `ERR_REIGN_CALL` (a `CallError` with the reason) when the server ends before it replies, is not there (`noproc`), is out
 *   of reach (`noconnection`), or is the caller itself (`calling_self`); `ERR_REIGN_TIMEOUT` after `timeout` ms (5,000 unless given); the
 *   reason of the abort signal; `ERR_REIGN_EXIT` when the caller itself exits (`ERR_REIGN_CLOSED` for a mailbox); `ERR_REIGN_ARGUMENT` for a target or
 *   a time that is none. On each of these paths the monitor, the alias and the timer are gone.
 */
export function call(
  caller: Entity,
  destination: Destination,
  request: unknown,
  options: ReceiveOptions = {},
  label: unknown = genCall,
): Promise<unknown> {
  const unbounded = boundsFault(options)
  if (unbounded !== undefined) return refusedCall(caller, unbounded)
  let target: Target
  try {
    target = resolved(destination)
  } catch (error) {
    return refusedCall(caller, error)
  }
  const { timeout = callTimeoutMs, signal } = options
  const made = new Call(caller, target, timeout)
  const outcome = promiseOf(made)
  if (callStarted.hasSubscribers) {
    const { self } = caller
    publish(callStarted, { node: self.node, caller: self, target, request, ref: made.ref })
  }
  if (!caller.alive) made.fail(caller.endError(caller.exitReason))
  else if (signal?.aborted) made.fail(signal.reason)
  else made.begin(request, signal, label)
  return outcome
}

/** One that does not begin. */
function refusedCall(caller: Entity, error: unknown): Promise<never> {
  return new Promise((_, reject) => resume(caller.host.scheduler, (why) => caller.rejectWait(reject, why), error))
}

/**
 * One call: an alias that takes the reply, the deadline, and the place of a monitor.
 *
 * It is found in a list of its caller's; within a node also in one of the server's, which costs less than a monitor and two signals, and
 * it is one all the same for whoever looks. To other nodes a monitor is set and taken back as any.
 */
export class Call extends Expiring implements Alias, Settler {
  readonly caller: Entity
  readonly target: Target
  readonly timeoutMs: number
  /** What the server is to send the reply to. */
  readonly ref: Ref
  /** Who is to reply, if it is on this node. */
  #server: Entity | undefined = undefined
  #atCaller = 0
  #atServer = 0
  /** Whether it is in those lists, and its reference an alias. */
  #begun = false
  /** Whether there is a monitor that has not fired, as there is to other nodes. */
  #monitored = false
  /** Whether a reply from the server's node ends the monitor there. */
  #endsWithReply = false
  #resolve: ((value: never) => void) | undefined = undefined
  #reject: ((error: unknown) => void) | undefined = undefined
  /** Takes back the listener on the abort signal. */
  #unlisten: (() => void) | undefined = undefined

  constructor(caller: Entity, target: Target, timeoutMs: number) {
    super()
    this.caller = caller
    this.target = target
    this.timeoutMs = timeoutMs
    this.ref = caller.host.addressBook.makeRef()
  }

  /** Its promise is there. */
  armed(resolve: (value: never) => void, reject: (error: unknown) => void): void {
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Sends the request; what keeps it from being sent ends the call. */
  begin(request: unknown, signal: AbortSignal | undefined, label: unknown): void {
    const { caller, target } = this
    const { host } = caller
    if (this.timeoutMs !== Number.POSITIVE_INFINITY) host.deadlines.set(this)
    if (signal !== undefined) this.#listen(signal)
    try {
      const to = signalTarget(target)
      const server = target.node === caller.self.node ? host.find(to) : undefined
      if (server !== undefined) this.#ask(server, request, label)
      else this.#askElsewhere(to, request, label)
    } catch (error) {
      this.fail(error) // Itself, no target, or a request that cannot be encoded: the caller's mistake.
    }
  }

  /**
   * Asks a process of this node. A function of its own, as V8 has only so much room in one for what that calls, and tuples that are not made
   * on the spot take four times as long.
   */
  #ask(server: Entity, request: unknown, label: unknown): void {
    const { caller } = this
    // It would wait for ever: itself, or a server in the midst of a handler, in whose name whoever calls.
    if (server === caller || server === caller.host.running) throw new CallError(callingSelf, String(this.target))
    this.#enlist(server)
    server.deliver(server.self, requestMessage(caller.self, this.ref, request, label), caller.self)
  }

  /** Asks a process of another node, or one that is not there. */
  #askElsewhere(to: SignalTarget, request: unknown, label: unknown): void {
    const { caller, target, ref } = this
    const { host } = caller
    // To hear only now of the loss of a link to that node may have ended it.
    if (!caller.cross(target.node)) return this.callerEnded()
    this.#enlist(undefined)
    host.addressBook.tie(ref)
    if (label === genCall && host.call(target.node, { op: 'call', from: caller.self, to, ref, request })) {
      this.#monitored = true
      this.#endsWithReply = true
      return
    }
    this.#monitored = true
    host.signal(target.node, { op: 'monitor', from: caller.self, to, ref })
    sendTo(caller, target, requestMessage(caller.self, ref, request, label))
  }

  /** Takes the reply, as it comes through the alias: `{Tag, Reply}`. The tag is ours, as nobody else has the alias. */
  take(ref: Ref, message: unknown, from?: Address<never>): void {
    if (!isTuple(message) || message.length !== 2) return this.answered(message, from)
    // The tag came from another node with the reference in it, and goes nowhere.
    if (ref.copies > 0 && aliasOf(message[0]) === ref) ref.copies--
    this.answered(message[1], from)
  }

  /** Takes the reply of another node. */
  answered(reply: unknown, from: Address<never> | undefined): void {
    // One from a third node, which somebody has told of the call, leaves the monitor in place.
    if (this.#endsWithReply && from?.node === this.target.node) this.#monitored = false
    this.replied(reply)
  }

  /** Ends the call with a reply. */
  replied(reply: unknown): void {
    const resolve = this.#resolve
    if (resolve === undefined) return
    const { admit, scheduler } = this.caller.host
    if (admit !== undefined && !admit(this.caller.self, reply)) return
    this.#over()
    if (callReplied.hasSubscribers) {
      const { self } = this.caller
      publish(callReplied, { node: self.node, caller: self, target: this.target, reply, ref: this.ref })
    }
    resume(scheduler, resolve, reply)
  }

  /** Ends the call without a reply. */
  fail(error: unknown): void {
    const { caller } = this
    const reject = this.#reject
    if (reject === undefined) return
    this.#over()
    if (callFailed.hasSubscribers) {
      const { self } = caller
      publish(callFailed, { node: self.node, caller: self, target: this.target, error, ref: this.ref })
    }
    resume(caller.host.scheduler, (why) => caller.rejectWait(reject, why), error)
  }

  /** Its time is over. */
  expire(): void {
    this.fail(new TimeoutError(this.timeoutMs, 'no reply'))
  }

  /** Whoever was to reply has ended, or is out of reach. */
  serverEnded(reason: unknown): void {
    const { caller } = this
    if (!caller.alive) return this.fail(caller.endError(reason))
    const issues = issuesIn(reason)
    if (issues !== undefined) this.refused(issues)
    else this.fail(new CallError(reason, String(this.target)))
  }

  /** Whoever was to reply does not accept the request. */
  refused(issues: readonly Issue[]): void {
    this.fail(new RefusedError(issues, String(this.target)))
  }

  /** The monitor has fired. */
  serverDown(reason: unknown): void {
    this.#monitored = false
    this.serverEnded(reason)
  }

  /** Whoever waits for the reply has ended. */
  callerEnded(): void {
    this.fail(this.caller.endError(this.caller.exitReason))
  }

  #listen(signal: AbortSignal): void {
    const aborted = () => this.fail(signal.reason)
    signal.addEventListener('abort', aborted, { once: true })
    this.#unlisten = () => signal.removeEventListener('abort', aborted)
  }

  #enlist(server: Entity | undefined): void {
    this.#begun = true
    this.ref.alias = this
    const made = (this.caller.related().calls ??= [])
    this.#atCaller = made.push(this) - 1
    this.#server = server
    if (server === undefined) return
    const asked = (server.related().callers ??= [])
    this.#atServer = asked.push(this) - 1
  }

  /** Leaves nothing behind: neither deadline, listener, alias nor monitor. */
  #over(): void {
    this.#resolve = undefined
    this.#reject = undefined
    this.caller.host.deadlines.clear(this)
    this.#unlisten?.()
    if (!this.#begun) return
    this.#delist()
    if (this.#server !== undefined) this.#delistAt(this.#server)
    else this.#demonitor()
  }

  #demonitor(): void {
    const { caller, target, ref } = this
    const { host } = caller
    if (this.#monitored) host.signal(target.node, { op: 'demonitor', from: caller.self, to: signalTarget(target), ref })
    host.addressBook.untie(ref)
  }

  /** The last of each list takes the place of this one: so nothing is searched or moved. */
  #delist(): void {
    this.ref.alias = undefined
    const made = this.caller.relations?.calls
    const lastMade = made?.pop()
    if (made !== undefined && lastMade !== undefined && lastMade !== this) {
      made[this.#atCaller] = lastMade
      lastMade.#atCaller = this.#atCaller
    }
  }

  #delistAt(server: Entity): void {
    const asked = server.relations?.callers
    const lastAsked = asked?.pop()
    if (asked !== undefined && lastAsked !== undefined && lastAsked !== this) {
      asked[this.#atServer] = lastAsked
      lastAsked.#atServer = this.#atServer
    }
  }
}

/** Sends a request that has no reply. Erlang: `gen_server:cast`. */
export function cast(from: Entity, target: Destination, request: unknown): void {
  sendTo(from, target, pair(genCast, request))
}

/** The request in a message, when it is a cast: `'$gen_cast'`. */
export function isCast(message: unknown): message is readonly [symbol, unknown] {
  return isTuple(message) && message.length === 2 && message[0] === genCast
}

/** The signal that answers a caller. Protocol reference, "Protocols on top": where the tag says, with the tag as it came. */
export function replySignal(server: Entity, from: Caller, value: unknown): Signal {
  const address = from[0]
  const tag = from[1]
  const message = pair(tag, value)
  const ref = aliasOf(tag)
  if (ref !== undefined) return { op: 'alias-message', from: server.self, to: ref, message }
  return { op: 'message', from: server.self, to: address, message }
}

/** Answers a caller, from `server`. A caller that gave up gets nothing, and that is no error. */
export function reply(server: Entity, from: Caller, value: unknown): void {
  const { host } = server
  const ref = aliasOf(from[1])
  // A call within this node takes the reply as it is, without a message around it.
  if (ref?.alias instanceof Call && ref.home === host.addressBook.self) {
    return ref.alias.replied(host.copy === undefined ? value : host.copy(value))
  }
  const { node } = from[0]
  if (ref !== undefined && isOfCall(ref) && host.call(node, { op: 'reply', from: server.self, to: ref, value })) return
  host.signal(node, replySignal(server, from, value))
}

/** Whether it is the reference of a call that came as one signal. */
function isOfCall({ watcher }: Ref): boolean {
  return watcher instanceof Watcher && watcher.ofCall
}

/**
 * Says that nobody holds the caller of an answered call any more: of a call from another node nothing need be known then once its
 * monitor is gone.
 */
export function forgetCaller(from: Caller): void {
  const ref = aliasOf(from[1])
  if (ref !== undefined && ref.copies > 0) ref.copies--
}

/**
 * Refuses a call that came to `server`, which goes on. The caller's monitor fires with `{bad_request, Issues}`: in Erlang its call
 * ends as if it had made the server crash. A caller that has no monitor is answered `{error, {bad_request, Issues}}`.
 */
export function refuse(server: Entity, from: Caller, { issues }: Refusal): void {
  const { host } = server
  const tag = from[1]
  const ref = tag instanceof Ref ? tag : aliasOf(tag)
  if (ref?.alias instanceof Call && ref.home === host.addressBook.self) return ref.alias.refused(issues)
  const reason = pair(badRequest, issues)
  if (ref === undefined || !server.fireWatcher(ref, reason)) reply(server, from, pair(Symbol.for('error'), reason))
}

/** What is wrong with a request, when that is why the monitor of its call has fired. */
function issuesIn(reason: unknown): readonly Issue[] | undefined {
  if (!isTuple(reason) || reason.length !== 2 || reason[0] !== badRequest) return undefined
  const issues = reason[1]
  return Array.isArray(issues) && issues.every(isIssue) ? issues : undefined
}

function isIssue(value: unknown): value is Issue {
  if (typeof value !== 'object' || value === null) return false
  const { message, path } = value as Partial<Issue>
  return typeof message === 'string' && Array.isArray(path)
}

/**
 * The request and the caller in a message, when it is a call: `'$gen_call'`, as `call` of this library sends it and every
 * `gen_server:call` of Erlang. Answer with `reply` of the process, now or later.
 */
export function callIn(message: unknown): { readonly from: Caller; readonly request: unknown } | undefined {
  if (!isTuple(message) || message.length !== 3 || message[0] !== genCall) return undefined
  const from = message[1]
  return isCaller(from) ? { from, request: message[2] } : undefined
}

/** Whether a term is Erlang's `From`. */
export function isCaller(from: unknown): from is Caller {
  return isTuple(from) && from.length === 2 && from[0] instanceof Address
}

/** Sends to an address or a name, with `from` as the sender that the wire is told. */
export function sendTo(from: Entity, target: Destination, message: unknown): void {
  if (target instanceof ViaName) sendVia(target, message)
  else if (target instanceof Address) (target as Address<unknown>).send(message)
  else if (target instanceof Named) {
    from.host.signal(target.node, { op: 'named-message', from: from.self, to: target.atom, message })
  } else
    throw refused('a message is sent to an address, a name, named(name, node), via(registry, name) or an alias', target)
}

/** As in Erlang, where whoever sends to such a name is not told either that nobody has it. */
function sendVia({ registry, name }: ViaName, message: unknown): void {
  try {
    registry.send(name, message)
  } catch {
    // It went nowhere, as what is sent to any other name that nobody has.
  }
}

/** The alias that a message is the reply to, if it looks like one: `{[alias | Ref], Reply}`. */
export function repliedTo(message: unknown): Ref | undefined {
  return isTuple(message) && message.length === 2 ? aliasOf(message[0]) : undefined
}

/** The reference in `[alias | Ref]`, or in `[[alias | Ref] | Anything]`. */
export function aliasOf(tag: unknown): Ref | undefined {
  if (!(tag instanceof ImproperList) || tag.elements.length !== 1) return undefined
  const first = tag.elements[0]
  if (first === alias && tag.tail instanceof Ref) return tag.tail
  return aliasOf(first)
}
