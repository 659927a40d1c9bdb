/**
 * What happens in a process, told to whoever asked for it by `sys`: traced, kept, counted, or given to functions. Source: OTP's sys.erl
 * (debug_cmd, handle_debug).
 */
import { describe } from '../errors.js'
import type { Process } from '../process/process.js'
import type { ViaName } from '../process/via.js'
import { sameTerm } from '../term/equal.js'
import { isTuple, tuple } from '../term/tuple.js'
import { functionIn } from './parcels.js'

/** What happened in a process, as `sys:log` and `sys:trace` tell it. */
export type SystemEvent = 'in' | 'out' | 'noreply' | 'consume' | 'postpone'

const ok = Symbol.for('ok')
const done = Symbol.for('done')

/** How many events `sys:log` keeps unless told otherwise: as in Erlang. */
const logLength = 10
/** The most that it can be told. */
const logLengthMax = 10_000

/** A function that is given each event, with what it returned for the one before. */
interface Installed {
  readonly id: unknown
  readonly run: (state: unknown, event: unknown, process: unknown) => unknown
  state: unknown
}

/** See the head of this file. */
export class SysDebug {
  readonly #self: Process<unknown>
  readonly #name: string | ViaName | undefined
  #trace = false
  #log: { readonly max: number; readonly events: unknown[] } | undefined
  #statistics: { readonly startedAt: number; messagesIn: number; messagesOut: number } | undefined
  #installed: Installed[] = []
  /** Whether anybody wants to know what happens: one look for each message otherwise. */
  #watched = false

  constructor(self: Process<unknown>, name: string | ViaName | undefined) {
    this.#self = self
    this.#name = name
  }

  /** Whether anybody wants to know what happens. */
  get watched(): boolean {
    return this.#watched
  }

  /** The events that are kept, oldest first. */
  get events(): readonly unknown[] {
    return this.#log?.events ?? []
  }

  /** Does what `{debug, What}` asks for, and gives the answer. @throws when it is to run what cannot be run. */
  set(what: unknown): unknown {
    if (what === Symbol.for('no_debug')) {
      this.#trace = false
      this.#log = undefined
      this.#statistics = undefined
      this.#installed = []
      this.#watched = false
      return ok
    }
    const [option, value] = isTuple(what) && what.length === 2 ? what : []
    const answer = this.#set(option, value) ?? Symbol.for('unknown_debug')
    this.#watch()
    return answer
  }

  #watch(): void {
    const { length } = this.#installed
    this.#watched = this.#trace || this.#log !== undefined || this.#statistics !== undefined || length > 0
  }

  #set(option: unknown, value: unknown): unknown {
    switch (option) {
      case Symbol.for('trace'):
        return this.#setTrace(value)
      case Symbol.for('log'):
        return this.#setLog(value)
      case Symbol.for('statistics'):
        return this.#setStatistics(value)
      case Symbol.for('install'):
        return this.#install(value)
      case Symbol.for('remove'):
        this.#remove(value)
        return ok
      case Symbol.for('log_to_file'):
        // Whoever may ask may be on another node, and is not to choose files here: install a function that writes.
        return value === false ? ok : tuple(Symbol.for('error'), Symbol.for('open_file'))
    }
    return undefined
  }

  /** `{Func, State}`, `{Id, Func, State}`: one of that id that is there already is replaced. */
  #install(value: unknown): unknown {
    if (!isTuple(value) || (value.length !== 2 && value.length !== 3)) return undefined
    const [id, given, state] = value.length === 2 ? [value[0], ...value] : value
    const run = functionIn(given) as Installed['run']
    this.#remove(id)
    this.#installed.push({ id, run, state })
    return ok
  }

  #remove(wanted: unknown): void {
    this.#installed = this.#installed.filter(({ id }) => !sameTerm(id, wanted))
    this.#watch()
  }

  #setTrace(value: unknown): unknown {
    if (typeof value !== 'boolean') return undefined
    this.#trace = value
    return ok
  }

  #setLog(value: unknown): unknown {
    if (value === Symbol.for('get')) return tuple(ok, [...this.events])
    if (value === Symbol.for('print')) {
      for (const event of this.events) this.#tell(event)
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

  /** Something happened: to be called only when somebody wants to know. */
  saw(event: SystemEvent, details: readonly unknown[]): void {
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
    for (const each of this.#installed) this.#run(each, term)
  }

  /** As in Erlang: one that says `done`, or throws, is there no more. */
  #run(installed: Installed, event: unknown): void {
    try {
      const state = installed.run(installed.state, event, this.#name ?? this.#self.address)
      if (state === done) this.#remove(installed.id)
      else installed.state = state
    } catch {
      this.#remove(installed.id)
    }
  }

  #tell(event: unknown): void {
    const name = this.#name === undefined ? undefined : String(this.#name)
    const fields = { process: this.#self.address.toString(), name, event: describe(event) }
    this.#self.host.logger.info(fields, 'traced')
  }

  /** What is on, as `sys:get_status` tells it. */
  options(): unknown[] {
    const options: unknown[] = []
    if (this.#trace) options.push(tuple(Symbol.for('trace'), true))
    if (this.#log !== undefined) options.push(tuple(Symbol.for('log'), tuple(true, this.#log.max)))
    if (this.#statistics !== undefined) options.push(tuple(Symbol.for('statistics'), true))
    for (const { id, run, state } of this.#installed)
      options.push(tuple(id, tuple(Symbol.for(run.name || 'anonymous'), state)))
    return options
  }
}

/** Erlang's `calendar:datetime()`, in UTC. */
function dateTime(wallTime: number): unknown {
  const at = new Date(wallTime)
  const date = tuple(at.getUTCFullYear(), at.getUTCMonth() + 1, at.getUTCDate())
  return tuple(date, tuple(at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()))
}
