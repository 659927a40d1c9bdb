/**
 * The addresses and references that one node knows, each one object for as long as anybody holds it.
 *
 * Interning is what lets `===` compare. Nothing is kept alive by being known: entries are weak. Each addition pays for a look
 * at some of the others, so that what nobody holds goes in proportion to what comes, without a pause (and without
 * finalizers, whose timing would make a simulation differ from run to run).
 */
import type { Entropy } from '../entropy.js'
import { Address, type Entrance } from './address.js'
import { Incarnation } from './incarnation.js'
import { Ref } from './ref.js'
import { RefTable } from './ref-table.js'

/** Entries that are looked at for each that is added. With 2, what is dead is at most half of what there is. */
const looksPerEntry = 2

/** What the book asks of the node that it belongs to. */
export interface AddressBookOwner {
  /** The address of a live mailbox of this run, by its numbers. */
  local(id: number, serial: number): Address<never> | undefined
  /** What stands behind an address of this run whose mailbox is gone. */
  readonly gone: Entrance
  /** What stands behind the addresses of another node, or of another run of this one. */
  route(incarnation: Incarnation): Entrance
}

class Run {
  readonly incarnation: Incarnation
  readonly addresses = new Map<number | string, WeakRef<Address<never>>>()
  readonly refs = new Map<string, WeakRef<Ref>>()
  /** References of calls and monitors across nodes. */
  readonly tied: RefTable

  constructor(incarnation: Incarnation, seed: number) {
    this.incarnation = incarnation
    this.tied = new RefTable(seed)
  }

  /** The reference with these words, if somebody holds it. */
  findRef(words: readonly number[]): Ref | undefined {
    return this.tied.find(words) ?? (this.refs.size === 0 ? undefined : this.refs.get(words.join('.'))?.deref())
  }

  get isEmpty(): boolean {
    return this.addresses.size === 0 && this.refs.size === 0 && this.tied.size === 0
  }
}

/** See the head of this file. */
export class AddressBook {
  /** This run of this node. */
  readonly self: Incarnation
  /** What stands behind an address of this run whose mailbox is gone. */
  readonly gone: Entrance
  readonly #owner: AddressBookOwner
  readonly #runs = new Map<string, Map<number, Run>>()
  readonly #own: Run
  /** The run of another node, or an earlier one of this, that was asked for last: traffic comes from one at a time. */
  #last: Run | undefined
  /** Of the tables of references; apart from the salt, which everybody sees. */
  readonly #seed: number
  readonly #sweeper: Iterator<void> = this.#sweep()
  #refs = 0

  constructor(self: Incarnation, owner: AddressBookOwner, entropy: Entropy) {
    this.self = self
    this.gone = owner.gone
    this.#owner = owner
    self.salt = [entropy.uint32(), entropy.uint32()]
    this.#seed = entropy.uint32()
    this.#own = new Run(self, this.#seed)
    this.#runs.set(self.node, new Map([[self.creation, this.#own]]))
  }

  /** The address with these numbers. Cost: one or two map look-ups. */
  address(node: string, id: number, serial: number, creation: number): Address<never> {
    const run = this.#run(node, creation)
    if (run === this.#own) {
      const live = this.#owner.local(id, serial)
      if (live !== undefined) return live
    }
    const key = addressKey(id, serial)
    const known = run.addresses.get(key)?.deref()
    if (known !== undefined) return known
    const entrance = run === this.#own ? this.gone : this.#owner.route(run.incarnation)
    const made = new Address<never>(run.incarnation, id, serial, entrance)
    made.written = true
    this.#keep(run.addresses, key, made)
    return made
  }

  /** Remembers an address of this run whose mailbox is gone, so that it is found when it comes back from outside. */
  remember(address: Address<never>): void {
    this.#keep(this.#own.addresses, addressKey(address.id, address.serial), address)
  }

