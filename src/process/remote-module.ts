/** The functions of one module of another node, typed by what is exposed there. */
import type { Erpc } from './erpc.js'
import { type RemoteStream, type StreamOptions, streamFault } from './remote-stream.js'
import { functions } from './server.js'

/** Functions as `node.expose` takes them. */
export type RemoteFunctions = Readonly<Record<string, (...args: never[]) => unknown>>

/** What a function yields, if it does: an async iterable, or a generator. */
type Yielded<R> =
  Awaited<R> extends AsyncIterable<infer T> | Iterator<infer T, unknown, never> ? { readonly yields: T } : never

/** What a generator returns at last. */
type Returned<R> =
  Awaited<R> extends AsyncIterator<unknown, infer V, never> | Iterator<unknown, infer V, never> ? Awaited<V> : unknown

/** What a call gives: of a function that yields, all that it yields. */
export type RemoteValue<R> = [Yielded<R>] extends [never] ? Awaited<R> : Yielded<R>['yields'][]

/** The names of those that yield. */
type Streams<F> = {
  [N in keyof F]: F[N] extends (...args: never[]) => infer R ? ([Yielded<R>] extends [never] ? never : N) : never
}[keyof F]

/** See the head of this file. `F` is the type of the object that was exposed. */
export interface RemoteModule<F> {
  /** Each calls a function, and gives a promise of its value; see `Erpc.call`. */
  readonly call: {
    readonly [N in keyof F]: F[N] extends (...args: infer A) => infer R
      ? (...args: A) => Promise<RemoteValue<R>>
      : never
  }
  /** Each runs a function, and does not wait. */
  readonly cast: { readonly [N in keyof F]: F[N] extends (...args: infer A) => unknown ? (...args: A) => void : never }
  /** Each reads what a function yields, as it yields it. */
  readonly stream: {
    readonly [N in Streams<F>]: F[N] extends (...args: infer A) => infer R
      ? (...args: A) => RemoteStream<Yielded<R>['yields'], Returned<R>>
      : never
  }
  /** The same functions, with other bounds. */
  with(options: StreamOptions): RemoteModule<F>
}

/** See {@link RemoteModule}. */
export function moduleAt<F>(erpc: Erpc, module: string, options: StreamOptions = {}): RemoteModule<F> {
  const fault = streamFault(options)
  if (fault !== undefined) throw fault
  const { credit: _, ...bounds } = options
  return {
    call: functions(
      (name) =>
        (...args) =>
          erpc.call(module, name, args, bounds),
    ) as never,
    cast: functions(
      (name) =>
        (...args) =>
          erpc.cast(module, name, args),
    ) as never,
    stream: functions(
      (name) =>
        (...args) =>
          erpc.stream(module, name, args, options),
    ) as never,
    with: (other) => moduleAt(erpc, module, other),
  }
}
