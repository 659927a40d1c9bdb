/** Payloads in the form that nodes of reign have for each other: terms, and what Erlang has no term for. */
import { AtomBudget } from '../../src/codec/atom-budget.js'
import { TermReader } from '../../src/codec/decode.js'
import { type EncodeContext, encodeTerm } from '../../src/codec/encode.js'
import { Writer } from '../../src/codec/writer.js'
import { tuple } from '../../src/term/tuple.js'
import { vectors } from '../codec/etf-kit.js'
import { contextOf } from './control-target.js'
import { fuzzBook } from './fuzz-node.js'
import { hexOf, holds, type Outcome, outcomeOf, type Target } from './target.js'

const codes = ['ERR_REIGN_TERM_', 'ERR_REIGN_ATOM_LIMIT']
const encoding: EncodeContext = { refLeaves: (ref) => fuzzBook.refLeaves(ref), javascript: true }

export class PayloadsTarget implements Target {
  readonly name = 'payloads'
  #reader!: TermReader

  constructor() {
    this.renew()
  }

  seeds(): readonly Uint8Array[] {
    const address = fuzzBook.address('x@127.0.0.1', 1, 0, 1)
    const failure = Object.assign(new RangeError('too far', { cause: new Error('why') }), { code: 'E_FAR', stack: 'x' })
    const values: readonly unknown[] = [
      { a: 1, 'with space': 'x', __proto__x: null, 17: [] },
      { a: { b: { c: { d: 1 } } }, list: [1, 1.5, -0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 60] },
      new Map<unknown, unknown>([
        [1, 'a'],
        ['1', { x: 1 }],
        [address, new Map()],
      ]),
      new Set([1, 'a', new Set()]),
      new Date(1_795_486_954_000),
      [1n, 2n ** 70n, -1n],
      new Uint8Array([255, 0]),
      [
        new Float64Array([1.5, 2]),
        new Int16Array([1]),
        new DataView(new ArrayBuffer(3)),
        new ArrayBuffer(2),
        new BigInt64Array([1n]),
      ],
      failure,
      tuple(Symbol.for('a'), undefined, null, true, address, fuzzBook.ref('x@127.0.0.1', 1, [1, 2, 3])),
      'text',
      'ü'.repeat(300),
    ]
    const written = values.map((value) => this.#written(value))
    return [
      ...written,
      ...vectors.filter(({ category }) => category !== 'decode').map(({ hex }) => Buffer.from(hex.slice(2), 'hex')),
    ]
  }

  renew(): void {
    this.#reader = new TermReader({ ...contextOf(new AtomBudget(1_000_000)), javascript: true, memory: 'shared' })
  }

  run(input: Uint8Array): string {
    const read = this.#read(input)
    if (read.code !== undefined) return read.code
    const written = this.#written(read.value)
    const again = this.#read(written)
    holds(again.code === undefined, () => `written as ${hexOf(written)}, and refused then: ${again.code}`)
    const twice = this.#written(again.value)
    holds(written.equals(twice), () => `written as ${hexOf(written)}, read and written as ${hexOf(twice)}`)
    return 'taken'
  }

  #read(input: Uint8Array): Outcome<unknown> {
    return outcomeOf(() => {
      const bytes = Buffer.from(input)
      this.#reader.load(bytes, 0, bytes.length)
      const value = this.#reader.readPayload()
      if (this.#reader.position === bytes.length) return value
      return undefined
    }, codes)
  }

  #written(value: unknown): Buffer {
    const writer = new Writer(256)
    encodeTerm(writer, value, encoding)
    return Buffer.from(writer.buffer.subarray(0, writer.length))
  }
}
