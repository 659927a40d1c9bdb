/**
 * What is said to and by epmd, Erlang's port mapper: the daemon that knows on which port each node of its machine listens.
 *
 * Bytes to messages and back, pure: no socket, no clock. The client (net/epmd-client.ts) and the embedded daemon
 * (net/epmd-server.ts) share it. Every length is checked before it is believed. Protocol: "Distribution protocol",
 * sections on EPMD. A request is a length of 2 bytes and a body; an answer has no length: its layout, or the closing of the
 * connection, ends it.
 */
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'

/** The port that epmd has unless `ERL_EPMD_PORT` (read by whoever starts the node) says otherwise. */
export const epmdPortDefault = 4369
/** Bytes of one request after its length. A register request with the longest name needs 270. */
export const epmdRequestBytesMax = 4_096
/** Bytes of the answer to a look-up: 14, a name, and what a node had added of its own. */
export const epmdLookupBytesMax = 4_096
/** Bytes of the list of names: some 35,000 names of ordinary length. */
export const epmdNamesBytesMax: number = 1024 * 1024
/** UTF-8 bytes of the part of a node name before the `@`. */
export const epmdNameBytesMax = 255
/** The version of the distribution protocol that reign speaks; since OTP 25 there is no other. */
export const distributionVersion = 6

const registerTag = 120
const lookupTag = 122
const namesTag = 110
const registerAnswerTag = 118
const registerAnswerOldTag = 121
const lookupAnswerTag = 119
const normalNode = 77
const hiddenNode = 72
const overTcp = 0

const encoder = new TextEncoder()
// Without `ignoreBOM` a name that begins with a byte order mark would lose it, and equal another name.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What went wrong between a node and epmd: nobody listens, no answer in time, closed without one, a wrong answer. */
export type EpmdProblem = 'unreachable' | 'timeout' | 'closed' | 'answer' | 'request' | 'stopped'

/** epmd could not be asked, or said what it may not say. Code `ERR_REIGN_EPMD`. */
export class EpmdError extends ReignError {
  override readonly name: string = 'EpmdError'
  /** Which of the ways to fail this is. Only `unreachable` proves that no epmd runs there. */
  readonly problem: EpmdProblem

  constructor(problem: EpmdProblem, message: string, options?: { cause?: unknown }) {
    super('ERR_REIGN_EPMD', message, options)
    this.problem = problem
  }
}

/** One node as epmd knows it. */
export interface EpmdNode {
  /** The part of the node's name before the `@`. */
  readonly alive: string
  /** The TCP port that the node listens on, 1 to 65535. */
  readonly port: number
  /** 77 for a normal node, 72 for one that calls itself hidden. OTP registers hidden nodes as 77, too. */
  readonly type: number
  /** 0: the distribution runs over TCP (or TLS over it). */
  readonly protocol: number
  /** The newest version of the distribution protocol that the node speaks. */
  readonly versionHigh: number
  /** The oldest. */
  readonly versionLow: number
  /** Bytes of the node's own, up to it; empty in practice. */
  readonly extra: Uint8Array
}

/** What a node can ask of epmd. Killing it and unregistering others (KILL, STOP) is not spoken here, in either role. */
export type EpmdRequest =
  | { readonly op: 'register'; readonly node: EpmdNode }
  | { readonly op: 'lookup'; readonly alive: string }
  | { readonly op: 'names' }

/** The answer to a registration. `refused`: the name is taken, most likely. */
export type RegisterAnswer =
  | { readonly op: 'registered'; readonly creation: number }
  | { readonly op: 'refused'; readonly result: number }

/** The answer to a request for all names. */
export interface NamesAnswer {
  /** The port of the epmd itself. */
  readonly epmdPort: number
  readonly nodes: readonly { readonly alive: string; readonly port: number }[]
}

/** What reign registers of itself: normal, TCP, version 6 and no other. */
export function epmdNode(alive: string, port: number): EpmdNode {
  return {
    alive,
    port,
    type: normalNode,
    protocol: overTcp,
    versionHigh: distributionVersion,
    versionLow: distributionVersion,
    extra: new Uint8Array(0),
  }
}

