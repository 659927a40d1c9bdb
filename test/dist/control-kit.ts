/** What the tests of control messages share: a node to decode for, and frames made by hand. */
import { readFileSync } from 'node:fs'
import { AtomBudget } from '../../src/codec/atom-budget.js'
import { type DecodeContext, TermReader } from '../../src/codec/decode.js'
import { encodeTerm } from '../../src/codec/encode.js'
import { Writer } from '../../src/codec/writer.js'
import {
  type ControlContext,
  ControlReader,
  type ControlReaderOptions,
  controlContext,
  encodeSignal,
  type ShortSends,
} from '../../src/dist/control.js'
import { hiddenFlags } from '../../src/dist/flags.js'
import { systemEntropy } from '../../src/entropy.js'
import { defaultLimits } from '../../src/limits.js'
import type { Signal } from '../../src/signal.js'
import type { Address, Entrance } from '../../src/term/address.js'
import { AddressBook } from '../../src/term/address-book.js'
import { Incarnation } from '../../src/term/incarnation.js'
import { Tuple } from '../../src/term/tuple.js'

const nowhere: Entrance = { deliver: () => true, drained: () => Promise.resolve(), leaves: () => {} }
export const book: AddressBook = new AddressBook(
  new Incarnation('js1@127.0.0.1', 1_795_486_958),
  { local: () => undefined, gone: nowhere, route: () => nowhere },
  systemEntropy,
)

/** The run of the peer in most tests. */
export const peer = { node: 'x@127.0.0.1', creation: 1_795_486_954 }

export const there = (id: number): Address<never> => book.address(peer.node, id, 0, peer.creation)
export const here = (id: number): Address<never> => book.address(book.self.node, id, 0, book.self.creation)

export const decoding: DecodeContext = {
  address: (node, id, serial, creation) => book.address(node, id, serial, creation),
  ref: (node, creation, words) => book.ref(node, creation, words),
  atoms: new AtomBudget(),
  binaries: 'text',
  // So that what is decoded and encoded again has the same bytes, whatever is in it.
  floats: 'exact',
  depthMax: defaultLimits.termDepthMax,
  termCountMax: defaultLimits.termCountMax,
  bigintBytesMax: defaultLimits.bigintBytesMax,
}

export const newForms: ControlContext = controlContext(book, hiddenFlags)
export const oldForms: ControlContext = controlContext(book, 0n)

/** What short messages stand for: from the first process of the peer, to any of ours. */
export const short: ShortSends = {
  from: there(1),
  to: (id, serial) => book.address(book.self.node, id, serial, book.self.creation),
}

export function controlReader(options: ControlReaderOptions = {}): ControlReader {
  return new ControlReader(new TermReader(decoding), { short, ...options })
}

/** Reads a whole frame. */
export function read(frame: Uint8Array, options: ControlReaderOptions = {}): Signal | undefined {
  return controlReader(options).read(frame, 0, frame.length)
}

/** The frame of a signal. */
export function written(signal: Signal, context: ControlContext = newForms): Buffer {
  const writer = new Writer(16)
  encodeSignal(writer, signal, context)
  return bytesOf(writer)
}

export function bytesOf(writer: Writer): Buffer {
  return Buffer.from(writer.buffer.subarray(0, writer.length))
}

/** A frame of these elements, made without any knowledge of control messages. */
export function frame(elements: readonly unknown[], ...payloads: readonly unknown[]): Buffer {
  const writer = new Writer(64)
  writer.u8(112)
  const tuple = Tuple.ofLength(elements.length)
  for (const [i, element] of elements.entries()) tuple[i] = element
  for (const term of [tuple, ...payloads]) {
    writer.u8(131)
    encodeTerm(writer, term, newForms)
  }
  return bytesOf(writer)
}

/** A frame that was captured. */
export interface CapturedFrame {
  readonly dir: 'otp>node' | 'node>otp'
  /** The control tuple as Erlang prints it. */
  readonly control: string
  readonly hex: string
}

const vectors = JSON.parse(
  readFileSync(new URL('../vectors/handshake-vectors.json', import.meta.url), 'utf8'),
) as Record<string, unknown>
const framesOf = (name: string): CapturedFrame[] => {
  const section = vectors[name] as CapturedFrame[] | { frames: CapturedFrame[] }
  return Array.isArray(section) ? section : section.frames
}

/** Captured between OTP 25 and a node that offered all that reign offers; by far the most. */
export const passThroughFrames: CapturedFrame[] = framesOf('control_pass_through')
/** Captured with a peer that offered only the mandatory flags. */
export const legacyFrames: CapturedFrame[] = framesOf('control_legacy')
export const pgFrames: CapturedFrame[] = framesOf('pg')
export const visibleFrames: CapturedFrame[] = framesOf('visible_node_unsolicited')
/** Frames with a distribution header, each list in the order in which one connection brought them. */
export const headerFrames: readonly CapturedFrame[][] = [
  framesOf('control_distribution_header'),
  framesOf('control_header_without_cache'),
]
/** Four frames that OTP accepted: a message in three fragments, and another between two of them. */
export const fragmentFrames: { readonly hex: string }[] = framesOf('fragments_to_otp')

export const opOf = ({ control }: CapturedFrame): number => Number(/^\{(\d+)/.exec(control)?.[1])

/** A small generator of numbers, the same in every run. */
export function seeded(seed: number): (below: number) => number {
  let state = seed >>> 0
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 0x1_0000_0000) * below)
  }
}
