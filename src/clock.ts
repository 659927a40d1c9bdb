/**
 * Time as a seam: nothing else in the library reads the time, sets a timer or asks for another turn of the event loop.
 *
 * A simulator passes a clock of its own, so that a whole cluster runs in virtual time.
 */

/** What a {@link Clock} gives for a timer; hand it back to `clearTimer`. */
export type ClockTimer = unknown

/** Where the library gets time from. All units are milliseconds. */
export interface Clock {
  /** Monotonic milliseconds from an arbitrary start, with fractions; never steps back. */
  now(): number
  /** Milliseconds since 1970, as the wall clock has it: for certificates and log lines, never for time-outs. */
  wallTime(): number
  /** Calls back once, `delayMs` from now or later; never before the current turn of the event loop has ended. */
  setTimer(callback: () => void, delayMs: number): ClockTimer
  /** Takes a timer back. A timer that has fired, or was taken back before, is no error. */
  clearTimer(timer: ClockTimer): void
  /** Whether a pending timer keeps the program from ending; one that was just set does. */
  holdProgram(timer: ClockTimer, holds: boolean): void
  /** Calls back in a later turn of the event loop, after sockets and timers have had theirs. */
  nextTurn(callback: () => void): void
  /** Calls back in this turn of the event loop, once what runs now, and what was queued before, has ended. */
  microtask(callback: () => void): void
}

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
  holdProgram: (timer, holds) => {
    if (holds) (timer as NodeJS.Timeout).ref()
    else (timer as NodeJS.Timeout).unref()
  },
  nextTurn: (callback) => {
    setImmediate(callback)
  },
  microtask: (callback) => queueMicrotask(callback),
}
