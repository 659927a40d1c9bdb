/** Random terms for property tests: every kind, in the form in which `decode(…, { floats: 'exact' })` gives it back. */
import * as fc from 'fast-check'
import { atom, Bits, ExportFun, encode, Fun, float, improperList, Port, tuple } from '../../src/codec/index.js'
import { bookOf, toHex } from './etf-kit.js'

/** The node that the addresses and references belong to. */
export const arbitraryNode: { addressBook: ReturnType<typeof bookOf>['book'] } = {
  addressBook: bookOf('self@127.0.0.1', 7).book,
}
const book = arbitraryNode.addressBook

const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const text = fc.string({ unit: 'binary', maxLength: 80 })
const name = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('__proto__', 'constructor', 'toString', '0', '17', '4294967294', '4294967295', 'true', 'undefined'),
)
const atoms = fc.oneof(name.map(atomOf), fc.constantFrom(true, false, undefined, null))
const nodeName = fc.constantFrom('a@127.0.0.1', 'b@h', 'self@127.0.0.1', 'ö@h')

function atomOf(of: string): unknown {
  const values: [string, unknown][] = [
    ['true', true],
    ['false', false],
    ['undefined', undefined],
    ['null', null],
  ]
  const found = values.find(([known]) => known === of)
  return found === undefined ? atom(of) : found[1]
}

const integers = fc.oneof(
  fc.integer(),
  fc.integer({ min: -300, max: 300 }),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 2_100n), max: 2n ** 2_100n }).map(narrow),
  fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }).map(narrow),
)

function narrow(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value
}

const floats = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map((value) => (Number.isInteger(value) ? float(value) : value))

/** What is no UTF-8, as the rest comes back as text: a byte that never is part of any, at any place. */
const binaries = fc
  .tuple(fc.uint8Array({ maxLength: 100 }), fc.nat(), fc.constantFrom(0xc0, 0xc1, 0xf5, 0xff))
  .map(([bytes, at, byte]) => Uint8Array.from([...bytes.subarray(0, at % 101), byte, ...bytes.subarray(at % 101)]))

const bits = fc
  .tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 7 }))
  .map(([bytes, last]) => new Bits(bytes, last))

const addresses = fc.tuple(nodeName, u32, u32, u32).map((parts) => book.address(...parts))
const refs = fc
  .tuple(nodeName, u32, fc.array(u32, { minLength: 1, maxLength: 5 }))
  .map(([node, creation, words]) => book.ref(node, creation, words))
const ports = fc
  .tuple(nodeName, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), u32)
  .map(([node, id, creation]) => new Port(node, id, creation))
const exports = fc
  .tuple(name, name, fc.integer({ min: 0, max: 300 }))
  .map(([module, of, arity]) => new ExportFun(module, of, arity))

/** Terms of every kind. */
export const arbitraryTerm: fc.Arbitrary<unknown> = fc.letrec<{ term: unknown }>((tie) => {
  const list = fc.array(tie('term'), { maxLength: 8, depthIdentifier: 'term' })
  const tail = tie('term').filter((value) => !isListLike(value))
  return {
    term: fc.oneof(
      { depthIdentifier: 'term', maxDepth: 5, withCrossShrink: true },
      fc.oneof(integers, floats, atoms, text, binaries, bits, addresses, refs, ports, exports),
      list,
      list.map((elements) => tuple(...elements)),
      fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }),
      fc.tuple(tie('term'), list, tail).map(([first, rest, end]) => improperList([first, ...rest], end)),
      fc
        .uniqueArray(fc.tuple(name, tie('term')), { selector: ([key]) => key, maxLength: 6 })
        .map((pairs) => Object.fromEntries(pairs)),
      fc.uniqueArray(fc.tuple(tie('term'), tie('term')), { selector: ([key]) => keyOf(key), maxLength: 6 }).map(mapOf),
      fc.tuple(name, u32, fc.uint8Array({ minLength: 16, maxLength: 16 }), addresses, list).map(
        ([module, index, uniq, creator, free]) =>
          new Fun({
            module,
            arity: index % 256,
            uniq,
            index,
            oldIndex: index >>> 8,
            oldUniq: index | 0,
            creator,
            free,
          }),
      ),
    ),
  }
}).term

function isListLike(value: unknown): boolean {
  return toHex(encode(value)).startsWith('836b') || ['836a', '836c'].includes(toHex(encode(value)).slice(0, 4))
}

/** Keys are unique as Erlang terms; that the pairs of maps stand in the same order here is enough for a test. */
const keyOf = (key: unknown) => toHex(encode(key))

const isAtom = (key: unknown) =>
  typeof key === 'symbol' || typeof key === 'boolean' || key === undefined || key === null

/**
 * As it comes back: an object, where all keys are atoms. Those before the first other key have been in an object, too, which
 * puts array indexes first; maps have no order in Erlang.
 */
function mapOf(pairs: [unknown, unknown][]): unknown {
  const atomCount = pairs.findIndex(([key]) => !isAtom(key))
  const first = atomCount < 0 ? pairs : pairs.slice(0, atomCount)
  const names = first.map(([key, value]) => [typeof key === 'symbol' ? key.description : String(key), value])
  const object: Record<string, unknown> = Object.fromEntries(names)
  if (first === pairs) return object
  const inOrder = Object.entries(object).map(([of, value]) => [atomOf(of), value] as const)
  return new Map([...inOrder, ...pairs.slice(atomCount)])
}
