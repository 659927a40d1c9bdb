/**
 * Erlang's module `sys`, from the side that asks: looks into any behaviour, of this node or another, of ours or of OTP's.
 *
 * `by` is who asks: a node or a process. All wait for an answer as a call does, and fail as a call does; what the process itself
 * answers with `{error, Reason}` is a `ReignError` with the code `ERR_REIGN_SYS`.
 */
import { check, checkFunction } from '../arguments.js'
import { describe, ReignError } from '../errors.js'
import type { Starter } from '../process/behaviour.js'
import { call } from '../process/call.js'
import { checkDestination, checkStarter } from '../process/checks.js'
import { type Destination, nodeOf } from '../process/via.js'
import type { ReceiveOptions } from '../process/waiter.js'
import { named } from '../term/named.js'
import { charlist } from '../term/text.js'
import { isTuple, tuple } from '../term/tuple.js'
import { leaveParcel } from './parcels.js'

const system = Symbol.for('system')
const ok = Symbol.for('ok')

/** What `sys.getStatus` gives, taken out of Erlang's `{status, Pid, {module, Module}, [PDict, SysState, Parent, Debug, Misc]}`. */
export interface SysStatus {
  /** The behaviour: `gen_server`, `supervisor`. */
  readonly module: unknown
  readonly state: 'running' | 'suspended'
  readonly parent: unknown
  readonly debug: readonly unknown[]
  /** What the behaviour tells of itself; for most, the state is in it. */
  readonly misc: unknown
}

/** The counts of `sys.statistics`. */
export interface SysStatistics {
  readonly messagesIn: number
  readonly messagesOut: number
}

async function ask(
  by: Starter,
  target: Destination | string,
  request: unknown,
  options?: ReceiveOptions,
): Promise<unknown> {
  checkStarter(by)
  checkDestination(target, 'text')
  const { entity } = by
  const to = typeof target === 'string' ? named(target, entity.self.node) : target
  const answer = await call(entity, to, request, options, system)
  if (isTuple(answer) && answer.length === 2 && answer[0] === Symbol.for('error')) {
    throw new ReignError('ERR_REIGN_SYS', `${to} answers: ${describe(answer[1])}`, { cause: answer[1] })
  }
  return answer
}

/** A function for a process of this node, in a message; for one of another node, which it cannot reach, as it is. */
function passed(by: Starter, target: Destination | string, run: unknown): unknown {
  checkStarter(by)
  checkDestination(target, 'text')
  checkFunction(run, 'what it is to run')
  const { addressBook } = by.entity.host
  const here = typeof target === 'string' || nodeOf(target) === addressBook.self.node
  return here ? leaveParcel(addressBook, run) : run
}

async function debug(
  by: Starter,
  target: Destination | string,
  what: unknown,
  options?: ReceiveOptions,
): Promise<unknown> {
  const answer = await ask(by, target, tuple(Symbol.for('debug'), what), options)
  return isTuple(answer) && answer.length === 2 && answer[0] === ok ? answer[1] : answer
}

/** The state. Erlang: `sys:get_state`. */
export async function getState(by: Starter, target: Destination | string, options?: ReceiveOptions): Promise<unknown> {
  return ask(by, target, Symbol.for('get_state'), options)
}

/** Sets the state to what `change` makes of it, and gives it back; of processes of this node alone. Erlang: `sys:replace_state`. */
export async function replaceState<S>(
  by: Starter,
  target: Destination | string,
  change: (state: S) => S,
  options?: ReceiveOptions,
): Promise<S> {
  return (await ask(by, target, tuple(Symbol.for('replace_state'), passed(by, target, change)), options)) as S
}

/** What a process tells of itself. Erlang: `sys:get_status`. */
export async function getStatus(
  by: Starter,
  target: Destination | string,
  options?: ReceiveOptions,
): Promise<SysStatus> {
  const answer = await ask(by, target, Symbol.for('get_status'), options)
  const [, , module, rest] = answer as [unknown, unknown, [unknown, unknown], readonly unknown[]]
  const [, state, parent, debugOptions, misc] = rest
  return {
    module: module[1],
    state: state === Symbol.for('suspended') ? 'suspended' : 'running',
    parent,
    debug: debugOptions as readonly unknown[],
    misc,
  }
}

/** Lets it take nothing but system messages, until {@link resume}. Erlang: `sys:suspend`. */
export async function suspend(by: Starter, target: Destination | string, options?: ReceiveOptions): Promise<void> {
  await ask(by, target, Symbol.for('suspend'), options)
}

