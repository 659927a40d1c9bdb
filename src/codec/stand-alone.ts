/**
 * Whole terms to and from bytes, outside of any connection: what Erlang's `term_to_binary` and `binary_to_term` do.
 * For files, databases, queues, ports; the wire uses the same encoder and decoder without going through here.
 */
import { types } from 'node:util'
import { check, checkNumber, checkObject, checkOneOf, refused } from '../arguments.js'
import { TermError } from '../errors.js'
import { defaultLimits } from '../limits.js'
import type { AddressBook } from '../term/address-book.js'
import { AtomBudget } from './atom-budget.js'
import type { BoundCodec } from './bound-codec.js'
import { type DecodeContext, TermReader } from './decode.js'
import { detachedBook } from './detached-book.js'
import { type EncodeContext, encodeTerm } from './encode.js'
import { inflated } from './inflate.js'
import { compressedExt, versionMagic } from './tags.js'
import { Writer } from './writer.js'

/** A node as {@link encode} and {@link decode} need it: any `Node` is one. */
export interface TermNode {
  /** @internal */
  readonly addressBook: AddressBook
}

/** Options of {@link encode}. */
export interface EncodeOptions {
  /** The node that references in the value may come back to; needed for `decode(…, { node })` to give the same objects. */
  readonly node?: TermNode
  /**
   * Whether all values of JavaScript are written as what they are (docs/terms.md), for `decode(…, { javascript: true })` and not for Erlang.
   */
  readonly javascript?: boolean
  /** @internal */
  readonly codec?: BoundCodec | undefined
  /** The most bytes to make; 1 GiB unless given. */
  readonly bytesMax?: number
  /** Levels of nesting; 1000 unless given, which take up to 600 KiB of the call stack: Node.js has 984 by default. */
  readonly depthMax?: number
  /** Terms, counting every element; 4 million unless given. */
  readonly termCountMax?: number
  /** Bytes of one big integer; 64 KiB unless given. */
  readonly bigintBytesMax?: number
}

/** Options of {@link decode}. */
export interface DecodeOptions {
  /**
   * The node that addresses and references are to belong to. Without it they are detached: they can be compared, kept and
   * encoded again, but `send` throws `ERR_REIGN_UNREACHABLE`.
   */
  readonly node?: TermNode
  /** Whether the bytes were made with `encode(…, { javascript: true })`. `binaries` and `floats` then say nothing. */
  readonly javascript?: boolean
  /** @internal */
  readonly codec?: BoundCodec | undefined
  /** `'text'` (unless given otherwise): a binary that is valid UTF-8 becomes a string. `'bytes'`: none does. */
  readonly binaries?: 'text' | 'bytes'
  /** `'number'` (unless given otherwise): floats become numbers. `'exact'`: integral ones become a `Float`. */
  readonly floats?: 'number' | 'exact'
  /** What counts the atoms of strangers; one for the whole program unless given. */
  readonly atoms?: AtomBudget
  /** Levels of nesting; 1000 unless given, which take up to 600 KiB of the call stack: Node.js has 984 by default. */
  readonly depthMax?: number
  /** Terms, counting every element; 4 million unless given. */
  readonly termCountMax?: number
  /** Bytes of one big integer; 64 KiB unless given. */
  readonly bigintBytesMax?: number
  /** Bytes that a compressed term may have once inflated; 64 MiB unless given. */
  readonly inflatedBytesMax?: number
}

const withoutNode: EncodeContext = { refLeaves: () => undefined }
const bytesMaxDefault = 1024 * 1024 * 1024
const inflatedBytesMaxDefault = 64 * 1024 * 1024
/** A buffer that grew past this for one large term is not kept for the next. */
const keptBytesMax = 256 * 1024

let sharedWriter = new Writer()
let sharedAtoms: AtomBudget | undefined
let sharedReader: TermReader | undefined

/**
 * The bytes of a term, as Erlang's `binary_to_term/1` reads them. docs/terms.md says what becomes what.
 *
 * @returns A `Buffer`; a small one is part of Node's pool, as those of `Buffer.from` are, so take care with its `.buffer`.
 * @throws `TermError` with the `path` of what cannot be encoded: `ERR_REIGN_TERM_UNSUPPORTED`, `ERR_REIGN_TERM_DEPTH`,
 * `ERR_REIGN_TERM_TOO_LARGE`.
 */
export function encode(value: unknown, options?: EncodeOptions): Uint8Array {
  if (options !== undefined) checkCommon(options)
  // A getter of the value may encode in its turn.
  const writer = sharedWriter.busy ? new Writer() : sharedWriter
  writer.truncate(0)
  writer.lengthMax = options?.bytesMax ?? bytesMaxDefault
  writer.u8(versionMagic)
  try {
    encodeTerm(writer, value, options === undefined ? withoutNode : encodeContextOf(options))
    return pooledCopy(writer)
  } finally {
    if (writer === sharedWriter && writer.buffer.length > keptBytesMax) sharedWriter = new Writer()
  }
}

