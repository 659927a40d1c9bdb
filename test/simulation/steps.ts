/** What inhabitants do to each other: each step of a plan, carried out by whoever is there. */
import { genServer } from '../../src/behaviour/index.js'
import type { Node } from '../../src/cluster/node.js'
import type { Address } from '../../src/term/address.js'
import { named } from '../../src/term/named.js'
import type { Ref } from '../../src/term/ref.js'
import type { Simulation } from '../../src/testing/simulation.js'
import { askedReason, type Inhabitant, type Ledger, type Run, textOf, Violation } from './ledger.js'
import type { Step } from './plan.js'
import type { Population } from './population.js'

export const claimNames = ['red', 'green', 'blue']

/** The server that each node has. */
export const echo = genServer({
  init: () => 0,
  calls: { echo: (_state, value: number) => value },
})

/** What steps need. */
export interface StepsParts {
  readonly simulation: Simulation
  readonly ledger: Ledger
  readonly population: Population
  /** Something is not as it should be. */
  readonly failed: (violation: Violation) => void
}

/** See the head of this file. */
export class Steps {
  readonly #simulation: Simulation
  readonly #ledger: Ledger
  readonly #population: Population
  readonly #failed: (violation: Violation) => void
  readonly #calls = new Set<{ readonly run: Run }>()

  constructor({ simulation, ledger, population, failed }: StepsParts) {
    this.#simulation = simulation
    this.#ledger = ledger
    this.#population = population
    this.#failed = failed
  }

