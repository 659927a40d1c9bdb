/** Erlang's funs: inert data here, kept so that they come back to Erlang as they left. Nothing in them is ever run. */
import { check } from '../arguments.js'
import type { Address } from './address.js'

/** An external fun, Erlang's `fun lists:map/2`: the name of a function. */
export class ExportFun {
  readonly module: string
  readonly function: string
  readonly arity: number

  /** @throws `ERR_REIGN_ARGUMENT` for names that are no texts, and an arity that is no natural number. */
  constructor(module: string, name: string, arity: number) {
    check(typeof module === 'string', 'the module of a fun is a text', module)
    check(typeof name === 'string', 'the function of a fun is a text', name)
    check(Number.isInteger(arity) && arity >= 0, 'the arity of a fun is a natural number', arity)
    this.module = module
    this.function = name
    this.arity = arity
  }

  toString(): string {
    return `fun ${this.module}:${this.function}/${this.arity}`
  }
}

/** A closure of an Erlang node: opaque; only its own node (or one with the same module loaded) can call it. */
export class Fun {
  /** The module that the closure was compiled in. */
  readonly module: string
  readonly arity: number
  /** @internal The 16 bytes that identify the version of the module. */
  readonly uniq: Uint8Array
  /** @internal */
  readonly index: number
  /** @internal */
  readonly oldIndex: number
  /** @internal */
  readonly oldUniq: number
  /** @internal */
  readonly creator: Address<never>
  /** @internal The values that it closed over. */
  readonly free: readonly unknown[]

  /** @internal Funs come from nodes of Erlang. */
  constructor(parts: {
    module: string
    arity: number
    uniq: Uint8Array
    index: number
    oldIndex: number
    oldUniq: number
    creator: Address<never>
    free: readonly unknown[]
  }) {
    this.module = parts.module
    this.arity = parts.arity
    this.uniq = parts.uniq
    this.index = parts.index
    this.oldIndex = parts.oldIndex
    this.oldUniq = parts.oldUniq
    this.creator = parts.creator
    this.free = parts.free
  }
}
