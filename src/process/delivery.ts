/** A message on its way to somebody who waits, while others have their turn. */
import type { Receiver } from './receiver.js'
import type { Runnable } from './scheduler.js'

/** To one who waits for any message, for ever: the commonest wait, for which nothing but its `resolve` is kept. */
export class PlainDelivery implements Runnable {
  readonly #receiver: Receiver<never>
  readonly #message: unknown
  readonly #resolve: (value: never) => void

  constructor(receiver: Receiver<never>, message: unknown, resolve: (value: never) => void) {
    this.#receiver = receiver
    this.#message = message
    this.#resolve = resolve
  }

  run(): void {
    if (this.#receiver.alive) this.#resolve(this.#message as never)
    else undelivered(this.#receiver, this.#message, this.#resolve, rejectThrough(this.#resolve), undefined)
  }
}

/** See the head of this file. It has left the queue; whether it arrives is settled when its turn comes. */
export class Delivery implements Runnable {
  readonly #receiver: Receiver<never>
  readonly #message: unknown
  readonly #resolve: (value: never) => void
  readonly #reject: (error: unknown) => void
  readonly #iteration: object | undefined

  constructor(
    receiver: Receiver<never>,
    message: unknown,
    resolve: (value: never) => void,
    reject: (error: unknown) => void,
    iteration: object | undefined,
  ) {
    this.#receiver = receiver
    this.#message = message
    this.#resolve = resolve
    this.#reject = reject
    this.#iteration = iteration
  }

  run(): void {
    const message = this.#message
    if (this.#receiver.alive) {
      this.#resolve((this.#iteration === undefined ? message : { value: message, done: false }) as never)
    } else undelivered(this.#receiver, message, this.#resolve, this.#reject, this.#iteration)
  }
}

/** The receiver has ended meanwhile: to go on with a message now would be to run after one's own end. */
function undelivered(
  receiver: Receiver<never>,
  message: unknown,
  resolve: (value: never) => void,
  reject: (error: unknown) => void,
  iteration: object | undefined,
): void {
  receiver.host.deadLetter('noproc', receiver.self, message)
  receiver.endWait(resolve, reject, iteration)
}

/** Rejects a promise through its `resolve`: a wait keeps one function instead of two, and a node may have a million waits. */
export function rejectThrough(resolve: (value: never) => void): (error: unknown) => void {
  return (error) => resolve(Promise.reject(error) as never)
}
