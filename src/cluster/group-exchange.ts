/**
 * What the scope processes of different nodes tell each other: OTP's `pg` protocol, so that Erlang nodes take part.
 *
 * A scope process that has started, or sees a node come up, greets: `{discover, Me}`. Whoever is greeted answers with a sync, which
 * lists the members on its own node, and greets back if it does not know the greeter. From then on joins and leaves are told to
 * all that are known. Nothing is agreed upon: each node says who its members are, and is believed about these alone. A node that
 * is lost takes its members with it, and its sync brings them back when it returns. Source: OTP's pg.erl; protocol reference, "pg".
 *
 * Two things are not as in OTP. There, `pg` greets visible nodes only: we greet every node that is connected, and so, hidden as we
 * are by default, take part. And as nobody greets a hidden node, we look from time to time whether a scope has been started
 * where there was none.
 */
import type { Clock, ClockTimer } from '../clock.js'
import { noconnection } from '../exit-reason.js'
import { speaksFor } from '../process/service.js'
import { Address } from '../term/address.js'
import { named } from '../term/named.js'
import { isTuple, tuple } from '../term/tuple.js'
import { groupName, isGroupName } from './group-key.js'
import type { GroupMembers, GroupView, MembershipChange } from './group-view.js'
import type { ScopeProcess } from './scope-process.js'

const discover = Symbol.for('discover')
const sync = Symbol.for('sync')
const join = Symbol.for('join')
const leave = Symbol.for('leave')
const genCast = Symbol.for('$gen_cast')

/** How often to look whether a scope has been started on a node that had none, in milliseconds. */
const lookMs = 1_000

/** The nodes that this one is connected with, now: nobody is dialled for the sake of groups. */
export interface ConnectedNodes {
  all(): readonly string[]
  has(node: string): boolean
}

/**
 * Where a node stands: `synced`, it has told its members; `waiting`, it has been asked, and has not answered yet; `absent`, it has no such scope.
 */
export type ExchangeState = 'synced' | 'waiting' | 'absent'

/** A node that has not told its members. */
interface Question {
  /** `asked`: the answer is on its way, or the word that nobody is there. `looking`: that word is on its way, if so. */
  at: 'asked' | 'absent' | 'looking'
  /** Takes back the monitor that says so. */
  undo: () => void
}

interface Peer {
  readonly undo: () => void
  synced: boolean
}

/** What an exchange is made of. */
export interface ExchangeParts {
  readonly process: ScopeProcess
  readonly view: GroupView
  readonly nodes: ConnectedNodes
  readonly clock: Clock
  /** The view has changed. */
  readonly changed: (changes: readonly MembershipChange[]) => void
}

/** See the head of this file. */
export class GroupExchange {
  readonly #process: ScopeProcess
  readonly #view: GroupView
  readonly #nodes: ConnectedNodes
  readonly #clock: Clock
  readonly #changed: (changes: readonly MembershipChange[]) => void
  readonly #questions = new Map<string, Question>()
  readonly #peers = new Map<Address<never>, Peer>()
  /** Called when a question is answered, or there is nobody to answer it. */
  readonly #settling = new Map<string, Set<() => void>>()
  #timer: ClockTimer | undefined

  constructor({ process, view, nodes, clock, changed }: ExchangeParts) {
    this.#process = process
    this.#view = view
    this.#nodes = nodes
    this.#clock = clock
    this.#changed = changed
  }

  // --- asking -----------------------------------------------------------------------------------------------------

