/**
 * Bytes to terms: the External Term Format, every tag that may still be met.
 *
 * Format: erl_ext_dist. The bytes are a stranger's: every count is compared with the bytes that are left before anything is
 * made for it, nesting and the number of terms are bounded, and nothing that comes out is more than data.
 */
import { Address } from '../term/address.js'
import { Bits } from '../term/bits.js'
import { Float } from '../term/float.js'
import { ExportFun, Fun } from '../term/fun.js'
import { ImproperList } from '../term/improper-list.js'
import { Ref } from '../term/ref.js'
import { Tuple } from '../term/tuple.js'
import type { AtomBudget, KnownAtom } from './atom-budget.js'
import { copyOf } from './copy.js'
import type { DecodeContext } from './decode-context.js'
import { floatOf, floatOfText, integerOf } from './decode-number.js'
import { setEntry, toMap } from './decode-object.js'
import { textOf } from './decode-text.js'
import { keyText } from './encode.js'
import { JavaScriptReader } from './javascript-reader.js'
import { isStackOverflow } from './stack-overflow.js'

const tupleArityMax = 0xff_ffff
const uniqBytes = 16
const floatTextBytes = 31
const noBytes = Buffer.alloc(0)

export type { DecodeContext } from './decode-context.js'

/**
 * Reads terms from bytes that are loaded into it. One reader serves a connection for its life; it keeps nothing of a frame
 * but what the terms themselves are.
 *
 * Methods take `owed`: how many elements the enclosing terms still expect after this one. As each takes a byte at
 * least, a count is believed only up to the bytes left less those; so what is allocated ahead stays below eight bytes
 * for each byte of the frame, however the counts are nested.
 */
export class TermReader extends JavaScriptReader {
  readonly #atoms: AtomBudget
  readonly #text: boolean
  #exact = false
  /** Whether what is being read is in the form that nodes of reign have for each other. */
  #javascript = false

  constructor(context: DecodeContext) {
    super(context)
    this.#atoms = context.atoms
    this.#text = context.binaries === 'text'
  }

  /**
   * Takes up the bytes from `start` to before `end`, and starts to count terms anew. The terms read do not refer to the bytes,
   * but for large binaries where the context has it so.
   *
   * @param atoms What the atom cache references of these terms stand for; outside of a frame with a header there are none.
   */
  load(bytes: Uint8Array, start: number, end: number, atoms?: readonly KnownAtom[]): void {
    this.take(bytes, start, end)
    this.setFrameAtoms(atoms)
    this.termsLeft = this.context.termCountMax
  }

  /** Lets go of the loaded bytes, which otherwise stay in memory until others are loaded. */
  release(): void {
    const { position } = this
    this.take(noBytes, 0, 0)
    this.position = position
    this.setFrameAtoms()
  }

  /**
   * Reads the term at {@link position}, which has no version byte, and moves behind it.
   *
   * @throws `TermError` with the `byteOffset`: `ERR_REIGN_TERM_TRUNCATED` (more is announced than there is),
   * `ERR_REIGN_TERM_TAG` (no term starts like this), `ERR_REIGN_TERM_INVALID` (Erlang has no such term), `ERR_REIGN_TERM_DEPTH`,
   * `ERR_REIGN_TERM_TOO_LARGE`, `ERR_REIGN_ATOM_LIMIT`. Nothing of the term has had an effect then, but for atoms counted.
   */
  read(): unknown {
    this.depth = 0
    this.#exact = this.context.floats === 'exact'
    try {
      this.claim(1, 0)
      return this.value(0)
    } catch (error) {
      if (!isStackOverflow(error)) throw error
      throw this.error('ERR_REIGN_TERM_DEPTH', 'the call stack is too full to decode a term of this depth')
    }
  }

  /** Reads the term at {@link position} in the form that the context has for payloads. @throws as {@link read}. */
  readPayload(): unknown {
    if (!this.context.javascript) return this.read()
    this.#javascript = true
    try {
      return this.read()
    } finally {
      this.#javascript = false
    }
  }

  /**
   * Reads the reference at {@link position} that a signal is about; `undefined` when another term stands there.
   *
   * @throws as {@link read}.
   */
  readSignalRef(): Ref | undefined {
    this.claim(1, 0)
    const tag = this.u8()
    return tag === 90 || tag === 114 || tag === 101 ? this.ref(tag, true) : undefined
  }

