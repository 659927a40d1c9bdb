/**
 * Streams: what a function of another node yields, as it yields it.
 *
 *   for await (const price of node.erpc('shop@10.0.0.5').stream('pricing', 'ticks', ['EUR'])) …
 *
 * The function runs in a process of its own there, as a call does, and is one that gives an iterable: a generator, an async generator. No
 * more values are under way than whoever reads has room for (the credit); so a slow reader slows the function down, and neither side grows.
 * Leaving the loop ends the function. The end of the process, which is monitored, says the rest, as it does of a call. The protocol is in
 * `docs/remote-calls.md`.
 */
import { ErpcError, ReignError, TimeoutError } from '../errors.js'
import type { Address } from '../term/address.js'
import { ImproperList } from '../term/improper-list.js'
import type { Alias, Ref } from '../term/ref.js'
import { isTuple, tuple } from '../term/tuple.js'
import type { Entity } from './entity.js'
import { Pending } from './pending.js'
import { remoteOutcome } from './remote-outcome.js'
import { boundsFault, type ReceiveOptions } from './waiter.js'

const [aliasAtom, nextAtom, moreAtom, cancelAtom, overflow] = ['alias', 'next', 'more', 'cancel', 'overflow'].map(
  Symbol.for,
) as [symbol, symbol, symbol, symbol, symbol]

/** How many values may be under way or unread, unless told otherwise. */
const creditDefault = 64
/** The most values that can be. */
export const streamCreditMax = 10_000

/** How a stream is read. */
export interface StreamOptions extends ReceiveOptions {
  /** Milliseconds that one value may take; then the stream ends with a `TimeoutError`. */
  timeout?: number | undefined
  /** How many values may be under way or unread: 1 to 10,000, 64 unless given. One is a round trip for each value. */
  credit?: number | undefined
}

/** What is wrong with the options of a stream, if anything is. */
export function streamFault(options: StreamOptions): ReignError | undefined {
  const fault = boundsFault(options)
  if (fault !== undefined) return fault
  const odd = creditFault(options.credit)
  return odd === undefined ? undefined : new ReignError('ERR_REIGN_ARGUMENT', odd)
}

/** What is wrong with a credit. */
export function creditFault(credit: unknown): string | undefined {
  if (credit === undefined) return undefined
  const fits = Number.isSafeInteger(credit) && (credit as number) >= 1 && (credit as number) <= streamCreditMax
  return fits ? undefined : `a credit is a number of values from 1 to ${streamCreditMax}, not ${String(credit)}`
}

/** How a stream has ended, as far as somebody is to be told. */
type End = { readonly value: unknown } | { readonly error: unknown }

/** The function whose values are read. */
export interface StreamSource {
  readonly node: string
  readonly module: string
  readonly name: string
  readonly args: readonly unknown[]
}

/**
 * The values `T` of a function, to be read with `for await`, and what it returns at last, `R`. The function is started by the first
 * {@link next}; a stream that nobody reads costs nothing.
 */
export class RemoteStream<out T = unknown, out R = unknown> implements AsyncIterableIterator<T, R, void> {
  readonly #caller: Entity
  readonly #source: StreamSource
  readonly #options: ReceiveOptions
  readonly #credit: number
  readonly #fault: ReignError | undefined
  /** Values that have come and were not read. */
  readonly #unread: unknown[] = []
  /** Those who wait for a value. */
  #waiting: Next[] = []
  #ref: Ref | undefined
  #monitor: Ref | undefined
  #producer: Address<unknown> | undefined
  /** How many values may still come. */
  #allowed: number
  #end: End | undefined

  /** @internal @param fault What is wrong with what was asked for: the first read fails with it. */
  constructor(caller: Entity, source: StreamSource, options: StreamOptions, fault: ReignError | undefined) {
    this.#caller = caller
    this.#source = source
    const { credit = creditDefault, ...bounds } = options
    this.#options = bounds
    this.#credit = credit
    this.#allowed = credit
    this.#fault = fault
  }

