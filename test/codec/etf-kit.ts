/** What the tests of the codec share: the vectors captured from OTP, a reader with a node's address book, seeded chance. */
import { readFileSync } from 'node:fs'
import { AtomBudget } from '../../src/codec/atom-budget.js'
import { type DecodeContext, TermReader } from '../../src/codec/decode.js'
import type { Entropy } from '../../src/entropy.js'
import { ReignError } from '../../src/errors.js'
import type { Address, Entrance } from '../../src/term/address.js'
import { AddressBook } from '../../src/term/address-book.js'
import { Incarnation } from '../../src/term/incarnation.js'

/** One term as a live OTP 25 wrote or judged it. */
export interface Vector {
  readonly category: string
  readonly term: string
  readonly hex: string
  /** In category `decode`: whether `binary_to_term` took it. */
  readonly accepted?: boolean
  /** In category `decode`: what `term_to_binary` made of the result. */
  readonly canonical?: string
}

const file = new URL('../vectors/etf-vectors.json', import.meta.url)
export const vectors: readonly Vector[] = JSON.parse(readFileSync(file, 'utf8'))

export const fromHex = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex.replace(/\s/g, ''), 'hex'))
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** The error that a call throws, which has to be a coded one; the test fails when it throws none. */
export function errorOf(call: () => unknown): ReignError & { byteOffset?: number; path?: string } {
  let value: unknown
  try {
    value = call()
  } catch (error) {
    if (error instanceof ReignError) return error
    throw error
  }
  throw new Error(`expected an error, got ${String(value)}`)
}

/** Numbers from 0 to below `bound`, the same for the same seed (mulberry32). */
export function seeded(seed: number): (bound: number) => number {
  let state = seed >>> 0
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
}

const entropy: Entropy = { bytes: (count) => new Uint8Array(count), uint32: () => 7 }

/** The address book of a node of that name, with entrances that take note of what leaves. */
export function bookOf(
  node: string,
  creation = 1,
): { book: AddressBook; left: Address<never>[]; local(id: number): Address<never> } {
  const left: Address<never>[] = []
  const entrance: Entrance = {
    deliver: () => true,
    drained: () => Promise.resolve(),
    leaves: (address) => {
      left.push(address)
    },
  }
  const locals = new Map<number, Address<never>>()
  const owner = { local: (id: number) => locals.get(id), gone: entrance, route: () => entrance }
  const book = new AddressBook(new Incarnation(node, creation), owner, entropy)
  const local = (id: number) => {
    const address = book.address(node, id, 0, creation)
    address.written = false
    locals.set(id, address)
    return address
  }
  return { book, left, local }
}

/** A context as a connection has it, with other bounds where the test wants them. */
export function contextOf(given: Partial<DecodeContext> = {}): DecodeContext {
  const { book } = bookOf('test@127.0.0.1')
  return {
    address: (node, id, serial, creation) => book.address(node, id, serial, creation),
    ref: (node, creation, words) => book.ref(node, creation, words),
    atoms: new AtomBudget(),
    binaries: 'text',
    floats: 'number',
    depthMax: 1_000,
    termCountMax: 4_000_000,
    bigintBytesMax: 65_536,
    ...given,
  }
}

/** Reads one term, without a version byte, as a connection would. */
export function readOnWire(hex: string, given: Partial<DecodeContext> = {}): unknown {
  const bytes = fromHex(hex)
  const reader = new TermReader(contextOf(given))
  reader.load(bytes, 0, bytes.length)
  return reader.read()
}
