/**
 * Frames to signals: what a peer's control message says, checked to the last element before anybody acts on it.
 *
 * Every number of the protocol up to 36 is read, in all of its forms, whatever was negotiated: the first messages of a fresh
 * connection may have been encoded before the peer knew what we can, and the traced forms come as soon as somebody on the
 * other side uses `seq_trace`. Trace tokens are read and dropped. A frame that is wrong in any way throws, and its connection is
 * to be closed; nothing of it has had an effect. Protocol: "Distribution protocol", "Protocol between connected nodes".
 *
 * The tuple is never made: its elements are read one after the other, straight into the signal.
 */
import type { KnownAtom } from '../codec/atom-budget.js'
import type { TermReader } from '../codec/decode.js'
import { largeTupleExt, smallIntegerExt, smallTupleExt, versionMagic } from '../codec/tags.js'
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'
import type { Signal, SignalTarget, SpawnFunction } from '../signal.js'
import { Address } from '../term/address.js'
import { Ref } from '../term/ref.js'
import { Tuple } from '../term/tuple.js'
import { controlArities, controlName, controlOps, passThrough } from './control-ops.js'

const noBytes = Buffer.alloc(0)
const arities = new Uint8Array(256)
for (const [name, op] of Object.entries(controlOps)) arities[op] = controlArities[name as keyof typeof controlOps]

const unlinkIdMax = 0xffff_ffff_ffff_ffffn
const linkedBit = 1
const monitoredBit = 2

/** What a {@link ControlReader} checks senders against. */
export interface ControlReaderOptions {
  /**
   * The run of the node at the other end, as the handshake has established it. When given, a signal whose sender is not of
   * that run is refused: no peer can speak for the processes of another.
   */
  readonly peer?: { readonly node: string; readonly creation: number }
  /** What short messages stand for; without it there are none. */
  readonly short?: ShortSends
}

/** The two ends of a message that names neither its sender nor the node of its receiver. */
export interface ShortSends {
  /** The peer itself, which is taken for the sender. */
  readonly from: Address<never>
  /** The address of this run with these numbers. */
  to(id: number, serial: number): Address<never>
}

/** Reads the frames of one connection, one at a time. Holds nothing between two frames. */
export class ControlReader {
  readonly #reader: TermReader
  readonly #peerNode: string | undefined
  readonly #peerCreation: number
  readonly #short: ShortSends | undefined
  /** Who the last short message was for: the next is likely to be for the same. */
  #shortTo: Address<never> | undefined
  #bytes: Uint8Array = noBytes
  #end = 0
  #op = 0
  /** Whether each term has a version byte: in pass-through form, and not behind a distribution header. */
  #versioned = true

  constructor(reader: TermReader, options: ControlReaderOptions = {}) {
    this.#reader = reader
    this.#peerNode = options.peer?.node
    this.#peerCreation = options.peer?.creation ?? 0
    this.#short = options.short
  }

  /**
   * Reads the frame in pass-through form that is `bytes` from `start` to `end`, without its length; ticks, which are empty, are
   * not for this.
   *
   * @returns the signal; `undefined` for NODE_LINK, which asks for nothing.
   * @throws `ERR_REIGN_CONTROL_INVALID` for a frame of another form, an unknown number, a wrong arity, a wrong element, a payload
   *   that is missing or one too many, or a sender of another node; a `TermError` for a term that is none. Both mean: close the
   *   connection, for the two ends no longer agree on what the bytes are.
   */
  read(bytes: Uint8Array, start: number, end: number): Signal | undefined {
    const form = start < end ? bytes[start] : undefined
    if (form !== passThrough) throw wrongForm(form, passThrough)
    this.#versioned = true
    return this.#read(bytes, start + 1, end, undefined)
  }

  /**
   * Reads what stands behind a distribution header: the terms have no version bytes, and references to these atoms.
   *
   * @returns and throws as {@link read}.
   */
  readBehindHeader(bytes: Uint8Array, start: number, end: number, atoms: readonly KnownAtom[]): Signal | undefined {
    this.#versioned = false
    return this.#read(bytes, start, end, atoms)
  }

  #read(bytes: Uint8Array, start: number, end: number, atoms: readonly KnownAtom[] | undefined): Signal | undefined {
    this.#bytes = bytes
    this.#end = end
    this.#op = 0
    this.#reader.load(bytes, start, end, atoms)
    this.#reader.position = start
    this.#version('it')
    this.#head(this.#reader.position)
    const signal = this.#signal()
    if (this.#reader.position !== end) throw this.#invalid(`${end - this.#reader.position} bytes are left over`)
    // A connection may be idle for long after a frame of many megabytes: nothing of it is to stay.
    this.#bytes = noBytes
    this.#reader.release()
    return signal
  }

