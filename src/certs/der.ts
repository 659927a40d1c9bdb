/**
 * Reads DER (X.690), as far as revocation lists need it: one element after the other, from bytes that an operator has named.
 *
 * Strict where a lax reader could be led to see something else than OpenSSL does: lengths are definite and as short as can be, an
 * element ends within its parent, and nothing recurses: the caller says what it expects, level by level.
 */

/** The tags that occur there. */
export const tag = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** `[0]`, explicit. */
  context0: 0xa0,
} as const

/** What stands where something else should. The text says which part, never the bytes. */
export class DerError extends Error {
  override readonly name = 'DerError'
}

/** One element: its tag, and where it is. */
export interface DerElement {
  readonly tag: number
  /** With the tag and the length. */
  readonly whole: Uint8Array
  /** Without. */
  readonly contents: Uint8Array
}

/** See the head of this file. */
export class DerReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** Whether all has been read. */
  get done(): boolean {
    return this.#at === this.#bytes.length
  }

  /** Whether an element with one of these tags is next. */
  nextIs(...tags: readonly number[]): boolean {
    const next = this.#bytes[this.#at]
    return next !== undefined && tags.includes(next)
  }

  /**
   * The next element, which must have one of these tags.
   *
   * @param what What it is, for the error.
   */
  next(what: string, ...tags: readonly number[]): DerElement {
    const start = this.#at
    const found = this.#byte(what)
    if (!tags.includes(found)) throw new DerError(`${what} is not what it should be`)
    const length = this.#length(what)
    const begin = this.#at
    if (length > this.#bytes.length - begin) throw new DerError(`${what} is cut off`)
    this.#at = begin + length
    return {
      tag: found,
      whole: this.#bytes.subarray(start, this.#at),
      contents: this.#bytes.subarray(begin, this.#at),
    }
  }

  /** The next element, as something to be read in turn. */
  enter(what: string, one: number): DerReader {
    return new DerReader(this.next(what, one).contents)
  }

  /** To be called where nothing may follow. */
  end(what: string): void {
    if (!this.done) throw new DerError(`something follows ${what}`)
  }

  #length(what: string): number {
    const first = this.#byte(what)
    if (first < 0x80) return first
    const count = first & 0x7f
    if (count === 0 || count > 4) throw new DerError(`${what} has a length that is not DER`)
    let length = 0
    for (let index = 0; index < count; index++) length = length * 0x100 + this.#byte(what)
    if (length < (count === 1 ? 0x80 : 0x100 ** (count - 1))) throw new DerError(`${what} has a length that is not DER`)
    return length
  }

  #byte(what: string): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw new DerError(`${what} is missing`)
    this.#at++
    return byte
  }
}

/** An integer, of any size. */
export function derInteger({ contents }: DerElement): bigint {
  if (contents.length === 0) throw new DerError('an integer is empty')
  const unsigned = BigInt(`0x${Buffer.from(contents).toString('hex')}`)
  return BigInt.asIntN(contents.length * 8, unsigned)
}

/** A time, in milliseconds since 1970; X.509 has them in whole seconds of UTC. */
export function derTime({ tag: kind, contents }: DerElement): number {
  const text = Buffer.from(contents).toString('latin1')
  const digits = kind === tag.utcTime ? /^(\d{2})(\d{10})Z$/.exec(text) : /^(\d{4})(\d{10})Z$/.exec(text)
  if (digits === null) throw new DerError('a time is not what it should be')
  const [, yearText = '', rest = ''] = digits
  const short = Number(yearText)
  const year = kind === tag.utcTime ? short + (short < 50 ? 2000 : 1900) : short
  const [month = 0, day = 0, hour = 0, minute = 0, second = 0] = Array.from(rest.matchAll(/\d\d/g), ([two]) =>
    Number(two),
  )
  const time = Date.UTC(year, month - 1, day, hour, minute, second)
  // The thirteenth month, or 30 February, would be another day.
  if (new Date(time).toISOString().replace(/[-T:]/g, '').slice(4, 14) !== rest) {
    throw new DerError('a time is not what it should be')
  }
  return time
}
