/** What mailboxes and processes have in common: an address, messages, calls, links, monitors and aliases. */
import { check, checkOneOf, checkOptions } from '../arguments.js'
import type { Address } from '../term/address.js'
import { checkAddress, checkRef } from '../term/checks.js'
import { named } from '../term/named.js'
import type { Ref } from '../term/ref.js'
import { type Caller, call, isCaller, reply } from './call.js'
import type { AliasMode } from './entity.js'
import { type Erpc, erpcAt, type MultiErpc } from './erpc.js'
import type { TimeoutNotice } from './notices.js'
import { Receiver } from './receiver.js'
import { type Server, serverAt } from './server.js'
import { type Destination, ViaName } from './via.js'
import type { ReceiveOptions } from './waiter.js'

/** Options of {@link Inbox.monitor}. */
export interface MonitorOptions {
  /**
   * Makes the reference an alias too, to which others can send: until `unalias`, until the monitor ends, or also until the
   * first message comes through it.
   */
  alias?: AliasMode | undefined
}

const aliasModes: readonly AliasMode[] = ['explicit_unalias', 'demonitor', 'reply_demonitor']

/** See the head of this file. */
export abstract class Inbox<M, I = M> extends Receiver<M, I> {
  // --- calls ----------------------------------------------------------------------------------------------------

  /**
   * Sends a request and waits for the reply, which comes beside the messages: the cost does not depend on how many are queued.
   * Erlang: `gen:call`, which `gen_server:call` is made of.
   *
   * @param target An address, or a name, here (`'counter'`) or elsewhere (`named('counter', node)`).
   * @throws `ERR_REIGN_CALL` (a `CallError` with the reason) when the server ends before it replies, is not there (`noproc`), or is
   *   out of reach (`noconnection`); `ERR_REIGN_TIMEOUT` after `timeout` ms (5,000 unless given); the reason of the abort
   *   signal; `ERR_REIGN_EXIT`, `ERR_REIGN_CLOSED` when the caller itself ends.
   */
  call(target: Destination | string, request: unknown, options?: ReceiveOptions): Promise<unknown> {
    if (!this.alive) return this.refused()
    return call(this, typeof target === 'string' ? named(target, this.self.node) : target, request, options)
  }

  /** A server, typed as by `node.server`, that is called in the name of this process or mailbox. */
  server<D>(target: Destination | string | Server<D>): Server<D> {
    return serverAt(this, target) as Server<D>
  }

  /**
   * Functions of another node, as by `node.erpc`, called in the name of this process or mailbox: they fail when it ends, and what
   * they write goes where its own output goes.
   */
  erpc(node: string): Erpc
  erpc(nodes: readonly string[]): MultiErpc
  erpc(where: string | readonly string[]): Erpc | MultiErpc {
    return erpcAt(this, where)
  }

  /** Answers a call that came as a message (see `callIn`); a caller that gave up gets nothing. Erlang: `gen:reply`. */
  reply(to: Caller, value: unknown): void {
    check(isCaller(to), 'a reply goes to a caller, as callIn gives it', to)
    reply(this, to, value)
  }

  // --- timers -----------------------------------------------------------------------------------------------------

  /**
   * Sends a message in `delayMs` milliseconds, to this process (`self.address`) or another. The timer ends with its receiver, if that is
   * of this node. Erlang: `erlang:send_after/3`.
   *
   * @throws `ERR_REIGN_ARGUMENT` when the delay is no finite number.
   */
  sendAfter<N>(delayMs: number, to: Address<N>, message: NoInfer<N>): Ref {
    return this.host.messageTimers.sendAfter(delayMs, to, message)
  }

  /** Sends `{ type: 'timeout', ref, message }` in `delayMs` milliseconds; `ref` is what this returns. Erlang: `start_timer/3`. */
  startTimer<N>(delayMs: number, to: Address<TimeoutNotice<N>>, message: NoInfer<N>): Ref {
    return this.host.messageTimers.startTimer(delayMs, to, message)
  }

  /** Cancels a timer: the milliseconds that were left, or `false` when it has fired or was cancelled before. */
  cancelTimer(ref: Ref): number | false {
    return this.host.messageTimers.cancel(ref)
  }

  // --- links, monitors, aliases ---------------------------------------------------------------------------------

  /**
   * Ties the fates of both: when one exits, the other is told, and exits too unless it traps exits. Linking twice is linking
   * once. A link to a process that is not there gives the exit `noproc`. Erlang: `link/1`.
   */
  link(to: Address<never>): void {
    checkAddress(to, 'a link is made to')
    this.linkTo(to)
  }

  /** Undoes a link: no exit of that link arrives from now on. Erlang: `unlink/1`. */
  unlink(from: Address<never>): void {
    checkAddress(from, 'a link is undone with')
    this.unlinkFrom(from)
  }

  /**
   * Asks to be told once, by a `Down` message, when the target has ended; at once (`noproc`) when it is not there. Erlang:
   * `monitor/2`; Go's reign: `OnCloseNotify`.
   *
   * @param target An address, or `named(name, node)`: then the process that has the name now is what is watched; so it is of
   *   `via(registry, name)`.
   * @returns The reference that the `Down` will carry.
   */
  monitor(target: Destination, options: MonitorOptions = {}): Ref {
    checkOptions(options)
    checkOneOf(options.alias, 'alias', aliasModes)
    // Nobody can be registered as `undefined`: what a name that nobody has leads to is not there either.
    const watched = target instanceof ViaName ? (target.whereis() ?? named('undefined', this.self.node)) : target
    return this.marked(() => this.startMonitor(watched, { alias: options.alias }))
  }

  /** Takes a monitor back: no `Down` with this reference arrives from now on, and one that is queued is removed. */
  demonitor(ref: Ref): void {
    checkRef(ref, 'a monitor is known by')
    this.stopMonitor(ref)
    this.remove({ type: 'DOWN', ref })
  }

  /** A unique reference, to find an answer by: put it into a question, and receive the message that holds it. */
  makeRef(): Ref {
    return this.marked(() => this.host.addressBook.makeRef())
  }

  /**
   * A reference that others can send to (`node.send(alias, message)`) until {@link unalias}: then what still comes is
   * dropped. `reply`: until the first message came through it. Erlang: `alias/1`.
   */
  alias(mode: 'explicit_unalias' | 'reply' = 'explicit_unalias'): Ref {
    checkOneOf(mode, 'the mode of an alias', ['explicit_unalias', 'reply'])
    return this.marked(() => this.makeAlias(mode === 'reply'))
  }

  /** Ends an alias. `false` when it was none of this inbox, or had ended. */
  unalias(ref: Ref): boolean {
    checkRef(ref, 'an alias is')
    return this.dropAlias(ref)
  }
}
