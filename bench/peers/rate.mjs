/** How often something is done in a second, when it is done again and again for a while. */

/** How long the run that counts takes at least, in milliseconds; as much goes before it, for the compiler. */
const runMs = Number(process.env.BENCH_RUN_MS ?? 500)

/** @param work Does so many; a promise when they are done later. Gives how many it does in a second. */
export async function rateOf(work) {
  const from = performance.now()
  for (let count = 1_000; ; count *= 2) {
    const start = performance.now()
    await work(count)
    const ms = performance.now() - start
    if (ms >= runMs && start - from >= runMs) return (count / ms) * 1_000
  }
}

/** The same for calls, of which so many are under way at a time. */
export function rateOfCalls(atOnce, call) {
  return rateOf(async (count) => {
    let left = count
    const caller = async () => {
      while (left-- > 0) await call()
    }
    await Promise.all(Array.from({ length: atOnce }, caller))
  })
}

/** What a receiver counts, and who waits until it has counted so many. */
export class Count {
  #left = 0
  #reached = () => {}

  expect(count) {
    this.#left = count
    return new Promise((resolve) => {
      this.#reached = resolve
    })
  }

  one() {
    if (--this.#left === 0) this.#reached()
  }
}
