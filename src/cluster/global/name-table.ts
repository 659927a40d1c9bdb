/** The names that this node knows of, all of the cluster's, each with who has it. They end with these. */
import type { Address } from '../../term/address.js'
import type { Ref } from '../../term/ref.js'
import { groupKey } from '../group-key.js'
import type { Monitors } from './lock-table.js'
import type { GlobalName, NameOp } from './terms.js'

interface Entry extends GlobalName {
  readonly ref: Ref
}

/** See the head of this file. */
export class NameTable {
  readonly #monitors: Monitors
  readonly #entries = new Map<unknown, Entry>()
  readonly #byRef = new Map<Ref, Entry>()

  constructor(monitors: Monitors) {
    this.#monitors = monitors
  }

  get(name: unknown): GlobalName | undefined {
    return this.#entries.get(groupKey(name))
  }

  /** All of them. */
  all(): GlobalName[] {
    return [...this.#entries.values()]
  }

  /** The names that a process has. */
  namesOf(pid: Address<never>): unknown[] {
    return this.all().flatMap((entry) => (entry.pid === pid ? [entry.name] : []))
  }

  /** Gives a name to a process, whoever had it before. */
  insert({ name, pid, method }: GlobalName): void {
    this.delete(name)
    const entry: Entry = { name, pid, method, ref: this.#monitors.makeRef() }
    this.#entries.set(groupKey(name), entry)
    this.#byRef.set(entry.ref, entry)
    this.#monitors.start(pid, entry.ref)
  }

  delete(name: unknown): void {
    const entry = this.#entries.get(groupKey(name))
    if (entry === undefined) return
    this.#monitors.stop(entry.ref)
    this.#remove(entry)
  }

  /** A process has ended, or is out of reach. `false` when it had no name by that monitor. */
  ended(ref: Ref): boolean {
    const entry = this.#byRef.get(ref)
    if (entry !== undefined) this.#remove(entry)
    return entry !== undefined
  }

  /** A node is parted with: the names of its processes are taken away, though they may live. */
  dropNode(node: string): void {
    for (const { name, pid } of this.all()) if (pid.node === node) this.delete(name)
  }

  /** Makes changes. */
  apply(ops: readonly NameOp[]): void {
    for (const op of ops) if (op.op === 'insert') this.insert(op.entry)
    for (const op of ops) if (op.op === 'delete') this.delete(op.name)
  }

  #remove(entry: Entry): void {
    this.#byRef.delete(entry.ref)
    this.#entries.delete(groupKey(entry.name))
  }
}
