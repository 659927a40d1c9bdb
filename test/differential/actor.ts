/**
 * The script language: actors, and what they can be told to do.
 *
 * When the promise of a command resolves it has been carried out, and what it sent has arrived: the actor has made a round
 * trip to its target, if that is an actor that can answer. In a batch nothing is waited for but what is said.
 *
 *   const p = await a.actor('p', trapping)
 *   const q = await b.actor('q')
 *   await p.link(q)
 *   await q.exits('boom')
 *   await p.sees(1)
 *
 * What an actor sees it writes down by itself; `sees` says how many lines more are to be there before the script goes on.
 */
import type { NodeHandle } from './node-handle.js'
import type { Run } from './run.js'
import { type Standing, type Term, Text, t, text } from './term.js'

/** What can be monitored, called or sent to: an actor, `{Name, Node}`, or a name on the actor's own node. */
export type TargetTerm = Actor | Term

/** How a monitor's reference is an alias too. */
export type AliasMode = 'explicit_unalias' | 'demonitor' | 'reply_demonitor'

/** How a spawned process is tied to the actor that spawns it. */
export interface Ties {
  readonly link?: boolean
  readonly monitor?: boolean
}

/** A reference that an actor holds: of a monitor, an alias, a timer or a spawn. Named in the order in which scripts make them. */
export class Reference implements Standing {
  readonly name: string
  raw = ''
  constructor(name: string) {
    this.name = name
  }
}

interface Command {
  readonly term: Term
  /** How it is shown. */
  readonly about: string
  /** Takes a result that is no `ok`. Without it the result is part of what is compared. */
  readonly take: ((result: string) => void) | undefined
}

/** Commands that one actor carries out one after the other, with nothing in between: see {@link Actor.batch}. */
export class Batch {
  readonly commands: Command[] = []
  readonly #run: Run

  constructor(run: Run) {
    this.#run = run
  }

  send(to: TargetTerm, message: Term): void {
    this.#add('send', [to, message])
  }

  link(to: Actor): void {
    this.#add('link', [to])
  }

  unlink(from: Actor): void {
    this.#add('unlink', [from])
  }

  /** Erlang's exit/2. */
  exit(whom: Actor, reason: Term): void {
    this.#add('exit', [whom, reason])
  }

  trap(flag: boolean): void {
    this.#add('trap', [flag])
  }

  monitor(target: TargetTerm, alias?: AliasMode): Reference {
    return this.#reference('monitor', [target, alias ?? 'none'])
  }

  /** With `flush`. */
  demonitor(ref: Reference): void {
    this.#add('demonitor', [text(ref.name)])
  }

  alias(mode: 'explicit_unalias' | 'reply' = 'explicit_unalias'): Reference {
    return this.#reference('alias', [mode])
  }

  unalias(ref: Reference): void {
    this.#add('unalias', [text(ref.name)])
  }

  register(name: string, whom: Actor): void {
    this.#add('register', [name, whom])
  }

  unregister(name: string): void {
    this.#add('unregister', [name])
  }

  whereis(name: string): void {
    this.#add('whereis', [name])
  }

  sendAfter(ms: number, message: Term): Reference {
    return this.#reference('send_after', [ms, message])
  }

  startTimer(ms: number, message: Term): Reference {
    return this.#reference('start_timer', [ms, message])
  }

  cancel(timer: Reference): void {
    this.#add('cancel', [text(timer.name)])
  }

  /** Answers the caller that has waited longest. */
  reply(answer: Term): void {
    this.#add('reply', [answer])
  }

  monitorNodes(flag = true): void {
    this.#add('monitor_nodes', [flag])
  }

  /** Something of `pg`, in a scope of that name: `t('join', group, who)`, … Whatever else than `ok` comes of it is noted. */
  pg(scope: string, op: Term): void {
    this.#add('pg', [scope, op])
  }

