/** A process by its registered name, here or on another node: Erlang's `{Name, Node}`. */
import { check } from '../arguments.js'

/** A registered name on a node. What it stands for is looked up anew, by that node, at each use. */
export class Named {
  readonly name: string
  readonly node: string
  #atom: symbol | undefined

  constructor(name: string, node: string) {
    check(typeof name === 'string', 'a registered name is a text', name)
    check(typeof node === 'string', 'the name of a node is a text', node)
    this.name = name
    this.node = node
  }

  /** @internal The name as an atom. */
  get atom(): symbol {
    return (this.#atom ??= Symbol.for(this.name))
  }

  toString(): string {
    return `${this.name}@@${this.node}`
  }
}

/** `named('counter', 'shop@127.0.0.1')` is Erlang's `{counter, 'shop@127.0.0.1'}` as the target of a message, call or monitor. */
export function named(name: string, node: string): Named {
  return new Named(name, node)
}
