/** One scenario in one placement: plays its script, and says what was seen. */
import { DeadlineError } from '../support/deadline.js'
import type { Actor } from './actor.js'
import { Names } from './names.js'
import type { NodeHandle } from './node-handle.js'
import type { Scenario, Stage } from './scenario.js'
import { type Term, t } from './term.js'

/** How long a script waits for what is to happen, in milliseconds. Nothing in a scenario takes longer than a restart. */
const waitMs = 8_000

/** The script waited for something that did not come about. */
class Stuck extends Error {}

/** See the head of this file. */
export class Run {
  readonly names = new Names()
  readonly actors: Actor[] = []
  readonly nodes: NodeHandle[] = []
  readonly #notes: string[] = []
  readonly #steps: string[] = []
  #references = 0
  #failure: string | undefined

  /** Plays the script, then lets everything that is under way arrive. */
  async play(scenario: Scenario, stage: Stage): Promise<void> {
    try {
      await scenario.script(stage)
      await this.#settle(scenario.options.endsApart ?? false)
    } catch (error) {
      this.#failure = error instanceof Stuck ? error.message : `failed: ${(error as Error).stack}`
    }
  }

  /** Why the script did not come to its end, if it did not. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** What the script has done so far: for whoever reads a failure. */
  get steps(): readonly string[] {
    return this.#steps
  }

  /** What was seen: results of commands in the order of the script, the events of each actor, its links and monitors now. */
  async sample(): Promise<string[]> {
    const lines = this.#notes.map((note) => withSortedMembers(this.names.symbolic(note)))
    for (const actor of this.actors) lines.push(...(await this.#linesOf(actor)))
    if (this.#failure !== undefined) lines.push(this.#failure)
    return lines
  }

  async #linesOf(actor: Actor): Promise<string[]> {
    const { label, node } = actor
    if (actor.lost) return [`${label}: lost with its node`]
    const events = (await node.ask(t('events', actor.tag))).map((line) => {
      const symbolic = this.names.symbolic(line)
      return /^(join|leave) /.test(symbolic) ? withSortedMembers(symbolic) : symbolic
    })
    for (const [from, to] of actor.unordered) {
      const stretch = events.slice(from, to).sort()
      events.splice(from, stretch.length, ...stretch)
    }
    const state = (await node.ask(t('state', actor.tag))).map((line) => this.names.symbolic(line)).sort()
    return [...events.map((line) => `${label}: ${line}`), ...state.map((line) => `${label} has ${line}`)]
  }

  /** @internal */
  nextReference(): string {
    return `ref${++this.#references}`
  }

  /** @internal Part of what is compared. */
  note(line: string): void {
    this.#notes.push(line)
  }

  /** @internal Part of the log only. */
  step(line: string): void {
    this.#steps.push(line)
  }

  /** @internal */
  async wait(node: NodeHandle, condition: Term & { elements: readonly Term[] }, what: string): Promise<void> {
    this.step(`until ${what}`)
    const [, name] = condition.elements
    try {
      await node.ask(t('wait', name as Term, condition), waitMs)
    } catch (error) {
      throw error instanceof DeadlineError ? new Stuck(`stuck: never came that ${what}`) : error
    }
  }

  /** Lets each actor meet each other one: what was under way between them has arrived then. */
  async #settle(endsApart: boolean): Promise<void> {
    const alive: Actor[] = []
    for (const actor of this.actors) {
      if (actor.lost) continue
      const events = await actor.node.ask(t('events', actor.tag))
      if (!/^(ended |no such actor)/.test(events.at(-1) ?? '')) alive.push(actor)
    }
    for (const actor of alive) {
      const others = alive.filter((other) => other !== actor && (!endsApart || other.node === actor.node))
      if (others.length === 0) continue
      await actor.batch((batch) => {
        for (const other of others) batch.sync(other)
      })
    }
  }
}

/** Nothing is promised of the order in which the members of a group are listed. */
function withSortedMembers(line: string): string {
  return line.replace(
    /\[(<[^<>]*>(?:,<[^<>]*>)*)\]/g,
    (_, members: string) => `[${members.split(',').sort().join(',')}]`,
  )
}
