/**
 * Servers as their callers see them: `server.call.add(3)` is Erlang's `gen_server:call(Server, {add, 3})`.
 *
 * The names of calls and casts exist as types alone: any name becomes a request, so that a server is called the same way whether its
 * definition is at hand, or it runs on another node, or is written in Erlang. A call without arguments is the bare atom, one with
 * arguments a tuple that begins with it. Source: OTP's gen_server (call, cast, stop, multi_call, abcast).
 */
import { check, refused } from '../arguments.js'
import { CallError, RefusedError, TimeoutError } from '../errors.js'
import { normal } from '../exit-reason.js'
import { Address } from '../term/address.js'
import { Named } from '../term/named.js'
import { Tuple } from '../term/tuple.js'
import type { Starter } from './behaviour.js'
import { call, cast } from './call.js'
import { checkStarter } from './checks.js'
import type { Entity } from './entity.js'
import { stop } from './stop.js'
import { type Destination, ViaName } from './via.js'
import { checkBounds, type ReceiveOptions } from './waiter.js'

/** What a server answers to: its calls with their arguments and replies, its casts with their arguments. */
export interface Protocol {
  readonly calls?: Functions
  readonly casts?: Functions
}

type Functions = Readonly<Record<string, (...args: never[]) => unknown>>

/** The protocol of a definition (`typeof counter`), or the protocol itself. */
export type ProtocolOf<D> = D extends { readonly '~protocol': infer P } ? P : D extends Protocol ? D : never

type Part<D, K extends 'calls' | 'casts'> =
  ProtocolOf<D> extends { readonly [P in K]: infer F } ? F : Record<never, never>

/** The calls of a server: each a function that gives a promise of its reply. */
export type Calls<D> = {
  readonly [K in keyof Part<D, 'calls'>]: Part<D, 'calls'>[K] extends (...args: infer A) => infer R
    ? (...args: A) => Promise<Awaited<R>>
    : never
}

/** The casts of a server: each a function that sends, and gives nothing. */
export type Casts<D> = {
  readonly [K in keyof Part<D, 'casts'>]: Part<D, 'casts'>[K] extends (...args: infer A) => unknown
    ? (...args: A) => void
    : never
}

/** A server, typed by its definition, or by its protocol: what can be called and cast, with what, for what. */
export interface Server<D> {
  /** Whom it stands for: an address, or a name that is looked up at each use, and so outlives restarts. */
  readonly target: Destination
  /**
   * The calls. Each waits for the reply.
   *
   * @throws `ERR_REIGN_CALL` (a `CallError` with the reason) when the server ends before it replies, is not there (`noproc`), is out of
   *   reach (`noconnection`), or is the caller itself (`calling_self`); `ERR_REIGN_TIMEOUT` after 5,000 ms, or what {@link with} says;
   *   the reason of its abort signal.
   */
  readonly call: Calls<D>
  /** The casts. Each sends and does not wait; whether anybody is there shows nowhere. */
  readonly cast: Casts<D>
  /** The same server, with other bounds for its calls: `server.with({ timeout: 60_000 }).call.rebuild()`. */
  with(options: ReceiveOptions): this
  /**
   * Asks it to end with a reason (`normal` unless given), after its `terminate`, and waits until it has; without bound unless one is
   * given. Erlang: `gen_server:stop`.
   *
   * @throws `ERR_REIGN_CALL` when it was not there, or ended with another reason; `ERR_REIGN_TIMEOUT`, and it may end yet.
   */
  stop(reason?: unknown, options?: ReceiveOptions): Promise<void>
}

/** A server that was started, whose address is known. */
export interface StartedServer<D> extends Server<D> {
  readonly target: Address<unknown>
  readonly address: Address<unknown>
}

/** What several servers of one name answered. */
export interface MultiReply<R> {
  /** By node, in the order of the nodes that were asked. */
  readonly replies: ReadonlyMap<string, R>
  /** The nodes that gave no answer: not there, nobody of that name, or not in time. */
  readonly badNodes: readonly string[]
}

/** The servers of one name on several nodes. */
export interface Servers<D> {
  /** Calls all at once, and waits for all. Erlang: `gen_server:multi_call`. Nothing is thrown for want of a server. */
  readonly call: {
    readonly [K in keyof Calls<D>]: Calls<D>[K] extends (...args: infer A) => Promise<infer R>
      ? (...args: A) => Promise<MultiReply<R>>
      : never
  }
  /** Casts to all. Erlang: `gen_server:abcast`. */
  readonly cast: Casts<D>
  /** The same servers, with other bounds for their calls. */
  with(options: ReceiveOptions): this
}

/** What makes a function of a name that was asked for. */
type Make = (name: string) => (...args: unknown[]) => unknown

/** Names that JavaScript itself asks objects for: a server is no promise, and has no form in JSON. */
const notNames = new Set<string | symbol>(['then', 'constructor', 'toJSON', 'toString', 'valueOf'])

