/**
 * The messages of one mailbox that nobody has taken yet, in order of arrival.
 *
 * An array with a moving head: taking from the front and from the middle are O(1); a gap is left where one was taken from
 * the middle, and gaps are closed when they outnumber the messages.
 */

const gap = Symbol('gap')

/** Gaps that are not worth closing. */
const gapsMin = 32
/** Slots before the head that are not worth giving back. */
const deadMin = 1_024

/** A place in the queue that stays meaningful while messages come and go; see {@link MessageQueue.mark}. */
export interface QueueMark {
  readonly queue: MessageQueue
  readonly at: number
  readonly epoch: number
}

/** See the head of this file. */
export class MessageQueue {
  #slots: unknown[] = []
  #head = 0
  #gaps = 0
  /** Slots given back so far: slot i holds what arrived at position i + base. */
  #base = 0
  /** How often gaps were closed: positions from before mean nothing any more. */
  #epoch = 0

  /** How many messages there are. */
  get length(): number {
    return this.#slots.length - this.#head - this.#gaps
  }

  push(message: unknown): void {
    this.#slots.push(message)
  }

  /** Takes the oldest message; `undefined` when there is none (ask {@link length} first: a message may be `undefined`). */
  shift(): unknown {
    const slots = this.#slots
    while (this.#head < slots.length) {
      const message = slots[this.#head]
      slots[this.#head++] = gap
      if (message === gap) {
        this.#gaps--
        continue
      }
      this.#tidy()
      return message
    }
    return undefined
  }

  /** Takes the oldest message that `match` accepts: `found` says whether there was one. `match` may throw; nothing is taken then. */
  take(match: (message: never) => boolean, from?: QueueMark): { readonly found: boolean; readonly message: unknown } {
    const slots = this.#slots
    for (let i = this.#start(from); i < slots.length; i++) {
      const message = slots[i]
      if (message === gap || !match(message as never)) continue
      slots[i] = gap
      if (i === this.#head) this.#head++
      else this.#gaps++
      this.#tidy()
      return { found: true, message }
    }
    return notFound
  }

  /** The messages as they are, oldest first; the queue keeps them. */
  toArray(): unknown[] {
    return this.#slots.slice(this.#head).filter((message) => message !== gap)
  }

  /** Removes all and gives them back. */
  drain(): unknown[] {
    const all = this.toArray()
    this.#slots = []
    this.#head = 0
    this.#gaps = 0
    this.#epoch++
    return all
  }

  /** Where the next message will be: a search that begins here skips all that is queued now. */
  mark(): QueueMark {
    return { queue: this, at: this.#base + this.#slots.length, epoch: this.#epoch }
  }

  #start(from: QueueMark | undefined): number {
    if (from === undefined || from.queue !== this || from.epoch !== this.#epoch) return this.#head
    return Math.max(this.#head, from.at - this.#base)
  }

  #tidy(): void {
    const slots = this.#slots
    if (this.#head === slots.length) {
      this.#base += slots.length
      // A burst must not leave its array behind in every process that it went through.
      if (slots.length > deadMin) this.#slots = []
      else slots.length = 0
      this.#head = 0
      this.#gaps = 0
    } else if (this.#head > deadMin && this.#head * 2 > slots.length) {
      slots.splice(0, this.#head)
      this.#base += this.#head
      this.#head = 0
    } else if (this.#gaps > gapsMin && this.#gaps * 2 > slots.length - this.#head) {
      this.#slots = slots.filter((message) => message !== gap)
      this.#head = 0
      this.#gaps = 0
      this.#epoch++
    }
  }
}

const notFound = { found: false, message: undefined } as const
