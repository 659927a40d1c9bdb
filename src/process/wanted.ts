/** What the arguments of a receive ask for: which messages, from where in the queue, and how long to wait. */
import type { Ref } from '../term/ref.js'
import { type Matcher, matcher, refIn } from './match.js'
import type { QueueMark } from './message-queue.js'
import type { ReceiveOptions } from './waiter.js'

/** See the head of this file. */
export interface Wanted {
  /** Accepts every message when there is none. */
  readonly match: Matcher | undefined
  /** Nothing that was queued before can be it. */
  readonly mark: QueueMark | undefined
  readonly options: ReceiveOptions
}

/** Where in its owner's queue a reference was made: nothing queued before can hold it. */
const marks = new WeakMap<Ref, QueueMark>()

/** Remembers where its owner's queue ended when a reference was made. */
export function markRef(ref: Ref, mark: QueueMark): void {
  marks.set(ref, mark)
}

/**
 * Tells a pattern or function from options. An object with no other keys than `timeout` and `signal` is the options when
 * it is the only argument; with a second argument the first is always what is wanted.
 */
export function wanted(first: unknown, second: ReceiveOptions | undefined): Wanted {
  if (second === undefined && isOptions(first)) return { match: undefined, mark: undefined, options: first }
  const options = second ?? {}
  if (first === undefined) return { match: undefined, mark: undefined, options }
  if (typeof first === 'function') return { match: first as Matcher, mark: undefined, options }
  const ref = refIn(first)
  return { match: matcher(first), mark: ref === undefined ? undefined : marks.get(ref), options }
}

function isOptions(value: unknown): value is ReceiveOptions {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  return Object.keys(value).every((key) => key === 'timeout' || key === 'signal')
}
