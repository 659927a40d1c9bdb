/** How long a call takes, on a machine that may have other work: what is slow by itself is slow each time. */

/** The shortest of some runs, in milliseconds; no further one after the first that took less than `enoughMs`. */
export function quickestMs(enoughMs: number, call: () => unknown): number {
  let shortest = Number.POSITIVE_INFINITY
  for (let run = 0; run < 5 && shortest >= enoughMs; run++) {
    const started = performance.now()
    call()
    shortest = Math.min(shortest, performance.now() - started)
  }
  return shortest
}
