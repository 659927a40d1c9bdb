/** A frame that does not lie in one place: what was written of it, and the binaries that were put aside. */
import { copyOf } from '../codec/copy.js'
import type { Aside, Writer } from '../codec/writer.js'
import { ReignError } from '../errors.js'

/** Bytes from which a binary of a long message is not copied when it is sent, but read where it is when it leaves. */
export const referredBytesMin: number = 256 * 1024

interface Part {
  readonly bytes: Uint8Array
  /** As it was when the frame was written. */
  readonly length: number
}

/** Reads such a frame from its beginning to its end, once. */
export class FrameParts {
  /** What was written, and between what was put aside: one and the other in turn. */
  readonly #parts: Part[] = []
  #part = 0
  #offset = 0
  #left = 0

  /**
   * @param start Where in the writer the frame begins.
   * @param copies Whether what was written is written over before all is read, so that it must be copied.
   * @throws `ERR_REIGN_ARGUMENT` when a binary that was put aside has another length by now.
   */
  constructor(writer: Writer, start: number, copies: boolean) {
    const { buffer, length } = writer
    const asides: readonly Aside[] = writer.asides ?? []
    const written = copies ? copyOf(buffer, start, length - start) : buffer.subarray(start, length)
    let at = 0
    for (const aside of asides) {
      // A buffer can be transferred or resized by a getter of the very value that is being sent.
      if (aside.bytes.length !== aside.length) throw changed('while it was being sent')
      this.#add(written.subarray(at, aside.offset - start))
      this.#add(aside.bytes)
      at = aside.offset - start
    }
    this.#add(written.subarray(at))
  }

  /** How many bytes have not been read. */
  get left(): number {
    return this.#left
  }

  /** Makes it last beyond the call of whoever sends: all is copied but the binaries of {@link referredBytesMin} and more. */
  keep(): void {
    const parts = this.#parts
    for (let i = 1; i < parts.length; i += 2) {
      const { bytes, length } = parts[i] as Part
      if (length < referredBytesMin) parts[i] = { bytes: copyOf(bytes, 0, length), length }
    }
  }

  /**
   * Copies the next bytes to `target` from `at` on: as many as are asked for, or are left. @returns how many.
   *
   * @throws `ERR_REIGN_ARGUMENT` when a binary that was not copied has another length by now: the frame has no end then.
   */
  read(target: Uint8Array, at: number, bytes: number): number {
    const count = Math.min(bytes, this.#left)
    for (let done = 0; done < count; ) {
      const part = this.#parts[this.#part] as Part
      if (part.bytes.length !== part.length) throw changed('before it had left')
      const end = Math.min(part.length, this.#offset + count - done)
      target.set(part.bytes.subarray(this.#offset, end), at + done)
      done += end - this.#offset
      this.#offset = end
      if (end === part.length) {
        this.#part++
        this.#offset = 0
      }
    }
    this.#left -= count
    return count
  }

  #add(bytes: Uint8Array): void {
    this.#parts.push({ bytes, length: bytes.length })
    this.#left += bytes.length
  }
}

function changed(when: string): ReignError {
  return new ReignError('ERR_REIGN_ARGUMENT', `a buffer was taken away or resized ${when}`)
}