  /** Greets the nodes that are connected. */
  start(): void {
    for (const node of this.#nodes.all()) this.ask(node)
  }

  /** Forgets everything: for a scope process that is another one now, or none. What was known is gone from the view. */
  reset(): MembershipChange[] {
    for (const { undo } of this.#questions.values()) undo()
    this.#questions.clear()
    const changes = [...this.#peers].flatMap(([peer, { undo }]) => {
      undo()
      return this.#view.drop(peer)
    })
    this.#peers.clear()
    this.#disarm()
    for (const node of [...this.#settling.keys()]) this.#settled(node)
    return changes
  }

  /** Greets the scope process of a node, if it has one. */
  ask(node: string): void {
    if (node === this.#process.self.node || !this.#nodes.has(node)) return
    this.#question(node, 'asked')
    this.#process.send(named(this.#process.name, node), tuple(discover, this.#process.self))
  }

  /** Where a node stands. */
  state(node: string): ExchangeState {
    const question = this.#questions.get(node)
    if (question?.at === 'asked') return 'waiting'
    return question === undefined && this.#syncedOn(node).length > 0 ? 'synced' : 'absent'
  }

  /** How many groups have members of that node. */
  groupCountOf(node: string): number {
    return this.#syncedOn(node).reduce((count, peer) => count + this.#view.groupCountOf(peer), 0)
  }

  /**
   * Resolves when a node that is connected has told its members, and knows all that have joined here until now; or when there
   * is nobody on it to tell. Rejects with the reason of the signal.
   */
  async exchanged(node: string, signal: AbortSignal): Promise<void> {
    if (this.#questions.get(node)?.at === 'asked') await this.#settles(node, signal)
    // The first round trip brings its greeting, if it still has to greet us; the second, the word that it has our answer.
    for (let trips = 0; trips < 2; trips++) {
      await Promise.all(this.#syncedOn(node).map((peer) => this.#process.roundTrip(peer, signal)))
    }
  }

  #settles(node: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted()
      const waiting = this.#settling.get(node) ?? new Set()
      const settled = () => {
        signal.removeEventListener('abort', aborted)
        resolve()
      }
      const aborted = () => {
        waiting.delete(settled)
        reject(signal.reason)
      }
      this.#settling.set(node, waiting.add(settled))
      signal.addEventListener('abort', aborted, { once: true })
    })
  }

  #settled(node: string): void {
    const waiting = this.#settling.get(node)
    this.#settling.delete(node)
    for (const done of waiting ?? []) done()
  }

  #question(node: string, at: 'asked' | 'looking'): void {
    this.#questions.get(node)?.undo()
    const question: Question = { at, undo: () => {} }
    this.#questions.set(node, question)
    const target = named(this.#process.name, node)
    question.undo = this.#process.watch(target, (reason) => {
      if (this.#questions.get(node) === question) this.#nobody(node, question, reason)
    })
  }

  /** There is nobody to answer. */
  #nobody(node: string, question: Question, reason: unknown): void {
    if (reason === noconnection) this.#questions.delete(node)
    else {
      question.at = 'absent'
      question.undo = () => {}
      this.#arm()
    }
    this.#settled(node)
  }

