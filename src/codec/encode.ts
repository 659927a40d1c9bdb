/**
 * Terms to bytes: the External Term Format as Erlang's own nodes write it, so that equal terms give equal bytes.
 *
 * Format: erl_ext_dist. docs/terms.md says what becomes what; what has no place in Erlang is refused, with the path to it.
 * Recursive and capped: an explicit stack would cost every small message for the sake of values that hardly exist. 1000 levels
 * take up to 600 KiB of the call stack; where less is left, that is a coded error.
 */

import { types } from 'node:util'
import { RaisedError, TermError } from '../errors.js'
import { Address } from '../term/address.js'
import { Bits } from '../term/bits.js'
import { Float } from '../term/float.js'
import { ExportFun, Fun } from '../term/fun.js'
import { ImproperList } from '../term/improper-list.js'
import { Port } from '../term/port.js'
import { Ref } from '../term/ref.js'
import { Tuple } from '../term/tuple.js'
import { atomFalse, atomNull, atomTrue, atomUndefined, writeAtom } from './encode-atom.js'
import { bytesWeight, isByte, writeBinary, writeBits, writeByteList } from './encode-bytes.js'
import { errorTerm } from './encode-error.js'
import { writeAddress, writePort, writeRef } from './encode-identity.js'
import { writeBigInt, writeDouble, writeFloat, writeNumber } from './encode-number.js'
import { type EncodeContext, EncodeState } from './encode-state.js'
import { writeAtomName, writeKey, writeText } from './encode-text.js'
import { errorKind, errorParts } from './javascript-errors.js'
import {
  bigintExt,
  bytesExt,
  codecExt,
  dateExt,
  errorExt,
  floatObjectExt,
  objectExt,
  objectWeight,
  setExt,
  viewExt,
} from './javascript-tags.js'
import { viewBytes, viewKind } from './javascript-views.js'
import { isStackOverflow } from './stack-overflow.js'
import { exportExt, largeTupleExt, listExt, mapExt, newFloatExt, newFunExt, nilExt, smallTupleExt } from './tags.js'
import { unsupportedAdvice } from './unsupported.js'
import { Writer } from './writer.js'

export type { EncodeContext } from './encode-state.js'

/** The most elements that an Erlang tuple may have. */
const tupleArityMax = 0xff_ffff
/** The arity of an external fun is written as a term, whereas that of a closure has one byte. */
const exportArityMax = 0x7fff_ffff
const uniqBytes = 16

/** For terms that are compared and go nowhere: nothing leaves, and what was accepted once is not bounded again. */
const unwritten: EncodeContext = {
  refLeaves: () => undefined,
  depthMax: Number.POSITIVE_INFINITY,
  termCountMax: Number.POSITIVE_INFINITY,
  bigintBytesMax: Number.POSITIVE_INFINITY,
}
/** One state for each encoding that is under way: a getter of a value may start another. */
const states: EncodeState[] = []
let statesBusy = 0
/** Where {@link keyText} writes, unless it grew too large to keep. */
let keyWriter = new Writer(256)
const keyWriterBytesMax = 64 * 1024

/**
 * Writes one term, without the version byte that a stand-alone term starts with.
 *
 * @throws `TermError` with the `path` of what cannot be sent: `ERR_REIGN_TERM_UNSUPPORTED` (no Erlang term for it),
 * `ERR_REIGN_TERM_DEPTH` (nested too deeply, or in itself), `ERR_REIGN_TERM_TOO_LARGE`; and what a getter of the value throws.
 * The writer then holds part of the term: the caller truncates it to where it was.
 *
 * Cost: one pass over the value; nothing is allocated but the growing buffer.
 */
export function encodeTerm(writer: Writer, value: unknown, context: EncodeContext): void {
  encodeWith(writer, value, context, false)
}

