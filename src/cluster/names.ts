/**
 * Names across the cluster: Go's reign's registry. A name is a group in the scope `reign`, so many may claim one, and Erlang sees
 * them with `pg:get_members(reign, Name)`: a text is a binary there, an atom an atom.
 *
 * There is no consensus behind it, on purpose: a name is known to be somebody's on the other nodes as soon as the news
 * has travelled, and two may claim the same one, above all after a partition. Who minds looks with `lookupAll`, and is told
 * by `onChange` when to look again.
 */
import { ReignError } from '../errors.js'
import { Address } from '../term/address.js'
import { atom, atomName } from '../term/atom.js'
import type { Groups } from './groups.js'

/** A cluster-wide name: text, or an atom. */
export type ClusterName = string | symbol

/** See the head of this file. */
export class Names {
  readonly #groups: Groups

  /** @internal */
  constructor(groups: Groups) {
    this.#groups = groups
  }

  /**
   * Claims a name for a mailbox or process of this node. Claiming twice is claiming once. The claim ends with
   * {@link unregister}, with the mailbox, or with the node.
   *
   * @throws `ERR_REIGN_ARGUMENT` when it is not a live mailbox of this node.
   */
  register(name: ClusterName, address: Address<never>): void {
    checkName(name)
    if (!(address instanceof Address)) throw new ReignError('ERR_REIGN_ARGUMENT', 'a name is claimed for an address')
    if (!this.#groups.localMembers<never>(name).includes(address)) this.#groups.join(name, address)
  }

  /** Gives up a claim of this node: that address's, or all of them. `false` when there was none. */
  unregister(name: ClusterName, address?: Address<never>): boolean {
    checkName(name)
    const claimants = address === undefined ? this.#groups.localMembers<never>(name) : [address]
    return claimants.map((claimant) => this.#groups.leave(name, claimant)).includes(true)
  }

  /** One claimant: of this node if there is one, else any; `undefined` when nobody is known to claim the name. */
  lookup<M = unknown>(name: ClusterName): Address<M> | undefined {
    return this.lookupAll<M>(name)[0]
  }

  /** All claimants that this node knows of, its own first. */
  lookupAll<M = unknown>(name: ClusterName): Address<M>[] {
    checkName(name)
    return this.#groups.members<M>(name)
  }

  /** All names that somebody claims. */
  seen(): ClusterName[] {
    return this.#groups.groups().filter((name) => typeof name === 'string' || typeof name === 'symbol')
  }

  /** Calls back whenever a claim of that name, here or elsewhere, has come or gone; until the returned function is called. */
  onChange(name: ClusterName, callback: () => unknown): () => void {
    checkName(name)
    return this.#groups.onChange((change) => (change.group === name ? callback() : undefined))
  }

  /** Sends to every claimant; how many there were. */
  send(name: ClusterName, message: unknown): number {
    const claimants = this.lookupAll(name)
    for (const claimant of claimants) claimant.send(message)
    return claimants.length
  }
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
