/** Events: what the states of a machine are told. Erlang: the type and content of an event of a gen_statem. */
import { type Caller, callIn, isCast } from '../process/call.js'
import { isTuple, tuple } from '../term/tuple.js'
import type { Due } from './machine-timeouts.js'
import type { Inserted, TimeoutKind } from './transition.js'

/** A request, as a state is told of it. */
export interface AnyRequest<C = unknown> {
  /** The request as it came. */
  readonly content: C
  /** The atom that it is, or that it begins with; none, when there is no such atom. */
  readonly name: string | undefined
  /** What follows the name. */
  readonly args: readonly unknown[]
}

/** What comes in from others, as far as its machine says what it accepts. */
export interface StatemContents {
  readonly call: Pick<AnyRequest, 'content' | 'args'> & { readonly name: string | undefined }
  readonly cast: Pick<AnyRequest, 'content' | 'args'> & { readonly name: string | undefined }
  readonly info: unknown
}

/** What a state is told. `enter` comes first in each state, where there are enter calls. */
export type StatemEvent<C extends StatemContents = { call: AnyRequest; cast: AnyRequest; info: unknown }> =
  | ({ readonly type: 'call'; readonly from: Caller } & C['call'])
  | ({ readonly type: 'cast' } & C['cast'])
  | { readonly type: 'info'; readonly content: C['info'] }
  | { readonly type: 'internal'; readonly content: unknown }
  | { readonly type: 'stateTimeout' | 'eventTimeout'; readonly content: unknown }
  | { readonly type: 'timeout'; readonly name: unknown; readonly content: unknown }
  /** `from` is the state before; in the first state, the same one. */
  | { readonly type: 'enter'; readonly from: unknown }

/** Taken apart when it is asked for: most machines look at the content, or at the name alone. */
class RequestEvent<T extends 'call' | 'cast', F extends Caller | undefined> implements AnyRequest {
  readonly type: T
  readonly from: F
  readonly content: unknown

  constructor(type: T, from: F, content: unknown) {
    this.type = type
    this.from = from
    this.content = content
  }

  get name(): string | undefined {
    const name = isTuple(this.content) ? this.content[0] : this.content
    return typeof name === 'symbol' ? name.description : undefined
  }

  get args(): readonly unknown[] {
    return isTuple(this.content) ? this.content.slice(1) : []
  }
}

/** What a message is to a machine. */
export function eventOf(message: unknown): StatemEvent {
  const called = callIn(message)
  if (called !== undefined) return new RequestEvent('call', called.from, called.request)
  return isCast(message) ? insertedEvent('cast', message[1]) : { type: 'info', content: message }
}

/** An event that the machine makes itself. */
export function insertedEvent(type: Inserted, content: unknown): StatemEvent {
  return type === 'cast' ? new RequestEvent('cast', undefined, content) : { type, content }
}

const timeoutTypes: Readonly<Record<Exclude<TimeoutKind, 'named'>, 'stateTimeout' | 'eventTimeout'>> = {
  state: 'stateTimeout',
  event: 'eventTimeout',
}

/** A time-out that has come. */
export function dueEvent({ kind, name, content }: Due): StatemEvent {
  return kind === 'named' ? { type: 'timeout', name, content } : { type: timeoutTypes[kind], content }
}

/** An event as OTP names it: `{Type, Content}`. */
export function eventTerm(event: StatemEvent): unknown {
  switch (event.type) {
    case 'enter':
      return tuple(Symbol.for('enter'), event.from)
    case 'call':
      return tuple(tuple(Symbol.for('call'), event.from), event.content)
    case 'timeout':
      return tuple(tuple(Symbol.for('timeout'), event.name), event.content)
    case 'eventTimeout':
      return tuple(Symbol.for('timeout'), event.content)
    case 'stateTimeout':
      return tuple(Symbol.for('state_timeout'), event.content)
    default:
      return tuple(Symbol.for(event.type), event.content)
  }
}
