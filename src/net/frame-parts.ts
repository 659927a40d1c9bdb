/** A frame that does not lie in one place: what was written of it, and the binaries that were put aside. */
import { copyOf } from '../codec/copy.js'
import type { Aside, Writer } from '../codec/writer.js'
import { ReignError } from '../errors.js'

/** Reads such a frame from its beginning to its end, once. */
export class FrameParts {
  readonly #parts: Uint8Array[] = []
  #part = 0
  #offset = 0
  #left: number

  /**
   * @param start Where in the writer the frame begins.
   * @param inPlace Whether it is written over while it is read here: then what was written is copied.
   * @throws `ERR_REIGN_ARGUMENT` when a binary that was put aside has another length by now.
   */
  constructor(writer: Writer, start: number, inPlace: boolean) {
    const { buffer, length } = writer
    const asides: readonly Aside[] = writer.asides ?? []
    const written = inPlace ? copyOf(buffer, start, length - start) : buffer.subarray(start, length)
    let at = 0
    for (const { offset, bytes, length } of asides) {
      // A buffer can be transferred or resized by a getter of the very value that is being sent.
      if (bytes.length !== length) {
        throw new ReignError('ERR_REIGN_ARGUMENT', 'a buffer was taken away or resized while it was being sent')
      }
      this.#parts.push(written.subarray(at, offset - start), bytes)
      at = offset - start
    }
    this.#parts.push(written.subarray(at))
    this.#left = this.#parts.reduce((sum, { length }) => sum + length, 0)
  }

  /** How many bytes have not been read. */
  get left(): number {
    return this.#left
  }

  /** Copies the next bytes to `target` from `at` on: as many as are asked for, or are left. @returns how many. */
  read(target: Uint8Array, at: number, bytes: number): number {
    const count = Math.min(bytes, this.#left)
    for (let done = 0; done < count; ) {
      const part = this.#parts[this.#part] as Uint8Array
      const end = Math.min(part.length, this.#offset + count - done)
      target.set(part.subarray(this.#offset, end), at + done)
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
}
