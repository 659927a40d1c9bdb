/** Plain functions as behaviours: a process that says itself when it has started. Erlang: `proc_lib:start_link`. */
import type { Behaviour, Starting } from '../process/behaviour.js'
import type { Process } from '../process/process.js'
import type { Address } from '../term/address.js'

/**
 * Makes a behaviour of a function, to be started by nodes, processes and supervisors: what it does before `starting.ack()` is its init.
 *
 * What it returns when it has not said anything is a failed start. A function that needs no init needs none of this: a supervisor
 * starts it as it is.
 *
 * @returns A behaviour whose handle is the address of the process.
 */
export function startable<M = unknown, A extends readonly unknown[] = []>(
  run: (self: Process<M>, starting: Starting, ...args: A) => unknown,
): Behaviour<A, Address<M>> {
  return {
    behaviour: 'proc_lib',
    module: run.name === '' ? undefined : run.name,
    run: (self, starting, ...args) => run(self as unknown as Process<M>, starting, ...args),
    handle: (address) => address as Address<M>,
  }
}
