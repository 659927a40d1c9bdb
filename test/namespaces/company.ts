/** Nodes on the machines of a lab: who they are, and how they find each other. */
import { readFileSync } from 'node:fs'
import type { ClusterSpecInput } from '../../src/cluster/spec-schema.js'
import { Workplace } from '../cli/command.js'
import { ErlangOutpost, type Kind, type Outpost, ReignOutpost, tickTimeMs } from '../faults/outpost.js'
import type { Lab } from './lab.js'

/** Where each node listens, on its machine. Nobody else is there, so no port mapper is needed. */
const port = 4370

/** How nodes are started. */
export interface StartOptions {
  readonly tickTimeMs?: number
  /** Whether they share names as Erlang's nodes do, and are a full mesh with these. */
  readonly visible?: boolean
}

/** See the head of this file. As all labs have the same addresses, one company will do for many. */
export class Company implements Disposable {
  readonly names: readonly string[]
  readonly #place: Workplace

  private constructor(place: Workplace, names: readonly string[]) {
    this.#place = place
    this.names = names
  }

  static async gather(count: number): Promise<Company> {
    const place = new Workplace('reign-namespaces-')
    const names = Array.from({ length: count }, (_, index) => `n${index}@10.0.0.${index + 1}`)
    const { code, err } = await place.reign(['init', ...names])
    if (code !== 0) throw new Error(err)
    return new Company(place, names)
  }

  /** Starts a node on the machine of that number. It dials others when something is sent to them, and not by itself: the test says when. */
  async start(kind: Kind, lab: Lab, index: number, options: StartOptions = {}): Promise<Outpost> {
    const name = this.names[index] as string
    const via = lab.sites[index]?.via as readonly string[]
    const file = (file: string) => readFileSync(this.#place.path('cluster', file), 'utf8')
    const cookie = file('cookie')
    const { visible = false } = options
    const ticks = options.tickTimeMs ?? tickTimeMs
    if (kind === 'erlang') {
      return ErlangOutpost.start({
        name,
        cookie,
        tls: this.#place.path('cluster', `${name}.erlang.conf`),
        registered: () => port,
        meshes: visible,
        tickTimeMs: ticks,
        args: ['-erl_epmd_port', String(port)],
        via,
      })
    }
    const others = this.names.filter((other) => other !== name)
    const cluster: ClusterSpecInput = {
      nodes: {
        [name]: { listen: `${lab.sites[index]?.address}:${port}`, cert: file(`${name}.pem`), key: file(`${name}.key`) },
        ...Object.fromEntries(
          others.map((other) => [other, { address: `${other.replace(/.*@/, '')}:${port}`, member: false }]),
        ),
      },
      ca: file('ca.pem'),
      cookie,
      epmd: 'off',
      tickTimeMs: ticks,
    }
    return ReignOutpost.start({ name, cluster, visible, via })
  }

  [Symbol.dispose](): void {
    this.#place[Symbol.dispose]()
  }
}
