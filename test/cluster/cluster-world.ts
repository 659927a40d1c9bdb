/** Three nodes on a network in memory, in virtual time, as a world for random programs. */
import type { Process } from '../../src/index.js'
import { type Address, named, type Ref } from '../../src/index.js'
import type { Event, Reason, Step } from '../process/model.js'
import { eventOf, expectExit, fromReason, toReason } from '../process/readings.js'
import type { Ties, World } from '../process/world.js'
import type { TestNode } from './cluster-kit.js'
import { Simulation } from './simulation.js'

const names = ['a@127.0.0.1', 'b@127.0.0.1', 'c@127.0.0.1'] as const
/** So long, in virtual milliseconds, everything has time to come of a step: many trips of a few milliseconds each. */
const settleMs = 400
type Ending = { readonly throws?: unknown }

interface Actor {
  readonly node: number
  readonly self: Process<unknown>
  end(ending: Ending): void
}

/** See the head of this file. */
export class ClusterWorld implements World {
  readonly nodes = names.length
  readonly #simulation: Simulation
  readonly #nodes: readonly TestNode[]
  readonly #actors: Actor[] = []
  readonly #monitors: Ref[] = []

  private constructor(simulation: Simulation, nodes: readonly TestNode[]) {
    this.#simulation = simulation
    this.#nodes = nodes
  }

  static async open(seed: number): Promise<ClusterWorld> {
    const simulation = new Simulation(seed, names, { latency: { minMs: 1, maxMs: 5 } })
    const nodes: TestNode[] = []
    for (const name of names) nodes.push(await simulation.start(name))
    const world = new ClusterWorld(simulation, nodes)
    for (const [index, node] of nodes.entries()) {
      // What a parent on another node spawns: the process that it is itself.
      node.expose('actors', {
        wait(this: Process<unknown>) {
          return world.#wait(index, this)
        },
      } as never)
    }
    await simulation.clock.run(2_000)
    return world
  }

  async perform(step: Step): Promise<void> {
    const under = step.do === 'spawn' ? this.#spawn(step) : this.#act(step)
    await this.#simulation.clock.run(settleMs)
    await under
  }

