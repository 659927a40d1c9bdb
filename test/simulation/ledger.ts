/**
 * What was done and what was told, of all inhabitants of all runs of all nodes: the oracles of the simulator.
 *
 * It knows what no node can know, as it sees all of them at once. What contradicts a promise (docs/semantics.md) is a
 * {@link Violation}, thrown where it shows.
 */
import type { Node } from '../../src/cluster/node.js'
import type { NodeDown, NodeUp } from '../../src/cluster/node-events.js'
import type { Down, Exit } from '../../src/process/notices.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import type { Ref } from '../../src/term/ref.js'
import { isTuple, tuple } from '../../src/term/tuple.js'
import { GuestBook, type GuestSaid } from './guest-book.js'
import { Violation } from './violation.js'

export { Violation } from './violation.js'

/** One run of a node. */
export interface Run {
  readonly node: Node
  over: boolean
  /** Whether it was told to stop, and goes on until it has come to its end, or the next one starts. */
  leaving: boolean
}

/** What an inhabitant says: the nth thing that it does to anybody. */
export interface Said {
  readonly n: number
  readonly by: number
  /** The inhabitant that it was sent to; -1 when it was sent to a name. */
  readonly to: number
  readonly text: string
}

/** The message of a timer. */
interface TimerSaid {
  readonly timer: number
}

/** Something that was sent, in the order of sending. */
interface Sent {
  readonly n: number
  readonly to: number
}

export interface Monitor {
  readonly by: Inhabitant
  readonly target: Inhabitant
  /** The connection that it was set over; 0 when there was none yet. */
  readonly epoch: number
  state: 'set' | 'fired' | 'taken back'
}

/** How an inhabitant sees another node. */
export interface View {
  up: boolean
  /** Counts the connections. */
  epoch: number
  /** Whether a monitor has already told that this connection is lost. */
  lost: boolean
}

/** What one has heard of another. */
interface Heard {
  lastN: number
  epoch: number
  /** How many of those that were sent to this place have been looked at. */
  at: number
  /** Whether it was told of its end. */
  ended: boolean
  exits: number
}

const noconnection = Symbol.for('noconnection')
const noproc = Symbol.for('noproc')

/** A process, or one that was. */
export class Inhabitant {
  readonly id: number
  /** Its place: the same for all that take it, one after the other, in all runs of the node. */
  readonly place: string
  readonly run: Run
  readonly self: Process<unknown>
  /** How it is written on all nodes. */
  readonly text: string
  said = 0
  readonly sent = new Map<string, Sent[]>()
  readonly heard = new Map<Inhabitant, Heard>()
  readonly views = new Map<string, View>()
  /** How often it has tied itself to another, and undone that: both in one order. */
  readonly ties = new Map<Inhabitant, { links: number; lastUnlink: number; lastLink: number }>()
  readonly aliases: Ref[] = []
  /** The monitors that it has set and that have neither fired nor been taken back. */
  readonly watching = new Map<Ref, Monitor>()

  constructor(id: number, place: string, run: Run, self: Process<unknown>) {
    this.id = id
    this.place = place
    this.run = run
    this.self = self
    this.text = String(self.address)
    for (const other of run.node.nodes()) this.views.set(other, { up: true, epoch: 1, lost: false })
  }

  get alive(): boolean {
    return !this.run.over && this.self.alive
  }

  view(node: string): View {
    const known = this.views.get(node)
    if (known !== undefined) return known
    const made = { up: false, epoch: 0, lost: false }
    this.views.set(node, made)
    return made
  }
}

/** See the head of this file. */
export class Ledger {
  readonly inhabitants: Inhabitant[] = []
  readonly #byText = new Map<string, Inhabitant>()
  readonly monitors = new Map<Ref, Monitor>()
  /** Kinds of things that have happened: a run in which too few do shows nothing. */
  readonly marks = new Set<string>()
  readonly guests: GuestBook = new GuestBook()
  readonly #timers: { readonly by: Inhabitant; readonly setMs: number; readonly dueMs: number; told: boolean }[] = []
  /** Whether something happens when it is due. @throws {@link Violation} */
  inTime: (what: string, of: string, setMs: number, dueMs: number) => void = () => {}
  heardCount = 0
  lostCount = 0
  #ties = 0
  readonly #note: (...what: (number | string)[]) => void

