/**
 * Tells of changes of membership, one after the other, in the order in which the view took them in.
 *
 * A listener may itself join, leave, or begin to listen: what follows from it is told to everybody after what is being told,
 * and whoever begins to listen hears of what their look at the view did not show them yet, and of nothing twice.
 */
import type { GroupKey } from './group-key.js'
import type { MembershipChange } from './group-view.js'

type Listener = (change: MembershipChange) => unknown

interface Subscription {
  readonly listener: Listener
  /** The number of the first change that it has not seen in the view. */
  readonly from: number
}

/** See the head of this file. */
export class MembershipFeed {
  readonly #failed: (error: unknown) => void
  readonly #ofAll = new Set<Subscription>()
  readonly #ofGroup = new Map<GroupKey, Set<Subscription>>()
  /** What is to be told or done, the first of it just now. */
  #queue: (() => void)[] = []
  #changes = 0
  #telling = false

  /** @param failed Told of what a listener throws, or rejects with: it must disturb nobody else. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed
  }

  /** Listens to the changes of all groups from now on, until the returned function is called. */
  all(listener: Listener): () => void {
    const subscription = { listener, from: this.#changes }
    this.#ofAll.add(subscription)
    return () => {
      this.#ofAll.delete(subscription)
    }
  }

  /** Listens to the changes of one group from now on, likewise. */
  group(key: GroupKey, listener: Listener): () => void {
    const subscription = { listener, from: this.#changes }
    const subscriptions = this.#ofGroup.get(key) ?? new Set()
    this.#ofGroup.set(key, subscriptions.add(subscription))
    return () => {
      subscriptions.delete(subscription)
      if (subscriptions.size === 0 && this.#ofGroup.get(key) === subscriptions) this.#ofGroup.delete(key)
    }
  }

  /** Tells of changes that the view has just taken in. */
  tell(changes: readonly MembershipChange[]): void {
    for (const change of changes) {
      const number = this.#changes++
      this.#queue.push(() => this.#tell(change, number))
    }
    this.#run()
  }

  /** Calls a listener in its turn: at once, or after what is being told. */
  inTurn(run: () => unknown): void {
    this.#queue.push(() => this.#call(run))
    this.#run()
  }

  #run(): void {
    if (this.#telling) return
    this.#telling = true
    // By index, as the list grows while it is read.
    for (let i = 0; i < this.#queue.length; i++) (this.#queue[i] as () => void)()
    this.#queue = []
    this.#telling = false
  }

  #tell(change: MembershipChange, number: number): void {
    // In the order of OTP: those that listen to all, then those that listen to this one.
    this.#tellAll(this.#ofAll, change, number)
    const ofGroup = this.#ofGroup.get(change.key)
    if (ofGroup !== undefined) this.#tellAll(ofGroup, change, number)
  }

  #tellAll(subscriptions: ReadonlySet<Subscription>, change: MembershipChange, number: number): void {
    for (const { listener, from } of subscriptions) if (number >= from) this.#call(() => listener(change))
  }

  #call(run: () => unknown): void {
    try {
      const result = run()
      if (result instanceof Promise) result.catch(this.#failed)
    } catch (error) {
      this.#failed(error)
    }
  }
}
