/** Those that wait until they may send more. */

interface Waiter {
  readonly receiver: object | undefined
  resolve(): void
  reject(error: Error): void
}

/** See the head of this file. */
export class Waiters {
  #waiting: Waiter[] = []

  /** @returns resolves when {@link wake} finds that receiver free; rejects with what {@link fail} is given. */
  wait(receiver: object | undefined): Promise<void> {
    return new Promise((resolve, reject) => this.#waiting.push({ receiver, resolve, reject }))
  }

  /** Lets those go on whose receiver is free now. @returns whether there were any. */
  wake(isFree: (receiver: object | undefined) => boolean): boolean {
    if (this.#waiting.length === 0) return false
    const still: Waiter[] = []
    const free: Waiter[] = []
    for (const waiter of this.#waiting) (isFree(waiter.receiver) ? free : still).push(waiter)
    this.#waiting = still
    for (const { resolve } of free) resolve()
    return free.length > 0
  }

  /** None of them ever may. */
  fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const { reject } of waiting) reject(error)
  }
}