/**
 * Whether a text can be a name at epmd: not empty, no `@`, no blanks or control characters, at most 255 bytes.
 *
 * A name with a line feed could forge lines of the list of names, which is text.
 */
export function isEpmdName(alive: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not get in
  if (alive === '' || !alive.isWellFormed() || /[@\s\u0000-\u0020\u007f-\u009f]/u.test(alive)) return false
  return encoder.encode(alive).length <= epmdNameBytesMax
}

// -- requests ---------------------------------------------------------------------------------------------------------

/** A registration (ALIVE2_REQ), with its length. @throws `ERR_REIGN_ARGUMENT` for a node that cannot be registered. */
export function encodeRegister(node: EpmdNode): Uint8Array {
  const out = new ByteList()
  out.u8(registerTag)
  writeNode(out, node)
  return framed(out)
}

/** A look-up (PORT_PLEASE2_REQ), with its length. @throws `ERR_REIGN_ARGUMENT` for what cannot be a name. */
export function encodeLookup(alive: string): Uint8Array {
  const out = new ByteList()
  out.u8(lookupTag)
  out.bytes(nameBytes(alive))
  return framed(out)
}

/** A request for all names (NAMES_REQ), with its length. */
export function encodeNames(): Uint8Array {
  const out = new ByteList()
  out.u8(namesTag)
  return framed(out)
}

/**
 * Reads a request from all the bytes that a connection has brought so far.
 *
 * @returns `undefined` while bytes are missing.
 * @throws {@link EpmdError} (`request`) when this is no request, is longer than {@link epmdRequestBytesMax}, asks for what
 *   is not served, or is followed by more: who asks waits for the answer, so nothing may follow.
 */
export function readRequest(bytes: Uint8Array): EpmdRequest | undefined {
  if (bytes.length < 2) return undefined
  const length = ((bytes[0] as number) << 8) | (bytes[1] as number)
  // Refused as soon as it is announced, before anything is kept for it.
  if (length === 0 || length > epmdRequestBytesMax) throw badRequest(`a request of ${length} bytes`)
  if (bytes.length < length + 2) return undefined
  if (bytes.length > length + 2) throw badRequest('bytes after the request')
  return parseRequest(new Bytes(bytes.subarray(2), 'request'))
}

function parseRequest(body: Bytes): EpmdRequest {
  const tag = body.u8()
  if (tag === registerTag) {
    const node = readNode(body)
    body.end()
    return { op: 'register', node }
  }
  if (tag === lookupTag) return { op: 'lookup', alive: body.name(body.left) }
  if (tag === namesTag) {
    body.end()
    return { op: 'names' }
  }
  throw badRequest(`request ${tag} is not served`)
}

function badRequest(what: string): EpmdError {
  return new EpmdError('request', `not a request to epmd: ${what}`)
}

// -- answers ----------------------------------------------------------------------------------------------------------

/**
 * The answer to a registration (ALIVE2_X_RESP). Nodes older than OTP 23 get the old form (ALIVE2_RESP), with one of the
 * three creations that they know.
 */
export function encodeRegisterAnswer(answer: RegisterAnswer, versionHigh: number): Uint8Array {
  const out = new ByteList()
  const creation = answer.op === 'registered' ? answer.creation : 0
  const old = versionHigh < distributionVersion
  out.u8(old ? registerAnswerOldTag : registerAnswerTag)
  out.u8(answer.op === 'registered' ? 0 : answer.result)
  if (old) out.u16(answer.op === 'registered' ? (creation % 3) + 1 : 0)
  else out.u32(creation)
  return out.take()
}

/** The answer to a look-up (PORT2_RESP): the node, or that there is none. */
export function encodeLookupAnswer(node: EpmdNode | undefined): Uint8Array {
  const out = new ByteList()
  out.u8(lookupAnswerTag)
  out.u8(node === undefined ? 1 : 0)
  if (node !== undefined) writeNode(out, node)
  return out.take()
}

/** The list of names (NAMES_RESP). `epmdPort` must be the port that was asked, else OTP refuses the answer. */
export function encodeNamesAnswer(epmdPort: number, nodes: Iterable<EpmdNode>): Uint8Array {
  let text = ''
  for (const node of nodes) text += `name ${node.alive} at port ${node.port}\n`
  const out = new ByteList()
  out.u32(epmdPort)
  out.bytes(encoder.encode(text))
  return out.take()
}

