/** Lists whose tail is not a list: Erlang's `[a | b]`, met above all as the reply tag `[alias | Ref]`. */

import { refused } from '../arguments.js'

/** An improper list: its elements in order, then a tail that is not a list. */
export class ImproperList {
  readonly elements: readonly unknown[]
  readonly tail: unknown
  /** @throws `ERR_REIGN_ARGUMENT` when the elements are no array. */
  constructor(elements: readonly unknown[], tail: unknown) {
    if (!Array.isArray(elements)) throw refused('the elements of a list are an array', elements)
    this.elements = elements
    this.tail = tail
  }
}

/** `improperList([a], b)` is Erlang's `[a | b]`. */
export function improperList(elements: readonly unknown[], tail: unknown): ImproperList {
  return new ImproperList(elements, tail)
}