  /** Reads tuple header and number, and moves the reader to the other elements. */
  #head(at: number): void {
    const bytes = this.#bytes
    // As every known node writes it; other ways to write the same small numbers are as legal, and read by the reader.
    if (at + 4 <= this.#end && bytes[at] === smallTupleExt && bytes[at + 2] === smallIntegerExt) {
      this.#checkNumber(bytes[at + 3] as number, bytes[at + 1] as number)
      this.#reader.position = at + 4
    } else this.#unusualHead(at)
  }

  #unusualHead(at: number): void {
    const bytes = this.#bytes
    const tag = at < this.#end ? bytes[at] : undefined
    const numberAt = tag === smallTupleExt ? at + 2 : at + 5
    if ((tag !== smallTupleExt && tag !== largeTupleExt) || numberAt > this.#end) {
      throw this.#invalid('it does not begin with a tuple')
    }
    const arity = tag === smallTupleExt ? (bytes[at + 1] as number) : u32At(bytes, at + 1)
    if (arity === 0) throw this.#invalid('its tuple is empty')
    this.#reader.position = numberAt
    const number = this.#reader.read()
    if (typeof number !== 'number') throw this.#invalid('it does not begin with a number')
    this.#checkNumber(number, arity)
  }

  #checkNumber(op: number, arity: number): void {
    this.#op = op
    const wanted = Number.isInteger(op) && op >= 0 ? arities[op] : undefined
    if (!wanted) throw this.#invalid('there is no such control message')
    if (arity !== wanted) throw this.#invalid(`it has ${arity} elements and not ${wanted}`)
  }

  /** The case labels are literals, as only those compile to a jump; control-ops.ts has their names. */
  #signal(): Signal | undefined {
    switch (this.#op) {
      case 22: // SEND_SENDER
      case 23: // SEND_SENDER_TT
        return this.#message(this.#sender(2), this.#op === 23)
      case 6: // REG_SEND
      case 16: // REG_SEND_TT
        return this.#namedMessage(this.#op === 16)
      case 33: // ALIAS_SEND
      case 34: // ALIAS_SEND_TT
        return this.#aliasMessage(this.#op === 34)
      case 2: // SEND
      case 12: // SEND_TT
        this.#ignored()
        return this.#message(undefined, this.#op === 12)
      case 1: // LINK
        return { op: 'link', from: this.#sender(2), to: this.#address(3) }
      case 4: // UNLINK
        return { op: 'unlink', from: this.#sender(2), to: this.#address(3), id: 0n }
      case 35: // UNLINK_ID
        return this.#unlink('unlink')
      case 36: // UNLINK_ID_ACK
        return this.#unlink('unlink-ack')
      case 3: // EXIT
      case 13: // EXIT_TT
      case 24: // PAYLOAD_EXIT
      case 25: // PAYLOAD_EXIT_TT
        return this.#exit('link-exit')
      case 8: // EXIT2
      case 18: // EXIT2_TT
      case 26: // PAYLOAD_EXIT2
      case 27: // PAYLOAD_EXIT2_TT
        return this.#exit('exit')
      case 19: // MONITOR_P
        return { op: 'monitor', from: this.#sender(2), to: this.#target(3), ref: this.#ownRef(4) }
      case 20: // DEMONITOR_P
        return { op: 'demonitor', from: this.#sender(2), to: this.#target(3), ref: this.#ownRef(4) }
      case 21: // MONITOR_P_EXIT
      case 28: // PAYLOAD_MONITOR_P_EXIT
        return this.#down()
      case 29: // SPAWN_REQUEST
      case 30: // SPAWN_REQUEST_TT
        return this.#spawn()
      case 31: // SPAWN_REPLY
      case 32: // SPAWN_REPLY_TT
        return this.#spawned()
      case 128: // CALL
        return this.#call()
      case 129: // REPLY
        return { op: 'reply', from: this.#sender(2), to: this.#signalRef(3), value: this.#payload() }
      case 130: // SEND_SHORT
        return this.#shortMessage()
      case 7: // GROUP_LEADER
        // The leader may be of any node; the one who sets it is not named.
        return { op: 'group-leader', from: this.#address(2), to: this.#address(3) }
      default: // NODE_LINK
        return undefined
    }
  }

  #message(from: Address<never> | undefined, traced: boolean): Signal {
    const to = this.#address(3)
    if (traced) this.#ignored()
    return { op: 'message', from, to, message: this.#payload() }
  }

  #namedMessage(traced: boolean): Signal {
    const from = this.#sender(2)
    this.#ignored()
    const to = this.#atom(4)
    if (traced) this.#ignored()
    return { op: 'named-message', from, to, message: this.#payload() }
  }

  #aliasMessage(traced: boolean): Signal {
    const from = this.#sender(2)
    const to = this.#signalRef(3)
    if (traced) this.#ignored()
    return { op: 'alias-message', from, to, message: this.#payload() }
  }

  #shortMessage(): Signal {
    if (this.#short === undefined) throw this.#invalid('its two ends are not known')
    const id = this.#number(2)
    const serial = this.#number(3)
    let to = this.#shortTo
    if (to === undefined || to.id !== id || to.serial !== serial) {
      to = this.#short.to(id, serial)
      // One that was never written down may be made anew when its owner is gone: that would be another.
      if (to.written) this.#shortTo = to
    }
    return { op: 'message', from: this.#short.from, to, message: this.#payload() }
  }

  #call(): Signal {
    const from = this.#sender(2)
    const to = this.#target(3)
    const ref = this.#ownRef(4)
    return { op: 'call', from, to, ref, request: this.#payload() }
  }

  #unlink(op: 'unlink' | 'unlink-ack'): Signal {
    const id = this.#unlinkId(2)
    // Who answers an unlink writes the addresses that it was given, also one of an earlier run of itself.
    const from = op === 'unlink' ? this.#sender(3) : this.#answerer(3)
    return { op, from, to: this.#address(4), id }
  }

  #exit(op: 'exit' | 'link-exit'): Signal {
    // To a link that is asked of a run that has ended, the answer `noproc` comes from the address that was asked.
    const from = op === 'exit' ? this.#sender(2) : this.#answerer(2)
    const to = this.#address(3)
    const form = this.#op
    if (form === 13 || form === 18 || form === 25 || form === 27) this.#ignored()
    return { op, from, to, reason: form >= 24 ? this.#payload() : this.#reader.read() }
  }

  #down(): Signal {
    const from = this.#target(2)
    // As for links: the answer to a monitor on an earlier run names what was asked.
    if (from instanceof Address) this.#checkNode(from, 2)
    const to = this.#address(3)
    const ref = this.#signalRef(4)
    const reason = this.#op === 28 ? this.#payload() : this.#reader.read()
    return { op: 'down', from, to, ref, reason, by: this.#peerNode }
  }

  #spawn(): Signal {
    const ref = this.#ref(2)
    this.#checkMaker(ref, 2)
    const from = this.#sender(3)
    const groupLeader = this.#address(4)
    const called = this.#function(5)
    const options = this.#asList(this.#reader.read(), 'element 6')
    if (this.#op === 30) this.#ignored()
    const args = this.#asList(this.#payload(), 'the payload')
    if (args.length !== called.arity) {
      throw this.#invalid(`there are ${args.length} arguments for a function of ${called.arity}`)
    }
    return { op: 'spawn', ref, from, groupLeader, function: called, args, options }
  }

  #spawned(): Signal {
    const ref = this.#ref(2)
    const to = this.#address(3)
    const bits = this.#reader.read()
    if (typeof bits !== 'number' || !Number.isInteger(bits) || bits < 0) throw this.#wrongElement(4, 'a set of flags')
    const result = this.#target(5)
    if (result instanceof Address) this.#checkRun(result, 5)
    if (this.#op === 32) this.#ignored()
    const ties = { linked: (bits & linkedBit) !== 0, monitored: (bits & monitoredBit) !== 0 }
    return { op: 'spawned', ref, to, ...ties, result, by: this.#peerNode }
  }

  // -- elements ---------------------------------------------------------------------------------------------------------

  /** A trace token, or an element without a meaning: any term. */
  #ignored(): void {
    this.#reader.read()
  }

  #address(element: number): Address<never> {
    const value = this.#reader.read()
    if (value instanceof Address) return value
    throw this.#wrongElement(element, 'a pid')
  }

  /** The address of a process of the peer, in its present run. */
  #sender(element: number): Address<never> {
    const from = this.#address(element)
    this.#checkRun(from, element)
    return from
  }

  /** The address of a process of the peer that an answer is about: of any run, as the question may have been. */
  #answerer(element: number): Address<never> {
    const from = this.#address(element)
    this.#checkNode(from, element)
    return from
  }

  #checkRun(from: Address<never>, element: number): void {
    this.#checkNode(from, element)
    if (this.#peerNode !== undefined && from.creation !== this.#peerCreation) {
      throw this.#invalid(`element ${element} is of run ${from.creation} of the peer, and not of ${this.#peerCreation}`)
    }
  }

  #checkNode(from: Address<never>, element: number): void {
    if (this.#peerNode !== undefined && from.node !== this.#peerNode) {
      throw this.#invalid(`element ${element} is a pid of ${quoteRemote(from.node)}, which is not the peer`)
    }
  }

  #ref(element: number): Ref {
    const value = this.#reader.read()
    if (value instanceof Ref) return value
    throw this.#wrongElement(element, 'a reference')
  }

  /** The reference of a monitor, or an alias: who holds it ties it. */
  #signalRef(element: number): Ref {
    const ref = this.#reader.readSignalRef()
    if (ref !== undefined) return ref
    throw this.#wrongElement(element, 'a reference')
  }

  /** The reference of a monitor that a process of the peer has set: another node's is not for it to move or take back. */
  #ownRef(element: number): Ref {
    const ref = this.#signalRef(element)
    this.#checkMaker(ref, element)
    return ref
  }

  #checkMaker(ref: Ref, element: number): void {
    if (this.#peerNode !== undefined && ref.node !== this.#peerNode) {
      throw this.#invalid(`element ${element} is a reference of ${quoteRemote(ref.node)}, which is not the peer`)
    }
  }

  #atom(element: number): symbol {
    const value = atomOf(this.#reader.read())
    if (value !== undefined) return value
    throw this.#wrongElement(element, 'an atom')
  }

  #target(element: number): SignalTarget {
    const value = this.#reader.read()
    const target = value instanceof Address ? value : atomOf(value)
    if (target !== undefined) return target
    throw this.#wrongElement(element, 'a pid or an atom')
  }

  #number(element: number): number {
    const value = this.#reader.read()
    if (typeof value === 'number' && value >>> 0 === value) return value
    throw this.#wrongElement(element, 'a number of a process')
  }

  #unlinkId(element: number): bigint {
    const value = this.#reader.read()
    const id = typeof value === 'bigint' ? value : Number.isInteger(value) ? BigInt(value as number) : 0n
    if (id < 1n || id > unlinkIdMax) throw this.#wrongElement(element, 'a number from 1 to 2^64 - 1')
    return id
  }

  #function(element: number): SpawnFunction {
    const value = this.#reader.read()
    const [module, name, arity] = value instanceof Tuple && value.length === 3 ? value : []
    const parts = [atomOf(module), atomOf(name)].map((atom) => (atom === undefined ? undefined : Symbol.keyFor(atom)))
    if (parts[0] === undefined || parts[1] === undefined || !isArity(arity)) {
      throw this.#wrongElement(element, 'a module, function and arity')
    }
    return { module: parts[0], function: parts[1], arity }
  }

  #asList(value: unknown, what: string): readonly unknown[] {
    if (Array.isArray(value) && !(value instanceof Tuple)) return value
    throw this.#invalid(`${what} is not a list`)
  }

  #payload(): unknown {
    this.#nextTerm()
    return this.#reader.readPayload()
  }

  /** Goes to the term after the control tuple. */
  #nextTerm(): void {
    if (this.#reader.position >= this.#end) throw this.#invalid('its payload is missing')
    this.#version('its payload')
  }

  #version(what: string): void {
    if (!this.#versioned) return
    const at = this.#reader.position
    if (at >= this.#end || this.#bytes[at] !== versionMagic) {
      throw this.#invalid(`${what} does not begin with the version byte`)
    }
    this.#reader.position = at + 1
  }

  // -- errors -----------------------------------------------------------------------------------------------------------

  #wrongElement(element: number, wanted: string): ReignError {
    return this.#invalid(`element ${element} is not ${wanted}`)
  }

  #invalid(complaint: string): ReignError {
    const name = controlName(this.#op)
    const which = name === undefined ? `control message ${this.#op}` : `control message ${this.#op} (${name})`
    return new ReignError('ERR_REIGN_CONTROL_INVALID', `${which}: ${complaint}`)
  }
}

/** The error for a frame that is not in the form that was negotiated. */
export function wrongForm(form: number | undefined, wanted: number): ReignError {
  if (form === undefined) return new ReignError('ERR_REIGN_CONTROL_INVALID', 'a frame without a single byte')
  const names: Record<number, string> = {
    [passThrough]: 'the mark of the simple form',
    [versionMagic]: 'a distribution header',
  }
  const text = `a frame begins with ${names[form] ?? `the byte ${form}`}, and not with ${names[wanted]}, as was negotiated`
  return new ReignError('ERR_REIGN_CONTROL_INVALID', text)
}

/** The atom, also where JavaScript has a value of its own for it: a process may well be registered as `true`. */
function atomOf(value: unknown): symbol | undefined {
  if (typeof value === 'symbol') return value
  if (value === null || value === undefined || typeof value === 'boolean') return Symbol.for(String(value))
  return undefined
}

function isArity(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 255
}

function u32At(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) |
      ((bytes[at + 1] as number) << 16) |
      ((bytes[at + 2] as number) << 8) |
      (bytes[at + 3] as number)) >>>
    0
  )
}
