/**
 * A node without a network: processes, mailboxes, names and timers. What a cluster adds is in cluster/node.ts.
 */

import { check, checkObject, checkOptions, checkText, refused } from '../arguments.js'
import type { Clock } from '../clock.js'
import type { Entropy } from '../entropy.js'
import { ReignError } from '../errors.js'
import type { DeadLetter } from '../events.js'
import type { IoServer, Output } from '../io/io-server.js'
import type { Logger } from '../logger.js'
import type { AnyBehaviour, BehaviourOptions, HandleOf, StartArguments } from '../process/behaviour.js'
import { call, callIn, reply, sendTo } from '../process/call.js'
import { checkDestination, checkInbox } from '../process/checks.js'
import type { DeadLetters } from '../process/dead-letters.js'
import type { Entity } from '../process/entity.js'
import { type Erpc, erpcAt, type MultiErpc } from '../process/erpc.js'
import { Io } from '../process/io.js'
import type { Mailbox, MailboxOptions } from '../process/mailbox.js'
import type { Target, TimeoutNotice } from '../process/notices.js'
import {
  type AcceptingFunction,
  type AcceptingOptions,
  type ProcessFunction,
  type SpawnOptions,
  spawnArguments,
} from '../process/process.js'
import { type Server, type Servers, serverAt, serversAt } from '../process/server.js'
import type { Service, ServiceHandler } from '../process/service.js'
import { start, startArguments } from '../process/start.js'
import type { Destination, ViaName } from '../process/via.js'
import type { ReceiveOptions } from '../process/waiter.js'
import type { InputOf, OutputOf, Schema } from '../schema.js'
import { Address } from '../term/address.js'
import type { AddressBook } from '../term/address-book.js'
import { checkAddress } from '../term/checks.js'
import { type Named, named } from '../term/named.js'
import { Ref } from '../term/ref.js'
import type { ExposedFunction } from './exposed.js'
import { inspect, type ProcessInfo } from './inspect.js'
import type { LocalOptions } from './local-options.js'
import type { Router } from './router.js'
import { Runtime } from './runtime.js'

/** Erlang's name for a node that is in no cluster. */
export const nowhereName = 'nonode@nohost'

/** @internal */
export interface NodeSetup extends LocalOptions {
  name: string
  creation: number
  /** Passes a local message of that node through the codec, in strict mode. */
  copy?: ((message: unknown, node: { readonly addressBook: AddressBook }) => unknown) | undefined
}

const noTies = { link: false, monitor: false } as const

/** See the head of this file. */
export class LocalNode {
  /** The name of this node: `shop@127.0.0.1`; `nonode@nohost` when it is in no cluster. */
  readonly name: string
  /** @internal */
  readonly runtime: Runtime
  /** @internal The node itself, as the sender and owner of what no process is. Erlang: `net_kernel`. */
  readonly system: Service
  readonly #cut = new AbortController()
  #treesStopped: Promise<void> | undefined
  #stopped = false

  /** @internal Nodes are made by `Node.local` and `Node.start`. */
  constructor(setup: NodeSetup) {
    this.name = setup.name
    const runtime = new Runtime(setup)
    this.runtime = runtime
    this.system = this.service((message) => this.onSystemMessage(message))
  }

  /** @internal */
  get entity(): Entity {
    return this.system
  }

  /** @internal */
  get addressBook(): AddressBook {
    return this.runtime.addressBook
  }

  /** @internal */
  get router(): Router {
    return this.runtime.router
  }

  /** @internal */
  get clock(): Clock {
    return this.runtime.clock
  }

  /** @internal */
  get entropy(): Entropy {
    return this.runtime.entropy
  }

  /** @internal */
  get logger(): Logger {
    return this.runtime.logger
  }

  /** @internal Opens an address of the runtime itself, registered under `name` if one is given. */
  service(handle: ServiceHandler, name?: string): Service {
    return this.runtime.service(handle, name)
  }

  // --- mailboxes and processes --------------------------------------------------------------------------------------

  /**
   * Opens a mailbox. Close it, or declare it with `using`: an open mailbox keeps what is sent to it, without bound unless it has a `limit`.
   *
   * With `accepts`, a Standard Schema, it receives what that makes of what is sent, and what does not fit never reaches it. `N` are the
   * notices that it asks for beside (`Down`, …), to which no schema is applied.
   *
   * @throws `ERR_REIGN_ARGUMENT` when the limit is none; `ERR_REIGN_SCHEMA` when the schema is none.
   */
  mailbox<S extends Schema, N = never>(
    options: MailboxOptions & { readonly accepts: S },
  ): Mailbox<OutputOf<S> | N, InputOf<S>>
  mailbox<M = unknown>(options?: MailboxOptions): Mailbox<M>
  mailbox<M>(options: MailboxOptions = {}): Mailbox<M> {
    this.#running()
    checkOptions(options)
    return this.runtime.mailbox<M>(options)
  }

