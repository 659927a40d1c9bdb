/**
 * Length prefixes: bytes in, frames out. Protocol: 2 bytes before each message of a handshake over TCP, 4 bytes before
 * each over TLS, and 4 before every frame once the nodes are connected.
 *
 * Pure but for what it keeps: the pieces of a frame that has not arrived whole. A frame that lies in one chunk is handed up
 * where it is. One that crosses from chunk to chunk is copied once if its pieces are large, twice if they are small; and it
 * costs memory for the bytes that have come, not for those that were announced.
 */
import { ReignError } from '../errors.js'
import { Pieces } from './pieces.js'

/** Called with a frame: `bytes` from `start` to `end`, which belong to nobody else. An empty one is a tick. */
export type FrameHandler = (bytes: Uint8Array, start: number, end: number) => void

/** Called with a frame that came in several pieces. */
export type PiecesHandler = (pieces: Pieces) => void

/** Cuts one connection's incoming bytes into frames. */
export class Framer {
  #lengthBytes: 2 | 4
  #frameBytesMax: number
  #stopped = false
  /** The length of the frame whose bytes are being gathered; -1 while its prefix itself has not arrived whole. */
  #frameBytes = -1
  /** What has come of the prefix, or of the frame behind it. */
  #gathered: Pieces | undefined
  /** Whether somebody may be looking at the memory of the chunk at hand, from a piece or a frame on. */
  #shared = true

  /** @param frameBytesMax A longer announcement throws, before anything is kept for it. */
  constructor(lengthBytes: 2 | 4, frameBytesMax: number) {
    this.#lengthBytes = lengthBytes
    this.#frameBytesMax = frameBytesMax
  }

  /**
   * Other prefixes and another bound, from the next frame on. To be called from within the handler of the last frame of
   * the old kind: what follows it in the same chunk is already of the new kind.
   */
  switchTo(lengthBytes: 2 | 4, frameBytesMax: number): void {
    this.#lengthBytes = lengthBytes
    this.#frameBytesMax = frameBytesMax
  }

  /** No more frames, not even those of the chunk at hand; what is kept is let go. */
  stop(): void {
    this.#stopped = true
    this.#gathered = undefined
  }

  /** Bytes kept for a frame that has not arrived whole. */
  get bytesHeld(): number {
    return this.#gathered?.length ?? 0
  }

  /**
   * Takes the next bytes, which belong to nobody else from then on; calls `frame` for each frame that they complete, in order, or
   * `pieces`, if it is given, for one that came in several.
   *
   * @throws `ERR_REIGN_FRAME_TOO_LARGE` for an announcement above the bound; what the handlers throw. The framer is then
   * stopped: behind a frame that could not be handled there is nothing to be trusted.
   */
  push(chunk: Uint8Array, frame: FrameHandler, pieces?: PiecesHandler): void {
    try {
      this.#shared = chunk.length < chunk.buffer.byteLength
      let at = this.#gathered === undefined ? 0 : this.#complete(chunk, frame, pieces)
      while (!this.#stopped) {
        const left = chunk.length - at
        if (left < this.#lengthBytes) break
        const start = at + this.#lengthBytes
        const length = this.#checked(this.#lengthAt(chunk, at))
        if (chunk.length - start < length) break
        at = start + length
        if (length > 0) this.#shared = true
        frame(chunk, start, at)
      }
      if (!this.#stopped && at < chunk.length) this.#keep(chunk, at)
    } catch (error) {
      this.stop()
      throw error
    }
  }

  /** The rest of the frame that is being gathered, from the chunk's first bytes. @returns how many those are. */
  #complete(chunk: Uint8Array, frame: FrameHandler, pieces: PiecesHandler | undefined): number {
    let at = 0
    let gathered = this.#gathered as Pieces
    if (this.#frameBytes < 0) {
      at = this.#gather(gathered, chunk, at, this.#lengthBytes)
      if (gathered.length < this.#lengthBytes) return at
      this.#frameBytes = this.#checked(this.#lengthAt(gathered.join(), 0))
      this.#gathered = gathered = new Pieces()
    }
    const length = this.#frameBytes
    at = this.#gather(gathered, chunk, at, length)
    if (gathered.length < length) return at
    // Before the call: the handler may switch, stop, or throw.
    this.#gathered = undefined
    this.#frameBytes = -1
    if (pieces !== undefined && length > 0) pieces(gathered)
    else frame(gathered.join(), 0, length)
    return at
  }

  /** The last bytes of a chunk, which begin a frame but do not complete it. */
  #keep(chunk: Uint8Array, from: number): void {
    let at = from
    if (chunk.length - at >= this.#lengthBytes) {
      this.#frameBytes = this.#checked(this.#lengthAt(chunk, at))
      at += this.#lengthBytes
    }
    const gathered = new Pieces()
    this.#gathered = gathered
    this.#gather(gathered, chunk, at, this.#frameBytes < 0 ? this.#lengthBytes : this.#frameBytes)
  }

  /** Takes bytes until there are `wanted` or the chunk ends. @returns where in the chunk it stopped. */
  #gather(gathered: Pieces, chunk: Uint8Array, at: number, wanted: number): number {
    const end = Math.min(chunk.length, at + wanted - gathered.length)
    const sole = !this.#shared && end === chunk.length
    if (gathered.add(chunk, at, end, wanted, sole)) this.#shared = true
    return end
  }

  #lengthAt(bytes: Uint8Array, at: number): number {
    const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number)
    if (this.#lengthBytes === 2) return high
    return high * 0x10000 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number))
  }

  #checked(length: number): number {
    if (length <= this.#frameBytesMax) return length
    throw new ReignError(
      'ERR_REIGN_FRAME_TOO_LARGE',
      `a frame of ${length} bytes was announced; the limit is ${this.#frameBytesMax}`,
    )
  }
}
