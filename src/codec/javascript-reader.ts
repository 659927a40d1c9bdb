/**
 * Reading what nodes of reign write to each other beside the terms of Erlang, and the bounds that hold for all that is read.
 *
 * Format: docs/wire.md, "Payloads". What is inside of these values may be any term: {@link TermReader} knows those.
 */
import type { TermError } from '../errors.js'
import { Float } from '../term/float.js'
import { copyOf, keptBytes } from './copy.js'
import { floatOf } from './decode-number.js'
import { setEntry } from './decode-object.js'
import { bytesWeight } from './encode-bytes.js'
import { longKeyMark } from './encode-text.js'
import { IdentityReader } from './identity-reader.js'
import { errorOfParts, errorPartCount } from './javascript-errors.js'
import { objectWeight } from './javascript-tags.js'
import { viewOf } from './javascript-views.js'
import { KeyCache, type KnownKey } from './key-cache.js'

/** See the head of this file. Methods that start behind a tag take `owed` as those of `TermReader` do. */
export abstract class JavaScriptReader extends IdentityReader {
  /** @internal How many terms more may come. */
  protected termsLeft = 0
  /** @internal In how many terms the one that is being read is nested. */
  protected depth = 0
  #keys: KeyCache | undefined

  /** @internal Any term or value, from its tag on. */
  protected abstract value(owed: number): unknown

  /** @internal The value behind a tag that ETF does not have. */
  protected ofJavaScript(tag: number, owed: number): unknown {
    switch (tag) {
      case 79: // an object
        return this.#object(owed)
      case 66: // bytes
        return this.#longBytes()
      case 67: // what a codec of others has written
        return this.#ofCodec()
      case 84: // a date
        this.count(objectWeight)
        return new Date(floatOf(this.u32(), this.u32()))
      case 83: // a Set
        return this.#set(owed)
      case 71: // a bigint that would be a number
        return this.#bigint(owed)
      case 72: // a Float
        return new Float(floatOf(this.u32(), this.u32()))
      case 86: // a typed array, a DataView or an ArrayBuffer
        return this.#view()
      case 87: // an Error
        return this.#thrown(owed)
      default:
        throw this.unknownTag(tag)
    }
  }

  #object(owed: number): object {
    const pairs = this.u32()
    this.claim(pairs * 2, owed)
    this.enter()
    const object: Record<string, unknown> = {}
    const keys = (this.#keys ??= new KeyCache())
    const stamp = ++keys.objectsRead
    for (let i = 0; i < pairs; i++) {
      const known = this.#key(keys)
      // As in a map: an older stamp proves that the key is new here.
      if (known.stamp >= stamp && Object.hasOwn(object, known.name)) throw this.sameKey()
      known.stamp = stamp
      const value = this.value(owed + (pairs - i) * 2 - 2)
      if (known.hazardous) setEntry(object, known.name, value)
      else object[known.name] = value
    }
    this.depth--
    return object
  }

  #key(keys: KeyCache): KnownKey {
    let length = this.u8()
    if (length === longKeyMark) length = this.u32()
    const known = keys.meet(this.bytes, this.skip(length), length)
    if (known === undefined) throw this.invalid('a key that is not UTF-8')
    return known
  }

  /** @internal A map with keys of any kind. */
  protected anyMap(owed: number): Map<unknown, unknown> {
    const pairs = this.u32()
    this.claim(pairs * 2, owed)
    this.enter()
    const map = new Map<unknown, unknown>()
    for (let left = pairs; left > 0; left--) {
      const key = this.value(owed + left * 2 - 1)
      map.set(key, this.value(owed + left * 2 - 2))
    }
    if (map.size !== pairs) throw this.sameKey()
    this.depth--
    return map
  }

  #set(owed: number): Set<unknown> {
    const size = this.u32()
    this.claim(size, owed)
    this.enter()
    const set = new Set<unknown>()
    for (let i = 0; i < size; i++) set.add(this.value(owed + size - i - 1))
    if (set.size !== size) throw this.invalid('a Set that has the same element twice')
    this.depth--
    return set
  }

  #longBytes(): Uint8Array {
    const length = this.u32()
    return this.rawBytes(this.skip(length), length)
  }

  #bigint(owed: number): bigint {
    this.claim(1, owed)
    const value = this.value(owed)
    if (typeof value !== 'number' || !Number.isSafeInteger(value))
      throw this.invalid('a bigint that is no small integer')
    return BigInt(value)
  }

  #view(): ArrayBuffer | ArrayBufferView {
    this.count(objectWeight)
    const kind = this.u8()
    const length = this.u32()
    const view = viewOf(copyOf(this.bytes, this.skip(length), length), kind)
    if (view === undefined) throw this.invalid(`a view of kind ${kind} of ${length} bytes`)
    return view
  }

  #thrown(owed: number): Error {
    this.count(objectWeight)
    const kind = this.u8()
    this.claim(errorPartCount, owed)
    this.enter()
    const parts: unknown[] = []
    for (let left = errorPartCount; left > 0; left--) parts.push(this.value(owed + left - 1))
    this.depth--
    const error = errorOfParts(kind, parts)
    if (error === undefined) throw this.invalid('an error with parts of the wrong kind')
    return error
  }

  #ofCodec(): unknown {
    this.count(objectWeight)
    const length = this.u32()
    const start = this.skip(length)
    const { codec } = this.context
    if (codec === undefined) throw this.invalid('what a codec has written, where none was agreed on')
    return codec.decode(keptBytes(this.bytes, start, length))
  }

  /** @internal Bytes of the message, as the context has it: copied, or kept with it. */
  protected rawBytes(start: number, length: number): Uint8Array {
    this.count(bytesWeight - 1)
    return this.context.memory !== 'shared' ? copyOf(this.bytes, start, length) : keptBytes(this.bytes, start, length)
  }

  /** @internal Checks that so many terms may follow, with those that are owed after them, before anything is made for them. */
  protected claim(terms: number, owed: number): void {
    if (terms > this.end - this.position - owed) throw this.truncated()
    this.count(terms)
  }

  /** @internal */
  protected count(terms: number): void {
    this.termsLeft -= terms
    if (this.termsLeft < 0) throw this.tooLarge(`more than ${this.context.termCountMax} terms`)
  }

  /** @internal */
  protected enter(): void {
    if (++this.depth > this.context.depthMax) {
      throw this.error('ERR_REIGN_TERM_DEPTH', `nested more than ${this.context.depthMax} levels deep`)
    }
  }

  /** @internal */
  protected sameKey(): TermError {
    return this.invalid('a map that has the same key twice')
  }

  /** @internal */
  protected unknownTag(tag: number): TermError {
    this.position--
    const what = tag === 80 ? 'a compressed term is refused here' : `no term starts with the byte ${tag}`
    return this.error('ERR_REIGN_TERM_TAG', what)
  }
}
