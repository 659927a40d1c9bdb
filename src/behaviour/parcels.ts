/**
 * What a process is handed beside a message, because no message can carry it: functions, from one process of this node to another.
 *
 * A message names its parcel by a reference, and references are the same object after any way through the codec, so it works in
 * strict mode too. A parcel that nobody takes goes with its reference.
 */
import { Ref } from '../term/ref.js'

const parcels = new WeakMap<Ref, unknown>()

/** Leaves something under a reference. */
export function leaveParcel(ref: Ref, content: unknown): Ref {
  parcels.set(ref, content)
  return ref
}

/** Takes what was left under a reference, once. */
export function takeParcel(ref: Ref): unknown {
  const content = parcels.get(ref)
  parcels.delete(ref)
  return content
}

/**
 * The function that a message of this node stands for.
 *
 * @throws a `TypeError` for anything else: functions of other nodes cannot be run here, as Erlang's are byte code for its machine.
 */
export function functionIn(given: unknown): (...args: never[]) => unknown {
  const content = given instanceof Ref ? takeParcel(given) : given
  if (typeof content === 'function') return content as (...args: never[]) => unknown
  throw new TypeError('functions of other nodes cannot be run here')
}
