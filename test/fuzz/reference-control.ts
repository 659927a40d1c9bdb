/**
 * A second reader of control messages, slow and plain, to compare the real one with: it makes the terms first, and then looks up in a
 * table what they have to be. Written from the protocol's description, and not from the other's source.
 */
import { type DecodeContext, TermReader } from '../../src/codec/decode.js'
import type { Signal } from '../../src/signal.js'
import { Address } from '../../src/term/address.js'
import { Ref } from '../../src/term/ref.js'
import { Tuple } from '../../src/term/tuple.js'
import { ofPeer, ofSelf, peer } from './fuzz-node.js'

/** What an element may be. `of the peer`: of the run that is connected; `ever`: of any run of it, as answers are. */
export type Kind =
  | 'any'
  | 'pid'
  | 'pid of the peer'
  | 'pid of the peer, ever'
  | 'reference'
  | 'reference of the peer'
  | 'atom'
  | 'pid or atom'
  | 'pid of the peer or atom'
  | 'pid of the peer, ever, or atom'
  | 'unlink id'
  | 'flags'
  | 'process number'
  | 'function'
  | 'list'

/** A control message: its elements after the number, and whether a payload follows. */
export interface Form {
  readonly elements: readonly Kind[]
  readonly payload?: Kind
  /** The signal of these elements; `undefined` where it asks for nothing. */
  signal(elements: readonly never[], payload: never): Signal | undefined
}

const from: Kind = 'pid of the peer'
const answerer: Kind = 'pid of the peer, ever'
/** Who answers, and is believed of its own processes alone. */
const by = peer.node

// biome-ignore lint/suspicious/noExplicitAny: the elements have been checked by their kinds
type Elements = readonly any[]

function exit(op: 'exit' | 'link-exit', sender: Kind, traced: boolean, payload: boolean): Form {
  const token: Kind[] = traced ? ['any'] : []
  return payload
    ? {
        elements: [sender, 'pid', ...token],
        payload: 'any',
        signal: ([a, b]: Elements, reason) => ({ op, from: a, to: b, reason }),
      }
    : {
        elements: [sender, 'pid', ...token, 'any'],
        signal: ([a, b, ...rest]: Elements) => ({ op, from: a, to: b, reason: rest.at(-1) }),
      }
}

function send(elements: readonly Kind[], signal: Form['signal']): Form {
  return { elements, payload: 'any', signal }
}

const spawn = (token: Kind[]): Form => ({
  elements: ['reference of the peer', from, 'pid', 'function', 'list', ...token],
  payload: 'list',
  signal: ([ref, a, groupLeader, called, options]: Elements, args: never) => ({
    op: 'spawn',
    ref,
    from: a,
    groupLeader,
    function: { module: nameOf(called[0]) as string, function: nameOf(called[1]) as string, arity: called[2] },
    args,
    options,
  }),
})

const spawned = (token: Kind[]): Form => ({
  elements: ['reference', 'pid', 'flags', 'pid of the peer or atom', ...token],
  signal: ([ref, to, bits, result]: Elements) => ({
    op: 'spawned',
    ref,
    to,
    linked: bits % 2 === 1,
    monitored: Math.floor(bits / 2) % 2 === 1,
    result: targetOf(result),
    by,
  }),
})

/** By number. Protocol: "Protocol between connected nodes". */
export const forms: Readonly<Record<number, Form>> = {
  1: { elements: [from, 'pid'], signal: ([a, b]: Elements) => ({ op: 'link', from: a, to: b }) },
  2: send(['any', 'pid'], ([, b]: Elements, message) => ({ op: 'message', from: undefined, to: b, message })),
  3: exit('link-exit', answerer, false, false),
  4: { elements: [from, 'pid'], signal: ([a, b]: Elements) => ({ op: 'unlink', from: a, to: b, id: 0n }) },
  5: { elements: [], signal: () => undefined },
  6: send([from, 'any', 'atom'], ([a, , c]: Elements, message) => ({
    op: 'named-message',
    from: a,
    to: targetOf(c) as symbol,
    message,
  })),
  7: { elements: ['pid', 'pid'], signal: ([a, b]: Elements) => ({ op: 'group-leader', from: a, to: b }) },
  8: exit('exit', from, false, false),
  12: send(['any', 'pid', 'any'], ([, b]: Elements, message) => ({ op: 'message', from: undefined, to: b, message })),
  13: exit('link-exit', answerer, true, false),
  16: send([from, 'any', 'atom', 'any'], ([a, , c]: Elements, message) => ({
    op: 'named-message',
    from: a,
    to: targetOf(c) as symbol,
    message,
  })),
  18: exit('exit', from, true, false),
  19: {
    elements: [from, 'pid or atom', 'reference of the peer'],
    signal: ([a, b, ref]: Elements) => ({ op: 'monitor', from: a, to: targetOf(b), ref }),
  },
  20: {
    elements: [from, 'pid or atom', 'reference of the peer'],
    signal: ([a, b, ref]: Elements) => ({ op: 'demonitor', from: a, to: targetOf(b), ref }),
  },
  21: {
    elements: ['pid of the peer, ever, or atom', 'pid', 'reference', 'any'],
    signal: ([a, b, ref, reason]: Elements) => ({ op: 'down', from: targetOf(a), to: b, ref, reason, by }),
  },
  22: send([from, 'pid'], ([a, b]: Elements, message) => ({ op: 'message', from: a, to: b, message })),
  23: send([from, 'pid', 'any'], ([a, b]: Elements, message) => ({ op: 'message', from: a, to: b, message })),
  24: exit('link-exit', answerer, false, true),
  25: exit('link-exit', answerer, true, true),
  26: exit('exit', from, false, true),
  27: exit('exit', from, true, true),
  28: {
    elements: ['pid of the peer, ever, or atom', 'pid', 'reference'],
    payload: 'any',
    signal: ([a, b, ref]: Elements, reason) => ({ op: 'down', from: targetOf(a), to: b, ref, reason, by }),
  },
  29: spawn([]),
  30: spawn(['any']),
  31: spawned([]),
  32: spawned(['any']),
  33: send([from, 'reference'], ([a, b]: Elements, message) => ({ op: 'alias-message', from: a, to: b, message })),
  34: send([from, 'reference', 'any'], ([a, b]: Elements, message) => ({
    op: 'alias-message',
    from: a,
    to: b,
    message,
  })),
  35: {
    elements: ['unlink id', from, 'pid'],
    signal: ([id, a, b]: Elements) => ({ op: 'unlink', from: a, to: b, id: BigInt(id) }),
  },
  36: {
    elements: ['unlink id', answerer, 'pid'],
    signal: ([id, a, b]: Elements) => ({ op: 'unlink-ack', from: a, to: b, id: BigInt(id) }),
  },
  // Of this library alone.
  128: send([from, 'pid or atom', 'reference of the peer'], ([a, b, ref]: Elements, request) => ({
    op: 'call',
    from: a,
    to: targetOf(b),
    ref,
    request,
  })),
  129: send([from, 'reference'], ([a, b]: Elements, value) => ({ op: 'reply', from: a, to: b, value })),
  130: send(['process number', 'process number'], ([id, serial]: Elements, message) => ({
    op: 'message',
    from: ofPeer(1, 0),
    to: ofSelf(id, serial),
    message,
  })),
}

