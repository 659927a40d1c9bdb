/** What the arguments of a receive ask for, and where in the queue it can be. */
import type { Ref } from '../term/ref.js'
import type { Matcher } from './matcher.js'
import { QueueMark } from './message-queue.js'
import type { ReceiveOptions } from './waiter.js'

/**
 * Tells options from a pattern or function: an object with no other keys than `timeout` and `signal`, as the only argument. With a
 * second argument the first is always what is wanted.
 */
export function isOptions(value: unknown): value is ReceiveOptions {
  if (typeof value !== 'object' || value === null) return false
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) return false
  for (const key in value) if (key !== 'timeout' && key !== 'signal') return false
  return true
}

/** Remembers where its owner's queue ended when a reference was made: nothing queued before can hold it. */
export function markRef(ref: Ref, mark: QueueMark): void {
  ref.mark = mark
}

/** Nothing that was queued before this can be wanted. */
export function markOf({ ref }: Matcher): QueueMark | undefined {
  return ref?.mark instanceof QueueMark ? ref.mark : undefined
}
