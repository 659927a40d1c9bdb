/**
 * Names across the cluster: Go's reign's registry. A name is a group in the scope `reign`, so many may claim one, and Erlang sees
 * them with `pg:get_members(reign, Name)`: a text is a binary there, an atom an atom.
 *
 * There is no consensus behind it, on purpose: a name is known to be somebody's on the other nodes as soon as the news
 * has travelled, and two may claim the same one, above all after a partition. Who minds looks with `lookupAll`, watches the name, or
 * claims it with `{ multipleClaim: true }`.
 */
import { checkFunction, checkOptions, checkPart } from '../arguments.js'
import { ReignError } from '../errors.js'
import type { Address } from '../term/address.js'
import { atom, atomName } from '../term/atom.js'
import { checkAddress } from '../term/checks.js'
import type { ExchangeState } from './group-exchange.js'
import type { GroupScope, SyncOptions } from './group-scope.js'
import type { MembershipChange } from './group-view.js'
import { type NameClaims, NameConflicts } from './name-conflicts.js'

/** A cluster-wide name: text, or an atom. */
export type ClusterName = string | symbol

/** How a name is claimed. */
export interface ClaimOptions {
  /**
   * Sends the claimant a `MultipleClaim`, with all claimants, whenever these have changed and are several. Off by default: a claimant
   * that is not ready for it would take it for one of its messages.
   */
  readonly multipleClaim?: boolean | undefined
}

/** Claimants of a name have come or gone. */
export interface ClaimChange {
  readonly kind: 'join' | 'leave'
  readonly claimants: readonly Address<never>[]
}

/** All that one node knows of names: for whoever wants to know why a name leads where it leads. Go's reign: `GetDebugger`. */
export interface NamesView {
  /** Whose view it is. */
  readonly node: string
  readonly names: readonly NameClaims[]
  /**
   * The nodes that it is connected with. `synced`: that node has told its claims; `waiting`: it has been asked; `absent`: it
   * takes no part in names. And how many names its processes claim.
   */
  readonly nodes: readonly { readonly node: string; readonly state: ExchangeState; readonly names: number }[]
}

/** See the head of this file. */
export class Names {
  readonly #scope: GroupScope
  readonly #node: string
  readonly #conflicts: NameConflicts

  /** @internal */
  constructor(scope: GroupScope, node: string) {
    this.#scope = scope
    this.#node = node
    this.#conflicts = new NameConflicts(scope)
  }

  // --- claiming ---------------------------------------------------------------------------------------------------

