/**
 * A simulated cluster with inhabitants on its nodes, who do what a plan says, in the weather that it says, watched by a {@link Ledger}.
 */
import { genServer } from '../../src/behaviour/index.js'
import type { Node } from '../../src/cluster/node.js'
import type { Peers } from '../../src/cluster/peers.js'
import type { Process } from '../../src/process/process.js'
import type { Address } from '../../src/term/address.js'
import { named } from '../../src/term/named.js'
import type { Ref } from '../../src/term/ref.js'
import { Simulation } from '../../src/testing/simulation.js'
import { clearSky, type Deed, deedsOf } from '../../src/testing/weather.js'
import { askedReason, type Inhabitant, Ledger, type Run, textOf, Violation } from './ledger.js'
import { type Knock, nameOf, type Plan, type Step } from './plan.js'
import { knock } from './stranger.js'

/** Inhabitants of each node. */
const perNode = 4
const claimNames = ['red', 'green', 'blue']
/** How long everything may take to be as it should, once the weather is fine: in milliseconds. */
const meetMs = 150_000
const agreeMs = 5_000
/** So little may wait for a peer here, so that it is reached: in bytes. */
const limits = { outboxSoftBytes: 8 * 1024, outboxHardBytes: 128 * 1024 }

const echo = genServer({
  init: () => 0,
  calls: { echo: (_state, value: number) => value },
})

/** What came of a run. */
export interface Outcome {
  readonly hash: string
  readonly marks: ReadonlySet<string>
  /** Virtual milliseconds. */
  readonly ms: number
  readonly heard: number
  readonly lost: number
}

/** See the head of this file. */
export class World {
  readonly simulation: Simulation
  readonly ledger: Ledger
  readonly #plan: Plan
  readonly #names: readonly string[]
  readonly #runs = new Map<string, Run>()
  readonly #places = new Map<string, Inhabitant>()
  /** All that have ever lived at a place. */
  readonly #former = new Map<string, Inhabitant[]>()
  #violation: unknown
  #passes = 0
  readonly #calls = new Set<{ readonly run: Run }>()
  /** Processes and timers of each node before anybody moves in. */
  readonly #empty = new Map<string, number>()

  constructor(plan: Plan) {
    this.#plan = plan
    this.#names = Array.from({ length: plan.nodes }, (_, index) => nameOf(index))
    this.simulation = new Simulation({
      seed: plan.seed,
      nodes: this.#names,
      spec: { tickTimeMs: plan.tickTimeMs },
      options: { limits },
      windowBytes: 16 * 1024,
    })
    this.ledger = new Ledger((...what) => this.simulation.note(...what))
  }

  /** Does what the plan says, to the end. @throws {@link Violation} when a promise is not kept. */
  async perform(): Promise<void> {
    await this.#open()
    await this.#live()
    await this.#rest()
    await this.#close()
  }

  get outcome(): Outcome {
    const { simulation, ledger } = this
    const { marks, heardCount: heard, lostCount: lost } = ledger
    return { hash: simulation.traceHash, marks, ms: simulation.now, heard, lost }
  }

