/** Places of messages in a queue, ascending: those that a search has to look at. */
import type { Matcher } from './matcher.js'

/** In the place of a message that was taken. */
export const gone: unique symbol = Symbol('gone')

/** Gone ones that are not worth a sweep. */
const goneMin = 32

/** Where the messages are. */
export interface Placed {
  /** The message at a place; {@link gone} if it was taken. */
  at(place: number): unknown
}

/** See the head of this file. Those of messages that are gone are forgotten as searches come across them. */
export class Places {
  #places: number[]
  #head = 0
  /** How many the last search has looked at. */
  looks = 0

  constructor(...places: number[]) {
    this.#places = places
  }

  get length(): number {
    return this.#places.length - this.#head
  }

  /** Adds a place behind all others. */
  add(place: number): void {
    this.#places.push(place)
  }

  /**
   * The first place, not before `from`, whose message is wanted; -1 if there is none.
   *
   * @throws what the matcher throws.
   */
  find(matcher: Matcher, messages: Placed, from: number): number {
    const places = this.#places
    const first = this.#firstFrom(from)
    let atHead = first === this.#head
    let goneSeen = 0
    let found = -1
    let i = first
    for (; i < places.length && found < 0; i++) {
      const message = messages.at(places[i] as number)
      if (message !== gone) {
        atHead = false
        if (matcher.accepts(message)) found = places[i] as number
        continue
      }
      // What is gone at the head is not looked at again; what is gone further back, until there is much of it.
      if (atHead) this.#head = i + 1
      else goneSeen++
    }
    this.looks = i - first
    const forgotten = Math.max(goneSeen, this.#head)
    if (forgotten > goneMin && forgotten * 2 > places.length) this.#sweep(messages)
    return found
  }

  #sweep(messages: Placed): void {
    this.#places = this.#places.slice(this.#head).filter((place) => messages.at(place) !== gone)
    this.#head = 0
  }

  /** Where in the list the first place is that is not before `place`. */
  #firstFrom(place: number): number {
    const places = this.#places
    let low = this.#head
    let high = places.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((places[middle] as number) < place) low = middle + 1
      else high = middle
    }
    return low
  }
}
