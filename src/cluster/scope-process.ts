/**
 * The process of a scope on this node, registered under the name of the scope, as Erlang's `pg` has one.
 *
 * It handles a message in the turn in which it arrives. Whoever may send to it may also kill it, so one that is ended from
 * outside is followed by another at once: what this node's processes have joined is not lost with it.
 */
import { ReignError } from '../errors.js'
import { shutdown } from '../exit-reason.js'
import type { LocalNode } from '../node/local-node.js'
import { type Caller, call, callIn, reply, sendTo } from '../process/call.js'
import type { Target } from '../process/notices.js'
import type { Service } from '../process/service.js'
import { Address } from '../term/address.js'
import { isTuple, tuple } from '../term/tuple.js'

const ok = Symbol.for('ok')
const error = Symbol.for('error')
const system = Symbol.for('system')
const unknownSystemMessage = Symbol.for('unknown_system_msg')
const debug = Symbol.for('debug')
/** `sys:log(Scope, get)`: the least that every process of OTP answers without minding it. */
const leastRequest = tuple(debug, tuple(Symbol.for('log'), Symbol.for('get')))

/** What a scope does with it. */
export interface ScopeProcessOwner {
  /** A message that is neither a call nor a system message. */
  handle(message: unknown, from: Address<never> | undefined): void
  /** It was ended from outside, and there is another one: nobody is watched any more, and nobody knows the new one. */
  restarted(): void
  /** The node has stopped. */
  ended(): void
  /** Handling a message has failed. */
  failed(error: unknown): void
}

/** See the head of this file. */
export class ScopeProcess {
  readonly name: string
  readonly #node: LocalNode
  readonly #owner: ScopeProcessOwner
  #service: Service
  #closed = false

  /** @throws `ERR_REIGN_NAME_TAKEN` when somebody else has that name on this node; `ERR_REIGN_ARGUMENT` when it is none. */
  constructor(node: LocalNode, name: string, owner: ScopeProcessOwner) {
    this.name = name
    this.#node = node
    this.#owner = owner
    this.#service = this.#open()
  }

  get self(): Address<never> {
    return this.#service.self
  }

  get alive(): boolean {
    return this.#service.alive
  }

  /** Calls back once when the target has ended or is out of reach, unless the returned function is called before. */
  watch(target: Target, ended: (reason: unknown) => void): () => void {
    const service = this.#service
    // Its own end tells it, too, of all that it watched: that is not what was asked.
    const ref = service.startMonitor(target, { take: (reason) => service.alive && ended(reason) })
    return () => {
      service.stopMonitor(ref)
    }
  }

  /** Sends in its name. */
  send(target: Target, message: unknown): void {
    sendTo(this.#service, target, message)
  }

  /**
   * Asks another scope process to answer at once: when it has, or has ended, all that was sent to it before has arrived, and so
   * has all that it had sent. Rejects with the reason of the signal.
   */
  async roundTrip(peer: Address<never>, signal: AbortSignal): Promise<void> {
    try {
      await call(this.#service, peer, leastRequest, { timeout: Number.POSITIVE_INFINITY, signal }, system)
    } catch (failure) {
      if (!(failure instanceof ReignError)) throw failure
      signal.throwIfAborted()
    }
  }

  /** Ends it for good. */
  close(): void {
    this.#closed = true
    this.#service.terminate(shutdown)
  }

  #open(): Service {
    const service = this.#node.service((message, _, from) => this.#handle(message, from))
    try {
      this.#node.register(this.name, service.self)
    } catch (refused) {
      service.terminate(shutdown)
      throw refused
    }
    this.#node.system.startMonitor(service.self, { take: (reason) => this.#over(reason) })
    return service
  }

  #over(reason: unknown): void {
    if (this.#closed) return
    // Nobody else can give it that reason: it traps exits.
    if (reason === shutdown) return this.#owner.ended()
    this.#service = this.#open()
    this.#owner.restarted()
  }

  #handle(message: unknown, from: Address<never> | undefined): void {
    try {
      const called = callIn(message)
      // OTP's pg answers its calls by `ok`; what they ask of a scope (join, leave, monitor) is for local processes.
      if (called !== undefined) return reply(this.#service, called.from, ok)
      if (isTuple(message) && message[0] === system) return this.#answerSystem(message)
      this.#owner.handle(message, from)
    } catch (failure) {
      // What a message brings about must not end the scope.
      this.#owner.failed(failure)
    }
  }

  /** What every process of OTP understands; of it, a scope answers what asks for nothing. Source: OTP's sys.erl. */
  #answerSystem([, from, request]: readonly unknown[]): void {
    if (!isTuple(from) || from.length !== 2 || !(from[0] instanceof Address)) return
    const isLog = isTuple(request) && request[0] === debug
    const answer = isLog ? tuple(ok, []) : tuple(error, tuple(unknownSystemMessage, request))
    reply(this.#service, from as unknown as Caller, answer)
  }
}
