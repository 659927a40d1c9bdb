/**
 * The loop of every behaviour: takes messages one at a time, answers system messages, heeds its parent, and ends in order.
 *
 * A behaviour brings an {@link Engine}: what it does with a message, and with its end. The rest is the same for a gen_server, a
 * supervisor or a state machine, and is here. Source: OTP's gen_server (loop, decode_msg, terminate) and sys.
 */
import { inspect } from 'node:util'
import { ExitError } from '../errors.js'
import { normal, shutdown } from '../exit-reason.js'
import type { Starting } from '../process/behaviour.js'
import type { Consumer } from '../process/consumer.js'
import { type Matcher, matcher } from '../process/matcher.js'
import { isExitOf } from '../process/notices.js'
import type { Process } from '../process/process.js'
import type { Address } from '../term/address.js'
import { isTuple } from '../term/tuple.js'
import type { Timer } from '../timers.js'
import { type Engine, type LoopIdentity, shownState } from './engine.js'
import { Sys, systemRequest } from './sys.js'

const timeout = Symbol.for('timeout')

/**
 * Runs an engine until it ends; the last thing that a behaviour's `run` does. Give it the `starting` that `run` got, acknowledged or
 * about to be.
 */
export async function loop(
  self: Process<unknown>,
  starting: Pick<Starting, 'parent' | 'name'>,
  engine: Engine,
  identity: LoopIdentity,
): Promise<never> {
  const sys = new Sys(self, starting, engine, identity)
  const { parent } = starting
  const { timers } = self.host
  /** What is being handled, for the report of a crash. */
  let message: unknown
  let consumer: Consumer | undefined
  let idle: Timer | undefined

  const handle = (given: unknown): unknown => {
    message = given
    if (idle !== undefined) {
      timers.cancel(idle)
      idle = undefined
    }
    const request = systemRequest(given)
    if (request !== undefined) {
      sys.handle(request)
      if (consumer !== undefined) consumer.filter = sys.suspended ? takenWhileSuspended(parent) : undefined
      return waitIdle()
    }
    if (isExitOf(given, parent)) throw new ExitError(given.reason)
    if (!engine.tellsWhatComesIn) sys.saw('in', given)
    const handled = engine.handle(given)
    return isPromise(handled) ? handled.then(waitIdle) : waitIdle()
  }
  /** A message is done with; sees to it that the engine hears of it when no other comes for as long as it said. */
  const waitIdle = (): undefined => {
    message = undefined
    const ms = engine.idleTimeoutMs
    if (ms === undefined || ms === Number.POSITIVE_INFINITY || sys.suspended || self.length > 0) return
    if (ms <= 0) self.tell(timeout)
    else idle = timers.after(ms, () => self.tell(timeout))
  }

  try {
    const begun = engine.begin?.(sys)
    if (isPromise(begun)) await begun
    waitIdle()
    return await self.consume(handle, (made) => {
      consumer = made
    })
  } catch (error) {
    if (idle !== undefined) timers.cancel(idle)
    // Ended by others, or by itself with `exit`: it is over already.
    if (!self.alive) throw error
    return end(self, engine, identity, error, message)
  }
}

function takenWhileSuspended(parent: Address<never> | undefined): Matcher {
  return matcher((given: unknown) => systemRequest(given) !== undefined || isExitOf(given, parent))
}

/** Ends the process in order: lets the engine put things away, says so if it is a crash, and exits. */
async function end(
  self: Process<unknown>,
  engine: Engine,
  identity: LoopIdentity,
  thrown: unknown,
  message: unknown,
): Promise<never> {
  let reason = thrown instanceof ExitError ? thrown.reason : thrown
  try {
    await engine.terminate(reason)
  } catch (error) {
    // As in Erlang: what terminate itself ends with is what counts.
    reason = error instanceof ExitError ? error.reason : error
  }
  if (self.alive && !isOrderly(reason)) {
    self.host.crashed(self, reason, { ...identity, lastMessage: shown(message), state: shown(shownState(engine)) })
  }
  throw new ExitError(reason)
}

/** A value in a report: bounded, however big it is, and whatever it holds. */
export function shown(value: unknown): string {
  return inspect(value, { depth: 3, maxArrayLength: 10, maxStringLength: 200, breakLength: Number.POSITIVE_INFINITY })
}

/** Whether an exit reason is no fault: `normal`, `shutdown`, `{shutdown, Anything}`. */
export function isOrderly(reason: unknown): boolean {
  return reason === normal || reason === shutdown || (isTuple(reason) && reason.length === 2 && reason[0] === shutdown)
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | undefined)?.then === 'function'
}
