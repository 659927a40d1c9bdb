/** A message on its way to somebody who waits, while others have their turn. */
import type { Receiver } from './receiver.js'
import type { Runnable } from './scheduler.js'

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
    const receiver = this.#receiver
    const message = this.#message
    if (receiver.alive) {
      this.#resolve((this.#iteration === undefined ? message : { value: message, done: false }) as never)
    } else {
      // Ended meanwhile: to go on with a message now would be to run after one's own end.
      receiver.host.deadLetter('noproc', receiver.self, message)
      receiver.endWait(this.#resolve, this.#reject, this.#iteration)
    }
  }
}
