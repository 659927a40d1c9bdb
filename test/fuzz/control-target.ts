/** Frames in pass-through form: what the reader of control messages makes of them, beside what a plain one does. */
import { isDeepStrictEqual } from 'node:util'
import { AtomBudget } from '../../src/codec/atom-budget.js'
import { type DecodeContext, TermReader } from '../../src/codec/decode.js'
import { Writer } from '../../src/codec/writer.js'
import { type ControlContext, ControlReader, controlContext, encodeSignal } from '../../src/dist/control.js'
import { hiddenFlags } from '../../src/dist/flags.js'
import { ReignError } from '../../src/errors.js'
import type { Signal } from '../../src/signal.js'
import { legacyFrames, passThroughFrames, pgFrames, visibleFrames } from '../dist/control-kit.js'
import { captured } from './captures.js'
import type { Chance } from './chance.js'
import { ControlMaker } from './control-maker.js'
import { fuzzBook, peer, short } from './fuzz-node.js'
import { NoFrame, ReferenceReader } from './reference-control.js'
import { hexOf, holds, outcomeOf, type Target } from './target.js'

const codes = ['ERR_REIGN_CONTROL_INVALID', 'ERR_REIGN_TERM_', 'ERR_REIGN_ATOM_LIMIT']
const passThrough = 112

/** A context as that of a connection, but that floats stay what they are: what is read is written again, and compared. */
export function contextOf(atoms: AtomBudget): DecodeContext {
  return {
    address: (...parts) => fuzzBook.address(...parts),
    ref: (...parts) => fuzzBook.ref(...parts),
    atoms,
    binaries: 'text',
    floats: 'exact',
    depthMax: 1_000,
    termCountMax: 4_000_000,
    bigintBytesMax: 65_536,
  }
}

export class ControlTarget implements Target {
  readonly name = 'control'
  readonly #writing: ControlContext = controlContext(fuzzBook, hiddenFlags)
  readonly #writer = new Writer(256)
  #reader!: ControlReader
  #reference!: ReferenceReader
  #maker: ControlMaker | undefined

  constructor() {
    this.renew()
  }

  seeds(): readonly Uint8Array[] {
    const vectors = [...passThroughFrames, ...legacyFrames, ...pgFrames, ...visibleFrames]
    return [...vectors.map(({ hex }) => Buffer.from(hex, 'hex')), ...captured('pass-through', 2_000)]
  }

  make(chance: Chance): Uint8Array {
    const maker = (this.#maker ??= new ControlMaker(chance))
    maker.terms.restart().u8(passThrough)
    maker.write(true)
    return maker.terms.bytes
  }

  renew(): void {
    const context = contextOf(new AtomBudget(1_000_000))
    this.#reader = new ControlReader(new TermReader(context), { peer, short })
    this.#reference = new ReferenceReader(context)
  }

  run(input: Uint8Array): string {
    const real = outcomeOf(() => this.#reader.read(input, 0, input.length), codes)
    const plain = this.#plain(input)
    if (real.code !== undefined) {
      holds(!plain.taken, () => `${real.code}, but there is nothing wrong with it: ${JSON.stringify(plain.signal?.op)}`)
      return real.code
    }
    const { value: signal } = real
    holds(plain.taken, () => `taken as ${signal?.op}, though wrong: ${plain.why}`)
    holds(isDeepStrictEqual(signal, plain.signal), () => `${signal?.op} is not the same to both readers`)
    if (signal === undefined) return 'nothing'
    this.#comesBack(signal)
    return signal.op
  }

  #plain(input: Uint8Array): { taken: boolean; signal?: Signal | undefined; why?: string } {
    try {
      return { taken: true, signal: this.#reference.read(input) }
    } catch (error) {
      if (error instanceof NoFrame || error instanceof ReignError) return { taken: false, why: error.message }
      throw error
    }
  }

  /** Written as we write signals, it is the same signal again. */
  #comesBack(signal: Signal): void {
    const frame = this.#written(signal)
    const again = outcomeOf(() => this.#reader.read(frame, 0, frame.length), codes)
    holds(again.code === undefined, () => `written as ${hexOf(frame)}, and refused then: ${again.code}`)
    const twice = this.#written(again.value as Signal)
    holds(Buffer.compare(frame, twice) === 0, () => `written as ${hexOf(frame)}, then as ${hexOf(twice)}`)
  }

  #written(signal: Signal): Buffer {
    const writer = this.#writer
    writer.truncate(0)
    encodeSignal(writer, signal, this.#writing)
    return Buffer.from(writer.buffer.subarray(0, writer.length))
  }
}