  /** A new reference, unlike any that this or another run has made. */
  makeRef(): Ref {
    return new Ref(this.self, this.#refs++)
  }

  /** The number of a new reference, for who makes references of a kind of its own. */
  freshNumber(): number {
    return this.#refs++
  }

  /** The reference with these words, as a message brings it: whoever gets that may hold it, and compare. */
  ref(node: string, creation: number, words: readonly number[]): Ref {
    const run = this.#run(node, creation)
    let ref = run.findRef(words)
    if (ref === undefined) {
      ref = new Ref(run.incarnation, words.slice())
      this.#keepRef(run, ref)
    }
    ref.copies++
    return ref
  }

  /** The same as a signal brings it, whose receiver holds it only if it {@link tie}s it. */
  signalRef(node: string, creation: number, words: readonly number[]): Ref {
    const run = this.#run(node, creation)
    return run.findRef(words) ?? new Ref(run.incarnation, words.slice())
  }

  /** To be called before a reference is written down: it may come back, and is to be found then. */
  refLeaves(ref: Ref): void {
    if (!ref.written && ref.ties === 0) this.#keepRef(this.#runOf(ref), ref)
  }

  /**
   * It is the reference of a call or monitor across nodes from now on, and found as long as that stands. So nearly all of those never
   * need a weak reference, which cost as much as the rest of a call: they are slow to make, and survive young collections.
   */
  tie(ref: Ref): void {
    if (ref.ties++ === 0) this.#runOf(ref).tied.add(ref)
  }

  /** The call or monitor is over. It is still found where somebody may hold it. */
  untie(ref: Ref): void {
    if (--ref.ties > 0) return
    const run = this.#runOf(ref)
    run.tied.remove(ref)
    if (ref.copies > 0 && !ref.written) this.#keepRef(run, ref)
  }

  #keepRef(run: Run, ref: Ref): void {
    ref.written = true
    this.#keep(run.refs, ref.words.join('.'), ref)
  }

  /** The names of the nodes of which somebody holds addresses or references. Cost: a look at those that nobody holds any more. */
  *nodes(): Generator<string> {
    for (const [node, runs] of this.#runs) {
      const held = (run: Run) => run.tied.size > 0 || isHeld(run.addresses) || isHeld(run.refs)
      if ([...runs.values()].some(held)) yield node
    }
  }

  #runOf({ home }: Ref): Run {
    if (home === this.self) return this.#own
    const last = this.#last
    return last?.incarnation === home ? last : this.#run(home.node, home.creation)
  }

  #run(node: string, creation: number): Run {
    const last = this.#last
    if (last !== undefined && last.incarnation.creation === creation && last.incarnation.node === node) return last
    if (node === this.self.node && creation === this.self.creation) return this.#own
    let runs = this.#runs.get(node)
    if (runs === undefined) this.#runs.set(node, (runs = new Map()))
    let run = runs.get(creation)
    if (run === undefined) runs.set(creation, (run = new Run(new Incarnation(node, creation), this.#seed)))
    this.#last = run
    return run
  }

  #keep<K, V extends object>(entries: Map<K, WeakRef<V>>, key: K, value: V): void {
    entries.set(key, new WeakRef(value))
    for (let i = 0; i < looksPerEntry; i++) this.#sweeper.next()
  }

  /** Goes round and round, a look at each step, and forgets what nobody holds. */
  *#sweep(): Generator<void, never> {
    for (;;) {
      for (const [node, runs] of this.#runs) {
        for (const [creation, run] of runs) {
          for (const entries of [run.addresses, run.refs] as Map<unknown, WeakRef<object>>[]) {
            // Maps may grow and shrink under their iterators.
            for (const [key, weak] of entries) {
              if (weak.deref() === undefined) entries.delete(key)
              yield
            }
          }
          if (run === this.#own || !run.isEmpty) continue
          runs.delete(creation)
          if (run === this.#last) this.#last = undefined
        }
        if (runs.size === 0) this.#runs.delete(node)
      }
      yield
    }
  }
}

function isHeld(entries: ReadonlyMap<unknown, WeakRef<object>>): boolean {
  for (const weak of entries.values()) if (weak.deref() !== undefined) return true
  return false
}

/** One number for both halves while that is exact; serials of other nodes may need all 32 bits. */
function addressKey(id: number, serial: number): number | string {
  return serial < 0x10_0000 ? serial * 0x1_0000_0000 + id : `${id}.${serial}`
}
