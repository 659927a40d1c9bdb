/**
 * A placement says which implementation each node of a scenario is, and has the nodes: those that scenarios share, started
 * when first needed, and fresh ones.
 */
import type { Driver, Kind, Surroundings } from './drivers.js'
import { startDriver } from './drivers.js'
import { NodeHandle } from './node-handle.js'
import { Run } from './run.js'
import type { Kinds, NodeLabel, Scenario, Stage } from './scenario.js'
import { t } from './term.js'

const labels = ['a', 'b', 'c'] as const

/** See the head of this file. */
export class Placement {
  readonly kinds: Kinds
  /** Whether a and b are one node: what happens between processes of one node is to look the same. */
  readonly single: boolean
  readonly #surroundings: Surroundings
  readonly #nodeName: (label: NodeLabel) => string
  readonly #shared = new Map<NodeLabel, Promise<Driver>>()
  readonly #sharedNames = new Map<NodeLabel, string>()

  /** @param nodeName Gives a name that no node has had yet, for a node with that label. */
  constructor(
    a: Kind,
    b: Kind,
    surroundings: Surroundings,
    nodeName: (label: NodeLabel) => string,
    options: { single?: boolean } = {},
  ) {
    this.kinds = { a, b, c: a }
    this.single = options.single ?? false
    this.#surroundings = surroundings
    this.#nodeName = nodeName
  }

  /** `(erl, reign)`; `(reign)` where both are one node. */
  get title(): string {
    return this.single ? `(${this.kinds.a})` : `(${this.kinds.a}, ${this.kinds.b})`
  }

  /** Plays a scenario; `end` gives back what it took. */
  async play(scenario: Scenario): Promise<{ run: Run; end: () => Promise<void> }> {
    const run = new Run()
    const nodes = new Map<NodeLabel, NodeHandle>()
    const end = () => this.#end(scenario, [...nodes.values()])
    try {
      await this.#place(scenario, run, nodes)
    } catch (error) {
      await end()
      throw error
    }
    const node = (label: NodeLabel): NodeHandle => {
      const found = nodes.get(label)
      if (found === undefined) throw new Error(`the scenario has no node ${label}: say \`nodes: 3\``)
      return found
    }
    const stage: Stage = {
      a: node('a'),
      b: node('b'),
      get c() {
        return node('c')
      },
    }
    await run.play(scenario, stage)
    return { run, end }
  }

  async #place({ options }: Scenario, run: Run, nodes: Map<NodeLabel, NodeHandle>): Promise<void> {
    const wanted = labels.slice(0, options.nodes ?? 2)
    await Promise.all(
      wanted.map(async (label) => {
        const fresh = options.fresh?.includes(label) ?? false
        const name = fresh ? this.#nodeName(label) : this.#sharedName(label)
        const driver = fresh ? await this.#start(label, name) : await this.#sharedNode(label)
        const restart = fresh ? () => this.#start(label, name) : undefined
        nodes.set(label, new NodeHandle(run, label, name, driver, restart))
        run.names.learnNode(name, label)
      }),
    )
    if (this.single) return
    // All of them know each other before the first signal; what comes of a first signal that dials is a scenario's own.
    for (const one of nodes.values()) {
      for (const other of nodes.values()) {
        if (one.label >= other.label) continue
        const [answer] = await one.driver.request(t('ping', other), 10_000)
        if (answer !== 'pong') throw new Error(`${this.title}: ${one.label} does not reach ${other.label}`)
      }
    }
  }

  #start(label: NodeLabel, name: string): Promise<Driver> {
    return startDriver(this.kinds[label], name, this.#surroundings)
  }

  #sharedName(label: NodeLabel): string {
    const part = this.single ? 'a' : label
    let name = this.#sharedNames.get(part)
    if (name === undefined) this.#sharedNames.set(part, (name = this.#nodeName(part)))
    return name
  }

  #sharedNode(label: NodeLabel): Promise<Driver> {
    const part = this.single ? 'a' : label
    let driver = this.#shared.get(part)
    if (driver === undefined) this.#shared.set(part, (driver = this.#start(part, this.#sharedName(part))))
    return driver
  }

  async #end({ options }: Scenario, nodes: readonly NodeHandle[]): Promise<void> {
    const fresh = nodes.filter(({ label }) => options.fresh?.includes(label))
    // One node may play two parts, and forgets once.
    const shared = new Set(nodes.filter((node) => !fresh.includes(node)).map(({ driver }) => driver))
    await Promise.all([
      ...fresh.map(({ driver }) => driver.kill()),
      ...Array.from(shared, (driver) => driver.request('forget', 10_000)),
    ])
  }
}
