/**
 * A cluster for commands: a folder that `reign init` made, members in this program or in processes of their own, over mutual TLS.
 *
 * No ports are agreed upon: members listen on any that is free, and are found by a port mapper of the cluster's own.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { systemClock } from '../../src/clock.js'
import { Node, type StartOptions } from '../../src/cluster/node.js'
import type { ClusterSpecInput, NodeSpecInput } from '../../src/cluster/spec-schema.js'
import { systemEntropy } from '../../src/entropy.js'
import { silent } from '../../src/logger.js'
import { EpmdServer } from '../../src/net/epmd-server.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'
import { freshBuild, projectFolder } from '../support/fresh-build.js'
import { OsProcess } from '../support/os-process.js'
import { type CommandResult, Workplace } from './command.js'

export { deadlineMs }

export const one = 'one@127.0.0.1'
export const two = 'two@127.0.0.1'
/** The visitor that comes with them. */
export const visitor = 'console@127.0.0.1'

/** The executable. */
export const main = join(projectFolder, 'lib', 'cli', 'main.js')

/** See the head of this file. */
export class CommandCluster implements AsyncDisposable {
  readonly place: Workplace
  readonly epmd: EpmdServer
  readonly #nodes = new Set<Node>()
  readonly #processes = new Set<OsProcess>()

  private constructor(place: Workplace, epmd: EpmdServer) {
    this.place = place
    this.epmd = epmd
  }

  static async make(names: readonly string[] = [one, two]): Promise<CommandCluster> {
    await freshBuild()
    const epmd = await EpmdServer.listen({ port: 0, clock: systemClock, entropy: systemEntropy })
    const cluster = new CommandCluster(new Workplace(), epmd)
    expect(await cluster.place.reign(['init', ...names])).toMatchObject({ code: 0, err: '' })
    cluster.rewrite((spec) => ({
      ...spec,
      nodes: Object.fromEntries(
        Object.entries(spec.nodes ?? {}).map(([name, { address, ...entry }]) => [name, entry] as const),
      ),
      epmd: { port: epmd.port, embedded: false },
    }))
    return cluster
  }

  /** Its folder. */
  get folder(): string {
    return this.place.path('cluster')
  }

  /** The text of a file in it. */
  read(file: string): string {
    return readFileSync(join(this.folder, file), 'utf8')
  }

  /** What `cluster.json` says. */
  spec(): ClusterSpecInput {
    return JSON.parse(this.read('cluster.json'))
  }

  /** Changes `cluster.json`. */
  rewrite(change: (spec: ClusterSpecInput) => ClusterSpecInput): void {
    writeFileSync(join(this.folder, 'cluster.json'), JSON.stringify(change(this.spec())))
  }

  /** Changes the entry of a node in it. */
  rewriteNode(name: string, fields: NodeSpecInput): void {
    this.rewrite((spec) => ({ ...spec, nodes: { ...spec.nodes, [name]: { ...spec.nodes?.[name], ...fields } } }))
  }

  /** Starts a member in this program; it ends with the cluster at the latest. */
  async start(name: string, options: Partial<StartOptions> = {}): Promise<Node> {
    const node = await Node.start(name, { cluster: this.folder, logger: silent, ...options })
    this.#nodes.add(node)
    return node
  }

  /** Runs a command in this program. */
  reign(line: readonly string[], stop?: AbortSignal): Promise<CommandResult> {
    return within(deadlineMs, this.place.reign(line, undefined, stop), line.join(' '))
  }

  /** Runs a command in a process of its own, with a pipe for its input. */
  process(line: readonly string[], env: Readonly<Record<string, string | undefined>> = {}): OsProcess {
    const ran = new OsProcess(process.execPath, {
      args: [main, ...line],
      cwd: this.place.cwd,
      stdin: 'pipe',
      env: { NODE_OPTIONS: undefined, VITEST: undefined, FORCE_COLOR: undefined, NO_COLOR: undefined, ...env },
    })
    this.#processes.add(ran)
    return ran
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes].map((each) => each.kill()))
    await Promise.all([...this.#nodes].map((node) => within(deadlineMs, node.stop(), `${node.name} to stop`)))
    await this.epmd.close()
    this.place[Symbol.dispose]()
  }
}

/** Resolves when `node` is connected with none but these. */
export async function seesOnly(node: Node, ...names: string[]): Promise<void> {
  const wanted = names.sort().join()
  await eventually(() => node.nodes().sort().join() === wanted, deadlineMs, `${node.name} to see ${wanted || 'nobody'}`)
}

/** The exit code of a process that ends by itself. */
export async function exitCode(ran: OsProcess): Promise<number | null> {
  return (await within(deadlineMs, ran.ended, 'the end of the command')).code
}
