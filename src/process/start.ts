/**
 * Starting a behaviour: makes the process, waits for its word, and gives whoever asked a handle, nothing, or an error. See
 * `behaviour.ts` for the protocol; this is the side of the starter. Source: OTP's proc_lib (sync_start, sync_start_link) and gen.
 */
import { ReignError, StartError } from '../errors.js'
import { kill, normal } from '../exit-reason.js'
import type { Address } from '../term/address.js'
import { atom } from '../term/atom.js'
import type { Ref } from '../term/ref.js'
import { tuple } from '../term/tuple.js'
import type { Timer } from '../timers.js'
import type { AnyBehaviour, BehaviourOptions, Starting } from './behaviour.js'
import type { Entity } from './entity.js'
import { Inbox } from './inbox.js'
import { isExitOf } from './notices.js'
import type { Process, ProcessFunction } from './process.js'
import { resume } from './scheduler.js'
import { ViaName } from './via.js'
import { timeoutFault } from './waiter.js'

/** What came of a start: a process, with what it said of itself; or none, as it said that it had better not be. */
export interface Started {
  readonly address: Address<unknown> | undefined
  readonly info: unknown
}

const ignored: Started = { address: undefined, info: undefined }
const timeoutReason = Symbol.for('timeout')
const alreadyStarted = Symbol.for('already_started')

/** The arguments of the starts: options, if the first is nothing to start, then what to start and its arguments. */
export function startArguments(given: readonly unknown[]): {
  readonly options: BehaviourOptions
  readonly what: AnyBehaviour
  readonly args: readonly unknown[]
} {
  const optionsFirst = !isBehaviour(given[0])
  const [what, ...args] = optionsFirst ? given.slice(1) : given
  if (!isBehaviour(what)) {
    throw new ReignError('ERR_REIGN_ARGUMENT', 'what is started is a behaviour, such as genServer({ … })')
  }
  return { options: optionsFirst ? ((given[0] ?? {}) as BehaviourOptions) : {}, what, args }
}

/** Whether a value can be started. */
export function isBehaviour(value: unknown): value is AnyBehaviour {
  return typeof value === 'object' && value !== null && typeof (value as AnyBehaviour).run === 'function'
}

/**
 * Starts a process and waits until it says that it has started. A plain function has started as soon as there is a process.
 *
 * @param starter Who waits. When `linked`, it is the parent.
 * @throws `ERR_REIGN_START`, a `StartError` with the reason: what its init threw or exited with, `timeout`, or `{already_started, Pid}`
 *   when the name is taken. There is no process then, and no name; nor an `Exit` of it for a starter that traps exits, while one that
 *   does not trap them ends with it, as linked processes do. `ERR_REIGN_EXIT`, `ERR_REIGN_CLOSED`, `ERR_REIGN_NODE_STOPPED` when the
 *   starter itself has ended, `ERR_REIGN_ARGUMENT`.
 */
export function start(
  starter: Entity,
  linked: boolean,
  what: AnyBehaviour | ProcessFunction<never, never>,
  args: readonly unknown[],
  options: BehaviourOptions = {},
): Promise<Started> {
  return new Promise((resolve, reject) => {
    const { host } = starter
    const { name, timeout = Number.POSITIVE_INFINITY } = options
    const fail = (error: unknown) => resume(host.scheduler, (why) => starter.rejectWait(reject, why), error)
    if (!starter.alive) return fail(starter.endError(starter.exitReason))
    const fault = timeoutFault(timeout)
    if (fault !== undefined) return fail(fault)

    const local = name instanceof ViaName ? undefined : name
    /** The name that it has, elsewhere: to be given back when it does not begin. */
    let kept: ViaName | undefined
    let settled = false
    let saidIgnore = false
    let address: Address<unknown> | undefined
    let ref: Ref | undefined
    let timer: Timer | undefined
    const settle = (outcome: () => void) => {
      if (settled) return
      settled = true
      if (timer !== undefined) host.timers.cancel(timer)
      if (ref !== undefined) starter.stopMonitor(ref)
      outcome()
    }
    const failed = (reason: unknown, cause: unknown = reason) => {
      const label = String(name ?? nameOf(what))
      settle(() => fail(new StartError(label, reason, cause)))
    }
    let self: Process<unknown> | undefined
    const starting: Starting = {
      parent: linked ? starter.self : undefined,
      name,
      ack: (info) => settle(() => resume(host.scheduler, resolve, { address, info } satisfies Started)),
      ignore: () => {
        saidIgnore = !settled
        return (self as Process<unknown>).exit(normal)
      },
    }
    const ended = (reason: unknown) => {
      if (!starter.alive) return settle(() => fail(starter.endError(starter.exitReason)))
      forgetExit(starter, address as Address<never>)
      kept?.release()
      if (saidIgnore) settle(() => resume(host.scheduler, resolve, ignored))
      else failed(reason)
    }
    const begin = (made: Process<unknown>) => {
      if (typeof what === 'function') {
        starting.ack()
        return (what as unknown as ProcessFunction<unknown, readonly unknown[]>)(made, ...args)
      }
      return what.run(made, starting, ...(args as never))
    }
    /** Takes the name first. Whoever has it already is told of as the holder of a local name is. */
    const registered = async (made: Process<unknown>, via: ViaName) => {
      if (await via.registry.registerName(via.name, made.self)) {
        // It may have been given too late.
        if (!made.alive) return via.release()
        kept = via
        return begin(made)
      }
      failed(tuple(alreadyStarted, via.whereis()))
      return made.exit(normal)
    }
    const run = (made: Process<unknown>) => {
      self = made
      return name instanceof ViaName ? registered(made, name) : begin(made)
    }
    Object.defineProperty(run, 'name', { value: nameOf(what) })

    try {
      const ties = { link: linked, monitor: false }
      address = host.spawner.spawnProcess<unknown, []>(linked ? asParent(starter) : undefined, run, [], ties, {
        name: local,
        gate: typeof what === 'function' ? undefined : what.gate,
      }).address
    } catch (error) {
      const taken = (error as ReignError).code === 'ERR_REIGN_NAME_TAKEN'
      const holder = taken ? host.find(atom(local as string))?.self : undefined
      if (holder === undefined) return fail(error)
      return failed(tuple(alreadyStarted, holder), error)
    }
    // It begins when this turn of work is done: nothing of it is missed.
    ref = starter.startMonitor(address, { take: ended })
    if (timeout === Number.POSITIVE_INFINITY) return
    timer = host.timers.after(timeout, () => {
      const child = address as Address<never>
      // From here on its end is our doing, and no news.
      if (ref !== undefined) starter.stopMonitor(ref)
      if (linked) starter.unlinkFrom(child)
      host.signal(child.node, { op: 'exit', from: starter.self, to: child, reason: kill })
      kept?.release()
      failed(timeoutReason)
    })
  })
}

function asParent(starter: Entity): Inbox<never> {
  if (starter instanceof Inbox) return starter as unknown as Inbox<never>
  throw new ReignError('ERR_REIGN_ARGUMENT', 'only a process or mailbox can be linked to what it starts')
}

/** A starter that traps exits learns of a failed start by its error, and not once more by a message. */
export function forgetExit(starter: Entity, child: Address<never>): void {
  if (!(starter instanceof Inbox) || !starter.alive) return
  ;(starter as Inbox<unknown>).poll((message) => isExitOf(message, child))
}

/** What a thing that is started is called in reports. */
function nameOf(what: AnyBehaviour | ProcessFunction<never, never>): string {
  return typeof what === 'function' ? what.name : (what.module ?? what.behaviour)
}
