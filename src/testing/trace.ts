/**
 * What has happened in a simulation, as one short text: the same twice when everything happened twice in the same way.
 *
 * Two sums of 32 bits (FNV-1a, over different starts); this is no cryptography, and need not be: nobody forges a run.
 */

const prime = 0x01000193

/** See the head of this file. */
export class Trace {
  #one = 0x811c9dc5
  #other = 0x1b873593
  #count = 0

  /** How many things were taken down. */
  get count(): number {
    return this.#count
  }

  /** Takes something down: numbers as they are to the last bit, bytes, and texts. */
  add(...what: readonly (number | string | Uint8Array)[]): void {
    this.#count++
    for (const each of what) {
      if (typeof each === 'number') this.#number(each)
      else if (typeof each === 'string') this.#text(each)
      else this.#bytes(each)
    }
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return [this.#one, this.#other].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('')
  }

  #mix(value: number): void {
    this.#one = Math.imul(this.#one ^ value, prime)
    this.#other = Math.imul(this.#other ^ value ^ (this.#other >>> 15), prime)
  }

  #number(value: number): void {
    doubles[0] = value
    this.#mix(words[0] as number)
    this.#mix(words[1] as number)
  }

  #text(text: string): void {
    for (let i = 0; i < text.length; i++) this.#mix(text.charCodeAt(i))
    this.#mix(text.length)
  }

  #bytes(bytes: Uint8Array): void {
    const { length } = bytes
    let at = 0
    for (; at + 4 <= length; at += 4) {
      const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number, number]
      this.#mix(a | (b << 8) | (c << 16) | (d << 24))
    }
    for (; at < length; at++) this.#mix(bytes[at] as number)
    this.#mix(length)
  }
}

const doubles = new Float64Array(1)
const words = new Uint32Array(doubles.buffer)
