/**
 * A reign node and an Erlang node in one cluster, as `reign init` sets it up, over mutual TLS or plain TCP.
 *
 *   const neighbours = await Neighbours.make()
 *   const node = await neighbours.startReign('tls')
 *   const erl = await neighbours.startErl('tls')
 *
 * Ports are any that are free, found by a port mapper of the test's own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { Node } from '../../src/cluster/node.js'
import { silent } from '../../src/logger.js'
import { Workplace } from '../cli/command.js'
import { deadlineMs, within } from '../support/deadline.js'
import { type Epmd, startEpmd } from './epmd.js'
import { type ErlangNode, startErlang } from './erl.js'

export { deadlineMs }

/** The name of the reign node. */
export const shop = 'shop@127.0.0.1'
/** The name of another reign node, where a test has two. */
export const office = 'office@127.0.0.1'
/** The name of the Erlang node. */
export const erlang = 'erl@127.0.0.1'

/** What carries the connection. */
export type Carrier = 'tls' | 'tcp'

/** See the head of this file. */
export class Neighbours implements AsyncDisposable {
  readonly #place: Workplace
  readonly #epmd: Epmd

  private constructor(place: Workplace, epmd: Epmd) {
    this.#place = place
    this.#epmd = epmd
  }

  /** @param others More members of the cluster, such as {@link office}. */
  static async make(...others: readonly string[]): Promise<Neighbours> {
    const place = new Workplace()
    const epmd = await startEpmd()
    const { code, err } = await place.reign(['init', shop, erlang, ...others])
    if (code !== 0) throw new Error(err)
    return new Neighbours(place, epmd)
  }

  startReign(carrier: Carrier, name: string = shop): Promise<Node> {
    return Node.start(name, { cluster: this.#specification(carrier), logger: silent })
  }

  startErl(carrier: Carrier): Promise<ErlangNode> {
    const tls = carrier === 'tls' ? { tls: this.#place.path('cluster', `${erlang}.erlang.conf`) } : {}
    const cookie = readFileSync(this.#place.path('cluster', 'cookie'), 'utf8')
    return startErlang({ name: erlang, cookie, epmdPort: this.#epmd.port, hidden: true, ...tls })
  }

  #specification(carrier: Carrier): string {
    const spec = JSON.parse(readFileSync(this.#place.path('cluster', 'cluster.json'), 'utf8'))
    for (const node of Object.values<Record<string, unknown>>(spec.nodes)) delete node.address
    const path = this.#place.path('cluster', `${carrier}.json`)
    const epmd = { port: this.#epmd.port, embedded: false }
    writeFileSync(path, JSON.stringify({ ...spec, epmd, ...(carrier === 'tcp' && { tls: false }) }))
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#place[Symbol.dispose]()
    await this.#epmd.stop()
  }
}

/** The next message of a mailbox, within the deadline. */
export function receive<T = unknown>(mailbox: { receive(): Promise<unknown> }, what: string): Promise<T> {
  return within(deadlineMs, mailbox.receive() as Promise<T>, what)
}
