/**
 * Time that stands still until a test moves it: for everything that would otherwise have to be waited for.
 *
 *   const clock = new VirtualClock()
 *   const node = await Node.local({ clock })
 *   node.sendAfter(60_000, mailbox.address, 'tick')
 *   await clock.run(60_000)          // a minute, in no time
 *
 * Deterministic: timers fire one by one, each at its own instant, equal instants in the order they were set. Microtasks and
 * turns of the event loop are those of the engine, in the order they were asked for; with `turns: 'by hand'` a turn comes
 * when {@link VirtualClock.turn} or {@link VirtualClock.settle} is called.
 */
import { check, checkFunction, checkNumber, checkObject, checkOneOf } from '../arguments.js'
import type { Clock, ClockTimer } from '../clock.js'
import { ReignError } from '../errors.js'

// As they are now: what a test puts in their place later does not stop this clock.
const { setImmediate, queueMicrotask } = globalThis

/** A timer of a machine cannot be set for longer; Node.js would fire it at once. */
const delayMaxMs = 0x7fffffff

/** So many timers or turns at one instant, and they beget each other for ever. */
const eventsMax = 200_000

interface VirtualTimer {
  readonly at: number
  readonly order: number
  callback: (() => void) | undefined
  holds: boolean
}

function checkTimer(timer: unknown): void {
  check(typeof timer === 'object' && timer !== null && 'order' in timer, 'a timer is what setTimer gave', timer)
}

/** How a {@link VirtualClock} is made. */
export interface VirtualClockOptions {
  /** What {@link VirtualClock.now} begins with, in milliseconds. Default: 0. */
  readonly startMs?: number | undefined
  /** What the wall clock shows then, in milliseconds since 1970. Default: 14 November 2023. */
  readonly wallTimeMs?: number | undefined
  /** Whether turns of the event loop come from the engine (the default), or by {@link VirtualClock.turn} alone. */
  readonly turns?: 'real' | 'by hand' | undefined
  /** @internal Does a piece of what else is to be done at this instant; `false` when there is nothing. */
  readonly work?: (() => boolean) | undefined
}

/** See the head of this file. */
export class VirtualClock implements Clock {
  #now: number
  readonly #wallTimeMs: number
  #order = 0
  /** By time, then by age: a heap, in which those that were taken back stay until it is their turn. */
  #timers: VirtualTimer[] = []
  #pending = 0
  #turns: (() => void)[] = []
  #turnsAsked = 0
  /** How many timers have fired at this instant. */
  #firedNow = 0
  readonly #byHand: boolean
  readonly #work: () => boolean
  /** How often a timer was set, since the beginning: what a real clock would have been asked for. */
  timersSet = 0

  constructor(options: VirtualClockOptions = {}) {
    checkObject(options, 'options')
    checkOneOf(options.turns, 'turns', ['real', 'by hand'])
    const { startMs = 0, wallTimeMs = 1_700_000_000_000, turns = 'real', work = () => false } = options
    this.#now = startMs
    this.#wallTimeMs = wallTimeMs - startMs
    this.#byHand = turns === 'by hand'
    this.#work = work
  }

