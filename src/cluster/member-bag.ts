/** The members of a group on one node: each as often as it has joined, in the order of their first joining. */
import type { Address } from '../term/address.js'

/** See the head of this file. Joining and leaving cost the same however many there are. */
export class MemberBag {
  readonly #counts = new Map<Address<never>, number>()

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  /** How often it has joined. */
  count(member: Address<never>): number {
    return this.#counts.get(member) ?? 0
  }

  /** Puts it in so many times more. `true` when it was not in. */
  add(member: Address<never>, times = 1): boolean {
    const before = this.count(member)
    this.#counts.set(member, before + times)
    return before === 0
  }

  /** Takes it out so many times, or as often as it is in; how many times that was. */
  remove(member: Address<never>, times = 1): number {
    const before = this.count(member)
    if (before > times) this.#counts.set(member, before - times)
    else this.#counts.delete(member)
    return Math.min(before, times)
  }

  /** The member that has been in for longest. */
  first(): Address<never> | undefined {
    return this.#counts.keys().next().value
  }

  /** The members and how often each is in. */
  entries(): IterableIterator<[member: Address<never>, times: number]> {
    return this.#counts.entries()
  }

  /** Each member once. */
  distinct(): IterableIterator<Address<never>> {
    return this.#counts.keys()
  }

  /** Puts each member, as often as it is in, at the end of a list. */
  appendTo(list: Address<never>[]): void {
    for (const [member, times] of this.#counts) for (let n = 0; n < times; n++) list.push(member)
  }
}