/** @internal A text that two values share exactly when they are the same Erlang term: for finding a key twice. */
export function keyText(value: unknown): string {
  const writer = keyWriter.busy ? new Writer(256) : keyWriter
  writer.truncate(0)
  encodeWith(writer, value, unwritten, true)
  const { buffer, length } = writer
  if (buffer.length > keyWriterBytesMax) keyWriter = new Writer(256)
  return Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1')
}

function encodeWith(writer: Writer, value: unknown, context: EncodeContext, sorted: boolean): void {
  if (writer.busy) {
    throw new TermError('ERR_REIGN_ARGUMENT', 'a getter of a value that is being sent cannot send in its turn')
  }
  let state = states[statesBusy]
  if (state === undefined) states.push((state = new EncodeState(context)))
  state.start(context)
  state.sorted = sorted
  writer.busy = true
  statesBusy++
  try {
    if (context.codec === undefined || !encodeByCodec(writer, value, state, 0)) encodeValue(writer, value, state, 0)
  } catch (error) {
    if (!isStackOverflow(error)) throw error
    throw new TermError('ERR_REIGN_TERM_DEPTH', 'the call stack is too full to encode a term of this depth', {
      path: '$',
    })
  } finally {
    writer.busy = false
    statesBusy--
    state.context = unwritten
  }
  if (writer.length > writer.lengthMax) throw state.tooLarge(0, `${writer.lengthMax} bytes`)
}

function encodeValue(writer: Writer, value: unknown, state: EncodeState, depth: number): void {
  if (--state.termsLeft < 0) state.weigh(depth, 0)
  switch (typeof value) {
    case 'string':
      if (!writeText(writer, value)) throw state.unsupported(depth, 'a lone surrogate cannot be sent as UTF-8')
      return
    case 'number':
      if (!writeNumber(writer, value)) encodeNoNumber(writer, value, state, depth)
      return
    case 'object':
      // Lists, tuples and objects are told apart here: one frame less on the call stack for each level of nesting.
      if (value === null) writer.raw(atomNull)
      else if (Array.isArray(value)) {
        const isList = !(value instanceof Tuple)
        if (!isList) startTuple(writer, value, state, depth)
        else if (!startList(writer, value, state, depth)) return
        encodeElements(writer, value, state, depth)
        if (isList) writer.u8(nilExt)
      } else if (value instanceof Address || value instanceof Uint8Array) encodeObject(writer, value, state, depth)
      // A call of the runtime, where many kinds of objects come by.
      else if (Object.getPrototypeOf(value) === Object.prototype) encodePlain(writer, value, state, depth)
      else encodeObject(writer, value, state, depth)
      return
    case 'symbol': {
      const complaint = writeAtom(writer, value)
      if (complaint !== undefined) throw state.unsupported(depth, complaint)
      return
    }
    case 'boolean':
      return writer.raw(value ? atomTrue : atomFalse)
    case 'undefined':
      return writer.raw(atomUndefined)
    case 'bigint':
      // Which would come back as a number.
      if (state.javascript && isSafe(value)) {
        state.weigh(depth, 1)
        writer.u8(bigintExt)
      }
      if (!writeBigInt(writer, value, state.bigintBytesMax)) {
        throw state.tooLarge(depth, `${state.bigintBytesMax} bytes in one integer`)
      }
      return
    default:
      throw state.unsupported(depth, unsupportedAdvice(value))
  }
}

/** Objects that are neither arrays nor plain, the most frequent kinds first. */
function encodeObject(writer: Writer, value: object, state: EncodeState, depth: number): void {
  if (value instanceof Address) {
    // First, as its node must be ready to see it again from the moment that anybody may hold a copy.
    value.leave()
    state.check(depth, writeAddress(writer, value))
  } else if (value instanceof Uint8Array) encodeBytes(writer, value, state, depth)
  else if (value instanceof Map) encodeMap(writer, value, state, depth)
  else if (value instanceof Ref) {
    state.context.refLeaves(value)
    state.check(depth, writeRef(writer, value))
  } else encodeRare(writer, value, state, depth)
}

