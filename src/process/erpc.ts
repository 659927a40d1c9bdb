/**
 * Functions of other nodes: Erlang's `erpc`, as its client.
 *
 * A call has the other node run `erpc:execute_call/4` in a process that is monitored; what came of the function is the exit reason of
 * that process. So it runs whatever the node is made of, and whoever waits learns of everything that may happen to it.
 * Source: OTP's erpc.erl; protocol reference, "erpc and rpc".
 */
import { checkText } from '../arguments.js'
import { ErpcError, ReignError, TimeoutError } from '../errors.js'
import type { Ref } from '../term/ref.js'
import type { Entity } from './entity.js'
import { Pending } from './pending.js'
import { moduleAt, type RemoteFunctions, type RemoteModule } from './remote-module.js'
import { remoteOutcome } from './remote-outcome.js'
import { RemoteStream, type StreamOptions, streamFault } from './remote-stream.js'
import { boundsFault, type ReceiveOptions } from './waiter.js'

/** Calls functions of one node. */
export interface Erpc {
  /**
   * Runs `module:function(...args)` there and gives its value. Names are atoms, given as text. Without a time-out it waits for ever, as in
   * Erlang. Without `await` it is a request that is under way: Erlang's `send_request`.
   *
   * When the wait is given up, the function runs on, and its value goes nowhere.
   *
   * @throws `ERR_REIGN_ERPC` (an `ErpcError`) when the function raised something, its process was ended by another, or it was not run or
   *   lost: the node has no such function (`undef`), refuses (`notsup`), or is out of reach (`noconnection`); `ERR_REIGN_TIMEOUT`; the
   *   reason of the abort signal; `ERR_REIGN_EXIT`, `ERR_REIGN_CLOSED`, `ERR_REIGN_NODE_STOPPED` when the caller itself ends; what
   *   the encoding of the arguments throws.
   */
  call(module: string, name: string, args: readonly unknown[], options?: ReceiveOptions): Promise<unknown>
  /** Runs a function there and does not wait; whether it ran shows nowhere. */
  cast(module: string, name: string, args: readonly unknown[]): void
  /**
   * Reads what a function there yields, as it yields it: `for await (const x of erpc.stream('prices', 'ticks', ['EUR']))`. The function is
   * one of a reign node and gives an iterable. What goes wrong is thrown by the first read, or by the one in whose place it comes.
   */
  stream(module: string, name: string, args: readonly unknown[], options?: StreamOptions): RemoteStream
  /** The functions of one module, typed by what was exposed there: `erpc.module<typeof prices>('prices').call.quote('EUR', 42)`. */
  module<F extends RemoteFunctions>(name: string, options?: StreamOptions): RemoteModule<F>
}

/** What came of a call at one of several nodes. */
export type ErpcResult =
  | { readonly node: string; readonly ok: true; readonly value: unknown }
  | { readonly node: string; readonly ok: false; readonly error: unknown }

/** Calls functions of several nodes at once. */
export interface MultiErpc {
  /**
   * Calls at all of them, and gives what came of each, in the order of the nodes; failures are results too (an `ErpcError`, a
   * `TimeoutError`). Erlang: `erpc:multicall`.
   */
  call(module: string, name: string, args: readonly unknown[], options?: ReceiveOptions): Promise<ErpcResult[]>
  /** Casts to all of them. Erlang: `erpc:multicast`. */
  cast(module: string, name: string, args: readonly unknown[]): void
}

/**
 * The functions of a node, or of several, called in the name of `caller`.
 *
 * @throws `ERR_REIGN_ARGUMENT` for what is no name of a node.
 */
export function erpcAt(caller: Entity, where: string | readonly string[]): Erpc | MultiErpc {
  const many = Array.isArray(where)
  const nodes: readonly unknown[] = many ? [...where] : [where]
  if (!nodes.every((node) => typeof node === 'string' && node !== '')) {
    throw new ReignError('ERR_REIGN_ARGUMENT', 'functions are called on a node, or an array of nodes, given by name')
  }
  return many ? new SeveralNodes(caller, nodes as readonly string[]) : new OneNode(caller, where as string)
}

class OneNode implements Erpc {
  readonly #caller: Entity
  readonly #node: string

  constructor(caller: Entity, node: string) {
    this.#caller = caller
    this.#node = node
  }

