/** Terms: what `decode` and the reader of connections make of bytes. */
import { AtomBudget } from '../../src/codec/atom-budget.js'
import { TermReader } from '../../src/codec/decode.js'
import { decode, encode } from '../../src/codec/index.js'
import { compressedExt, versionMagic } from '../../src/codec/tags.js'
import { TermError } from '../../src/errors.js'
import { vectors } from '../codec/etf-kit.js'
import type { Chance } from './chance.js'
import { fuzzBook } from './fuzz-node.js'
import { TermMaker } from './grammar.js'
import { hexOf, holds, type Outcome, outcomeOf, type Target } from './target.js'

const codes = ['ERR_REIGN_TERM_', 'ERR_REIGN_ATOM_LIMIT']
/** A small bomb is as good as a large one. */
const inflatedBytesMax = 1 << 14
const node = { addressBook: fuzzBook }

export class TermsTarget implements Target {
  readonly name = 'terms'
  #atoms!: AtomBudget
  /** As a connection reads: one reader for all, with everyday options. */
  #wire!: TermReader
  /** As one would that wants each term to be what it was. */
  #exact!: TermReader
  #maker: TermMaker | undefined

  constructor() {
    this.renew()
  }

  seeds(): readonly Uint8Array[] {
    return vectors.map(({ hex }) => Buffer.from(hex, 'hex'))
  }

  make(chance: Chance): Uint8Array {
    this.#maker ??= new TermMaker(chance)
    return this.#maker.restart().u8(versionMagic).term(4).bytes
  }

  renew(): void {
    this.#atoms = new AtomBudget(1_000_000)
    this.#wire = this.#reader('text', 'number', 'shared')
    this.#exact = this.#reader('bytes', 'exact', 'own')
  }

  run(input: Uint8Array): string {
    const exact = this.#read(this.#exact, input)
    // Some are compared with what others make of them: which, follows from the input, so that one is always treated alike.
    const kind = (input.length + (input.at(-1) ?? 0)) & 7
    if (kind === 0) this.#isAsOnWire(input, exact)
    if (kind === 1 || input[1] === compressedExt) return this.#isAsDecoded(input, exact)
    if (exact.code === undefined) this.#isSound(exact.value, input.length)
    return exact.code ?? 'taken'
  }

  /** One whole term with its version byte, and nothing behind it; read from bytes that are nobody else's. */
  #read(reader: TermReader, input: Uint8Array): Outcome<unknown> {
    if (input[0] !== versionMagic) return { code: 'ERR_REIGN_TERM_INVALID' }
    return outcomeOf(() => {
      reader.load(input, 1, input.length)
      const value = reader.read()
      if (reader.position === input.length) return value
      throw new TermError('ERR_REIGN_TERM_TRAILING', 'bytes after the term', { byteOffset: reader.position })
    }, codes)
  }

  /** With the options of a connection the same is taken and the same refused. */
  #isAsOnWire(input: Uint8Array, exact: Outcome<unknown>): void {
    const wire = this.#read(this.#wire, Buffer.from(input))
    holds(wire.code === exact.code, () => `exact: ${exact.code ?? 'taken'}; on a connection: ${wire.code ?? 'taken'}`)
    if (wire.code === undefined) encode(wire.value, { node })
  }

  /** So it is with `decode`, which alone takes compressed terms. */
  #isAsDecoded(input: Uint8Array, exact: Outcome<unknown>): string {
    const { code: exactCode } = exact
    const options = { node, atoms: this.#atoms, inflatedBytesMax, floats: 'exact', binaries: 'bytes' } as const
    const decoded = outcomeOf(() => decode(input, options), codes)
    if (input[1] !== compressedExt) {
      const same = (decoded.code === undefined) === (exactCode === undefined)
      holds(same, () => `on a connection: ${exactCode ?? 'taken'}; decode: ${decoded.code ?? 'taken'}`)
    } else holds(exactCode !== undefined, () => 'a compressed term was taken from a connection')
    if (decoded.code !== undefined) return decoded.code
    this.#isSound(decoded.value, Math.max(input.length, inflatedBytesMax))
    return 'taken'
  }

  /** It is data, no more of it than it had bytes; and what is written of it reads as what was written. */
  #isSound(value: unknown, bytes: number): void {
    this.#isData(value, bytes)
    const written = encode(value, { node })
    const read = this.#read(this.#exact, written)
    holds(read.code === undefined, () => `written as ${hexOf(written)}, and refused then: ${read.code}`)
    const again = encode(read.value, { node })
    holds(
      Buffer.compare(written, again) === 0,
      () => `written as ${hexOf(written)}, read and written as ${hexOf(again)}`,
    )
  }

  #reader(binaries: 'text' | 'bytes', floats: 'number' | 'exact', memory: 'own' | 'shared'): TermReader {
    return new TermReader({
      address: (...parts) => fuzzBook.address(...parts),
      ref: (...parts) => fuzzBook.ref(...parts),
      atoms: this.#atoms,
      binaries,
      memory,
      floats,
      depthMax: 1_000,
      termCountMax: 4_000_000,
      bigintBytesMax: 65_536,
    })
  }

  /** Nothing in it is more than data, and there is no more of it than bytes. */
  #isData(value: unknown, bytes: number): void {
    let left = bytes
    const open: unknown[] = [value]
    while (open.length > 0) {
      const each = open.pop()
      holds(typeof each !== 'function', () => 'a function came out')
      if (typeof each !== 'object' || each === null) continue
      if (Array.isArray(each) || each instanceof Map) {
        for (const inner of each) open.push(inner)
      } else if (Object.getPrototypeOf(each) === Object.prototype) {
        for (const key of Object.keys(each)) open.push((each as Record<string, unknown>)[key])
      } else {
        holds(Object.getPrototypeOf(each) !== null, () => 'an object without a prototype came out')
      }
      // Its pairs are no objects of the term.
      if (each instanceof Map) left += each.size
      holds(--left >= 0, () => 'more objects than bytes')
    }
  }
}
