/**
 * The hinge between the two towers: everything that one process can do to another, as data.
 *
 * The towers of processes act on signals and make them; the wire (dist/control.ts) maps each to a control message of the
 * Erlang distribution protocol and back. Neither knows the other. Protocol: "Distribution protocol", control messages;
 * semantics: the Erlang reference manual, "Processes", sections on signals, links, monitors and aliases.
 */
import type { Address } from './term/address.js'
import type { Ref } from './term/ref.js'

/** A process, or a name that the receiving node resolves. */
export type SignalTarget = Address<never> | symbol

/** What a remote spawn is to run: an Erlang module, function and arity. */
export interface SpawnFunction {
  readonly module: string
  readonly function: string
  readonly arity: number
}

/** Everything that crosses between processes. `from` is always the one that caused it. */
export type Signal =
  | {
      readonly op: 'message'
      readonly from: Address<never> | undefined
      readonly to: Address<never>
      readonly message: unknown
    }
  | { readonly op: 'named-message'; readonly from: Address<never>; readonly to: symbol; readonly message: unknown }
  /**
   * A request and the monitor of its call in one, for a peer that knows it: the monitor ends with the reply, without being taken back.
   */
  | {
      readonly op: 'call'
      readonly from: Address<never>
      readonly to: SignalTarget
      readonly ref: Ref
      readonly request: unknown
    }
  /** The reply to such a call: the message `{[alias | Ref], Value}` to that alias. */
  | { readonly op: 'reply'; readonly from: Address<never>; readonly to: Ref; readonly value: unknown }
  | { readonly op: 'alias-message'; readonly from: Address<never>; readonly to: Ref; readonly message: unknown }
  | { readonly op: 'link'; readonly from: Address<never>; readonly to: Address<never> }
  /** `id` is unique among the unlinks of the sending node; 0 for the obsolete form, which is not acknowledged. */
  | { readonly op: 'unlink'; readonly from: Address<never>; readonly to: Address<never>; readonly id: bigint }
  | { readonly op: 'unlink-ack'; readonly from: Address<never>; readonly to: Address<never>; readonly id: bigint }
  /** `to` was linked with `from`, which has exited (or the link could not be made: `noproc`). */
  | { readonly op: 'link-exit'; readonly from: Address<never>; readonly to: Address<never>; readonly reason: unknown }
  /** `from` asks `to` to exit: Erlang's `exit/2`. */
  | { readonly op: 'exit'; readonly from: Address<never>; readonly to: Address<never>; readonly reason: unknown }
  | { readonly op: 'monitor'; readonly from: Address<never>; readonly to: SignalTarget; readonly ref: Ref }
  | { readonly op: 'demonitor'; readonly from: Address<never>; readonly to: SignalTarget; readonly ref: Ref }
  /** `from` is what the monitor was set on: the address, or the name if it was set by name. */
  | {
      readonly op: 'down'
      readonly from: SignalTarget
      readonly to: Address<never>
      readonly ref: Ref
      readonly reason: unknown
      /** The node that says so, where it is another one: it is believed of its own processes alone. */
      readonly by?: string | undefined
    }
  | {
      readonly op: 'spawn'
      readonly ref: Ref
      readonly from: Address<never>
      readonly groupLeader: Address<never>
      readonly function: SpawnFunction
      readonly args: readonly unknown[]
      /** Erlang's option list as it came: atoms and tuples. `link` and `monitor` are the ones with an effect here. */
      readonly options: readonly unknown[]
    }
  /** `result` is the address of the new process, or an atom that says why there is none. */
  | {
      readonly op: 'spawned'
      readonly ref: Ref
      readonly to: Address<never>
      readonly linked: boolean
      readonly monitored: boolean
      readonly result: Address<never> | symbol
      /** The node that says so, where it is another one. */
      readonly by?: string | undefined
    }
  | { readonly op: 'group-leader'; readonly from: Address<never>; readonly to: Address<never> }