  /** A monitor of a group, or without one of all groups of a scope; what there is at that moment is noted. */
  pgMonitor(scope: string, ...group: Term[]): Reference {
    const ref = new Reference(this.#run.nextReference())
    const kind = group.length === 0 ? 'monitor_scope' : 'monitor'
    this.#add('pg', [scope, t(kind, text(ref.name), ...group)], (result) => {
      const [made = '', ...rest] = result.split(' ')
      this.#learn(ref, made)
      this.#run.note(`${kind}: ${rest.join(' ')}`)
    })
    return ref
  }

  /** The process of a scope on this node. */
  pgProcess(scope: string, take: (address: string) => void): void {
    this.#add('pg', [scope, 'pid'], take)
  }

  /** A round trip to another actor: what both sent to each other before has arrived. */
  sync(other: Actor): void {
    this.#add('sync', [other])
  }

  /** Goes on when so many messages are queued, without looking at them. */
  untilQueued(count: number): void {
    this.#add('until_queued', [count])
  }

  /** Spawns on another node; `take` gets the line that says what came of it. */
  spawn(node: Standing, what: string, args: readonly Term[], ties: Ties, take: (result: string) => void): Reference {
    const ref = new Reference(this.#run.nextReference())
    const wanted = [...(ties.link ? ['link'] : []), ...(ties.monitor ? ['monitor'] : [])]
    this.#add('spawn', [text(ref.name), node, what, [...args], wanted], (result) => {
      const [made, address] = result.split(' ')
      if (made === 'refused' || address === undefined) return this.#run.note(`spawn of ${what}: ${result}`)
      this.#learn(ref, made as string)
      take(address)
    })
    return ref
  }

  // What ends or blocks an actor comes last.

  return(): void {
    this.#add('return', [])
  }

  throw(reason: string): void {
    this.#add('throw', [reason])
  }

  exits(reason: Term): void {
    this.#add('exits', [reason])
  }

  hold(): void {
    this.#add('hold', [])
  }

  call(target: TargetTerm, request: Term, timeoutMs = 10_000): void {
    this.#add('call', [target, request, timeoutMs])
  }

  /** A function of the agents, as `erpc` calls it. With a time, as Erlang runs it in the caller itself otherwise, on one node. */
  erpc(node: Standing, what: string, args: readonly Term[], timeoutMs = 10_000): void {
    this.#add('erpc', [node, what, [...args], timeoutMs])
  }

  #reference(command: string, args: readonly Term[]): Reference {
    const ref = new Reference(this.#run.nextReference())
    this.#add(command, [text(ref.name), ...args], (result) => {
      if (result.startsWith('<')) this.#learn(ref, result)
      else this.#run.note(`${command}: ${result}`)
    })
    return ref
  }

  #learn(ref: Reference, shown: string): void {
    ref.raw = shown.slice(1, -1)
    this.#run.names.learn(ref.raw, ref.name)
  }

  #add(command: string, args: readonly Term[], take?: (result: string) => void): void {
    const about = [command, ...args.map(shown)].join(' ')
    this.commands.push({ term: args.length === 0 ? command : t(command, ...args), about, take })
  }
}

/** See the head of this file. */
export class Actor implements Standing {
  /** `a.p`: the node in the script, and the name. */
  readonly label: string
  readonly node: NodeHandle
  raw: string
  /** Whether its node has been killed or restarted since: nobody can be asked about it any more. */
  lost = false
  /** Whether it is known to have ended. */
  over = false
  /** Whether it receives nothing now. */
  #held = false
  /** Stretches of its events whose order says nothing. */
  readonly unordered: (readonly [from: number, to: number])[] = []
  readonly #run: Run
  #seen = 0

  /** Its name as the agents know it. */
  get tag(): Term {
    return text(this.label)
  }

  /** @internal Actors are made by their nodes. */
  constructor(run: Run, node: NodeHandle, label: string, raw: string) {
    this.#run = run
    this.node = node
    this.label = label
    this.raw = raw
  }