  /** @param note Takes down what has happened, for the trace. */
  constructor(note: (...what: (number | string)[]) => void) {
    this.#note = note
  }

  moveIn(place: string, run: Run, self: Process<unknown>): Inhabitant {
    const made = new Inhabitant(this.inhabitants.length, place, run, self)
    this.inhabitants.push(made)
    if (this.#byText.has(made.text)) throw new Violation(`two processes have had the address ${made.text}`)
    this.#byText.set(made.text, made)
    return made
  }

  // --- what inhabitants do ------------------------------------------------------------------------------------------

  /** The next thing that somebody says to a place: to whom it is addressed, or to the name of the place. */
  says(by: Inhabitant, place: string, to: Inhabitant | undefined, text: string): Said {
    const n = ++by.said
    const list = by.sent.get(place)
    const sent = { n, to: to?.id ?? -1 }
    if (list === undefined) by.sent.set(place, [sent])
    else list.push(sent)
    return { n, by: by.id, to: sent.to, text }
  }

  watches(by: Inhabitant, target: Inhabitant, ref: Ref): void {
    const view = by.view(target.run.node.name)
    const monitor: Monitor = { by, target, epoch: view.up ? view.epoch : 0, state: 'set' }
    this.monitors.set(ref, monitor)
    by.watching.set(ref, monitor)
  }

  takesBack(ref: Ref): void {
    const monitor = this.monitors.get(ref) as Monitor
    monitor.state = 'taken back'
    monitor.by.watching.delete(ref)
  }

  links(by: Inhabitant, to: Inhabitant): void {
    const ties = tiesOf(by, to)
    ties.links++
    ties.lastLink = ++this.#ties
  }

  unlinks(by: Inhabitant, from: Inhabitant): void {
    tiesOf(by, from).lastUnlink = ++this.#ties
  }

  /** A timer for somebody's own mailbox; its message. */
  setsTimer(by: Inhabitant, setMs: number, dueMs: number): TimerSaid {
    this.#timers.push({ by, setMs, dueMs, told: false })
    return { timer: this.#timers.length - 1 }
  }

  // --- what they are told -------------------------------------------------------------------------------------------

  /** Whatever an inhabitant takes out of its mailbox. */
  told(who: Inhabitant, message: unknown): void {
    if (!who.alive) throw new Violation(`${who.text} has ended, and gets a message`)
    const { type } = message as { type?: string }
    if (type === 'DOWN') this.#down(who, message as Down)
    else if (type === 'EXIT') this.#exit(who, message as Exit)
    else if (type === 'nodeup') this.#nodeUp(who, (message as NodeUp).node)
    else if (type === 'nodedown') this.#nodeDown(who, message as NodeDown)
    else if (isSaid(message)) this.#said(who, message)
    else if (isGuestSaid(message)) this.#guestSaid(who, message)
    else if (isTimerSaid(message)) this.#timer(who, message)
    else throw new Violation(`${who.text} gets what nobody has sent: ${JSON.stringify(message)}`)
  }

  #said(who: Inhabitant, { n, by: id, to, text }: Said): void {
    const by = this.#inhabitant(id)
    this.#note('said', who.id, id, n)
    this.heardCount++
    if (to !== -1 && to !== who.id) {
      throw new Violation(`P4: ${who.text} gets what was sent to ${this.#inhabitant(to).text}`)
    }
    if (text !== textOf(id, n, text.length)) throw new Violation(`P2: message ${n} of ${by.text} was altered`)
    if (to === -1) this.marks.add('message by name')
    this.#inOrder(who, by, n)
  }

  #timer(who: Inhabitant, { timer }: TimerSaid): void {
    const set = this.#timers[timer]
    this.#note('timer', who.id, timer)
    if (set?.by !== who) throw new Violation(`${who.text} is told of a timer that it has not set`)
    if (set.told) throw new Violation(`${who.text} is told twice of a timer`)
    set.told = true
    this.marks.add('timer')
    this.inTime('a timer', who.run.node.name, set.setMs, set.dueMs)
  }

