/**
 * Long messages that come in fragments, among others.
 *
 * Protocol: erl_dist_protocol, "Distribution Header for fragmented messages". The first fragment has the number of fragments and
 * the atoms for all; the others count down to one. A sender finishes a message before it sends anything else to the same
 * receiver, so what is complete can be handed up at once. Bounded in the number of unfinished messages, and in their bytes.
 */
import type { KnownAtom } from '../codec/atom-budget.js'
import { ReignError } from '../errors.js'
import type { Limits } from '../limits.js'
import { Assembly } from './assembly.js'
import type { Piece } from './pieces.js'

/** Bytes of a later fragment before its part of the message: version, kind, and the two numbers. */
export const fragmentHeadBytes = 18

/** A message of which not all has come. */
export interface Unfinished {
  /** The number of the fragment that came last; 1 when all is there. */
  fragment: bigint
  readonly atoms: readonly KnownAtom[]
  readonly assembly: Assembly
}

/** What {@link Fragments} is bounded by. */
export type FragmentLimits = Pick<Limits, 'frameBytesMax' | 'fragmentBytesMax' | 'fragmentedMessagesMax'>

/** The unfinished messages of one connection. */
export class Fragments {
  readonly #limits: FragmentLimits
  readonly #unfinished = new Map<bigint, Unfinished>()
  #bytes = 0
  /** Bytes that memory is set aside for, whether they have come or not. */
  #reserved = 0

  constructor(limits: FragmentLimits) {
    this.#limits = limits
  }

  /** How many messages are unfinished, and the bytes that are kept of them. */
  get held(): { readonly messages: number; readonly bytes: number } {
    return { messages: this.#unfinished.size, bytes: this.#bytes }
  }

  /**
   * The first fragment of a message, of so many; its bytes are then added by {@link add}.
   *
   * @throws `ERR_REIGN_CONTROL_INVALID` when that message is under way already, or has no fragments;
   *   `ERR_REIGN_FRAME_TOO_LARGE` when more are unfinished than may be (`limits.fragmentedMessagesMax`).
   */
  first(id: bigint, fragment: bigint, atoms: readonly KnownAtom[]): void {
    if (fragment < 1n) throw invalid(`a message of ${fragment} fragments`)
    if (this.#unfinished.has(id)) throw invalid(`message ${id} begins again before it has ended`)
    const { fragmentedMessagesMax } = this.#limits
    if (this.#unfinished.size >= fragmentedMessagesMax) {
      throw tooLarge(`more than ${fragmentedMessagesMax} messages are unfinished (limits.fragmentedMessagesMax)`)
    }
    this.#unfinished.set(id, { fragment: fragment + 1n, atoms: [...atoms], assembly: new Assembly() })
  }

  /**
   * The part of the message in that fragment, which comes in some pieces and is copied.
   *
   * @param from The bytes of the first pieces that do not belong to it.
   * @returns the message, once that was the last of it.
   * @throws `ERR_REIGN_CONTROL_INVALID` for a fragment out of turn, or of no message; `ERR_REIGN_FRAME_TOO_LARGE` when the message
   *   (`limits.frameBytesMax`), or all that is unfinished (`limits.fragmentBytesMax`), is larger than it may be.
   */
  add(id: bigint, fragment: bigint, pieces: Iterable<Piece>, from: number, bytes: number): Unfinished | undefined {
    const message = this.#unfinished.get(id)
    if (message === undefined) throw invalid(`fragment ${fragment} of message ${id}, which has not begun`)
    if (fragment !== message.fragment - 1n) {
      throw invalid(`fragment ${fragment} of message ${id} comes after fragment ${message.fragment}`)
    }
    message.fragment = fragment
    const { assembly } = message
    const { frameBytesMax, fragmentBytesMax } = this.#limits
    this.#bytes += bytes
    const left = frameBytesMax - assembly.length - bytes
    if (left < 0) throw tooLarge(`a message in fragments has more than ${frameBytesMax} bytes (limits.frameBytesMax)`)
    if (this.#bytes > fragmentBytesMax) {
      throw tooLarge(`unfinished messages have more than ${fragmentBytesMax} bytes (limits.fragmentBytesMax)`)
    }
    this.#reserved -= assembly.reserved
    assembly.add(
      pieces,
      from,
      bytes,
      Number(fragment - 1n),
      Math.min(left, Math.max(0, fragmentBytesMax - this.#reserved)),
    )
    this.#reserved += assembly.reserved
    if (fragment > 1n) return undefined
    this.#unfinished.delete(id)
    this.#bytes -= assembly.length
    this.#reserved -= assembly.reserved
    return message
  }
}

function invalid(complaint: string): ReignError {
  return new ReignError('ERR_REIGN_CONTROL_INVALID', complaint)
}

function tooLarge(complaint: string): ReignError {
  return new ReignError('ERR_REIGN_FRAME_TOO_LARGE', complaint)
}