  /** The virtual milliseconds since the beginning. */
  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#wallTimeMs + Math.floor(this.#now)
  }

  setTimer(callback: () => void, delayMs: number): ClockTimer {
    checkFunction(callback, 'what is called back')
    checkNumber(delayMs, 'a delay', 0, delayMaxMs)
    this.timersSet++
    this.#pending++
    const timer: VirtualTimer = { at: this.#now + delayMs, order: this.#order++, callback, holds: true }
    this.#timers.push(timer)
    this.#rise(this.#timers.length - 1)
    return timer
  }

  clearTimer(timer: ClockTimer): void {
    checkTimer(timer)
    const { callback } = timer as VirtualTimer
    if (callback === undefined) return
    ;(timer as VirtualTimer).callback = undefined
    this.#pending--
    // Those that are taken back are most of them, where what waits is nearly always over in time.
    if (this.#timers.length > 64 && this.#pending * 4 < this.#timers.length) this.#tidy()
  }

  holdProgram(timer: ClockTimer, holds: boolean): void {
    checkTimer(timer)
    ;(timer as VirtualTimer).holds = holds
  }

  nextTurn(callback: () => void): void {
    checkFunction(callback, 'what is called back')
    if (this.#byHand) {
      this.#turns.push(callback)
      return
    }
    this.#turnsAsked++
    setImmediate(() => {
      this.#turnsAsked--
      callback()
    })
  }

  microtask(callback: () => void): void {
    checkFunction(callback, 'what is called back')
    queueMicrotask(callback)
  }

  /** How many timers are set. */
  get timersPending(): number {
    return this.#pending
  }

  /** How many turns of the event loop were asked for and have not come. */
  get turnsPending(): number {
    return this.#turns.length + this.#turnsAsked
  }

  /** Whether a pending timer would keep the program from ending. */
  get holdsProgram(): boolean {
    return this.#timers.some((timer) => timer.callback !== undefined && timer.holds)
  }

  /** Moves time on, firing each timer at its instant; what only microtasks would do does not happen meanwhile. */
  advance(ms: number): void {
    checkNumber(ms, 'ms')
    const end = this.#now + ms
    while (this.#fireNext(end));
    this.#now = end
  }

  /** Moves time on as {@link advance} does, and lets everything come to rest before, between and after the timers. */
  async run(ms: number): Promise<void> {
    checkNumber(ms, 'ms')
    const end = this.#now + ms
    await this.settle()
    while (this.#fireNext(end)) await this.settle()
    this.#now = end
  }

  /**
   * Moves time on to the next timer, and no further than so many milliseconds; lets everything come to rest. `false` when there was
   * no timer, and that time has passed.
   */
  async step(maxMs: number = Number.POSITIVE_INFINITY): Promise<boolean> {
    checkNumber(maxMs, 'maxMs', 0, Number.POSITIVE_INFINITY)
    const end = this.#now + maxMs
    await this.settle()
    const fired = this.#fireNext(end)
    if (fired) await this.settle()
    else if (end !== Number.POSITIVE_INFINITY) this.#now = end
    return fired
  }

  /** Lets the event loop have its next turn, where that is done by hand. Those asked for meanwhile wait for the one after. */
  turn(): void {
    const turns = this.#turns
    this.#turns = []
    for (const callback of turns) callback()
  }

  /** Runs microtasks and turns until there is nothing left to do but to wait for time to pass. */
  async settle(): Promise<void> {
    for (let turns = 0; ; turns++) {
      limit(turns)
      // A real turn of the event loop: all microtasks have run when it comes, those that they began included.
      await new Promise<void>((resolve) => setImmediate(resolve))
      if (this.turnsPending > 0) this.turn()
      else if (!this.#work()) return
    }
  }

  #fireNext(end: number): boolean {
    for (;;) {
      const next = this.#timers[0]
      if (next === undefined || (next.at > end && next.callback !== undefined)) return false
      this.#removeFirst()
      const { callback } = next
      if (callback === undefined) continue
      next.callback = undefined
      this.#pending--
      if (next.at > this.#now) {
        this.#now = next.at
        this.#firedNow = 0
      }
      limit(++this.#firedNow)
      callback()
      return true
    }
  }

  // --- the heap -----------------------------------------------------------------------------------------------------

  #removeFirst(): void {
    const last = this.#timers.pop() as VirtualTimer
    if (this.#timers.length === 0) return
    this.#timers[0] = last
    this.#sink(0)
  }

  #tidy(): void {
    this.#timers = this.#timers.filter(({ callback }) => callback !== undefined).sort((a, b) => (before(a, b) ? -1 : 1))
  }

  #rise(from: number): void {
    const timers = this.#timers
    const timer = timers[from] as VirtualTimer
    let at = from
    while (at > 0) {
      const up = (at - 1) >> 1
      if (!before(timer, timers[up] as VirtualTimer)) break
      timers[at] = timers[up] as VirtualTimer
      at = up
    }
    timers[at] = timer
  }

  #sink(from: number): void {
    const timers = this.#timers
    const timer = timers[from] as VirtualTimer
    let at = from
    for (;;) {
      let child = at * 2 + 1
      if (child >= timers.length) break
      const other = timers[child + 1]
      if (other !== undefined && before(other, timers[child] as VirtualTimer)) child++
      if (!before(timers[child] as VirtualTimer, timer)) break
      timers[at] = timers[child] as VirtualTimer
      at = child
    }
    timers[at] = timer
  }
}

function before(a: VirtualTimer, b: VirtualTimer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

function limit(count: number): void {
  if (count <= eventsMax) return
  throw new ReignError('ERR_REIGN_OVERLOAD', `more than ${eventsMax} at one instant: they beget each other for ever`)
}
