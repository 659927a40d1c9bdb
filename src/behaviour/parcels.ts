/**
 * What a process is handed beside a message, because no message can carry it: functions, from one process of this node to another.
 *
 * A message names its parcel by a reference, and references are the same object after any way through the codec, so it works in
 * strict mode too. A parcel that nobody takes goes with its reference.
 */
import type { AddressBook } from '../term/address-book.js'
import type { Incarnation } from '../term/incarnation.js'
import { Ref } from '../term/ref.js'

class Parcel extends Ref {
  content: unknown

  constructor(home: Incarnation, n: number, content: unknown) {
    super(home, n)
    this.content = content
  }
}

/** Leaves something under a new reference. */
export function leaveParcel(book: AddressBook, content: unknown): Ref {
  return new Parcel(book.self, book.freshNumber(), content)
}

/** Takes what was left under a reference, once. */
export function takeParcel(ref: unknown): unknown {
  if (!(ref instanceof Parcel)) return undefined
  const { content } = ref
  ref.content = undefined
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
