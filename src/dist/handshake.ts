/**
 * What the two sides of the handshake share: who takes part, what a step is, how one ends. Protocol: "Distribution
 * handshake". The sides themselves are `handshake-initiator.ts` (A, who dialled) and `handshake-acceptor.ts` (B).
 *
 * Pure: no socket, no clock, no randomness. A step takes a state and an input, asks its environment what only the owner
 * can know, and gives the next state and the messages to send (bodies, without the length that goes before each).
 *
 *     A                                              B
 *     2  name ------------------------------------>     flags, name, identity, the owner's verdict
 *        <------------------------------------ status  3
 *     3B status, only after `alive` --------------->     the owner's verdict again, where another run is connected
 *        <--------------------------------- challenge  4
 *     5  reply ------------------------------------>     the digest: wrong, close without a word
 *        <--------------------------------------- ack  6
 *        the digest: wrong, close
 */
import { ReignError } from '../errors.js'
import { quoteRemote } from '../remote-text.js'
import type { Secret } from '../secret.js'
import { expandFlags, flagNames, missingFlags } from './flags.js'
import { type HandshakeMessage, writeHandshakeMessage } from './handshake-messages.js'

/** Who we are in every handshake. */
export interface LocalNode {
  readonly name: string
  readonly creation: number
  /** What we offer. */
  readonly flags: bigint
  /** What a peer must offer, after its digest bit is spelled out. */
  readonly requiredFlags: bigint
}

/** The other node, as its handshake has it. */
export interface HandshakePeer {
  readonly name: string
  readonly creation: number
  /** What both sides offer: all that counts from here on. */
  readonly flags: bigint
}

/** What both roles ask their environment. */
export interface HandshakeEnv {
  readonly local: LocalNode
  /** The cookie shared with that peer; in both directions it is the one for the peer's name. */
  cookie(peerName: string): Secret
  /** A fresh challenge, other than `unlike`. */
  challenge(unlike?: number): number
  /** Whether the challenge is one that we have given out and that waits for its answer. */
  isOurChallenge(challenge: number): boolean
}

/** What can happen to a handshake, besides its deadline. */
export type HandshakeInput =
  | { readonly input: 'message'; readonly bytes: Uint8Array }
  /** The other side has closed; `error` if it was not in good order. */
  | { readonly input: 'closed'; readonly error?: Error | undefined }

/** Why a handshake ended without a connection: a small union that does not change between releases. */
export type HandshakeFailureReason =
  /** The acceptor keeps its own attempt at the initiator: that one will do. */
  | 'nok'
  /** The acceptor will not have the initiator. */
  | 'not_allowed'
  /** The acceptor has a connection already, and the initiator did not insist. */
  | 'alive'
  /** Another run of the initiator's name is connected with the acceptor, and alive. */
  | 'in_use'
  /** One side lacks a mandatory ability. */
  | 'flags'
  /** Somebody else than the node that was dialled, or than its certificate says. */
  | 'identity'
  /** The cookies differ. */
  | 'cookie'
  /** Not the message that the protocol has here. */
  | 'protocol'
  /** The other side closed. */
  | 'closed'

/** How a handshake failed. */
export interface HandshakeFailure {
  readonly reason: HandshakeFailureReason
  readonly error: ReignError
}

/** What a step gives: the next state, and what to send before anything else happens. */
export interface Step<S> {
  readonly state: S
  readonly send: readonly Uint8Array[]
}

/** A step to `state`, with messages to send. */
export function goTo<S>(state: S, ...messages: HandshakeMessage[]): Step<S> {
  return { state, send: messages.map(writeHandshakeMessage) }
}

/** What {@link HandshakePeer} follows from an offer; the failure when it lacks something mandatory. */
export function peerOf(
  local: LocalNode,
  offer: { readonly name: string; readonly creation: number; readonly flags: bigint },
): HandshakePeer | HandshakeFailure {
  const offered = expandFlags(offer.flags)
  const missing = missingFlags(offered, local.requiredFlags)
  if (missing !== 0n) {
    const names = flagNames(missing).join(', ')
    return failure('flags', 'ERR_REIGN_HANDSHAKE', `${quoteRemote(offer.name)} lacks mandatory abilities: ${names}`)
  }
  return { name: offer.name, creation: offer.creation, flags: local.flags & offered }
}

/** Whether {@link peerOf} gave a failure. */
export function isFailure(value: object): value is HandshakeFailure {
  return 'reason' in value
}

/** Puts a failure together. */
export function failure(
  reason: HandshakeFailureReason,
  code: ReignError['code'],
  message: string,
  cause?: unknown,
): HandshakeFailure {
  return { reason, error: new ReignError(code, message, cause === undefined ? {} : { cause }) }
}

/** Runs a step; what it throws as a coded error, a message that cannot be read or a cookie that cannot be used, ends it. */
export function guarded<S>(refused: (failure: HandshakeFailure) => S, step: () => Step<S>): Step<S> {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof ReignError)) throw error
    const reason = error.code === 'ERR_REIGN_COOKIE' || error.code === 'ERR_REIGN_DIGEST' ? 'cookie' : 'protocol'
    return { state: refused({ reason, error }), send: [] }
  }
}
