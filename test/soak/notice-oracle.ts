/**
 * What one process may be told of the ends of others: of each monitor and of each link once, with a reason that can be true, after the last
 * words of who has ended, and before the end of the connection is told. The process feeds it all that it does and gets, in that order.
 */

/** Another process, by its number. */
interface Victim {
  readonly node: string
  /** Its monitor, while it is set. */
  ref: unknown
  linked: boolean
  /** The connection over which monitor and link were made; 0 when there was none, or nobody can say. */
  epoch: number
  /** When it was told to end. */
  toldAt: number | undefined
  lastWords: boolean
}

/** The reason of a victim that was told to end. */
export const endedReason = (tag: number): string => `ended ${tag}`

/** See the head of this file. */
export class NoticeOracle {
  /** How many notices came, by kind and reason. */
  readonly counts: Record<string, number> = {}
  readonly #fail: (violation: string) => void
  readonly #victims = new Map<number, Victim>()
  readonly #byRef = new Map<unknown, number>()
  readonly #epochs = new Map<string, number>()

  constructor(fail: (violation: string) => void, up: Iterable<string> = []) {
    this.#fail = fail
    for (const node of up) this.nodeUp(node)
  }

  /** How many monitors and links there are of which nothing was heard yet. */
  get outstanding(): number {
    return this.#victims.size
  }

  /** @param ref The monitor, if one was set. */
  ties(tag: number, node: string, ref: unknown, linked: boolean): void {
    const epoch = Math.max(0, this.#epochs.get(node) ?? 0)
    if (ref === undefined && !linked) return
    this.#victims.set(tag, { node, ref, linked, epoch, toldAt: undefined, lastWords: false })
    if (ref !== undefined) this.#byRef.set(ref, tag)
  }

  demonitored(tag: number): void {
    const victim = this.#victims.get(tag)
    if (victim === undefined) return
    this.#byRef.delete(victim.ref)
    victim.ref = undefined
    this.#settle(tag, victim)
  }

  unlinked(tag: number): void {
    const victim = this.#victims.get(tag)
    if (victim === undefined) return
    victim.linked = false
    this.#settle(tag, victim)
  }

  /** It was told to end. */
  told(tag: number, now: number): void {
    const victim = this.#victims.get(tag)
    if (victim !== undefined) victim.toldAt = now
  }

  lastWords(tag: number): void {
    const victim = this.#victims.get(tag)
    if (victim !== undefined) victim.lastWords = true
  }

  down(ref: unknown, reason: string): void {
    const tag = this.#byRef.get(ref)
    const victim = tag === undefined ? undefined : this.#victims.get(tag)
    if (tag === undefined || victim === undefined)
      return this.#fail(`notice: a monitor that is not set fires: ${reason}`)
    this.#byRef.delete(ref)
    victim.ref = undefined
    this.#told('DOWN', tag, victim, reason)
  }

  /** @param tag Whose exit it is; `undefined` when nobody knows. */
  exit(tag: number | undefined, reason: string): void {
    const victim = tag === undefined ? undefined : this.#victims.get(tag)
    if (tag === undefined || victim?.linked !== true)
      return this.#fail(`notice: an exit without a link: ${tag} ${reason}`)
    victim.linked = false
    this.#told('EXIT', tag, victim, reason)
  }

  nodeUp(node: string): void {
    this.#epochs.set(node, Math.abs(this.#epochs.get(node) ?? 0) + 1)
  }

  nodeDown(node: string): void {
    const epoch = this.#epochs.get(node) ?? 0
    this.#epochs.set(node, -Math.abs(epoch))
    for (const [tag, victim] of this.#victims) {
      if (victim.node !== node || victim.epoch !== epoch || epoch <= 0) continue
      this.#fail(`notice: ${node} is down, and victim ${tag} there was not told of (told to end: ${victim.toldAt})`)
      victim.epoch = 0
    }
  }

  /** Fails for each that was told to end so long ago, and of which nothing was heard. */
  checkOverdue(now: number, ms: number): void {
    for (const [tag, victim] of this.#victims) {
      if (victim.toldAt === undefined || now - victim.toldAt < ms) continue
      this.#fail(`notice: victim ${tag} on ${victim.node} was told to end ${Math.round(now - victim.toldAt)} ms ago`)
      victim.toldAt = undefined
    }
  }

  #told(kind: 'DOWN' | 'EXIT', tag: number, victim: Victim, reason: string): void {
    const ended = reason === endedReason(tag)
    const counted = `${kind} ${ended ? 'ended' : reason}`
    this.counts[counted] = (this.counts[counted] ?? 0) + 1
    if (ended && victim.toldAt === undefined) this.#fail(`notice: victim ${tag} has ended, and was not told to`)
    else if (ended && !victim.lastWords) this.#fail(`order: the ${kind} of victim ${tag} comes before its last words`)
    else if (!ended && reason !== 'noconnection' && reason !== 'noproc') {
      this.#fail(`notice: the ${kind} of victim ${tag} says ${reason}`)
    }
    this.#settle(tag, victim)
  }

  #settle(tag: number, victim: Victim): void {
    if (victim.ref === undefined && !victim.linked) this.#victims.delete(tag)
  }
}
