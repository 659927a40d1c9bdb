/** The registered names of one node: Erlang's `register/2`. Names across the cluster are groups, elsewhere. */
import { refused } from '../arguments.js'
import { ReignError } from '../errors.js'
import type { Entity } from '../process/entity.js'
import { atom } from '../term/atom.js'

/** See the head of this file. A name belongs to one process, a process has at most one name. */
export class Registry {
  readonly #entities = new Map<string, Entity>()
  /** The same by the atoms that signals name them with: to get from one to the name is slower than the look-up. */
  readonly #byAtom = new Map<symbol, Entity>()
  readonly #names = new Map<Entity, string>()

  /** @throws `ERR_REIGN_NAME_TAKEN` when the name, or another name for that process, is registered already. */
  register(name: string, entity: Entity): void {
    if (typeof name !== 'string' || name === '' || name === 'undefined') {
      throw refused('a name that can be registered is a text', name)
    }
    // Says so if it cannot be one: a peer sends to names as atoms.
    const known = atom(name)
    if (this.#entities.has(name)) throw new ReignError('ERR_REIGN_NAME_TAKEN', `the name ${name} is taken`)
    const other = this.#names.get(entity)
    if (other !== undefined) {
      throw new ReignError('ERR_REIGN_NAME_TAKEN', `the process is registered already, as ${other}`)
    }
    this.#entities.set(name, entity)
    this.#byAtom.set(known, entity)
    this.#names.set(entity, name)
  }

  /** Frees a name. `false` when nobody had it. */
  unregister(name: string): boolean {
    const entity = this.#entities.get(name)
    if (entity === undefined) return false
    this.#entities.delete(name)
    this.#byAtom.delete(atom(name))
    this.#names.delete(entity)
    return true
  }

  /** Frees the name of a process that has ended. */
  release(entity: Entity): void {
    if (this.#names.size === 0) return
    const name = this.#names.get(entity)
    if (name !== undefined) this.unregister(name)
  }

  whereis(name: string): Entity | undefined {
    return this.#entities.get(name)
  }

  /** Who is registered under the name that this atom is. */
  withAtom(atom: symbol): Entity | undefined {
    return this.#byAtom.get(atom)
  }

  nameOf(entity: Entity): string | undefined {
    return this.#names.get(entity)
  }

  /** All names. */
  names(): string[] {
    return [...this.#entities.keys()]
  }
}
