/**
 * Discoveries: where a node learns, while it runs, which other nodes there are.
 *
 * A discovery says who belongs; connecting, trying again and checking who it really is are not its business. It is believed about nothing
 * but names and places: whoever answers there must have the certificate of that name.
 */

import { checkFunction, checkOptions, checkPart, refused } from '../arguments.js'
import type { Clock } from '../clock.js'
import { TimeoutError } from '../errors.js'

/** A node that was found. */
export interface FoundNode {
  /** `alive@host`. */
  readonly name: string
  /** Where it listens, `host:port`; without one, the cluster file or the port mapper of its host says so. */
  readonly address?: string | undefined
}

/** What a discovery is told. */
export interface DiscoveryContext {
  /** The node that looks for others; it may be among those that are found. */
  readonly node: string
  /** Time: a simulation has its own. */
  readonly clock: Clock
  /** Aborted when the node stops: then nothing more is wanted. */
  readonly signal: AbortSignal
}

/** See the head of this file. {@link discoverBy} makes one of a function; `discoverDns`, `discoverSrv` and `discoverEpmd` are ready. */
export interface Discovery {
  /** How it is called in the log: `DNS app.default.svc.cluster.local`. */
  readonly title: string
  /**
   * Yields all that are found, each time that this may have changed. What was yielded last holds until the next, also when this ends, or
   * throws; after that it is called again, later and later. A node that is found no more is not dialled any more once it is
   * lost; a connection that stands stays.
   */
  members(context: DiscoveryContext): AsyncIterable<readonly FoundNode[]>
}

/** What a function of the program can be told as a discovery. */
export interface DiscoverOptions {
  /** How it is called in the log. Default: `a discovery of the program`. */
  readonly title?: string | undefined
  /** Milliseconds between an answer and the next question. Default: 10,000. */
  readonly intervalMs?: number | undefined
  /** Milliseconds that an answer may take. Default: 10,000. */
  readonly timeoutMs?: number | undefined
}

/** Between two questions, in milliseconds. */
export const discoverIntervalMs = 10_000
const discoverTimeoutMs = 10_000

/**
 * A discovery that asks a function again and again: all members there are, each time.
 *
 *     discoverBy(async ({ signal }) => {
 *       const services = await (await fetch(url, { signal })).json()
 *       return services.map(({ id, ip, port }) => ({ name: `${id}@${ip}`, address: `${ip}:${port}` }))
 *     })
 *
 * @param find Its signal is aborted when it takes too long, or the node stops. When it throws, or rejects, what it said before holds.
 * @throws `ERR_REIGN_ARGUMENT` for times that are none.
 */
export function discoverBy(
  find: (context: DiscoveryContext) => readonly FoundNode[] | Promise<readonly FoundNode[]>,
  options: DiscoverOptions = {},
): Discovery {
  checkFunction(find, 'what finds nodes')
  checkOptions(options)
  checkPart(options, 'title', 'string')
  const { title = 'a discovery of the program' } = options
  const intervalMs = timeArgument('intervalMs', options.intervalMs ?? discoverIntervalMs)
  const timeoutMs = timeArgument('timeoutMs', options.timeoutMs ?? discoverTimeoutMs)
  return {
    title,
    async *members(context) {
      while (!context.signal.aborted) {
        yield await inTime(context, timeoutMs, title, find)
        await pause(context, intervalMs)
      }
    },
  }
}

/** One or several, as they were given. @throws `ERR_REIGN_ARGUMENT` for what is none. */
export function checkDiscoveries(given: Discovery | readonly Discovery[] = []): readonly Discovery[] {
  const discoveries = Array.isArray(given) ? (given as readonly Discovery[]) : [given as Discovery]
  if (discoveries.every((each) => typeof each?.members === 'function')) return discoveries
  throw refused('a discovery has a method `members`: `discoverBy` makes one of a function', given)
}

/** Resolves after a time, or as soon as the signal is aborted. Does not keep the program from ending. */
export function pause({ clock, signal }: Pick<DiscoveryContext, 'clock' | 'signal'>, ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      clock.clearTimer(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = clock.setTimer(end, ms)
    clock.holdProgram(timer, false)
    signal.addEventListener('abort', end)
  })
}

/** Asks once; rejects when the answer takes too long. */
function inTime<T>(
  context: DiscoveryContext,
  timeoutMs: number,
  title: string,
  find: (context: DiscoveryContext) => T | Promise<T>,
): Promise<T> {
  const { clock, signal } = context
  const abort = new AbortController()
  return new Promise<T>((resolve, reject) => {
    const settle = () => {
      clock.clearTimer(timer)
      signal.removeEventListener('abort', stopped)
    }
    const giveUp = (reason: unknown) => {
      settle()
      abort.abort(reason)
      reject(reason)
    }
    const stopped = () => giveUp(signal.reason)
    const timer = clock.setTimer(() => giveUp(new TimeoutError(timeoutMs, `${title}: no answer`)), timeoutMs)
    clock.holdProgram(timer, false)
    signal.addEventListener('abort', stopped)
    // What the function throws on the spot is as what it rejects with.
    new Promise<T>((answer) => answer(find({ ...context, signal: abort.signal }))).then(resolve, reject).finally(settle)
  })
}

function timeArgument(name: string, ms: number): number {
  if (Number.isFinite(ms) && ms > 0 && ms <= 0x7fffffff) return ms
  throw refused(`${name} is a number of milliseconds`, ms)
}