function encodeRare(writer: Writer, value: object, state: EncodeState, depth: number): void {
  if (value instanceof Float) {
    if (state.javascript) writeDouble(writer, floatObjectExt, value.value)
    else if (!writeFloat(writer, value.value)) encodeNoNumber(writer, value.value, state, depth)
  } else if (value instanceof ImproperList) encodeImproper(writer, value, state, depth)
  else if (value instanceof Bits) writeBits(writer, value)
  else if (value instanceof Port) state.check(depth, writePort(writer, value))
  else if (value instanceof ExportFun) encodeExport(writer, value, state, depth)
  else if (value instanceof Fun) encodeFun(writer, value, state, depth)
  else if (value instanceof Error || types.isNativeError(value)) encodeError(writer, value, state, depth)
  // What follows was made in another realm (a vm context, as test runners have them), or without a prototype.
  else if (types.isUint8Array(value)) encodeBytes(writer, value, state, depth)
  else if (types.isMap(value)) encodeMap(writer, value, state, depth)
  else if (isPlain(value)) encodePlain(writer, value, state, depth)
  else if (!state.javascript || !encodeJavaScript(writer, value, state, depth)) {
    throw state.unsupported(depth, unsupportedAdvice(value))
  }
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return (
    prototype === null ||
    (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype as object, 'isPrototypeOf'))
  )
}

function encodeBytes(writer: Writer, value: Uint8Array, state: EncodeState, depth: number): void {
  state.weigh(depth, bytesWeight - 1)
  if (state.javascript) writeBinary(writer, value, bytesExt)
  else writeBinary(writer, value)
}

/** Writes what stands before the elements of a tuple. */
function startTuple(writer: Writer, tuple: readonly unknown[], state: EncodeState, depth: number): void {
  const arity = tuple.length
  state.enter(depth)
  if (arity <= 255) {
    writer.u8(smallTupleExt)
    writer.u8(arity)
  } else {
    if (arity > tupleArityMax) throw state.tooLarge(depth, `${tupleArityMax} elements in one tuple`)
    writer.u8(largeTupleExt)
    writer.u32(arity)
  }
}

/** Writes what stands before the elements of a list; `false` when the short forms already hold the whole of it. */
function startList(writer: Writer, list: readonly unknown[], state: EncodeState, depth: number): boolean {
  const length = list.length
  if (length === 0) {
    writer.u8(nilExt)
    return false
  }
  if (isByte(list[0]) && length <= 0xffff && writeByteList(writer, list)) {
    state.weigh(depth, length)
    return false
  }
  state.enter(depth)
  writer.u8(listExt)
  writer.u32(length)
  return true
}

function encodeElements(writer: Writer, elements: readonly unknown[], state: EncodeState, depth: number): void {
  const { path } = state
  const count = elements.length
  for (let i = 0; i < count; i++) {
    path[depth] = i
    const element = elements[i]
    if (element === undefined && !(i in elements)) {
      throw state.unsupported(depth + 1, 'an array with holes cannot be sent: fill them')
    }
    encodeValue(writer, element, state, depth + 1)
  }
}

function encodeImproper(writer: Writer, list: ImproperList, state: EncodeState, depth: number): void {
  // `[a | [b | c]]` is `[a, b | c]`, and `[a | [b]]` is `[a, b]`: Erlang has one way to write each.
  let { elements, tail } = list
  // As many pieces as there may be levels: a list whose tail is itself would have no end.
  for (let pieces = 0; tail instanceof ImproperList; pieces++) {
    state.enter(pieces)
    elements = [...elements, ...tail.elements]
    tail = tail.tail
  }
  if (Array.isArray(tail) && !(tail instanceof Tuple)) {
    return encodeValue(writer, [...elements, ...tail], state, depth)
  }
  if (elements.length === 0) return encodeValue(writer, tail, state, depth)
  state.enter(depth)
  writer.u8(listExt)
  writer.u32(elements.length)
  encodeElements(writer, elements, state, depth)
  state.path[depth] = 'tail'
  encodeValue(writer, tail, state, depth + 1)
}

