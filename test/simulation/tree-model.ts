/**
 * What supervisors should do, worked out anew from the manual of OTP's: who is started again with whom, in which order, and when it is too
 * much. A reference to compare with; it knows no process.
 */

export type Strategy = 'one_for_one' | 'one_for_all' | 'rest_for_one' | 'dynamic'
export type Restart = 'permanent' | 'transient' | 'temporary'

export interface Intensity {
  readonly restarts: number
  readonly within: number
}

export interface ChildPlan {
  readonly id: string
  readonly restart: Restart
}

export interface SupervisorPlan {
  readonly id: string
  readonly strategy: Strategy
  readonly intensity: Intensity
  readonly children: readonly ChildPlan[]
}

/** A tree: a supervisor, one_for_one, of supervisors. */
export interface TreePlan {
  readonly intensity: Intensity
  readonly supervisors: readonly SupervisorPlan[]
}

interface Child extends ChildPlan {
  runs: boolean
}

/** An end that its supervisor has not seen yet. */
interface End {
  readonly child: Child
  readonly orderly: boolean
}

/** Restarts that were borne: one more than `restarts` within the time is too many. */
class Patience {
  readonly #intensity: Intensity
  #times: number[] = []

  constructor(intensity: Intensity) {
    this.#intensity = intensity
  }

  bears(now: number): boolean {
    this.#times = [...this.#times.filter((at) => now - at <= this.#intensity.within), now]
    return this.#times.length <= this.#intensity.restarts
  }
}

/** One of the supervisors at the bottom. */
export class SupervisorModel {
  readonly plan: SupervisorPlan
  children: Child[] = []
  #patience: Patience
  readonly #say: (line: string) => void
  #made = 0

  constructor(plan: SupervisorPlan, say: (line: string) => void) {
    this.plan = plan
    this.#say = say
    this.#patience = new Patience(plan.intensity)
  }

  /** A new run of it: with what it was planned with, and no more. */
  begin(): void {
    this.#patience = new Patience(this.plan.intensity)
    this.children = this.plan.children.map((child) => ({ ...child, runs: false }))
    for (const child of this.children) this.#start(child)
  }

  get running(): string[] {
    return this.children.filter(({ runs }) => runs).map(({ id }) => id)
  }

  /** Ends all children, the last first. */
  end(): void {
    for (const child of this.children.toReversed()) this.#stop(child)
    this.children = []
  }

  #start(child: Child): void {
    child.runs = true
    this.#say(`+${this.plan.id}/${child.id}`)
  }

  #stop(child: Child): void {
    if (child.runs) this.#say(`-${this.plan.id}/${child.id}`)
    child.runs = false
  }

  /** These have ended, in this order, before it could see to any of them. `false`: it gives up. */
  ended(ids: readonly string[], orderly: boolean, now: number): boolean {
    let ends: End[] = []
    for (const id of ids) {
      const child = this.children.find((each) => each.id === id && each.runs)
      if (child === undefined) continue
      child.runs = false
      ends.push({ child, orderly })
    }
    for (let next = ends.shift(); next !== undefined; next = ends.shift()) {
      const { child } = next
      const again = child.restart === 'permanent' || (child.restart === 'transient' && !next.orderly)
      if (!again) {
        if (child.restart === 'temporary' || this.plan.strategy === 'dynamic') this.#drop(child)
        continue
      }
      if (!this.#patience.bears(now)) return false
      const group = this.#with(child)
      for (const each of group.toReversed()) this.#stop(each)
      // The ends of those of the group are dealt with by that.
      ends = ends.filter((end) => !group.includes(end.child))
      for (const each of group) {
        if (each.restart === 'temporary') this.#drop(each)
        else this.#start(each)
      }
    }
    return true
  }

  #with(child: Child): Child[] {
    if (this.plan.strategy === 'one_for_all') return [...this.children]
    if (this.plan.strategy === 'rest_for_one') return this.children.slice(this.children.indexOf(child))
    return [child]
  }

  #drop(child: Child): void {
    this.children = this.children.filter((each) => each !== child)
  }

  // --- requests; each gives the answer ------------------------------------------------------------------------------

  add(id: string, restart: Restart): string {
    const known = this.children.find((each) => each.id === id)
    if (known !== undefined) return known.runs ? 'already_started' : 'already_present'
    const child = { id, restart, runs: false }
    this.children.push(child)
    this.#start(child)
    return 'ok'
  }

  /** Another child of a dynamic supervisor: its id is its number. */
  addNext(): string {
    return this.add(String(this.#made++), 'permanent')
  }

  terminate(id: string): string {
    const child = this.children.find((each) => each.id === id)
    if (child === undefined) return 'not_found'
    this.#stop(child)
    if (child.restart === 'temporary' || this.plan.strategy === 'dynamic') this.#drop(child)
    return 'ok'
  }

  restart(id: string): string {
    const child = this.children.find((each) => each.id === id)
    if (child === undefined) return 'not_found'
    if (child.runs) return 'running'
    this.#start(child)
    return 'ok'
  }

  delete(id: string): string {
    const child = this.children.find((each) => each.id === id)
    if (child === undefined) return 'not_found'
    if (child.runs) return 'running'
    this.#drop(child)
    return 'ok'
  }
}

/** See the head of this file. */
export class TreeModel {
  readonly supervisors: readonly SupervisorModel[]
  /** What should have been heard since the last look: `+a/b`, b of a has started; `-a/b`, it has ended as it was asked to. */
  journal: string[] = []
  alive = false
  readonly #plan: TreePlan
  #patience: Patience

  constructor(plan: TreePlan) {
    this.#plan = plan
    this.#patience = new Patience(plan.intensity)
    this.supervisors = plan.supervisors.map((each) => new SupervisorModel(each, (line) => this.journal.push(line)))
  }

  begin(): void {
    this.alive = true
    this.#patience = new Patience(this.#plan.intensity)
    for (const each of this.supervisors) each.begin()
  }

  end(): void {
    this.alive = false
    for (const each of this.supervisors.toReversed()) each.end()
  }

  /** Children of one supervisor have ended. What it gives up for is too much for the whole tree in the end. */
  ended(
    supervisor: SupervisorModel,
    ids: readonly string[],
    orderly: boolean,
    now: number,
  ): 'borne' | 'given up' | 'over' {
    if (supervisor.ended(ids, orderly, now)) return 'borne'
    supervisor.end()
    if (!this.#patience.bears(now)) {
      this.end()
      return 'over'
    }
    supervisor.begin()
    return 'given up'
  }
}
