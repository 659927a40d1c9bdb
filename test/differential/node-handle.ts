/** A node as scripts see it: a place for actors, and something that can be lost. */
import { Actor } from './actor.js'
import type { Driver, Kind } from './drivers.js'
import type { Run } from './run.js'
import type { NodeLabel } from './scenario.js'
import { type Standing, type Term, t, text } from './term.js'

/** How long an agent may take to answer, in milliseconds. */
const answerMs = 10_000

/** As the second argument of `actor`: exits of others come as messages. */
export const trapping = { trap: true } as const

/** See the head of this file. */
export class NodeHandle implements Standing {
  readonly label: NodeLabel
  /** The name of the node. */
  readonly raw: string
  driver: Driver
  /** Whether it has been killed. */
  dead = false
  /** Whether nothing there answers now. */
  frozen = false
  readonly #run: Run
  readonly #restart: (() => Promise<Driver>) | undefined
  readonly #actors: Actor[] = []

  /** @internal `restart` starts another run of the node, where that is allowed. */
  constructor(run: Run, label: NodeLabel, name: string, driver: Driver, restart: (() => Promise<Driver>) | undefined) {
    this.#run = run
    this.label = label
    this.raw = name
    this.driver = driver
    this.#restart = restart
  }

  /** `{Name, Node}`, to send to or to monitor. */
  named(name: string): Term {
    return t(name, this)
  }

  /** A node that does not exist. */
  get nowhere(): Standing {
    return { raw: 'nowhere@127.0.0.1' }
  }

  /** Whether that is the implementation here: for scenarios that differ on purpose, and for no other. */
  runs(kind: Kind): boolean {
    return this.driver.kind === kind
  }

  /** Starts an actor. */
  async actor(name: string, options: { trap?: boolean } = {}): Promise<Actor> {
    const actor = this.expect(name)
    this.#run.step(`${actor.label} is spawned${options.trap ? ', trapping exits' : ''}`)
    const [address] = await this.ask(t('spawn', text(actor.label), options.trap ?? false))
    actor.isAt(String(address))
    return actor
  }

  /** @internal An actor that somebody else is about to start here. */
  expect(name: string): Actor {
    const actor = new Actor(this.#run, this, `${this.label}.${name}`, '')
    this.#actors.push(actor)
    this.#run.actors.push(actor)
    return actor
  }

  /** Breaks the connection with another node. */
  async disconnect(other: NodeHandle): Promise<void> {
    this.#run.step(`${this.label} disconnects from ${other.label}`)
    await this.ask(t('disconnect', other))
  }

  /** Connects with another node, or makes sure that it is there. */
  async ping(other: NodeHandle): Promise<void> {
    const [answer] = await this.ask(t('ping', other))
    this.#run.note(`${this.label} pings ${other.label}: ${answer}`)
  }

  /** Kills the operating-system process (kill -9). */
  async kill(): Promise<void> {
    this.#run.step(`${this.label} is killed`)
    this.#lose()
    await this.driver.kill()
  }

  /** It ends by its own doing: at once (`erlang:halt`, `process.exit`), or in order (`init:stop`, `node.stop`). */
  async end(how: 'halt' | 'stop'): Promise<void> {
    this.#run.step(`${this.label} ends by ${how}`)
    this.#lose()
    await this.driver.end(how)
  }

  /** Kills it, and starts it again under the same name. */
  async restart(): Promise<void> {
    if (!this.dead) await this.kill()
    if (this.#restart === undefined) throw new Error(`${this.label} is shared: name it in \`fresh\``)
    this.#run.step(`${this.label} is started again`)
    this.driver = await this.#restart()
    this.dead = false
  }

  /** Freezes it (SIGSTOP): what is sent to it waits in its sockets. */
  async suspend(): Promise<void> {
    this.#run.step(`${this.label} is frozen`)
    this.frozen = true
    await this.driver.suspend()
  }

  /** Lets it go on. */
  resume(): void {
    this.#run.step(`${this.label} goes on`)
    this.frozen = false
    this.driver.resume()
  }

  /** @internal */
  ask(request: Term, deadlineMs = answerMs): Promise<string[]> {
    return this.driver.request(request, deadlineMs)
  }

  #lose(): void {
    if (this.#restart === undefined) throw new Error(`${this.label} is shared: name it in \`fresh\``)
    this.dead = true
    for (const actor of this.#actors.splice(0)) actor.lost = true
  }
}
