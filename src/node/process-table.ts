/** Who lives on this node: numbers to processes. Knows nothing of names. */
import type { Entity } from '../process/entity.js'

/** Erlang prints, and older peers hold, numbers up to these. */
const erlangBounds = { idMax: 2 ** 28 - 1, serialMax: 2 ** 13 - 1 }

/** Numbers that share a page; a power of two. A page costs memory as long as one of them lives: about 10 bytes for each number. */
const pageSize = 64

/** Those whose numbers follow each other. */
class Page {
  readonly entities: (Entity | undefined)[] = new Array<Entity | undefined>(pageSize).fill(undefined)
  count = 0
}

/**
 * See the head of this file. Numbers are given out one after the other, so a map of pages takes a fifth of the memory of a map of
 * processes, and does not move them all when it grows.
 */
export class ProcessTable {
  readonly #pages = new Map<number, Page>()
  #size = 0
  readonly #idMax: number
  readonly #serialMax: number
  #id = 0
  #serial = 0

  /** @param bounds The greatest numbers that are given out, after which they begin anew. */
  constructor(bounds: { readonly idMax: number; readonly serialMax: number } = erlangBounds) {
    this.#idMax = bounds.idMax
    this.#serialMax = bounds.serialMax
  }

  /** How many there are. */
  get size(): number {
    return this.#size
  }

  /** How many there can be. */
  get sizeMax(): number {
    return this.#idMax
  }

  /** The serial that belongs to the number which {@link allocate} gave last. */
  get serial(): number {
    return this.#serial
  }

  /** The number of the next process: never one that lives, nor (with its {@link serial}) soon again one that died. */
  allocate(): number {
    do {
      if (++this.#id > this.#idMax) {
        this.#id = 1
        this.#serial = (this.#serial + 1) % (this.#serialMax + 1)
      }
    } while (this.#at(this.#id) !== undefined)
    return this.#id
  }

  /** Its number must not be anybody else's. */
  add(entity: Entity): void {
    const { id } = entity.self
    let page = this.#pages.get(pageOf(id))
    if (page === undefined) this.#pages.set(pageOf(id), (page = new Page()))
    page.entities[id % pageSize] = entity
    page.count++
    this.#size++
  }

  /** Nothing happens if it is not there. */
  remove(entity: Entity): void {
    const { id } = entity.self
    const page = this.#pages.get(pageOf(id))
    if (page?.entities[id % pageSize] === undefined) return
    page.entities[id % pageSize] = undefined
    this.#size--
    if (--page.count === 0) this.#pages.delete(pageOf(id))
  }

  get(id: number, serial: number): Entity | undefined {
    const entity = this.#at(id)
    return entity?.self.serial === serial ? entity : undefined
  }

  /** All, oldest first as long as the numbers have not begun anew. */
  *values(): IterableIterator<Entity> {
    for (const { entities } of this.#pages.values()) {
      for (const entity of entities) if (entity !== undefined) yield entity
    }
  }

  #at(id: number): Entity | undefined {
    return this.#pages.get(pageOf(id))?.entities[id % pageSize]
  }
}

function pageOf(id: number): number {
  return Math.floor(id / pageSize)
}
