/** The two kinds of node that a scenario runs on, behind one interface: an operating-system process and its agent. */
import { fileURLToPath } from 'node:url'
import { type ErlangNode, startErlang } from '../interop/erl.js'
import { type ChildNode, startNode } from '../support/child-node.js'
import { within } from '../support/deadline.js'
import { erlangText, jsonForm, type Term, t } from './term.js'

/** Which implementation a node is. */
export type Kind = 'erl' | 'reign'

/** How long a node may take to end itself, in milliseconds. */
const endMs = 15_000

/** How nodes find and trust each other. */
export interface Surroundings {
  readonly epmdPort: number
  readonly cookie: string
  /** The folder that `reign init` made: distribution is over mutual TLS then. Otherwise it is plain TCP on loopback. */
  readonly tlsFolder?: string | undefined
}

/** A running node with its agent. */
export interface Driver {
  readonly kind: Kind
  /** Asks the agent; gives the lines of its reply. */
  request(request: Term, deadlineMs: number): Promise<string[]>
  /** Kills the operating-system process (SIGKILL); resolves when it is gone. */
  kill(): Promise<unknown>
  /** Lets it end itself; resolves when it is gone. */
  end(how: 'halt' | 'stop'): Promise<unknown>
  /** Freezes it: its sockets stay open, and nothing answers. */
  suspend(): Promise<void>
  resume(): void
}

/** Starts a node of that kind; it is ready, and known to the port mapper, when this resolves. */
export function startDriver(kind: Kind, name: string, surroundings: Surroundings): Promise<Driver> {
  return kind === 'erl' ? ErlangDriver.start(name, surroundings) : ReignDriver.start(name, surroundings)
}

class ErlangDriver implements Driver {
  readonly kind = 'erl'
  readonly #node: ErlangNode

  constructor(node: ErlangNode) {
    this.#node = node
  }

  static async start(name: string, { epmdPort, cookie, tlsFolder }: Surroundings): Promise<Driver> {
    const node = await startErlang({
      name,
      cookie,
      epmdPort,
      ...(tlsFolder !== undefined && { tls: `${tlsFolder}/${name}.erlang.conf` }),
      // What nodes do to each other beyond the scenario (a full mesh, and its defence) is no part of it.
      args: ['-connect_all', 'false', '-kernel', 'prevent_overlapping_partitions', 'false', 'logger_level', 'none'],
    })
    await loadAgent(node)
    return new ErlangDriver(node)
  }

  async request(request: Term, deadlineMs: number): Promise<string[]> {
    const reply = await this.#node.bytes(`differential_agent:request(${erlangText(request)})`, { deadlineMs })
    return reply.length === 0 ? [] : reply.toString().split('\n')
  }

  kill(): Promise<unknown> {
    return this.#node.kill()
  }

  async end(how: 'halt' | 'stop'): Promise<unknown> {
    const ending = how === 'halt' ? 'erlang:halt(0, [{flush, false}])' : 'init:stop()'
    await this.#node.eval(`spawn(fun() -> ${ending} end)`).catch(() => {})
    return within(endMs, this.#node.ended, `the end by ${how}`)
  }

  suspend(): Promise<void> {
    return this.#node.suspend()
  }

  resume(): void {
    this.#node.resume()
  }
}

const erlangAgent = fileURLToPath(new URL('differential_agent.erl', import.meta.url))
let compiled: Promise<Buffer> | undefined

/** Loads the agent into a node and starts it. The first node compiles it for all, as that takes longer than a start. */
async function loadAgent(node: ErlangNode): Promise<void> {
  compiled ??= node.bytes(
    `case compile:file(unicode:characters_to_list(File), [binary, return_errors]) of
       {ok, _, Binary} -> Binary;
       {error, Errors, _} -> exit(Errors)
     end`,
    { bind: { File: erlangAgent }, deadlineMs: 30_000 },
  )
  await node.eval('{module, M} = code:load_binary(differential_agent, "differential_agent", Beam), M:start()', {
    bind: { Beam: await compiled },
  })
}

const reignAgent = fileURLToPath(new URL('reign-agent.ts', import.meta.url))

class ReignDriver implements Driver {
  readonly kind = 'reign'
  readonly #child: ChildNode
  #requests = 0

  constructor(child: ChildNode) {
    this.#child = child
  }

  static async start(name: string, { epmdPort, cookie, tlsFolder }: Surroundings): Promise<Driver> {
    const epmd = { port: epmdPort, embedded: false }
    const nodes = { [name]: { listen: '127.0.0.1:0' } }
    const cluster =
      tlsFolder === undefined
        ? { nodes, cookie, epmd, tls: false, weakCookie: true }
        : {
            nodes: {
              [name]: { listen: '127.0.0.1:0', cert: `${tlsFolder}/${name}.pem`, key: `${tlsFolder}/${name}.key` },
            },
            ca: `${tlsFolder}/ca.pem`,
            cookie,
            epmd,
            weakCookie: true,
          }
    const child = await startNode({ file: reignAgent, args: [JSON.stringify({ name, cluster })] })
    await child.expect((message: { ready?: string }) => message.ready === name, 15_000)
    return new ReignDriver(child)
  }

  async request(request: Term, deadlineMs: number): Promise<string[]> {
    const id = ++this.#requests
    this.#child.send({ id, request: jsonForm(request) })
    const reply = await this.#child.expect((message: { id?: number; lines: string[] }) => message.id === id, deadlineMs)
    if (reply.lines[0]?.startsWith('agent failed')) throw new Error(reply.lines.join('\n'))
    return reply.lines
  }

  kill(): Promise<unknown> {
    return this.#child.kill()
  }

  end(how: 'halt' | 'stop'): Promise<unknown> {
    this.#child.send({ id: 0, request: jsonForm(t('end', how)) })
    return within(endMs, this.#child.ended, `the end by ${how}`)
  }

  suspend(): Promise<void> {
    return this.#child.suspend()
  }

  resume(): void {
    this.#child.resume()
  }
}
