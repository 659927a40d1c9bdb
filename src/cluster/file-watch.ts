/**
 * Notices that files have changed, by looking at them every few seconds.
 *
 * Looking is what works everywhere: on network disks, through the symbolic links that Kubernetes swaps, for a file that is replaced
 * or comes later. `fs.watch` misses each of these somewhere.
 */
import { stat } from 'node:fs/promises'
import type { Clock, ClockTimer } from '../clock.js'

/** Between two looks, in milliseconds. A look is one `stat` for each file. */
export const watchIntervalMs = 4_000

/** See the head of this file. */
export class FileWatch {
  readonly #clock: Clock
  readonly #files: () => readonly string[]
  readonly #changed: () => Promise<boolean>
  #timer: ClockTimer | undefined
  #stopped = true
  /** What was taken last. */
  #taken: string | undefined
  #seen: string | undefined

  /**
   * @param files Asked at each look.
   * @param changed Called when they are not as they were, once they are the same in two looks: a certificate and its key are
   *   seldom replaced in one instant. Called at the beginning too, as nobody knows what has happened since they were read; and
   *   again at each look, when it resolves with `false`: what it misses may be a file that is not known here. Never rejects.
   */
  constructor(clock: Clock, files: () => readonly string[], changed: () => Promise<boolean>) {
    this.#clock = clock
    this.#files = files
    this.#changed = changed
  }

  /** Begins. Does not keep the program from ending. */
  start(): void {
    if (!this.#stopped) return
    this.#stopped = false
    this.#arm()
  }

  stop(): void {
    this.#stopped = true
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer)
    this.#timer = undefined
  }

  #arm(): void {
    this.#timer = this.#clock.setTimer(() => void this.#look(), watchIntervalMs)
    this.#clock.holdProgram(this.#timer, false)
  }

  async #look(): Promise<void> {
    const state = (await Promise.all(this.#files().map(stateOf))).join('\n')
    if (this.#stopped) return
    const settled = state === this.#seen
    this.#seen = state
    if (settled && state !== this.#taken && (await this.#changed())) this.#taken = state
    if (!this.#stopped) this.#arm()
  }
}

/** What changes when a file does. */
async function stateOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path)
    return [path, dev, ino, size, mtimeMs, ctimeMs].join(' ')
  } catch {
    return `${path} is not there`
  }
}
