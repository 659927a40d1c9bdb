/**
 * Names that are kept elsewhere than in the node: Erlang's `{global, Name}` and `{via, Module, Name}`.
 *
 *   await node.start({ name: via(node.global, 'counter') }, counter, 10)
 *   node.server<typeof counter>(via(node.global, 'counter')).call.value()
 */
import { check } from '../arguments.js'
import { CallError, ReignError } from '../errors.js'
import { noproc } from '../exit-reason.js'
import { Address } from '../term/address.js'
import type { Target } from './notices.js'

/**
 * What keeps names: `node.global`, or an object of a program's own. Erlang: the functions of the module in `{via, Module, Name}`. A name goes
 * with the process that has it; to see to that is the registry's business.
 */
export interface NameRegistry {
  /** Gives a name to a process. `false` when somebody has it. Erlang: `register_name/2`, which answers `yes` or `no`. */
  registerName(name: unknown, address: Address<never>): boolean | PromiseLike<boolean>
  /** Takes a name away; asked for when what was started under it did not begin. Erlang: `unregister_name/1`. */
  unregisterName(name: unknown): unknown
  /** Who has a name. Erlang: `whereis_name/1`. */
  whereisName(name: unknown): Address<never> | undefined
  /** Sends to who has a name, and may throw when nobody has. Erlang: `send/2`. */
  send(name: unknown, message: unknown): unknown
}

const registryMethods = ['registerName', 'unregisterName', 'whereisName', 'send'] as const

/** A name in a registry; made by {@link via}. */
export class ViaName {
  readonly registry: NameRegistry
  readonly name: unknown

  /** @internal */
  constructor(registry: NameRegistry, name: unknown) {
    this.registry = registry
    this.name = name
  }

  /** Who has the name just now. */
  whereis(): Address<never> | undefined {
    return this.registry.whereisName(this.name)
  }

  /** @internal Who has the name just now. @throws `ERR_REIGN_CALL` with `noproc` when nobody has. */
  resolve(): Address<never> {
    const address = this.whereis()
    if (address === undefined) throw new CallError(noproc, String(this))
    return address
  }

  /** @internal Gives the name back; that this fails is the registry's own affair. */
  release(): void {
    const given = async () => this.registry.unregisterName(this.name)
    given().catch(() => {})
  }

  toString(): string {
    return `via ${typeof this.name === 'symbol' ? this.name.description : String(this.name)}`
  }
}

/** What can be called, cast and stopped: an address, a name on a node, or a name that is kept elsewhere. */
export type Destination = Target | ViaName

/**
 * A name in a registry: to start something under, and to call it by; it is looked up at each use. `via(node.global, 'counter')` is Erlang's
 * `{global, counter}` when the name is an atom; names are terms.
 *
 * @throws `ERR_REIGN_ARGUMENT` for what is no registry, as `node.global` of a hidden node.
 */
export function via(registry: NameRegistry | undefined, name: unknown): ViaName {
  const keeps = registryMethods.every((each) => typeof registry?.[each] === 'function')
  check(
    keeps,
    `names are kept by node.global, which hidden nodes lack, or an object with ${registryMethods.join(', ')}`,
    registry,
  )
  return new ViaName(registry as NameRegistry, name)
}

/** @internal Where a destination leads just now. @throws `ERR_REIGN_CALL` with `noproc` for a name that nobody has. */
export function resolved(destination: Destination): Target {
  return destination instanceof ViaName ? destination.resolve() : destination
}

/**
 * @internal The address among the destinations.
 *
 * @throws `ERR_REIGN_ARGUMENT` for a name.
 */
export function addressOf(destination: Destination): Address<unknown> {
  if (destination instanceof Address) return destination as Address<unknown>
  throw new ReignError('ERR_REIGN_ARGUMENT', `${destination} is known by name, and may be somebody else each time`)
}

/** @internal The node of a destination; of a name that nobody has, none. */
export function nodeOf(destination: Destination): string | undefined {
  return destination instanceof ViaName ? destination.whereis()?.node : destination.node
}