  /** Carries out several commands at once: no message is looked at, and nothing waited for, in between. */
  async batch<T>(script: (batch: Batch) => T): Promise<T> {
    const batch = new Batch(this.#run)
    const value = script(batch)
    const { commands } = batch
    this.#run.step(`${this.label}: ${commands.map(({ about }) => about).join('; ')}`)
    const results = await this.node.ask(
      t(
        'do',
        this.tag,
        commands.map(({ term }) => term),
      ),
    )
    if (results[0] === 'dead') {
      // One that ends by its own command is not there to say so. What came before it has been done.
      this.#run.note(`${this.label} ended instead of: ${commands.at(-1)?.about}`)
      return value
    }
    commands.forEach(({ about, take }, i) => {
      const result = results[i] ?? 'nothing'
      if (take !== undefined) take(result)
      else if (result !== 'ok') this.#run.note(`${this.label} ${about}: ${result}`)
    })
    return value
  }

  /** Waits until this actor has written down so many lines more. Their order is compared unless `inAnyOrder`. */
  async sees(more: number, options: { inAnyOrder?: boolean } = {}): Promise<void> {
    const from = this.#seen
    this.#seen += more
    if (options.inAnyOrder) this.unordered.push([from, this.#seen])
    await this.#run.wait(this.node, t('events', this.tag, this.#seen), `${this.label} sees ${this.#seen} events`)
  }

  /** Waits for its end. */
  async ends(): Promise<void> {
    await this.#run.wait(this.node, t('ended', this.tag), `${this.label} ends`)
    this.over = true
  }

  /** Waits until so many messages are queued at this actor, which is held. */
  async queues(count: number): Promise<void> {
    this.#run.step(`${this.label} has ${count} queued`)
    await this.node.ask(t('queued', this.tag, count))
  }

  /** Lets it receive again. */
  async release(): Promise<void> {
    this.#run.step(`${this.label}: release`)
    this.#held = false
    await this.node.ask(t('release', this.tag))
  }

  /** Receives nothing until {@link release}: messages and notices queue. */
  async hold(): Promise<void> {
    await this.batch((batch) => batch.hold())
    this.#held = true
  }

  /** Its function returns. */
  async returns(): Promise<void> {
    await this.batch((batch) => batch.return())
    await this.ends()
  }

  /** Its function throws an error of that text; in Erlang, `error(Reason)`. */
  async throws(reason: string): Promise<void> {
    await this.batch((batch) => batch.throw(reason))
    await this.ends()
  }

  /** Erlang's exit/1. */
  async exits(reason: Term): Promise<void> {
    await this.batch((batch) => batch.exits(reason))
    await this.ends()
  }

  send(to: TargetTerm, message: Term): Promise<void> {
    return this.#reaching(to, (batch) => batch.send(to, message))
  }

  link(to: Actor): Promise<void> {
    return this.#reaching(to, (batch) => batch.link(to))
  }

  unlink(from: Actor): Promise<void> {
    return this.#reaching(from, (batch) => batch.unlink(from))
  }

  /** Erlang's exit/2. */
  exit(whom: Actor, reason: Term): Promise<void> {
    return this.batch((batch) => batch.exit(whom, reason))
  }

  trap(flag: boolean): Promise<void> {
    return this.batch((batch) => batch.trap(flag))
  }

  monitor(target: TargetTerm, alias?: AliasMode): Promise<Reference> {
    return this.#reaching(target, (batch) => batch.monitor(target, alias))
  }

  demonitor(ref: Reference): Promise<void> {
    return this.batch((batch) => batch.demonitor(ref))
  }

  alias(mode?: 'explicit_unalias' | 'reply'): Promise<Reference> {
    return this.batch((batch) => batch.alias(mode))
  }

  unalias(ref: Reference): Promise<void> {
    return this.batch((batch) => batch.unalias(ref))
  }

  /** Registers itself, or another process. */
  register(name: string, whom: Actor = this): Promise<void> {
    return this.batch((batch) => batch.register(name, whom))
  }

  unregister(name: string): Promise<void> {
    return this.batch((batch) => batch.unregister(name))
  }

  whereis(name: string): Promise<void> {
    return this.batch((batch) => batch.whereis(name))
  }

  sendAfter(ms: number, message: Term): Promise<Reference> {
    return this.batch((batch) => batch.sendAfter(ms, message))
  }

  startTimer(ms: number, message: Term): Promise<Reference> {
    return this.batch((batch) => batch.startTimer(ms, message))
  }

  cancel(timer: Reference): Promise<void> {
    return this.batch((batch) => batch.cancel(timer))
  }

  reply(answer: Term): Promise<void> {
    return this.batch((batch) => batch.reply(answer))
  }

  monitorNodes(flag?: boolean): Promise<void> {
    return this.batch((batch) => batch.monitorNodes(flag))
  }

  pg(scope: string, op: Term): Promise<void> {
    return this.batch((batch) => batch.pg(scope, op))
  }

  pgMonitor(scope: string, ...group: Term[]): Promise<Reference> {
    return this.batch((batch) => batch.pgMonitor(scope, ...group))
  }

  /** The process of a scope on this node, which is called `a.pg` from now on. */
  async pgProcess(scope: string): Promise<Standing> {
    const process = { raw: '' }
    await this.batch((batch) => batch.pgProcess(scope, (address) => (process.raw = address.slice(1, -1))))
    this.#run.names.learn(process.raw, `${this.node.label}.${scope}`)
    return process
  }

  sync(other: Actor): Promise<void> {
    return this.batch((batch) => batch.sync(other))
  }

  /** Calls as gen_server:call does, and goes on when it is under way; what comes of it is one more line. */
  call(target: TargetTerm, request: Term, timeoutMs?: number): Promise<void> {
    return this.batch((batch) => batch.call(target, request, timeoutMs))
  }

  /** Calls a function of the agents on that node, and goes on when that is under way; what comes of it is one more line. */
  erpc(node: Standing, what: string, args: readonly Term[] = [], timeoutMs?: number): Promise<void> {
    return this.batch((batch) => batch.erpc(node, what, args, timeoutMs))
  }

  /** Calls a function that is an actor on that node, and goes on when there is one. */
  async erpcActor(node: NodeHandle, name: string, timeoutMs?: number): Promise<Actor> {
    const callee = node.expect(name)
    await this.erpc(node, 'spawned', [callee.tag, false], timeoutMs)
    await callee.born()
    return callee
  }

  /** Spawns an actor on that node. */
  async spawn(
    node: NodeHandle,
    name: string,
    ties: Ties & { trap?: boolean } = {},
  ): Promise<{ child: Actor; ref: Reference }> {
    const child = node.expect(name)
    const args = [child.tag, ties.trap ?? false]
    const ref = await this.batch((batch) => batch.spawn(node, 'spawned', args, ties, (address) => child.isAt(address)))
    if (child.raw !== '') await child.born()
    return { child, ref }
  }

  /** Spawns a function on that node that returns, throws, or is not there. */
  spawnFunction(
    node: NodeHandle | Standing,
    what: 'returns' | 'throws' | 'missing',
    ties: Ties = {},
  ): Promise<Reference> {
    const args = what === 'throws' ? ['thrown'] : []
    const learn = (address: string) => this.#run.names.learn(address.slice(1, -1), `${shown(node)}.${what}`)
    return this.batch((batch) => batch.spawn(node, what, args, ties, learn))
  }

  #reaching<T>(target: TargetTerm, script: (batch: Batch) => T): Promise<T> {
    return this.batch((batch) => {
      const value = script(batch)
      if (target instanceof Actor && target !== this && target.#answers) batch.sync(target)
      return value
    })
  }

  get #answers(): boolean {
    return !this.over && !this.lost && !this.#held && !this.node.frozen
  }

  /** Waits until a spawned actor is at work. */
  async born(): Promise<void> {
    await this.#run.wait(this.node, t('born', this.tag), `${this.label} is born`)
    if (this.raw === '') this.isAt(String(await this.node.ask(t('address', this.tag))))
  }

  /** @internal Its address, as its spawner learnt it. */
  isAt(address: string): void {
    this.raw = address.slice(1, -1)
    this.#run.names.learn(this.raw, this.label)
  }
}

/** A term in the log of steps. */
function shown(term: Term): string {
  if (term instanceof Actor) return term.label
  if (term instanceof Text) return term.text
  if (term instanceof Reference) return term.name
  if (Array.isArray(term)) return `[${term.map(shown).join(',')}]`
  if (typeof term === 'object' && 'elements' in term) return `{${term.elements.map(shown).join(',')}}`
  if (typeof term === 'object' && 'bytes' in term) return `${term.bytes} bytes`
  if (typeof term === 'object' && 'label' in term) return String(term.label)
  if (typeof term === 'object' && 'raw' in term) return term.raw
  return String(term)
}
