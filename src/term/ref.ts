/** References: unique marks, made by one run of one node. Erlang's `reference()`. */
import { inspect } from 'node:util'
import type { Address } from './address.js'
import type { Incarnation } from './incarnation.js'

/** Who takes what is sent to a reference, while that is an alias. */
export interface Alias {
  /** Takes a message that came through `ref`. */
  take(ref: Ref, message: unknown, from?: Address<never>): void
}

/** A unique, opaque mark. Interned as addresses are: on one node, `===` compares, also after a round trip. */
export class Ref {
  /** @internal */
  readonly home: Incarnation
  /** Of one that this run has made, which one it is, until somebody asks for its words: most never leave the node. */
  #words: readonly number[] | number
  /** @internal As `Address.written`. */
  written = false
  /** @internal Who takes what is sent to it, on the node that made it; nobody, unless it is an alias. */
  alias: Alias | undefined = undefined
  /** @internal Where the queue of its maker ended when it was made: nothing before can hold it. See process/message-queue.ts. */
  mark: object | undefined = undefined
  /** @internal The process of another node that it is of, where a monitor or a request of that process has told. */
  owner: object | undefined = undefined
  /** @internal The monitor of this reference, at the process that it was set on. */
  watcher: object | undefined = undefined
  /** @internal How many calls and monitors across nodes it is the reference of: see `AddressBook.tie`. */
  ties = 0
  /** @internal In how many messages from other nodes it came that somebody may still hold: with none, nothing need be known of it. */
  copies = 0

  /** @internal References are made by an `AddressBook`. */
  constructor(home: Incarnation, words: readonly number[] | number) {
    this.home = home
    this.#words = words
  }

  /** @internal One to five 32-bit words (none at all is legal on the wire). */
  get words(): readonly number[] {
    if (typeof this.#words === 'number') this.#words = this.home.words(this.#words)
    return this.#words
  }

  /** The name of the node that made it. */
  get node(): string {
    return this.home.node
  }

  /** @internal The run of that node. */
  get creation(): number {
    return this.home.creation
  }

  toString(): string {
    return `ref:${this.home.node}:${this.words.join('.')}:${this.home.creation}`
  }

  toJSON(): { $ref: string } {
    return { $ref: this.toString() }
  }
}

// Short in `console.log` too. Not a method: declarations of computed names cannot be written for each file alone.
Object.defineProperty(Ref.prototype, inspect.custom, {
  value(this: Ref) {
    return this.toString()
  },
})
