/**
 * Addresses: where messages go. Erlang's pid, typed by what its owner accepts.
 *
 * Knows nothing of processes or sockets: what stands behind an address is its {@link Entrance}.
 */
import { inspect } from 'node:util'
import { check, checkObject } from '../arguments.js'
import { ReignError } from '../errors.js'
import type { AddressBook } from './address-book.js'
import type { Incarnation } from './incarnation.js'

/** The text form of an address; see {@link Address.toString}. */
const addressText = /^pid:(.+@.+):(\d{1,10})\.(\d{1,10}):(\d{1,10})$/

/** The longest text form: a node name of 255 characters, three numbers of ten digits, and what stands between them. */
const textCharactersMax = 300

/** What stands behind an address: a mailbox of this node, the route to another node, or nobody any more. */
export interface Entrance {
  /**
   * Takes a message for `address`, from `from` where that is known. `false` when the way there is congested and the sender should
   * pause.
   */
  deliver(address: Address<never>, message: unknown, from?: Address<never>): boolean
  /** Resolves when {@link deliver} would no longer return `false`. */
  drained(address: Address<never>): Promise<void>
  /** The address is about to be written down (wire, text, JSON): from now on it may come back from outside. */
  leaves(address: Address<never>): void
}

/**
 * Where messages of type `M` go; send it anywhere in the cluster, inside any message.
 *
 * Opaque and interned: on one node, two addresses of the same process are the same object, so `===` and `Map` keys
 * work, also after a round trip through the wire, text or JSON. An address belongs to one run of its node: what is sent to
 * an address of a run that has ended goes nowhere.
 */
export class Address<in M = never> {
  /** Type only: what the owner accepts. It makes `Address<Cat | Dog>` usable as `Address<Cat>`, never the reverse. */
  declare readonly '~accepts'?: (message: M) => void

  /** @internal */
  readonly home: Incarnation
  /** @internal Erlang's pid number. */
  readonly id: number
  /** @internal Erlang's pid serial. */
  readonly serial: number
  /** @internal */
  entrance: Entrance
  /** @internal Whether it was ever written down, and so may come back from outside after its owner is gone. */
  written = false

  /** @internal Addresses are made by an {@link AddressBook}. */
  constructor(home: Incarnation, id: number, serial: number, entrance: Entrance) {
    this.home = home
    this.id = id
    this.serial = serial
    this.entrance = entrance
  }

  /** The name of the node that the address is on. */
  get node(): string {
    return this.home.node
  }

  /** @internal The run of that node. */
  get creation(): number {
    return this.home.creation
  }

  /**
   * Sends a message; never waits, never throws for want of a receiver.
   *
   * To a mailbox of this node the message goes by reference; to another node it is encoded before `send` returns, but for each
   * `Uint8Array` of 256 KiB or more: those are read as they leave, and must not change after `send`.
   * Order: what one sender sends to one address arrives in the order sent, as far as it arrives.
   *
   * @returns `false` when the route is congested: the message is on its way all the same, but pause until {@link drained}.
   * @throws a `TermError` (`ERR_REIGN_TERM_UNSUPPORTED`, …) when the message cannot be encoded for the other node.
   */
  send(message: M): boolean {
    return this.entrance.deliver(this as Address<never>, message)
  }

  /** Resolves when the route is no longer congested; at once when it is not. Rejects when its connection is lost. */
  drained(): Promise<void> {
    return this.entrance.drained(this as Address<never>)
  }

  /** The text form, `pid:shop@127.0.0.1:85.0:1795486954`; {@link Address.parse} reads it. */
  toString(): string {
    this.leave()
    return `pid:${this.home.node}:${this.id}.${this.serial}:${this.home.creation}`
  }

  /** The JSON form, `{ "$address": text }`; `JSON.parse(text, node.reviver)` reads it. */
  toJSON(): { $address: string } {
    return { $address: this.toString() }
  }

  /** @internal To be called before the address is written down anywhere. */
  leave(): void {
    if (this.written) return
    this.written = true
    this.entrance.leaves(this as Address<never>)
  }

  /**
   * The address that {@link toString} wrote, as `node` (any node of this program) sees it.
   *
   * @throws `ERR_REIGN_ADDRESS_TEXT` when the text is not the text form of an address.
   */
  static parse<M = unknown>(text: string, node: { /** @internal */ readonly addressBook: AddressBook }): Address<M> {
    check(typeof text === 'string', 'the text form of an address is a text', text)
    checkObject((node as typeof node | undefined)?.addressBook, 'the address book of a node')
    // The bound comes first: the time that the expression takes grows with the square of the length.
    const match = text.length > textCharactersMax ? null : addressText.exec(text)
    const [, name, id, serial, creation] = match ?? []
    if (name === undefined || ![id, serial, creation].every((digits) => Number(digits) <= 0xffffffff)) {
      throw new ReignError(
        'ERR_REIGN_ADDRESS_TEXT',
        `not the text form of an address: ${JSON.stringify(text.slice(0, 200))}`,
      )
    }
    return node.addressBook.address(name, Number(id), Number(serial), Number(creation)) as Address<M>
  }
}

// Short in `console.log` too. Not a method: declarations of computed names cannot be written for each file alone.
Object.defineProperty(Address.prototype, inspect.custom, {
  value(this: Address) {
    return this.toString()
  },
})