  /**
   * Claims a name for a mailbox or process of this node. Claiming twice is claiming once. The claim ends with
   * {@link unregister}, with the mailbox, or with the node.
   *
   * @throws `ERR_REIGN_ARGUMENT` when it is not a live mailbox of this node, or the name is none; `ERR_REIGN_CLOSED` when the node has
   *   stopped.
   */
  register(name: ClusterName, address: Address<never>, options: ClaimOptions = {}): void {
    checkName(name)
    checkAddress(address, 'a name is claimed for')
    checkOptions(options)
    checkPart(options, 'multipleClaim', 'boolean')
    if (!this.#scope.hasOwn(name, address)) this.#scope.join(name, address)
    if (!this.#scope.hasOwn(name, address)) {
      throw new ReignError('ERR_REIGN_ARGUMENT', `only a live process of this node can claim a name, not ${address}`)
    }
    if (options.multipleClaim) this.#conflicts.want(name, address)
  }

  /** Gives up a claim of this node: that address's, or all of them. `false` when there was none. */
  unregister(name: ClusterName, address?: Address<never>): boolean {
    checkName(name)
    if (address !== undefined) checkAddress(address, 'a name was claimed for')
    const claimants = this.#scope.localMembers<never>(name)
    const leaving = address === undefined ? claimants : claimants.filter((claimant) => claimant === address)
    return leaving.length > 0 && this.#scope.leave(name, leaving)
  }

  // --- looking ----------------------------------------------------------------------------------------------------

  /**
   * The nearest claimant: one of this node if there is one, else one of another; the one that is known here for longest, so that it is
   * the same each time for as long as it claims the name. `undefined` when nobody is known to. Go's `Lookup` takes any.
   *
   * Cost: one look into a table of this node; no message, no wait.
   */
  lookup<M = unknown>(name: ClusterName): Address<M> | undefined {
    checkName(name)
    return this.#scope.first<M>(name)
  }

  /** All claimants that this node knows of, its own first. */
  lookupAll<M = unknown>(name: ClusterName): Address<M>[] {
    checkName(name)
    return this.#scope.members<M>(name)
  }

  /** All names that somebody is known to claim. Go's `AllNames`; its `SeenNames(n)` is `lookup(n) !== undefined`. */
  seen(): ClusterName[] {
    return this.#scope.groups().filter(isName)
  }

  /** Sends to every claimant; how many there were. */
  send(name: ClusterName, message: unknown): number {
    const claimants = this.lookupAll(name)
    for (const claimant of claimants) claimant.send(message)
    return claimants.length
  }

  /**
   * Waits until each node that is connected has told its claims, and knows those of this one. A node that is lost meanwhile, or
   * takes no part in names, is not waited for; nor are members of the cluster that are not connected.
   *
   * @throws `ERR_REIGN_TIMEOUT` after `timeout` ms (5,000 unless given); the reason of the abort signal; `ERR_REIGN_CLOSED` when the node
   *   has stopped.
   */
  sync(options?: SyncOptions): Promise<void> {
    return this.#scope.sync(options)
  }

  // --- being told -------------------------------------------------------------------------------------------------

  /**
   * Calls back with the claimants of a name: at once, and then after every change, here or elsewhere; until the returned function
   * is called. Nothing is missing in between. What the callback throws, or rejects with, is logged.
   *
   * For messages instead, and for all names at once: `node.groups.scope('reign').monitor(mailbox, name)`.
   */
  watch<M = unknown>(
    name: ClusterName,
    callback: (claimants: readonly Address<M>[], change: ClaimChange | undefined) => unknown,
  ): () => void {
    checkName(name)
    checkFunction(callback, 'what is called back')
    const { feed } = this.#scope
    let stop: (() => void) | undefined
    let stopped = false
    const tell = (change: MembershipChange | undefined) => {
      const told = change === undefined ? undefined : { kind: change.kind, claimants: change.members }
      return callback(this.#scope.members<M>(name), told)
    }
    feed.inTurn(() => {
      if (stopped) return undefined
      stop = feed.group(name, tell)
      return tell(undefined)
    })
    return () => {
      stopped = true
      stop?.()
    }
  }

  /**
   * Calls back whenever the claimants of a name have changed and are several, whoever they are; until the returned function is
   * called. {@link conflicts} has those that there are already.
   */
  onConflict(callback: (conflict: NameClaims) => unknown): () => void {
    checkFunction(callback, 'what is called back')
    return this.#conflicts.listen(callback)
  }

  /** The names that several claim. Go's `MultipleClaimCount` is its length. */
  conflicts(): NameClaims[] {
    return this.view().names.filter(({ claimants }) => claimants.length > 1)
  }

  /** All that this node knows of names, at this moment: each name with its claimants, and where each node stands. */
  view(): NamesView {
    const names = this.#scope.all().flatMap(([name, members]) => {
      return isName(name) ? [{ name, claimants: [...new Set(members)] }] : []
    })
    return { node: this.#node, names, nodes: this.nodes() }
  }

  /** Where each node that this one is connected with stands, as in {@link view}. */
  nodes(): NamesView['nodes'] {
    return this.#scope.nodes().map(({ node, state, groups }) => ({ node, state, names: groups }))
  }
}

/** What other nodes may ask: with whom this one has exchanged its names. `[#{node => <<"b@host">>, state => synced, names => 2}]`. */
export function nameNodes(names: Names): readonly { node: string; state: symbol; names: number }[] {
  return names.nodes().map(({ node, state, names }) => ({ node, state: Symbol.for(state), names }))
}

function isName(name: unknown): name is ClusterName {
  return typeof name === 'string' || typeof name === 'symbol'
}

/** Whatever is claimed is told to other nodes: what they could not be told is refused here. */
function checkName(name: unknown): void {
  if (typeof name === 'string' && name !== '' && name.isWellFormed()) return
  const text = typeof name === 'symbol' ? atomName(name) : undefined
  if (text !== undefined && !valueNames.has(text)) return void atom(text)
  throw new ReignError('ERR_REIGN_ARGUMENT', 'a cluster-wide name is well-formed text that is not empty, or an atom')
}

/** Atoms that are values of JavaScript, and come back as such. */
const valueNames: ReadonlySet<string> = new Set(['true', 'false', 'null', 'undefined'])
