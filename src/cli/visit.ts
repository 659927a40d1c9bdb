/** A command's own node: who it is in the cluster, and how it reaches the others. */
import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import type { Node } from '../cluster/node.js'
import { ReignError, type ReignErrorCode } from '../errors.js'
import { CommandLog } from './command-log.js'
import type { CommandContext } from './context.js'
import { type Deadline, within } from './deadline.js'
import { type HeldLock, isHeld, type TakenLock, takeLock } from './name-lock.js'
import { identityOf, type Roster, readRoster, usableVisitors } from './roster.js'

/** What every command that visits a cluster is told. */
export interface VisitOptions {
  /** The folder of the cluster, or its `cluster.json`. */
  readonly dir: string
  /** Which visitor to be. */
  readonly as?: string
  /** Milliseconds to wait for a connection, and for an answer. */
  readonly timeout: number
}

const timeoutMsDefault = 5_000

/** How long to wait for another command to be done with the visitor that both are, in milliseconds: most take less. */
const turnMs = 5_000

/** Adds the options that all such commands have. */
export function withVisitOptions(command: Command): Command {
  return command
    .option('-d, --dir <folder>', 'the folder of the cluster', 'cluster')
    .option('-a, --as <name>', 'the visitor to be (default: the first whose certificate and key are there)')
    .addOption(
      new Option('-t, --timeout <ms>', 'how long to wait for a connection, and for an answer')
        .default(timeoutMsDefault)
        .argParser(wholeNumber(1, 600_000)),
    )
}

/** Reads a whole number of an option. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d{1,9}$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`${JSON.stringify(text)} is not a whole number from ${min} to ${max}.`)
  }
}

/** See the head of this file. */
export class Visit implements AsyncDisposable {
  readonly node: Node
  readonly roster: Roster
  readonly deadline: Deadline
  readonly #log: CommandLog
  readonly #lock: HeldLock

  private constructor(node: Node, roster: Roster, deadline: Deadline, log: CommandLog, lock: HeldLock) {
    this.node = node
    this.roster = roster
    this.deadline = deadline
    this.#log = log
    this.#lock = lock
  }

  /**
   * Becomes a visitor of the cluster. Dials nobody yet.
   *
   * @throws `ERR_REIGN_CLUSTER_SPEC`, `ERR_REIGN_ARGUMENT` and `ERR_REIGN_CERTIFICATE` when there is no visitor to be; `ERR_REIGN_NAME_IN_USE` when
   *   another command is, and does not end; and as `Node.start`.
   */
  static async begin({ dir, as, timeout }: VisitOptions, context: CommandContext): Promise<Visit> {
    const { clock, stop } = context
    const roster = await readRoster(dir, context.cwd)
    const visitors = await usableVisitors(roster, as)
    const { name, lock } = await takeTurn(roster, visitors, { clock, stop, timeoutMs: turnMs })
    try {
      const { Node } = await import('../cluster/node.js')
      const { defaultLimits } = await import('../limits.js')
      const log = new CommandLog((line) => context.err(`reign: warning: ${line}\n`))
      const limits = { handshakeMs: Math.min(timeout, defaultLimits.handshakeMs) }
      const node = await Node.start(name, { cluster: roster.path, logger: log, dialMembers: false, limits })
      return new Visit(node, roster, { clock, stop, timeoutMs: timeout }, log, lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  }

  /**
   * Connects with a node, if there is no connection.
   *
   * @throws why there is none: `ERR_REIGN_UNREACHABLE`, `ERR_REIGN_TLS`, `ERR_REIGN_IDENTITY`, `ERR_REIGN_COOKIE`, `ERR_REIGN_HANDSHAKE`,
   *   `ERR_REIGN_HANDSHAKE_TIMEOUT`, `ERR_REIGN_TIMEOUT`.
   */
  async connect(node: string): Promise<void> {
    if (await within(this.deadline, this.node.connect(node), `a connection with ${node}`)) return
    const failure = this.#log.failure(node) ?? new ReignError('ERR_REIGN_UNREACHABLE', 'no reason is known')
    throw new ReignError(failure.code, `${failureTitle(failure.code, node)}: ${failure.message}`, { cause: failure })
  }

  /** Leaves the cluster: what was sent has left before it resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.node.stop()
    await this.#lock.release()
  }
}

function failureTitle(code: ReignErrorCode, node: string): string {
  switch (code) {
    case 'ERR_REIGN_UNREACHABLE':
      return `${node} cannot be reached`
    case 'ERR_REIGN_IDENTITY':
      return `somebody else than ${node} answers`
    default:
      return `no connection with ${node}`
  }
}

/** The first visitor that no other command is; if all are taken, the first that becomes free. */
export async function takeTurn(
  roster: Roster,
  names: readonly string[],
  deadline: Deadline,
): Promise<{ name: string; lock: HeldLock }> {
  const subjects = await Promise.all(names.map((name) => identityOf(roster, name)))
  for (const end = deadline.clock.now() + deadline.timeoutMs; ; ) {
    const taken: TakenLock[] = []
    try {
      for (const [index, name] of names.entries()) {
        const lock = await takeLock(subjects[index] ?? name)
        if (isHeld(lock)) return { name, lock }
        taken.push(lock)
      }
      const left = Math.max(0, end - deadline.clock.now())
      const released = Promise.race(taken.map((lock) => lock.released))
      await within({ ...deadline, timeoutMs: left }, released, 'another command').catch((error: unknown) => {
        if (error === deadline.stop.reason) throw error
        const list = names.join(', ')
        const text = `another command is ${list}, and goes on: wait for it, or make one more (\`reign cert --visitor\`)`
        throw new ReignError('ERR_REIGN_NAME_IN_USE', text)
      })
    } finally {
      for (const lock of taken) lock.forget()
    }
  }
}