  #guestSaid(who: Inhabitant, message: GuestSaid): void {
    this.#note('guest', who.id, message.guest, message.n)
    this.marks.add('guest heard')
    this.guests.said(who, message)
  }

  /** Order, no duplicates, no holes inside a connection, and none outside of one. */
  #inOrder(who: Inhabitant, by: Inhabitant, n: number): void {
    const node = by.run.node.name
    const local = by.run === who.run
    const view = who.view(node)
    if (!local && !view.up) throw new Violation(`P3: ${who.text} hears of ${by.text} before its node is up`)
    if (!local && view.lost) throw new Violation(`P3: ${who.text} hears of ${by.text} after it was told of the loss`)
    const heard = heardOf(who, by)
    if (heard.ended) throw new Violation(`P1: ${who.text} hears of ${by.text} after it was told of its end`)
    if (n <= heard.lastN) {
      throw new Violation(`P1: ${who.text} hears number ${n} of ${by.text} after number ${heard.lastN}`)
    }
    const epoch = local ? 1 : view.epoch
    const sent = by.sent.get(who.place) ?? []
    for (; heard.at < sent.length && (sent[heard.at] as Sent).n < n; heard.at++) {
      const missed = sent[heard.at] as Sent
      if (missed.n <= heard.lastN || (missed.to !== who.id && missed.to !== -1)) continue
      if (heard.epoch === epoch && heard.lastN > 0) {
        throw new Violation(`P2: ${who.text} hears number ${n} of ${by.text}, but never number ${missed.n} before it`)
      }
      this.lostCount++
      this.marks.add('message lost')
    }
    heard.lastN = n
    heard.epoch = epoch
  }

  #down(who: Inhabitant, { ref, address, reason }: Down): void {
    const monitor = this.monitors.get(ref)
    this.#note('down', who.id, String(reason))
    if (monitor === undefined) throw new Violation(`${who.text} is told of a monitor that nobody has set`)
    const { target, by, state } = monitor
    if (by !== who) throw new Violation(`P4: ${who.text} is told of a monitor of ${by.text}`)
    if (state !== 'set') throw new Violation(`P3: a monitor of ${who.text} fires, and was ${state}`)
    if ('id' in address && String(address) !== target.text) {
      throw new Violation(`a monitor of ${who.text} on ${target.text} tells of ${address}`)
    }
    monitor.state = 'fired'
    who.watching.delete(ref)
    this.#ending(who, target, reason, 'DOWN')
  }

  #exit(who: Inhabitant, { from, reason }: Exit): void {
    const by = this.#byText.get(String(from))
    this.#note('exit', who.id, String(from), String(isTuple(reason) ? reason[2] : reason))
    if (by === undefined && this.guests.knows(from.node)) return this.guests.exit(who, from, reason)
    if (by === undefined) throw new Violation(`${who.text} is told of the exit of ${from}, which never was`)
    // What one has asked of another is the reason of that other's own end, too, as it is told to those that are linked.
    if (isTuple(reason) && reason[0] === asked && reason[1] === by.id && hasSaid(by, who, reason[2] as number)) {
      return this.#inOrder(who, by, reason[2] as number)
    }
    const mine = tiesOf(who, by)
    const theirs = tiesOf(by, who)
    const heard = heardOf(who, by)
    if (++heard.exits > mine.links + theirs.links) {
      throw new Violation(`P3: ${who.text} is told ${heard.exits} times of ends of links with ${by.text}`)
    }
    if (theirs.links === 0 && mine.lastUnlink > mine.lastLink) {
      throw new Violation(`${who.text} is told of the end of a link with ${by.text} that it has undone`)
    }
    this.#ending(who, by, reason, 'EXIT')
  }

  /** The end of a process, as another was told it. */
  #ending(who: Inhabitant, target: Inhabitant, reason: unknown, kind: 'DOWN' | 'EXIT'): void {
    const view = who.view(target.run.node.name)
    if (reason === noconnection) {
      // It may be the target's own reason: whom the loss of another connection has ended by a link.
      if (isEnded(target) && target.self.exitReason === noconnection) return
      if (target.run === who.run) throw new Violation(`${who.text} has lost the connection with its own node`)
      this.marks.add(`${kind} noconnection`)
      if (view.up) view.lost = true
      return
    }
    if (target.alive) throw new Violation(`${who.text} is told that ${target.text} has ended (${kind}), and it lives`)
    heardOf(who, target).ended = true
    if (reason === noproc) {
      this.marks.add(`${kind} noproc`)
      return
    }
    this.marks.add(`${kind} reason`)
    if (target.run !== who.run && !view.up) throw new Violation(`P3: ${kind} of ${target.text} without a connection`)
    if (target.run.over && !isEnded(target)) throw new Violation(`${target.text} was killed, and told why it ended`)
    const own = target.self.exitReason
    if (!sameReason(own, reason)) {
      throw new Violation(`${who.text} is told that ${target.text} ended with ${show(reason)}, not ${show(own)}`)
    }
  }

  #nodeUp(who: Inhabitant, node: string): void {
    const view = who.view(node)
    this.#note('nodeup', who.id, node)
    if (view.up) throw new Violation(`P3: ${who.text} is told twice that ${node} is up`)
    Object.assign(view, { up: true, epoch: view.epoch + 1, lost: false })
    this.marks.add('nodeup')
  }

  #nodeDown(who: Inhabitant, { node, reason }: NodeDown): void {
    const view = who.view(node)
    this.#note('nodedown', who.id, node, reason)
    if (!view.up) throw new Violation(`P3: ${who.text} is told that ${node} is down, which was not up`)
    view.up = false
    this.marks.add(`nodedown ${reason}`)
    for (const { target, epoch } of who.watching.values()) {
      if (target.run.node.name === node && epoch === view.epoch) {
        throw new Violation(
          `P3: ${who.text} is told that ${node} is down, and its monitor on ${target.text} has not fired`,
        )
      }
    }
  }

  #inhabitant(id: number): Inhabitant {
    const found = this.inhabitants[id]
    if (found === undefined) throw new Violation(`nobody has the number ${id}`)
    return found
  }

  byAddress(address: Address<never>): Inhabitant | undefined {
    return this.#byText.get(String(address))
  }
}

