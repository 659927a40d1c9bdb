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
import type { Clock, ClockTimer } from '../../src/clock.js'

const { setImmediate, queueMicrotask } = globalThis

/** A timer of a machine cannot be set for longer; Node.js would fire it at once. */
const delayMaxMs = 0x7fffffff

/** So many timers or turns in a row, and they beget each other for ever. */
const eventsMax = 1_000_000

interface VirtualTimer {
  readonly at: number
  readonly order: number
  readonly callback: () => void
  holds: boolean
}

/** See the head of this file. */
export class VirtualClock implements Clock {
  #now: number
  #order = 0
  #timers: VirtualTimer[] = []
  #turns: (() => void)[] = []
  #turnsAsked = 0
  readonly #byHand: boolean
  /** How often a timer was set, since the beginning: what a real clock would have been asked for. */
  timersSet = 0

  constructor({ startMs = 0, turns = 'real' }: { startMs?: number; turns?: 'real' | 'by hand' } = {}) {
    this.#now = startMs
    this.#byHand = turns === 'by hand'
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return 1_700_000_000_000 + Math.floor(this.#now)
  }

  setTimer(callback: () => void, delayMs: number): ClockTimer {
    if (!(delayMs >= 0 && delayMs <= delayMaxMs)) throw new RangeError(`no clock can be set for ${delayMs} ms`)
    this.timersSet++
    const timer: VirtualTimer = { at: this.#now + delayMs, order: this.#order++, callback, holds: true }
    this.#timers.push(timer)
    return timer
  }

  clearTimer(timer: ClockTimer): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
  }

  holdProgram(timer: ClockTimer, holds: boolean): void {
    ;(timer as VirtualTimer).holds = holds
  }

  nextTurn(callback: () => void): void {
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
    queueMicrotask(callback)
  }

  /** How many timers are set. */
  get timersPending(): number {
    return this.#timers.length
  }

  /** How many turns of the event loop were asked for and have not come. */
  get turnsPending(): number {
    return this.#turns.length + this.#turnsAsked
  }

  /** Whether a pending timer would keep the program from ending. */
  get holdsProgram(): boolean {
    return this.#timers.some((timer) => timer.holds)
  }

  /** Moves time on, firing each timer at its instant; what only microtasks would do does not happen meanwhile. */
  advance(ms: number): void {
    const end = this.#now + ms
    for (let fired = 0; this.#fireNext(end); fired++) limit(fired)
    this.#now = end
  }

  /** Moves time on as {@link advance} does, and lets everything come to rest before, between and after the timers. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.settle()
    for (let fired = 0; this.#fireNext(end); fired++) {
      limit(fired)
      await this.settle()
    }
    this.#now = end
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
      if (this.turnsPending === 0) return
      this.turn()
    }
  }

  #fireNext(end: number): boolean {
    let next: VirtualTimer | undefined
    for (const timer of this.#timers) {
      if (next === undefined || timer.at < next.at || (timer.at === next.at && timer.order < next.order)) next = timer
    }
    if (next === undefined || next.at > end) return false
    this.clearTimer(next)
    this.#now = Math.max(this.#now, next.at)
    next.callback()
    return true
  }
}

function limit(count: number): void {
  if (count > eventsMax) throw new Error(`more than ${eventsMax} in a row: they beget each other for ever`)
}