/** The bounds that encoding and decoding have. */
const bounds = ['bytesMax', 'depthMax', 'termCountMax', 'bigintBytesMax', 'inflatedBytesMax'] as const

function checkCommon(options: EncodeOptions & DecodeOptions): void {
  checkObject(options, 'options')
  const { node } = options
  if (node !== undefined) checkObject((node as TermNode | null)?.addressBook, 'the address book of a node')
  for (const bound of bounds) {
    const given = options[bound]
    if (given !== undefined) checkNumber(given, bound, 0, Number.POSITIVE_INFINITY)
  }
}

function checkDecodeOptions(options: DecodeOptions): void {
  checkCommon(options)
  const { atoms, binaries, floats } = options
  if (atoms !== undefined) check(atoms instanceof AtomBudget, 'atoms are counted by an AtomBudget', atoms)
  checkOneOf(binaries, 'binaries', ['text', 'bytes'])
  checkOneOf(floats, 'floats', ['number', 'exact'])
}

/** Making an ArrayBuffer takes longer than encoding most messages: small results share one, as `Buffer.from` has it. */
function pooledCopy(writer: Writer): Uint8Array {
  const copy = Buffer.allocUnsafe(writer.length)
  copy.set(writer.buffer.subarray(0, writer.length))
  return copy
}

/** @internal */
export function encodeContextOf(options: EncodeOptions): EncodeContext {
  const book = options.node?.addressBook
  return { ...options, refLeaves: book === undefined ? withoutNode.refLeaves : (ref) => book.refLeaves(ref) }
}

/**
 * The term of these bytes, as Erlang's `term_to_binary` makes them; compressed ones, too. docs/terms.md says what becomes what.
 *
 * The bytes may come from a stranger: nothing in them is ever run, and what they can make this program allocate is bounded.
 *
 * @throws `TermError` with the `byteOffset`: `ERR_REIGN_TERM_TRUNCATED`, `ERR_REIGN_TERM_TAG`, `ERR_REIGN_TERM_INVALID`,
 * `ERR_REIGN_TERM_DEPTH`, `ERR_REIGN_TERM_TOO_LARGE`, `ERR_REIGN_TERM_TRAILING` (bytes after the term), `ERR_REIGN_ATOM_LIMIT`.
 * @throws `ERR_REIGN_ARGUMENT` when the argument is no `Uint8Array`.
 */
export function decode(bytes: Uint8Array, options?: DecodeOptions): unknown {
  if (!(bytes instanceof Uint8Array) && !types.isUint8Array(bytes)) {
    throw refused('what is decoded is a Uint8Array', bytes)
  }
  if (options !== undefined) checkDecodeOptions(options)
  if (bytes.length < 2)
    throw new TermError('ERR_REIGN_TERM_TRUNCATED', 'a term has two bytes at least', { byteOffset: 0 })
  if (bytes[0] !== versionMagic) {
    const complaint = `a term starts with the byte ${versionMagic}, not ${bytes[0]}`
    throw new TermError('ERR_REIGN_TERM_INVALID', complaint, { byteOffset: 0 })
  }
  const reader = options === undefined ? (sharedReader ??= readerOf({})) : readerOf(options)
  const compressed = bytes[1] === compressedExt
  const term = compressed ? inflated(bytes, 2, options?.inflatedBytesMax ?? inflatedBytesMaxDefault) : bytes
  try {
    reader.load(term, compressed ? 0 : 1, term.length)
    const value = reader.readPayload()
    if (reader.position === term.length) return value
  } finally {
    reader.release()
  }
  const { position } = reader
  throw new TermError('ERR_REIGN_TERM_TRAILING', `bytes after the term (at byte ${position})`, { byteOffset: position })
}

const readerOf = (options: DecodeOptions): TermReader => new TermReader(decodeContextOf(options))

/** @internal */
export function decodeContextOf(options: DecodeOptions): DecodeContext {
  const book = options.node?.addressBook ?? detachedBook()
  return {
    address: (node, id, serial, creation) => book.address(node, id, serial, creation),
    ref: (node, creation, words) => book.ref(node, creation, words),
    atoms: options.atoms ?? (sharedAtoms ??= new AtomBudget()),
    binaries: options.binaries ?? 'text',
    floats: options.floats ?? 'number',
    depthMax: options.depthMax ?? defaultLimits.termDepthMax,
    termCountMax: options.termCountMax ?? defaultLimits.termCountMax,
    bigintBytesMax: options.bigintBytesMax ?? defaultLimits.bigintBytesMax,
    javascript: options.javascript,
    codec: options.codec,
  }
}