  /**
   * Starts a process that runs `run(self, ...args)`, once what runs now has ended; messages can be sent to it at once.
   * With options, give them first: `node.spawn({ name: 'echo' }, run, ...args)`.
   *
   * @throws `ERR_REIGN_NAME_TAKEN` when the name it is to have is taken.
   */
  spawn<S extends Schema, A extends readonly unknown[] = []>(
    options: AcceptingOptions<S>,
    run: AcceptingFunction<S, A>,
    ...args: A
  ): Address<InputOf<S>>
  spawn<M = unknown, A extends readonly unknown[] = []>(run: ProcessFunction<M, A>, ...args: A): Address<M>
  spawn<M = unknown, A extends readonly unknown[] = []>(
    options: SpawnOptions,
    run: ProcessFunction<M, A>,
    ...args: A
  ): Address<M>
  spawn(first: unknown, ...rest: unknown[]): Address<never> {
    this.#running()
    // The commonest form by far makes nothing but the process.
    if (typeof first === 'function') return this.runtime.start(first as ProcessFunction<unknown, never>, rest).self
    const { run, args, options } = spawnArguments([first, ...rest])
    return this.runtime.spawnProcess(undefined, run, args, noTies, options).address
  }

  /**
   * Starts a behaviour, such as a `genServer` or a `supervisor`, and waits until it has started. It is linked to nobody; a process
   * that wants the link starts it itself (`self.start`). With options, give them first: `node.start({ name: 'counter' }, counter, 10)`.
   * Erlang: `gen_server:start`.
   *
   * @returns Its handle: a `Server` for a `genServer`, a `Supervisor` for a `supervisor`, …; `undefined` when its init said `ignore`.
   * @throws `ERR_REIGN_START` (a `StartError` with the reason) when its init failed, took too long, or its name is taken.
   */
  start<B extends AnyBehaviour>(behaviour: B, ...args: StartArguments<B>): Promise<HandleOf<B>>
  start<B extends AnyBehaviour>(
    options: BehaviourOptions,
    behaviour: B,
    ...args: StartArguments<B>
  ): Promise<HandleOf<B>>
  async start(...given: unknown[]): Promise<unknown> {
    this.#running()
    const { options, what, args } = startArguments(given)
    const { address } = await start(this.system, false, what, args, options)
    return address && what.handle(address, this)
  }

  /**
   * A server by its registered name here (`'counter'`), by name on another node (`named('counter', node)`) or by address, typed by its
   * definition (`node.server<typeof counter>('counter')`) or by its protocol. A name is looked up at each use, so it outlives restarts.
   * Whether anybody is there shows at the first call. The calls are the node's own; those of a process are made by `self.server`.
   */
  server<D>(target: Destination | string | Server<D>): Server<D> {
    return serverAt(this, target) as Server<D>
  }

  /** The servers of one name on several nodes: what is called or cast is called or cast at each. Erlang: `multi_call`, `abcast`. */
  servers<D>(name: string, nodes: readonly string[]): Servers<D> {
    return serversAt(this, name, nodes) as Servers<D>
  }

  // --- sending ------------------------------------------------------------------------------------------------------

  /**
   * Sends to an address, to a name here (`'echo'`) or elsewhere (`named('echo', node)`), or to an alias. Erlang: `!`.
   * What goes to a name or alias that nobody has becomes a dead letter.
   *
   * @returns `false` when the route is congested, as `Address.send` does.
   */
  send(to: Address<never> | Named | ViaName | Ref | string, message: unknown): boolean {
    if (to instanceof Address) return (to as Address<unknown>).send(message)
    if (to instanceof Ref) {
      this.router.signal(to.node, { op: 'alias-message', from: this.system.self, to, message })
      return true
    }
    sendTo(this.system, typeof to === 'string' ? named(to, this.name) : to, message)
    return true
  }

  /**
   * Sends a request as Erlang's `gen:call` does, and waits for the reply: what `gen_server:call` is made of.
   *
   * @throws as `call` of process/call.ts: `ERR_REIGN_CALL`, `ERR_REIGN_TIMEOUT` (5,000 ms unless given), the reason of the abort.
   */
  call(to: Destination | string, request: unknown, options?: ReceiveOptions): Promise<unknown> {
    return call(this.system, typeof to === 'string' ? named(to, this.name) : to, request, options)
  }

