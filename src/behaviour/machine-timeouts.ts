/** The time-outs of one state machine: at most one of the event, one of the state, and one of each name. */
import type { Process } from '../process/process.js'
import { sameTerm } from '../term/equal.js'
import { Ref } from '../term/ref.js'
import type { Timer } from '../timers.js'
import type { TimeoutKind } from './transition.js'

/** Which time-out. Names are terms: two that are the same term are the same name. */
export interface TimeoutId {
  readonly kind: TimeoutKind
  readonly name: unknown
}

/** A time-out that has come: what the machine is told. */
export interface Due extends TimeoutId {
  readonly content: unknown
}

interface Running {
  due: Due
  readonly timer: Timer
  /** Set once its time has come: the message that says so, and waits among the others. */
  sent: Ref | undefined
}

/**
 * See the head of this file. Each comes as a message of the process to itself, in order with the others. A machine has a few of them, so
 * they are looked for one by one.
 */
export class MachineTimeouts {
  readonly #self: Process<unknown>
  #running: Running[] = []
  /** Messages on their way, of time-outs that were taken back. */
  readonly #void = new Set<Ref>()

  constructor(self: Process<unknown>) {
    this.#self = self
  }

  /** Sets it, in place of one that runs. */
  start(due: Due, ms: number): void {
    this.cancel(due)
    const timer = this.#self.host.timers.after(ms, () => {
      running.sent = this.#self.makeRef()
      this.#self.tell(running.sent)
    })
    const running: Running = { due, timer, sent: undefined }
    this.#running.push(running)
  }

  /** Takes it back, also when its message is on its way. */
  cancel(id: TimeoutId): void {
    const running = this.#find(id)
    if (running === undefined) return
    this.#self.host.timers.cancel(running.timer)
    if (running.sent !== undefined) this.#void.add(running.sent)
    this.#remove(running)
  }

  /** Changes what it will bring. `false` when it does not run. */
  update(due: Due): boolean {
    const running = this.#find(due)
    if (running !== undefined) running.due = due
    return running !== undefined
  }

  /** What a message of the process to itself brings: `undefined` when it is none of these, `null` when it was taken back. */
  take(message: unknown): Due | null | undefined {
    if (!(message instanceof Ref)) return undefined
    if (this.#void.delete(message)) return null
    const running = this.#running.find(({ sent }) => sent === message)
    if (running === undefined) return undefined
    this.#remove(running)
    return running.due
  }

  /** Takes all back. */
  clear(): void {
    for (const { due } of [...this.#running]) this.cancel(due)
  }

  #find({ kind, name }: TimeoutId): Running | undefined {
    return this.#running.find(({ due }) => due.kind === kind && (kind !== 'named' || sameTerm(due.name, name)))
  }

  #remove(running: Running): void {
    this.#running = this.#running.filter((each) => each !== running)
  }
}
