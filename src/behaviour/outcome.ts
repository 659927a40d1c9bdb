/**
 * What a handler of a gen_server can return beside a plain value: Erlang's `{reply, …}`, `{noreply, …}`, `{stop, …}`, `{ok, …}`, `ignore`.
 *
 * A plain value needs none of this: of a call it is the reply, of `init` the state, of everything else nothing.
 */
import { describe } from '../describe.js'
import { Directive } from './directive.js'

/** What is to happen after a handler, beside its reply. `S` is the state. */
export interface Next<out S = unknown> {
  /** The state from now on, where it is another than the one that the handler was given. */
  readonly state?: S
  /** Milliseconds: if nothing comes until then, `handleInfo` gets the atom `timeout`. Whatever comes takes it back. */
  readonly timeout?: number
  /** Given to `handleContinue` at once, before any other message. */
  readonly continue?: unknown
  /** Accepted for the sake of programs that come from Erlang. It does nothing: here memory belongs to the program, not to a process. */
  readonly hibernate?: boolean
}

type Kind = 'reply' | 'noreply' | 'stop' | 'reenter'

/** What a handler returns that is more than a value. `V` is what its caller gets in the end, `S` the state that it sets, where that is known. */
export class Outcome<out V, out S = unknown> extends Directive {
  /** Type only: what makes it another type than any other object. */
  declare readonly '~reply': V
  /** Type only, likewise. */
  declare readonly '~state': S
  /** @internal */
  readonly kind: Kind
  /** @internal The reply, the exit reason, or what is waited for. */
  readonly value: unknown
  /** @internal */
  readonly next: Next

  /** @internal */
  constructor(kind: Kind, value: unknown, next: Next) {
    super()
    this.kind = kind
    this.value = value
    this.next = next
  }

  /** @internal */
  get maker(): string {
    return this.kind === 'noreply' ? 'noReply' : this.kind
  }
}

/** What `init` returns that is more than a state. */
export class Begin<out S> extends Directive {
  /** Type only, likewise. */
  declare readonly '~state': S
  /** @internal */
  readonly state: S
  /** @internal */
  readonly next: Next

  /** @internal */
  constructor(state: S, next: Next) {
    super()
    this.state = state
    this.next = next
  }

  /** @internal */
  get maker(): string {
    return 'begin'
  }
}

declare const ignored: unique symbol
/** The type of {@link ignore}. */
export type Ignore = symbol & { readonly [ignored]: true }

/** Returned by `init`: the server had better not be there. Whoever starts it gets `undefined`, a supervisor goes on without. */
export const ignore: Ignore = Symbol('ignore') as Ignore

/** Nothing in particular is to happen next. */
export const nothingNext: Next = {}

/** Returned by `init`: the state, and what is to happen next. Erlang: `{ok, State, Timeout}`, `{ok, State, {continue, Argument}}`. */
export function begin<S>(state: S, next: Omit<Next, 'state'> = nothingNext): Begin<S> {
  return new Begin(state, next)
}

/** Returned by a call: the reply, and what is to happen next. Erlang: `{reply, Reply, State, …}`. */
export function reply<V, S = unknown>(value: V, next: Next<S> = nothingNext as Next<S>): Outcome<V, S> {
  return new Outcome('reply', value, next)
}

/**
 * Returned by a call that is answered later, with `self.reply(from, value)`; by anything else when something is to happen next. Erlang:
 * `{noreply, State, …}`. The type is that of the reply that will come: `noReply<number>()`.
 */
export function noReply<V = never, S = unknown>(next: Next<S> = nothingNext as Next<S>): Outcome<V, S> {
  return new Outcome('noreply', undefined, next)
}

/** Ends the server with a reason, after its `terminate`; a caller gets `reply` first if there is one. Erlang: `{stop, Reason, Reply, State}`. */
export function stop<V = never, S = unknown>(
  reason: unknown,
  last: { readonly reply?: V; readonly state?: S } = nothingNext as Next<S>,
): Outcome<V, S> {
  return new Outcome('stop', reason, last)
}

/** What is wrong with what is to happen next, if anything is: a mistake that the compiler has not seen. */
export function nextFault(next: unknown, known: ReadonlySet<string>): string | undefined {
  if (next === nothingNext) return undefined
  if (typeof next !== 'object' || next === null) return 'what is to happen next is an object'
  for (const key of Object.keys(next))
    if (!known.has(key)) return `there is no \`${key}\` in it, but ${[...known].join(', ')}`
  const { timeout } = next as Next
  if (timeout === undefined || (typeof timeout === 'number' && timeout >= 0)) return undefined
  return `its time-out is a number of milliseconds, not ${describe(timeout)}`
}

/** What is waited for while the server goes on. */
export interface Reentry {
  readonly promise: PromiseLike<unknown>
  readonly then: (value: never) => unknown
  readonly failed: ((error: unknown) => unknown) | undefined
}

/** The reply in what a handler returns. */
export type ReplyIn<R> = Awaited<R> extends infer T ? (T extends { readonly '~reply': infer V } ? V : T) : never

/**
 * Returned by a handler that waits for something, and lets the server take other messages meanwhile. When the promise is there, `then`
 * runs as a turn of its own, between messages; what it returns is what the handler would have returned: the reply, or an outcome. Read
 * the state there anew: it may have changed.
 *
 * Without it an `async` handler keeps the server from everything else until it is done, as a slow one in Erlang does.
 *
 * @param failed Runs instead when the promise is rejected; without it the server ends with the error.
 */
export function reenter<T, R, F = never>(
  promise: PromiseLike<T>,
  then: (value: T) => R,
  failed?: (error: unknown) => F,
): Outcome<ReplyIn<R> | ReplyIn<F>> {
  const reentry: Reentry = { promise, then, failed }
  return new Outcome('reenter', reentry, nothingNext)
}
