/** Addresses and references that were decoded without a node: they can be compared, kept and encoded, and that is all. */
import { systemEntropy } from '../entropy.js'
import { ReignError } from '../errors.js'
import type { Entrance } from '../term/address.js'
import { AddressBook } from '../term/address-book.js'
import { Incarnation } from '../term/incarnation.js'

/** Where such an address leads: nowhere, and it says so rather than losing what is sent. */
const nowhere: Entrance = {
  deliver(address) {
    throw unreachable(address.node)
  },
  drained(address) {
    return Promise.reject(unreachable(address.node))
  },
  leaves() {},
}

function unreachable(node: string): ReignError {
  return new ReignError(
    'ERR_REIGN_UNREACHABLE',
    `this address of ${JSON.stringify(node)} was decoded without a node to send from: use decode(bytes, { node })`,
  )
}

let book: AddressBook | undefined

/**
 * The book of everything that this program decodes without a node. One for all, so that the same address is the same object
 * each time; it holds its entries weakly. No node is called what its own run is called, so nothing here is ever local.
 */
export function detachedBook(): AddressBook {
  const owner = { local: () => undefined, gone: nowhere, route: () => nowhere }
  book ??= new AddressBook(new Incarnation('', 0), owner, systemEntropy)
  return book
}
