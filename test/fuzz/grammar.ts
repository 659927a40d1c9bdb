/** Terms made at random, as bytes: what no capture has, in combinations that nobody writes. Now and then a part is wrong. */
import type { Chance } from './chance.js'

const bytesMax = 8 * 1024
const nodes = ['x@127.0.0.1', 'js1@127.0.0.1', 'n@h', '']
const names = [
  '',
  'a',
  'b',
  'ok',
  'true',
  'false',
  'undefined',
  'null',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  '0',
  '1',
  '17',
  '4294967294',
  '4294967295',
  '-1',
  'é',
  '日本',
  'Elixir.Enum',
  'x'.repeat(255),
  'é'.repeat(255),
] // prettier-ignore
/** Of the runs that the tests know. */
const creations = [1_795_486_954, 1_795_486_958, 0, 1, 0xffff_ffff]

/** Writes terms into a buffer of its own. */
export class TermMaker {
  readonly #chance: Chance
  readonly #buffer = Buffer.alloc(bytesMax + 1_024)
  length = 0
  /** How many references to atoms of the frame may be written; none outside of a header. */
  frameAtoms = 0

  constructor(chance: Chance) {
    this.#chance = chance
  }

  /** What has been written: a view. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  /** Whether this part is to be wrong. */
  get wrong(): boolean {
    return this.#chance.oneIn(60)
  }

  restart(): this {
    this.length = 0
    return this
  }

  u8(value: number): this {
    this.#buffer[this.length++] = value
    return this
  }

  u16(value: number): this {
    return this.u8(value >>> 8).u8(value)
  }

  u32(value: number): this {
    return this.u16(value >>> 16).u16(value)
  }

  raw(bytes: Uint8Array): this {
    this.#buffer.set(bytes.subarray(0, bytesMax), this.length)
    this.length += Math.min(bytes.length, bytesMax)
    return this
  }

  /** Any term, nested at most so deep. */
  term(depth: number): this {
    const chance = this.#chance
    if (this.length > bytesMax - 2_048) return this.u8(106)
    switch (chance.below(depth > 0 ? 20 : 13)) {
      case 0:
        return this.atom()
      case 1:
        return this.u8(97).u8(chance.u32())
      case 2:
        return this.u8(98).u32(chance.oneIn(2) ? chance.u32() : chance.below(600) - 300)
      case 3:
        return this.#float()
      case 4:
        return this.#big()
      case 5:
        return this.#binary()
      case 6:
        return this.#bits()
      case 7:
        return this.pid()
      case 8:
        return this.ref()
      case 9:
        return this.#port()
      case 10:
        return this.u8(106)
      case 11:
        return this.#string()
      case 12:
        return this.u8(113).atom().atom().u8(97).u8(chance.below(256))
      case 13:
      case 14:
        return this.#tuple(depth)
      case 15:
      case 16:
        return this.#list(depth)
      case 17:
      case 18:
        return this.#map(depth)
      default:
        return this.#fun(depth)
    }
  }

