/**
 * Process groups: Erlang's `pg`. Any process of any node can join a group by name; everybody can ask who is in it, and be told
 * who comes and goes.
 *
 * Groups live in scopes, which know nothing of each other. The one that is meant unless another is named is `pg`, as in OTP, where
 * it runs with `-kernel start_pg true`, or after `pg:start_link()`. A scope is started on this node when it is first used.
 */
import { checkText } from '../arguments.js'
import type { LocalNode } from '../node/local-node.js'
import type { Entity } from '../process/entity.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import type { ConnectedNodes } from './group-exchange.js'
import { GroupScope, type SyncOptions } from './group-scope.js'

/** The scope that is meant unless another is named. */
const defaultScope = 'pg'

/** See the head of this file. What it has beside `scope` is that of the scope `pg`: see {@link GroupScope}. */
export class Groups {
  readonly #node: LocalNode
  readonly #nodes: ConnectedNodes
  readonly #scopes = new Map<string, GroupScope>()

  /** @internal */
  constructor(node: LocalNode, nodes: ConnectedNodes) {
    this.#node = node
    this.#nodes = nodes
  }

  /**
   * The scope of that name, started on this node if it is not. Erlang: `pg:start_link(Name)`.
   *
   * @throws `ERR_REIGN_NAME_TAKEN` when a process of this node has that name; `ERR_REIGN_ARGUMENT` when it cannot be a name;
   *   `ERR_REIGN_NODE_STOPPED`.
   */
  scope(name: string = defaultScope): GroupScope {
    checkText(name, 'the name of a scope')
    const known = this.#scopes.get(name)
    if (known !== undefined) return known
    const scope = new GroupScope(this.#node, this.#nodes, name, () => this.#scopes.delete(name))
    this.#scopes.set(name, scope)
    return scope
  }

  /** The names of the scopes that run on this node. */
  scopes(): string[] {
    return [...this.#scopes.keys()]
  }

  /** @internal A node has come up. */
  nodeUp(node: string): void {
    for (const scope of this.#scopes.values()) scope.nodeUp(node)
  }

  /** {@link GroupScope.join} of the scope `pg`. */
  join(group: unknown, members: Address<never> | readonly Address<never>[]): void {
    this.scope().join(group, members)
  }

  /** {@link GroupScope.leave} of the scope `pg`. */
  leave(group: unknown, members: Address<never> | readonly Address<never>[]): boolean {
    return this.scope().leave(group, members)
  }

  /** {@link GroupScope.members} of the scope `pg`. */
  members<M = unknown>(group: unknown): Address<M>[] {
    return this.scope().members<M>(group)
  }

  /** {@link GroupScope.localMembers} of the scope `pg`. */
  localMembers<M = unknown>(group: unknown): Address<M>[] {
    return this.scope().localMembers<M>(group)
  }

  /** {@link GroupScope.groups} of the scope `pg`. */
  groups(): unknown[] {
    return this.scope().groups()
  }

  /** {@link GroupScope.localGroups} of the scope `pg`. */
  localGroups(): unknown[] {
    return this.scope().localGroups()
  }

  /** {@link GroupScope.monitor} of the scope `pg`. */
  monitor<M = unknown>(inbox: Entity, group: unknown): { ref: Ref; members: Address<M>[] } {
    return this.scope().monitor<M>(inbox, group)
  }

  /** {@link GroupScope.monitorScope} of the scope `pg`. */
  monitorScope<M = unknown>(inbox: Entity): { ref: Ref; groups: (readonly [group: unknown, members: Address<M>[]])[] } {
    return this.scope().monitorScope<M>(inbox)
  }

  /** {@link GroupScope.demonitor} of the scope `pg`. */
  demonitor(ref: Ref): boolean {
    return this.scope().demonitor(ref)
  }

  /** {@link GroupScope.sync} of the scope `pg`. */
  sync(options?: SyncOptions): Promise<void> {
    return this.scope().sync(options)
  }
}
