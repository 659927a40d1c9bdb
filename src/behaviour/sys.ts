/**
 * System messages, as every behaviour answers them: Erlang's `sys:get_state(Name)`, `sys:suspend(Name)`, … ask with
 * `{system, From, Request}`. Protocol reference, "sys"; source: OTP's sys.erl (do_cmd).
 */
import { describe, ExitError } from '../errors.js'
import type { Starting } from '../process/behaviour.js'
import { type Caller, isCaller, reply } from '../process/call.js'
import type { Process } from '../process/process.js'
import { charlist } from '../term/text.js'
import { isTuple, tuple } from '../term/tuple.js'
import { idKey } from './child-spec.js'
import { type Engine, type LoopIdentity, shownState } from './engine.js'
import { functionIn } from './parcels.js'
import { SysDebug, type SystemEvent } from './sys-debug.js'

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
  return isCaller(from) ? { from, request: message[2] } : undefined
}

/** The system messages of one process. */
export class Sys {
  readonly #self: Process<unknown>
  readonly #starting: Pick<Starting, 'parent' | 'name'>
  readonly #engine: Engine
  readonly #identity: LoopIdentity
  readonly #debug: SysDebug
  #suspended = false

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
    this.#debug = new SysDebug(self, starting.name)
  }

  /** Whether only system messages are taken for now. */
  get suspended(): boolean {
    return this.#suspended
  }

  /** Whether `trace`, `log`, `statistics` or a function is on, and events may be kept. */
  get watched(): boolean {
    return this.#debug.watched
  }

  /** Something happened that `trace`, `log` and their like tell. Costs one look when nobody asked for them. */
  saw(event: SystemEvent, ...details: readonly unknown[]): void {
    if (this.#debug.watched) this.#debug.saw(event, details)
  }

  /**
   * Answers a system message.
   *
   * @throws `ExitError` when it was `terminate`, with the reason that was given.
   */
  handle({ from, request }: SystemRequest): void {
    const answer = this.#answer(request)
    try {
      reply(this.#self, from, answer)
    } catch (thrown) {
      // A state that another node cannot be sent is no reason to end.
      reply(this.#self, from, this.#failed(idKey(isTuple(request) ? request[0] : request) ?? '', thrown))
    }
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
      if (what === Symbol.for('debug')) return this.#called('debug', () => this.#debug.set(argument))
    }
    return tuple(error, tuple(Symbol.for('unknown_system_msg'), request))
  }

  /** A function reaches us from this node alone; Erlang's are byte code for its machine. */
  #replaceState(change: unknown): unknown {
    return this.#called('system_replace_state', () => {
      return this.#engine.replaceState(functionIn(change) as (state: unknown) => unknown)
    })
  }

  #called(callback: string, run: () => unknown): unknown {
    try {
      return run()
    } catch (thrown) {
      return this.#failed(callback, thrown)
    }
  }

  #failed(callback: string, thrown: unknown): unknown {
    const where = tuple(Symbol.for(this.#identity.behaviour), Symbol.for(callback))
    return tuple(error, tuple(Symbol.for('callback_failed'), where, tuple(error, describe(thrown))))
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
        pair('Logged events', this.#debug.events),
      ]),
      this.#engine.statusItem?.() ?? tuple(Symbol.for('data'), [pair('State', shownState(this.#engine))]),
    ]
    const ancestors = tuple(Symbol.for('$ancestors'), this.#starting.parent === undefined ? [] : [parent])
    const initialCall = tuple(Symbol.for('$initial_call'), tuple(Symbol.for(module), Symbol.for('init'), 1))
    return tuple(Symbol.for('status'), this.#self.address, tuple(Symbol.for('module'), Symbol.for(behaviour)), [
      [initialCall, ancestors],
      state,
      parent,
      this.#debug.options(),
      misc,
    ])
  }
}
