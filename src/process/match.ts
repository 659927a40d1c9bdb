/**
 * Patterns: plain data that a message is compared with, and the types that a match narrows to.
 *
 * The part of Erlang's `receive` that TypeScript can check: `{ type: 'said' }` accepts every message whose `type` is
 * `'said'`, whatever else it holds, and its type narrows to those members of the union.
 */

import { sameTerm } from '../term/equal.js'
import { isTuple } from '../term/tuple.js'
import type { Down, Exit } from './notices.js'

/** The pattern that accepts anything: Erlang's `_`. `tuple(atom('pong'), any)` accepts every pair that begins with `pong`. */
export const any: Any = Symbol('any') as Any

declare const anyBrand: unique symbol
/** The type of {@link any}. */
export type Any = symbol & { readonly [anyBrand]: true }

/** What may stand for a message of type `M` in a pattern: the value itself, {@link any}, or a part of its structure. */
export type Pattern<M> =
  | Any
  | (M extends readonly unknown[]
      ? { readonly [I in keyof M]: Pattern<M[I]> }
      : M extends (...args: never[]) => unknown
        ? never
        : M extends object
          ? { readonly [K in keyof M]?: Pattern<M[K]> } | M
          : M)

/**
 * Whether a value of type `V` can be accepted by a pattern of type `P`: `false` if never. Where either is a union the answer is
 * that of each of its members, so `boolean` if some can: ask with {@link Can}.
 */
type Fits<V, P> = P extends Any
  ? true
  : P extends readonly unknown[]
    ? V extends readonly unknown[]
      ? V['length'] extends P['length']
        ? AllCan<{ [I in keyof P]: I extends keyof V ? Can<Fits<V[I], P[I]>> : false }>
        : P['length'] extends V['length']
          ? AllCan<{ [I in keyof P]: I extends keyof V ? Can<Fits<V[I], P[I]>> : false }>
          : false
      : false
    : P extends object
      ? P extends V
        ? true
        : V extends object
          ? false extends { [K in keyof P]: K extends keyof V ? Can<Fits<V[K], P[K]>> : false }[keyof P]
            ? false
            : true
          : false
      : [P] extends [V]
        ? true
        : [V] extends [P]
          ? true
          : false

type Can<F> = true extends F ? true : false

type AllCan<T extends readonly unknown[]> = false extends T[number] ? false : true

type Notice = Down | Exit

type Members<M, P> = M extends unknown ? (true extends Fits<M, P> ? M : never) : never

/**
 * The members of the union `M` that a message accepted by the pattern `P` can be. Where nothing is known of the messages, those
 * of the runtime itself are known all the same: `{ type: 'DOWN' }` gives a `Down`.
 */
export type Matched<M, P> = unknown extends M
  ? P extends { readonly type: Notice['type'] }
    ? Members<Notice, P>
    : M
  : Members<M, P>

/**
 * Whether `pattern` accepts `value`.
 *
 * Objects: every property of the pattern must be accepted; others do not matter. Arrays: same length, element by element;
 * a tuple accepts only tuples, a plain array both. Everything else: the same term. Cost: the size of the pattern.
 */
export function accepts(pattern: unknown, value: unknown): boolean {
  if (pattern === value || pattern === any) return true
  if (typeof pattern !== 'object' || pattern === null) return Object.is(pattern, value)
  if (typeof value !== 'object' || value === null) return false
  if (Array.isArray(pattern)) {
    if (!Array.isArray(value) || value.length !== pattern.length) return false
    if (isTuple(pattern) && !isTuple(value)) return false
    for (let i = 0; i < pattern.length; i++) if (!accepts(pattern[i], value[i])) return false
    return true
  }
  const prototype = Object.getPrototypeOf(pattern)
  if (prototype !== Object.prototype && prototype !== null) return sameTerm(pattern, value)
  for (const key of Object.keys(pattern)) {
    if (!accepts((pattern as Record<string, unknown>)[key], (value as Record<string, unknown>)[key])) return false
  }
  return true
}
