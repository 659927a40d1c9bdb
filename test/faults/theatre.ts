/**
 * Pairs of nodes, in OS processes of their own, over mutual TLS, with a chaos proxy in each direction of dialling; and one
 * test for all pairs: reign with reign, reign that dials Erlang, Erlang that dials reign.
 *
 * The pairs of a file are started once, as that takes most of the time; a test that ends a node starts it again.
 */

import { readFileSync } from 'node:fs'
import { afterAll, beforeAll } from 'vitest'
import { systemClock } from '../../src/clock.js'
import type { ClusterSpecInput } from '../../src/cluster/spec-schema.js'
import { epmdNode } from '../../src/dist/epmd-messages.js'
import { systemEntropy } from '../../src/entropy.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import { EpmdServer } from '../../src/net/epmd-server.js'
import { Workplace } from '../cli/command.js'
import { ChaosProxy } from '../support/chaos-proxy.js'
import { Couple, onAll } from './couple.js'
import { ErlangOutpost, type Kind, type Outpost, ReignOutpost, tickTimeMs } from './outpost.js'

/** Who dials, and who is dialled. */
export const kinds: readonly (readonly [Kind, Kind])[] = [
  ['reign', 'reign'],
  ['reign', 'erlang'],
  ['erlang', 'reign'],
]

/** What pairs are made of: certificates, and a port mapper that says of nodes of reign that they are where a proxy is. */
class Theatre implements AsyncDisposable {
  readonly #place: Workplace
  readonly #epmd: EpmdServer

  private constructor(place: Workplace, epmd: EpmdServer) {
    this.#place = place
    this.#epmd = epmd
  }

  static async make(names: readonly string[]): Promise<Theatre> {
    const place = new Workplace('reign-faults-')
    const { code, err } = await place.reign(['init', ...names])
    if (code !== 0) throw new Error(err)
    return new Theatre(place, await EpmdServer.listen({ port: 0, clock: systemClock, entropy: systemEntropy }))
  }

  /** Starts a node, which dials the other where the proxy is. */
  async start(kind: Kind, name: string, other: string, way: ChaosProxy): Promise<Outpost> {
    const file = (file: string) => readFileSync(this.#place.path('cluster', file), 'utf8')
    const cookie = file('cookie')
    if (kind === 'erlang') {
      const alive = name.slice(0, name.indexOf('@'))
      return ErlangOutpost.start({
        name,
        cookie,
        epmdPort: this.#epmd.port,
        tls: this.#place.path('cluster', `${name}.erlang.conf`),
        registered: () => this.#epmd.nodes.find((node) => node.alive === alive)?.port,
      })
    }
    const cluster: ClusterSpecInput = {
      nodes: {
        [name]: { listen: '127.0.0.1:0', cert: file(`${name}.pem`), key: file(`${name}.key`) },
        // Dialled when something is sent to it, and not by itself: the test says when.
        [other]: { address: way.endpoint.text, member: false },
      },
      ca: file('ca.pem'),
      cookie,
      epmd: 'off',
      tickTimeMs,
    }
    return ReignOutpost.start({ name, cluster })
  }

  /** Lets Erlang find a node where a proxy is. Resolves with what ends that. */
  async direct(name: string, way: ChaosProxy): Promise<() => void> {
    const client = new EpmdClient({ port: this.#epmd.port, clock: systemClock })
    const node = epmdNode(name.slice(0, name.indexOf('@')), way.endpoint.port)
    const registration = await client.register('127.0.0.1', node)
    return () => registration.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#epmd.close()
    this.#place[Symbol.dispose]()
  }
}

/** Two nodes, and the way between. */
export class Pair extends Couple {
  readonly title: string
  near: Outpost
  far: Outpost
  /** What carries the connections that `near` dials. */
  readonly way: ChaosProxy
  /** And those that `far` dials. */
  readonly wayBack: ChaosProxy
  readonly #theatre: Theatre
  readonly #kinds: readonly [Kind, Kind]
  readonly #cleanups: (() => void)[]

  private constructor(parts: {
    theatre: Theatre
    kinds: readonly [Kind, Kind]
    near: Outpost
    far: Outpost
    way: ChaosProxy
    wayBack: ChaosProxy
    cleanups: (() => void)[]
  }) {
    super()
    const [near, far] = parts.kinds
    this.title = `${near} that dials ${far}`
    this.near = parts.near
    this.far = parts.far
    this.way = parts.way
    this.wayBack = parts.wayBack
    this.#theatre = parts.theatre
    this.#kinds = parts.kinds
    this.#cleanups = parts.cleanups
  }

  static async make(theatre: Theatre, kinds: readonly [Kind, Kind], names: readonly [string, string]): Promise<Pair> {
    const [way, wayBack] = await Promise.all([ChaosProxy.start(), ChaosProxy.start({ seed: 2 })])
    const cleanups: (() => void)[] = []
    if (kinds[1] === 'reign' && kinds[0] === 'erlang') cleanups.push(await theatre.direct(names[1], way))
    if (kinds[0] === 'reign' && kinds[1] === 'erlang') cleanups.push(await theatre.direct(names[0], wayBack))
    const [near, far] = await Promise.all([
      theatre.start(kinds[0], names[0], names[1], way),
      theatre.start(kinds[1], names[1], names[0], wayBack),
    ])
    const pair = new Pair({ theatre, kinds, near, far, way, wayBack, cleanups })
    await pair.#aim()
    return pair
  }

  async #aim(): Promise<void> {
    this.way.target = { host: '127.0.0.1', port: await this.far.port() }
    this.wayBack.target = { host: '127.0.0.1', port: await this.near.port() }
  }

  /** Starts a node anew; it is to be gone. */
  async start(which: 'near' | 'far'): Promise<void> {
    const [near, far] = this.#kinds
    if (which === 'near') this.near = await this.#theatre.start(near, this.near.name, this.far.name, this.way)
    else this.far = await this.#theatre.start(far, this.far.name, this.near.name, this.wayBack)
    await this.#aim()
  }

  protected heal(): void {
    this.way.heal()
    this.wayBack.heal()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const clean of this.#cleanups) clean()
    await Promise.all(this.both.map((each) => each.kill()))
    await Promise.all([this.way, this.wayBack].map((way) => way[Symbol.asyncDispose]()))
  }
}

let pairs: readonly Pair[] = []
let theatre: Theatre | undefined

/** Starts the pairs of a test file, and ends them with it. */
export function withPairs(): void {
  beforeAll(async () => {
    const names = (index: number) => [`near${index}@127.0.0.1`, `far${index}@127.0.0.1`] as const
    const made = (theatre = await Theatre.make(kinds.flatMap((_, index) => names(index))))
    pairs = await Promise.all(kinds.map((each, index) => Pair.make(made, each, names(index))))
  })
  afterAll(async () => {
    await Promise.all(pairs.map((pair) => pair[Symbol.asyncDispose]()))
    await theatre?.[Symbol.asyncDispose]()
  })
}

/** One test, on all pairs at the same time. */
export function onAllPairs(title: string, play: (pair: Pair) => Promise<void>): void {
  onAll(() => pairs, title, play)
}