  /** Asks a process to exit with a reason; `atom('kill')` cannot be trapped. Erlang: `exit/2`. */
  exit(address: Address<never>, reason: unknown): void {
    checkAddress(address, 'who is asked to exit is known by')
    this.router.signal(address.node, { op: 'exit', from: this.system.self, to: address, reason })
  }

  // --- names --------------------------------------------------------------------------------------------------------

  /**
   * Gives a process of this node a name, by which others can send to it: `{echo, 'shop@127.0.0.1'} ! …`. Erlang: `register/2`.
   *
   * @throws `ERR_REIGN_NAME_TAKEN` when the name is taken, or the process has another one; `ERR_REIGN_ARGUMENT` when there
   *   is no such process on this node.
   */
  register(name: string, address: Address<never>): void {
    this.#running()
    const entity = address instanceof Address ? this.router.find(address) : undefined
    if (entity === undefined) throw refused('what is registered is the address of a live process of this node', address)
    this.runtime.registry.register(name, entity)
  }

  /** Takes a name back. `false` when nobody had it. */
  unregister(name: string): boolean {
    checkText(name, 'a registered name')
    return this.runtime.registry.unregister(name)
  }

  /** Who has that name here. */
  whereis<M = unknown>(name: string): Address<M> | undefined {
    checkText(name, 'a registered name')
    return this.runtime.registry.whereis(name)?.self as Address<unknown> as Address<M> | undefined
  }

  /** The names that are registered here. */
  registered(): string[] {
    return this.runtime.registry.names()
  }

  // --- timers -------------------------------------------------------------------------------------------------------

  /**
   * Sends a message in `delayMs` milliseconds. The timer ends with its receiver, if that is a process of this node. Erlang:
   * `erlang:send_after/3`.
   *
   * @throws `ERR_REIGN_ARGUMENT` when the delay is no finite number.
   */
  sendAfter<M>(delayMs: number, to: Address<M>, message: NoInfer<M>): Ref {
    this.#running()
    return this.runtime.messageTimers.sendAfter(delayMs, to, message)
  }

  /** Sends `{ type: 'timeout', ref, message }` in `delayMs` milliseconds; `ref` is what this returns. */
  startTimer<M>(delayMs: number, to: Address<TimeoutNotice<M>>, message: NoInfer<M>): Ref {
    this.#running()
    return this.runtime.messageTimers.startTimer(delayMs, to, message)
  }

  /** Cancels a timer: the milliseconds that were left, or `false` when it has fired or was cancelled before. */
  cancelTimer(ref: Ref): number | false {
    return this.runtime.messageTimers.cancel(ref)
  }

  /** The milliseconds that a timer has left, or `false`. */
  readTimer(ref: Ref): number | false {
    return this.runtime.messageTimers.read(ref)
  }

  // --- other nodes --------------------------------------------------------------------------------------------------

  /**
   * Lets other nodes run these functions, and no others: from Erlang, `spawn('shop@…', pricing, quote, Args)` and
   * `erpc:call('shop@…', pricing, quote, Args)`. The arguments come from the wire: check them.
   *
   * Each run is a process of its own, and is its `this`: `function (this: Process, …)` can receive, link and trap exits.
   */
  expose(module: string, functions: Readonly<Record<string, ExposedFunction>>): void {
    this.runtime.exposed.add(module, functions)
  }

  /** Takes back what {@link expose} let others run: a module, or one of its functions. */
  unexpose(module: string, name?: string): void {
    this.runtime.exposed.remove(module, name)
  }

  /** Runs a function of another node there, as a process; `owner` is linked with it or monitors it, as asked. */
  async spawnOn(
    node: string,
    module: string,
    name: string,
    args: readonly unknown[],
    ties: { link?: Entity; monitor?: Entity } = {},
  ): Promise<{ address: Address<unknown>; ref: Ref }> {
    this.#running()
    checkText(node, 'the name of a node')
    checkText(module, 'the name of a module')
    checkText(name, 'the name of a function')
    check(Array.isArray(args), 'arguments are an array', args)
    checkObject(ties, 'ties')
    for (const tied of [ties.link, ties.monitor]) if (tied !== undefined) checkInbox(tied)
    const owner = ties.link ?? ties.monitor ?? this.system
    const wanted = { link: ties.link !== undefined, monitor: ties.monitor !== undefined }
    return (await this.runtime.remoteSpawner.ask(owner, node, module, name, args, wanted)) as {
      address: Address<unknown>
      ref: Ref
    }
  }

