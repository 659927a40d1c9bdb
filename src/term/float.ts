/** Floats that JavaScript would take for integers: `1.0` and `1` are different terms in Erlang. */

import { refused } from '../arguments.js'

/** A float that stays one on the wire, whatever its value. Works in arithmetic, as `valueOf` is its number. */
export class Float {
  readonly value: number
  constructor(value: number) {
    if (typeof value !== 'number') throw refused('a float is a number', value)
    this.value = value
  }
  valueOf(): number {
    return this.value
  }
  toString(): string {
    if (Object.is(this.value, -0)) return '-0.0'
    return Number.isInteger(this.value) ? this.value.toFixed(1) : String(this.value)
  }
  toJSON(): number {
    return this.value
  }
}

/** `float(1)` is Erlang's `1.0`; a plain `1` is Erlang's integer. A number with a fraction needs no wrapper. */
export function float(value: number): Float {
  return new Float(value)
}
