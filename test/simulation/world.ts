/**
 * A simulated cluster with inhabitants on its nodes, who do what a plan says, in the weather that it says, watched by a {@link Ledger}.
 */
import type { Node } from '../../src/cluster/node.js'
import type { Peers } from '../../src/cluster/peers.js'
import { Simulation } from '../../src/testing/simulation.js'
import { clearSky, type Deed, deedsOf } from '../../src/testing/weather.js'
import { Guests } from './guests.js'
import { Ledger, type Run, Violation } from './ledger.js'
import { nameOf, type Plan } from './plan.js'
import { Population } from './population.js'
import { type Calm, everybodyHears, namesAgree, tablesAgree } from './rest.js'
import { echo, Steps } from './steps.js'
import { knock } from './stranger.js'
import { Trees } from './trees.js'

/** How long everything may take to be as it should, once the weather is fine: in milliseconds. */
const meetMs = 150_000
const agreeMs = 5_000
/** So little may wait for a peer here, so that it is reached: in bytes. */
const limits = { outboxSoftBytes: 8 * 1024, outboxHardBytes: 128 * 1024 }

/** What came of a run. */
export interface Outcome {
  readonly hash: string
  readonly marks: ReadonlySet<string>
  /** Virtual milliseconds. */
  readonly ms: number
  readonly heard: number
  readonly lost: number
}

/** See the head of this file. */
export class World {
  readonly simulation: Simulation
  readonly ledger: Ledger
  readonly #plan: Plan
  readonly #names: readonly string[]
  readonly #population: Population
  readonly #steps: Steps
  readonly #guests: Guests
  readonly #trees: Trees
  #violation: unknown
  #passes = 0
  /** Processes of each node before anybody moves in. */
  readonly #empty = new Map<string, number>()

