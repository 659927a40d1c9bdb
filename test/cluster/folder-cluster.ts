/**
 * A cluster in a folder that `reign init` made, its nodes in this program, over mutual TLS: for what commands change while nodes run.
 *
 *   await using cluster = await FolderCluster.make('a@127.0.0.1', 'b@127.0.0.1')
 *   const a = await cluster.start('a@127.0.0.1')
 *   await cluster.reign('cert', 'a@127.0.0.1', '--renew')
 *
 * No ports are agreed upon: nodes find each other by a port mapper of the cluster's own. Their clocks hurry where certificates are
 * watched and judged, so that what takes seconds takes hundredths; everything else takes its time.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect } from 'vitest'
import type { Authority } from '../../src/certs/authority.js'
import type { NodeCertificate } from '../../src/certs/issue.js'
import { type Clock, systemClock } from '../../src/clock.js'
import { watchIntervalMs } from '../../src/cluster/file-watch.js'
import { guardIntervalMs } from '../../src/cluster/identity-guard.js'
import { Node, type StartOptions } from '../../src/cluster/node.js'
import type { ClusterSpecInput } from '../../src/cluster/spec-schema.js'
import { systemEntropy } from '../../src/entropy.js'
import { EpmdServer } from '../../src/net/epmd-server.js'
import { Secret } from '../../src/secret.js'
import { Workplace } from '../cli/command.js'
import { within } from '../support/deadline.js'
import { deadlineMs, KeptLog } from './cluster-kit.js'

/** What the clock of a node does with the intervals of certificates, in milliseconds. */
const hurryMs = 20

/** A clock that hurries, and whose day can be set. */
export class HurriedClock implements Clock {
  /** Added to the wall clock, in milliseconds. */
  aheadMs = 0
  /** How often the files were looked at. */
  looks = 0
  readonly now = systemClock.now
  readonly clearTimer = systemClock.clearTimer
  readonly holdProgram = systemClock.holdProgram
  readonly nextTurn = systemClock.nextTurn
  readonly microtask = systemClock.microtask
  readonly setTimer: Clock['setTimer'] = (callback, delayMs) => {
    // Nothing else waits exactly so long.
    if (delayMs === watchIntervalMs) this.looks++
    const hurried = delayMs === watchIntervalMs || delayMs === guardIntervalMs
    return systemClock.setTimer(callback, hurried ? hurryMs : delayMs)
  }

  wallTime(): number {
    return systemClock.wallTime() + this.aheadMs
  }
}

/** A node of a {@link FolderCluster}. */
export interface FolderNode extends Node {
  readonly log: KeptLog
  readonly hurried: HurriedClock
  /** What happened to it, in order: `up b@127.0.0.1`, `down b@127.0.0.1: certificate_revoked`. */
  readonly events: readonly string[]
}

/** See the head of this file. */
export class FolderCluster implements AsyncDisposable {
  readonly place: Workplace
  readonly #epmd: EpmdServer
  readonly #nodes = new Set<Node>()

  private constructor(place: Workplace, epmd: EpmdServer) {
    this.place = place
    this.#epmd = epmd
  }

  static async make(...names: readonly string[]): Promise<FolderCluster> {
    const epmd = await EpmdServer.listen({ port: 0, clock: systemClock, entropy: systemEntropy })
    const cluster = new FolderCluster(new Workplace(), epmd)
    await cluster.reign('init', ...names)
    const spec: ClusterSpecInput = cluster.spec()
    const nodes = Object.entries(spec.nodes ?? {}).map(([name, { cert, key }]) => [name, { cert, key }] as const)
    cluster.write('cluster.json', {
      ...spec,
      nodes: Object.fromEntries(nodes),
      epmd: { port: epmd.port, embedded: false },
    })
    return cluster
  }

  /** Where Erlang's nodes register too. */
  get epmdPort(): number {
    return this.#epmd.port
  }

  get folder(): string {
    return this.place.path('cluster')
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  /** All at once, as an editor does: whoever watches the file never sees a part of it. */
  write(file: string, content: string | object): void {
    const path = join(this.folder, file)
    writeFileSync(`${path}.new`, typeof content === 'string' ? content : JSON.stringify(content), { mode: 0o600 })
    renameSync(`${path}.new`, path)
  }

  spec(): ClusterSpecInput {
    return JSON.parse(this.read('cluster.json'))
  }

  /** The authority, as commands open it. */
  get authority(): Authority {
    return { certificatePem: this.read('ca.pem'), key: new Secret(this.read('ca.key')) }
  }

  /** Writes a certificate of a node and its key. */
  writePair(name: string, { certificatePem, key }: NodeCertificate, stem = name): void {
    this.write(`${stem}.pem`, certificatePem)
    this.write(`${stem}.key`, key.reveal())
  }

  /** Runs a command beside the folder; it must succeed. */
  async reign(...line: readonly string[]): Promise<string> {
    const { code, out, err } = await this.place.reign(line)
    expect(err).toBe('')
    expect(code).toBe(0)
    return out
  }

  /** Starts a node; it ends with the cluster at the latest. */
  async start(name: string, options: Partial<StartOptions> = {}): Promise<FolderNode> {
    const log = new KeptLog()
    const hurried = new HurriedClock()
    const events: string[] = []
    const node = await Node.start(name, { cluster: this.folder, logger: log, clock: hurried, ...options })
    this.#nodes.add(node)
    node.onNodeUp((other) => events.push(`up ${other}`))
    node.onNodeDown((other, reason) => events.push(`down ${other}: ${reason}`))
    return Object.assign(node, { log, hurried, events })
  }

  /** The serial number of the certificate that a node shows to who has one of `as`. */
  async shownBy(node: Node, as: string): Promise<string> {
    const { cert, key } = this.spec().nodes?.[as] ?? {}
    if (node.endpoint === undefined || cert === undefined || key === undefined) throw new Error('nothing to look at')
    const socket = connect({
      ...node.endpoint,
      cert: this.read(cert),
      key: this.read(key),
      rejectUnauthorized: false,
    })
    try {
      const shown = new Promise<string>((resolve, reject) => {
        socket.once('error', reject)
        socket.once('secureConnect', () => resolve(socket.getPeerX509Certificate()?.serialNumber ?? 'none'))
      })
      return await within(deadlineMs, shown, 'a certificate')
    } finally {
      socket.destroy()
    }
  }

  /** The serial number of the certificate in a file. */
  serialIn(file: string): string {
    return new X509Certificate(this.read(file)).serialNumber
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#nodes].map((node) => within(deadlineMs, node.stop(), `${node.name} to stop`)))
    await this.#epmd.close()
    this.place[Symbol.dispose]()
  }
}
