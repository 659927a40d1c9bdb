/**
 * Where in a queue the messages with a certain value of a certain property are: for patterns that are looked for again and
 * again in a queue that is long.
 *
 * A pattern such as `{ type: 'reply', key: 7 }` says which value each of its properties must have. A column holds, for one
 * property, the places of all messages by their value; a search looks at the places of the value that is rarest. Places
 * ascend, so the oldest message that is wanted is still the first that is found. Messages that are taken stay listed until
 * somebody comes across them.
 */
import type { Matcher } from './matcher.js'
import { Places } from './places.js'

/** Properties that are indexed at most: each costs time and memory for each message. */
const columnsMax = 3

/** Entries of taken messages that are not worth the building of a new index. */
const goneMin = 1_024

/** The places of messages by their value of one property. Most values have one place only, and need no list. */
class Column {
  readonly key: string | number
  readonly #places = new Map<unknown, number | Places>()

  constructor(key: string | number) {
    this.key = key
  }

  add(message: unknown, place: number): void {
    // Nothing else can be accepted by a pattern that has properties.
    if (typeof message !== 'object' || message === null) return
    const value = (message as Record<string | number, unknown>)[this.key]
    const places = this.#places.get(value)
    if (places === undefined) this.#places.set(value, place)
    else if (typeof places === 'number') this.#places.set(value, new Places(places, place))
    else places.add(place)
  }

  places(value: unknown): number | Places | undefined {
    return this.#places.get(value)
  }
}

/** See the head of this file. */
export class MessageIndex {
  #columns: Column[] = []
  #entries = 0
  /** Whether it was of use since it was built. */
  #used = false

  /** Adds a column for the first property of the pattern that has none: `false` if there is none, or no room. To be built then. */
  extend({ keys }: Matcher): boolean {
    const key = keys.find((each) => this.#columns.every((column) => column.key !== each))
    if (key === undefined || this.#columns.length === columnsMax) return false
    this.#columns.push(new Column(key))
    return true
  }

  /**
   * Lists the messages of a queue, and no others: `list` calls back with each and its place, in ascending order.
   *
   * @throws what looking at a property of a message throws.
   */
  build(list: (add: (message: unknown, place: number) => void) => void): void {
    this.#columns = this.#columns.map(({ key }) => new Column(key))
    this.#entries = 0
    this.#used = false
    list((message, place) => this.add(message, place))
  }

  /** Lists a message that has come behind all others. Throws as {@link build} does. */
  add(message: unknown, place: number): void {
    this.#entries++
    for (const column of this.#columns) column.add(message, place)
  }

  /** Where the messages are, gone ones included, that the pattern could accept; `undefined` if that cannot be told. */
  places(wanted: Matcher): Places | undefined {
    let best: Places | undefined
    for (const column of this.#columns) {
      if (!wanted.keys.includes(column.key)) continue
      const found = column.places(wanted.valueOf(column.key))
      if (found === undefined) best = new Places()
      else if (typeof found === 'number') best = new Places(found)
      else if (best === undefined || found.length < best.length) best = found
    }
    if (best !== undefined) this.#used = true
    return best
  }

  /** Whether it lists far more than the `length` messages that there are: to be built anew if it was of use, else to be dropped. */
  worn(length: number): 'used' | 'unused' | undefined {
    if (this.#entries <= 2 * length + goneMin) return undefined
    return this.#used ? 'used' : 'unused'
  }
}