  /** A count, which may be wrong, in one, two or four bytes. */
  #count(count: number, bytes: 1 | 2 | 4): this {
    const chance = this.#chance
    const value = this.wrong
      ? chance.oneIn(2)
        ? count + chance.below(5) - 2
        : chance.u32() >>> chance.below(32)
      : count
    return bytes === 1 ? this.u8(value) : bytes === 2 ? this.u16(value) : this.u32(value)
  }

  atom(name: string = this.#chance.pick(names)): this {
    const chance = this.#chance
    if (this.frameAtoms > 0 && chance.oneIn(2))
      return this.u8(82).u8(chance.below(this.frameAtoms + (this.wrong ? 5 : 0)))
    const latin1 = chance.oneIn(4) && !/[^\0-\xff]/.test(name)
    const bytes = Buffer.from(name, latin1 ? 'latin1' : 'utf8')
    const short = bytes.length < 256 && !chance.oneIn(5)
    this.u8(latin1 ? (short ? 115 : 100) : short ? 119 : 118)
    return this.#count(bytes.length, short ? 1 : 2).raw(bytes)
  }

  #node(name?: string): this {
    if (name !== undefined) return this.atom(name)
    return this.wrong ? this.term(0) : this.atom(this.#chance.pick(nodes))
  }

  pid(node?: string, creation: number = this.#chance.pick(creations)): this {
    const chance = this.#chance
    const old = chance.oneIn(8)
    this.u8(old ? 103 : 88)
    if (node === undefined) this.#node()
    else this.atom(node)
    this.u32(chance.oneIn(3) ? chance.u32() : chance.below(5)).u32(chance.oneIn(3) ? chance.u32() : 0)
    return old ? this.u8(chance.below(this.wrong ? 256 : 4)) : this.u32(creation)
  }

  ref(node?: string): this {
    const chance = this.#chance
    const form = chance.below(6)
    if (form === 0) return this.u8(101).#node(node).u32(chance.below(0x5_0000)).u8(chance.below(4))
    const words = chance.below(this.wrong ? 300 : 6)
    this.u8(form === 1 ? 114 : 90)
      .u16(words)
      .#node()
    if (form === 1) this.u8(chance.below(this.wrong ? 256 : 4))
    else this.u32(chance.pick(creations))
    for (let i = Math.min(words, 6); i > 0; i--) this.u32(form === 1 ? chance.below(0x4_1000) : chance.u32())
    return this
  }

  #port(): this {
    const chance = this.#chance
    const form = chance.pick([120, 89, 102])
    this.u8(form).#node()
    if (form === 120) this.u32(chance.below(3))
    this.u32(chance.u32())
    return form === 102 ? this.u8(chance.below(4)) : this.u32(chance.pick(creations))
  }

  #float(): this {
    const chance = this.#chance
    if (chance.oneIn(4)) {
      const text = chance.pick([
        '1.50000000000000000000e+00',
        '-0.00000000000000000000e+00',
        '1.0e400',
        'nan',
        '1',
        '1.5e+3',
      ])
      return this.u8(99).raw(Buffer.from(text.padEnd(31, '\0'), 'latin1'))
    }
    const high = chance.pick([0, 0x8000_0000, 0x3ff0_0000, 0x4340_0000, 0x7ff0_0000, 0xfff8_0000, chance.u32()])
    return this.u8(70)
      .u32(high)
      .u32(chance.oneIn(2) ? 0 : chance.u32())
  }

  #big(): this {
    const chance = this.#chance
    const bytes = chance.oneIn(10) ? chance.below(400) : chance.below(12)
    const small = bytes < 256 && !chance.oneIn(4)
    this.u8(small ? 110 : 111)
      .#count(bytes, small ? 1 : 4)
      .u8(chance.below(this.wrong ? 256 : 2))
    for (let i = 0; i < bytes; i++) this.u8(chance.pick([0, 1, 255, chance.u32()]))
    return this
  }

  #binary(): this {
    const bytes = this.#content()
    return this.u8(109).#count(bytes.length, 4).raw(bytes)
  }

  #bits(): this {
    const bytes = this.#content()
    return this.u8(77)
      .#count(bytes.length, 4)
      .u8(this.#chance.below(this.wrong ? 256 : 9))
      .raw(bytes)
  }

  #string(): this {
    const bytes = this.#content()
    return this.u8(107).#count(bytes.length, 2).raw(bytes)
  }

  #content(): Buffer {
    const chance = this.#chance
    const text = chance.pick(['', 'a', 'hello', 'é', '\ufeffx', '\ufffd', 'x'.repeat(60), 'ü'.repeat(200), '🂡🂡'])
    const bytes = Buffer.from(text)
    if (bytes.length > 0 && chance.oneIn(3)) bytes[chance.below(bytes.length)] = chance.u32()
    return bytes
  }

  #tuple(depth: number): this {
    const arity = this.#chance.below(5)
    if (this.#chance.oneIn(5)) this.u8(105).#count(arity, 4)
    else this.u8(104).#count(arity, 1)
    for (let i = 0; i < arity; i++) this.term(depth - 1)
    return this
  }

  /** In pieces, now and then: a list whose tail is a list is one list. */
  #list(depth: number): this {
    const chance = this.#chance
    const length = chance.below(4)
    this.u8(108).#count(length, 4)
    for (let i = 0; i < length; i++) this.term(depth - 1)
    return chance.oneIn(4) ? this.term(depth - 1) : this.u8(106)
  }

  /** Its keys may be the same by chance, of which there is enough. */
  #map(depth: number): this {
    const chance = this.#chance
    const pairs = chance.below(4)
    const atoms = !chance.oneIn(3)
    this.u8(116).#count(pairs, 4)
    for (let i = 0; i < pairs; i++) {
      if (atoms) this.atom()
      else this.term(depth - 1)
      this.term(depth - 1)
    }
    return this
  }

  #fun(depth: number): this {
    const chance = this.#chance
    const free = chance.below(3)
    this.u8(112).u32(chance.u32()).u8(chance.below(4))
    for (let i = 0; i < 16; i++) this.u8(chance.u32())
    this.u32(chance.below(9)).#count(free, 4).atom()
    if (this.wrong) this.term(0).term(0).term(0)
    else this.u8(97).u8(chance.u32()).u8(98).u32(chance.u32()).pid()
    for (let i = 0; i < free; i++) this.term(depth - 1)
    return this
  }
}
