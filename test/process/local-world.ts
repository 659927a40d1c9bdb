/** One node of this program as a world for random programs. */
import { type Address, named, type Ref } from '../../src/index.js'
import type { Event, Reason, Step } from './model.js'
import { type Puppet, Stage } from './puppet.js'
import { eventOf, expectExit, fromReason, toReason } from './readings.js'
import type { Ties, World } from './world.js'

/** See the head of this file. */
export class LocalWorld implements World {
  readonly nodes = 1
  readonly #stage: Stage
  readonly #puppets: Puppet[] = []
  readonly #monitors: Ref[] = []

  constructor(stage: Stage) {
    this.#stage = stage
  }

  static async open(): Promise<LocalWorld> {
    return new LocalWorld(await Stage.open())
  }

  async perform(step: Step): Promise<void> {
    if (step.do === 'spawn') await this.#spawn(step)
    else this.#act(step)
    await this.#stage.settle()
  }

  async inbox(process: number): Promise<Event[]> {
    return (this.#stage.inbox(this.#at(process)) ?? []).map((message) => this.#event(message))
  }

  async fate(process: number): Promise<'alive' | Reason> {
    const puppet = this.#at(process)
    return this.#stage.alive(puppet) ? 'alive' : fromReason(this.#stage.reason(puppet))
  }

  async ties(process: number): Promise<Ties | undefined> {
    const info = this.#stage.node.processInfo(this.#at(process).self.address)
    if (info === undefined) return undefined
    return {
      links: info.links.map((address) => this.#number(address)),
      monitors: info.monitors.length,
      monitoredBy: info.monitored_by.map((address) => this.#number(address)),
      name: info.registered_name,
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stage[Symbol.asyncDispose]()
  }

  async #spawn({ by, link, monitor, name }: Step & { do: 'spawn' }): Promise<void> {
    const parent = by === undefined ? undefined : this.#at(by).self
    const puppet = await this.#stage.puppet({ name, parent, link, monitor }).catch((error) => {
      if (error.code !== 'ERR_REIGN_NAME_TAKEN') throw error
    })
    if (puppet === undefined) return
    this.#puppets.push(puppet)
    if (puppet.ref !== undefined) this.#monitors.push(puppet.ref)
  }

  #act(step: Exclude<Step, { do: 'spawn' }>): void {
    const { node } = this.#stage
    switch (step.do) {
      case 'link':
        return this.#self(step.by).link(this.#address(step.to))
      case 'unlink':
        return this.#self(step.by).unlink(this.#address(step.to))
      case 'monitor': {
        const target = typeof step.to === 'number' ? this.#address(step.to) : named(step.to.name, node.name)
        this.#monitors.push(this.#self(step.by).monitor(target, { alias: step.alias }))
        return
      }
      case 'demonitor':
        return this.#self(step.by).demonitor(this.#monitor(step.monitor))
      case 'unalias':
        this.#self(step.by).unalias(this.#monitor(step.monitor))
        return
      case 'exit':
        return expectExit(() => this.#self(step.by).exit(this.#address(step.to), toReason(step.reason)))
      case 'end':
        return this.#end(step.by, step.reason)
      case 'trap':
        this.#self(step.by).trapExit = step.on
        return
      case 'send': {
        const message = { n: step.n }
        if (typeof step.to === 'number') this.#address(step.to).send(message)
        else node.send('name' in step.to ? step.to.name : this.#monitor(step.to.alias), message)
        return
      }
      case 'register':
        try {
          node.register(step.name, this.#address(step.to))
        } catch (error) {
          if (!/NAME_TAKEN|ARGUMENT/.test((error as { code: string }).code)) throw error
        }
        return
      case 'unregister':
        node.unregister(step.name)
        return
      case 'take':
        this.#self(step.by).poll((message) => step.kind === 'any' || this.#event(message).type === step.kind)
        return
      case 'disconnect':
        return
    }
  }

  /** The ways to end: a return, a throw, an exit of its own. */
  #end(who: number, reason: Reason): void {
    const puppet = this.#at(who)
    if (reason === 'normal') puppet.return()
    else if (reason === 'x') puppet.throw(reason)
    else expectExit(() => puppet.self.exit(toReason(reason)))
  }

  #event(message: unknown): Event {
    return eventOf(message, this.#monitors, (address) => this.#number(address))
  }

  #number(address: Address<never>): number {
    return this.#puppets.findIndex(({ self }) => self.address === address)
  }

  #at(process: number): Puppet {
    return this.#puppets[process] as Puppet
  }

  #self(process: number): Puppet['self'] {
    return this.#at(process).self
  }

  #address(process: number): Address<unknown> {
    return this.#self(process).address
  }

  #monitor(monitor: number): Ref {
    return this.#monitors[monitor] as Ref
  }
}