  #answered(node: string): void {
    const question = this.#questions.get(node)
    if (question === undefined) return
    question.undo()
    this.#questions.delete(node)
    this.#settled(node)
  }

  #arm(): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#clock.setTimer(() => this.#look(), lookMs)
    this.#clock.holdProgram(this.#timer, false)
  }

  #disarm(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer)
    this.#timer = undefined
  }

  /**
   * Whether a scope has been started where there was none: a monitor that does not tell otherwise in the meantime says so. To
   * greet each time would leave a message that nobody takes.
   */
  #look(): void {
    this.#timer = undefined
    for (const [node, { at }] of [...this.#questions]) {
      if (!this.#nodes.has(node)) this.#questions.delete(node)
      else if (at === 'looking') this.ask(node)
      else if (at === 'absent') this.#question(node, 'looking')
    }
    if ([...this.#questions.values()].some(({ at }) => at !== 'asked')) this.#arm()
  }

  #syncedOn(node: string): Address<never>[] {
    return [...this.#peers].flatMap(([peer, { synced }]) => (synced && peer.node === node ? [peer] : []))
  }

  // --- telling ----------------------------------------------------------------------------------------------------

  /** Tells the others of a join; a process that joins several times at once stands there as often. */
  tellJoin(group: unknown, members: readonly Address<never>[]): void {
    this.#broadcast(tuple(join, this.#process.self, group, oneOrMany(members)))
  }

  /** Tells the others of processes that have left each of these groups. */
  tellLeave(members: readonly Address<never>[], groups: readonly unknown[]): void {
    this.#broadcast(tuple(leave, this.#process.self, oneOrMany(members), groups))
  }

  #broadcast(message: unknown): void {
    for (const peer of this.#peers.keys()) this.#send(peer, message)
  }

  #greet(peer: Address<never>): void {
    this.#send(peer, tuple(discover, this.#process.self))
  }

  #send(peer: Address<never>, message: unknown): void {
    if (this.#nodes.has(peer.node)) this.#process.send(peer, message)
  }

  // --- being told -------------------------------------------------------------------------------------------------

  /**
   * A message to the scope process. What is none of the protocol's is dropped: anybody can send anything, but nobody can speak for the scope
   * process of another node.
   */
  handle(message: unknown, from: Address<never> | undefined): void {
    if (!isTuple(message)) return
    const [tag, first, second, third] = message
    if (tag === genCast) return this.#cast(first, from)
    if (!(first instanceof Address) || !this.#nodes.has(first.node) || !speaksFor(from, first)) return
    if (tag === discover) this.#greeted(first)
    else if (tag === join) this.#joined(first, second, third)
    else if (tag === leave && Array.isArray(third)) {
      this.#changed(this.#view.remoteLeave(first, membersOf(first, second), third.filter(isGroupName)))
    }
  }

  #greeted(peer: Address<never>): void {
    const own = this.#view.own().map(([name, members]) => tuple(name, members))
    this.#send(peer, tuple(genCast, tuple(sync, this.#process.self, own)))
    if (this.#peers.has(peer)) return
    this.#meet(peer)
    // Where a question of ours is on its way, it answers that one: its members need not travel twice.
    if (this.#questions.get(peer.node)?.at !== 'asked') this.#greet(peer)
  }

  #joined(peer: Address<never>, name: unknown, members: unknown): void {
    if (!isGroupName(name)) return
    const change = this.#view.remoteJoin(peer, name, membersOf(peer, members))
    if (change !== undefined) this.#changed([change])
  }

  #cast(message: unknown, from: Address<never> | undefined): void {
    if (!isTuple(message) || message[0] !== sync) return
    const [, peer, told] = message
    if (!(peer instanceof Address) || !Array.isArray(told) || !this.#nodes.has(peer.node)) return
    if (!speaksFor(from, peer)) return
    const groups = told.flatMap((entry): GroupMembers[] =>
      isTuple(entry) && entry.length === 2 && isGroupName(entry[0])
        ? [[groupName(entry[0]), membersOf(peer, entry[1])]]
        : [],
    )
    this.#meet(peer).synced = true
    const changes = this.#view.sync(peer, groups)
    this.#answered(peer.node)
    this.#changed(changes)
  }

  #meet(peer: Address<never>): Peer {
    const known = this.#peers.get(peer)
    if (known !== undefined) return known
    const met = { undo: this.#process.watch(peer, () => this.#lost(peer)), synced: false }
    this.#peers.set(peer, met)
    this.#view.sync(peer, [])
    return met
  }

  #lost(peer: Address<never>): void {
    const met = this.#peers.get(peer)
    this.#peers.delete(peer)
    this.#changed(this.#view.drop(peer))
    // Another may take its place, and greets us if we are seen; we may not be.
    const { node } = peer
    if (met?.synced && !this.#questions.has(node) && this.#syncedOn(node).length === 0) this.ask(node)
  }
}

function oneOrMany(members: readonly Address<never>[]): unknown {
  return members.length === 1 ? members[0] : members
}

/**
 * What a join or leave names: one process or a list of them. Each scope process speaks for its own node: anything else in
 * it, a process of a third node above all, is no member.
 */
function membersOf(peer: Address<never>, value: unknown): Address<never>[] {
  const named = Array.isArray(value) ? value : [value]
  return named.filter((member) => member instanceof Address && member.node === peer.node)
}