  async inbox(process: number): Promise<Event[]> {
    const { node, self } = this.#at(process)
    return (this.#node(node).processInfo(self.address)?.messages ?? []).map((message) => this.#event(message))
  }

  async fate(process: number): Promise<'alive' | Reason> {
    const { self } = this.#at(process)
    return self.alive ? 'alive' : fromReason(self.exitReason)
  }

  async ties(process: number): Promise<Ties | undefined> {
    const { node, self } = this.#at(process)
    const info = this.#node(node).processInfo(self.address)
    if (info === undefined) return undefined
    return {
      links: info.links.map((address) => this.#number(address)),
      monitors: info.monitors.length,
      monitoredBy: info.monitored_by.map((address) => this.#number(address)),
      name: info.registered_name,
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stopped = Promise.all(this.#nodes.map((node) => node.stop()))
    await this.#simulation.clock.run(10_000)
    await stopped
  }

  /** Runs as a process of that node, until the test ends it; it takes no message. */
  async #wait(node: number, self: Process<unknown>): Promise<void> {
    let end: (ending: Ending) => void = () => {}
    const ended = new Promise<Ending>((resolve) => {
      end = resolve
    })
    this.#actors.push({ node, self, end })
    const never = self.receive(() => false)
    never.catch(() => {})
    const ending = await Promise.race([ended, never as Promise<never>])
    if ('throws' in ending) throw ending.throws
  }

  async #spawn({ by, node, link, monitor, name }: Step & { do: 'spawn' }): Promise<void> {
    const target = this.#node(node)
    if (name !== undefined && target.whereis(name) !== undefined) return
    const parent = by === undefined ? undefined : this.#at(by)
    const options = name === undefined ? {} : { name }
    const run = (self: Process<unknown>) => this.#wait(node, self)
    if (parent === undefined) target.spawn(options, run)
    else if (parent.node === node) {
      if (link) {
        const address = parent.self.spawnLink(options, run)
        if (monitor) this.#monitors.push(parent.self.monitor(address))
      } else if (monitor) this.#monitors.push(parent.self.spawnMonitor(options, run).ref)
      else parent.self.spawn(options, run)
    } else {
      const ties = { ...(link && { link: parent.self }), ...(monitor && { monitor: parent.self }) }
      const spawned = this.#node(parent.node).spawnOn(target.name, 'actors', 'wait', [], ties)
      const { address, ref } = await spawned
      if (name !== undefined) target.register(name, this.#self(this.#number(address)).address)
      if (monitor) this.#monitors.push(ref)
    }
  }

  async #act(step: Exclude<Step, { do: 'spawn' }>): Promise<void> {
    switch (step.do) {
      case 'link':
        return this.#self(step.by).link(this.#address(step.by, step.to))
      case 'unlink':
        return this.#self(step.by).unlink(this.#address(step.by, step.to))
      case 'monitor': {
        const { to } = step
        const target = typeof to === 'number' ? this.#address(step.by, to) : named(to.name, this.#node(to.node).name)
        this.#monitors.push(this.#self(step.by).monitor(target, { alias: step.alias }))
        return
      }
      case 'demonitor':
        return this.#self(step.by).demonitor(this.#monitor(step.monitor))
      case 'unalias':
        this.#self(step.by).unalias(this.#monitor(step.monitor))
        return
      case 'exit':
        return expectExit(() => this.#self(step.by).exit(this.#address(step.by, step.to), toReason(step.reason)))
      case 'end':
        return this.#end(step.by, step.reason)
      case 'trap':
        this.#self(step.by).trapExit = step.on
        return
      case 'send': {
        const here = this.#node(this.#at(step.by).node)
        const { to } = step
        const message = { n: step.n }
        if (typeof to === 'number') this.#address(step.by, to).send(message)
        else if ('name' in to) here.send(named(to.name, this.#node(to.node).name), message)
        else here.send(this.#as(here, this.#monitor(to.alias)), message)
        return
      }
      case 'register':
        try {
          const { node, self } = this.#at(step.to)
          this.#node(node).register(step.name, self.address)
        } catch (error) {
          if (!/NAME_TAKEN|ARGUMENT/.test((error as { code: string }).code)) throw error
        }
        return
      case 'unregister':
        this.#node(step.node).unregister(step.name)
        return
      case 'take':
        this.#self(step.by).poll((message) => step.kind === 'any' || this.#event(message).type === step.kind)
        return
      case 'disconnect': {
        const [one, other] = step.nodes
        if (one !== other) this.#node(one).disconnect(this.#node(other).name)
      }
    }
  }

  #end(who: number, reason: Reason): void {
    const actor = this.#at(who)
    if (reason === 'normal') actor.end({})
    else if (reason === 'x') actor.end({ throws: reason })
    else expectExit(() => actor.self.exit(toReason(reason)))
  }

  #event(message: unknown): Event {
    return eventOf(message, this.#monitors, (address) => this.#number(address))
  }

  /** Which process an address is of, whichever node it is seen from. */
  #number(address: Address<never>): number {
    return this.#actors.findIndex(({ self }) => String(self.address) === String(address))
  }

  /** The address of a process as the node of another knows it, to which it came in a message. */
  #address(by: number, to: number): Address<unknown> {
    const here = this.#node(this.#at(by).node)
    const { address } = this.#self(to)
    address.leave()
    return here.addressBook.address(address.node, address.id, address.serial, address.creation) as Address<unknown>
  }

  /** A reference as another node knows it, likewise. */
  #as(node: TestNode, ref: Ref): Ref {
    this.#nodes.find(({ name }) => name === ref.node)?.addressBook.refLeaves(ref)
    return node.addressBook.ref(ref.node, ref.creation, ref.words)
  }

  #node(index: number): TestNode {
    return this.#nodes[index] as TestNode
  }

  #at(process: number): Actor {
    return this.#actors[process] as Actor
  }

  #self(process: number): Process<unknown> {
    return this.#at(process).self
  }

  #monitor(monitor: number): Ref {
    return this.#monitors[monitor] as Ref
  }
}
