/**
 * Nodes in OS processes of their own, of reign or of Erlang, whose connections are tormented; and what they have to say of it.
 *
 * On each runs a witness that writes down, in the same words on both kinds, what befalls it: outpost-program.ts, witness.erl.
 */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import type { ClusterSpecInput } from '../../src/cluster/spec-schema.js'
import { type ErlangNode, startErlang } from '../interop/erl.js'
import { type ChildNode, startNode } from '../support/child-node.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'
import type { Ending } from '../support/os-process.js'

export { deadlineMs }

/** Short, so that the window of a silent peer is: 3 to 5 s of silence. A busy machine must not stop one for so long. Erlang counts in seconds. */
export const tickTimeMs = 4_000

/**
 * The part of that time after which a peer may be taken for dead, counted from the fault: three quarters of silence, of which a quarter, the time from
 * one tick to the next, may have gone by before; so long, and longer, nothing may be said on a quiet line.
 */
export const earliest = 0.5

/** Which implementation a node is. */
export type Kind = 'reign' | 'erlang'

/** See the head of this file. */
export abstract class Outpost {
  abstract readonly kind: Kind
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  /** Where it listens. */
  abstract port(): Promise<number>
  abstract connect(other: Outpost): Promise<boolean>
  abstract disconnect(other: Outpost): Promise<unknown>
  /** Lets its witness meet the other's: both monitor the other, and are linked. */
  abstract greet(other: Outpost): Promise<unknown>
  /** Sends the numbers to the other's witness. */
  abstract count(other: Outpost, from: number, to: number): Promise<unknown>
  /** Sends contents of these sizes to and fro, at once; gives how many came back as they were, in order. */
  abstract echo(other: Outpost, sizes: readonly number[]): Promise<number>
  /** Calls the other's witness; gives its answer, `pong`. */
  abstract ask(other: Outpost): Promise<string>
  /** Lets a process call the other's mortal, which does not answer. */
  abstract call(other: Outpost): Promise<unknown>
  /** How many wait for an answer of its mortal. */
  abstract waiting(): Promise<number>
  /** Ends its mortal. */
  abstract end(reason: string): Promise<unknown>
  /** Answers those who called its mortal, now that it is gone. */
  abstract answerLate(): Promise<unknown>
  /** Lets its witness send to, link and monitor the witness that it met last, wherever that may be. */
  abstract retry(): Promise<unknown>
  /** What its witness has written down. */
  abstract log(): Promise<readonly string[]>
  abstract clear(): Promise<unknown>
  /** With whom it shares the names of `global`. */
  abstract known(): Promise<readonly string[]>
  /** Lets a process of its own have a name of `global`, and its witness watch that process; whether it has it. */
  abstract take(name: string): Promise<boolean>
  /** The node of the process that has a name of `global`; `undefined` when none has, as far as it knows. */
  abstract holder(name: string): Promise<string | undefined>
  /** Lets a process of its own claim a name of reign's. */
  abstract claim(name: string): Promise<unknown>
  /** The nodes of those who claim it, as far as it knows. */
  abstract claimants(name: string): Promise<readonly string[]>
  /** Whom it is connected with. */
  abstract nodes(): Promise<readonly string[]>
  /** Ends it as an operator would; resolves when the OS process is gone. */
  abstract stop(): Promise<Ending>
  abstract kill(): Promise<unknown>
  abstract suspend(): Promise<void>
  abstract resume(): void

  /** The lines about messages, monitors and links. */
  async fates(): Promise<readonly string[]> {
    return (await this.log()).filter((line) => !/^(up|down .*|met)$/.test(line))
  }

  /** The lines about nodes that come and go. */
  async comings(): Promise<readonly string[]> {
    return (await this.log()).filter((line) => /^(up|down .*)$/.test(line))
  }

