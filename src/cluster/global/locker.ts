/**
 * The locker: before two nodes that have just met tell each other their names, it locks the names of all nodes that this one knows.
 *
 * The other node's does the same, under one requester that both make of their own two addresses, and they tell each other how
 * it went, by way of the servers, so that no word overtakes the news of a node. When both hold their locks, the servers go on; they say
 * when it is over. One pair at a time: who fails lets go of all locks and tries again later, with another node perhaps. A process, as it
 * waits for much. Source: OTP's global.erl, version 8 of its protocol.
 */
import { TimeoutError } from '../../errors.js'
import type { Process } from '../../process/process.js'
import { Address } from '../../term/address.js'
import { isTuple, tuple } from '../../term/tuple.js'
import type { LockTable } from './lock-table.js'
import { deleteLock, deleteLockBossLast, setLock } from './multi-call.js'
import { bossOf, comparePids, type LockId, verifyVersion, word } from './terms.js'

/** A node that is to be locked together with. */
interface Candidate {
  readonly node: string
  readonly locker: Address<never>
  readonly version: number
  /** What tells one attempt at getting to know that node from another: our word for it, and theirs. */
  readonly myTag: number
  readonly hisTag: unknown
}

/** What the server says to its locker. */
export type LockerMessage =
  /** A node is there, and this is its locker. */
  | ({ readonly type: 'candidate' } & Candidate)
  /** An attempt is over. If its locks are held they are given back, after these casts have been sent. */
  | {
      readonly type: 'cancel'
      readonly node: string
      readonly tag: number | undefined
      readonly casts: readonly (readonly [node: string, message: readonly unknown[]])[]
    }
  /** The locker of that node says whether it has its locks. */
  | { readonly type: 'set'; readonly from: Address<never>; readonly isSet: boolean; readonly tag: number }
  | { readonly type: 'known'; readonly nodes: readonly string[] }
  | { readonly type: 'unknown'; readonly node: string }

/** What a locker needs of its server. */
export interface LockerServer {
  readonly locks: LockTable
  random(below: number): number
  cast(node: string, message: readonly unknown[]): void
  /** Both sides hold their locks. */
  lockIsSet(node: string, tag: number, id: LockId): void
}

type Self = Process<LockerMessage>
type Kind<T extends LockerMessage['type']> = Extract<LockerMessage, { type: T }>

/** Runs for as long as the node does. */
export async function runLocker(self: Self, server: LockerServer): Promise<void> {
  const locker = new Locker(self, server)
  for (;;) await locker.step()
}

class Locker {
  readonly #self: Self
  readonly #server: LockerServer
  readonly #candidates: Candidate[] = []
  readonly #known = new Set<string>()
  /** Whether an attempt has just succeeded: then there is no reason to wait before the next. */
  #justSynced = false

  constructor(self: Self, server: LockerServer) {
    this.#self = self
    this.#server = server
  }

  async step(): Promise<void> {
    const message = this.#self.poll() ?? (await this.#wait())
    if (message !== undefined) await this.#take(message)
    else if (!this.#server.locks.namesLocked) await this.#attempt()
  }

  /** The next message; `undefined` when it is time for an attempt. */
  async #wait(): Promise<LockerMessage | undefined> {
    if (this.#candidates.length === 0) return this.#self.receive()
    // It must be more than nothing, or others that wait for this node would seldom find it free.
    const quick = this.#known.size === 0 ? 200 : Math.min(1_000 + 100 * this.#known.size, 3_000)
    const timeout = this.#justSynced ? 0 : quick
    this.#justSynced = false
    try {
      return await this.#self.receive({ timeout })
    } catch (error) {
      if (error instanceof TimeoutError) return undefined
      throw error
    }
  }

  async #take(message: LockerMessage): Promise<void> {
    switch (message.type) {
      case 'candidate':
        this.#candidates.push(message)
        return
      case 'cancel':
        if (message.tag !== undefined) this.#remove(message.node, message.tag)
        this.#send(message.casts)
        return
      case 'set':
        if (message.isSet) await this.#asked(message)
        return
      case 'known':
      case 'unknown':
        return this.#learn(message)
      default:
      // Whoever knows this process can send it anything; and what comes late means nothing.
    }
  }

