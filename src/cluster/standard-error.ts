/**
 * Standard error, for log lines: written at once, since the program may be about to end, and never waited for.
 *
 * `process.stderr` will not do: what it cannot write now it keeps, without a bound, and a reader that leaves ends the program. Nor does the
 * destination of pino, which keeps what a full disk refuses, and sleeps for as long as a reader does not read.
 */
import { writeSync } from 'node:fs'

const descriptor = 2
const nothing = new Uint8Array()

/** How long a reader that does read may take to make room, in milliseconds; one that then still has not is not waited for again until it has. */
const patienceMs = 20
const lookMs = 1

/** Writes bytes; how many it has taken. As `writeSync`. */
export type WriteSome = (bytes: Uint8Array) => number

/** See the head of this file. */
export class StandardError {
  readonly #write: WriteSome
  /** The end of a line of which the beginning is written: nothing may come between. */
  #rest: Uint8Array = nothing
  #stuck = false

  constructor(write: WriteSome = systemWriter()) {
    this.#write = write
  }

  /**
   * Writes a line, or nothing of it: an end that it is not rid of goes before the next one.
   *
   * @throws what the system says: `ENOSPC` of a full disk, `EPIPE` of a reader that has left, `EAGAIN` of one that does not read.
   */
  write(line: string): void {
    const before = this.#put(this.#rest)
    this.#rest = before.rest
    if (before.error !== undefined) throw before.error
    const bytes = new TextEncoder().encode(line)
    const { rest, error } = this.#put(bytes)
    if (rest.length === bytes.length) throw error
    this.#rest = rest
  }

  /** @returns What is not written, and why. */
  #put(bytes: Uint8Array): { rest: Uint8Array; error?: unknown } {
    let at = 0
    let waitedMs = 0
    while (at < bytes.length) {
      try {
        at += this.#write(bytes.subarray(at))
        this.#stuck = false
      } catch (error) {
        const isFull = (error as NodeJS.ErrnoException).code === 'EAGAIN'
        if (!isFull || this.#stuck || waitedMs >= patienceMs) {
          this.#stuck = isFull
          return { rest: bytes.subarray(at), error }
        }
        waitedMs += lookMs
        sleep(lookMs)
      }
    }
    return { rest: nothing }
  }
}

function systemWriter(): WriteSome {
  // To make the stream makes a pipe one that says so when it is full: a write would otherwise wait for its reader, and the node with it.
  void process.stderr
  return (bytes) => writeSync(descriptor, bytes)
}

/** A sleep of this thread: a line is to be written before the call returns. */
function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}