const hasOwn = Object.prototype.hasOwnProperty

function encodePlain(writer: Writer, object: object, state: EncodeState, depth: number): void {
  state.enter(depth)
  const { path, javascript } = state
  const start = writer.length
  const offsets: number[] | undefined = state.sorted ? [] : undefined
  let pairs = 0
  writer.u8(javascript ? objectExt : mapExt)
  writer.u32(0)
  // `for in` with this check compiles to reads by index, at a third of what `Object.keys` costs.
  for (const key in object) {
    if (!hasOwn.call(object, key)) continue
    path[depth] = key
    offsets?.push(writer.length)
    state.check(depth + 1, javascript ? writeKey(writer, key) : writeAtomName(writer, key))
    state.termsLeft--
    encodeValue(writer, (object as Record<string, unknown>)[key], state, depth + 1)
    pairs++
  }
  if (pairs === 0 && Object.getOwnPropertySymbols(object).length > 0) {
    throw state.unsupported(
      depth,
      'keys that are symbols are not sent: write { ok: 1 }, which is #{ok => 1}, or use a Map',
    )
  }
  writer.patchU32(start + 1, pairs)
  if (offsets !== undefined) sortPairs(writer, offsets)
}

function encodeMap(writer: Writer, map: Map<unknown, unknown>, state: EncodeState, depth: number): void {
  state.enter(depth)
  if (!state.sorted && !state.javascript && map.size > 1 && !hasPlainKeys(map)) refuseSameKeys(map, state, depth)
  const { path } = state
  const offsets: number[] | undefined = state.sorted ? [] : undefined
  const start = writer.length
  let pairs = 0
  writer.u8(mapExt)
  writer.u32(0)
  for (const [key, value] of map) {
    path[depth] = -1 - 2 * pairs
    offsets?.push(writer.length)
    encodeValue(writer, key, state, depth + 1)
    path[depth] = -2 - 2 * pairs
    encodeValue(writer, value, state, depth + 1)
    pairs++
  }
  writer.patchU32(start + 1, pairs)
  if (offsets !== undefined) sortPairs(writer, offsets)
}

function encodeNoNumber(writer: Writer, value: number, state: EncodeState, depth: number): void {
  if (!state.javascript) throw state.unsupported(depth, `Erlang has no ${value}`)
  writeDouble(writer, newFloatExt, value)
}

const isSafe = (value: bigint): boolean => value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER

function encodeError(writer: Writer, error: Error, state: EncodeState, depth: number): void {
  // What Erlang has raised stays its term: so it reads on every node.
  if (!state.javascript || error instanceof RaisedError) return encodeValue(writer, errorTerm(error), state, depth)
  state.enter(depth)
  state.weigh(depth, objectWeight)
  writer.u8(errorExt)
  writer.u8(errorKind(error))
  for (const [key, part] of Object.entries(errorParts(error))) {
    state.path[depth] = key
    encodeValue(writer, part, state, depth + 1)
  }
}

/** What only nodes of reign have a form for. `false`, and nothing written, for anything else. */
function encodeJavaScript(writer: Writer, value: object, state: EncodeState, depth: number): boolean {
  if (types.isDate(value)) {
    state.weigh(depth, objectWeight)
    writeDouble(writer, dateExt, Date.prototype.getTime.call(value))
    return true
  }
  if (types.isSet(value)) {
    state.enter(depth)
    const elements = [...value]
    writer.u8(setExt)
    writer.u32(elements.length)
    encodeElements(writer, elements, state, depth)
    return true
  }
  const kind = viewKind(value)
  if (kind === undefined) return encodeByCodec(writer, value, state, depth)
  state.weigh(depth, objectWeight)
  const bytes = viewBytes(value as ArrayBufferView, kind)
  writer.u8(viewExt)
  writer.u8(kind)
  writer.u32(bytes.length)
  writer.bulk(bytes)
  return true
}