  /**
   * The next value, in order.
   *
   * @throws once, after all values that have come, as a call does: `ERR_REIGN_ERPC` (an `ErpcError`, with its class) when the function
   *   raised something, was ended or not run, gives no iterable (`bad_return_value`), or is out of reach (`noconnection`);
   *   `ERR_REIGN_TIMEOUT`, the reason of the abort signal, which end the stream; `ERR_REIGN_EXIT` and the like when the reader ends.
   */
  next(): Promise<IteratorResult<T, R>> {
    return new Next(this as never, this.#caller, this.#options).begin(this.#fault) as Promise<IteratorResult<T, R>>
  }

  /** Ends the stream, and the function, wherever it is; what has come and was not read is dropped. What `break` in a loop does. */
  return(value?: unknown): Promise<IteratorResult<T, R>> {
    this.#close({ value: undefined })
    // Also an error that nobody has read.
    this.#end = { value: undefined }
    return Promise.resolve({ done: true, value: value as R })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  // --- those who read ---------------------------------------------------------------------------------------------

  /** @internal */
  wanted(next: Next): void {
    if (this.#ref === undefined && this.#end === undefined) this.#begin()
    this.#waiting.push(next)
    this.#serve()
  }

  /** @internal Somebody has given up. */
  givenUp(next: Next, error: unknown): void {
    this.#waiting = this.#waiting.filter((each) => each !== next)
    if (this.#end !== undefined) return
    this.#close({ error })
    // Whoever gave up was told already.
    this.#end = { value: undefined }
  }

  /** @internal */
  get what(): string {
    const { node, module, name, args } = this.#source
    return `${module}:${name}/${args.length} on ${node}`
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      if (this.#unread.length > 0) {
        const value = this.#unread.shift()
        this.#waiting.shift()?.give({ done: false, value })
        this.#askForMore()
        continue
      }
      const end = this.#end
      if (end === undefined) return
      const next = this.#waiting.shift()
      this.#end = { value: undefined }
      if ('error' in end) next?.give(undefined, end.error)
      else next?.give({ done: true, value: end.value })
    }
  }

  // --- the function -----------------------------------------------------------------------------------------------

  #begin(): void {
    const { host } = this.#caller
    const { node, module, name, args } = this.#source
    const ref = host.addressBook.makeRef()
    this.#ref = ref
    ref.alias = this.#takes
    host.addressBook.tie(ref)
    const from = tuple(this.#caller.self, new ImproperList([aliasAtom], ref))
    this.#monitor = host.remoteSpawner.request(this.#caller, {
      node,
      module: 'erpc',
      name: 'execute_stream',
      args: [from, this.#credit, Symbol.for(module), Symbol.for(name), args],
      started: (address) => this.#started(address as Address<unknown>),
      take: (reason) => this.#ended(reason),
      refused: (error) => this.#refused(error),
    })
  }

  #started(address: Address<unknown>): void {
    this.#producer = address
    // It may have been closed before.
    if (this.#end === undefined) this.#askForMore()
    else this.#tell(cancelAtom)
  }

  /** Takes values, as they come through the alias: `{[alias | Ref], {next, Value}}`. */
  readonly #takes: Alias = {
    take: (ref, message) => {
      if (ref.copies > 0) ref.copies--
      const told = isTuple(message) && message.length === 2 ? message[1] : undefined
      if (!isTuple(told) || told.length !== 2 || told[0] !== nextAtom || this.#end !== undefined) return
      if (this.#allowed-- === 0) {
        this.#close({ error: new ErpcError(this.what, 'erpc', 'error', overflow) })
      } else this.#unread.push(told[1])
      this.#serve()
    },
  }

  /** Asks for as many values as were read, when these are worth a message. */
  #askForMore(): void {
    if (this.#end !== undefined) return
    const room = this.#credit - this.#allowed - this.#unread.length
    if (this.#producer === undefined || room * 2 < this.#credit) return
    this.#allowed += room
    this.#tell(tuple(moreAtom, room))
  }

  #ended(reason: unknown): void {
    const caller = this.#caller
    if (!caller.alive) return this.#over({ error: caller.endError(reason) })
    this.#over(remoteOutcome(this.what, reason, this.#ref as Ref))
  }

  #refused(error: ReignError): void {
    if (error.code !== 'ERR_REIGN_SPAWN') this.#over({ error })
    else this.#over({ error: new ErpcError(this.what, 'erpc', 'error', error.cause) })
  }

  /** The stream is over here, and so the function is there. */
  #close(end: End): void {
    this.#unread.length = 0
    if (this.#end !== undefined) return
    if (this.#monitor !== undefined) this.#caller.stopMonitor(this.#monitor)
    if (this.#producer !== undefined) this.#tell(cancelAtom)
    this.#over(end)
  }

  #over(end: End): void {
    if (this.#end !== undefined) return
    this.#end = end
    if (this.#ref !== undefined) {
      this.#ref.alias = undefined
      this.#caller.host.addressBook.untie(this.#ref)
    }
    this.#serve()
  }

  #tell(what: unknown): void {
    this.#producer?.send(tuple(this.#ref, what))
  }
}

/** One wait for a value. */
class Next extends Pending {
  readonly #stream: RemoteStream
  #asked = false
  #given = false
  #why: unknown

  constructor(stream: RemoteStream, caller: Entity, options: ReceiveOptions) {
    super(caller, options)
    this.#stream = stream
  }

  /** Ends it with a value, or an error. */
  give(result: IteratorResult<unknown> | undefined, error?: unknown): void {
    this.#given = true
    if (result === undefined) super.fail(error)
    else this.settle(result)
  }

  protected ask(): void {
    this.#asked = true
    this.#stream.wanted(this)
  }

  override fail(error: unknown): void {
    this.#why = error
    super.fail(error)
  }

  expire(): void {
    this.fail(new TimeoutError(this.timeoutMs, `no value of ${this.#stream.what}`))
  }

  protected over(): void {
    if (this.#asked && !this.#given) this.#stream.givenUp(this, this.#why)
  }
}
