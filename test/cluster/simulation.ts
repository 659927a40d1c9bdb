/** A whole cluster in virtual time, on a network in memory, the same for the same seed. */
import { Node, type StartOptions } from '../../src/cluster/node.js'
import type { ClusterSpecInput } from '../../src/cluster/spec-schema.js'
import { type Latency, MemoryNetwork, seededEntropy } from '../support/memory-network.js'
import { VirtualClock } from '../support/virtual-clock.js'
import { KeptLog, type TestNode } from './cluster-kit.js'

/** See the head of this file. Each node is a machine of the same name. */
export class Simulation {
  readonly clock = new VirtualClock()
  readonly network: MemoryNetwork
  readonly #names: readonly string[]
  readonly #spec: Partial<ClusterSpecInput>
  #seed: number

  constructor(
    seed: number,
    names: readonly string[],
    options: { latency?: Latency; spec?: Partial<ClusterSpecInput> } = {},
  ) {
    this.#seed = seed
    this.#names = names
    this.#spec = options.spec ?? {}
    this.network = new MemoryNetwork(this.clock, seed, options.latency)
  }

  /** Where a node listens. */
  port(name: string): number {
    return 1_000 + this.#names.indexOf(name)
  }

  async start(name: string, options: Partial<StartOptions> = {}): Promise<TestNode> {
    const log = new KeptLog()
    const nodes = Object.fromEntries(this.#names.map((each) => [each, { address: `127.0.0.1:${this.port(each)}` }]))
    const cluster: ClusterSpecInput = { nodes, cookie: 'a-cookie-of-the-tests-alone', tls: false, ...this.#spec }
    const node = await Node.start(name, {
      cluster,
      clock: this.network.clockOf(name),
      entropy: seededEntropy(++this.#seed * 7_919),
      transport: this.network.transport(name),
      logger: log,
      ...options,
    })
    return Object.assign(node, { log })
  }
}
