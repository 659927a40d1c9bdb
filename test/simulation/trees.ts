/**
 * Supervision trees on the nodes of a simulated cluster: their children crash, alone and many at once, are ended, started, deleted and added, and
 * what the supervisors do is compared with a model (tree-model.ts), start by start and end by end.
 */

import type { AnyChildSpec } from '../../src/behaviour/child-spec.js'
import {
  type DynamicSupervisor,
  dynamicSupervisor,
  dynamicSupervisorAt,
  genServer,
  genStatem,
  type ServerContext,
  type Supervisor,
  type SupervisorDefinition,
  startIn,
  supervisor,
  supervisorAt,
} from '../../src/behaviour/index.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import type { Simulation } from '../../src/testing/simulation.js'
import type { Ledger, Run } from './ledger.js'
import { nameOf, type TreeStep } from './plan.js'
import type { Population } from './population.js'
import { type ChildPlan, type Restart, type SupervisorModel, TreeModel, type TreePlan } from './tree-model.js'
import { Violation } from './violation.js'

const abc = (restarts: readonly Restart[]): ChildPlan[] =>
  restarts.map((restart, n) => ({ id: 'abcd'[n] as string, restart }))

const plan: TreePlan = {
  intensity: { restarts: 2, within: 120_000 },
  supervisors: [
    {
      id: 'one',
      strategy: 'one_for_one',
      intensity: { restarts: 3, within: 20_000 },
      children: abc(['permanent', 'transient', 'permanent', 'temporary']),
    },
    {
      id: 'all',
      strategy: 'one_for_all',
      intensity: { restarts: 2, within: 30_000 },
      children: abc(['permanent', 'transient', 'temporary', 'permanent']),
    },
    {
      id: 'rest',
      strategy: 'rest_for_one',
      intensity: { restarts: 2, within: 30_000 },
      children: abc(['permanent', 'permanent', 'transient']),
    },
    { id: 'pool', strategy: 'dynamic', intensity: { restarts: 3, within: 20_000 }, children: [] },
  ],
}

const crashed = Symbol.for('crashed')
const normal = Symbol.for('normal')

/** The tree of one run of a node. */
class Tree {
  readonly run: Run
  readonly model = new TreeModel(plan)
  readonly journal: string[] = []
  /** Who is, or was, at each place. */
  readonly living = new Map<string, Process<unknown>>()
  /** All that were ever started, and have not been seen to be gone. */
  readonly started = new Set<Process<unknown>>()
  top: Supervisor | undefined
  /** Children that the pool was asked for, and those that it has started: their numbers. */
  asked = 0
  readonly numbers = new WeakMap<Address<never>, string>()

  constructor(run: Run) {
    this.run = run
  }

  begun(path: string, self: Process<unknown>): void {
    this.journal.push(`+${path}`)
    this.living.set(path, self)
    this.started.add(self)
  }
}

interface Worker {
  readonly tree: Tree
  readonly path: string
}

const server = genServer({
  trapExit: true,
  init(this: ServerContext<unknown>, tree: Tree, path: string): Worker {
    tree.begun(path, this.self)
    return { tree, path }
  },
  terminate: ({ tree, path }) => void tree.journal.push(`-${path}`),
})

const machine = genStatem({
  trapExit: true,
  enterCalls: true,
  init: (tree: Tree, path: string) => startIn('here', { tree, path }),
  states: {
    here(event, { tree, path }) {
      if (event.type === 'enter') tree.begun(path, this.self)
    },
  },
  terminate: (_reason, _state, { tree, path }) => void tree.journal.push(`-${path}`),
})

const pool = dynamicSupervisor({ start: server, intensity: { restarts: 3, within: 20_000 } })

function spec(tree: Tree, path: string, { id, restart }: ChildPlan): AnyChildSpec {
  return { id, restart, start: id === 'c' ? machine : server, args: [tree, path] }
}

function definition(tree: Tree): SupervisorDefinition {
  return {
    intensity: plan.intensity,
    children: plan.supervisors.map(({ id, strategy, intensity, children }): AnyChildSpec => {
      if (strategy === 'dynamic') return { id, name: `tree-${id}`, start: pool, args: [] }
      const start = supervisor(() => ({
        strategy,
        intensity,
        children: children.map((child) => spec(tree, `${id}/${child.id}`, child)),
      }))
      return { id, name: `tree-${id}`, start, args: [] }
    }),
  }
}

/** What trees need. */
export interface TreesParts {
  readonly simulation: Simulation
  readonly ledger: Ledger
  readonly population: Population
}

/** See the head of this file. */
export class Trees {
  readonly #parts: TreesParts
  readonly #trees = new Map<Run, Tree>()

  constructor(parts: TreesParts) {
    this.#parts = parts
  }

  /** Does a step, and compares what came of it; a tree that is not there is planted first. */
  async perform(step: TreeStep): Promise<void> {
    const { population, simulation } = this.#parts
    const run = population.runs.get(nameOf(step.node))
    if (run === undefined || run.over || !simulation.runs(run.node.name) || population.isFrozen(run)) return
    const tree = this.#trees.get(run) ?? new Tree(run)
    this.#trees.set(run, tree)
    if (!tree.model.alive) return this.#plant(tree)
    await this.#act(tree, step)
    this.#compare(tree, step)
  }

  /** Everything ends, in order. */
  async close(): Promise<void> {
    for (const tree of this.#trees.values()) {
      if (tree.run.over || !tree.model.alive) continue
      tree.model.end()
      const stopped = tree.top?.stop()
      await this.#parts.simulation.settle()
      await stopped
      this.#compare(tree)
    }
  }

