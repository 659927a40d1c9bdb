/**
 * Who belongs to the cluster, of several sources: the program, the cluster file, discoveries, other nodes.
 *
 * A node belongs for as long as one source names it, unless it has parted: then it belongs again only when it comes by itself,
 * or the program asks for it. Pure bookkeeping: who belongs is dialled by `membership.ts`.
 */
import type { Endpoint } from './endpoint.js'

/** What a source says of a node: its address where it knows one. */
export type Named = ReadonlyMap<string, Endpoint | undefined>

/** Who belongs now and did not before, and the other way round. */
export interface MembersChange {
  readonly added: readonly string[]
  readonly removed: readonly string[]
}

/** See the head of this file. */
export class Members {
  readonly #self: string
  /** In order of precedence for addresses. */
  readonly #sources = new Map<string, Named>()
  /** By how many sources each node is named. */
  readonly #counts = new Map<string, number>()
  /** Named still, and yet they do not belong. */
  readonly #parted = new Set<string>()

  /** @param self The node itself, which is never one of the others. @param sources Those that come first, in order. */
  constructor(self: string, ...sources: readonly string[]) {
    this.#self = self
    for (const source of sources) this.#sources.set(source, new Map())
  }

  /** Replaces all that a source says. */
  set(source: string, named: Named): MembersChange {
    const before = this.#sources.get(source) ?? new Map<string, Endpoint | undefined>()
    const own = new Map([...named].filter(([name]) => name !== this.#self))
    const added: string[] = []
    const removed: string[] = []
    this.#sources.set(source, own)
    for (const name of own.keys()) if (!before.has(name) && this.#count(name, 1)) added.push(name)
    for (const name of before.keys()) if (!own.has(name) && this.#count(name, -1)) removed.push(name)
    return { added, removed }
  }

  /** A source names one node more, or says another address of it. */
  add(source: string, name: string, address?: Endpoint): MembersChange {
    return this.set(source, new Map(this.#sources.get(source)).set(name, address))
  }

  /** A source names one node less. */
  remove(source: string, name: string): MembersChange {
    const named = new Map(this.#sources.get(source))
    named.delete(name)
    return this.set(source, named)
  }

  /** A source is no more. */
  drop(source: string): MembersChange {
    const change = this.set(source, new Map())
    this.#sources.delete(source)
    return change
  }

  /** A node has parted, whatever the sources say. `true` when it did belong. */
  part(name: string): boolean {
    const belonged = this.belongs(name)
    if (belonged) this.#parted.add(name)
    return belonged
  }

  /** A node that had parted is back. `true` when it belongs again thereby. */
  back(name: string): boolean {
    return this.#parted.delete(name)
  }

  belongs(name: string): boolean {
    return this.#counts.has(name) && !this.#parted.has(name)
  }

  /** All that belong. */
  names(): string[] {
    return [...this.#counts.keys()].filter((name) => !this.#parted.has(name))
  }

  /** Where a node is, by the first source that says so. */
  address(name: string): Endpoint | undefined {
    for (const named of this.#sources.values()) {
      const address = named.get(name)
      if (address !== undefined) return address
    }
    return undefined
  }

  /** Counts one source more or less; whether the node begins, or ceases, to belong thereby. */
  #count(name: string, by: 1 | -1): boolean {
    const count = (this.#counts.get(name) ?? 0) + by
    if (count > 0) {
      this.#counts.set(name, count)
      return by === 1 && count === 1
    }
    this.#counts.delete(name)
    // Nobody names it any more: should somebody do so again, that is news.
    return !this.#parted.delete(name)
  }
}
