/**
 * Clusters for tests: several nodes in this program, on real sockets, over TLS as `reign init` would set it up or over plain TCP.
 *
 *   await using cluster = await TestCluster.make({ tls: true })
 *   const a = await cluster.start('a@127.0.0.1')
 *   const b = await cluster.start('b@127.0.0.1')
 *   await cluster.meet(a, b)
 *
 * No ports are agreed upon: nodes listen on any that is free, and find each other by a port mapper of the cluster's own.
 */
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Authority } from '../../src/certs/authority.js'
import { createAuthority } from '../../src/certs/authority.js'
import { issueNodeCertificate } from '../../src/certs/issue.js'
import { systemClock } from '../../src/clock.js'
import { Node, type StartOptions } from '../../src/cluster/node.js'
import type { ClusterSpecInput, NodeSpecInput } from '../../src/cluster/spec-schema.js'
import { epmdNode } from '../../src/dist/epmd-messages.js'
import { systemEntropy } from '../../src/entropy.js'
import type { Logger, LogMethod } from '../../src/logger.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import { EpmdServer } from '../../src/net/epmd-server.js'
import type { Mailbox } from '../../src/process/mailbox.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'

export { deadlineMs }

/** One line of a log. */
export interface LogLine {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

/** A logger that keeps its lines. */
export class KeptLog implements Logger {
  readonly lines: LogLine[] = []
  readonly error: LogMethod = this.#at('error')
  readonly warn: LogMethod = this.#at('warn')
  readonly info: LogMethod = this.#at('info')
  readonly debug: LogMethod = this.#at('debug')
  readonly trace: LogMethod = this.#at('trace')

  /** The lines of a level, or of all that an operator sees. */
  at(...levels: string[]): LogLine[] {
    return this.lines.filter(({ level }) => levels.includes(level))
  }

  /** The codes of the errors that were told, in order. */
  codes(...levels: string[]): unknown[] {
    return this.at(...levels).flatMap(({ fields }) => ('code' in fields ? [fields.code] : []))
  }

  /** What an operator should look at, but for what the tests do on purpose: to go without TLS. */
  get complaints(): LogLine[] {
    return this.at('warn', 'error').filter(({ message }) => !message.startsWith('tls is false'))
  }

  #at(level: string): LogMethod {
    return (fields, message) => this.lines.push({ level, fields: { ...fields }, message })
  }
}

/** What a cluster is made with. */
export interface TestClusterOptions {
  /** Mutual TLS; plain TCP otherwise. */
  readonly tls?: boolean
  /** Further fields of the specification. */
  readonly spec?: Partial<ClusterSpecInput>
  /** The nodes that are in it. Those that it does not have can only be found by the port mapper. */
  readonly members?: readonly string[]
}

/** A node of a {@link TestCluster}, with what it has logged. */
export interface TestNode extends Node {
  readonly log: KeptLog
}

let authority: Promise<Authority> | undefined
/** The authority of all clusters of a test file. */
export function sharedAuthority(): Promise<Authority> {
  authority ??= createAuthority()
  return authority
}

const certificates = new Map<string, Promise<{ cert: string; key: string }>>()
/** The certificate and key of a node, as `reign init` makes them. */
export function certificateOf(name: string): Promise<{ cert: string; key: string }> {
  const known = certificates.get(name)
  if (known !== undefined) return known
  const made = sharedAuthority()
    .then((by) => issueNodeCertificate(by, name))
    .then(({ certificatePem, key }) => ({ cert: certificatePem, key: key.reveal() }))
  certificates.set(name, made)
  return made
}

/** See the head of this file. */
export class TestCluster implements AsyncDisposable {
  readonly epmd: EpmdServer
  readonly #options: TestClusterOptions
  readonly #nodes = new Set<Node>()
  readonly #cleanups: (() => void)[] = []

  private constructor(epmd: EpmdServer, options: TestClusterOptions) {
    this.epmd = epmd
    this.#options = options
  }

  static async make(options: TestClusterOptions = {}): Promise<TestCluster> {
    const epmd = await EpmdServer.listen({ port: 0, clock: systemClock, entropy: systemEntropy })
    return new TestCluster(epmd, options)
  }

  /** The specification of the cluster, as one of its nodes reads it. */
  async spec(name: string): Promise<ClusterSpecInput> {
    const { tls = false, spec, members = [] } = this.#options
    const entry: NodeSpecInput = tls ? await certificateOf(name) : {}
    return {
      nodes: { ...Object.fromEntries(members.map((member) => [member, {}])), [name]: entry },
      cookie: 'a-cookie-of-the-tests-alone',
      epmd: { port: this.epmd.port, embedded: false },
      ...(tls ? { ca: (await sharedAuthority()).certificatePem } : { tls: false }),
      ...spec,
    }
  }

  /** Starts a node; it ends with the cluster at the latest. */
  async start(name: string, options: Partial<StartOptions> = {}): Promise<TestNode> {
    const log = new KeptLog()
    const node = await Node.start(name, { cluster: await this.spec(name), logger: log, ...options })
    this.#nodes.add(node)
    return Object.assign(node, { log })
  }

  /** Lets two nodes connect; resolves when both know. */
  async meet(one: Node, other: Node): Promise<void> {
    if (!(await within(deadlineMs, one.connect(other.name), `${one.name} to meet ${other.name}`))) {
      throw new Error(`${one.name} cannot connect with ${other.name}`)
    }
    await sees(other, one.name)
  }

  /**
   * Somebody under the name of a node who takes connections, and says nothing: what is dialled there waits. Or who does not
   * listen any more, though the port mapper does not know it yet.
   */
  async pretend(alive: string, { listening = true } = {}): Promise<{ readonly sockets: readonly Socket[] }> {
    const sockets: Socket[] = []
    const server = createServer((socket) => {
      socket.on('error', () => {})
      // What comes is read and dropped, so that the end is seen too.
      socket.resume()
      sockets.push(socket)
    })
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
    const { port } = server.address() as AddressInfo
    const client = new EpmdClient({ port: this.epmd.port, clock: systemClock })
    const registration = await client.register('127.0.0.1', epmdNode(alive, port))
    if (!listening) server.close()
    this.#cleanups.push(() => {
      registration.close()
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return { sockets }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const clean of this.#cleanups) clean()
    await Promise.all([...this.#nodes].map((node) => within(deadlineMs, node.stop(), `${node.name} to stop`)))
    await this.epmd.close()
  }
}

/** Resolves when `node` is connected with these, at least. */
export async function sees(node: Node, ...names: string[]): Promise<void> {
  await eventually(
    () => names.every((name) => node.nodes().includes(name)),
    deadlineMs,
    `${node.name} to see ${names.join(', ')}`,
  )
}

/** Resolves when `node` is not connected with `name`. */
export async function losesSight(node: Node, name: string): Promise<void> {
  await eventually(() => !node.nodes().includes(name), deadlineMs, `${node.name} to lose ${name}`)
}

/** The next message of a mailbox, within the deadline of the tests. */
export function next<M>(mailbox: Mailbox<M>): Promise<M> {
  return mailbox.receive({ timeout: deadlineMs })
}

/** The next so many messages of a mailbox. */
export async function take<M>(mailbox: Mailbox<M>, count: number): Promise<M[]> {
  const taken: M[] = []
  while (taken.length < count) taken.push(await next(mailbox))
  return taken
}

/** Both carriers of a connection, for `describe.each`. */
export const carriers: readonly (readonly [string, boolean])[] = [
  ['mutual TLS', true],
  ['plain TCP', false],
]