  /** Resolves when the log has that line. */
  async writes(line: string): Promise<void> {
    let log: readonly string[] = []
    const look = async () => (log = await this.log()).includes(line)
    await eventually(look, deadlineMs, `"${line}" in the log of ${this.name}`).catch((error: Error) => {
      error.message += `; it has ${JSON.stringify(log)}`
      throw error
    })
  }
}

/** What an outpost of reign is started with. */
export interface ReignOutpostOptions {
  readonly name: string
  readonly cluster: ClusterSpecInput
  readonly visible?: boolean
  /** See `ChildOptions`. */
  readonly via?: readonly string[]
}

/** A node of reign. */
export class ReignOutpost extends Outpost {
  readonly kind = 'reign'
  readonly #child: ChildNode
  #requests = 0

  private constructor(name: string, child: ChildNode) {
    super(name)
    this.#child = child
  }

  static async start({ via, ...options }: ReignOutpostOptions): Promise<ReignOutpost> {
    const file = fileURLToPath(new URL('outpost-program.ts', import.meta.url))
    const child = await startNode({ file, args: [JSON.stringify(options)], ...(via && { via }) })
    await child.expect((message: { ready?: boolean }) => message.ready === true, deadlineMs)
    return new ReignOutpost(options.name, child)
  }

  /** Asks the program. */
  async request<T>(operation: string, ...args: readonly unknown[]): Promise<T> {
    const id = ++this.#requests
    this.#child.send({ id, operation, args })
    type Reply = { id: number; result?: T; error?: string }
    const reply = await this.#child.expect((message: Reply) => message.id === id, 2 * deadlineMs)
    if (reply.error !== undefined) throw new Error(`${this.name}: ${operation}: ${reply.error}`)
    return reply.result as T
  }

  port = () => this.request<number>('port')
  nodes = () => this.request<string[]>('nodes')
  connect = (other: Outpost) => this.request<boolean>('connect', other.name)
  disconnect = (other: Outpost) => this.request('disconnect', other.name)
  greet = (other: Outpost) => this.request('greet', other.name)
  count = (other: Outpost, from: number, to: number) => this.request('count', other.name, from, to)
  echo = (other: Outpost, sizes: readonly number[]) => this.request<number>('echo', other.name, sizes)
  ask = (other: Outpost) => this.request<string>('ask', other.name)
  call = (other: Outpost) => this.request('call', other.name)
  waiting = () => this.request<number>('waiting')
  end = (reason: string) => this.request('end', reason)
  answerLate = () => this.request('answerLate')
  retry = () => this.request('retry')
  known = () => this.request<string[]>('known')
  take = (name: string) => this.request<boolean>('take', name)
  holder = async (name: string) => (await this.request<string | null>('holder', name)) ?? undefined
  claim = (name: string) => this.request('claim', name)
  claimants = (name: string) => this.request<string[]>('claimants', name)
  log = () => this.request<string[]>('log')
  clear = () => this.request('clear')

  /** Starts a supervision tree: `cache` is to end before `store`, and both tell the other's witness when they have. */
  tree = (other: Outpost) => this.request('tree', other.name)
  /** What it has logged that an operator sees. */
  complaints = () => this.request<string[]>('complaints')
  /** What would grow if something leaked. */
  holdings = () => this.request<Record<string, number>>('holdings')

  stop(): Promise<Ending> {
    this.#child.process.signal('SIGTERM')
    return within(deadlineMs, this.#child.ended, `${this.name} to stop`)
  }

  kill = () => this.#child.kill()
  suspend = () => this.#child.suspend()
  resume = () => this.#child.resume()
}

/** What an outpost of Erlang is started with. */
export interface ErlangOutpostOptions {
  readonly name: string
  readonly cookie: string
  readonly epmdPort?: number
  /** The path of an `-ssl_dist_optfile`. */
  readonly tls: string
  /** Where its port mapper says that it listens. */
  readonly registered: () => number | undefined
  /** Whether it does as nodes of Erlang do unless told otherwise: they make a full mesh, in which no islands overlap. */
  readonly meshes?: boolean
  readonly tickTimeMs?: number
  /** Further arguments of `erl`. */
  readonly args?: readonly string[]
  /** See `ErlangOptions`. */
  readonly via?: readonly string[]
}

/** A node of Erlang. */
export class ErlangOutpost extends Outpost {
  readonly kind = 'erlang'
  readonly #erl: ErlangNode
  readonly #options: ErlangOutpostOptions

