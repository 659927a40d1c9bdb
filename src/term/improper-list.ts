/** Lists whose tail is not a list: Erlang's `[a | b]`, met above all as the reply tag `[alias | Ref]`. */

/** An improper list: its elements in order, then a tail that is not a list. */
export class ImproperList {
  readonly elements: readonly unknown[]
  readonly tail: unknown
  constructor(elements: readonly unknown[], tail: unknown) {
    this.elements = elements
    this.tail = tail
  }
}

/** `improperList([a], b)` is Erlang's `[a | b]`. */
export function improperList(elements: readonly unknown[], tail: unknown): ImproperList {
  return new ImproperList(elements, tail)
}