/**
 * Reads the answer to a registration from all bytes so far.
 *
 * @returns `undefined` while bytes are missing.
 * @throws {@link EpmdError} (`answer`) for anything else: another tag, or more bytes than an answer has.
 */
export function readRegisterAnswer(bytes: Uint8Array): RegisterAnswer | undefined {
  if (bytes.length === 0) return undefined
  const answer = new Bytes(bytes, 'answer')
  const tag = answer.u8()
  if (tag !== registerAnswerTag && tag !== registerAnswerOldTag) throw badAnswer('registration', `tag ${tag}`)
  if (bytes.length < (tag === registerAnswerTag ? 6 : 4)) return undefined
  const result = answer.u8()
  const creation = tag === registerAnswerTag ? answer.u32() : answer.u16()
  answer.end()
  return result === 0 ? { op: 'registered', creation } : { op: 'refused', result }
}

/**
 * Reads the answer to a look-up of `alive` from all bytes so far.
 *
 * @returns the node; `null` when epmd does not know it; `undefined` while bytes are missing.
 * @throws {@link EpmdError} (`answer`) when the layout is wrong, or when it speaks of another name, port 0, another
 *   protocol than TCP, or a node that does not speak version 6.
 */
export function readLookupAnswer(bytes: Uint8Array, alive: string): EpmdNode | null | undefined {
  if (bytes.length < 2) {
    if (bytes.length === 1 && bytes[0] !== lookupAnswerTag) throw badAnswer('look-up', `tag ${bytes[0]}`)
    return undefined
  }
  const answer = new Bytes(bytes, 'answer')
  const tag = answer.u8()
  if (tag !== lookupAnswerTag) throw badAnswer('look-up', `tag ${tag}`)
  if (answer.u8() !== 0) {
    answer.end()
    return null
  }
  if (!isWholeNode(bytes)) return undefined
  const node = readNode(answer)
  answer.end()
  if (node.alive !== alive)
    throw badAnswer('look-up', `it names ${quoteRemote(node.alive)} instead of ${quoteRemote(alive)}`)
  if (node.versionLow > distributionVersion || node.versionHigh < distributionVersion) {
    const spoken = `${node.versionLow} to ${node.versionHigh}`
    throw badAnswer('look-up', `${quoteRemote(alive)} speaks versions ${spoken}, and not ${distributionVersion}`)
  }
  if (node.protocol !== overTcp) throw badAnswer('look-up', `${quoteRemote(alive)} uses protocol ${node.protocol}`)
  return node
}

/** Whether a look-up answer that says "found" is complete: its two inner lengths say so. */
function isWholeNode(bytes: Uint8Array): boolean {
  const nameAt = 12
  if (bytes.length < nameAt) return false
  const extraAt = nameAt + u16At(bytes, nameAt - 2) + 2
  if (extraAt > epmdLookupBytesMax) throw badAnswer('look-up', `a name of ${u16At(bytes, nameAt - 2)} bytes`)
  if (bytes.length < extraAt) return false
  const end = extraAt + u16At(bytes, extraAt - 2)
  if (end > epmdLookupBytesMax) throw badAnswer('look-up', `an answer of ${end} bytes`)
  return bytes.length >= end
}

/**
 * Reads the list of names; `bytes` is all that came until the connection was closed, as nothing else ends it.
 *
 * @throws {@link EpmdError} (`answer`) when any line is not `name ALIVE at port PORT`.
 */
export function readNamesAnswer(bytes: Uint8Array): NamesAnswer {
  const answer = new Bytes(bytes, 'answer')
  const epmdPort = answer.u32()
  const text = answer.text(answer.left)
  const lines = text.split('\n')
  if (lines.pop() !== '') throw badAnswer('names', 'the last line has no end')
  const nodes = lines.map((line) => {
    const [, alive, port] = /^name (\S+) at port (\d{1,5})$/.exec(line) ?? []
    if (alive === undefined || Number(port) > 0xffff) throw badAnswer('names', quoteRemote(line))
    return { alive, port: Number(port) }
  })
  return { epmdPort, nodes }
}

