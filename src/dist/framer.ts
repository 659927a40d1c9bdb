/**
 * Length prefixes: bytes in, frames out. Protocol: 2 bytes before each message of a handshake over TCP, 4 bytes before
 * each over TLS, and 4 before every frame once the nodes are connected.
 *
 * Pure but for what it keeps: the piece of a frame that has not arrived whole. A frame that lies in one chunk is handed up
 * where it is; only one that crosses from chunk to chunk is copied, into a buffer of its own that doubles up to the
 * frame's length. So each byte is copied once or twice at most, however small the pieces are that it comes in, a peer that
 * announces much and sends little costs little, and there is no list of pieces to grow without bound.
 */
import { ReignError } from '../errors.js'

/** Called with a frame: `bytes` from `start` to `end`, valid during the call only. An empty one is a tick. */
export type FrameHandler = (bytes: Uint8Array, start: number, end: number) => void

/** The most that is set aside for an announced frame before its bytes have come. */
const gatherBytesAtFirst = 64 * 1024

/** Cuts one connection's incoming bytes into frames. */
export class Framer {
  #lengthBytes: 2 | 4
  #frameBytesMax: number
  #stopped = false
  /** The length of the frame whose bytes are being gathered; -1 while its prefix itself has not arrived whole. */
  #frameBytes = -1
  #gathered: Uint8Array = noBytes
  #gatheredBytes = 0

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
    this.#gathered = noBytes
    this.#gatheredBytes = 0
  }

  /** Bytes kept for a frame that has not arrived whole. */
  get bytesHeld(): number {
    return this.#gatheredBytes
  }

  /**
   * Takes the next bytes; calls `frame` for each frame that they complete, in order.
   *
   * @throws `ERR_REIGN_FRAME_TOO_LARGE` for an announcement above the bound; what `frame` throws. The framer is then
   * stopped: behind a frame that could not be handled there is nothing to be trusted.
   */
  push(chunk: Uint8Array, frame: FrameHandler): void {
    try {
      let at = this.#gatheredBytes > 0 || this.#frameBytes >= 0 ? this.#complete(chunk, frame) : 0
      while (!this.#stopped) {
        const left = chunk.length - at
        if (left < this.#lengthBytes) break
        const start = at + this.#lengthBytes
        const length = this.#checked(this.#lengthAt(chunk, at))
        if (chunk.length - start < length) break
        at = start + length
        frame(chunk, start, at)
      }
      if (!this.#stopped && at < chunk.length) this.#keep(chunk, at)
    } catch (error) {
      this.stop()
      throw error
    }
  }

  /** The rest of the frame that is being gathered, from the chunk's first bytes. @returns how many those are. */
  #complete(chunk: Uint8Array, frame: FrameHandler): number {
    let at = 0
    if (this.#frameBytes < 0) {
      at = this.#gather(chunk, at, this.#lengthBytes)
      if (this.#gatheredBytes < this.#lengthBytes) return at
      this.#frameBytes = this.#checked(this.#lengthAt(this.#gathered, 0))
      this.#gatheredBytes = 0
    }
    at = this.#gather(chunk, at, this.#frameBytes)
    if (this.#gatheredBytes < this.#frameBytes) return at
    const whole = this.#gathered
    const length = this.#frameBytes
    // Before the call: the handler may switch, stop, or throw.
    this.#gathered = noBytes
    this.#gatheredBytes = 0
    this.#frameBytes = -1
    frame(whole, 0, length)
    return at
  }

  /** The last bytes of a chunk, which begin a frame but do not complete it. */
  #keep(chunk: Uint8Array, from: number): void {
    let at = from
    if (chunk.length - at >= this.#lengthBytes) {
      this.#frameBytes = this.#checked(this.#lengthAt(chunk, at))
      at += this.#lengthBytes
    }
    this.#gather(chunk, at, this.#frameBytes < 0 ? this.#lengthBytes : this.#frameBytes)
  }

  /** Copies until `wanted` bytes are gathered or the chunk ends. @returns where in the chunk it stopped. */
  #gather(chunk: Uint8Array, at: number, wanted: number): number {
    const end = Math.min(chunk.length, at + wanted - this.#gatheredBytes)
    const bytes = this.#gatheredBytes + end - at
    if (bytes > this.#gathered.length) {
      // What has come, or what was announced if that is little; then twice as much, up to what was announced.
      const room = Math.max(bytes, this.#gathered.length * 2, gatherBytesAtFirst)
      const grown = new Uint8Array(Math.min(room, wanted))
      grown.set(this.#gathered.subarray(0, this.#gatheredBytes))
      this.#gathered = grown
    }
    this.#gathered.set(chunk.subarray(at, end), this.#gatheredBytes)
    this.#gatheredBytes = bytes
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

const noBytes = new Uint8Array(0)
