/**
 * Many timers over one timer of the clock: a heap ordered by deadline, then by age.
 *
 * A receive with a time-out starts a timer and nearly always takes it back, so both must be cheap, and firing must have
 * one order whatever the machine did meanwhile: earlier deadline first, equal deadlines in the order they were set.
 */
import type { Clock, ClockTimer } from './clock.js'
import { ReignError } from './errors.js'

/** What a clock can be set for at most, in milliseconds: 24.8 days. A later timer is armed anew on the way. */
const armMaxMs = 0x7fffffff

/** Something that is due at a time. Set it with {@link Timers.set}, take it back with {@link Timers.cancel}, or ask how long it still has. */
export abstract class Timer {
  /** @internal Its age. */
  order = 0
  /** @internal Where it is in the heap; -1 until it is set, and once it has fired or was taken back. */
  position = -1

  /** @internal Its time has come: called once. */
  abstract fire(): void

  /** Whether it has neither fired nor been taken back. */
  get pending(): boolean {
    return this.position >= 0
  }
}

/** Calls somebody back. */
class Callback extends Timer {
  readonly #call: () => void

  constructor(call: () => void) {
    super()
    this.#call = call
  }

  override fire(): void {
    this.#call()
  }
}

/** The timers of one node. Cost: O(log n) to set and to cancel, n being the timers pending; memory, one object each. */
export class Timers {
  readonly #clock: Clock
  readonly #failed: (error: unknown) => void
  readonly #heap: Timer[] = []
  /** When each of the heap is due, on the clock's monotonic scale: apart, so that hardly any of a hundred thousand is looked at itself. */
  #due = new Float64Array(64)
  #order = 0
  #armed: ClockTimer | undefined
  #armedFor = Number.POSITIVE_INFINITY

  /** @param failed Told of what a callback throws; the other timers fire all the same. */
  constructor(clock: Clock, failed: (error: unknown) => void) {
    this.#clock = clock
    this.#failed = failed
  }

  /** How many are pending. */
  get size(): number {
    return this.#heap.length
  }

  /**
   * Calls back once, `delayMs` from now (at least one turn of the event loop from now, even for 0 or less).
   *
   * @throws `ERR_REIGN_ARGUMENT` when the delay is not a finite number: it would have no place in the order of the others.
   */
  after(delayMs: number, fire: () => void): Timer {
    const timer = new Callback(fire)
    this.set(timer, delayMs)
    return timer
  }

  /** Lets a timer that is not pending fire once, as {@link after} calls back. @throws as {@link after}. */
  set(timer: Timer, delayMs: number): void {
    if (!Number.isFinite(delayMs)) {
      throw new ReignError('ERR_REIGN_ARGUMENT', `a delay is a number of milliseconds, not ${String(delayMs)}`)
    }
    this.setAt(timer, this.#clock.now() + Math.max(0, delayMs), this.nextOrder())
  }

  /** @internal Orders what is due at the same time: as it was set. */
  nextOrder(): number {
    return this.#order++
  }

  /** @internal Lets a timer that is not pending fire at that time of the clock, as if it had been set when the order was given out. */
  setAt(timer: Timer, dueMs: number, order: number): void {
    const { length } = this.#heap
    if (length === this.#due.length) this.#grow()
    timer.order = order
    this.#rise(length, timer, dueMs)
    if (timer.position === 0 || this.#heap.length === 1) this.#arm()
  }

  /** Milliseconds until it fires, rounded up; `undefined` when it has fired or was taken back. */
  left(timer: Timer): number | undefined {
    if (timer.position < 0) return undefined
    return Math.max(0, Math.ceil((this.#due[timer.position] as number) - this.#clock.now()))
  }

  /** Takes a timer back. `false` when it had fired, or was taken back before. */
  cancel(timer: Timer): boolean {
    const at = timer.position
    if (at < 0) return false
    timer.position = -1
    const last = this.#heap.pop() as Timer
    if (last !== timer) {
      const dueMs = this.#due[this.#heap.length] as number
      if (at > 0 && this.#isBefore(last, dueMs, (at - 1) >> 2)) this.#rise(at, last, dueMs)
      else this.#sink(at, last, dueMs)
    }
    // The clock's timer is left armed when the earliest goes: it finds nothing due and arms itself anew. Taking it back
    // would cost a system timer for each receive that ends in time. But with an empty heap it must not keep the program
    // from ending.
    if (this.#heap.length === 0 && this.#armed !== undefined) this.#clock.holdProgram(this.#armed, false)
    return true
  }

  /** Takes all timers back. */
  clear(): void {
    for (const timer of this.#heap) timer.position = -1
    this.#heap.length = 0
    this.#disarm()
  }

  #arm(): void {
    const due = this.#due[0] as number
    if (due >= this.#armedFor) {
      if (this.#heap.length === 1) this.#clock.holdProgram(this.#armed, true)
      return
    }
    this.#disarm()
    const now = this.#clock.now()
    const delayMs = Math.min(armMaxMs, Math.max(0, Math.ceil(due - now)))
    this.#armedFor = Math.min(due, now + delayMs)
    this.#armed = this.#clock.setTimer(this.#wake, delayMs)
  }

  #grow(): void {
    const due = new Float64Array(this.#due.length * 2)
    due.set(this.#due)
    this.#due = due
  }

  #disarm(): void {
    if (this.#armed === undefined) return
    this.#clock.clearTimer(this.#armed)
    this.#armed = undefined
    this.#armedFor = Number.POSITIVE_INFINITY
  }

  readonly #wake = (): void => {
    this.#armed = undefined
    this.#armedFor = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    // What is set while these fire waits for the next round, even when it is due at once: a timer that sets itself
    // again with 0 must not keep the event loop here.
    const newest = this.#order
    for (;;) {
      const first = this.#heap[0]
      if (first === undefined || (this.#due[0] as number) > now || first.order >= newest) break
      this.cancel(first)
      try {
        first.fire()
      } catch (error) {
        this.#failed(error)
      }
    }
    if (this.#heap.length > 0) this.#arm()
  }

  /** Puts a timer where it belongs, at a place or nearer to the top. */
  #rise(at: number, timer: Timer, dueMs: number): void {
    while (at > 0) {
      const up = (at - 1) >> 2
      if (!this.#isBefore(timer, dueMs, up)) break
      this.#place(at, this.#heap[up] as Timer, this.#due[up] as number)
      at = up
    }
    this.#place(at, timer, dueMs)
  }

  /** The same, at a place or further down. */
  #sink(at: number, timer: Timer, dueMs: number): void {
    const { length } = this.#heap
    for (;;) {
      const first = at * 4 + 1
      if (first >= length) break
      let least = first
      const end = Math.min(first + 4, length)
      for (let child = first + 1; child < end; child++) {
        if (this.#isBefore(this.#heap[child] as Timer, this.#due[child] as number, least)) least = child
      }
      if (this.#isBefore(timer, dueMs, least)) break
      this.#place(at, this.#heap[least] as Timer, this.#due[least] as number)
      at = least
    }
    this.#place(at, timer, dueMs)
  }

  #isBefore(timer: Timer, dueMs: number, other: number): boolean {
    const otherMs = this.#due[other] as number
    return dueMs < otherMs || (dueMs === otherMs && timer.order < (this.#heap[other] as Timer).order)
  }

  #place(at: number, timer: Timer, dueMs: number): void {
    this.#heap[at] = timer
    this.#due[at] = dueMs
    timer.position = at
  }
}
