/**
 * The nodes of a soak and the ways between them: each in an OS process of its own, over mutual TLS, and for each that dials another a TCP
 * proxy that does what networks do.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/clock.js'
import type { ClusterSpecInput } from '../../src/cluster/spec-schema.js'
import { epmdNode } from '../../src/dist/epmd-messages.js'
import { systemEntropy } from '../../src/entropy.js'
import { EpmdClient } from '../../src/net/epmd-client.js'
import { EpmdServer } from '../../src/net/epmd-server.js'
import { ChaosProxy, type Conditions } from '../support/chaos-proxy.js'
import { projectFolder } from '../support/fresh-build.js'
import type { MemberOptions } from './member.js'
import { type Kind, type MemberProcess, startErlangMember, startReign } from './member-process.js'
import type { Fault } from './plan.js'

export interface FieldOptions {
  readonly kinds: readonly Kind[]
  readonly seed: number
  readonly tickTimeMs: number
  /** Messages of each sender in a second. */
  readonly perSecond: number
  /** What a test has planted on the first node. */
  readonly plant?: MemberOptions['plant']
}

/** A node, run after run. */
export class Member {
  readonly index: number
  readonly kind: Kind
  readonly name: string
  readonly alive: string
  /** The run that there is; `undefined` between two. */
  run: MemberProcess | undefined
  runs = 0
  suspended = false

  constructor(index: number, kind: Kind) {
    this.index = index
    this.kind = kind
    this.alive = `${kind}${index}`
    this.name = `${this.alive}@127.0.0.1`
  }

  /** Whether it can be asked. */
  get answers(): boolean {
    return this.run !== undefined && !this.suspended
  }

