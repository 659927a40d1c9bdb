/**
 * Frames with a distribution header to signals: what two nodes send each other that have negotiated an atom cache or fragments.
 *
 * Protocol: erl_dist_protocol, "Protocol between connected nodes". Every frame begins with the version byte and its kind: a whole
 * message, the first fragment of a long one, or a later fragment.
 */
// The global is a getter, which a look at each frame would show.
import { Buffer } from 'node:buffer'
import type { AtomBudget } from '../codec/atom-budget.js'
import { versionMagic } from '../codec/tags.js'
import { ReignError } from '../errors.js'
import type { Signal } from '../signal.js'
import { AtomCache } from './atom-cache.js'
import { firstFragment, laterFragment, wholeMessage } from './control-ops.js'
import { type ControlReader, wrongForm } from './control-read.js'
import { type FragmentLimits, Fragments, fragmentHeadBytes } from './fragments.js'
import type { Piece, Pieces } from './pieces.js'

/** Reads the frames of one connection, one at a time. */
export class HeaderFrames {
  readonly #control: ControlReader
  readonly #cache: AtomCache
  readonly fragments: Fragments

  constructor(control: ControlReader, atoms: AtomBudget, limits: FragmentLimits) {
    this.#control = control
    this.#cache = new AtomCache(atoms)
    this.fragments = new Fragments(limits)
  }

  /**
   * Reads the frame that is `bytes` from `start` to `end`, which belong to nobody else; not a tick.
   *
   * @returns the signal; `undefined` when the frame is a fragment and not the last of its message, or asks for nothing.
   * @throws as `ControlReader.read`, and `ERR_REIGN_CONTROL_INVALID` for a header or a fragment that is wrong;
   *   `ERR_REIGN_FRAME_TOO_LARGE` for fragments beyond the bounds. All mean: close the connection.
   */
  read(bytes: Uint8Array, start: number, end: number): Signal | undefined {
    if (start >= end || bytes[start] !== versionMagic) {
      throw wrongForm(start < end ? bytes[start] : undefined, versionMagic)
    }
    const kind = start + 1 < end ? bytes[start + 1] : undefined
    const buffer = bytes instanceof Buffer ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    if (kind === wholeMessage) {
      const at = this.#cache.read(buffer, start + 2, end)
      return this.#control.readBehindHeader(buffer, at, end, this.#cache.atoms)
    }
    if (kind !== firstFragment && kind !== laterFragment) throw invalid(`of kind ${kind}`)
    const { id, fragment } = numbersOf(buffer, start, end)
    let at = start + fragmentHeadBytes
    if (kind === firstFragment) {
      at = this.#cache.read(buffer, at, end)
      this.fragments.first(id, fragment, this.#cache.atoms)
    }
    return this.#add(id, fragment, [{ bytes: buffer.subarray(at, end), sole: false }], 0, end - at)
  }

  /** The same for a frame that came in pieces: those of a long message are not joined before the last has come. */
  readPieces(frame: Pieces): Signal | undefined {
    const head = frame.head(2)
    if (head[0] !== versionMagic || head[1] !== laterFragment) {
      const bytes = frame.join()
      return this.read(bytes, 0, bytes.length)
    }
    const start = frame.head(fragmentHeadBytes)
    const buffer = Buffer.from(start.buffer, start.byteOffset, start.byteLength)
    const { id, fragment } = numbersOf(buffer, 0, buffer.length)
    return this.#add(id, fragment, frame, fragmentHeadBytes, frame.length - fragmentHeadBytes)
  }

  #add(id: bigint, fragment: bigint, pieces: Iterable<Piece>, from: number, bytes: number): Signal | undefined {
    const message = this.fragments.add(id, fragment, pieces, from, bytes)
    if (message === undefined) return undefined
    const whole = message.assembly.bytes
    return this.#control.readBehindHeader(whole, 0, whole.length, message.atoms)
  }
}

function numbersOf(bytes: Buffer, start: number, end: number): { id: bigint; fragment: bigint } {
  if (end - start < fragmentHeadBytes) throw invalid('that is cut short')
  return { id: bytes.readBigUInt64BE(start + 2), fragment: bytes.readBigUInt64BE(start + 10) }
}

function invalid(complaint: string): ReignError {
  return new ReignError('ERR_REIGN_CONTROL_INVALID', `a frame with a distribution header ${complaint}`)
}