  call(module: string, name: string, args: readonly unknown[], options: ReceiveOptions = {}): Promise<unknown> {
    const fault = functionFault(module, name, args)
    return fault === undefined
      ? new RemoteCall(this.#caller, this.#node, module, name, args, options).begin()
      : Promise.reject(fault)
  }

  cast(module: string, name: string, args: readonly unknown[]): void {
    const fault = functionFault(module, name, args)
    if (fault !== undefined) throw fault
    const wanted = [Symbol.for(module), Symbol.for(name), args]
    const { host } = this.#caller
    host.remoteSpawner.request(this.#caller, { node: this.#node, module: 'erpc', name: 'execute_cast', args: wanted })
  }

  stream(module: string, name: string, args: readonly unknown[], options: StreamOptions = {}): RemoteStream {
    const odd = streamFault(options)
    const fault = odd ?? functionFault(module, name, args)
    return new RemoteStream(
      this.#caller,
      { node: this.#node, module, name, args },
      odd === undefined ? options : {},
      fault,
    )
  }

  module<F extends RemoteFunctions>(name: string, options?: StreamOptions): RemoteModule<F> {
    checkText(name, 'the name of a module')
    return moduleAt(this, name, options)
  }
}

class SeveralNodes implements MultiErpc {
  readonly #nodes: readonly (readonly [node: string, erpc: Erpc])[]

  constructor(caller: Entity, nodes: readonly string[]) {
    this.#nodes = nodes.map((node) => [node, new OneNode(caller, node)])
  }

  call(module: string, name: string, args: readonly unknown[], options?: ReceiveOptions): Promise<ErpcResult[]> {
    const fault = functionFault(module, name, args) ?? boundsFault(options)
    if (fault !== undefined) return Promise.reject(fault)
    const results = this.#nodes.map(([node, erpc]) =>
      erpc.call(module, name, args, options).then(
        (value): ErpcResult => ({ node, ok: true, value }),
        (error): ErpcResult => ({ node, ok: false, error }),
      ),
    )
    return Promise.all(results)
  }

  cast(module: string, name: string, args: readonly unknown[]): void {
    for (const [, erpc] of this.#nodes) erpc.cast(module, name, args)
  }
}

function functionFault(module: unknown, name: unknown, args: unknown): ReignError | undefined {
  if (typeof module === 'string' && typeof name === 'string' && Array.isArray(args)) return undefined
  return new ReignError('ERR_REIGN_ARGUMENT', 'a function is called by its module and name, as text, with an array')
}

/** One call, and the place of its monitor. */
class RemoteCall extends Pending {
  readonly #node: string
  readonly #name: string
  readonly #wanted: readonly unknown[]
  /** By it the exit reason that carries a result is known from any other. */
  readonly #result: Ref
  #monitor: Ref | undefined = undefined

  constructor(
    caller: Entity,
    node: string,
    module: string,
    name: string,
    args: readonly unknown[],
    options: ReceiveOptions,
  ) {
    super(caller, options)
    this.#node = node
    this.#name = `${module}:${name}/${args?.length}`
    this.#result = caller.host.addressBook.makeRef()
    this.#wanted = [this.#result, Symbol.for(module), Symbol.for(name), args]
  }

  protected ask(): void {
    this.#monitor = this.caller.host.remoteSpawner.request(this.caller, {
      node: this.#node,
      module: 'erpc',
      name: 'execute_call',
      args: this.#wanted,
      take: (reason) => this.#ended(reason),
      refused: (error) => this.#refused(error),
    })
  }

  expire(): void {
    this.fail(new TimeoutError(this.timeoutMs, `no result of ${this.#what}`))
  }

  #ended(reason: unknown): void {
    const { caller } = this
    // A monitor of a caller that has ended says so.
    if (!caller.alive) return this.fail(caller.endError(reason))
    const outcome = remoteOutcome(this.#what, reason, this.#result)
    if ('error' in outcome) this.fail(outcome.error)
    else this.settle(outcome.value)
  }

  #refused(error: ReignError): void {
    if (error.code !== 'ERR_REIGN_SPAWN') this.fail(error)
    else this.fail(new ErpcError(this.#what, 'erpc', 'error', error.cause))
  }

  get #what(): string {
    return `${this.#name} on ${this.#node}`
  }

  protected over(): void {
    if (this.#monitor !== undefined) this.caller.stopMonitor(this.#monitor)
  }
}
