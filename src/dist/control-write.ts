/**
 * Signals to frames: what a process does to one of another node, as the control message that says so.
 *
 * A frame is written into the writer without its length (the outbox adds that). In pass-through form: `112`, then the version byte
 * and the control tuple, then, for those that have one, the version byte and the payload. With a distribution header: that, and the
 * same without the version bytes. What cannot be encoded leaves the writer as it
 * was: the send fails, and not the connection. Protocol: "Distribution protocol", "Protocol between connected nodes".
 */
import { type EncodeContext, encodeTerm } from '../codec/encode.js'
import { writeAtom } from '../codec/encode-atom.js'
import { writeAddress, writeRef } from '../codec/encode-identity.js'
import { writeBigInt, writeNumber } from '../codec/encode-number.js'
import { writeAtomName } from '../codec/encode-text.js'
import { smallIntegerExt, smallTupleExt, versionMagic } from '../codec/tags.js'
import type { Writer } from '../codec/writer.js'
import { TermError } from '../errors.js'
import type { Signal, SignalTarget } from '../signal.js'
import { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import { type ControlName, controlArities, controlOps, passThrough, wholeMessage } from './control-ops.js'
import { flags, hasHeaders } from './flags.js'

/** What stands before the elements, the same in every message of a kind: what each frame begins with, tuple of that arity, number. */
type Heads = Readonly<Record<ControlName, Uint8Array>>

/** The form of frames: with a version byte for each term, or with a distribution header (that brings no atoms) and none. */
interface FrameForm {
  readonly heads: Heads
  readonly versioned: boolean
}

/** What the writing of control messages depends on. {@link controlContext} makes one. */
export interface ControlContext extends EncodeContext {
  readonly form: FrameForm
  /** Whether messages name their sender. Where the peer cannot (all of OTP 25 to 28 can) the older form is written. */
  readonly sendSender: boolean
  /** Whether the reasons of exits are payloads; likewise. */
  readonly exitPayload: boolean
  /** How payloads are written, if in another form than ETF, in which all else is. */
  readonly payloads: EncodeContext | undefined
  /** Whether a call can go as one frame: the other side is a node of this library. */
  readonly calls: boolean
  /** The run of the other side whose processes it knows by their numbers alone ({@link encodeShortSend}); -1 for none. */
  readonly shortTo: number
}

const headsAfter = (...start: number[]): Heads =>
  Object.fromEntries(
    Object.entries(controlOps).map(([name, op]) => {
      const arity = controlArities[name as ControlName]
      return [name, Uint8Array.of(...start, smallTupleExt, arity, smallIntegerExt, op)]
    }),
  ) as Record<ControlName, Uint8Array>

/** Bytes of a distribution header that brings no atoms. */
export const emptyHeaderBytes = 3
const { SEND, SEND_SENDER, REG_SEND, ALIAS_SEND } = controlOps
const messageOps: ReadonlySet<number> = new Set([SEND, SEND_SENDER, REG_SEND, ALIAS_SEND])

const simpleForm: FrameForm = { heads: headsAfter(passThrough, versionMagic), versioned: true }
const headerForm: FrameForm = { heads: headsAfter(versionMagic, wholeMessage, 0), versioned: false }

/**
 * What to write control messages with on a connection with these effective flags: what both sides offered. Payloads are in the form
 * that is said with `encoding`.
 *
 * @param creation The run of the other side.
 *
 * With {@link headerFlags} every frame has a distribution header. It brings no atoms: those are written where they stand.
 */
export function controlContext(encoding: EncodeContext, effective: bigint, creation = -1): ControlContext {
  return {
    refLeaves: (ref) => encoding.refLeaves(ref),
    depthMax: encoding.depthMax,
    termCountMax: encoding.termCountMax,
    bigintBytesMax: encoding.bigintBytesMax,
    form: hasHeaders(effective) ? headerForm : simpleForm,
    sendSender: (effective & flags.SEND_SENDER) !== 0n,
    exitPayload: (effective & flags.EXIT_PAYLOAD) !== 0n,
    payloads: encoding.javascript ? encoding : undefined,
    calls: (effective & flags.CALL) !== 0n,
    shortTo: (effective & flags.SEND_SHORT) !== 0n ? creation : -1,
  }
}

const emptyAtom = Symbol.for('')

/**
 * A message to an address: SEND_SENDER, or SEND where the peer has no other or nobody sent it.
 *
 * @throws as {@link encodeSignal}.
 */
export function encodeSend(
  writer: Writer,
  from: Address<never> | undefined,
  to: Address<never>,
  message: unknown,
  context: ControlContext,
): void {
  const start = begin(writer)
  const { heads } = context.form
  try {
    if (from !== undefined && context.sendSender) {
      writer.raw(heads.SEND_SENDER)
      address(writer, from)
    } else {
      writer.raw(heads.SEND)
      atom(writer, emptyAtom)
    }
    address(writer, to)
    payload(writer, message, context)
  } catch (error) {
    writer.truncate(start)
    throw error
  }
}

/**
 * A message from the other node's point of view: from this node as such, to its process of these numbers. SEND_SHORT.
 *
 * @param to Of the run that the context has as `shortTo`.
 * @throws as {@link encodeSignal}.
 */
export function encodeShortSend(writer: Writer, to: Address<never>, message: unknown, context: ControlContext): void {
  const start = begin(writer)
  try {
    to.leave()
    writer.raw(context.form.heads.SEND_SHORT)
    writeNumber(writer, to.id)
    writeNumber(writer, to.serial)
    payload(writer, message, context)
  } catch (error) {
    writer.truncate(start)
    throw error
  }
}

/** A message to a registered name of the other node: REG_SEND. @throws as {@link encodeSignal}. */
export function encodeNamedSend(
  writer: Writer,
  from: Address<never>,
  to: symbol,
  message: unknown,
  context: ControlContext,
): void {
  const start = begin(writer)
  try {
    writer.raw(context.form.heads.REG_SEND)
    address(writer, from)
    atom(writer, emptyAtom)
    atom(writer, to)
    payload(writer, message, context)
  } catch (error) {
    writer.truncate(start)
    throw error
  }
}

/** A message to an alias: ALIAS_SEND. @throws as {@link encodeSignal}. */
export function encodeAliasSend(
  writer: Writer,
  from: Address<never>,
  to: Ref,
  message: unknown,
  context: ControlContext,
): void {
  const start = begin(writer)
  try {
    writer.raw(context.form.heads.ALIAS_SEND)
    address(writer, from)
    reference(writer, to, context)
    payload(writer, message, context)
  } catch (error) {
    writer.truncate(start)
    throw error
  }
}

/**
 * Any signal, as one frame.
 *
 * @throws `TermError` (`ERR_REIGN_TERM_UNSUPPORTED`, `ERR_REIGN_TERM_DEPTH`, `ERR_REIGN_TERM_TOO_LARGE`) when the message, the
 *   reason or the arguments cannot be encoded; `ERR_REIGN_ARGUMENT` when a getter of such a value sends in its turn; what
 *   a getter throws. Nothing is written then.
 */
export function encodeSignal(writer: Writer, signal: Signal, context: ControlContext): void {
  if (signal.op === 'message') return encodeSend(writer, signal.from, signal.to, signal.message, context)
  if (signal.op === 'named-message') return encodeNamedSend(writer, signal.from, signal.to, signal.message, context)
  if (signal.op === 'alias-message') return encodeAliasSend(writer, signal.from, signal.to, signal.message, context)
  const start = begin(writer)
  try {
    write(writer, signal, context)
  } catch (error) {
    writer.truncate(start)
    throw error
  }
}

/**
 * Writes a frame that was written before it was known in what form.
 *
 * @param frame As it is behind a distribution header that brings no atoms.
 * @param payloadAt Where its payload begins; 0 for one without.
 */
export function copyFrame(writer: Writer, frame: Uint8Array, payloadAt: number, headers: boolean): void {
  const controlEnd = payloadAt > 0 ? payloadAt : frame.length
  if (headers) writer.raw(frame.subarray(0, controlEnd))
  else {
    writer.u8(passThrough)
    writer.u8(versionMagic)
    writer.raw(frame.subarray(emptyHeaderBytes, controlEnd))
    if (payloadAt > 0) writer.u8(versionMagic)
  }
  if (payloadAt === 0) return
  writer.payloadAt = writer.length
  writer.bulk(frame.subarray(payloadAt))
}

/** Whether a frame behind an empty header carries a message, rather than a signal of another kind. */
export function carriesMessage(frame: Uint8Array): boolean {
  return messageOps.has(frame[emptyHeaderBytes + 3] as number)
}

type Rare = Exclude<Signal, { op: 'message' | 'named-message' | 'alias-message' }>

function write(writer: Writer, signal: Rare, context: ControlContext): void {
  const { heads } = context.form
  switch (signal.op) {
    case 'link':
      return pair(writer, heads.LINK, signal.from, signal.to)
    case 'group-leader':
      return pair(writer, heads.GROUP_LEADER, signal.from, signal.to)
    case 'unlink':
      // 0 is the mark of the obsolete form, which has no number and gets no answer.
      if (signal.id === 0n) return pair(writer, heads.UNLINK, signal.from, signal.to)
      return unlink(writer, heads.UNLINK_ID, signal)
    case 'unlink-ack':
      return unlink(writer, heads.UNLINK_ID_ACK, signal)
    case 'link-exit':
      return exit(writer, context.exitPayload ? heads.PAYLOAD_EXIT : heads.EXIT, signal, context)
    case 'exit':
      return exit(writer, context.exitPayload ? heads.PAYLOAD_EXIT2 : heads.EXIT2, signal, context)
    case 'monitor':
    case 'demonitor':
      writer.raw(signal.op === 'monitor' ? heads.MONITOR_P : heads.DEMONITOR_P)
      address(writer, signal.from)
      target(writer, signal.to)
      return reference(writer, signal.ref, context)
    case 'call':
      writer.raw(heads.CALL)
      address(writer, signal.from)
      target(writer, signal.to)
      reference(writer, signal.ref, context)
      return payload(writer, signal.request, context)
    case 'reply':
      writer.raw(heads.REPLY)
      address(writer, signal.from)
      reference(writer, signal.to, context)
      return payload(writer, signal.value, context)
    case 'down':
      writer.raw(context.exitPayload ? heads.PAYLOAD_MONITOR_P_EXIT : heads.MONITOR_P_EXIT)
      target(writer, signal.from)
      address(writer, signal.to)
      reference(writer, signal.ref, context)
      return reason(writer, signal.reason, context)
    case 'spawn':
      return spawn(writer, signal, context)
    case 'spawned':
      writer.raw(heads.SPAWN_REPLY)
      reference(writer, signal.ref, context)
      address(writer, signal.to)
      writeNumber(writer, (signal.linked ? 1 : 0) | (signal.monitored ? 2 : 0))
      return target(writer, signal.result)
  }
}

function pair(writer: Writer, head: Uint8Array, from: Address<never>, to: Address<never>): void {
  writer.raw(head)
  address(writer, from)
  address(writer, to)
}

function unlink(writer: Writer, head: Uint8Array, signal: Rare & { op: 'unlink' | 'unlink-ack' }): void {
  writer.raw(head)
  if (!writeBigInt(writer, signal.id, unlinkIdBytesMax)) {
    throw new TermError('ERR_REIGN_TERM_TOO_LARGE', 'the number of an unlink has at most 64 bits')
  }
  address(writer, signal.from)
  address(writer, signal.to)
}
const unlinkIdBytesMax = 8

function exit(
  writer: Writer,
  head: Uint8Array,
  signal: Rare & { op: 'exit' | 'link-exit' },
  context: ControlContext,
): void {
  pair(writer, head, signal.from, signal.to)
  reason(writer, signal.reason, context)
}

function spawn(writer: Writer, signal: Rare & { op: 'spawn' }, context: ControlContext): void {
  writer.raw(context.form.heads.SPAWN_REQUEST)
  reference(writer, signal.ref, context)
  address(writer, signal.from)
  address(writer, signal.groupLeader)
  writer.u8(smallTupleExt)
  writer.u8(3)
  check(writeAtomName(writer, signal.function.module))
  check(writeAtomName(writer, signal.function.function))
  writeNumber(writer, signal.function.arity)
  encodeTerm(writer, signal.options, context)
  payload(writer, signal.args, context)
}

// -- elements -----------------------------------------------------------------------------------------------------------

/** @returns where the frame starts, to go back to. */
function begin(writer: Writer): number {
  // Before a byte is written: those of the term under way, whose getter called us, stand just before.
  if (writer.busy) {
    throw new TermError('ERR_REIGN_ARGUMENT', 'a getter of a value that is being sent cannot send in its turn')
  }
  return writer.length
}

function payload(writer: Writer, value: unknown, context: ControlContext): void {
  if (context.form.versioned) writer.u8(versionMagic)
  writer.payloadAt = writer.length
  encodeTerm(writer, value, context.payloads ?? context)
}

/** The last element of an old form, or the payload of a new one: both stand at the end. */
function reason(writer: Writer, value: unknown, context: ControlContext): void {
  if (context.exitPayload) payload(writer, value, context)
  else encodeTerm(writer, value, context)
}

function address(writer: Writer, value: Address<never>): void {
  // First, as its node must be ready to see it again from the moment that anybody may hold a copy.
  value.leave()
  check(writeAddress(writer, value))
}

function reference(writer: Writer, value: Ref, context: ControlContext): void {
  context.refLeaves(value)
  check(writeRef(writer, value))
}

function target(writer: Writer, value: SignalTarget): void {
  if (value instanceof Address) address(writer, value)
  else atom(writer, value)
}

function atom(writer: Writer, value: symbol): void {
  check(writeAtom(writer, value))
}

/** Names and numbers that cannot be written were not made by this library's own means: `Address.parse`, a bare symbol. */
function check(complaint: string | undefined): void {
  if (complaint !== undefined) throw new TermError('ERR_REIGN_TERM_UNSUPPORTED', complaint)
}
