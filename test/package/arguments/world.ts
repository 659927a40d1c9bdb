import type { Address, Mailbox, Node, Process } from '../../../src/index.js'
import type { Simulation } from '../../../src/testing/index.js'
import * as testing from '../../../src/testing/index.js'
import type { Anything } from './kinds.js'

/** What the rows use. All of it is new for each row, and what is bad must not harm it. */
export class World {
  readonly simulation: Simulation
  readonly node: Node
  /** A process that waits. */
  readonly self: Process<unknown>
  readonly mailbox: Mailbox<unknown>

  private constructor(simulation: Simulation, node: Node, self: Process<unknown>) {
    this.simulation = simulation
    this.node = node
    this.self = self
    this.mailbox = node.mailbox()
    node.register('somebody', this.mailbox.address)
  }

  static async make(): Promise<World> {
    const simulation = new testing.Simulation({ nodes: ['a@sim', 'b@sim'], options: { visible: true } })
    const [node] = await simulation.startAll()
    if (node === undefined) throw new Error('it runs')
    let self: Process<unknown> | undefined
    node.spawn(async (me: Process<unknown>) => {
      self = me
      me.trapExit = true
      for (;;) await me.receive((message) => message === 'never')
    })
    await simulation.settle()
    return new World(simulation, node, self as never)
  }

  /** Something that was started. */
  started(behaviour: Anything, ...args: unknown[]): Promise<Anything> {
    return this.simulation.complete((this.node as Anything).start(behaviour, ...args) as Promise<Anything>)
  }

  get address(): Address<never> {
    return this.mailbox.address as never
  }
}
