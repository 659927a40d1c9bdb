/**
 * Deadlines of what is nearly always over in time, as a call is, or a receive with a time-out.
 *
 * Most of it is over within the turn of the event loop in which it began, and costs no timer: only what outlives that
 * turn waits for one, and its time runs from the end of the turn. So a deadline is never early, and late by one turn at most.
 * What takes equally long ends in the order in which it began, so that one timer serves for all of it.
 */
import type { Clock } from './clock.js'
import { Timer, type Timers } from './timers.js'

/** Lengths of time whose lines are kept when nothing is in them: a program has a few that it uses again and again. */
const keptLinesMax = 64

/** What has a deadline. */
export abstract class Expiring {
  /** @internal Where it is among those that began in this turn; -1 when it is not. */
  place = -1
  /** @internal When it is due, and its place among what is due then, once it has outlived its turn. */
  dueMs = 0
  /** @internal */
  order = 0
  /** @internal The line that it is in, and its neighbours there. */
  line: Line | undefined = undefined
  /** @internal */
  before: Expiring | undefined = undefined
  /** @internal */
  behind: Expiring | undefined = undefined

  /** Its time is over. */
  abstract expire(): void
  /** How long it may take, in milliseconds; finite. */
  abstract readonly timeoutMs: number
}

/** What takes equally long, the first to end first. It is the timer of that one, or of one before it that was over in time. */
class Line extends Timer {
  readonly #timers: Timers
  readonly #lines: Map<number, Line>
  readonly #ms: number
  #first: Expiring | undefined
  #last: Expiring | undefined

  constructor(timers: Timers, lines: Map<number, Line>, ms: number) {
    super()
    this.#timers = timers
    this.#lines = lines
    this.#ms = ms
  }

  add(item: Expiring): void {
    item.line = this
    item.before = this.#last
    if (this.#last === undefined) this.#first = item
    else this.#last.behind = item
    this.#last = item
    if (!this.pending) this.#timers.setAt(this, item.dueMs, item.order)
  }

  remove(item: Expiring): void {
    const { before, behind } = item
    if (before === undefined) this.#first = behind
    else before.behind = behind
    if (behind === undefined) this.#last = before
    else behind.before = before
    // What is gone must not keep others in memory, nor make them grow old.
    item.before = item.behind = item.line = undefined
    if (this.#first !== undefined) return
    // An empty line must not keep the program from ending.
    this.#timers.cancel(this)
    if (this.#lines.size > keptLinesMax) this.#lines.delete(this.#ms)
  }

  override fire(): void {
    const due = this.#first
    if (due === undefined) return
    if (due.order !== this.order) return this.#timers.setAt(this, due.dueMs, due.order)
    this.remove(due)
    const next = this.#first
    if (next !== undefined) this.#timers.setAt(this, next.dueMs, next.order)
    due.expire()
  }
}

/** See the head of this file. Cost: O(1). */
export class Deadlines {
  readonly #clock: Clock
  readonly #timers: Timers
  /** Those that began in this turn, in that order, with a hole for each that is over. */
  readonly #young: (Expiring | undefined)[] = []
  /** Those that have outlived theirs, by how long they may take. */
  readonly #lines = new Map<number, Line>()
  #turnAsked = false

  constructor(clock: Clock, timers: Timers) {
    this.#clock = clock
    this.#timers = timers
  }

  /** Lets it expire in its time, unless it is taken back with {@link clear}. */
  set(item: Expiring): void {
    item.place = this.#young.push(item) - 1
    if (this.#turnAsked) return
    this.#turnAsked = true
    this.#clock.nextTurn(this.#turn)
  }

  /** It was over in time. Nothing happens if it has expired, or had no deadline. */
  clear(item: Expiring): void {
    const { place, line } = item
    if (place >= 0) {
      item.place = -1
      if (place === this.#young.length - 1) this.#young.pop()
      else this.#young[place] = undefined
    } else line?.remove(item)
  }

  /** Takes all back that have no timer yet; the others end with the timers. */
  stop(): void {
    for (const item of this.#young.splice(0)) if (item !== undefined) item.place = -1
  }

  readonly #turn = (): void => {
    this.#turnAsked = false
    const now = this.#clock.now()
    for (const item of this.#young.splice(0)) {
      if (item === undefined) continue
      item.place = -1
      item.dueMs = now + Math.max(0, item.timeoutMs)
      item.order = this.#timers.nextOrder()
      this.#lineOf(item.timeoutMs).add(item)
    }
  }

  #lineOf(ms: number): Line {
    let line = this.#lines.get(ms)
    if (line === undefined) this.#lines.set(ms, (line = new Line(this.#timers, this.#lines, ms)))
    return line
  }
}
