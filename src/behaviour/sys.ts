/**
 * System messages, as every behaviour answers them: Erlang's `sys:get_state(Name)`, `sys:suspend(Name)`, … ask with
 * `{system, From, Request}`. Protocol reference, "sys"; source: OTP's sys.erl (do_cmd, debug_cmd).
 */
import { describe, ExitError } from '../errors.js'
import type { Starting } from '../process/behaviour.js'
import { type Caller, reply } from '../process/call.js'
import type { Process } from '../process/process.js'
import { Address } from '../term/address.js'
import { charlist } from '../term/text.js'
import { isTuple, tuple } from '../term/tuple.js'
import { type Engine, type LoopIdentity, shownState } from './engine.js'

const system = Symbol.for('system')
const ok = Symbol.for('ok')
const error = Symbol.for('error')
const running = Symbol.for('running')
const suspended = Symbol.for('suspended')

/** A system message, taken apart. */
export interface SystemRequest {
  readonly from: Caller
  readonly request: unknown
}

/** The request in a message, when it is a system message. */
export function systemRequest(message: unknown): SystemRequest | undefined {
  if (!isTuple(message) || message.length !== 3 || message[0] !== system) return undefined
  const from = message[1]
  if (!isTuple(from) || from.length !== 2 || !(from[0] instanceof Address)) return undefined
  return { from: from as unknown as Caller, request: message[2] }
}

/** What happened in a process, as `sys:log` and `sys:trace` tell it. */
export type SystemEvent = 'in' | 'out' | 'noreply'

/** How many events `sys:log` keeps unless told otherwise: as in Erlang. */
const logLength = 10
/** The most that it can be told. */
const logLengthMax = 10_000

/** The system messages of one process. */
export class Sys {
  readonly #self: Process<unknown>
  readonly #starting: Pick<Starting, 'parent' | 'name'>
  readonly #engine: Engine
  readonly #identity: LoopIdentity
  #suspended = false
  #trace = false
  #log: { readonly max: number; readonly events: unknown[] } | undefined
  #statistics: { readonly startedAt: number; messagesIn: number; messagesOut: number } | undefined
  /** Whether anybody wants to know what happens: one look for each message otherwise. */
  #watched = false

  constructor(
    self: Process<unknown>,
    starting: Pick<Starting, 'parent' | 'name'>,
    engine: Engine,
    identity: LoopIdentity,
  ) {
    this.#self = self
    this.#starting = starting
    this.#engine = engine
    this.#identity = identity
  }

  /** Whether only system messages are taken for now. */
  get suspended(): boolean {
    return this.#suspended
  }

  /** Whether `trace`, `log` or `statistics` is on, and events may be kept. */
  get watched(): boolean {
    return this.#watched
  }