  /** @internal */
  protected override value(owed: number): unknown {
    const tag = this.u8()
    // Literals, not the names of tags.ts: only these compile to a jump.
    switch (tag) {
      case 119: // SMALL_ATOM_UTF8_EXT
      case 118: // ATOM_UTF8_EXT
      case 115: // SMALL_ATOM_EXT
      case 100: // ATOM_EXT
        return this.atom(tag).value
      case 82: // ATOM_CACHE_REF
        return this.frameAtom().value
      case 97: // SMALL_INTEGER_EXT
        return this.u8()
      case 98: // INTEGER_EXT
        return this.u32() | 0
      case 109: // BINARY_EXT
        return this.#binary()
      case 104: // SMALL_TUPLE_EXT
        return this.#tuple(this.u8(), owed)
      case 105: // LARGE_TUPLE_EXT
        return this.#tuple(this.u32(), owed)
      case 106: // NIL_EXT
        return []
      case 107: // STRING_EXT
        return this.#byteList()
      case 108: // LIST_EXT
        return this.#list(owed)
      case 116: // MAP_EXT
        return this.#javascript ? this.anyMap(owed) : this.#map(owed)
      case 70: // NEW_FLOAT_EXT
        return this.#float(floatOf(this.u32(), this.u32()))
      case 99: // FLOAT_EXT
        return this.#float(floatOfText(this.bytes, this.skip(floatTextBytes), floatTextBytes))
      case 110: // SMALL_BIG_EXT
        return this.#integer(this.u8())
      case 111: // LARGE_BIG_EXT
        return this.#integer(this.u32())
      case 77: // BIT_BINARY_EXT
        return this.#bits()
      case 88: // NEW_PID_EXT
      case 103: // PID_EXT
        return this.address(tag)
      case 90: // NEWER_REFERENCE_EXT
      case 114: // NEW_REFERENCE_EXT
      case 101: // REFERENCE_EXT
        return this.ref(tag)
      case 120: // V4_PORT_EXT
      case 89: // NEW_PORT_EXT
      case 102: // PORT_EXT
        return this.port(tag)
      case 112: // NEW_FUN_EXT
        return this.#fun(owed)
      case 113: // EXPORT_EXT
        return this.#export()
      default:
        if (!this.#javascript) throw this.unknownTag(tag)
        return this.ofJavaScript(tag, owed)
    }
  }

  #binary(): unknown {
    const length = this.u32()
    return this.#bytes(this.skip(length), length)
  }

  #bytes(start: number, length: number): string | Uint8Array {
    const text = this.#text || this.#javascript ? textOf(this.bytes, start, length) : undefined
    if (text !== undefined) return text
    if (this.#javascript) throw this.invalid('a text that is not UTF-8')
    return this.rawBytes(start, length)
  }