  #learn(message: Kind<'known'> | Kind<'unknown'>): void {
    if (message.type === 'unknown') this.#known.delete(message.node)
    else for (const node of message.nodes) this.#known.add(node)
  }

  /** The other side has its locks, and waits for ours. */
  async #asked({ from, tag }: Kind<'set'>): Promise<void> {
    const candidate = this.#candidates.find(({ node, myTag }) => node === from.node && myTag === tag)
    // Nobody waits for that any more, here; there somebody does, and would for ever.
    if (candidate === undefined) return this.#refuse(from)
    const id = this.#lockId(from)
    const locked = await this.#lockKnown(id, [])
    this.#answer(candidate, locked !== undefined)
    if (locked === undefined) return
    this.#server.lockIsSet(candidate.node, tag, id)
    await this.#untilOver(candidate, id, locked)
  }

  /** Locks, and waits for the other side's. */
  async #attempt(): Promise<void> {
    const others = this.#candidates.filter(({ node }) => !this.#known.has(node))
    this.#candidates.splice(0, this.#candidates.length, ...others)
    const candidate = others[this.#server.random(others.length)]
    if (candidate === undefined) return
    const id = this.#lockId(candidate.locker)
    // The other node is locked too: so it cannot lock its own side with somebody else meanwhile.
    const locked = await this.#lockKnown(id, [candidate.node])
    if (locked === undefined) return
    this.#answer(candidate, true)
    const { node, myTag } = candidate
    const answer = await this.#self.receive((message) => isAbout(message, node, myTag) || isRefusal(message, node))
    if (answer.type === 'set' && answer.isSet) {
      this.#server.lockIsSet(node, myTag, id)
      return this.#untilOver(candidate, id, locked)
    }
    if (answer.type === 'cancel') {
      this.#send(answer.casts)
      this.#remove(node, myTag)
    }
    await deleteLockBossLast(this.#self, id, locked)
  }

  /** Holds the locks until the server says that names have been exchanged, or that it came to nothing. */
  async #untilOver({ node, myTag }: Candidate, id: LockId, locked: readonly string[]): Promise<void> {
    const over = await this.#self.receive(
      (message): message is Kind<'cancel'> =>
        message.type === 'cancel' && message.node === node && message.tag === myTag,
    )
    // Before the locks are given back: whoever gets the lock next must know what has changed under this one.
    this.#send(over.casts)
    await deleteLockBossLast(this.#self, id, locked)
    this.#justSynced = true
    this.#remove(node, myTag)
  }

  /**
   * Locks all nodes that this one knows, itself and `extra`: all, or none.
   *
   * @returns Those that are locked; `undefined` when one refuses. One that is lost meanwhile may be among them, if it has come back.
   */
  async #lockKnown(id: LockId, extra: readonly string[]): Promise<readonly string[] | undefined> {
    const own = this.#self.address.node
    const { locks } = this.#server
    const boss = bossOf([own, ...this.#known])
    // The greatest first: who gets that is sure to get the others, but for those who lock something else.
    if (boss !== own && !locks.isFree(id)) return undefined
    const locked: string[] = []
    for (const nodes of [() => [boss], () => [own, ...extra], () => [...this.#known]]) {
      this.#relearn()
      const more = nodes().filter((node) => !locked.includes(node))
      const granted = await setLock(this.#self, locks, id, more)
      if (granted === undefined) {
        if (locked.length > 0) await deleteLock(this.#self, id, locked)
        return undefined
      }
      locked.push(...granted)
    }
    return locked
  }

  /** Takes the news of who is known that have come while this one was busy. */
  #relearn(): void {
    const isNews = (message: LockerMessage) => message.type === 'known' || message.type === 'unknown'
    for (let news = this.#self.poll(isNews); news !== undefined; news = this.#self.poll(isNews)) {
      this.#learn(news as Kind<'known'> | Kind<'unknown'>)
    }
  }

  #lockId(other: Address<never>): LockId {
    return { resource: word.global, requester: [this.#self.address as Address<never>, other].sort(comparePids) }
  }

  /** Tells the other side whether the locks are held here. */
  #answer({ node, version, hisTag }: Candidate, isSet: boolean): void {
    const told = [word.lock_set, this.#self.address, isSet, this.#knownTerm()]
    this.#server.cast(node, tuple(...told, ...(version < verifyVersion ? [] : [hisTag])))
  }

  /** Says so to the other locker itself, as its server may know of no attempt with this node. */
  #refuse(locker: Address<never>): void {
    ;(locker as Address<unknown>).send(tuple(word.lock_set, this.#self.address, false, this.#knownTerm()))
  }

  #knownTerm(): readonly unknown[] {
    return [...this.#known].map((node) => Symbol.for(node))
  }

  #send(casts: Kind<'cancel'>['casts']): void {
    for (const [node, message] of casts) this.#server.cast(node, message)
  }

  #remove(node: string, tag: number): void {
    const index = this.#candidates.findIndex((each) => each.node === node && each.myTag === tag)
    if (index >= 0) this.#candidates.splice(index, 1)
  }
}

/** Whether this is what an attempt waits for: the word of the other locker, or that it is over. */
function isAbout(message: LockerMessage, node: string, tag: number): boolean {
  if (message.type === 'set') return message.from.node === node && message.tag === tag
  return message.type === 'cancel' && message.node === node && message.tag === tag
}

/** Whether the locker of that node says, directly, that it knows of no attempt with this one. */
function isRefusal(message: unknown, node: string): boolean {
  if (!isTuple(message) || message[0] !== word.lock_set || message[2] !== false) return false
  return message[1] instanceof Address && message[1].node === node
}
