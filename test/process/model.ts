/**
 * What processes are to each other, as a pure model: written from Erlang's reference manual, and from nothing else, so that the
 * library can be compared with it. It knows nodes, and connections that are lost; every step is over before the next begins.
 *
 * Processes and monitors are numbered in the order in which they were made; each monitor may be an alias, too.
 */

export type Reason = 'normal' | 'kill' | 'killed' | 'noproc' | 'noconnection' | 'x' | 'y'
export type AliasMode = 'explicit_unalias' | 'demonitor' | 'reply_demonitor'
export type Name = { readonly name: string; readonly node: number }

/** What one process does; `by` whom, where it matters. */
export type Step =
  | { do: 'spawn'; by?: number; node: number; link: boolean; monitor: boolean; name?: string }
  | { do: 'link' | 'unlink'; by: number; to: number }
  | { do: 'monitor'; by: number; to: number | Name; alias?: AliasMode }
  | { do: 'demonitor' | 'unalias'; by: number; monitor: number }
  /** Asks another to exit, or itself. */
  | { do: 'exit'; by: number; to: number; reason: Reason }
  /** Its function ends, with that reason. */
  | { do: 'end'; by: number; reason: Reason }
  | { do: 'trap'; by: number; on: boolean }
  | { do: 'send'; by: number; to: number | Name | { readonly alias: number }; n: number }
  | { do: 'register'; to: number; name: string }
  | { do: 'unregister'; node: number; name: string }
  /** Takes the oldest message of a kind out of its mailbox. */
  | { do: 'take'; by: number; kind: Event['type'] | 'any' }
  /** The connection between two nodes is lost; the next signal makes another. */
  | { do: 'disconnect'; nodes: readonly [number, number] }

/** What a process finds in its mailbox. */
export type Event =
  | { readonly type: 'message'; readonly n: number }
  | { readonly type: 'EXIT'; readonly from: number; readonly reason: Reason }
  | { readonly type: 'DOWN'; readonly monitor: number; readonly reason: Reason }

interface ModelProcess {
  readonly node: number
  fate: 'alive' | Reason
  trap: boolean
  name: string | undefined
  readonly links: Set<number>
  inbox: Event[]
}

interface ModelMonitor {
  readonly by: number
  /** Who is watched, by now; nobody had the name, or no process is there, when it is `undefined`. */
  readonly target: number | undefined
  readonly mode: AliasMode | undefined
  active: boolean
  alias: boolean
}

/** See the head of this file. */
export class Model {
  readonly processes: ModelProcess[] = []
  readonly monitors: ModelMonitor[] = []

  alive(process: number | undefined): process is number {
    return process !== undefined && this.#at(process).fate === 'alive'
  }

  /** Who has a name. */
  whereis({ name, node }: Name): number | undefined {
    const index = this.processes.findIndex((each) => each.fate === 'alive' && each.node === node && each.name === name)
    return index < 0 ? undefined : index
  }

  /** The monitors that a process has set and that have not ended. */
  monitorsOf(process: number): number[] {
    return [...this.monitors.keys()].filter((id) => this.monitors[id]?.by === process && this.monitors[id]?.active)
  }

  /** The processes that watch this one, once for each monitor. */
  watchersOf(process: number): number[] {
    return this.monitors.filter((each) => each.active && each.target === process).map((each) => each.by)
  }

  perform(step: Step): void {
    switch (step.do) {
      case 'spawn':
        return this.#spawn(step)
      case 'link':
        return this.#link(step.by, step.to)
      case 'unlink':
        return this.#unlink(step.by, step.to)
      case 'monitor':
        return this.#monitor(step.by, step.to, step.alias)
      case 'demonitor':
        return this.#demonitor(step.by, step.monitor)
      case 'unalias':
        if (this.#of(step.monitor).by === step.by) this.#of(step.monitor).alias = false
        return
      case 'exit':
        return this.#exit(step.to, step.by, step.reason, 'asked')
      case 'end':
        return this.#end(step.by, step.reason)
      case 'trap':
        this.#at(step.by).trap = step.on
        return
      case 'send':
        return this.#send(step.to, { type: 'message', n: step.n })
      case 'register':
        if (this.alive(step.to) && this.#at(step.to).name === undefined && this.#free(step.name, step.to)) {
          this.#at(step.to).name = step.name
        }
        return
      case 'unregister': {
        const holder = this.whereis(step)
        if (holder !== undefined) this.#at(holder).name = undefined
        return
      }
      case 'take': {
        const { inbox } = this.#at(step.by)
        const at = inbox.findIndex(({ type }) => step.kind === 'any' || type === step.kind)
        if (at >= 0) inbox.splice(at, 1)
        return
      }
      case 'disconnect':
        return this.#disconnect(step.nodes)
    }
  }

  #spawn({ by, node, link, monitor, name }: Step & { do: 'spawn' }): void {
    if (name !== undefined && this.whereis({ name, node }) !== undefined) return
    const made = this.processes.push({ node, fate: 'alive', trap: false, name, links: new Set(), inbox: [] }) - 1
    if (by !== undefined && link) this.#link(by, made)
    if (by !== undefined && monitor) this.#monitor(by, made, undefined)
  }