  /** Resident memory of its OS process, in bytes; Linux alone knows. */
  get rssBytes(): number | undefined {
    try {
      const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.run?.process.pid}/status`, 'utf8')) ?? []
      return kib === undefined ? undefined : Number(kib) * 1_024
    } catch {
      return undefined
    }
  }
}

/** See the head of this file. */
export class Field implements AsyncDisposable {
  readonly members: readonly Member[]
  readonly #options: FieldOptions
  readonly #folder: string
  /** By who dials, and who is dialled. */
  readonly #ways: readonly (readonly ChaosProxy[])[]
  /** A port mapper for each node of Erlang, which says of all others that they are where the proxies are. */
  readonly #epmds: readonly (EpmdServer | undefined)[]
  readonly #cleanups: (() => void)[] = []
  /** Told when a node has ended by itself. */
  onEnd: (member: Member, report: string) => void = () => {}

  private constructor(
    options: FieldOptions,
    members: readonly Member[],
    folder: string,
    ways: readonly (readonly ChaosProxy[])[],
    epmds: readonly (EpmdServer | undefined)[],
  ) {
    this.#options = options
    this.members = members
    this.#folder = folder
    this.#ways = ways
    this.#epmds = epmds
  }

  static async make(options: FieldOptions): Promise<Field> {
    const members = options.kinds.map((kind, index) => new Member(index, kind))
    const folder = mkdtempSync(join(tmpdir(), 'reign-soak-'))
    const cli = join(projectFolder, 'lib', 'cli', 'main.js')
    const names = members.map(({ name }) => name)
    execFileSync(process.execPath, [cli, 'init', ...names, '--dir', join(folder, 'cluster')], { stdio: 'ignore' })
    const proxies = (near: number) =>
      Promise.all(members.map((_, far) => ChaosProxy.start({ seed: options.seed + near * 100 + far })))
    const ways = await Promise.all(members.map((_, near) => proxies(near)))
    const epmd = { port: 0, clock: systemClock, entropy: systemEntropy }
    const epmds = await Promise.all(
      options.kinds.map((kind) => (kind === 'erlang' ? EpmdServer.listen(epmd) : undefined)),
    )
    const field = new Field(options, members, folder, ways, epmds)
    await Promise.all(members.map((member) => field.#direct(member)))
    return field
  }

  /** Registers all others with the port mapper of a node of Erlang. */
  async #direct({ index }: Member): Promise<void> {
    const epmd = this.#epmds[index]
    if (epmd === undefined) return
    const client = new EpmdClient({ port: epmd.port, clock: systemClock })
    for (const other of this.members) {
      if (other.index === index) continue
      const node = epmdNode(other.alive, this.#way(index, other.index).endpoint.port)
      const registration = await client.register('127.0.0.1', node)
      this.#cleanups.push(() => registration.close())
    }
  }

  #way(near: number, far: number): ChaosProxy {
    return this.#ways[near]?.[far] as ChaosProxy
  }

  /** Starts a node that does not run. */
  async start(member: Member): Promise<void> {
    const run = await this.#start(member)
    member.run = run
    member.suspended = false
    member.runs++
    this.#aim(member, run.port)
    void run.process.ended.then(() => {
      if (member.run === run) this.onEnd(member, run.process.report(`${member.name} has ended by itself`))
    })
  }

  #start({ index, kind, name, alive, runs }: Member): Promise<MemberProcess> {
    const { tickTimeMs, perSecond, plant } = this.#options
    const file = (file: string) => readFileSync(join(this.#folder, 'cluster', file), 'utf8')
    const others = this.members.filter((each) => each.index !== index)
    const seed = this.#options.seed * 1_000 + index * 100 + runs
    const common = { name, others: others.map((other) => other.name), seed, perSecond }
    if (kind === 'erlang') {
      const epmd = this.#epmds[index] as EpmdServer
      return startErlangMember({
        ...common,
        tickTimeMs,
        cookie: file('cookie'),
        epmdPort: epmd.port,
        tls: join(this.#folder, 'cluster', `${name}.erlang.conf`),
        registered: () => epmd.nodes.find((node) => node.alive === alive)?.port,
      })
    }
    const dialled = others.map((other) => [other.name, { address: this.#way(index, other.index).endpoint.text }])
    const cluster: ClusterSpecInput = {
      nodes: {
        [name]: {
          address: this.#way((index + 1) % this.members.length, index).endpoint.text,
          listen: '127.0.0.1:0',
          cert: file(`${name}.pem`),
          key: file(`${name}.key`),
        },
        ...Object.fromEntries(dialled),
      },
      ca: file('ca.pem'),
      cookie: file('cookie'),
      epmd: 'off',
      tickTimeMs,
    }
    return startReign({ ...common, cluster, plant: index === 0 ? plant : undefined })
  }

  /** Lets all ways to a node lead there. */
  #aim(member: Member, port: number | undefined): void {
    const target = port === undefined ? undefined : { host: '127.0.0.1', port }
    for (const { index } of this.members) {
      if (index !== member.index) this.#way(index, member.index).target = target
    }
  }

  /** Lets something go wrong. Resolves with what puts it right again. */
  async befall({ kind, nodes }: Fault, lagMs: number): Promise<() => Promise<void>> {
    const [one, other] = nodes.map((index) => this.members[index]) as [Member, Member]
    const nothing: Conditions = { passes: 'nothing' }
    switch (kind) {
      case 'kill': {
        await this.kill(one)
        return () => this.start(one)
      }
      case 'stop': {
        one.suspended = true
        await one.run?.process.suspend()
        return async () => {
          one.run?.process.resume()
          one.suspended = false
        }
      }
      case 'cut':
        return this.#impair(this.#between(one, other), nothing)
      case 'cutOneWay':
        return this.#impairOneWay(one, other, nothing)
      case 'isolate': {
        const ways = this.members.filter((each) => each !== one).flatMap((each) => this.#between(one, each))
        return this.#impair(ways, nothing)
      }
      case 'lag':
        return this.#impair(this.#between(one, other), { delayMs: lagMs, jitterMs: lagMs / 2 })
      case 'reset': {
        for (const way of this.#between(one, other)) way.reset()
        return async () => {}
      }
    }
  }

  #between(one: Member, other: Member): ChaosProxy[] {
    return [this.#way(one.index, other.index), this.#way(other.index, one.index)]
  }

  #impair(ways: readonly ChaosProxy[], conditions: Conditions): () => Promise<void> {
    for (const way of ways) way.impair(conditions)
    return async () => {
      for (const way of ways) way.heal()
    }
  }

  /** What the one sends does not get to the other. */
  #impairOneWay(one: Member, other: Member, conditions: Conditions): () => Promise<void> {
    const ways = this.#between(one, other) as [ChaosProxy, ChaosProxy]
    ways[0].impair(conditions, 'there')
    ways[1].impair(conditions, 'back')
    return async () => {
      for (const way of ways) way.heal()
    }
  }

  async kill(member: Member): Promise<void> {
    const { run } = member
    member.run = undefined
    this.#aim(member, undefined)
    await run?.process.kill()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map((member) => this.kill(member)))
    for (const clean of this.#cleanups) clean()
    await Promise.all(this.#epmds.map((epmd) => epmd?.close()))
    await Promise.all(this.#ways.flat().map((way) => way[Symbol.asyncDispose]()))
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
