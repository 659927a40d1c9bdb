/**
 * Agents: servers that keep a state, and let others do with it what they like, by functions. Elixir's `Agent`.
 *
 *   const cart = agent((owner: string) => ({ owner, items: [] as string[] }))
 *   const mine = await node.start(cart, 'ann')
 *   await mine.update((state) => ({ ...state, items: [...state.items, 'tea'] }))
 *   await mine.get((state) => state.items.length)                    // 1: number
 *
 * The functions run in the agent, one after the other, and come from its own node: no message carries them to another. One that throws ends
 * the agent, as a handler of a server does. An agent is a gen_server (`gen-server.ts`), to `sys` and to supervisors too.
 */
import { checkFunction } from '../arguments.js'
import { ExitError, ReignError } from '../errors.js'
import type { Behaviour, Starter } from '../process/behaviour.js'
import { call, cast } from '../process/call.js'
import { type Destination, nodeOf } from '../process/via.js'
import { checkBounds, type ReceiveOptions } from '../process/waiter.js'
import { tuple } from '../term/tuple.js'
import { genServer } from './gen-server.js'
import { Handle, targetOf } from './handle.js'
import { leaveParcel, takeParcel } from './parcels.js'
import { whenThere } from './when-there.js'

/** An agent that can be started with arguments `A`, and keeps a state `S`. */
export interface AgentBehaviour<A extends readonly unknown[], S> extends Behaviour<A, Agent<S>> {
  /** Type only. */
  readonly '~state': S
}

/** The state of an agent's definition (`typeof cart`), or the type of the state itself. */
export type AgentState<D> = D extends { readonly '~state': infer S } ? S : D

type Change<S> = (state: S) => S | PromiseLike<S>

/** An agent, as those see it who use it. */
export class Agent<S> extends Handle {
  readonly #options: ReceiveOptions | undefined

  /** @internal */
  constructor(by: Starter, target: Destination, options?: ReceiveOptions) {
    super(by, target)
    checkBounds(options)
    this.#options = options
  }

  /**
   * What a function makes of the state, which stays: do not change it there. Elixir: `Agent.get`.
   *
   * @throws as a call of a server does: `ERR_REIGN_CALL` when the agent ends, or the function has ended it, or nobody is there;
   *   `ERR_REIGN_TIMEOUT` after 5,000 ms, or what {@link with} says; `ERR_REIGN_ARGUMENT` for an agent of another node.
   */
  async get<R>(look: (state: S) => R): Promise<Awaited<R>> {
    checkFunction(look, 'what looks at the state')
    return await this.#run((kept) => look(kept.state))
  }

  /** Sets the state to what a function makes of it. Elixir: `Agent.update`. @throws as {@link get}. */
  async update(change: Change<S>): Promise<void> {
    await this.#run(updating(change))
  }

  /** Sets the state, and gives something: both are what a function makes of the state. Elixir: `Agent.get_and_update`. @throws as {@link get}. */
  async getAndUpdate<R>(change: (state: S) => readonly [R, S] | PromiseLike<readonly [R, S]>): Promise<R> {
    checkFunction(change, 'what changes the state')
    return this.#run(async (kept) => {
      const [given, state] = await change(kept.state)
      kept.state = state
      return given
    }) as Promise<R>
  }

  /** As {@link update}, and does not wait; whether anybody is there shows nowhere. Elixir: `Agent.cast`. */
  cast(change: Change<S>): void {
    cast(this.by.entity, this.target, this.#request(updating(change)))
  }

  /** The same agent, with other bounds for what waits. */
  with(options: ReceiveOptions): Agent<S> {
    return new Agent(this.by, this.target, options)
  }

  async #run<R>(run: Work<S, R>): Promise<Awaited<R>> {
    return (await call(this.by.entity, this.target, this.#request(run), this.#options)) as Awaited<R>
  }

  #request(run: Work<S, unknown>): unknown {
    const { addressBook } = this.by.entity.host
    if (nodeOf(this.target) !== addressBook.self.node) {
      throw new ReignError('ERR_REIGN_ARGUMENT', `functions run on their own node, not on ${nodeOf(this.target)}`)
    }
    return tuple(Symbol.for('run'), leaveParcel(addressBook, run))
  }
}

/** What an agent keeps: where functions find the state, and leave another. */
interface Kept<S> {
  state: S
}

type Work<S, R> = (kept: Kept<S>) => R

function updating<S>(change: Change<S>): Work<S, Promise<void>> {
  checkFunction(change, 'what changes the state')
  return async (kept) => {
    kept.state = await change(kept.state)
  }
}

/** Runs what a message stands for. What comes from another node stands for nothing, and ends the agent as any call does that nobody knows. */
function run<S>(kept: Kept<S>, parcel: unknown): unknown {
  const work = takeParcel(parcel)
  if (typeof work !== 'function') throw new ExitError(tuple(Symbol.for('badfun'), parcel))
  return (work as Work<S, unknown>)(kept)
}

/** Makes an agent of a function that makes its first state; it may be async. See the head of this file. */
export function agent<A extends readonly unknown[], S>(init: (...args: A) => S | PromiseLike<S>): AgentBehaviour<A, S> {
  checkFunction(init, 'what makes the state of an agent')
  const server = genServer({
    module: init.name === '' ? 'agent' : init.name,
    init: (...args: A) => whenThere(init(...args), (state): Kept<S> => ({ state })),
    calls: { run },
    casts: { run },
  })
  const made: Behaviour<A, Agent<S>> = {
    behaviour: server.behaviour,
    module: server.module,
    run: (self, starting, ...args) => server.run(self, starting, ...args),
    handle: (address, by) => new Agent(by, address),
  }
  return made as AgentBehaviour<A, S>
}

/** An agent of this node that runs already, typed by its definition (`typeof cart`) or by its state. */
export function agentAt<D>(by: Starter, target: Destination | string): Agent<AgentState<D>> {
  return new Agent(by, targetOf(by, target))
}
