/** The node that strangers speak to, and the run of the one that they are. */
import type { ShortSends } from '../../src/dist/control.js'
import type { Entropy } from '../../src/entropy.js'
import type { Address, Entrance } from '../../src/term/address.js'
import { AddressBook } from '../../src/term/address-book.js'
import { Incarnation } from '../../src/term/incarnation.js'

/** As in the captures: see `test/vectors/handshake-vectors.json`. */
export const self = { node: 'js1@127.0.0.1', creation: 1_795_486_958 }
export const peer = { node: 'x@127.0.0.1', creation: 1_795_486_954 }

const nowhere: Entrance = { deliver: () => true, drained: () => Promise.resolve(), leaves: () => {} }
let drawn = 0
const entropy: Entropy = { bytes: (count) => new Uint8Array(count), uint32: () => ++drawn }

export const fuzzBook: AddressBook = new AddressBook(
  new Incarnation(self.node, self.creation),
  { local: () => undefined, gone: nowhere, route: () => nowhere },
  entropy,
)

/** The address with these numbers, of a process of the peer and of one of ours. */
export const ofPeer = (id: number, serial: number): Address<never> =>
  fuzzBook.address(peer.node, id, serial, peer.creation)
export const ofSelf = (id: number, serial: number): Address<never> =>
  fuzzBook.address(self.node, id, serial, self.creation)
/** What short messages stand for. */
export const short: ShortSends = { from: ofPeer(1, 0), to: ofSelf }
