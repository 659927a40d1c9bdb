/**
 * Functions that yield, at the side that runs them: what becomes of the values, one by one or all at once.
 *
 * `remote-stream.ts` is the other side; the protocol is in `docs/remote-calls.md`.
 */
import { ExitError, RaisedError } from '../errors.js'
import { normal } from '../exit-reason.js'
import type { Ref } from '../term/ref.js'
import { isTuple, tuple } from '../term/tuple.js'
import { type Caller, replySignal } from './call.js'
import type { Process } from './process.js'
import { streamCreditMax } from './remote-stream.js'
import { resume } from './scheduler.js'

const [nextAtom, moreAtom, cancelAtom, badReturnValue, systemLimit] = [
  'next',
  'more',
  'cancel',
  'bad_return_value',
  'system_limit',
].map(Symbol.for) as [symbol, symbol, symbol, symbol, symbol]

/** How many values of a function are kept for a caller that wants them all at once; the next one is an error, `system_limit`. */
const listMax = 10_000

type AnyIterator = Iterator<unknown, unknown, void> | AsyncIterator<unknown, unknown, void>

/** The iterator in what a function gave; none in a text, nor in what cannot be iterated. */
function iteratorIn(made: unknown): AnyIterator | undefined {
  if (typeof made !== 'object' || made === null) return undefined
  const { [Symbol.asyncIterator]: later, [Symbol.iterator]: now } = made as AsyncIterable<unknown> & Iterable<unknown>
  if (typeof later === 'function') return later.call(made)
  return typeof now === 'function' ? now.call(made) : undefined
}

/** Whether a function has given a generator or the like, and no value: arrays, maps and so on are values. */
function yields(made: unknown): boolean {
  if (typeof made !== 'object' || made === null) return false
  const { next, [Symbol.asyncIterator]: later } = made as Partial<AsyncGenerator>
  return typeof later === 'function' || (typeof next === 'function' && Symbol.iterator in made)
}

/**
 * The value of a function for a caller that waits for one: of a function that yields, the list of all that it yields.
 *
 * @throws the atom `system_limit`, as an error, when these are more than 10,000: the function ends then.
 */
export async function collected(made: unknown): Promise<unknown> {
  const value = await made
  if (!yields(value)) return value
  const list: unknown[] = []
  for await (const each of value as AsyncIterable<unknown>) {
    if (list.length === listMax) throw new RaisedError(systemLimit, [])
    list.push(each)
  }
  return list
}

/** Runs what a function gave to its end, if it yields, for nobody: what is cast, or spawned. */
export function ranThrough(process: Process, made: unknown): unknown {
  return yields(made) ? drain(process, made as AsyncIterable<unknown>) : made
}

async function drain(process: Process, values: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of values) {
    if (!process.alive) return
    await turnOf(process)
  }
}

/** Others have their turn of the event loop, if it is time for that. */
function turnOf(process: Process): Promise<void> {
  return new Promise((resolve) => resume(process.host.scheduler, resolve, undefined))
}

/** A place for what keeps an outflow waiting. */
const nobody = (): void => {}

/** The values of a function, on their way to a reader that says how many it has room for. */
export class Outflow {
  readonly #process: Process
  readonly #reader: Caller
  readonly #ref: Ref
  #credit: number
  /** Whether nobody wants its values any more. */
  cancelled = false
  /** Whether the function is suspended where it yields, and can be ended there. */
  #idle = true
  #wake: () => void = nobody

  /** @param reader Whom the values are for, as Erlang's `From`; the reference in its tag marks all that belongs to this outflow. */
  constructor(process: Process, reader: Caller, ref: Ref, credit: number) {
    this.#process = process
    this.#reader = reader
    this.#ref = ref
    this.#credit = Math.min(credit, streamCreditMax)
    process.intercept((message) => this.#takes(message))
    process.startMonitor(reader[0], { take: () => this.#cancel() })
    process.signal.addEventListener('abort', () => this.#wake())
  }

  /** Sends what a function yields, and gives what it returns at last. Ends with `normal` when nobody wants it any more. */
  async run(made: unknown): Promise<unknown> {
    const iterator = iteratorIn(await made)
    if (iterator === undefined) {
      const rule = 'a function whose values are read one by one gives an iterable: it is a generator, say'
      throw new RaisedError(tuple(badReturnValue, rule), [])
    }
    let over = false
    try {
      for (;;) {
        await this.#turn()
        this.#idle = false
        over = true
        const { done, value } = await iterator.next()
        if (done) return value
        over = false
        this.#idle = true
        this.#send(await value)
      }
    } finally {
      // Where it is suspended; what threw has ended itself.
      if (!over) await iterator.return?.()
    }
  }

  /** Waits until there is room for a value, and others had their turn of the event loop. */
  async #turn(): Promise<void> {
    await this.#reader[0].drained().catch(nobody)
    await turnOf(this.#process)
    while (this.#credit === 0 && !this.cancelled && this.#process.alive) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#wake = nobody
    if (this.cancelled || !this.#process.alive) throw new ExitError(normal)
  }

  #send(value: unknown): void {
    this.#credit--
    const process = this.#process
    const { host } = process
    const [reader] = this.#reader
    // In strict mode; whoever is on another node gets a copy anyway.
    const told = host.copy === undefined || reader.node !== process.self.node ? value : host.copy(value)
    host.signal(reader.node, replySignal(process, this.#reader, tuple(nextAtom, told)))
  }

  /** What the reader says to this outflow: `{Ref, {more, N}}`, `{Ref, cancel}`. It is no message of the process. */
  #takes(message: unknown): boolean {
    if (!isTuple(message) || message.length !== 2 || message[0] !== this.#ref) return false
    const what = message[1]
    if (what === cancelAtom) this.#cancel()
    else if (isTuple(what) && what.length === 2 && what[0] === moreAtom) this.#more(what[1])
    return true
  }

  #more(count: unknown): void {
    if (!Number.isSafeInteger(count) || (count as number) <= 0) return
    this.#credit = Math.min(this.#credit + (count as number), streamCreditMax)
    this.#wake()
  }

  #cancel(): void {
    this.cancelled = true
    this.#wake()
    // It waits for something: that is over, as it is when a process is asked to exit.
    if (!this.#idle) this.#process.terminate(normal)
  }
}