  /** Something happened that `trace`, `log` and `statistics` tell. Costs one look when nobody asked for them. */
  saw(event: SystemEvent, ...details: readonly unknown[]): void {
    if (this.#watched) this.#saw(event, details)
  }

  /**
   * Answers a system message.
   *
   * @throws `ExitError` when it was `terminate`, with the reason that was given.
   */
  handle({ from, request }: SystemRequest): void {
    const answer = this.#answer(request)
    reply(this.#self, from, answer)
    if (isTuple(request) && request.length === 2 && request[0] === Symbol.for('terminate')) {
      throw new ExitError(request[1])
    }
  }

  #answer(request: unknown): unknown {
    switch (request) {
      case Symbol.for('get_state'):
        return this.#called('system_get_state', () => this.#engine.getState())
      case Symbol.for('get_status'):
        return this.#status()
      case Symbol.for('suspend'):
        this.#suspended = true
        return ok
      case Symbol.for('resume'):
        this.#suspended = false
        this.#engine.resumed?.()
        return ok
    }
    if (isTuple(request) && request.length === 2) {
      const [what, argument] = request
      if (what === Symbol.for('terminate')) return ok
      if (what === Symbol.for('replace_state')) return this.#replaceState(argument)
      if (what === Symbol.for('debug')) return this.#debug(argument)
    }
    return tuple(error, tuple(Symbol.for('unknown_system_msg'), request))
  }

  /** A function reaches us from this node alone; Erlang's are byte code for its machine. */
  #replaceState(change: unknown): unknown {
    return this.#called('system_replace_state', () => {
      if (typeof change !== 'function') throw new TypeError('functions of other nodes cannot be run here')
      return this.#engine.replaceState(change as (state: unknown) => unknown)
    })
  }

  #called(callback: string, run: () => unknown): unknown {
    try {
      return run()
    } catch (thrown) {
      const where = tuple(Symbol.for(this.#identity.behaviour), Symbol.for(callback))
      return tuple(error, tuple(Symbol.for('callback_failed'), where, tuple(error, describe(thrown))))
    }
  }

  /** As OTP's gen_server formats it; `observer` and people at a shell read it. */
  #status(): unknown {
    const { behaviour, module } = this.#identity
    const { parent = this.#self.address, name } = this.#starting
    const state = this.#suspended ? suspended : running
    const pair = (key: string, value: unknown) => tuple(charlist(key), value)
    const misc = [
      tuple(Symbol.for('header'), charlist(`Status for ${behaviour} ${name ?? this.#self.address}`)),
      tuple(Symbol.for('data'), [
        pair('Status', state),
        pair('Parent', parent),
        pair('Logged events', this.#log?.events ?? []),
      ]),
      this.#engine.statusItem?.() ?? tuple(Symbol.for('data'), [pair('State', shownState(this.#engine))]),
    ]
    const ancestors = tuple(Symbol.for('$ancestors'), this.#starting.parent === undefined ? [] : [parent])
    const initialCall = tuple(Symbol.for('$initial_call'), tuple(Symbol.for(module), Symbol.for('init'), 1))
    return tuple(Symbol.for('status'), this.#self.address, tuple(Symbol.for('module'), Symbol.for(behaviour)), [
      [initialCall, ancestors],
      state,
      parent,
      this.#debugOptions(),
      misc,
    ])
  }

  // --- trace, log, statistics ---------------------------------------------------------------------------------------

  #debug(what: unknown): unknown {
    if (what === Symbol.for('no_debug')) {
      this.#trace = false
      this.#log = undefined
      this.#statistics = undefined
      this.#watched = false
      return ok
    }
    const [option, value] = isTuple(what) && what.length === 2 ? what : []
    const answer =
      option === Symbol.for('trace')
        ? this.#setTrace(value)
        : option === Symbol.for('log')
          ? this.#setLog(value)
          : option === Symbol.for('statistics')
            ? this.#setStatistics(value)
            : undefined
    this.#watched = this.#trace || this.#log !== undefined || this.#statistics !== undefined
    return answer ?? Symbol.for('unknown_debug')
  }

  #setTrace(value: unknown): unknown {
    if (typeof value !== 'boolean') return undefined
    this.#trace = value
    return ok
  }

  #setLog(value: unknown): unknown {
    if (value === Symbol.for('get')) return tuple(ok, [...(this.#log?.events ?? [])])
    if (value === Symbol.for('print')) {
      for (const event of this.#log?.events ?? []) this.#tell(event)
      return ok
    }
    if (value === false) {
      this.#log = undefined
      return ok
    }
    const wanted = value === true ? logLength : isTuple(value) && value[0] === true ? value[1] : undefined
    if (typeof wanted !== 'number' || !Number.isInteger(wanted) || wanted < 1) return undefined
    const max = Math.min(wanted, logLengthMax)
    this.#log = { max, events: (this.#log?.events ?? []).slice(-max) }
    return ok
  }

  #setStatistics(value: unknown): unknown {
    if (value === true) {
      this.#statistics = { startedAt: this.#self.host.clock.wallTime(), messagesIn: 0, messagesOut: 0 }
      return ok
    }
    if (value === false) {
      this.#statistics = undefined
      return ok
    }
    if (value !== Symbol.for('get')) return undefined
    const statistics = this.#statistics
    if (statistics === undefined) return tuple(ok, Symbol.for('no_statistics'))
    return tuple(ok, [
      tuple(Symbol.for('start_time'), dateTime(statistics.startedAt)),
      tuple(Symbol.for('current_time'), dateTime(this.#self.host.clock.wallTime())),
      tuple(Symbol.for('messages_in'), statistics.messagesIn),
      tuple(Symbol.for('messages_out'), statistics.messagesOut),
    ])
  }

  #saw(event: SystemEvent, details: readonly unknown[]): void {
    const term = tuple(Symbol.for(event), ...details)
    if (this.#statistics !== undefined) {
      if (event === 'in') this.#statistics.messagesIn++
      else if (event === 'out') this.#statistics.messagesOut++
    }
    if (this.#log !== undefined) {
      this.#log.events.push(term)
      if (this.#log.events.length > this.#log.max) this.#log.events.shift()
    }
    if (this.#trace) this.#tell(term)
  }

  #tell(event: unknown): void {
    const fields = { process: this.#self.address.toString(), name: this.#starting.name, event: describe(event) }
    this.#self.host.logger.info(fields, 'traced')
  }

  #debugOptions(): unknown[] {
    const options: unknown[] = []
    if (this.#trace) options.push(tuple(Symbol.for('trace'), true))
    if (this.#log !== undefined) options.push(tuple(Symbol.for('log'), tuple(true, this.#log.max)))
    if (this.#statistics !== undefined) options.push(tuple(Symbol.for('statistics'), true))
    return options
  }
}

/** Erlang's `calendar:datetime()`, in UTC. */
function dateTime(wallTime: number): unknown {
  const at = new Date(wallTime)
  const date = tuple(at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate())
  return tuple(date, tuple(at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()))
}
