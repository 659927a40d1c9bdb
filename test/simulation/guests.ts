/**
 * Guests of a simulated cluster: nodes that are let in and then speak wrongly, or rightly, in all ways there are. Whatever they say, their host
 * and everybody else go on; who breaks the protocol is put out, with one line in the log; and nothing is left of them when they are gone.
 */
import type { Simulation } from '../../src/testing/simulation.js'
import { Guest } from './guest.js'
import { type Manner, manners, type Party } from './guest-manners.js'
import type { Ledger, Run } from './ledger.js'
import { nameOf, type Visit } from './plan.js'
import type { Population } from './population.js'
import { Violation } from './violation.js'

/** How many things a guest does, at most, and how long it takes for each, in milliseconds. */
const deedsMax = 5
const deedMs = 3_000
/** How long it stays afterwards. */
const staysMs = 60_000
const closing = 'closed a connection: the peer broke the protocol'

/** What guests need. */
export interface GuestsParts {
  readonly simulation: Simulation
  readonly ledger: Ledger
  readonly population: Population
}

interface Stay {
  readonly guest: Guest
  /** The run of its host that let it in. */
  run: Run | undefined
  /** Whether it has broken the protocol. */
  breached: boolean
}

/** See the head of this file. */
export class Guests {
  readonly #parts: GuestsParts
  readonly #stays: Stay[] = []

  constructor(parts: GuestsParts) {
    this.#parts = parts
  }

  /** Somebody comes, and does as its seed says. */
  invite({ door, seed }: Visit): void {
    const { simulation, ledger, population } = this.#parts
    const name = `guest-${this.#stays.length}@sim`
    const guest = new Guest(simulation, name, nameOf(door), seed, seed % 2 === 0)
    const stay: Stay = { guest, run: undefined, breached: false }
    this.#stays.push(stay)
    const record = ledger.guests.enter(name)
    guest.enter(() => {
      stay.run = population.runs.get(guest.door)
      ledger.marks.add('guest let in')
      this.#behave(stay, { guest, record, ledger, population })
    })
  }

  #behave(stay: Stay, party: Party): void {
    const { clock } = this.#parts.simulation
    const { guest } = party
    const { random } = guest
    let atMs = 0
    const at = (deed: () => void) => clock.setTimer(() => guest.isIn && deed(), atMs)
    for (let left = 1 + random.int(deedsMax); left > 0; left--) {
      const manner = random.pick(manners) as Manner
      at(() => {
        if (manner.breaks) stay.breached = true
        party.ledger.marks.add(`guest ${manner.name}`)
        manner.act(party)
      })
      atMs += random.between(0, deedMs)
    }
    // Some are never heard of again, until they are put out; some say no more than that they are there.
    if (random.chance(0.3)) return
    for (const end = atMs + random.between(0, staysMs); atMs < end; atMs += 2_000) at(() => guest.tick())
    const politely = random.chance(0.5)
    // Who is to be put out waits for it.
    at(() => stay.breached || guest.leave(politely))
  }

  /** All that are still there leave, but those who are to be put out. */
  sendHome(): void {
    for (const { guest, breached } of this.#stays)
      if (guest.end === undefined && !(breached && guest.isIn)) guest.leave(true)
  }

  /** Who has broken the protocol was put out, and the log says so once; of the others it says nothing of the kind. */
  check(): void {
    const { log } = this.#parts.simulation
    const told = new Map<unknown, number>()
    for (const { fields, message } of log) {
      if (message !== closing) continue
      const { peer } = fields as { peer?: string }
      told.set(peer, (told.get(peer) ?? 0) + 1)
    }
    for (const { guest, run, breached } of this.#stays) {
      const lines = told.get(guest.name) ?? 0
      told.delete(guest.name)
      if (lines > (breached ? 1 : 0)) throw new Violation(`${lines} lines say that ${guest.name} broke the protocol`)
      if (guest.isDeaf) guest.hangUp()
      if (!breached || run === undefined || run.over) continue
      if (guest.end !== 'put out' && !guest.isDeaf)
        throw new Violation(`${guest.name} broke the protocol, and was not put out`)
      if (lines === 0 && !guest.isDeaf) throw new Violation(`${guest.name} was put out, and no line says so`)
    }
    if (told.size > 0) throw new Violation(`members broke the protocol: ${[...told.keys()].join(' ')}`)
  }
}