  async #open(): Promise<void> {
    for (const name of this.#names) {
      await this.simulation.start(name)
      this.#started(name)
    }
  }

  // --- life ---------------------------------------------------------------------------------------------------------

  /** Everything that the plan has, at its time. */
  async #live(): Promise<void> {
    const { steps, faults, knocks, minutes } = this.#plan
    const weather = deedsOf(this.simulation, faults, (name) => this.#started(name))
    const deeds: Deed[] = [
      ...steps.map((step) => ({ atMs: step.atMs, what: step.kind, perform: () => this.#step(step) })),
      ...weather.map((deed) => ({ ...deed, perform: () => this.#fault(deed) })),
      ...knocks.map((each) => ({ atMs: each.atMs, what: 'knock', perform: () => this.#knock(each) })),
    ]
    deeds.sort((a, b) => a.atMs - b.atMs)
    for (const { atMs, perform } of deeds) {
      await this.#pass(Math.max(0, atMs - this.simulation.now))
      await perform()
    }
    await this.#pass(Math.max(0, minutes * 60_000 - this.simulation.now))
  }

  async #pass(ms: number): Promise<void> {
    await this.simulation.run(ms)
    if (this.#violation !== undefined) throw this.#violation
    // Looking at all connections after each step would be most of what a run does.
    if (this.#passes++ % 8 > 0) return
    const bound = limits.outboxHardBytes + 64 * 1024
    for (const node of this.simulation.running) {
      for (const { peer, outbox } of connectionsOf(node)) {
        if (outbox.bytesWaiting > bound) {
          throw new Violation(`P7: ${outbox.bytesWaiting} bytes wait at ${node.name} for ${peer.name}`)
        }
      }
    }
  }

  async #fault(deed: Deed): Promise<void> {
    const before = new Map(this.#runs)
    await deed.perform()
    this.ledger.marks.add(`fault ${deed.what.split(' ')[0]}`)
    // One that is being stopped goes on until it has come to its end, or the next one starts.
    if (deed.what.startsWith('stop')) return
    for (const [name, run] of before) if (!this.simulation.runs(name)) run.over = true
  }

  #knock({ door, seed }: Knock): void {
    knock(this.simulation, nameOf(door), seed)
  }

  /** A run has begun: inhabitants move in. */
  #started(name: string): void {
    const node = this.simulation.node(name)
    const previous = this.#runs.get(name)
    if (previous !== undefined) previous.over = true
    const run: Run = { node, over: false }
    this.#runs.set(name, run)
    node.groups.scope()
    node.spawn({ name: 'echo-starter' }, async (self) => {
      await self.start({ name: 'echo' }, echo)
      await self.receive()
    })
    this.#empty.set(name, node.processes().length + 1)
    for (let n = 0; n < perNode; n++) this.#moveIn(run, n)
  }

  #moveIn(run: Run, n: number): void {
    const { node } = run
    const place = `${node.name}/${n}`
    let made: Inhabitant | undefined
    node.spawn({ name: `inhabitant-${n}` }, async (self: Process<unknown>) => {
      // Most of them live through the ends of others, and can tell of them.
      self.trapExit = n > 0
      made = this.ledger.moveIn(place, run, self)
      this.#places.set(place, made)
      const before = this.#former.get(place)
      if (before === undefined) this.#former.set(place, [made])
      else before.push(made)
      node.monitorNodes(self)
      for await (const message of self) this.#hears(made, message)
    })
  }

  #hears(who: Inhabitant, message: unknown): void {
    try {
      this.ledger.told(who, message)
    } catch (error) {
      this.#violation ??= error
    }
  }

  // --- steps --------------------------------------------------------------------------------------------------------

  /** The one whose number in a plan this is; `undefined` when nobody is there who could do or hear anything. */
  #at(number: number): Inhabitant | undefined {
    const name = this.#names[number % this.#names.length] as string
    return this.#places.get(`${name}/${Math.floor(number / this.#names.length) % perNode}`)
  }

  async #step({ kind, a, b, c }: Step): Promise<void> {
    const by = this.#at(a)
    const present = this.#at(b)
    if (by === undefined || present === undefined) return
    // Now and then somebody who has lived there before, whose address has been kept.
    const before = this.#former.get(present.place) ?? []
    const to = c % 5 === 0 ? (before[c % Math.max(1, before.length)] ?? present) : present
    const { run, self } = by
    // A place that is empty is taken by somebody else, if the node runs: that is what ends and restarts do.
    if (!this.#acts(by)) {
      const isEmpty = !by.alive && !run.over && this.simulation.runs(run.node.name) && !this.#isFrozen(run)
      if (isEmpty) this.#moveIn(run, Number(by.place.split('/')[1]))
      return
    }
    const { node } = run
    const target = addressOn(node, to)
    switch (kind) {
      case 'send':
        return this.#send(by, to, c)
      case 'burst':
        for (let left = 40; left > 0; left--) this.#send(by, to, c + left)
        return
      case 'large':
        return this.#send(by, to, 4 * c, 20_000 + c * 100)
      case 'monitor': {
        if (by === to) return
        const ref = self.monitor(target)
        this.ledger.watches(by, to, ref)
        return
      }
      case 'demonitor': {
        const refs = [...by.watching.keys()]
        const ref = refs[c % Math.max(1, refs.length)]
        if (ref === undefined) return
        self.demonitor(ref)
        this.ledger.takesBack(ref)
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
          if (!this.#acts(one)) return
          if (bits & 2) this.#link(one, other)
          else this.#unlink(one, other)
          // So that what was told before is heard before.
          await this.simulation.settle()
        }
        return
      case 'ask': {
        const { n } = this.ledger.says(by, to.place, to, '')
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
        return this.#call(by, to, c)
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
    }
  }

  /** Whether somebody can do anything: not one who has ended, nor on a node that stands still. */
  #acts(by: Inhabitant): boolean {
    return by.alive && !this.#isFrozen(by.run)
  }

  #isFrozen({ node, over }: Run): boolean {
    return !over && this.simulation.network.machine(node.name).isFrozen
  }

  #link(by: Inhabitant, to: Inhabitant): void {
    if (by === to) return
    this.ledger.links(by, to)
    by.self.link(addressOn(by.run.node, to))
  }

  #unlink(by: Inhabitant, to: Inhabitant): void {
    this.ledger.unlinks(by, to)
    by.self.unlink(addressOn(by.run.node, to))
  }

  #send(by: Inhabitant, to: Inhabitant, c: number, length = 4 + (c % 20)): void {
    const { node } = by.run
    const text = (n: number) => textOf(by.id, n, length)
    const said = (target: Inhabitant | undefined) => this.ledger.says(by, to.place, target, text(by.said + 1))
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
    } else if (!addressOn(node, to).send(said(to))) this.ledger.marks.add('busy')
  }

  #call(by: Inhabitant, to: Inhabitant, c: number): void {
    const server = by.self.server<typeof echo>(named('echo', to.run.node.name))
    const call = { run: by.run }
    this.#calls.add(call)
    const over = () => this.#calls.delete(call)
    const timeout = c % 2 === 0 ? 500 : 30_000
    server
      .with({ timeout })
      .call.echo(c)
      .then(
        (reply) => {
          over()
          this.ledger.marks.add('call answered')
          if (reply !== c) this.#violation ??= new Violation(`a call of echo(${c}) is answered ${reply}`)
        },
        (error: { code: string }) => {
          over()
          this.ledger.marks.add(`call ${error.code}`)
        },
      )
  }

  // --- rest ---------------------------------------------------------------------------------------------------------

  /** The weather is fine again: soon everything is as it should be, to the last table. */
  async #rest(): Promise<void> {
    const { simulation } = this
    for (const knocked of this.#runs.keys()) if (!simulation.runs(knocked)) (this.#runs.get(knocked) as Run).over = true
    await clearSky(simulation, (name) => this.#started(name))
    const others = this.#names.length - 1
    await this.#within(meetMs, 'all nodes are connected', () =>
      simulation.running.every((node) => node.nodes().length === others),
    )
    await this.#pass(agreeMs)
    this.#agree()
    await this.#everybodyHears()
    this.#tablesAgree()
  }

  async #within(ms: number, what: string, condition: () => boolean): Promise<void> {
    for (let left = ms; !condition(); left -= 500) {
      if (left <= 0) throw new Violation(`not so within ${ms} ms of fine weather: ${what}`)
      await this.#pass(500)
    }
  }

  /** Names and groups are the same on all nodes, and have those in them who live and say so. */
  #agree(): void {
    const living = new Set([...this.#places.values()].filter(({ alive }) => alive).map(({ text }) => text))
    const views = [...claimNames.map((name) => [name, 'reign'] as const), ['club', 'pg'] as const]
    for (const [group, scopeName] of views) {
      const own = this.simulation.running.map((node) => node.groups.scope(scopeName).localMembers(group))
      const all = own.flat().map(String).sort()
      if (all.length > 0) this.ledger.marks.add(`members of ${group}`)
      for (const member of all) if (!living.has(member)) throw new Violation(`${member} is in ${group}, and has ended`)
      for (const node of this.simulation.running) {
        const seen = node.groups.scope(scopeName).members(group).map(String).sort()
        if (seen.join() !== all.join()) {
          throw new Violation(`P11: ${node.name} sees in ${group}: ${seen.join(' ')}; there are: ${all.join(' ')}`)
        }
      }
    }
  }

  /** Nothing is lost any more. */
  async #everybodyHears(): Promise<void> {
    const living = [...this.#places.values()].filter(({ alive }) => alive)
    const last = new Map<Inhabitant, Map<Inhabitant, number>>()
    for (const by of living) {
      const said = new Map<Inhabitant, number>()
      last.set(by, said)
      for (const to of living) {
        this.#send(by, to, 2)
        said.set(to, by.said)
      }
      this.#call(by, living[0] as Inhabitant, 1)
    }
    await this.#pass(40_000)
    for (const [by, said] of last) {
      for (const [to, n] of said) {
        if (to.heard.get(by)?.lastN !== n) throw new Violation(`${to.text} never hears number ${n} of ${by.text}`)
      }
    }
    // Those of a program that was killed are over with it: nobody is left to see that.
    const pending = [...this.#calls].filter(({ run }) => !run.over).length
    if (pending > 0) throw new Violation(`${pending} calls are never over`)
  }

  /** Links are links at both ends, monitors are known at both ends, and none is left of who has ended. */
  #tablesAgree(): void {
    const living = [...this.#places.values()].filter(({ alive }) => alive)
    const info = new Map(living.map((each) => [each, infoOf(each)]))
    for (const who of living) {
      const { links, monitors, monitored_by } = infoOf(who)
      for (const address of links) {
        const other = this.ledger.byAddress(address)
        const theirs = other && info.get(other)?.links
        if (theirs === undefined) throw new Violation(`${who.text} is linked with ${address}, who has ended`)
        if (!theirs.some((each) => String(each) === who.text)) {
          throw new Violation(`${who.text} is linked with ${address}, who is not linked with it`)
        }
      }
      for (const { target } of who.watching.values()) {
        if (!target.alive) throw new Violation(`${who.text} was never told of the end of ${target.text}`)
      }
      if (monitors.length !== who.watching.size) {
        throw new Violation(`${who.text} has ${monitors.length} monitors, and has set ${who.watching.size}`)
      }
      const watchers = living.flatMap((by) => [...by.watching.values()].filter(({ target }) => target === who))
      // Groups watch their members, too.
      const watched = monitored_by.filter((address) => this.ledger.byAddress(address) !== undefined)
      if (watched.length !== watchers.length) {
        throw new Violation(`${who.text} is watched by ${watched.length}, and should be by ${watchers.length}`)
      }
    }
  }

  /** Everybody leaves; nothing of them may be left, and nothing of the cluster when it has stopped. */
  async #close(): Promise<void> {
    const { simulation } = this
    for (const who of this.#places.values()) if (who.alive) who.self.terminate(Symbol.for('shutdown'))
    await this.#pass(60_000)
    for (const node of simulation.running) {
      const processes = node.processes().length
      const before = this.#empty.get(node.name)
      if (processes !== before) throw new Violation(`${node.name} has ${processes} processes left, not ${before}`)
    }
    const errors = simulation.log.filter(({ level }) => level === 'error')
    if (errors.length > 0) throw new Violation(`an error was logged: ${JSON.stringify(errors[0])}`)
    await simulation.close()
    const left = { streams: simulation.network.streamCount, timers: simulation.clock.timersPending }
    if (left.streams > 0 || left.timers > 0) {
      throw new Violation(`left behind: ${left.streams} ends of streams, ${left.timers} timers`)
    }
  }
}

function connectionsOf(node: Node) {
  return (node.router.remote as Peers).connected()
}

function infoOf(who: Inhabitant) {
  const info = who.run.node.processInfo(who.self.address)
  if (info === undefined) throw new Violation(`${who.text} lives, and is not to be found`)
  return info
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
