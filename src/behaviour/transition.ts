/**
 * What a state of a gen_statem returns: where to go, and what to do on the way. Erlang: `{next_state, …}`, `keep_state`, `repeat_state`,
 * `{stop, …}`, and their lists of actions.
 */
import { check, refused } from '../arguments.js'
import type { Caller } from '../process/call.js'
import { Directive } from './directive.js'

/** What can be inserted as the next event, and what a machine is told. */
export type Inserted = 'internal' | 'cast' | 'info'

/** Which time-out: of the next event, of the state, or one with a name. */
export type TimeoutKind = 'event' | 'state' | 'named'

/** Something to do on the way to the next state. They are done in order. */
export type Action =
  | { readonly do: 'reply'; readonly from: Caller; readonly value: unknown }
  | { readonly do: 'postpone' }
  | { readonly do: 'insert'; readonly type: Inserted; readonly content: unknown }
  | {
      readonly do: 'timeout'
      readonly kind: TimeoutKind
      readonly name: unknown
      /** `cancel`: take it back; `update`: keep the time, change the content. */
      readonly ms: number | 'cancel' | 'update'
      readonly content: unknown
    }

/** See the head of this file. `S` are the states that it can lead to. */
export class Transition<out S> extends Directive {
  /** Type only: what makes it another type than any other object. */
  declare readonly '~state': S
  /** @internal */
  readonly kind: 'next' | 'keep' | 'repeat' | 'stop'
  /** @internal The next state, or the exit reason. */
  readonly value: unknown
  /** @internal */
  readonly actions: readonly Action[]

  /** @internal */
  constructor(kind: 'next' | 'keep' | 'repeat' | 'stop', value: unknown, actions: readonly Action[]) {
    super()
    this.kind = kind
    this.value = value
    this.actions = actions
  }

  /** @internal */
  get maker(): string {
    return this.kind === 'stop' ? 'stopMachine' : `${this.kind}State`
  }
}

/** What the init of a gen_statem returns: its first state, its data, and what to do first. */
export class Entry<out S, out D> extends Directive {
  /** Type only, likewise. */
  declare readonly '~state': S
  /** Type only, likewise. */
  declare readonly '~data': D
  /** @internal */
  readonly state: S
  /** @internal */
  readonly data: D
  /** @internal */
  readonly actions: readonly Action[]

  /** @internal */
  constructor(state: S, data: D, actions: readonly Action[]) {
    super()
    this.state = state
    this.data = data
    this.actions = actions
  }

  /** @internal */
  get maker(): string {
    return 'startIn'
  }
}

/** Returned by `init`: the first state and the data. Erlang: `{ok, State, Data, Actions}`. */
export function startIn<const S, D>(state: S, data: D, ...actions: Action[]): Entry<S, D> {
  return new Entry(state, data, actions)
}

/**
 * Goes to a state. When it is another than before, the time-out of the old one is taken back, and what was postponed is tried again, in
 * order. Erlang: `{next_state, State, Data, Actions}`.
 */
export function nextState<const S>(state: S, ...actions: Action[]): Transition<S> {
  return new Transition('next', state, actions)
}

/** Stays. Returning nothing is the same without actions. Erlang: `{keep_state_and_data, Actions}`. */
export function keepState(...actions: Action[]): Transition<never> {
  return new Transition('keep', undefined, actions)
}

/** Stays, and enters the state once more, where there are enter calls. Erlang: `{repeat_state_and_data, Actions}`. */
export function repeatState(...actions: Action[]): Transition<never> {
  return new Transition('repeat', undefined, actions)
}

/** Ends the machine with a reason, after its `terminate`; replies go out first. Erlang: `{stop_and_reply, Reason, Replies}`. */
export function stopMachine(reason: unknown, ...replies: Action[]): Transition<never> {
  return new Transition('stop', reason, replies)
}

/** Answers a call, now or in a later event. Erlang: `{reply, From, Reply}`. */
export function replyTo(from: Caller, value: unknown): Action {
  return { do: 'reply', from, value }
}

/** Keeps this event until the state changes. Erlang: `postpone`. */
export const postpone: Action = { do: 'postpone' }

/** The next event, before all that is queued; of several, the first comes first. Erlang: `{next_event, Type, Content}`. */
export function insertEvent(content: unknown, type: Inserted = 'internal'): Action {
  return { do: 'insert', type, content }
}

/**
 * An event `stateTimeout` if the state has not changed in `ms` milliseconds; with 0, after the events that are queued already. Erlang:
 * `{state_timeout, Time, Content}`.
 *
 * @throws `ERR_REIGN_ARGUMENT` when the time is none; so do the others.
 */
export function stateTimeout(ms: number, content?: unknown): Action {
  return timeoutAction('state', undefined, ms, content)
}

/** An event `eventTimeout` if no other event comes in `ms` milliseconds. Erlang: `{timeout, Time, Content}`. */
export function eventTimeout(ms: number, content?: unknown): Action {
  return timeoutAction('event', undefined, ms, content)
}

/** An event `timeout` with this name, in `ms` milliseconds, whatever happens; one of that name that runs is replaced. Erlang: `{{timeout, Name}, Time, Content}`. */
export function namedTimeout(name: unknown, ms: number, content?: unknown): Action {
  return timeoutAction('named', name, ms, content)
}

/** Takes a time-out back: that of the state, of the event, or the one of a name. Erlang: `{state_timeout, cancel}`. */
export function cancelTimeout(kind: TimeoutKind, name?: unknown): Action {
  checkKind(kind)
  return { do: 'timeout', kind, name, ms: 'cancel', content: undefined }
}

/** Changes what a running time-out will bring, not when; one that does not run is due at once. Erlang: `{state_timeout, update, Content}`. */
export function updateTimeout(kind: TimeoutKind, content: unknown, name?: unknown): Action {
  checkKind(kind)
  return { do: 'timeout', kind, name, ms: 'update', content }
}

function checkKind(kind: unknown): void {
  check(
    kind === 'event' || kind === 'state' || kind === 'named',
    'the kind of a time-out is event, state or named',
    kind,
  )
}

function timeoutAction(kind: TimeoutKind, name: unknown, ms: number, content: unknown): Action {
  if (!(typeof ms === 'number' && ms >= 0)) {
    throw refused('a time-out is a number of milliseconds', ms)
  }
  // OTP: a time-out of infinity is one that is taken back.
  return { do: 'timeout', kind, name, ms: ms === Number.POSITIVE_INFINITY ? 'cancel' : ms, content }
}
