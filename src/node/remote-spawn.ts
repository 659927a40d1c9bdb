/**
 * Spawning across nodes: what others ask us to run, and what we ask of them.
 *
 * Protocol: SPAWN_REQUEST and SPAWN_REPLY. A request is always answered, as Erlang's `spawn/4` waits for it; the
 * reference of a request is the reference of the monitor that it asks for.
 */
import { ReignError } from '../errors.js'
import type { Entity } from '../process/entity.js'
import type { Host } from '../process/host.js'
import { ranThrough } from '../process/outflow.js'
import { Process } from '../process/process.js'
import type { RemoteRequest, RemoteSpawner } from '../process/remote-spawner.js'
import type { Signal } from '../signal.js'
import { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import type { Exposed } from './exposed.js'

const notsup = Symbol.for('notsup')
const badopt = Symbol.for('badopt')
const link = Symbol.for('link')
const monitorOption = Symbol.for('monitor')

type SpawnRequest = Signal & { op: 'spawn' }
type SpawnAnswer = Signal & { op: 'spawned' }

/** How a process on another node is tied to the one that asked for it. */
export interface RemoteSpawnOptions {
  link?: boolean | undefined
  monitor?: boolean | undefined
}

interface Pending {
  readonly caller: Entity
  readonly node: string
  readonly name: string
  readonly started: RemoteRequest['started']
  readonly refused: RemoteRequest['refused']
}

/** See the head of this file. */
export class RemoteSpawn implements RemoteSpawner {
  readonly #host: Host
  readonly #exposed: Exposed
  readonly #start: (run: (self: Process) => unknown, name: string) => Process
  readonly #pending = new Map<Ref, Pending>()

  /** @param start Makes a process and lets it begin once the present turn of work is done. */
  constructor(host: Host, exposed: Exposed, start: (run: (self: Process) => unknown, name: string) => Process) {
    this.#host = host
    this.#exposed = exposed
    this.#start = start
  }

  // --- asked of us ------------------------------------------------------------------------------------------------

  /** Runs what is exposed under that name, or says `notsup`. */
  asked(request: SpawnRequest): void {
    const { from, ref, args, options } = request
    const answer = (result: Address<never> | symbol, ties: { linked: boolean; monitored: boolean }) =>
      this.#host.signal(from.node, { op: 'spawned', ref, to: from, ...ties, result })
    const none = { linked: false, monitored: false }
    const run = this.#exposed.find(request.function.module, request.function.function)
    if (run === undefined) return answer(notsup, none)
    if (!Array.isArray(options) || !Array.isArray(args)) return answer(badopt, none)
    const { module, function: name } = request.function
    const apply = run as (this: Process, ...args: readonly unknown[]) => unknown
    const process = this.#start(
      (self) => ranThrough(self, apply.call(self, ...args)),
      `${module}:${name}/${args.length}`,
    )
    process.groupLeader = request.groupLeader
    const ties = { linked: options.includes(link), monitored: options.includes(monitorOption) }
    // The ties are there before the answer is, and the process begins after both: it cannot end unnoticed.
    if (ties.linked) process.accept({ op: 'link', from, to: process.self })
    if (ties.monitored) process.accept({ op: 'monitor', from, to: process.self, ref })
    answer(process.self, ties)
  }

  // --- asked by us ------------------------------------------------------------------------------------------------

  /**
   * Runs a function of another node there, as a process.
   *
   * @throws `ERR_REIGN_SPAWN` when that node refuses (the error's `cause` is its atom: `notsup`, `system_limit`, …) or is out of reach.
   */
  ask(
    caller: Entity,
    node: string,
    module: string,
    name: string,
    args: readonly unknown[],
    options: RemoteSpawnOptions = {},
  ): Promise<{ address: Address<never>; ref: Ref }> {
    return new Promise((resolve, reject) => {
      this.request(caller, {
        node,
        module,
        name,
        args,
        link: options.link,
        monitor: options.monitor,
        started: (address, ref) => resolve({ address, ref }),
        refused: reject,
      })
    })
  }

  request(caller: Entity, request: RemoteRequest): Ref {
    const { node, module, name, args, take } = request
    const ref = this.#host.addressBook.makeRef()
    const from = caller.self
    const monitor = request.monitor === true || take !== undefined
    const { started, refused } = request
    this.#pending.set(ref, { caller, started, refused, node, name: `${module}:${name}/${args.length} on ${node}` })
    if (monitor) caller.expectMonitor(ref, node, take)
    const options = [...(request.link ? [link] : []), ...(monitor ? [monitorOption] : [])]
    const groupLeader = caller instanceof Process ? caller.groupLeader : this.#host.groupLeader
    const fun = { module, function: name, arity: args.length }
    try {
      this.#host.signal(node, { op: 'spawn', ref, from, groupLeader, function: fun, args, options })
    } catch (error) {
      this.#pending.delete(ref)
      caller.forgetMonitor(ref)
      throw error
    }
    return ref
  }

  /** The answer has come, or the connection is lost (`noconnection`). */
  answered(answer: SpawnAnswer): void {
    const pending = this.#pending.get(answer.ref)
    if (pending === undefined || (answer.by !== undefined && answer.by !== pending.node)) return
    this.#pending.delete(answer.ref)
    const { caller, started, refused } = pending
    if (!(answer.result instanceof Address)) {
      caller.forgetMonitor(answer.ref)
      const reason = answer.result.description ?? ''
      refused?.(
        new ReignError('ERR_REIGN_SPAWN', `${pending.name} was not started: ${reason}`, { cause: answer.result }),
      )
      return
    }
    if (!caller.alive) {
      // The caller ended meanwhile: its link ends the new process, as it would have; who waited on its behalf is told.
      refused?.(caller.endError(caller.exitReason))
      if (answer.monitored) caller.monitorIs(answer.ref, answer.result)
      if (answer.linked) {
        const exit = { from: caller.self, to: answer.result, reason: caller.exitReason }
        this.#host.signal(pending.node, { op: 'link-exit', ...exit })
      }
      return
    }
    if (answer.linked) caller.accept({ op: 'link', from: answer.result, to: caller.self })
    if (answer.monitored) caller.monitorIs(answer.ref, answer.result)
    started?.(answer.result, answer.ref)
  }

  /** The connection to a node is lost: what is pending there will never be answered. */
  disconnected(node: string): void {
    for (const [ref, { node: asked, caller }] of this.#pending) {
      if (asked !== node) continue
      const result = Symbol.for('noconnection')
      this.answered({ op: 'spawned', ref, to: caller.self, linked: false, monitored: false, result })
    }
  }
}