  private constructor(erl: ErlangNode, options: ErlangOutpostOptions) {
    super(options.name)
    this.#erl = erl
    this.#options = options
  }

  static async start(options: ErlangOutpostOptions): Promise<ErlangOutpost> {
    const { name, cookie, tls, epmdPort, via, meshes = false } = options
    const seconds = (options.tickTimeMs ?? tickTimeMs) / 1_000
    // What nodes of Erlang do beyond the fault is looked at only where it is asked for.
    const alone = ['-connect_all', 'false', '-kernel', 'prevent_overlapping_partitions', 'false']
    const kernel = ['-kernel', 'logger_level', 'none', 'net_ticktime', String(seconds)]
    const erl = await startErlang({
      name,
      cookie,
      tls,
      ...(epmdPort !== undefined && { epmdPort }),
      ...(via !== undefined && { via }),
      args: [...(meshes ? [] : alone), ...kernel, ...(options.args ?? [])],
      code: { witness: await readFile(new URL('witness.erl', import.meta.url), 'utf8') },
      deadlineMs,
    })
    await erl.eval('witness:start()')
    return new ErlangOutpost(erl, options)
  }

  /** Evaluates an expression. */
  eval(expression: string): Promise<string> {
    return this.#erl.eval(expression, { deadlineMs: 2 * deadlineMs })
  }

  port(): Promise<number> {
    return eventually(() => this.#options.registered(), deadlineMs, `${this.name} at the port mapper`)
  }

  nodes = () => this.#names('witness:nodes()')
  known = () => this.#names('witness:known()')
  take = async (name: string) => (await this.eval(`witness:take(${name})`)) === 'true'
  holder = async (name: string) => (await this.#names(`witness:holder(${name})`))[0]
  claim = (name: string) => this.eval(`witness:claim(${name})`)
  claimants = (name: string) => this.#names(`witness:claimants(${name})`)

  /** What is in quotes: the names of nodes are. */
  async #names(expression: string): Promise<string[]> {
    return Array.from((await this.eval(expression)).matchAll(/'([^']+)'/g), ([, name]) => String(name))
  }

  connect = async (other: Outpost) => (await this.eval(`witness:connect('${other.name}')`)) === 'true'
  disconnect = (other: Outpost) => this.eval(`witness:disconnect('${other.name}')`)
  greet = (other: Outpost) => this.eval(`witness:greet('${other.name}')`)
  count = (other: Outpost, from: number, to: number) => this.eval(`witness:count('${other.name}', ${from}, ${to})`)
  echo = async (other: Outpost, sizes: readonly number[]) =>
    Number(await this.eval(`witness:echo('${other.name}', [${sizes}])`))
  ask = (other: Outpost) => this.eval(`witness:ask('${other.name}')`)
  call = (other: Outpost) => this.eval(`witness:call('${other.name}')`)
  waiting = async () => Number(await this.eval('witness:waiting()'))
  end = (reason: string) => this.eval(`witness:'end'('${reason}')`)
  answerLate = () => this.eval(`witness:'answerLate'()`)
  retry = () => this.eval('witness:retry()')
  clear = () => this.eval('witness:clear()')

  async log(): Promise<readonly string[]> {
    const text = (await this.#erl.bytes('witness:log()')).toString()
    return text === '' ? [] : text.split('\n')
  }

  stop = () => this.#erl.stop()
  kill = () => this.#erl.kill()
  suspend = () => this.#erl.suspend()
  resume = () => this.#erl.resume()
}
