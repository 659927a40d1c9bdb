/**
 * Names of Erlang's `global`, for visible nodes: one name, one process, in all of the cluster. reign's own names are `node.names`,
 * which hidden nodes have too, and which many can claim.
 */
import { checkOptions, refused } from '../arguments.js'
import { describe, ReignError } from '../errors.js'
import type { LocalNode } from '../node/local-node.js'
import type { NameRegistry } from '../process/via.js'
import type { Address } from '../term/address.js'
import { checkAddress } from '../term/checks.js'
import { tuple } from '../term/tuple.js'
import { methods, type ResolveMethod } from './global/conflicts.js'
import { Registrar } from './global/registrar.js'
import type { GlobalServer } from './global/server.js'
import { word } from './global/terms.js'
import { groupKey } from './group-key.js'

export type { ResolveMethod }

/** See the head of this file. */
export class Global implements NameRegistry {
  readonly #node: LocalNode
  readonly #server: GlobalServer
  readonly #registrar: Registrar

  /** @internal */
  constructor(node: LocalNode, server: GlobalServer) {
    this.#node = node
    this.#server = server
    this.#registrar = new Registrar(node, server)
  }

  /**
   * Gives a name to a process or mailbox, of this node or another, unless it is somebody's already: all visible nodes are locked
   * meanwhile, so that nobody else can. Erlang: `global:register_name/3`. The name ends with the process.
   *
   * @param options.resolve What becomes of the name when two parts of a cluster meet that both have it; the smaller of the two nodes that meet
   *   decides by its own. Default: `random_exit_name`.
   * @returns `false` when somebody has the name.
   * @throws `ERR_REIGN_ARGUMENT` for what is no address; what `encode` of `reign/etf` throws for what is no name;
   *   `ERR_REIGN_NODE_STOPPED`.
   */
  async register(
    name: unknown,
    address: Address<never>,
    options: { resolve?: ResolveMethod | undefined } = {},
  ): Promise<boolean> {
    groupKey(name)
    checkOptions(options)
    const { resolve = 'random_exit_name' } = options
    const method = methods.get(resolve)
    if (method === undefined) throw refused(`resolve is one of ${[...methods.keys()].join(', ')}`, resolve)
    checkAddress(address, 'a name is given to')
    const request = tuple(word.register, name, address, method)
    return this.#registrar.ask(() => (this.whereis(name) === undefined ? request : undefined))
  }

  /** Takes a name away, whoever has it, on all nodes. `false` when nobody had it. Erlang: `global:unregister_name/1`. */
  async unregister(name: unknown): Promise<boolean> {
    if (this.#server.names.get(name) === undefined) return false
    return this.#registrar.ask(() => tuple(word.unregister, name))
  }

  /** Who has a name, as far as this node knows: no message, no wait. Erlang: `global:whereis_name/1`. */
  whereis<M = unknown>(name: unknown): Address<M> | undefined {
    const pid = this.#server.names.get(name)?.pid
    if (pid === undefined || (pid.node === this.#node.name && !this.#node.isAlive(pid))) return undefined
    return pid as Address<unknown> as Address<M>
  }

  // --- as a registry of names that things are started under: `via(node.global, 'counter')`, Erlang's `{global, Name}` ------

  /** As {@link register}. */
  registerName(name: unknown, address: Address<never>): Promise<boolean> {
    return this.register(name, address)
  }

  /** As {@link unregister}. */
  unregisterName(name: unknown): Promise<boolean> {
    return this.unregister(name)
  }

  /** As {@link whereis}. */
  whereisName(name: unknown): Address<never> | undefined {
    return this.whereis(name)
  }

  /**
   * Sends to who has a name. Erlang: `global:send/2`.
   *
   * @throws `ERR_REIGN_ARGUMENT` when nobody has it, as far as this node knows.
   */
  send(name: unknown, message: unknown): boolean {
    const to = this.whereis(name)
    if (to === undefined) throw new ReignError('ERR_REIGN_ARGUMENT', `nobody has the global name ${describe(name)}`)
    return to.send(message)
  }

  /** All names that somebody has. Erlang: `global:registered_names/0`. */
  registered(): unknown[] {
    return this.#server.names.all().map(({ name }) => name)
  }

  /** The nodes that share their names with this one: all visible ones, once they have got to know each other. */
  nodes(): string[] {
    return this.#server.known
  }
}
