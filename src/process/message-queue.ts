/**
 * The messages that nobody has taken yet, oldest first.
 *
 * An array with a moving head, so that taking from the front and from the middle are O(1); a gap is left where one was taken from
 * the middle, and gaps are closed when they outnumber the messages. Patterns that are looked for again and again, in a queue
 * full of messages that they do not want, get an index.
 */
import type { Matcher } from './matcher.js'
import { MessageIndex } from './message-index.js'
import { gone, type Placed, type Places } from './places.js'

/** What {@link MessageQueue.take} gives when no message is wanted: `undefined` is a message as good as any. */
export const nothing: unique symbol = Symbol('nothing')

/** Gaps that are not worth closing. */
const gapsMin = 32
/** Slots before the head that are not worth giving back. */
const deadMin = 1_024

/** Looks at messages that are not worth an index. Listing a message costs some ten looks, and pays once it has saved more. */
const looksMin = 512
const looksPerMessage = 4

/** A place in a queue that stays meaningful while messages come and go; see {@link MessageQueue.mark}. */
export class QueueMark {
  readonly queue: MessageQueue
  readonly at: number
  readonly epoch: number
  constructor(queue: MessageQueue, at: number, epoch: number) {
    this.queue = queue
    this.at = at
    this.epoch = epoch
  }
}

/** See the head of this file. */
export class MessageQueue implements Placed {
  #slots: unknown[] = []
  #head = 0
  #gaps = 0
  /** Slots given back so far: slot i holds what arrived at position i + base. */
  #base = 0
  /** How often gaps were closed: positions from before mean nothing any more. */
  #epoch = 0
  #index: MessageIndex | undefined
  /** How many messages were looked at for patterns, in vain or not, since the queue was empty or the index was extended. */
  #looks = 0

  /** How many messages there are. */
  get length(): number {
    return this.#slots.length - this.#head - this.#gaps
  }

  /** @returns Whether it was taken: always, unless the queue has a bound. */
  push(message: unknown): boolean {
    this.#slots.push(message)
    if (this.#index !== undefined) this.#list(this.#index, message)
    return true
  }

  /** Takes the oldest message; `undefined` when there is none (ask {@link length} first: a message may be `undefined`). */
  shift(): unknown {
    const slots = this.#slots
    while (this.#head < slots.length) {
      const message = slots[this.#head]
      slots[this.#head++] = gone
      if (message === gone) {
        this.#gaps--
        continue
      }
      this.#tidy()
      return message
    }
    return undefined
  }

  /**
   * Takes the oldest message that is wanted, of those behind the mark if one is given; {@link nothing} if there is none. What the
   * matcher throws comes through, and nothing is taken then.
   *
   * Cost: O(length) for a function. For a pattern too, but if that goes on, O(messages that share its rarest value).
   */
  take(matcher: Matcher, from?: QueueMark): unknown {
    const slots = this.#slots
    const start = this.#start(from)
    const places = this.#index?.places(matcher)
    const at = places === undefined ? this.#search(matcher, start) : this.#searchAt(places, matcher, start)
    if (at < 0) return nothing
    const message = slots[at]
    slots[at] = gone
    if (at === this.#head) this.#head++
    else this.#gaps++
    this.#tidy()
    return message
  }

  /** The messages as they are, oldest first; the queue keeps them. */
  toArray(): unknown[] {
    return this.#slots.slice(this.#head).filter((message) => message !== gone)
  }

  /** Removes all and gives them back. */
  drain(): unknown[] {
    const all = this.toArray()
    this.#slots = []
    this.#head = 0
    this.#gaps = 0
    this.#epoch++
    this.#unlist()
    return all
  }

  /** Where the next message will be: a search that begins here skips all that is queued now. */
  mark(): QueueMark {
    return new QueueMark(this, this.#base + this.#slots.length, this.#epoch)
  }

  /** The message at a place, as {@link Places} has them. */
  at(place: number): unknown {
    const slot = place - this.#base
    return slot < this.#head ? gone : this.#slots[slot]
  }

  #start(from: QueueMark | undefined): number {
    if (from === undefined || from.queue !== this || from.epoch !== this.#epoch) return this.#head
    return Math.max(this.#head, from.at - this.#base)
  }

  /** The slot of the first message that is wanted, from slot `start` on; -1 if there is none. */
  #search(matcher: Matcher, start: number): number {
    const slots = this.#slots
    for (let at = start; at < slots.length; at++) {
      const message = slots[at]
      if (message === gone || !matcher.accepts(message)) continue
      this.#looked(matcher, at - start)
      return at
    }
    this.#looked(matcher, slots.length - start)
    return -1
  }

  /** The same, with a look at these places only. */
  #searchAt(places: Places, matcher: Matcher, start: number): number {
    const place = places.find(matcher, this, start + this.#base)
    this.#looked(matcher, places.looks)
    return place < 0 ? -1 : place - this.#base
  }

  // --- the index ------------------------------------------------------------------------------------------------

  /** Counts looks, and makes the index, or a better one, once they have become too many. */
  #looked(matcher: Matcher, looks: number): void {
    if (matcher.keys.length === 0) return
    this.#looks += looks
    if (this.#looks < looksMin || this.#looks < this.length * looksPerMessage) return
    this.#looks = 0
    const index = this.#index ?? new MessageIndex()
    if (index.extend(matcher)) this.#listAll(index)
  }

  /** Lists a message that has just come. */
  #list(index: MessageIndex, message: unknown): void {
    try {
      index.add(message, this.#base + this.#slots.length - 1)
    } catch {
      return this.#refuseIndex()
    }
    const worn = index.worn(this.length)
    if (worn === 'used') this.#listAll(index)
    else if (worn === 'unused') this.#unlist()
  }

  #listAll(index: MessageIndex): void {
    const slots = this.#slots
    try {
      index.build((add) => {
        for (let at = this.#head; at < slots.length; at++) if (slots[at] !== gone) add(slots[at], at + this.#base)
      })
      this.#index = index
    } catch {
      this.#refuseIndex()
    }
  }

  /** A look at a message has thrown: that is for its receiver to see, so messages are looked at one by one while this one is here. */
  #refuseIndex(): void {
    this.#index = undefined
    this.#looks = Number.NEGATIVE_INFINITY
  }

  #unlist(): void {
    this.#index = undefined
    this.#looks = 0
  }

  // --- room -----------------------------------------------------------------------------------------------------

  #tidy(): void {
    const slots = this.#slots
    if (this.#head === slots.length) {
      this.#base += slots.length
      // A burst must not leave its array behind in every process that it went through.
      if (slots.length > deadMin) this.#slots = []
      else slots.length = 0
      this.#head = 0
      this.#gaps = 0
      this.#unlist()
    } else if (this.#head > deadMin && this.#head * 2 > slots.length) {
      slots.splice(0, this.#head)
      this.#base += this.#head
      this.#head = 0
    } else if (this.#gaps > gapsMin && this.#gaps * 2 > slots.length - this.#head) {
      this.#slots = slots.filter((message) => message !== gone)
      this.#head = 0
      this.#gaps = 0
      this.#epoch++
      if (this.#index !== undefined) this.#listAll(this.#index)
    }
  }
}
