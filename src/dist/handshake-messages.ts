/**
 * The messages of the handshake, version 6: bytes to data and back. Protocol: "Distribution handshake", steps 2 to 6.
 *
 * Bodies only: the length before each is the framer's. Everything here comes from somebody who has not proved anything
 * yet, so whatever is not exactly as the protocol has it is refused. Two messages share the tag `N`: which one is meant
 * follows from who reads it, so there is one reader for each role.
 */
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'
import { digestBytes } from './digest.js'

/** What a status may say, from the acceptor (the first five) and from the initiator (the last two). */
export type StatusText = 'ok' | 'ok_simultaneous' | 'nok' | 'not_allowed' | 'alive' | 'true' | 'false'

/** Step 2, initiator: who I am and what I can do. */
export interface NameMessage {
  readonly tag: 'name'
  readonly flags: bigint
  readonly creation: number
  readonly name: string
}

/** Step 3, acceptor: whether to go on. Step 3B, initiator: `true` or `false`, after `alive`. */
export interface StatusMessage {
  readonly tag: 'status'
  readonly status: StatusText
}

/** Step 3, acceptor: a name that we would have had to ask for; never wanted. */
export interface NamedMessage {
  readonly tag: 'named'
  readonly name: string
  readonly creation: number
}

/** Step 4, acceptor: who I am, what I can do, and a number to be digested. */
export interface ChallengeMessage {
  readonly tag: 'challenge'
  readonly flags: bigint
  readonly challenge: number
  readonly creation: number
  readonly name: string
}

/** Step 5, initiator: the proof, and a number in return. */
export interface ReplyMessage {
  readonly tag: 'reply'
  readonly challenge: number
  readonly digest: Uint8Array
}

/** Step 6, acceptor: the proof in return. */
export interface AckMessage {
  readonly tag: 'ack'
  readonly digest: Uint8Array
}

/** What an initiator can be told. */
export type ToInitiator = StatusMessage | NamedMessage | ChallengeMessage | AckMessage
/** What an acceptor can be told. */
export type ToAcceptor = NameMessage | StatusMessage | ReplyMessage
/** Any message of the handshake. */
export type HandshakeMessage = ToInitiator | ToAcceptor

// The tags are letters.
const tagName = 0x4e // N, name and challenge
const tagStatus = 0x73 // s
const tagReply = 0x72 // r
const tagAck = 0x61 // a

const namePrefixBytes = 1 + 8 + 4 + 2
const challengePrefixBytes = 1 + 8 + 4 + 4 + 2
const replyBytes = 1 + 4 + digestBytes
const ackBytes = 1 + digestBytes

const toInitiatorTexts: ReadonlySet<string> = new Set<StatusText>([
  'ok',
  'ok_simultaneous',
  'nok',
  'not_allowed',
  'alive',
])
const toAcceptorTexts: ReadonlySet<string> = new Set<StatusText>(['true', 'false'])

/**
 * Reads a message that an acceptor was sent.
 *
 * @throws `ERR_REIGN_HANDSHAKE` when it is none.
 */
export function readToAcceptor(bytes: Uint8Array): ToAcceptor {
  switch (bytes[0]) {
    case tagName: {
      if (bytes.length < namePrefixBytes) throw malformed('a name', bytes)
      const view = viewOf(bytes)
      const name = readName(bytes, namePrefixBytes, view.getUint16(13), 'a name')
      return { tag: 'name', flags: view.getBigUint64(1), creation: view.getUint32(9), name }
    }
    case tagStatus:
      return { tag: 'status', status: readStatus(bytes, toAcceptorTexts) }
    case tagReply: {
      if (bytes.length !== replyBytes) throw malformed('a challenge reply', bytes)
      return { tag: 'reply', challenge: viewOf(bytes).getUint32(1), digest: bytes.slice(5) }
    }
    default:
      throw malformed('a handshake message', bytes)
  }
}

/**
 * Reads a message that an initiator was sent.
 *
 * @throws `ERR_REIGN_HANDSHAKE` when it is none.
 */
