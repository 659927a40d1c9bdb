/** How long a call takes, on a machine that may have other work: by the time of its processor, and what is slow by itself is slow each time. */

/**
 * The time that the processor has spent on this process, in milliseconds: it stands still while others have the processor. Other threads of
 * the process count too, such as those of the collector.
 */
export function spentMs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1_000
}

/** The shortest of some runs, in milliseconds; no further one after the first that took less than `enoughMs`. */
export function quickestMs(enoughMs: number, call: () => unknown): number {
  let shortest = Number.POSITIVE_INFINITY
  for (let run = 0; run < 5 && shortest >= enoughMs; run++) {
    const started = spentMs()
    call()
    shortest = Math.min(shortest, spentMs() - started)
  }
  return shortest
}