/** An object that has a function under every name; each is made once. */
export function functions(make: Make): Record<string, (...args: unknown[]) => unknown> {
  // The functions that were made are properties of the object itself; only a name that is new comes to the proxy behind it.
  const maker = new Proxy(Object.freeze({}), {
    get(_, name, receiver) {
      if (typeof name === 'symbol' || notNames.has(name)) return undefined
      const made = make(name)
      Object.defineProperty(receiver, name, { value: made })
      return made
    },
    has: () => false,
  })
  return Object.create(maker)
}

/** The request of that name: the bare atom, or a tuple that begins with it. */
export function requestOf(name: symbol, args: readonly unknown[]): unknown {
  const { length } = args
  if (length === 0) return name
  const request = Tuple.ofLength(length + 1)
  request[0] = name
  for (let i = 0; i < length; i++) request[i + 1] = args[i]
  return request
}

class ServerHandle {
  readonly target: Destination
  readonly #by: Entity
  readonly #options: ReceiveOptions | undefined
  #call: object | undefined
  #cast: object | undefined

  constructor(by: Entity, target: Destination, options?: ReceiveOptions) {
    this.#by = by
    this.target = target
    this.#options = options
  }

  // Made when they are first used: of ten thousand children, few are called by who has started them.
  get call(): object {
    this.#call ??= this.#calls()
    return this.#call
  }

  get cast(): object {
    this.#cast ??= this.#casts()
    return this.#cast
  }

  #calls(): object {
    const [by, { target }, options] = [this.#by, this, this.#options]
    return functions((name) => {
      const atom = Symbol.for(name)
      return (...args) => call(by, target, requestOf(atom, args), options)
    })
  }

  #casts(): object {
    const [by, { target }] = [this.#by, this]
    return functions((name) => {
      const atom = Symbol.for(name)
      return (...args) => cast(by, target, requestOf(atom, args))
    })
  }

  get address(): Destination {
    return this.target
  }

  with(options: ReceiveOptions): ServerHandle {
    checkBounds(options)
    return new ServerHandle(this.#by, this.target, options)
  }

  stop(reason: unknown = normal, options?: ReceiveOptions): Promise<void> {
    return stop(this.#by, this.target, reason, options)
  }
}

class ServersHandle {
  readonly call: object
  readonly cast: object
  readonly #by: Entity
  readonly #targets: readonly Named[]

  constructor(by: Entity, targets: readonly Named[], options?: ReceiveOptions) {
    this.#by = by
    this.#targets = targets
    this.call = functions((name) => {
      const atom = Symbol.for(name)
      return (...args) => multiCall(by, targets, requestOf(atom, args), options)
    })
    this.cast = functions((name) => {
      const atom = Symbol.for(name)
      return (...args) => {
        for (const target of targets) cast(by, target, requestOf(atom, args))
      }
    })
  }

  with(options: ReceiveOptions): ServersHandle {
    checkBounds(options)
    return new ServersHandle(this.#by, this.#targets, options)
  }
}

/**
 * The server behind an address or name, called in the name of `by`.
 *
 * @throws `ERR_REIGN_ARGUMENT` when it is none of these.
 */
export function serverAt(by: Starter, given: Destination | string | { readonly target: Destination }): unknown {
  checkStarter(by)
  const { entity } = by
  const target = typeof given === 'string' ? new Named(given, entity.self.node) : given
  if (target instanceof Address || target instanceof Named || target instanceof ViaName) {
    return new ServerHandle(entity, target)
  }
  if (target instanceof ServerHandle) return new ServerHandle(entity, target.target)
  throw refused('a server is an address, a name, named(name, node) or via(registry, name)', target)
}

/** The servers of that name on these nodes, called in the name of `by`. */
export function serversAt(by: Starter, name: string, nodes: readonly string[]): unknown {
  check(Array.isArray(nodes), 'servers are on an array of nodes', nodes)
  return new ServersHandle(
    by.entity,
    nodes.map((node) => new Named(name, node)),
  )
}

async function multiCall(
  by: Entity,
  targets: readonly Named[],
  request: unknown,
  options?: ReceiveOptions,
): Promise<MultiReply<unknown>> {
  const answers = await Promise.allSettled(targets.map((target) => call(by, target, request, options)))
  const replies = new Map<string, unknown>()
  const badNodes: string[] = []
  for (const [i, answer] of answers.entries()) {
    const { node } = targets[i] as Named
    if (answer.status === 'fulfilled') replies.set(node, answer.value)
    else if (isNoAnswer(answer.reason)) badNodes.push(node)
    else throw answer.reason
  }
  return { replies, badNodes }
}

function isNoAnswer(error: unknown): boolean {
  return error instanceof CallError || error instanceof RefusedError || error instanceof TimeoutError
}