/** Why a frame is none. */
export class NoFrame extends Error {
  override readonly name = 'NoFrame'
}

/** See the head of this file. */
export class ReferenceReader {
  readonly #terms: TermReader

  constructor(context: DecodeContext) {
    // The elements of the real reader are no elements of a tuple: they begin one level higher.
    this.#terms = new TermReader({ ...context, depthMax: context.depthMax + 1 })
  }

  /** The signal of a frame in pass-through form. @throws `NoFrame`, or a `TermError`. */
  read(bytes: Uint8Array): Signal | undefined {
    if (bytes[0] !== 112) throw new NoFrame('the mark')
    const terms: unknown[] = []
    this.#terms.load(bytes, 1, bytes.length)
    while (this.#terms.position < bytes.length) {
      if (bytes[this.#terms.position] !== 131) throw new NoFrame('a version byte')
      this.#terms.position++
      terms.push(this.#terms.read())
    }
    const [control, payload] = terms
    if (!(control instanceof Tuple) || control.length === 0) throw new NoFrame('the tuple')
    const form = typeof control[0] === 'number' ? forms[control[0]] : undefined
    if (form === undefined) throw new NoFrame('the number')
    if (terms.length !== (form.payload === undefined ? 1 : 2)) throw new NoFrame('the payload')
    const elements = [...control.slice(1)]
    if (elements.length !== form.elements.length) throw new NoFrame('the arity')
    for (const [i, kind] of form.elements.entries()) this.#check(kind, elements[i])
    if (form.payload !== undefined) this.#check(form.payload, payload)
    const signal = form.signal(elements as never[], payload as never)
    if (signal?.op === 'spawn' && signal.args.length !== signal.function.arity) throw new NoFrame('the arguments')
    return signal
  }

  #check(kind: Kind, value: unknown): void {
    if (!this.#is(kind, value)) throw new NoFrame(kind)
  }

  #is(kind: Kind, value: unknown): boolean {
    const { node, creation } = peer
    const ofPeer = value instanceof Address && value.node === node
    switch (kind) {
      case 'any':
        return true
      case 'pid':
        return value instanceof Address
      case 'pid of the peer, ever':
        return ofPeer
      case 'pid of the peer':
        return ofPeer && value.creation === creation
      case 'reference':
        return value instanceof Ref
      case 'reference of the peer':
        return value instanceof Ref && value.node === node
      case 'atom':
        return nameOf(value) !== undefined
      case 'pid or atom':
        return value instanceof Address || nameOf(value) !== undefined
      case 'pid of the peer or atom':
        return this.#is('pid of the peer', value) || nameOf(value) !== undefined
      case 'pid of the peer, ever, or atom':
        return ofPeer || nameOf(value) !== undefined
      case 'unlink id': {
        const isInteger = typeof value === 'bigint' || Number.isInteger(value)
        return isInteger && BigInt(value as number) >= 1n && BigInt(value as number) < 2n ** 64n
      }
      case 'flags':
        return Number.isInteger(value) && (value as number) >= 0
      case 'process number':
        return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32
      case 'function': {
        if (!(value instanceof Tuple) || value.length !== 3) return false
        const arity = value[2]
        const isArity = Number.isInteger(arity) && (arity as number) >= 0 && (arity as number) <= 255
        return isArity && nameOf(value[0]) !== undefined && nameOf(value[1]) !== undefined
      }
      case 'list':
        return Array.isArray(value) && !(value instanceof Tuple)
    }
  }
}

/** The name of an atom, as whatever value it came. */
function nameOf(value: unknown): string | undefined {
  if (typeof value === 'symbol') return Symbol.keyFor(value)
  return value === null || value === undefined || typeof value === 'boolean' ? String(value) : undefined
}

/** Who or what a signal is for: names are symbols there, also such as JavaScript has values for. */
function targetOf(value: unknown): Address<never> | symbol {
  return value instanceof Address ? value : Symbol.for(nameOf(value) as string)
}
