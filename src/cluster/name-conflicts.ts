/**
 * Names with several claimants: who of this node is told of them, and when.
 *
 * Each set of claimants is told once, whatever has changed it, and however many changes came at once, as after a heal.
 */
import { tell } from '../process/entity.js'
import type { Address } from '../term/address.js'
import type { GroupKey } from './group-key.js'
import type { GroupScope } from './group-scope.js'
import type { MembershipChange } from './group-view.js'
import type { ClusterName } from './names.js'

/** A name, and who claims it. */
export interface NameClaims {
  readonly name: ClusterName
  /** Each once; all that this node knows of, its own first. */
  readonly claimants: readonly Address<never>[]
}

/** What a claimant gets who asked for it (`{ multipleClaim: true }`) when others claim its name too. Go's reign: `MultipleClaim`. */
export interface MultipleClaim<M = unknown> {
  readonly type: 'multipleClaim'
  readonly name: ClusterName
  /** All that are known where the claimant is, itself among them; as they were when this was sent. */
  readonly claimants: readonly Address<M>[]
}

/** See the head of this file. */
export class NameConflicts {
  readonly #scope: GroupScope
  /** The claimants of this node that want to be told, by name, with the set that each was told last. */
  readonly #wanting = new Map<GroupKey, Map<Address<never>, number>>()
  readonly #listeners = new Set<(conflict: NameClaims) => unknown>()
  /** The set that listeners were told last. */
  readonly #told = new Map<GroupKey, number>()

  constructor(scope: GroupScope) {
    this.#scope = scope
    scope.feed.all((change) => this.#changed(change))
  }

  /** A claimant of this node wants to be told: of what is to come, and of the conflict that there is. */
  want(name: ClusterName, claimant: Address<never>): void {
    const wanting = this.#wanting.get(name) ?? new Map<Address<never>, number>()
    if (wanting.has(claimant)) return
    const { members, version } = this.#scope.distinct(name)
    this.#wanting.set(name, wanting.set(claimant, version))
    if (members.length > 1) tellClaimant(claimant, { name, claimants: members })
  }

  /** Calls back with each conflict from now on, in its turn. */
  listen(listener: (conflict: NameClaims) => unknown): () => void {
    const own = (conflict: NameClaims) => listener(conflict)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  #changed({ key, group }: MembershipChange): void {
    const wanting = this.#wanting.get(key)
    if (wanting === undefined && this.#listeners.size === 0 && !this.#told.has(key)) return
    const { members, version } = this.#scope.distinct(key)
    const claims = { name: group as ClusterName, claimants: members }
    for (const [claimant, told] of wanting ?? []) {
      if (!this.#scope.hasOwn(key, claimant)) wanting?.delete(claimant)
      else if (members.length > 1 && told !== version) {
        wanting?.set(claimant, version)
        tellClaimant(claimant, claims)
      }
    }
    if (wanting?.size === 0) this.#wanting.delete(key)
    if (members.length < 2) this.#told.delete(key)
    else if (this.#told.get(key) !== version) {
      this.#told.set(key, version)
      for (const listener of this.#listeners) this.#scope.feed.inTurn(() => listener(claims))
    }
  }
}

function tellClaimant(claimant: Address<never>, { name, claimants }: NameClaims): void {
  const message: MultipleClaim<never> = { type: 'multipleClaim', name, claimants }
  tell(claimant, message)
}