/** Undoes {@link suspend}: it goes on with what came meanwhile. Erlang: `sys:resume`. */
export async function resume(by: Starter, target: Destination | string, options?: ReceiveOptions): Promise<void> {
  await ask(by, target, Symbol.for('resume'), options)
}

/** Asks it to end with a reason, after its `terminate`. Resolves when it has agreed to. Erlang: `sys:terminate`. */
export async function terminate(
  by: Starter,
  target: Destination | string,
  reason: unknown,
  options?: ReceiveOptions,
): Promise<void> {
  await ask(by, target, tuple(Symbol.for('terminate'), reason), options)
}

/** Lets it write what happens in it to the log of its node, or no longer. Erlang: `sys:trace`. */
export async function trace(
  by: Starter,
  target: Destination | string,
  on: boolean,
  options?: ReceiveOptions,
): Promise<void> {
  check(typeof on === 'boolean', 'a trace is on or off: a boolean', on)
  await debug(by, target, tuple(Symbol.for('trace'), on), options)
}

/** Lets it keep the last events: so many, or none (`false`); or gives them (`'get'`), oldest first. Erlang: `sys:log`. */
export async function log(
  by: Starter,
  target: Destination | string,
  what: number | false | 'get',
  options?: ReceiveOptions,
): Promise<readonly unknown[]> {
  check(
    what === 'get' || what === false || (Number.isInteger(what) && what >= 0),
    'a log is a count of events, false or get',
    what,
  )
  const value = what === 'get' ? Symbol.for('get') : what === false ? false : tuple(true, what)
  const answer = await debug(by, target, tuple(Symbol.for('log'), value), options)
  return Array.isArray(answer) ? answer : []
}

/** Lets it count its messages, or no longer; or gives the counts: `undefined` when it does not count. Erlang: `sys:statistics`. */
export async function statistics(
  by: Starter,
  target: Destination | string,
  what: boolean | 'get',
  options?: ReceiveOptions,
): Promise<SysStatistics | undefined> {
  check(what === 'get' || typeof what === 'boolean', 'statistics are a boolean or get', what)
  const value = what === 'get' ? Symbol.for('get') : what
  const answer = await debug(by, target, tuple(Symbol.for('statistics'), value), options)
  if (!Array.isArray(answer)) return undefined
  const count = (key: string) => Number(answer.find((each) => isTuple(each) && each[0] === Symbol.for(key))?.[1])
  return { messagesIn: count('messages_in'), messagesOut: count('messages_out') }
}

/**
 * Lets a function see what happens in a process of this node: it gets what it returned last, the event (`{in, Message}`, `{out, Reply, To}`,
 * …) and the name of the process. The atom `done`, or a throw, ends that. One with the same id is replaced. Erlang: `sys:install`.
 */
export async function install<S>(
  by: Starter,
  target: Destination | string,
  id: unknown,
  see: (state: S, event: readonly [symbol, ...unknown[]], process: unknown) => S | symbol,
  state: S,
  options?: ReceiveOptions,
): Promise<void> {
  await debug(by, target, tuple(Symbol.for('install'), tuple(id, passed(by, target, see), state)), options)
}

/** Takes a function of {@link install} away again. Erlang: `sys:remove`. */
export async function remove(
  by: Starter,
  target: Destination | string,
  id: unknown,
  options?: ReceiveOptions,
): Promise<void> {
  await debug(by, target, tuple(Symbol.for('remove'), id), options)
}

/**
 * Lets a process of Erlang's write what happens in it to a file there, or no longer (`false`). Ours write none: `install` a function that does.
 * Erlang: `sys:log_to_file`.
 *
 * @throws `ERR_REIGN_SYS` with `open_file`.
 */
export async function logToFile(
  by: Starter,
  target: Destination | string,
  file: string | false,
  options?: ReceiveOptions,
): Promise<void> {
  check(file === false || typeof file === 'string', 'a file is a text, or false', file)
  await debug(by, target, tuple(Symbol.for('log_to_file'), file === false ? false : charlist(file)), options)
}

/** Ends trace, log, statistics and functions. Erlang: `sys:no_debug`. */
export async function noDebug(by: Starter, target: Destination | string, options?: ReceiveOptions): Promise<void> {
  await debug(by, target, Symbol.for('no_debug'), options)
}
