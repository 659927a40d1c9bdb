/** Starting processes on other nodes, as processes see it. The node tower does it. */
import type { ReignError } from '../errors.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import type { Entity } from './entity.js'

/** What another node is to run, and who is told what comes of it. */
export interface RemoteRequest {
  readonly node: string
  readonly module: string
  readonly name: string
  readonly args: readonly unknown[]
  readonly link?: boolean | undefined
  readonly monitor?: boolean | undefined
  /** Takes the exit reason instead of a `Down` message, also that the caller itself has ended; implies a monitor. */
  readonly take?: ((reason: unknown) => void) | undefined
  /** The process is there. */
  readonly started?: ((address: Address<never>, ref: Ref) => void) | undefined
  /** There is none: `ERR_REIGN_SPAWN`, whose `cause` is the atom of the other node or `noconnection`; or the caller has ended. */
  readonly refused?: ((error: ReignError) => void) | undefined
}

/** See the head of this file. */
export interface RemoteSpawner {
  /**
   * Asks another node, or this one, to run a function in a process. Who waits no more takes the monitor back, with `stopMonitor`.
   *
   * @returns The reference of the request, which is that of the monitor.
   * @throws what the encoding of the arguments throws; nothing is left behind then.
   */
  request(caller: Entity, request: RemoteRequest): Ref
}
