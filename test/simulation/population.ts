/** Who lives where: the runs of the nodes, and the inhabitants of each, now and formerly. */
import type { Node } from '../../src/cluster/node.js'
import type { Process } from '../../src/process/process.js'
import type { Simulation } from '../../src/testing/simulation.js'
import type { Inhabitant, Ledger, Run } from './ledger.js'
import { Violation } from './violation.js'

/** Inhabitants of each node. */
const perNode = 4
/** Timers are set in whole milliseconds, and are late by up to so much. */
const timerMs = 1.001

/** What a population needs. */
export interface PopulationParts {
  readonly simulation: Simulation
  readonly ledger: Ledger
  readonly names: readonly string[]
  /** Called with each new run, before anybody moves in. */
  readonly furnish: (node: Node) => void
  /** An inhabitant hears something. */
  readonly hears: (who: Inhabitant, message: unknown) => void
}

/** See the head of this file. */
export class Population {
  readonly runs = new Map<string, Run>()
  readonly places = new Map<string, Inhabitant>()
  /** All that have ever lived at a place. */
  readonly former = new Map<string, Inhabitant[]>()
  /** When the program of each machine last went on after it had stood still, in virtual milliseconds. */
  readonly thawedAt = new Map<string, number>()
  readonly #parts: PopulationParts

  constructor(parts: PopulationParts) {
    this.#parts = parts
  }

  get living(): Inhabitant[] {
    return [...this.places.values()].filter(({ alive }) => alive)
  }

  /** A run has begun: inhabitants move in. */
  started(name: string): void {
    const node = this.#parts.simulation.node(name)
    const previous = this.runs.get(name)
    if (previous !== undefined) previous.over = true
    const run: Run = { node, over: false, leaving: false }
    this.runs.set(name, run)
    this.#parts.furnish(node)
    for (let n = 0; n < perNode; n++) this.#moveIn(run, n)
  }

  #moveIn(run: Run, n: number): void {
    const { node } = run
    const place = `${node.name}/${n}`
    let made: Inhabitant | undefined
    node.spawn({ name: `inhabitant-${n}` }, async (self: Process<unknown>) => {
      // Most of them live through the ends of others, and can tell of them.
      self.trapExit = n > 0
      made = this.#parts.ledger.moveIn(place, run, self)
      this.places.set(place, made)
      const before = this.former.get(place)
      if (before === undefined) this.former.set(place, [made])
      else before.push(made)
      node.monitorNodes(self)
      for await (const message of self) this.#parts.hears(made, message)
    })
  }

  /** The runs of nodes that do not run are over, but for those that are coming to their end. */
  settle(before: Iterable<readonly [string, Run]> = this.runs): void {
    for (const [name, run] of before) if (!run.leaving && !this.#parts.simulation.runs(name)) run.over = true
  }

  /** The one whose number in a plan this is; `undefined` when nobody is there who could do or hear anything. */
  at(number: number): Inhabitant | undefined {
    const { names } = this.#parts
    const name = names[number % names.length] as string
    return this.places.get(`${name}/${Math.floor(number / names.length) % perNode}`)
  }

  /**
   * That something which was due happens now is neither early nor late: late only if the program stood still meanwhile.
   *
   * @param of The node that it happens on.
   */
  happensInTime(what: string, of: string, setMs: number, dueMs: number): void {
    const { now } = this.#parts.simulation
    if (now < dueMs - 0.001) throw new Violation(`F27: ${what} at ${of} is ${dueMs - now} ms early`)
    const stoodStill = (this.thawedAt.get(of) ?? Number.NEGATIVE_INFINITY) >= setMs
    if (now > dueMs + timerMs && !stoodStill) throw new Violation(`F27: ${what} at ${of} is ${now - dueMs} ms late`)
  }

  /** Whether somebody can do anything: not one who has ended, nor on a node that stands still. */
  acts(by: Inhabitant): boolean {
    return by.alive && !this.isFrozen(by.run)
  }

  isFrozen({ node, over }: Run): boolean {
    return !over && this.#parts.simulation.network.machine(node.name).isFrozen
  }

  /** The place of one who has ended is taken by somebody else, if its node runs: that is what ends and restarts do. */
  succeed(gone: Inhabitant): void {
    const { run, place, alive } = gone
    if (alive || run.over || !this.#parts.simulation.runs(run.node.name) || this.isFrozen(run)) return
    this.#moveIn(run, Number(place.split('/')[1]))
  }
}