function badAnswer(to: string, what: string): EpmdError {
  return new EpmdError('answer', `epmd gave a wrong answer to a ${to} request: ${what}`)
}

// -- what both directions share -----------------------------------------------------------------------------------------

/** Port, type, protocol, versions, name, extra: the common body of a registration and of the answer to a look-up. */
function writeNode(out: ByteList, node: EpmdNode): void {
  if (!Number.isInteger(node.port) || node.port < 1 || node.port > 0xffff) {
    throw new ReignError('ERR_REIGN_ARGUMENT', `a port is 1 to 65535, not ${node.port}`)
  }
  const name = nameBytes(node.alive)
  out.u16(node.port)
  out.u8(node.type)
  out.u8(node.protocol)
  out.u16(node.versionHigh)
  out.u16(node.versionLow)
  out.u16(name.length)
  out.bytes(name)
  out.u16(node.extra.length)
  out.bytes(node.extra)
}

function readNode(body: Bytes): EpmdNode {
  const port = body.u16()
  if (port === 0) throw body.wrong('port 0')
  const type = body.u8()
  if (type !== normalNode && type !== hiddenNode) throw body.wrong(`node type ${type}`)
  const protocol = body.u8()
  const versionHigh = body.u16()
  const versionLow = body.u16()
  const alive = body.name(body.u16())
  // Copied in a way that also copies a Buffer, whose `slice` does not.
  const extra = new Uint8Array(body.take(body.u16()))
  return { alive, port, type, protocol, versionHigh, versionLow, extra }
}

function nameBytes(alive: string): Uint8Array {
  if (!isEpmdName(alive)) throw new ReignError('ERR_REIGN_ARGUMENT', `not a name for epmd: ${quoteRemote(alive)}`)
  return encoder.encode(alive)
}

function u16At(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
}

function framed(body: ByteList): Uint8Array {
  const bytes = body.take()
  const whole = new Uint8Array(bytes.length + 2)
  whole[0] = bytes.length >> 8
  whole[1] = bytes.length
  whole.set(bytes, 2)
  return whole
}

/** Reads big-endian integers and names; running off the end is an {@link EpmdError}. */
class Bytes {
  readonly #bytes: Uint8Array
  readonly #problem: 'request' | 'answer'
  #at = 0

  constructor(bytes: Uint8Array, problem: 'request' | 'answer') {
    this.#bytes = bytes
    this.#problem = problem
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    return this.take(1)[0] as number
  }

  u16(): number {
    return u16At(this.take(2), 0)
  }

  u32(): number {
    const four = this.take(4)
    return u16At(four, 0) * 0x1_0000 + u16At(four, 2)
  }

  take(count: number): Uint8Array {
    if (count > this.left) throw this.wrong(`${count - this.left} bytes are missing`)
    this.#at += count
    return this.#bytes.subarray(this.#at - count, this.#at)
  }

  text(count: number): string {
    try {
      return decoder.decode(this.take(count))
    } catch (cause) {
      throw cause instanceof EpmdError ? cause : this.wrong('a text that is not UTF-8')
    }
  }

  name(count: number): string {
    const alive = this.text(count)
    if (!isEpmdName(alive)) throw this.wrong(`the name ${quoteRemote(alive)}`)
    return alive
  }

  end(): void {
    if (this.left > 0) throw this.wrong(`${this.left} bytes too many`)
  }

  wrong(what: string): EpmdError {
    return new EpmdError(this.#problem, `epmd ${this.#problem} with a wrong layout: ${what}`)
  }
}

/** Big-endian integers and bytes, gathered. Requests are rare and short: clarity before speed. */
class ByteList {
  readonly #bytes: number[] = []

  u8(value: number): void {
    this.#bytes.push(value & 0xff)
  }

  u16(value: number): void {
    this.#bytes.push((value >> 8) & 0xff, value & 0xff)
  }

  u32(value: number): void {
    this.u16(value >>> 16)
    this.u16(value & 0xffff)
  }

  bytes(bytes: Uint8Array): void {
    for (const byte of bytes) this.#bytes.push(byte)
  }

  take(): Uint8Array {
    return Uint8Array.from(this.#bytes)
  }
}
