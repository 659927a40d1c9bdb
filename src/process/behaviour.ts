/**
 * Behaviours: what can be started as a process, and says when it has. Erlang's behaviours, and the part of proc_lib that they share.
 *
 * A behaviour is a value: `genServer({…})`, `supervisor({…})`, or an object of your own with `run` and `handle`. It is started alone by
 * `node.start(behaviour, ...args)`, linked to a process by `self.start(behaviour, ...args)`, and as a child by supervisors, always in
 * the same way (`start.ts`):
 *
 * 1. a process is made, linked to its parent, and has its name, before anything of it runs;
 * 2. `run(self, starting, ...args)` begins: this is its init. The starter waits.
 * 3. `starting.ack()` says that it has started: the starter goes on, with what `handle` makes of the address. `starting.ignore()` says
 *    that it had better not be there: it ends, and the starter gets `undefined`. A throw before either is a failed start: it ends, and
 *    the starter gets a `StartError` with the reason. When the starter learns of the end, the name is free again.
 * 4. `run` goes on: it is the process, and the process ends when it returns or throws.
 *
 * Source: OTP's proc_lib (start_link, init_ack, init_fail) and gen.
 */
import type { Address } from '../term/address.js'
import type { Entity } from './entity.js'
import type { Gate } from './gate.js'
import type { Process } from './process.js'
import type { Destination, ViaName } from './via.js'
import type { ReceiveOptions } from './waiter.js'

/** Who starts and calls: a node, or a process or mailbox of it. */
export interface Starter {
  /** @internal In whose name it is done: the process or mailbox itself, or the node's own address. */
  readonly entity: Entity
  /** Sends a request and waits for the reply; see `Inbox.call`. */
  call(target: Destination | string, request: unknown, options?: ReceiveOptions): Promise<unknown>
}

/** How a process that is being started says what came of it. Of the first word, only the first counts. */
export interface Starting {
  /** The process that it is linked to from birth, and whose exit it ends with; none when it was started alone. Erlang: the parent. */
  readonly parent: Address<never> | undefined
  /** The name that it was given, registered before it began. */
  readonly name: string | ViaName | undefined
  /** It has started, and whoever started it goes on. Erlang: `proc_lib:init_ack({ok, self(), Info})`. */
  ack(info?: unknown): void
  /** It had better not run: ends it with `normal`, by throwing, and whoever started it gets `undefined`. Erlang: `ignore`. */
  ignore(): never
}

/**
 * Something that can be started as a process with arguments `A`, and is then used through a handle of type `H` (an address, a
 * `Server`, …).
 */
export interface Behaviour<A extends readonly unknown[] = readonly unknown[], H = unknown> {
  /** What kind of thing it is, in Erlang's words: `gen_server`, `supervisor`; for reports, and for who asks `sys:get_status`. */
  readonly behaviour: string
  /** A name for what it does, as Erlang's callback module is: for reports. */
  readonly module?: string | undefined
  /** The process: init, the word to the starter, and all that follows. See the head of this file. */
  run(self: Process<unknown>, starting: Starting, ...args: A): unknown
  /** @internal What it accepts, where that is not everything: at the entrance from its birth. */
  readonly gate?: Gate | undefined
  /** What whoever started it gets; calls that are made through it are `by`'s. */
  handle(address: Address<unknown>, by: Starter): H
}

/** Anything that a process can be started from. Arguments are contravariant, so none is the widest of them. */
export type AnyBehaviour = Behaviour<never, unknown>

/** The arguments that a behaviour is started with. */
export type StartArguments<B> = B extends Behaviour<infer A, unknown> ? A : never

/** What whoever starts a behaviour gets. */
export type HandleOf<B> = B extends Behaviour<never, infer H> ? H : never

/** How a behaviour is started. */
export interface BehaviourOptions {
  /** Registered under this name before it begins: a name of its node, or one that is kept elsewhere (`via`). */
  name?: string | ViaName | undefined
  /** Milliseconds for its init; then it is killed, and the start fails with `timeout`. As in Erlang, there is no bound unless one is given. */
  timeout?: number | undefined
}
