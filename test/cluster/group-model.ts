/**
 * What names and process groups are to come to, once everything has arrived: each node's processes are what that node says they
 * are, and a node knows of those that it can reach. Nothing of the protocol is in here.
 */

/** A process of a node; it is on one run of it. */
interface ModelProcess {
  readonly node: number
  alive: boolean
  /** The groups that it is in, once for each time. */
  groups: number[]
  readonly names: Set<number>
}

/** See the head of this file. */
export class GroupModel {
  readonly processes: ModelProcess[] = []
  /** Whether the scope of groups runs on each node. That of names always does. */
  readonly scopes: boolean[]
  readonly #cuts = new Set<string>()

  constructor(nodes: number) {
    this.scopes = Array.from({ length: nodes }, () => true)
  }

  /** The live processes of a node. */
  living(node: number): number[] {
    return [...this.processes.keys()].filter((id) => {
      const process = this.#process(id)
      return process.node === node && process.alive
    })
  }

  spawn(node: number): number {
    return this.processes.push({ node, alive: true, groups: [], names: new Set() }) - 1
  }

  end(id: number): void {
    const process = this.#process(id)
    process.alive = false
    process.groups = []
    process.names.clear()
  }

  join(id: number, group: number): void {
    this.#process(id).groups.push(group)
  }

  /** Whether it was in. */
  leave(id: number, group: number): boolean {
    const { groups } = this.#process(id)
    const at = groups.indexOf(group)
    if (at >= 0) groups.splice(at, 1)
    return at >= 0
  }

  claim(id: number, name: number): void {
    this.#process(id).names.add(name)
  }

  giveUp(id: number, name: number): void {
    this.#process(id).names.delete(name)
  }

  /** The node is another run of itself. */
  restart(node: number): void {
    for (const id of this.living(node)) this.end(id)
    this.scopes[node] = true
  }

  stopScope(node: number): void {
    for (const id of this.living(node)) this.#process(id).groups = []
    this.scopes[node] = false
  }

  startScope(node: number): void {
    this.scopes[node] = true
  }

  cut(one: number, other: number): void {
    this.#cuts.add(`${one}-${other}`).add(`${other}-${one}`)
  }

  heal(): void {
    this.#cuts.clear()
  }

  reaches(one: number, other: number): boolean {
    return !this.#cuts.has(`${one}-${other}`)
  }

  /** Who is in a group, as a node has it: each process once for each time. */
  members(node: number, group: number): number[] {
    if (!this.scopes[node]) return []
    return [...this.processes.entries()].flatMap(([id, process]) =>
      this.reaches(node, process.node) ? process.groups.filter((each) => each === group).map(() => id) : [],
    )
  }

  /** Who claims a name, as a node has it. */
  claimants(node: number, name: number): number[] {
    return [...this.processes.entries()].flatMap(([id, process]) =>
      this.reaches(node, process.node) && process.names.has(name) ? [id] : [],
    )
  }

  #process(id: number): ModelProcess {
    return this.processes[id] as ModelProcess
  }
}
