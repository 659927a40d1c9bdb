/**
 * How much of long messages may be on its way: what has left, and has not been read at the other side as far as is known.
 *
 * The system takes many megabytes off our hands before the other side reads the first of them, and whatever is sent then waits
 * behind those, however short it is. So while anything else is sent beside long messages, a probe is sent after so many bytes of
 * them, a small frame that the other side answers at once, and while too much is unanswered no more of them leaves. How much
 * that may be goes by how long answers take: a long way needs more under way at a time, one that grows longer the more is sent is full.
 * Where nothing else is sent nobody waits, and none of this is done: it costs throughput, mostly by what the garbage
 * collector of Node.js makes of a socket that is written to while much is read from it.
 */
import type { Clock, ClockTimer } from '../clock.js'

/** Bytes after which a probe is sent. */
export const probeBytes: number = 256 * 1024
/** The least, and the most, that may be on its way. */
const bytesMin = 1024 * 1024
const bytesMax = 64 * 1024 * 1024
/** An answer has come without delay if it took no longer than the quickest, times this, and so many milliseconds. */
const promptTimes = 1.25
const promptMs = 2
/** And it was held up if it took longer than this. */
const lateTimes = 2
const lateMs = 8
const shrink = 0.75
/** For so long after anything else was sent, more is thought to come. */
const besideMs = 1_000
/** Who has answered nothing for so long may do without probes. What waits would wait for ever for a peer that knows none. */
const patienceMs = 2_000

/** See the head of this file. */
export class Flight {
  readonly #clock: Clock
  readonly #probe: () => void
  readonly #go: () => void
  /** Probes that have not been answered: what was sent up to each since the one before, and when. */
  readonly #probes: { readonly bytes: number; readonly at: number }[] = []
  /** What is on its way, as far as there was a probe behind it; and what has left since the last. */
  #bytes = 0
  #unprobed = 0
  /** When anything else was sent last. */
  #besideAt = Number.NEGATIVE_INFINITY
  #room = bytesMin
  #quickestMs = Number.POSITIVE_INFINITY
  #timer: ClockTimer | undefined

  /**
   * @param probe Sends a probe; called in a microtask.
   * @param go Called when more may leave, after {@link mayGo} has said no.
   */
  constructor(clock: Clock, probe: () => void, go: () => void) {
    this.#clock = clock
    this.#probe = probe
    this.#go = go
  }

  /** How much may be on its way at present. */
  get room(): number {
    return this.#room
  }

  /** Whether more of a long message may leave; when not, `go` is called in time. */
  mayGo(): boolean {
    if (this.#bytes < this.#room) return true
    if (this.#timer === undefined) {
      this.#timer = this.#clock.setTimer(() => this.#giveUp(), patienceMs)
      this.#clock.holdProgram(this.#timer, false)
    }
    return false
  }

  /** So much of long messages has left. */
  left(bytes: number): void {
    this.#unprobed += bytes
    if (this.#unprobed >= probeBytes && this.#clock.now() - this.#besideAt < besideMs) this.#ask()
  }

  /** Something else is sent while long messages wait. */
  beside(): void {
    const now = this.#clock.now()
    const isNews = now - this.#besideAt >= besideMs
    this.#besideAt = now
    // Nobody knows how much of what has left by now has been read.
    if (isNews && this.#unprobed >= probeBytes) this.#ask()
  }

  /** The oldest probe has been answered. */
  answered(): void {
    const probe = this.#probes.shift()
    // Nobody has asked.
    if (probe === undefined) return
    const tookMs = this.#clock.now() - probe.at
    this.#quickestMs = Math.min(this.#quickestMs, tookMs)
    this.#bytes -= probe.bytes
    if (this.#room === Number.POSITIVE_INFINITY) this.#room = bytesMin
    else if (tookMs <= this.#quickestMs * promptTimes + promptMs)
      this.#room = Math.min(bytesMax, this.#room + probe.bytes)
    else if (tookMs > this.#quickestMs * lateTimes + lateMs) this.#room = Math.max(bytesMin, this.#room * shrink)
    if (this.#timer === undefined) return
    this.stop()
    this.#go()
  }

  /** Nothing more will leave. */
  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer)
    this.#timer = undefined
  }

  #ask(): void {
    this.#bytes += this.#unprobed
    this.#probes.push({ bytes: this.#unprobed, at: this.#clock.now() })
    this.#unprobed = 0
    this.#clock.microtask(this.#probe)
  }

  #giveUp(): void {
    this.#timer = undefined
    this.#room = Number.POSITIVE_INFINITY
    this.#go()
  }
}
