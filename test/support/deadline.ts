/**
 * Waiting in tests: for an event, with a deadline; never for a guess at how long something takes.
 *
 * The deadlines run on the real clock even where a test has replaced the global timers.
 */
const { setTimeout, clearTimeout, performance } = globalThis

/**
 * How long a test waits for what must happen, in milliseconds. It ends a test that hangs, and measures nothing: a machine with other
 * work may stand still for seconds. Below the time that a test may take (`vitest.config.ts`), so that what was waited for is told.
 */
export const deadlineMs = 60_000

/** From this on, what a test gives as its deadline is patience, and so {@link deadlineMs} at least; below, it is to pass. */
const patientMs = 1_000

/** How long a wait of that deadline is. */
export const patient = (givenMs: number): number => (givenMs < patientMs ? givenMs : Math.max(givenMs, deadlineMs))

/** Between two looks of {@link eventually}, in milliseconds. Short: a look is cheap, a test run is long. */
const lookIntervalMs = 5

/** A wait in a test ran out of time. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError'
}

/**
 * The value of `promise`, if it settles in time.
 *
 * @param what What was waited for, for the message: `'the DOWN of the killed node'`.
 * @throws DeadlineError after `givenMs` milliseconds, or {@link deadlineMs} where that is more than a second; what `promise` rejects with, if it rejects before.
 */
export async function within<T>(givenMs: number, promise: PromiseLike<T>, what: string): Promise<T> {
  return settled(patient(givenMs), promise, what)
}

async function settled<T>(withinMs: number, promise: PromiseLike<T>, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`not within ${withinMs} ms: ${what}`)), withinMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

/** What {@link eventually} takes for "not yet". */
export type NotYet = false | undefined | null

/**
 * Looks again and again, until `look` gives something else than `false`, `undefined` or `null`; gives that.
 *
 * For states that nothing announces; where there is an event, wait for the event. A look that throws is "not yet" too, so
 * that assertions can be looks: `await eventually(() => { expect(peers).toHaveLength(2); return true }, 2_000)`.
 *
 * @throws DeadlineError as {@link within} does, with what the last look gave or threw (as its `cause`).
 */
export async function eventually<T>(
  look: () => T | NotYet | PromiseLike<T | NotYet>,
  givenMs: number,
  what = 'the awaited state',
): Promise<T> {
  const untilMs = patient(givenMs)
  const deadline = performance.now() + untilMs
  for (;;) {
    let thrown: unknown
    try {
      const left = Math.max(1, deadline - performance.now())
      const seen = await settled(left, Promise.resolve(look()), what)
      if (seen !== false && seen !== undefined && seen !== null) return seen
    } catch (error) {
      thrown = error
    }
    if (performance.now() >= deadline) {
      const last = thrown instanceof Error ? `; at last: ${thrown.message}` : ''
      throw new DeadlineError(`not within ${untilMs} ms: ${what}${last}`, { cause: thrown })
    }
    await new Promise((resolve) => setTimeout(resolve, lookIntervalMs))
  }
}