  async #plant(tree: Tree): Promise<void> {
    const { node } = tree.run
    const planted = node.start(
      { name: 'tree' },
      supervisor(() => definition(tree)),
    )
    planted.then(
      (top) => {
        tree.top = top
      },
      () => {},
    )
    tree.model.begin()
    await this.#parts.simulation.settle()
    if (tree.top === undefined) throw new Violation(`the tree of ${node.name} does not start`)
    this.#parts.ledger.marks.add('tree planted')
    this.#compare(tree)
  }

  // --- steps --------------------------------------------------------------------------------------------------------

  async #act(tree: Tree, { kind, a, b }: TreeStep): Promise<void> {
    const { simulation, ledger } = this.#parts
    const { model } = tree
    const supervisor = model.supervisors[a % model.supervisors.length] as SupervisorModel
    const { id: name, strategy } = supervisor.plan
    const isPool = strategy === 'dynamic'
    const ids = isPool ? supervisor.running : [...'abcd', 'x', 'y']
    const id = ids[b % Math.max(1, ids.length)] ?? '0'
    ledger.marks.add(`tree ${kind}`)
    switch (kind) {
      case 'crash':
      case 'finish':
      case 'storm': {
        const { running } = supervisor
        const count = kind === 'storm' ? 1 + (b % Math.max(1, running.length)) : 1
        const gone = Array.from(
          { length: count },
          (_, n) => running[(b + n) % Math.max(1, running.length)] ?? '',
        ).filter((each) => each !== '')
        const reason = kind === 'finish' ? normal : crashed
        for (const each of gone) tree.living.get(`${name}/${each}`)?.terminate(reason)
        ledger.marks.add(`tree ${model.ended(supervisor, gone, kind === 'finish', simulation.now)}`)
        return simulation.settle()
      }
      case 'fell': {
        tree.top?.address && tree.run.node.exit(tree.top.address, Symbol.for('kill'))
        model.end()
        return simulation.settle()
      }
      case 'add': {
        if (isPool) {
          supervisor.addNext()
          return this.#asks(tree, this.#pool(tree).startChild(tree, `pool/${tree.asked++}`), 'ok')
        }
        const child: ChildPlan = { id, restart: (['permanent', 'transient', 'temporary'] as const)[b % 3] as Restart }
        const wanted = supervisor.add(id, child.restart)
        return this.#asks(
          tree,
          this.#supervisor(tree, name).startChild(spec(tree, `${name}/${id}`, child) as never),
          wanted,
        )
      }
      case 'terminate': {
        const at = tree.living.get(`${name}/${id}`)
        if (isPool && at === undefined) return
        const request =
          isPool && at !== undefined
            ? this.#pool(tree).terminateChild(at.address)
            : this.#supervisor(tree, name).terminateChild(id)
        return this.#asks(tree, request, supervisor.terminate(id))
      }
      case 'restart':
        if (isPool) return
        return this.#asks(tree, this.#supervisor(tree, name).restartChild(id), supervisor.restart(id))
      case 'delete':
        if (isPool) return
        return this.#asks(tree, this.#supervisor(tree, name).deleteChild(id), supervisor.delete(id))
    }
  }

  #supervisor({ run }: Tree, name: string): Supervisor {
    return supervisorAt(run.node, `tree-${name}`)
  }

  #pool({ run }: Tree): DynamicSupervisor<typeof server, [Tree, string]> {
    return dynamicSupervisorAt(run.node, 'tree-pool', pool as never)
  }

  /** A request is answered at once, as the model says. */
  async #asks({ run }: Tree, request: Promise<unknown>, wanted: string): Promise<void> {
    let answer = 'nothing'
    request.then(
      () => {
        answer = 'ok'
      },
      (error: Error) => {
        answer = error.message
      },
    )
    await this.#parts.simulation.settle()
    if (wanted === 'ok' ? answer === 'ok' : answer.includes(wanted)) return
    throw new Violation(`a supervisor of ${run.node.name} answers ${answer} where it should be ${wanted}`)
  }

  // --- the oracle ---------------------------------------------------------------------------------------------------

  #compare(tree: Tree, step?: TreeStep): void {
    const { model, journal, run } = tree
    const wanted = model.journal.splice(0)
    const heard = journal.splice(0)
    this.#parts.simulation.note('tree', run.node.name, heard.join(' '))
    // Where nobody waits for another there is no order between supervisors, nor between the children of a pool.
    const parts = step?.kind === 'fell' ? plan.supervisors.map(({ id }) => id) : ['']
    for (const part of parts) {
      const [told, due] = [heard, wanted].map((lines) => ordered(lines.filter((line) => line.startsWith(part, 1))))
      if (told === due) continue
      throw new Violation(`after ${JSON.stringify(step ?? 'planting')} at ${run.node.name}: ${told}; should be: ${due}`)
    }
    const alive = new Set<Process<unknown>>()
    for (const supervisor of model.supervisors) {
      for (const id of supervisor.running) {
        const path = `${supervisor.plan.id}/${id}`
        const process = tree.living.get(path)
        if (process?.alive !== true) throw new Violation(`${path} of ${run.node.name} should be alive`)
        alive.add(process)
      }
    }
    for (const process of tree.started) {
      if (process.alive && !alive.has(process)) throw new Violation(`${process.address} is an orphan`)
      if (!process.alive) tree.started.delete(process)
    }
    if (!model.alive && run.node.whereis('tree') !== undefined) throw new Violation('a tree has not ended')
  }
}

/** Children of a pool are ended all at once. */
function ordered(lines: readonly string[]): string {
  const result: string[] = []
  for (let at = 0; at < lines.length; ) {
    let end = at
    while (lines[end]?.startsWith('-pool/')) end++
    result.push(...(end > at ? lines.slice(at, end).sort() : [lines[at] as string]))
    at = Math.max(end, at + 1)
  }
  return result.join(' ')
}