  /**
   * Functions of another node, or of this one, Erlang's `erpc`: `node.erpc(name).call('lists', 'reverse', [[1, 2, 3]])`; of several
   * nodes at once, where an array of names is given (`multicall`, `multicast`). The calls of a process are made by `self.erpc`.
   */
  erpc(node: string): Erpc
  erpc(nodes: readonly string[]): MultiErpc
  erpc(where: string | readonly string[]): Erpc | MultiErpc {
    return erpcAt(this.system, where)
  }

  // --- output -------------------------------------------------------------------------------------------------------

  /**
   * Opens an io server: a process that others can have as their group leader (`self.groupLeader = server.address`), whose output it gives to
   * a function. Texts from other nodes may hold anything, control characters too.
   *
   * @throws `ERR_REIGN_ARGUMENT` when the output is no function.
   */
  ioServer(output: Output): IoServer {
    this.#running()
    return this.runtime.ioServer(output)
  }

  /** The io server behind an address, or a name (`named('user', node)`), or that of this node: to write to, in the name of the node. */
  io(server: Target = this.runtime.groupLeader): Io {
    checkDestination(server)
    return new Io(this.system, () => server)
  }

  // --- looking in ---------------------------------------------------------------------------------------------------

  /** The addresses of all processes and mailboxes, oldest first. */
  processes(): Address<never>[] {
    return Array.from(this.runtime.table.values(), (entity) => entity.self)
  }

  /** What a process is doing, in Erlang's items, without disturbing it; `undefined` when it is not alive. */
  processInfo(address: Address<never>): ProcessInfo | undefined {
    checkAddress(address, 'a process is known by')
    const entity = this.router.find(address)
    return entity === undefined ? undefined : inspect(entity, this.runtime.registry)
  }

  /** Whether a process of this node is alive. */
  isAlive(address: Address<never>): boolean {
    checkAddress(address, 'a process is known by')
    return this.router.find(address) !== undefined
  }

  /** How many messages found no receiver, by cause, and {@link DeadLetters.subscribe} to see them. */
  get deadLetters(): {
    readonly counts: DeadLetters['counts']
    subscribe(listener: (letter: DeadLetter) => void): () => void
  } {
    return this.runtime.deadLetters
  }

  /** For `JSON.parse`: turns the JSON form of an address back into the address. */
  readonly reviver = (_key: string, value: unknown): unknown => {
    if (typeof value !== 'object' || value === null || !('$address' in value)) return value
    const text = value.$address
    return typeof text === 'string' && Object.keys(value).length === 1 ? Address.parse(text, this) : value
  }

  // --- ends ---------------------------------------------------------------------------------------------------------

  /** @internal A message to the node itself. */
  protected onSystemMessage(message: unknown): void {
    const called = callIn(message)
    if (called !== undefined) reply(this.system, called.from, Symbol.for('ignored'))
  }

  /** @internal The connection to another node is lost: tells all whom that concerns, and calls back when that is done. */
  disconnected(node: string, told: () => void = () => {}): void {
    // First what was asked for and has not begun: nothing is there yet whose monitor or link could fire.
    this.runtime.remoteSpawner.disconnected(node)
    this.runtime.crossings.lost(node, told)
  }

  /** @internal Whoever does not know yet that the connection to a node was lost is told now: the next one is there. */
  settleLoss(node: string): void {
    this.runtime.crossings.settle(node)
  }

  /**
   * @internal Stops the supervision trees in order, and waits `ms` milliseconds for them at most. Meanwhile the node goes on as before:
   * whoever stops in order may call, send and start. A further call with less time shortens the wait of the first.
   *
   * @returns nothing where there is nothing to wait for: who waits all the same loses a turn.
   */
  protected stopTrees(ms: number): Promise<void> | undefined {
    const { trees, timers } = this.runtime
    if (this.#stopped || (this.#treesStopped === undefined && trees.empty)) return undefined
    if (ms > 0) timers.after(ms, () => this.#cut.abort())
    else this.#cut.abort()
    this.#treesStopped ??= trees.stop(this.system, this.#cut.signal)
    return this.#treesStopped
  }

  /**
   * Ends every process (`shutdown`) and mailbox, and all timers. Afterwards nothing can be opened, started or called on the
   * node (`ERR_REIGN_NODE_STOPPED`), what is sent becomes a dead letter, and nobody is found by a name or address.
   */
  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    await this.runtime.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** @internal Whether it is being stopped, or has been. */
  get stopping(): boolean {
    return this.#stopped || this.#treesStopped !== undefined
  }

  /** @internal */
  protected get stopped(): boolean {
    return this.#stopped
  }

  #running(): void {
    if (this.#stopped) throw new ReignError('ERR_REIGN_NODE_STOPPED', `the node ${this.name} has stopped`)
  }
}