  #bits(): unknown {
    const length = this.u32()
    const lastBits = this.u8()
    // None of a byte, and no byte: as Erlang takes it, who never writes it so.
    if ((length === 0) !== (lastBits === 0) || lastBits > 8) throw this.invalid('a bit string of no bits')
    const start = this.skip(length)
    return lastBits < 8 && length > 0
      ? new Bits(copyOf(this.bytes, start, length), lastBits)
      : this.#bytes(start, length)
  }

  #integer(length: number): number | bigint {
    const sign = this.u8()
    if (length > this.context.bigintBytesMax) {
      throw this.tooLarge(`an integer of ${length} bytes; the limit is ${this.context.bigintBytesMax}`)
    }
    return integerOf(this.bytes, this.skip(length), length, sign !== 0)
  }

  #float(value: number | undefined): number | Float {
    if (this.#javascript && value !== undefined) return value
    if (value === undefined || !Number.isFinite(value)) throw this.invalid('a float that is no finite number')
    return this.#exact && Number.isInteger(value) ? new Float(value) : value
  }

  #tuple(arity: number, owed: number): Tuple {
    if (arity > tupleArityMax) throw this.invalid(`a tuple of ${arity} elements`)
    this.claim(arity, owed)
    this.enter()
    const tuple = Tuple.ofLength(arity)
    for (let i = 0; i < arity; i++) tuple[i] = this.value(owed + arity - i - 1)
    this.depth--
    return tuple
  }

  #byteList(): number[] {
    const list: number[] = []
    this.#appendBytes(list)
    return list
  }

  #appendBytes(list: unknown[]): void {
    const length = this.u16()
    const start = this.skip(length)
    this.count(length)
    const bytes = this.bytes
    for (let i = 0; i < length; i++) list.push(bytes[start + i])
  }

  #list(owed: number): unknown {
    const length = this.u32()
    this.claim(length, owed + 1)
    this.enter()
    // Past some length, V8 makes of this a slow dictionary.
    const list: unknown[] = length < 0x100_0000 ? new Array(length) : []
    for (let i = 0; i < length; i++) list[i] = this.value(owed + length - i)
    const whole =
      this.bytes[this.position] === 106 && this.position < this.end ? this.#nil(list) : this.#tail(list, owed)
    this.depth--
    return whole
  }

  #nil(list: unknown[]): unknown[] {
    this.position++
    return list
  }

  /** What follows the elements of a list: more of it, in as many pieces as somebody liked, and then `[]` or the tail. */
  #tail(list: unknown[], owed: number): unknown {
    for (;;) {
      const tag = this.u8()
      if (tag === 106) return list
      if (tag === 107) {
        this.#appendBytes(list)
        return list
      }
      if (tag !== 108) {
        this.position--
        const tail = this.value(owed)
        return list.length === 0 ? tail : new ImproperList(list, tail)
      }
      const length = this.u32()
      this.claim(length, owed + 1)
      for (let i = 0; i < length; i++) list.push(this.value(owed + length - i))
    }
  }

  #map(owed: number): object {
    const pairs = this.u32()
    this.claim(pairs * 2, owed)
    this.enter()
    const object: Record<string, unknown> = {}
    const stamp = ++this.#atoms.stamps.last
    for (let i = 0; i < pairs; i++) {
      const tag = this.u8()
      const known = this.keyAtom(tag)
      if (known === undefined) {
        this.position--
        return this.#mixedMap(toMap(object), pairs - i, owed)
      }
      // An older stamp proves that the key is new here. A newer one may also come from a map inside of this one.
      if (known.stamp >= stamp && Object.hasOwn(object, known.name)) throw this.sameKey()
      known.stamp = stamp
      const value = this.value(owed + (pairs - i) * 2 - 2)
      if (known.hazardous) setEntry(object, known.name, value)
      else object[known.name] = value
    }
    this.depth--
    return object
  }

  #mixedMap(map: Map<unknown, unknown>, pairsLeft: number, owed: number): Map<unknown, unknown> {
    const seen = new Set<string>()
    const exact = this.#exact
    for (let left = pairsLeft; left > 0; left--) {
      const start = this.position
      const termsBefore = this.termsLeft
      // `1` and `1.0` are two keys in Erlang, so within keys floats are told from integers in any case.
      this.#exact = true
      const key = this.value(owed + left * 2 - 1)
      this.#exact = exact
      if (hasIdentity(key)) {
        if (map.has(key)) throw this.sameKey()
      } else if (map.size > 0 || left > 1) {
        // To compare a key is to walk it again, at each level of keys within keys: so it counts again.
        this.count(termsBefore - this.termsLeft + ((this.position - start) >>> 4))
        const text = keyText(key)
        if (seen.has(text)) throw this.sameKey()
        seen.add(text)
      }
      map.set(key, this.value(owed + left * 2 - 2))
    }
    this.depth--
    return map
  }

  #export(): ExportFun {
    const module = this.atomName()
    const name = this.atomName()
    const tag = this.u8()
    const arity = tag === 97 ? this.u8() : tag === 98 ? this.u32() | 0 : -1
    if (arity < 0) throw this.invalid('a fun whose arity is no natural number')
    return new ExportFun(module, name, arity)
  }

  #fun(owed: number): Fun {
    // The size, for nodes that skip funs. It says nothing new, and OTP does not look at it either.
    this.skip(4)
    this.enter()
    // Nobody here looks into a fun, so what is in it is kept just as it is.
    const exact = this.#exact
    this.#exact = true
    const arity = this.u8()
    const uniq = copyOf(this.bytes, this.skip(uniqBytes), uniqBytes)
    const index = this.u32()
    const freeCount = this.u32()
    this.claim(freeCount, owed)
    const module = this.atomName()
    const oldIndex = this.value(owed)
    const oldUniq = this.value(owed)
    const creator = this.value(owed)
    if (typeof oldIndex !== 'number' || typeof oldUniq !== 'number' || !(creator instanceof Address)) {
      throw this.invalid('a fun with parts of the wrong kind')
    }
    const free: unknown[] = []
    for (let i = 0; i < freeCount; i++) free.push(this.value(owed + freeCount - i - 1))
    this.#exact = exact
    this.depth--
    return new Fun({ module, arity, uniq, index, oldIndex, oldUniq, creator, free })
  }
}

/** Whether two keys are the same term exactly when JavaScript takes them for the same: numbers, texts, atoms, addresses. */
function hasIdentity(key: unknown): boolean {
  return typeof key !== 'object' || key === null || key instanceof Address || key instanceof Ref
}