export function readToInitiator(bytes: Uint8Array): ToInitiator {
  switch (bytes[0]) {
    case tagName: {
      if (bytes.length < challengePrefixBytes) throw malformed('a challenge', bytes)
      const view = viewOf(bytes)
      const name = readName(bytes, challengePrefixBytes, view.getUint16(17), 'a challenge')
      const challenge = view.getUint32(9)
      return { tag: 'challenge', flags: view.getBigUint64(1), challenge, creation: view.getUint32(13), name }
    }
    case tagStatus:
      return readNamed(bytes) ?? { tag: 'status', status: readStatus(bytes, toInitiatorTexts) }
    case tagAck: {
      if (bytes.length !== ackBytes) throw malformed('a challenge ack', bytes)
      return { tag: 'ack', digest: bytes.slice(1) }
    }
    default:
      throw malformed('a handshake message', bytes)
  }
}

/** The bytes of a message. */
export function writeHandshakeMessage(message: HandshakeMessage): Uint8Array {
  switch (message.tag) {
    case 'name': {
      const { bytes, view } = withName(namePrefixBytes, message.name)
      view.setBigUint64(1, message.flags)
      view.setUint32(9, message.creation)
      return bytes
    }
    case 'challenge': {
      const { bytes, view } = withName(challengePrefixBytes, message.name)
      view.setBigUint64(1, message.flags)
      view.setUint32(9, message.challenge)
      view.setUint32(13, message.creation)
      return bytes
    }
    case 'status':
      return Buffer.from(`s${message.status}`, 'latin1')
    case 'named': {
      const name = Buffer.from(message.name)
      const bytes = Buffer.alloc(7 + 2 + name.length + 4)
      bytes.write('snamed:', 'latin1')
      bytes.writeUInt16BE(name.length, 7)
      bytes.set(name, 9)
      bytes.writeUInt32BE(message.creation, 9 + name.length)
      return bytes
    }
    case 'reply': {
      const bytes = new Uint8Array(replyBytes)
      bytes[0] = tagReply
      viewOf(bytes).setUint32(1, message.challenge)
      bytes.set(message.digest, 5)
      return bytes
    }
    case 'ack': {
      const bytes = new Uint8Array(ackBytes)
      bytes[0] = tagAck
      bytes.set(message.digest, 1)
      return bytes
    }
  }
}

/** A message with tag `N` and its name filled in, the rest to do. */
function withName(prefixBytes: number, name: string): { bytes: Uint8Array; view: DataView } {
  const text = Buffer.from(name)
  const bytes = new Uint8Array(prefixBytes + text.length)
  const view = viewOf(bytes)
  bytes[0] = tagName
  view.setUint16(prefixBytes - 2, text.length)
  bytes.set(text, prefixBytes)
  return { bytes, view }
}

/** Whatever follows the name is for later versions of the protocol, and to be ignored. */
function readName(bytes: Uint8Array, start: number, length: number, what: string): string {
  if (start + length > bytes.length) throw malformed(what, bytes)
  const text = utf8(bytes.subarray(start, start + length))
  if (text === undefined) throw malformed(what, bytes)
  return text
}

function readStatus(bytes: Uint8Array, known: ReadonlySet<string>): StatusText {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + 1, bytes.length - 1).toString('latin1')
  if (!known.has(text)) {
    throw new ReignError('ERR_REIGN_HANDSHAKE', `the peer sent an unknown status: ${quoteRemote(bytes.subarray(1))}`)
  }
  return text as StatusText
}

/** `named:` carries a length, a name and a creation after its text; `undefined` when it is another status. */
function readNamed(bytes: Uint8Array): NamedMessage | undefined {
  if (Buffer.from(bytes.subarray(1, 7)).toString('latin1') !== 'named:') return undefined
  const view = viewOf(bytes)
  if (bytes.length < 9 + 4 || bytes.length !== 9 + view.getUint16(7) + 4) throw malformed('a given name', bytes)
  const name = readName(bytes, 9, bytes.length - 13, 'a given name')
  return { tag: 'named', name, creation: view.getUint32(bytes.length - 4) }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function malformed(what: string, bytes: Uint8Array): ReignError {
  // Never the bytes themselves: they may be a digest, or a whole message that was meant for somebody else.
  const tag = bytes.length === 0 ? 'empty' : `tag ${bytes[0]}`
  return new ReignError('ERR_REIGN_HANDSHAKE', `the peer sent what is not ${what}: ${bytes.length} bytes, ${tag}`)
}
