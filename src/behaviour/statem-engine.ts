/**
 * The engine of state machines: which event is next, what becomes of what a state returns. Source: OTP's gen_statem
 * (loop_event, loop_state_transition, and the documentation of `transition_option()` for the order of all that).
 */
import { ExitError } from '../errors.js'
import { isCaller, reply } from '../process/call.js'
import type { Process } from '../process/process.js'
import { sameTerm } from '../term/equal.js'
import { tuple } from '../term/tuple.js'
import { Directive, returned } from './directive.js'
import type { Engine, SysEvents } from './engine.js'
import { type Due, MachineTimeouts } from './machine-timeouts.js'
import { dueEvent, eventOf, eventTerm, insertedEvent, type StatemEvent } from './statem-event.js'
import { type Action, type Entry, Transition } from './transition.js'

/** What the functions of a gen_statem find in `this`. */
export interface StatemContext<S, D> {
  /** The process of the machine. Not for its mailbox: the machine takes the messages. */
  readonly self: Process<unknown>
  /** The state that the machine is in. */
  readonly state: S
  /** The data; set it to replace it. */
  data: D
}

/** Runs the function that the machine has for an event in its present state. */
export type HandleEvent = (context: StatemContext<unknown, unknown>, event: StatemEvent) => unknown

/** The parts of a definition that the engine calls. */
export interface StatemCallbacks {
  readonly handle: HandleEvent
  readonly enterCalls: boolean
  /** Whether each state has a function, and so a name: such states are atoms to Erlang, and to whoever looks into the machine. */
  readonly named: boolean
  readonly terminate: ((context: StatemContext<unknown, unknown>, reason: unknown) => unknown) | undefined
  readonly format: ((context: StatemContext<unknown, unknown>) => unknown) | undefined
}

class Context implements StatemContext<unknown, unknown> {
  readonly self: Process<unknown>
  state: unknown = undefined
  data: unknown = undefined

  constructor(self: Process<unknown>) {
    this.self = self
  }
}

/** What the actions of one transition ask for, beside the replies, which have gone out. */
interface Plan {
  postpone: boolean
  readonly inserted: StatemEvent[]
  /** Time-outs of no time, which come after what is queued. */
  readonly due: Due[]
}

const noAction = { do: undefined }
const insertable: ReadonlySet<unknown> = new Set(['internal', 'cast', 'info'])

/** See the head of this file. */
export class StatemEngine implements Engine {
  readonly tellsWhatComesIn = true
  readonly #self: Process<unknown>
  readonly #callbacks: StatemCallbacks
  readonly #context: Context
  readonly #timeouts: MachineTimeouts
  /** Events before those in the mailbox: inserted, or postponed and to be tried again. */
  #queue: StatemEvent[] = []
  #postponed: StatemEvent[] = []
  #first: readonly Action[] = []
  #sys: SysEvents | undefined

  constructor(self: Process<unknown>, callbacks: StatemCallbacks) {
    this.#self = self
    this.#callbacks = callbacks
    this.#context = new Context(self)
    this.#timeouts = new MachineTimeouts(self)
  }

  /** The state and data that init made, and what is to happen when the loop begins. */
  setUp(entry: Entry<unknown, unknown>): void {
    this.#context.state = entry.state
    this.#context.data = entry.data
    this.#first = entry.actions
  }

  async begin(sys: SysEvents): Promise<void> {
    this.#sys = sys
    const plan = this.#act(this.#first)
    if (plan.postpone) throw bad('postpone in init')
    await this.#enter(this.#context.state, plan)
    this.#schedule(plan)
    await this.#drain()
  }

  handle(message: unknown): unknown {
    const due = this.#timeouts.take(message)
    // Taken back while its message was on its way: as if it had never come, so nothing else is taken back for it.
    if (due === null) return undefined
    const event = due === undefined ? eventOf(message) : dueEvent(due)
    if (this.#sys?.watched) this.#sys.saw('in', eventTerm(event), this.#term(this.#context.state))
    return this.#run(event)
  }

  async terminate(reason: unknown): Promise<void> {
    this.#timeouts.clear()
    await this.#callbacks.terminate?.(this.#context, reason)
  }

  /** `{State, Data}`, as `sys:get_state` gives it for a gen_statem. */
  getState(): unknown {
    return tuple(this.#term(this.#context.state), this.#context.data)
  }

  replaceState(change: (pair: unknown) => unknown): unknown {
    const pair = change(this.getState())
    const [state, data] = pair as [unknown, unknown]
    this.#context.state = this.#callbacks.named && typeof state === 'symbol' ? state.description : state
    this.#context.data = data
    return pair
  }

  /** A state as others see it. */
  #term(state: unknown): unknown {
    return this.#callbacks.named && typeof state === 'string' ? Symbol.for(state) : state
  }

  formatState(): unknown {
    return this.#callbacks.format === undefined ? this.getState() : this.#callbacks.format(this.#context)
  }

  // --- events -------------------------------------------------------------------------------------------------------

  async #run(event: StatemEvent): Promise<void> {
    await this.#take(event)
    await this.#drain()
  }

