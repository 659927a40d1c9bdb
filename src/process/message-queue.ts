/**
 * The messages of one mailbox that nobody has taken yet, in order of arrival.
 *
 * A list of segments, each an array with a moving head: taking from the front and from the middle are O(1), and a burst of
 * a million messages is never copied to a larger array. A gap is left where one was taken from the middle, and the gaps
 * of a segment are closed when they outnumber its messages.
 */

const gap = Symbol('gap')

/** Messages of one segment: large enough that a new one costs little, small enough to be closed up at once. */
const segmentMax = 4_096
/** Gaps that are not worth closing. */
const gapsMin = 32
/** Slots before the head that are not worth giving back. */
const deadMin = 1_024

class Segment {
  slots: unknown[] = []
  head = 0
  gaps = 0
  /** Slots given back so far: slot i holds what came to this segment at position i + base. */
  base = 0
  /** How often gaps were closed: positions from before mean nothing any more. */
  epoch = 0
  next: Segment | undefined
}

/** A place in the queue that stays meaningful while messages come and go; see {@link MessageQueue.mark}. */
export interface QueueMark {
  readonly queue: MessageQueue
  /** @internal */
  readonly segment: object
  /** @internal */
  readonly at: number
  /** @internal */
  readonly epoch: number
}

/** See the head of this file. */
export class MessageQueue {
  #first = new Segment()
  #last = this.#first
  #length = 0

  /** How many messages there are. */
  get length(): number {
    return this.#length
  }

  push(message: unknown): void {
    let last = this.#last
    if (last.slots.length >= segmentMax) {
      last.next = new Segment()
      last = last.next
      this.#last = last
    }
    last.slots.push(message)
    this.#length++
  }

  /** Takes the oldest message; `undefined` when there is none (ask {@link length} first: a message may be `undefined`). */
  shift(): unknown {
    while (this.#length > 0) {
      const segment = this.#first
      const { slots } = segment
      while (segment.head < slots.length) {
        const message = slots[segment.head]
        slots[segment.head++] = gap
        if (message === gap) {
          segment.gaps--
          continue
        }
        this.#length--
        this.#tidy(segment)
        return message
      }
      this.#tidy(segment)
    }
    return undefined
  }

  /** Takes the oldest message that `match` accepts: `found` says whether there was one. `match` may throw; nothing is taken then. */
  take(match: (message: never) => boolean, from?: QueueMark): { readonly found: boolean; readonly message: unknown } {
    const marked = from !== undefined && from.queue === this
    let segment: Segment | undefined = marked ? (from.segment as Segment) : this.#first
    let i = segment.head
    // Past what was queued when the mark was made; in a segment that was closed up since, its beginning is the best guess.
    if (marked && from.epoch === segment.epoch) i = Math.max(i, from.at - segment.base)
    while (segment !== undefined) {
      const { slots } = segment
      for (; i < slots.length; i++) {
        const message = slots[i]
        if (message === gap || !match(message as never)) continue
        slots[i] = gap
        if (i === segment.head) segment.head++
        else segment.gaps++
        this.#length--
        this.#tidy(segment)
        return { found: true, message }
      }
      segment = segment.next
      i = segment?.head ?? 0
    }
    return notFound
  }

  /** The messages as they are, oldest first; the queue keeps them. */
  toArray(): unknown[] {
    const all: unknown[] = []
    for (let segment: Segment | undefined = this.#first; segment !== undefined; segment = segment.next) {
      for (let i = segment.head; i < segment.slots.length; i++) {
        if (segment.slots[i] !== gap) all.push(segment.slots[i])
      }
    }
    return all
  }

  /** Removes all and gives them back. */
  drain(): unknown[] {
    const all = this.toArray()
    // Marks keep their segments: those must be empty, and lead to what comes next.
    let segment: Segment | undefined = this.#first
    this.#first = new Segment()
    this.#last = this.#first
    this.#length = 0
    while (segment !== undefined) {
      const { next }: Segment = segment
      empty(segment)
      segment.next = this.#first
      segment = next
    }
    return all
  }

  /** Where the next message will be: a search that begins here skips all that is queued now. */
  mark(): QueueMark {
    const segment = this.#last
    return { queue: this, segment, at: segment.base + segment.slots.length, epoch: segment.epoch }
  }

  #tidy(segment: Segment): void {
    const { slots, head } = segment
    if (head === slots.length) {
      if (segment === this.#first && segment.next !== undefined) {
        this.#first = segment.next
        segment.slots = []
      } else if (segment === this.#first) {
        // A burst must not leave its array behind in every process that it went through.
        if (slots.length > deadMin) segment.slots = []
        else slots.length = 0
      } else return
      segment.base += head
      segment.head = 0
      segment.gaps = 0
    } else if (segment.next === undefined && head > deadMin && head * 2 > slots.length) {
      // The last one is never used up while a few messages always wait: its front is given back on the way.
      slots.splice(0, head)
      segment.base += head
      segment.head = 0
    } else if (segment.gaps > gapsMin && segment.gaps * 2 > slots.length - head) {
      segment.slots = slots.filter((message) => message !== gap)
      segment.head = 0
      segment.gaps = 0
      segment.epoch++
    }
  }
}

function empty(segment: Segment): void {
  segment.base += segment.slots.length
  segment.slots = []
  segment.head = 0
  segment.gaps = 0
}

const notFound = { found: false, message: undefined } as const
