/** Who lives on this node: numbers to processes. Knows nothing of names. */
import type { Entity } from '../process/entity.js'

/** Erlang prints, and older peers hold, numbers up to these. */
const erlangBounds = { idMax: 2 ** 28 - 1, serialMax: 2 ** 13 - 1 }

/** See the head of this file. Cost: one map entry a process. */
export class ProcessTable {
  readonly #entities = new Map<number, Entity>()
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
    return this.#entities.size
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
    } while (this.#entities.has(this.#id))
    return this.#id
  }

  add(entity: Entity): void {
    this.#entities.set(entity.self.id, entity)
  }

  remove(entity: Entity): void {
    this.#entities.delete(entity.self.id)
  }

  get(id: number, serial: number): Entity | undefined {
    const entity = this.#entities.get(id)
    return entity?.self.serial === serial ? entity : undefined
  }

  /** All, oldest first. */
  values(): IterableIterator<Entity> {
    return this.#entities.values()
  }
}
