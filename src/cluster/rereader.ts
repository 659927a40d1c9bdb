/**
 * What was read when the node started, and is read anew when its files change or somebody asks: one reading after the other, and one
 * complaint for each thing that is wrong, however often it is looked at.
 */
import { describe, ReignError } from '../errors.js'

/** What makes a rereading: where it comes from, what becomes of it, and whom to tell what is wrong. */
export interface Rereading<R, C> {
  readonly read: () => Promise<R>
  /** Takes what was read into use. Gives what has changed by that. */
  readonly use: (read: R) => C
  /** The files have changed, and cannot be used. */
  readonly complain: (told: { readonly code?: string; readonly error: string }) => void
}

/** See the head of this file. */
export class Rereader<R, C> {
  readonly #parts: Rereading<R, C>
  /** The reading under way: the next one waits for it. */
  #reading: Promise<unknown> = Promise.resolve()
  #complaint: string | undefined
  #stopped = false

  constructor(parts: Rereading<R, C>) {
    this.#parts = parts
  }

  /** Reads anew. @throws what `read` and `use` throw; `ERR_REIGN_NODE_STOPPED`. */
  reload(): Promise<C> {
    const reading = this.#reading.then(() => this.#reload())
    this.#reading = reading.catch(() => {})
    return reading
  }

  async #reload(): Promise<C> {
    this.#checkRunning()
    const read = await this.#parts.read()
    this.#checkRunning()
    return this.#parts.use(read)
  }

  #checkRunning(): void {
    if (this.#stopped) throw new ReignError('ERR_REIGN_NODE_STOPPED', 'the node has stopped')
  }

  /** The files have changed. Gives whether they could be used; says why not, once for each reason. */
  async noticed(): Promise<boolean> {
    try {
      await this.reload()
      this.#complaint = undefined
      return true
    } catch (error) {
      if (this.#stopped) return true
      const told = error instanceof ReignError ? { code: error.code, error: error.message } : { error: describe(error) }
      if (told.error !== this.#complaint) {
        this.#complaint = told.error
        this.#parts.complain(told)
      }
      return false
    }
  }

  stop(): void {
    this.#stopped = true
  }
}
