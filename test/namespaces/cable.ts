/**
 * Couples of nodes, each on a machine of its own, with a cable between the two: reign with reign, reign that dials Erlang, Erlang that dials reign.
 * They are started once for a file.
 */
import { afterAll, beforeAll } from 'vitest'
import { Couple, onAll } from '../faults/couple.js'
import type { Kind, Outpost } from '../faults/outpost.js'
import { kinds } from '../faults/theatre.js'
import { Company, type StartOptions } from './company.js'
import { Lab, type LabOptions } from './lab.js'

/** The numbers of their machines. */
export const near = 0
export const far = 1

/** See the head of this file. */
export class Cable extends Couple {
  readonly title: string
  readonly lab: Lab
  near: Outpost
  far: Outpost
  readonly #start: (which: 'near' | 'far') => Promise<Outpost>

  private constructor(parts: {
    title: string
    lab: Lab
    near: Outpost
    far: Outpost
    start: (which: 'near' | 'far') => Promise<Outpost>
  }) {
    super()
    this.title = parts.title
    this.lab = parts.lab
    this.near = parts.near
    this.far = parts.far
    this.#start = parts.start
  }

  static async lay(
    company: Company,
    [dialler, dialled]: readonly [Kind, Kind],
    options: StartOptions & LabOptions,
  ): Promise<Cable> {
    const lab = await Lab.open(2, options)
    const start = (which: 'near' | 'far') =>
      company.start(which === 'near' ? dialler : dialled, lab, which === 'near' ? near : far, options)
    try {
      const [one, other] = await Promise.all([start('near'), start('far')])
      return new Cable({ title: `${dialler} that dials ${dialled}`, lab, near: one, far: other, start })
    } catch (error) {
      await lab[Symbol.asyncDispose]()
      throw error
    }
  }

  /** Starts a node anew; it is to be gone. */
  async start(which: 'near' | 'far'): Promise<void> {
    this[which] = await this.#start(which)
  }

  protected heal(): Promise<void> {
    return this.lab.heal()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.both.map((each) => each.kill()))
    await this.lab[Symbol.asyncDispose]()
  }
}

let cables: readonly Cable[] = []

/** Starts the nodes of a test file, and ends them with it. */
export function withCables(options: StartOptions & LabOptions = {}): void {
  let company: Company | undefined
  beforeAll(async () => {
    const gathered = (company = await Company.gather(2))
    cables = await Promise.all(kinds.map((each) => Cable.lay(gathered, each, options)))
  })
  afterAll(async () => {
    await Promise.all(cables.map((cable) => cable[Symbol.asyncDispose]()))
    company?.[Symbol.dispose]()
  })
}

/** One test, on all cables at the same time. */
export function onAllCables(title: string, play: (cable: Cable) => Promise<void>): void {
  onAll(() => cables, title, play)
}