  constructor(plan: Plan) {
    this.#plan = plan
    this.#names = Array.from({ length: plan.nodes }, (_, index) => nameOf(index))
    this.simulation = new Simulation({
      seed: plan.seed,
      nodes: this.#names,
      spec: { tickTimeMs: plan.tickTimeMs },
      options: { limits },
      windowBytes: 16 * 1024,
    })
    const { simulation } = this
    const failed = (violation: unknown) => {
      this.#violation ??= violation
    }
    this.ledger = new Ledger((...what) => simulation.note(...what))
    const { ledger } = this
    this.#population = new Population({
      simulation,
      ledger,
      names: this.#names,
      furnish: (node) => this.#furnish(node),
      hears: (who, message) => {
        try {
          ledger.told(who, message)
        } catch (error) {
          failed(error)
        }
      },
    })
    const population = this.#population
    ledger.inTime = (...due) => population.happensInTime(...due)
    this.#steps = new Steps({ simulation, ledger, population, failed })
    this.#guests = new Guests({ simulation, ledger, population })
    this.#trees = new Trees({ simulation, ledger, population })
  }

  /** Does what the plan says, to the end. @throws {@link Violation} when a promise is not kept. */
  async perform(): Promise<void> {
    await this.#open()
    await this.#live()
    await this.#rest()
    await this.#close()
  }

  get outcome(): Outcome {
    const { simulation, ledger } = this
    const { marks, heardCount: heard, lostCount: lost } = ledger
    return { hash: simulation.traceHash, marks, ms: simulation.now, heard, lost }
  }

  async #open(): Promise<void> {
    for (const name of this.#names) {
      await this.simulation.start(name)
      this.#population.started(name)
    }
  }

  /** What every node has beside its inhabitants. */
  #furnish(node: Node): void {
    node.groups.scope()
    node.spawn({ name: 'echo-starter' }, async (self) => {
      await self.start({ name: 'echo' }, echo)
      await self.receive()
    })
    this.#empty.set(node.name, node.processes().length + 1)
  }

  // --- life ---------------------------------------------------------------------------------------------------------

  /** Everything that the plan has, at its time. */
  async #live(): Promise<void> {
    const { steps, faults, knocks, visits, treeSteps, minutes } = this.#plan
    const { simulation } = this
    const weather = deedsOf(simulation, faults, (name) => this.#population.started(name))
    const deeds: Deed[] = [
      ...steps.map((step) => ({ atMs: step.atMs, what: step.kind, perform: () => this.#steps.perform(step) })),
      ...weather.map((deed) => ({ ...deed, perform: () => this.#fault(deed) })),
      ...knocks.map(({ atMs, door, seed }) => {
        return { atMs, what: 'knock', perform: () => knock(simulation, nameOf(door), seed) }
      }),
      ...treeSteps.map((step) => ({ atMs: step.atMs, what: step.kind, perform: () => this.#trees.perform(step) })),
      ...visits.map((visit) => ({ atMs: visit.atMs, what: 'visit', perform: () => this.#guests.invite(visit) })),
    ]
    deeds.sort((a, b) => a.atMs - b.atMs)
    for (const { atMs, perform } of deeds) {
      await this.#pass(Math.max(0, atMs - simulation.now))
      await perform()
    }
    await this.#pass(Math.max(0, minutes * 60_000 - simulation.now))
  }

  async #pass(ms: number): Promise<void> {
    await this.simulation.run(ms)
    if (this.#violation !== undefined) throw this.#violation
    // Looking at all connections after each step would be most of what a run does.
    if (this.#passes++ % 8 > 0) return
    const bound = limits.outboxHardBytes + 64 * 1024
    for (const node of this.simulation.running) {
      for (const { peer, outbox } of peersOf(node).connected()) {
        if (outbox.bytesWaiting > bound) {
          throw new Violation(`P7: ${outbox.bytesWaiting} bytes wait at ${node.name} for ${peer.name}`)
        }
      }
    }
  }

  async #fault(deed: Deed): Promise<void> {
    const { runs } = this.#population
    const before = [...runs]
    const [what, name = ''] = deed.what.split(' ')
    if (what === 'stop' && this.simulation.runs(name)) (runs.get(name) as Run).leaving = true
    await deed.perform()
    if (what === 'thaw') this.#population.thawedAt.set(name, this.simulation.now)
    this.ledger.marks.add(`fault ${what}`)
    this.#population.settle(before)
  }

  // --- rest ---------------------------------------------------------------------------------------------------------

  /** The weather is fine again: soon everything is as it should be, to the last table. */
  async #rest(): Promise<void> {
    const { simulation, ledger } = this
    this.#population.settle()
    for (const name of this.#names) this.#population.thawedAt.set(name, simulation.now)
    await clearSky(simulation, (name) => this.#population.started(name))
    this.#guests.sendHome()
    const others = this.#names.length - 1
    await this.#within(meetMs, 'all nodes are connected', () =>
      simulation.running.every((node) => node.nodes().length === others),
    )
    await this.#pass(agreeMs)
    const calm: Calm = {
      simulation,
      ledger,
      population: this.#population,
      steps: this.#steps,
      pass: (ms) => this.#pass(ms),
    }
    namesAgree(calm)
    await everybodyHears(calm)
    tablesAgree(calm)
    this.#guests.check()
    for (const node of simulation.running) {
      const { size } = peersOf(node)
      if (size > others) throw new Violation(`${node.name} remembers ${size} nodes, where ${others} belong`)
    }
  }

  async #within(ms: number, what: string, condition: () => boolean): Promise<void> {
    for (let left = ms; !condition(); left -= 500) {
      if (left <= 0) throw new Violation(`not so within ${ms} ms of fine weather: ${what}`)
      await this.#pass(500)
    }
  }

  /** Everybody leaves; nothing of them may be left, and nothing of the cluster when it has stopped. */
  async #close(): Promise<void> {
    const { simulation } = this
    await this.#trees.close()
    for (const who of this.#population.living) who.self.terminate(Symbol.for('shutdown'))
    await this.#pass(60_000)
    for (const node of simulation.running) {
      const processes = node.processes().length
      const before = this.#empty.get(node.name)
      if (processes !== before) throw new Violation(`${node.name} has ${processes} processes left, not ${before}`)
    }
    const errors = simulation.log.filter(({ level, fields }) => level === 'error' && !isOfTree(fields))
    if (errors.length > 0) throw new Violation(`an error was logged: ${JSON.stringify(errors[0])}`)
    await simulation.close()
    const left = { streams: simulation.network.streamCount, timers: simulation.clock.timersPending }
    if (left.streams > 0 || left.timers > 0) {
      throw new Violation(`left behind: ${left.streams} ends of streams, ${left.timers} timers`)
    }
  }
}

/** Supervisors say of each child that has ended that it has; and so do those whose supervisor was killed, of themselves. */
function isOfTree(fields: object): boolean {
  return 'supervisor' in fields || (fields as { reason?: unknown }).reason === 'killed'
}

function peersOf(node: Node): Peers {
  return node.router.remote as Peers
}
