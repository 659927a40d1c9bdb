/** The locks that are set on this node: on what, in whose name, and by which processes. They end with these. */
import type { Address } from '../../term/address.js'
import { sameTerm } from '../../term/equal.js'
import type { Ref } from '../../term/ref.js'
import { groupKey } from '../group-key.js'
import { type LockId, word } from './terms.js'

/** Watches processes: their ends are told to who owns the table, perhaps before the monitor has been set. */
export interface Monitors {
  makeRef(): Ref
  start(address: Address<never>, ref: Ref): void
  stop(ref: Ref): void
}

interface Lock extends LockId {
  readonly holders: Map<Address<never>, Ref>
}

/** See the head of this file. */
export class LockTable {
  readonly #monitors: Monitors
  readonly #locks = new Map<unknown, Lock>()
  readonly #byRef = new Map<Ref, { readonly lock: Lock; readonly holder: Address<never> }>()
  /** Whether the last lock on names ended because its holder did, and not because it was taken back. */
  #endedByDeath = false

  constructor(monitors: Monitors) {
    this.#monitors = monitors
  }

  /** Whether the names are locked, by whomever. */
  get namesLocked(): boolean {
    return this.#locks.has(groupKey(word.global))
  }

  /** Whether a lock could be set: nobody has one on the same thing in another name. */
  isFree({ resource, requester }: LockId): boolean {
    const lock = this.#locks.get(groupKey(resource))
    return lock === undefined || sameTerm(lock.requester, requester)
  }

  /** Sets a lock for a process. `false` when somebody has one in another name. */
  set(id: LockId, holder: Address<never>): boolean {
    if (!this.isFree(id)) return false
    const key = groupKey(id.resource)
    let lock = this.#locks.get(key)
    if (lock === undefined) this.#locks.set(key, (lock = { ...id, holders: new Map() }))
    if (lock.holders.has(holder)) return true
    const ref = this.#monitors.makeRef()
    lock.holders.set(holder, ref)
    this.#byRef.set(ref, { lock, holder })
    this.#monitors.start(holder, ref)
    return true
  }

  /** A process gives its lock back. */
  release(id: LockId, holder: Address<never>): void {
    const lock = this.#locks.get(groupKey(id.resource))
    if (lock === undefined || !sameTerm(lock.requester, id.requester)) return
    const ref = lock.holders.get(holder)
    if (ref === undefined) return
    this.#monitors.stop(ref)
    this.#remove(lock, holder, ref, false)
  }

  /** A process has ended, or is out of reach. `false` when it held no lock by that monitor. */
  ended(ref: Ref): boolean {
    const held = this.#byRef.get(ref)
    if (held === undefined) return false
    this.#remove(held.lock, held.holder, ref, true)
    return true
  }

  /** A node is parted with: the locks of its processes are over, though they may live. */
  dropNode(node: string): void {
    for (const [ref, { lock, holder }] of [...this.#byRef]) {
      if (holder.node !== node) continue
      this.#monitors.stop(ref)
      this.#remove(lock, holder, ref, true)
    }
  }

  /** Whether a process holds the lock on names. */
  holdsNames(holder: Address<never>): boolean {
    return this.#locks.get(groupKey(word.global))?.holders.has(holder) === true
  }

  /**
   * Whether what two parts have agreed upon under a lock of that requester is to be taken: not if the lock has ended with its
   * holder meanwhile. Without any lock it is: who has just become known was not locked.
   */
  covers(requester: unknown): boolean {
    const lock = this.#locks.get(groupKey(word.global))
    return lock === undefined ? !this.#endedByDeath : sameTerm(lock.requester, requester)
  }

  #remove(lock: Lock, holder: Address<never>, ref: Ref, byDeath: boolean): void {
    this.#byRef.delete(ref)
    lock.holders.delete(holder)
    if (lock.holders.size > 0) return
    this.#locks.delete(groupKey(lock.resource))
    if (lock.resource === word.global) this.#endedByDeath = byDeath
  }
}
