/** The nodes of a soak as whoever runs it sees them: OS processes of two kinds that answer the same questions. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type ErlangNode, startErlang } from '../interop/erl.js'
import { ChildNode } from '../support/child-node.js'
import { deadlineMs, eventually, within } from '../support/deadline.js'
import { type Ending, OsProcess } from '../support/os-process.js'
import type { View } from './claims.js'
import type { MemberOptions } from './member.js'

export type Kind = 'reign' | 'erlang'

/** What all members can be asked. */
export interface Answers {
  nodes: readonly string[]
  still: null
  go: null
  mark: null
  status: Status
  rest: { readonly outstanding: number; readonly pending: number }
  tails: {
    readonly said: readonly { readonly other: string; readonly sender: string; readonly total: number }[]
    readonly heard: readonly { readonly sender: string; readonly total: number }[]
  }
  views: { readonly truth: View; readonly view: View }
  holdings: Readonly<Record<string, number>>
  memory: { readonly used: number }
}

export interface Status {
  readonly violations: readonly string[]
  readonly sent: number
  readonly heard: number
  readonly lost: number
  readonly notices: Readonly<Record<string, number>>
  readonly calls: Readonly<Record<string, number>>
  readonly logged: Readonly<Record<string, number>>
}

/** One run of a node. */
export interface MemberProcess {
  readonly process: OsProcess
  /** Where it listens. */
  readonly port: number
  ask<K extends keyof Answers>(question: K): Promise<Answers[K]>
  /** Ends it as an operator would. */
  stop(): Promise<Ending>
}

/** Starts a node of reign. */
export async function startReign(options: MemberOptions): Promise<MemberProcess> {
  const file = fileURLToPath(new URL('member.js', import.meta.url))
  const child = new ChildNode(
    new OsProcess(process.execPath, { args: ['--expose-gc', file, JSON.stringify(options)], beyond: ['ipc'] }),
  )
  await child.expect((message: { ready?: boolean }) => message.ready === true, deadlineMs)
  let requests = 0
  const ask = async (operation: string) => {
    const id = ++requests
    child.send({ id, operation })
    type Reply = { id: number; result?: unknown; error?: string }
    const reply = await child.expect((message: Reply) => message.id === id, deadlineMs)
    if (reply.error !== undefined) throw new Error(`${options.name}: ${operation}: ${reply.error}`)
    return reply.result as never
  }
  const port = Number(await ask('port'))
  const stop = () => {
    child.process.signal('SIGTERM')
    return within(deadlineMs, child.ended, `${options.name} to stop`)
  }
  return { process: child.process, port, ask, stop }
}

/** What a node of Erlang is started with. */
export interface ErlangMemberOptions {
  readonly name: string
  readonly cookie: string
  readonly epmdPort: number
  /** The path of an `-ssl_dist_optfile`. */
  readonly tls: string
  readonly others: readonly string[]
  readonly seed: number
  readonly perSecond: number
  readonly tickTimeMs: number
  /** Where its port mapper says that it listens. */
  readonly registered: () => number | undefined
}

/** Starts a node of Erlang. */
export async function startErlangMember(options: ErlangMemberOptions): Promise<MemberProcess> {
  const { name, cookie, epmdPort, tls, others, seed, perSecond, tickTimeMs, registered } = options
  const erl: ErlangNode = await startErlang({
    ...{ name, cookie, epmdPort, tls },
    args: ['-kernel', 'net_ticktime', String(tickTimeMs / 1_000), 'logger_level', 'none'],
    code: { soak_member: await readFile(new URL('soak_member.erl', import.meta.url), 'utf8') },
    deadlineMs,
  })
  const atoms = others.map((other) => `'${other}'`)
  await erl.eval(`soak_member:start([${atoms}], ${seed}, ${perSecond})`)
  const port = await eventually(registered, deadlineMs, `${name} at the port mapper`)
  const ask = async (operation: string) =>
    JSON.parse((await erl.bytes(`soak_member:${operation}()`, { deadlineMs })).toString())
  return { process: erl.process, port, ask, stop: () => erl.stop() }
}