  /** Takes what is before the next message. */
  async #drain(): Promise<void> {
    for (let event = this.#queue.shift(); event !== undefined; event = this.#queue.shift()) await this.#take(event)
  }

  async #take(event: StatemEvent): Promise<void> {
    // Any event ends the wait for one.
    this.#timeouts.cancel({ kind: 'event', name: undefined })
    const before = this.#context.state
    const result = await this.#told(event)
    if (result === undefined) return this.#sawTaken(event, 'consume', before)
    const changed = result.kind === 'next' && !sameTerm(result.value, before)
    // Before the actions: they may set the time-out of the new state.
    if (changed) this.#timeouts.cancel({ kind: 'state', name: undefined })
    const plan = this.#act(result.actions)
    if (result.kind === 'stop') throw new ExitError(result.value)
    if (plan.postpone) this.#postponed.push(event)
    this.#sawTaken(event, plan.postpone ? 'postpone' : 'consume', changed ? result.value : before)
    if (changed) this.#change(result.value)
    if (changed || result.kind === 'repeat') await this.#enter(before, plan)
    this.#schedule(plan)
  }

  /** Tells the machine of an event. Calls that would wait for this very machine fail while it is at it. */
  async #told(event: StatemEvent): Promise<Transition<unknown> | undefined> {
    const { host } = this.#self
    let told: unknown
    host.running = this.#self
    try {
      told = this.#callbacks.handle(this.#context, event)
    } finally {
      host.running = undefined
    }
    const result = await told
    if (result === undefined || result instanceof Transition) return result
    throw bad(result)
  }

  /** As OTP's gen_statem tells it: what became of an event, in which state, and which is next. */
  #sawTaken(event: StatemEvent, what: 'consume' | 'postpone', next: unknown): void {
    if (this.#sys?.watched) this.#sys.saw(what, eventTerm(event), this.#term(this.#context.state), this.#term(next))
  }

  #change(state: unknown): void {
    this.#context.state = state
    this.#queue.unshift(...this.#postponed)
    this.#postponed = []
  }

  /** The enter call: it may change data, reply and set time-outs, but not leave again, or touch the events. */
  async #enter(from: unknown, plan: Plan): Promise<void> {
    if (!this.#callbacks.enterCalls) return
    const result = await this.#told({ type: 'enter', from })
    if (result === undefined) return
    const more = this.#act(result.actions)
    if (result.kind === 'stop') throw new ExitError(result.value)
    if (result.kind !== 'keep') throw bad(`${result.kind} in an enter call`)
    if (more.postpone || more.inserted.length > 0) throw bad('postpone or an inserted event in an enter call')
    plan.due.push(...more.due)
  }

  /** Inserted events come before all others, time-outs of no time after those that are queued. */
  #schedule({ inserted, due }: Plan): void {
    if (inserted.length > 0) this.#queue.unshift(...inserted)
    if (this.#sys?.watched) {
      const state = this.#term(this.#context.state)
      for (const each of inserted) this.#sys.saw('in', eventTerm(each), state)
    }
    for (const each of due) {
      // A wait for any event is over when there is one.
      if (each.kind !== 'event' || this.#queue.length === 0) this.#queue.push(dueEvent(each))
    }
  }

  // --- actions ------------------------------------------------------------------------------------------------------

  #act(actions: readonly Action[]): Plan {
    const plan: Plan = { postpone: false, inserted: [], due: [] }
    for (const action of actions) this.#do(action, plan)
    return plan
  }

  #do(action: Action, plan: Plan): void {
    switch ((action ?? noAction).do) {
      case 'reply':
        return this.#reply(action as Action & { do: 'reply' })
      case 'postpone':
        plan.postpone = true
        return
      case 'insert':
        return this.#insert(action as Action & { do: 'insert' }, plan)
      case 'timeout':
        return this.#timeout(action as Action & { do: 'timeout' }, plan)
      default:
        throw exitOf('bad_action_from_state_function', action)
    }
  }

  #reply(action: Action & { do: 'reply' }): void {
    const { from, value } = action
    if (!isCaller(from)) throw exitOf('bad_reply_action_from_state_function', action)
    reply(this.#self, from, value)
    this.#sys?.saw('out', value, from)
  }

  #insert(action: Action & { do: 'insert' }, plan: Plan): void {
    const { type, content } = action
    if (!insertable.has(type)) throw exitOf('bad_action_from_state_function', action)
    plan.inserted.push(insertedEvent(type, content))
  }

  #timeout({ kind, name, ms, content }: Action & { do: 'timeout' }, plan: Plan): void {
    const due: Due = { kind, name, content }
    if (ms === 'update' && this.#timeouts.update(due)) return
    this.#timeouts.cancel(due)
    if (ms === 'cancel') return
    if (ms === 'update' || ms === 0) plan.due.push(due)
    else this.#timeouts.start(due, ms)
  }
}

/** A state returned what it cannot. */
function bad(what: unknown): ExitError {
  return exitOf('bad_return_from_state_function', what)
}

function exitOf(reason: string, what: unknown): ExitError {
  return new ExitError(tuple(Symbol.for(reason), what instanceof Directive ? returned(what) : what))
}
