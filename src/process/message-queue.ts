/**
 * The messages that nobody has taken yet, oldest first.
 *
 * Taking from the front and from the middle are O(1). Messages are in slots, and slots in segments, so that a burst of a million is not
 * copied to ever larger arrays, and an array is as young as what is in it: of an old one that holds young messages the collector keeps a list.
 * A gap is left where one was taken from the middle, and gaps are closed when they outnumber the messages. Patterns that are looked
 * for again and again, in a queue full of messages that they do not want, get an index.
 */
import type { Matcher } from './matcher.js'
import { MessageIndex } from './message-index.js'
import { gone, type Placed, type Places } from './places.js'

/** What {@link MessageQueue.take} gives when no message is wanted: `undefined` is a message as good as any. */
export const nothing: unique symbol = Symbol('nothing')

/** The slots of a segment, which a power of two finds by shifting. */
const segmentBits = 10
const segmentSlots = 1 << segmentBits
/** The longest segment that an empty queue keeps: a burst must not leave its slots behind in every process that it went through. */
const keptMax = 32
/** Gaps that are not worth closing. */
const gapsMin = 32

/** Looks at messages that are not worth an index. Listing a message costs some ten looks, and pays once it has saved more. */
const looksMin = 512
const looksPerMessage = 4

/** A segment of full length. Made by `push`, so that it has no holes, nor have its copies. */
const blank: unknown[] = []
while (blank.length < segmentSlots) blank.push(gone)

/** Most queues never hold more than a few messages: their segment grows as they come. */
function smallSegment(): unknown[] {
  return [gone, gone, gone, gone]
}

/** A place in a queue that stays meaningful while messages come and go; see {@link MessageQueue.mark}. */
export class QueueMark {
  readonly queue: MessageQueue
  readonly at: number
  constructor(queue: MessageQueue, at: number) {
    this.queue = queue
    this.at = at
  }
}

/** See the head of this file. */
export class MessageQueue implements Placed {
  /** The slot of a message is `place - base`, in this segment of these: all but the last are {@link segmentSlots} long. */
  #segments: unknown[][]
  #first: unknown[] = smallSegment()
  #last: unknown[] = this.#first
  /** The place of the first slot. No place is ever used again. */
  #base = 0
  /** Where the oldest message is, or a gap before it, in the first segment. */
  #head = 0
  /** Where the next message goes, in the last segment. */
  #tail = 0
  #length = 0
  #index: MessageIndex | undefined = undefined
  /** How many messages were looked at for patterns, in vain or not, since the queue was empty or the index was extended. */
  #looks = 0

  constructor() {
    this.#segments = [this.#first]
  }

  /** How many messages there are. */
  get length(): number {
    return this.#length
  }

  /** @returns Whether it was taken: always, unless the queue has a bound. */
  push(message: unknown): boolean {
    this.#append(message)
    if (this.#index !== undefined) this.#list(this.#index, message)
    return true
  }

  /** Takes the oldest message; `undefined` when there is none (ask {@link length} first: a message may be `undefined`). */
  shift(): unknown {
    while (this.#length > 0) {
      const slots = this.#first
      const at = this.#head++
      const message = slots[at]
      slots[at] = gone
      if (this.#head === segmentSlots) this.#leaveFirst()
      if (message === gone) continue
      if (--this.#length === 0) this.#empty()
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
    const start = this.#start(from)
    const places = this.#index?.places(matcher)
    const place = places === undefined ? this.#search(matcher, start) : this.#searchAt(places, matcher, start)
    return place < 0 ? nothing : this.#takeAt(place)
  }

  /** The messages as they are, oldest first; the queue keeps them. */
  toArray(): unknown[] {
    const all: unknown[] = []
    this.#each((message) => all.push(message))
    return all
  }

  /** Removes all and gives them back. */
  drain(): unknown[] {
    const all = this.toArray()
    this.#first.fill(gone)
    this.#empty()
    return all
  }

  /** Where the next message will be: a search that begins here skips all that is queued now, unless gaps are closed meanwhile. */
  mark(): QueueMark {
    return new QueueMark(this, this.#end())
  }

  /** The message at a place, as {@link Places} has them. */
  at(place: number): unknown {
    const slot = place - this.#base
    return slot < this.#head ? gone : this.#segments[slot >> segmentBits]?.[slot & (segmentSlots - 1)]
  }

  /** The place where the next message will be. */
  #end(): number {
    return this.#base + (this.#segments.length - 1) * segmentSlots + this.#tail
  }

  #start(from: QueueMark | undefined): number {
    const start = this.#base + this.#head
    return from === undefined || from.queue !== this ? start : Math.max(start, from.at)
  }

  /** The place of the first message that is wanted, from a place on; -1 if there is none. */
  #search(matcher: Matcher, start: number): number {
    for (let place = start; place < this.#end(); place++) {
      const message = this.at(place)
      if (message === gone || !matcher.accepts(message)) continue
      this.#looked(matcher, place - start)
      return place
    }
    this.#looked(matcher, this.#end() - start)
    return -1
  }

  /** The same, with a look at these places only. */
  #searchAt(places: Places, matcher: Matcher, start: number): number {
    const place = places.find(matcher, this, start)
    this.#looked(matcher, places.looks)
    return place
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
      index.add(message, this.#end() - 1)
    } catch {
      return this.#refuseIndex()
    }
    const worn = index.worn(this.length)
    if (worn === 'used') this.#listAll(index)
    else if (worn === 'unused') this.#unlist()
  }

  #listAll(index: MessageIndex): void {
    try {
      index.build((add) => this.#each(add))
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

  #append(message: unknown): void {
    if (this.#tail === segmentSlots) {
      this.#last = blank.slice()
      this.#segments.push(this.#last)
      this.#tail = 0
    }
    this.#last[this.#tail++] = message
    this.#length++
  }

  /** Calls back with each message and its place. */
  #each(see: (message: unknown, place: number) => void): void {
    const end = this.#end()
    for (let place = this.#base + this.#head; place < end; place++) {
      const message = this.at(place)
      if (message !== gone) see(message, place)
    }
  }

  #takeAt(place: number): unknown {
    const slot = place - this.#base
    const slots = this.#segments[slot >> segmentBits] as unknown[]
    const at = slot & (segmentSlots - 1)
    const message = slots[at]
    slots[at] = gone
    this.#length--
    if (this.#length === 0) this.#empty()
    else if (slot === this.#head) {
      if (++this.#head === segmentSlots) this.#leaveFirst()
    } else {
      const gaps = this.#end() - this.#base - this.#head - this.#length
      if (gaps > gapsMin && gaps > this.#length) this.#closeGaps()
    }
    return message
  }

  /** The last slot of the first segment is behind the head. */
  #leaveFirst(): void {
    if (this.#first === this.#last) return // Nothing is left, and so it is emptied.
    this.#segments.shift()
    this.#first = this.#segments[0] as unknown[]
    this.#base += segmentSlots
    this.#head = 0
  }

  /** Nothing is queued any more; the next message has the place that it would have had. */
  #empty(): void {
    this.#base = this.#end()
    if (this.#last.length > keptMax) {
      this.#first = this.#last = smallSegment()
      this.#segments = [this.#first]
    }
    this.#head = 0
    this.#tail = 0
    this.#length = 0
    this.#unlist()
  }

  /** All messages get new places, behind those that there were: a search from an older mark looks at all of them. */
  #closeGaps(): void {
    const index = this.#index
    const all = this.drain()
    for (const message of all) this.#append(message)
    if (index !== undefined) this.#listAll(index)
  }
}
