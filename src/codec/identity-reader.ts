/** Reading atoms, and what is named by one: addresses, references and ports, in the forms of all times. */
import type { Address } from '../term/address.js'
import { Port } from '../term/port.js'
import type { Ref } from '../term/ref.js'
import type { AtomBudget, KnownAtom } from './atom-budget.js'
import { ByteReader } from './byte-reader.js'
import type { DecodeContext } from './decode-context.js'

const refWordsMax = 5
const oldCreationMax = 3
const oldRefWordMax = 0x3_ffff
const noAtoms: readonly KnownAtom[] = []

/** See the head of this file. Each method starts behind the tag, which it is given where several share it. */
export class IdentityReader extends ByteReader {
  /** @internal */
  protected readonly context: DecodeContext
  readonly #atoms: AtomBudget
  #frameAtoms: readonly KnownAtom[] = noAtoms
  /** The addresses that were read last: what one process sends to another brings the same two each time. */
  #address: Address<never> | undefined
  #other: Address<never> | undefined
  /** Where the words of a reference are gathered: most are of one that is known, and need no list of their own. */
  readonly #words: number[] = []

  constructor(context: DecodeContext) {
    super()
    this.context = context
    this.#atoms = context.atoms
  }

  /** @internal What atom cache references stand for from now on. */
  protected setFrameAtoms(atoms: readonly KnownAtom[] = noAtoms): void {
    this.#frameAtoms = atoms
  }

  /** @internal */
  protected address(tag: number): Address<never> {
    const node = this.atomName()
    const id = this.u32()
    const serial = this.u32()
    const creation = tag === 88 ? this.u32() : this.#oldCreation()
    const last = this.#address
    if (last !== undefined && isAt(last, node, id, serial, creation)) return last
    const other = this.#other
    if (other !== undefined && isAt(other, node, id, serial, creation)) return other
    const address = this.context.address(node, id, serial, creation)
    // One that was never written down may be made anew when its owner is gone: that would be another.
    if (address.written) {
      this.#other = last
      this.#address = address
    }
    return address
  }

  /** @internal @param ofSignal Whether a signal is about it, rather than a message bringing it. */
  protected ref(tag: number, ofSignal = false): Ref {
    if (tag === 101) return this.#oldestRef()
    const count = this.u16()
    if (count > refWordsMax) throw this.invalid(`a reference of ${count} words`)
    const node = this.atomName()
    const creation = tag === 90 ? this.u32() : this.#oldCreation()
    const words = this.#words
    if (words.length !== count) words.length = count
    for (let i = 0; i < count; i++) words[i] = tag === 114 && i === 0 ? this.#oldRefWord() : this.u32()
    const { context } = this
    if (ofSignal && context.signalRef !== undefined) return context.signalRef(node, creation, words)
    return context.ref(node, creation, words)
  }

  /** One word, and the creation behind it. */
  #oldestRef(): Ref {
    const node = this.atomName()
    const word = this.#oldRefWord()
    return this.context.ref(node, this.#oldCreation(), [word])
  }

  #oldRefWord(): number {
    const word = this.u32()
    if (word > oldRefWordMax) throw this.invalid(`a reference whose first word is ${word}, in an old form`)
    return word
  }

  /** @internal */
  protected port(tag: number): Port {
    const node = this.atomName()
    const high = tag === 120 ? this.u32() : 0
    const id = (BigInt(high) << 32n) | BigInt(this.u32())
    return new Port(node, id, tag === 102 ? this.#oldCreation() : this.u32())
  }

  /** Before OTP 23 a creation was 0 to 3, in one byte. */
  #oldCreation(): number {
    const creation = this.u8()
    if (creation > oldCreationMax)
      throw this.invalid(`creation ${creation} in the old form, which has 0 to ${oldCreationMax}`)
    return creation
  }

  /** @internal The atom after a tag that is one of an atom spelled out. */
  protected atom(tag: number): KnownAtom {
    const length = tag === 119 || tag === 115 ? this.u8() : this.u16()
    const start = this.skip(length)
    const known =
      tag >= 118
        ? this.#atoms.meet(this.bytes, start, length)
        : this.#atoms.meetName(this.bytes.toString('latin1', start, start + length))
    if (known === undefined) throw this.invalid('no atom: more than 255 characters, or not UTF-8')
    return known
  }

  /** @internal */
  protected frameAtom(): KnownAtom {
    const index = this.u8()
    const known = this.#frameAtoms[index]
    if (known === undefined) throw this.invalid(`reference ${index} to an atom that the frame does not bring`)
    return known
  }

  /** @internal The atom after this tag; `undefined` when it is the tag of something else. */
  protected keyAtom(tag: number): KnownAtom | undefined {
    if (tag === 119 || tag === 118 || tag === 115 || tag === 100) return this.atom(tag)
    return tag === 82 ? this.frameAtom() : undefined
  }

  /** @internal */
  protected atomName(): string {
    const known = this.keyAtom(this.u8())
    if (known === undefined) throw this.invalid('something else where an atom has to be')
    return known.name
  }
}

function isAt({ id, serial, home }: Address<never>, node: string, ofId: number, ofSerial: number, creation: number) {
  return id === ofId && serial === ofSerial && home.creation === creation && home.node === node
}