  #link(a: number, b: number): void {
    if (a === b) return
    if (!this.alive(b)) return this.#exit(a, b, 'noproc', 'link')
    this.#at(a).links.add(b)
    this.#at(b).links.add(a)
  }

  #unlink(a: number, b: number): void {
    this.#at(a).links.delete(b)
    this.#at(b).links.delete(a)
  }

  #monitor(by: number, to: number | Name, mode: AliasMode | undefined): void {
    const found = typeof to === 'number' ? to : this.whereis(to)
    const target = this.alive(found) ? found : undefined
    const monitor = this.monitors.push({ by, target, mode, active: true, alias: mode !== undefined }) - 1
    if (target === undefined) this.#fire(monitor, 'noproc')
  }

  #demonitor(by: number, id: number): void {
    const monitor = this.#of(id)
    if (monitor.by !== by) return
    if (monitor.active) this.#over(monitor)
    const process = this.#at(by)
    process.inbox = process.inbox.filter((event) => event.type !== 'DOWN' || event.monitor !== id)
  }

  #over(monitor: ModelMonitor): void {
    monitor.active = false
    if (monitor.mode !== 'explicit_unalias') monitor.alias = false
  }

  #fire(id: number, reason: Reason): void {
    const monitor = this.#of(id)
    if (!monitor.active) return
    this.#over(monitor)
    this.#at(monitor.by).inbox.push({ type: 'DOWN', monitor: id, reason })
  }

  #send(to: number | Name | { readonly alias: number }, event: Event): void {
    let receiver: number | undefined
    if (typeof to === 'number') receiver = to
    else if ('name' in to) receiver = this.whereis(to)
    else if (this.#of(to.alias).alias) {
      const monitor = this.#of(to.alias)
      receiver = monitor.by
      if (monitor.mode === 'reply_demonitor') this.#over(monitor)
    }
    if (this.alive(receiver)) this.#at(receiver).inbox.push(event)
  }

  #exit(to: number, from: number, reason: Reason, by: 'asked' | 'link'): void {
    if (!this.alive(to)) return
    const process = this.#at(to)
    if (by === 'asked' && reason === 'kill') return this.#end(to, 'killed')
    if (process.trap) process.inbox.push({ type: 'EXIT', from, reason })
    else if (reason !== 'normal' || (by === 'asked' && from === to)) this.#end(to, reason)
  }

  #end(who: number, reason: Reason): void {
    const process = this.#at(who)
    process.fate = reason
    process.inbox = []
    for (const monitor of this.monitors) {
      if (monitor.by === who) Object.assign(monitor, { active: false, alias: false })
    }
    const links = [...process.links]
    for (const other of links) this.#unlink(who, other)
    for (const other of links) this.#exit(other, who, reason, 'link')
    for (const [id, monitor] of this.monitors.entries()) if (monitor.target === who) this.#fire(id, reason)
  }

  #disconnect([a, b]: readonly [number, number]): void {
    const crosses = (one: number, other: number) => {
      const ends = [this.#at(one).node, this.#at(other).node]
      return a !== b && ends.includes(a) && ends.includes(b)
    }
    for (const [id, { by, target }] of this.monitors.entries()) {
      if (target !== undefined && crosses(by, target)) this.#fire(id, 'noconnection')
    }
    const lost = [...this.processes.keys()].flatMap((one) =>
      [...this.#at(one).links]
        .filter((other) => one < other && crosses(one, other))
        .map((other) => [one, other] as const),
    )
    for (const [one, other] of lost) this.#unlink(one, other)
    for (const [one, other] of lost) {
      this.#exit(one, other, 'noconnection', 'link')
      this.#exit(other, one, 'noconnection', 'link')
    }
  }

  #free(name: string, near: number): boolean {
    return this.whereis({ name, node: this.#at(near).node }) === undefined
  }

  #at(process: number): ModelProcess {
    return this.processes[process] as ModelProcess
  }

  #of(monitor: number): ModelMonitor {
    return this.monitors[monitor] as ModelMonitor
  }
}
