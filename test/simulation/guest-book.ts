/**
 * What guests have said and done that they may, so that nothing else of them is heard: a guest can send to anybody, link with and ask
 * anybody to exit, as itself.
 */
import type { Address } from '../../src/term/address.js'
import { isTuple, tuple } from '../../src/term/tuple.js'
import type { Inhabitant, View } from './ledger.js'
import { Violation } from './violation.js'

/** The reason of an exit that a guest has asked for, or ended a link with. */
const guestly: symbol = Symbol.for('guestly')
const noconnection = Symbol.for('noconnection')

/** What a guest says. */
export interface GuestSaid {
  readonly guest: number
  readonly n: number
}

/** What one guest has done so far. */
export class GuestRecord {
  readonly id: number
  readonly node: string
  /** To whom each thing was said, by its number; -1 for whoever has a name. */
  readonly to: number[] = []
  /** The number of the last thing that each inhabitant has heard. */
  readonly heard = new Map<Inhabitant, number>()
  /** How often it has linked with each, and how often that has ended. */
  readonly links = new Map<Inhabitant, number>()
  readonly exits = new Map<Inhabitant, number>()

  constructor(id: number, node: string) {
    this.id = id
    this.node = node
  }

  /** The next thing that it says, to an inhabitant or to a name. */
  says(to: Inhabitant | undefined): GuestSaid {
    this.to.push(to?.id ?? -1)
    return { guest: this.id, n: this.to.length }
  }

  /** The reason of the next exit that it asks for, or ends a link with. */
  reason(to: Inhabitant): unknown {
    const { guest, n } = this.says(to)
    return tuple(guestly, guest, n)
  }

  linksWith(who: Inhabitant): void {
    this.links.set(who, (this.links.get(who) ?? 0) + 1)
  }
}

/** See the head of this file. */
export class GuestBook {
  readonly #records: GuestRecord[] = []
  readonly #byNode = new Map<string, GuestRecord>()

  enter(node: string): GuestRecord {
    const made = new GuestRecord(this.#records.length, node)
    this.#records.push(made)
    this.#byNode.set(node, made)
    return made
  }

  knows(node: string): boolean {
    return this.#byNode.has(node)
  }

  /** Somebody is told something by a guest. */
  said(who: Inhabitant, { guest, n }: GuestSaid): void {
    const record = this.#records[guest]
    if (record === undefined) throw new Violation(`${who.text} is told something by a guest that never was`)
    this.#heard(who, record, n)
  }

  #heard(who: Inhabitant, record: GuestRecord, n: number): void {
    const { node } = record
    const to = record.to[n - 1]
    if (to === undefined) throw new Violation(`P4: ${who.text} is told by ${node} what it has not said`)
    if (to !== -1 && to !== who.id) throw new Violation(`P4: ${who.text} is told by ${node} what was for another`)
    const last = record.heard.get(who) ?? 0
    if (n <= last) throw new Violation(`P1: ${who.text} hears number ${n} of ${node} after number ${last}`)
    record.heard.set(who, n)
    this.#connected(who, who.view(node), node)
  }

  #connected(who: Inhabitant, view: View, node: string): void {
    if (!view.up) throw new Violation(`P3: ${who.text} hears of ${node} while that is not up`)
    if (view.lost) throw new Violation(`P3: ${who.text} hears of ${node} after it was told of the loss`)
  }

  /** Somebody is told of an exit of a guest's process. */
  exit(who: Inhabitant, from: Address<never>, reason: unknown): void {
    const { node } = from
    const record = this.#byNode.get(node) as GuestRecord
    if (isTuple(reason) && reason[0] === guestly && reason[1] === record.id) {
      return this.#heard(who, record, reason[2] as number)
    }
    if (reason !== noconnection)
      throw new Violation(`P4: ${who.text} is told of an exit that ${node} has not asked for`)
    const exits = (record.exits.get(who) ?? 0) + 1
    record.exits.set(who, exits)
    if (exits > (record.links.get(who) ?? 0)) {
      throw new Violation(`P3: ${who.text} is told ${exits} times that its links with ${node} are lost`)
    }
    const view = who.view(node)
    if (view.up) view.lost = true
  }
}