/** The reason of an exit that somebody has asked for. */
export const asked: symbol = Symbol.for('asked')
export const askedReason = (by: Inhabitant, n: number): unknown => tuple(asked, by.id, n)

/** What a message says: of a length that is given, and unlike any other. */
export function textOf(by: number, n: number, length: number): string {
  return `${by}.${n}.`.repeat(Math.ceil(length / 4)).slice(0, length)
}

function isSaid(message: unknown): message is Said {
  return typeof message === 'object' && message !== null && 'n' in message && 'by' in message && 'text' in message
}

function isTimerSaid(message: unknown): message is TimerSaid {
  return typeof message === 'object' && message !== null && 'timer' in message
}

function isGuestSaid(message: unknown): message is GuestSaid {
  return typeof message === 'object' && message !== null && 'guest' in message && 'n' in message
}

function hasSaid(by: Inhabitant, to: Inhabitant, n: number): boolean {
  return by.sent.get(to.place)?.some((sent) => sent.n === n && sent.to === to.id) ?? false
}

function heardOf(who: Inhabitant, by: Inhabitant): Heard {
  const known = who.heard.get(by)
  if (known !== undefined) return known
  const made = { lastN: 0, epoch: 0, at: 0, ended: false, exits: 0 }
  who.heard.set(by, made)
  return made
}

function tiesOf(who: Inhabitant, to: Inhabitant) {
  const known = who.ties.get(to)
  if (known !== undefined) return known
  const made = { links: 0, lastUnlink: 0, lastLink: 0 }
  who.ties.set(to, made)
  return made
}

function isEnded({ self }: Inhabitant): boolean {
  return !self.alive
}

function sameReason(a: unknown, b: unknown): boolean {
  return show(a) === show(b)
}

function show(reason: unknown): string {
  return isTuple(reason) ? `{${reason.map(show).join(', ')}}` : String(reason)
}