/** What the codec of others has a form for. `false`, and nothing written, for anything else. */
function encodeByCodec(writer: Writer, value: unknown, state: EncodeState, depth: number): boolean {
  const bytes = state.context.codec?.encode(value)
  if (bytes === undefined) return false
  state.weigh(depth, objectWeight)
  writer.u8(codecExt)
  writer.u32(bytes.length)
  writer.bulk(bytes)
  return true
}

/** Whether all keys are of one primitive type: such keys differ in Erlang when they differ here. */
function hasPlainKeys(map: Map<unknown, unknown>): boolean {
  let first: string | undefined
  for (const key of map.keys()) {
    const type = typeof key
    if (type === 'object' || type !== (first ??= type)) return false
  }
  return true
}

/** Keys that differ here may be one key there: `'a'` and its bytes, `1` and `1n`, two arrays of the same elements. */
function refuseSameKeys(map: Map<unknown, unknown>, state: EncodeState, depth: number): void {
  const seen = new Set<string>()
  let index = 0
  for (const key of map.keys()) {
    state.path[depth] = -1 - 2 * index++
    const text = keyTextAt(key, state, depth + 1)
    if (seen.has(text))
      throw state.unsupported(depth + 1, 'this key is the same Erlang term as an earlier one of the Map')
    seen.add(text)
  }
}

function keyTextAt(key: unknown, state: EncodeState, depth: number): string {
  try {
    return keyText(key)
  } catch (error) {
    // The path inside the key would start at the key: tell where the key is instead.
    throw error instanceof TermError ? state.refusal(depth, error.code, error.message) : error
  }
}

/** Puts the pairs that start at these offsets, the last ending where the writer stands, into the order of their bytes. */
function sortPairs(writer: Writer, offsets: readonly number[]): void {
  const first = offsets[0]
  if (first === undefined) return
  const pairs = offsets.map((offset, i) => Buffer.from(writer.buffer.subarray(offset, offsets[i + 1] ?? writer.length)))
  writer.truncate(first)
  for (const pair of pairs.sort(Buffer.compare)) writer.raw(pair)
}

function encodeExport(writer: Writer, fun: ExportFun, state: EncodeState, depth: number): void {
  checkArity(fun.arity, exportArityMax, state, depth)
  writer.u8(exportExt)
  state.check(depth, writeAtomName(writer, fun.module))
  state.check(depth, writeAtomName(writer, fun.function))
  writeNumber(writer, fun.arity)
}

function encodeFun(writer: Writer, fun: Fun, state: EncodeState, depth: number): void {
  state.enter(depth)
  checkArity(fun.arity, 255, state, depth)
  if (fun.uniq.length !== uniqBytes) throw state.unsupported(depth, `the uniq of a fun has ${uniqBytes} bytes`)
  writer.u8(newFunExt)
  const sizeAt = writer.length
  const asideBefore = writer.asideBytes
  writer.u32(0)
  writer.u8(fun.arity)
  writer.raw(fun.uniq)
  writer.u32(fun.index)
  writer.u32(fun.free.length)
  state.check(depth, writeAtomName(writer, fun.module))
  writeNumber(writer, fun.oldIndex)
  writeNumber(writer, fun.oldUniq)
  fun.creator.leave()
  state.check(depth, writeAddress(writer, fun.creator))
  encodeElements(writer, fun.free, state, depth)
  writer.patchU32(sizeAt, writer.length - sizeAt + writer.asideBytes - asideBefore)
}

function checkArity(arity: number, arityMax: number, state: EncodeState, depth: number): void {
  if (Number.isInteger(arity) && arity >= 0 && arity <= arityMax) return
  throw state.unsupported(depth, `a fun of this kind has an arity of 0 to ${arityMax}, not ${arity}`)
}
