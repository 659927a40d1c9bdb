/** Children whose every start and end a test can plan, and sees. */
import {
  type AnyChildSpec,
  type Supervisor,
  type SupervisorDefinition,
  startable,
  supervisor,
} from '../../src/behaviour/index.js'
import { type Address, atom, type Exit, ExitError } from '../../src/index.js'
import type { Logger } from '../../src/logger.js'
import { silent } from '../../src/logger.js'
import { Stage } from '../process/puppet.js'

/** What comes of the next starts of a child: `run`, unless something else is planned. */
export type Plan = 'run' | 'ignore' | 'hang' | { fails: unknown }

/** See the head of this file. */
export class Nursery implements AsyncDisposable {
  readonly stage: Stage
  /** `+a`: a has started; `-a`: a has ended as it was asked to; `!a`: it did not start. */
  readonly journal: string[] = []
  readonly logged: { level: string; text: string; fields: Record<string, unknown> }[] = []
  readonly plans = new Map<string, Plan[]>()
  /** Those that do not end when they are asked to. */
  readonly stubborn = new Set<string>()
  /** With what those end that are asked to, where that is not `shutdown`. */
  readonly lastWords = new Map<string, unknown>()
  readonly #living = new Map<string, Address<unknown>>()

  private constructor(stage: Stage) {
    this.stage = stage
  }

  static async open(): Promise<Nursery> {
    const keep = (level: string) => (fields: object, text: string) => {
      nursery.logged.push({ level, text, fields: fields as Record<string, unknown> })
    }
    const logger = { ...silent, debug: keep('debug'), warn: keep('warn'), error: keep('error') } as Logger
    const nursery: Nursery = new Nursery(await Stage.open({ logger }))
    return nursery
  }

  /** A child of that name. */
  readonly worker = startable(async function worker(this: unknown, self, starting, nursery: Nursery, name: string) {
    self.trapExit = true
    const plan = nursery.plans.get(name)?.shift() ?? 'run'
    if (plan === 'ignore') starting.ignore()
    if (plan === 'hang') await self.receive(() => false)
    if (typeof plan === 'object') {
      nursery.journal.push(`!${name}`)
      throw new ExitError(plan.fails)
    }
    nursery.journal.push(`+${name}`)
    nursery.#living.set(name, self.address)
    starting.ack()
    for (;;) {
      const message = (await self.receive()) as Exit | { exit: unknown } | { throws: unknown }
      if ('exit' in message) throw new ExitError(message.exit)
      if ('throws' in message) throw message.throws
      if (nursery.stubborn.has(name)) continue
      nursery.journal.push(`-${name}`)
      throw new ExitError(nursery.lastWords.get(name) ?? message.reason)
    }
  })

  /** The specification of a child of that name. */
  spec(id: string, more: Partial<AnyChildSpec> = {}): AnyChildSpec {
    return { id, start: this.worker, args: [this, id], ...more }
  }

  /** A supervisor of these, started alone. */
  async supervisor(
    children: readonly AnyChildSpec[],
    more: Omit<SupervisorDefinition, 'children'> = {},
  ): Promise<Supervisor> {
    return (await this.stage.node.start(supervisor(() => ({ ...more, children })))) as Supervisor
  }

  /** Who has that name now, or had it last. */
  address(name: string): Address<unknown> {
    const address = this.#living.get(name)
    if (address === undefined) throw new Error(`${name} has never started`)
    return address
  }

  /** Lets one end with a reason, and all that follows happen. */
  async end(name: string, reason: unknown): Promise<void> {
    this.address(name).send({ exit: reason })
    await this.stage.settle()
  }

  alive(...names: string[]): boolean[] {
    return names.map((name) => this.stage.node.isAlive(this.address(name)))
  }

  isAlive(supervisor: Supervisor): boolean {
    return this.stage.node.isAlive(supervisor.address)
  }

  /** What was written in the journal since the last look. */
  news(): string {
    return this.journal.splice(0).join(' ')
  }

  texts(): string[] {
    return this.logged.filter(({ level }) => level !== 'debug').map(({ text }) => text)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stage[Symbol.asyncDispose]()
  }
}

export const normal: symbol = atom('normal')
export const shutdown: symbol = atom('shutdown')
export const crash: symbol = atom('crash')
