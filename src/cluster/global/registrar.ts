/**
 * Changes of names that this node makes: each under a lock on all nodes that it knows, and told to all of them. One after the other, by a
 * process, as it is processes that hold locks.
 */
import { ReignError, TimeoutError } from '../../errors.js'
import type { LocalNode } from '../../node/local-node.js'
import type { Process } from '../../process/process.js'
import type { Address } from '../../term/address.js'
import type { LockTable } from './lock-table.js'
import { deleteLock, deleteLockBossLast, multiCall, setLock } from './multi-call.js'
import { bossOf, type LockId, word } from './terms.js'

/** What a {@link Registrar} needs of its server. */
export interface RegistrarServer {
  readonly locks: LockTable
  /** The nodes that share their names with this one. */
  readonly known: readonly string[]
}

interface Job {
  /** Once all nodes are locked: what is to be asked of each; `undefined` for nothing. */
  readonly request: () => readonly unknown[] | undefined
  done(asked: boolean): void
  failed(error: unknown): void
}

/** See the head of this file. */
export class Registrar {
  readonly #node: LocalNode
  readonly #server: RegistrarServer
  readonly #process: Address<unknown>
  readonly #jobs: Job[] = []
  #over = false

  constructor(node: LocalNode, server: RegistrarServer) {
    this.#node = node
    this.#server = server
    this.#process = node.spawn((self: Process<unknown>) => this.#work(self))
  }

  /**
   * Asks something of all nodes, itself included, once they are locked, however long that takes.
   *
   * @param request Called when they are; `undefined` leaves it at that.
   * @returns Whether there was something to ask.
   * @throws `ERR_REIGN_NODE_STOPPED` when the node stops before that.
   */
  ask(request: Job['request']): Promise<boolean> {
    return new Promise((done, failed) => {
      if (this.#over) return failed(this.#stopped())
      this.#jobs.push({ request, done, failed })
      this.#process.send(undefined)
    })
  }

  async #work(self: Process<unknown>): Promise<void> {
    try {
      for (;;) {
        await self.receive()
        for (let job = this.#jobs[0]; job !== undefined; job = this.#jobs[0]) {
          job.done(await this.#carryOut(self, job))
          this.#jobs.shift()
        }
      }
    } finally {
      this.#over = true
      for (const job of this.#jobs) job.failed(this.#stopped())
    }
  }

  async #carryOut(self: Process<unknown>, { request }: Job): Promise<boolean> {
    const id: LockId = { resource: word.global, requester: self.address }
    const nodes = await this.#lockAll(self, id)
    const asked = request()
    // Who has been lost since it was locked is no more of this part, though it may be back: it is not to be told.
    const told = nodes.filter((node) => node === this.#node.name || this.#server.known.includes(node))
    if (asked !== undefined) await multiCall(self, told, asked)
    await deleteLockBossLast(self, id, nodes)
    return asked !== undefined
  }

  async #lockAll(self: Process<unknown>, id: LockId): Promise<readonly string[]> {
    for (let tries = 0; ; tries++) {
      const nodes = await this.#tryLockAll(self, id)
      if (nodes !== undefined) return nodes
      // Others try too: later and later, and not in step.
      const upToMs = Math.min(8_000, 125 * 2 ** tries)
      await sleep(self, 1 + (this.#node.entropy.uint32() % upToMs))
    }
  }

  async #tryLockAll(self: Process<unknown>, id: LockId): Promise<readonly string[] | undefined> {
    const { locks } = this.#server
    const { known } = this.#server
    const nodes = [this.#node.name, ...known]
    const boss = bossOf(nodes)
    if ((await setLock(self, locks, id, [boss])) === undefined) return undefined
    const locked = await setLock(self, locks, id, nodes)
    // Who has become known meanwhile is not locked.
    if (locked !== undefined && this.#server.known.every((node) => known.includes(node))) return locked
    await deleteLock(self, id, locked ?? [boss])
    return undefined
  }

  #stopped(): ReignError {
    return new ReignError('ERR_REIGN_NODE_STOPPED', `the node ${this.#node.name} has stopped`)
  }
}

async function sleep(self: Process<unknown>, ms: number): Promise<void> {
  try {
    await self.receive(() => false, { timeout: ms })
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error
  }
}
