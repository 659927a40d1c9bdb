/** Plain functions as behaviours: a process that says itself when it has started. Erlang: `proc_lib:start_link`. */
import { checkFunction, checkObject } from '../arguments.js'
import type { Behaviour, Starting } from '../process/behaviour.js'
import { gateOf } from '../process/gate.js'
import type { Process } from '../process/process.js'
import type { InputOf, OutputOf, Schema } from '../schema.js'
import type { Address } from '../term/address.js'

type Run = (self: Process<unknown>, starting: Starting, ...args: readonly unknown[]) => unknown

/**
 * Makes a behaviour of a function, to be started by nodes, processes and supervisors: what it does before `starting.ack()` is its init.
 *
 * What it returns when it has not said anything is a failed start. A function that needs no init needs none of this: a supervisor
 * starts it as it is.
 *
 * With `accepts`, a Standard Schema, it receives what that makes of what is sent; what does not fit never reaches it.
 *
 * @returns A behaviour whose handle is the address of the process.
 * @throws `ERR_REIGN_SCHEMA` when the schema is none.
 */
export function startable<S extends Schema, A extends readonly unknown[] = []>(
  options: { readonly accepts: S },
  run: (self: Process<OutputOf<S>, InputOf<S>>, starting: Starting, ...args: A) => unknown,
): Behaviour<A, Address<InputOf<S>>>
export function startable<M = unknown, A extends readonly unknown[] = []>(
  run: (self: Process<M>, starting: Starting, ...args: A) => unknown,
): Behaviour<A, Address<M>>
export function startable(...given: unknown[]): Behaviour<readonly unknown[], Address<unknown>> {
  const [options, run] = (given.length > 1 ? given : [{}, given[0]]) as [{ accepts?: Schema }, Run]
  checkObject(options, 'options')
  checkFunction(run, 'what is started')
  return {
    behaviour: 'proc_lib',
    module: run.name === '' ? undefined : run.name,
    gate: gateOf(options.accepts),
    run,
    handle: (address) => address,
  }
}