  /** Calls that are not over; those of a program that was killed are over with it: nobody is left to see that. */
  get callsPending(): number {
    return [...this.#calls].filter(({ run }) => !run.over).length
  }

  /** Does a step. */
  async perform({ kind, a, b, c }: Step): Promise<void> {
    const by = this.#population.at(a)
    const present = this.#population.at(b)
    if (by === undefined || present === undefined) return
    // Now and then somebody who has lived there before, whose address has been kept.
    const before = this.#population.former.get(present.place) ?? []
    const to = c % 5 === 0 ? (before[c % Math.max(1, before.length)] ?? present) : present
    const { run, self } = by
    if (!this.#population.acts(by)) return this.#population.succeed(by)
    const { node } = run
    const target = addressOn(node, to)
    switch (kind) {
      case 'send':
        return this.send(by, to, c)
      case 'burst':
        for (let left = 40; left > 0; left--) this.send(by, to, c + left)
        return
      case 'large':
        return this.send(by, to, 4 * c, 20_000 + c * 100)
      case 'monitor': {
        if (by === to) return
        const ref = self.monitor(target)
        this.#ledger.watches(by, to, ref)
        return
      }
      case 'demonitor': {
        const refs = [...by.watching.keys()]
        const ref = refs[c % Math.max(1, refs.length)]
        if (ref === undefined) return
        self.demonitor(ref)
        this.#ledger.takesBack(ref)
        return
      }
      case 'link':
        return this.#link(by, to)
      case 'unlink':
        return this.#unlink(by, to)
      case 'entangle':
        // Both link and undo that at once, in any order.
        for (let left = 2 + (c % 4), bits = c * 7; left > 0; left--, bits >>= 2) {
          const [one, other] = bits & 1 ? [by, to] : [to, by]
          if (!this.#population.acts(one)) return
          if (bits & 2) this.#link(one, other)
          else this.#unlink(one, other)
          // So that what was told before is heard before.
          await this.#simulation.settle()
        }
        return
      case 'ask': {
        const { n } = this.#ledger.says(by, to.place, to, '')
        try {
          self.exit(target, askedReason(by, n))
        } catch (error) {
          if ((error as { code?: string }).code !== 'ERR_REIGN_EXIT') throw error
        }
        return
      }
      case 'end':
        // As if its function had come to that.
        self.terminate(c % 3 === 0 ? Symbol.for('normal') : `end-${by.id}`)
        return
      case 'call':
        return this.call(by, to, c)
      case 'claim':
        node.names.register(claimNames[c % claimNames.length] as string, self.address)
        return
      case 'unclaim':
        node.names.unregister(claimNames[c % claimNames.length] as string, self.address)
        return
      case 'join':
        node.groups.join('club', self.address)
        return
      case 'leave':
        node.groups.leave('club', self.address)
        return
      case 'timer': {
        const { now } = this.#simulation
        self.sendAfter(c * 50, self.address, this.#ledger.setsTimer(by, now, now + c * 50))
      }
    }
  }

  #link(by: Inhabitant, to: Inhabitant): void {
    if (by === to) return
    this.#ledger.links(by, to)
    by.self.link(addressOn(by.run.node, to))
  }

  #unlink(by: Inhabitant, to: Inhabitant): void {
    this.#ledger.unlinks(by, to)
    by.self.unlink(addressOn(by.run.node, to))
  }

  send(by: Inhabitant, to: Inhabitant, c: number, length = 4 + (c % 20)): void {
    const { node } = by.run
    const text = (n: number) => textOf(by.id, n, length)
    const said = (target: Inhabitant | undefined) => this.#ledger.says(by, to.place, target, text(by.said + 1))
    if (c % 4 === 0) {
      const name = `inhabitant-${to.place.split('/')[1]}`
      by.self.host.signal(to.run.node.name, {
        op: 'named-message',
        from: by.self.self,
        to: Symbol.for(name),
        message: said(undefined),
      })
    } else if (c % 4 === 1 && to.alive) {
      const alias = aliasOf(to, c)
      node.send(refOn(node, to, alias), said(to))
    } else if (!addressOn(node, to).send(said(to))) this.#ledger.marks.add('busy')
  }

  call(by: Inhabitant, to: Inhabitant, c: number): void {
    const server = by.self.server<typeof echo>(named('echo', to.run.node.name))
    const call = { run: by.run }
    this.#calls.add(call)
    const over = () => this.#calls.delete(call)
    const setMs = this.#simulation.now
    const timeout = c % 2 === 0 ? 500 : 30_000
    server
      .with({ timeout })
      .call.echo(c)
      .then(
        (reply) => {
          over()
          this.#ledger.marks.add('call answered')
          if (reply !== c) this.#failed(new Violation(`a call of echo(${c}) is answered ${reply}`))
        },
        (error: { code: string }) => {
          over()
          this.#ledger.marks.add(`call ${error.code}`)
          if (error.code === 'ERR_REIGN_TIMEOUT') this.#inTime(by.run, setMs, setMs + timeout)
        },
      )
  }

  #inTime({ node, over }: Run, setMs: number, dueMs: number): void {
    if (over) return
    try {
      this.#population.happensInTime('the end of a call', node.name, setMs, dueMs)
    } catch (violation) {
      this.#failed(violation as Violation)
    }
  }
}

/** The address of an inhabitant as a node knows it, to which it came in a message. */
function addressOn(node: Node, { self }: Inhabitant): Address<unknown> {
  const { address } = self
  if (address.node === node.name && address.creation === node.addressBook.self.creation) return address
  address.leave()
  return node.addressBook.address(address.node, address.id, address.serial, address.creation) as Address<unknown>
}

/** A reference of an inhabitant as a node knows it, likewise. */
function refOn(node: Node, of: Inhabitant, ref: Ref): Ref {
  if (of.run.node === node) return ref
  of.run.node.addressBook.refLeaves(ref)
  return node.addressBook.ref(ref.node, ref.creation, ref.words)
}

/** An alias of an inhabitant; some are made, and used again. */
function aliasOf(who: Inhabitant, c: number): Ref {
  if (who.aliases.length < 3) who.aliases.push(who.self.alias())
  return who.aliases[c % who.aliases.length] as Ref
}
