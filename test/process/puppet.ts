/** Processes whose strings the test holds: they wait for ever, unless they are told how to end. */
import { Node, type Process, type Ref } from '../../src/index.js'
import { silent } from '../../src/logger.js'
import type { LocalOptions } from '../../src/node/local-options.js'
import type { SpawnOptions } from '../../src/process/process.js'
import { VirtualClock } from '../support/virtual-clock.js'

/** How a puppet ends: its function returns, or throws something. */
type Ending = { readonly throws?: unknown }

/** A process, as the test sees it. Whatever `self` can do, the test can do in its stead. */
export interface Puppet {
  readonly self: Process<unknown>
  /** The monitor that its parent has set on it at birth. */
  readonly ref?: Ref | undefined
  /** Lets its function return. */
  return(): void
  /** Lets its function throw. */
  throw(error: unknown): void
}

/** How a puppet is made. */
export interface PuppetOptions extends SpawnOptions {
  trapExit?: boolean
  /** Who spawns it, rather than the node; and how the two are tied. */
  parent?: Process<unknown> | undefined
  link?: boolean
  monitor?: boolean
}

/** A node in virtual time, and puppets on it. */
export class Stage implements AsyncDisposable {
  readonly clock: VirtualClock
  readonly node: Node

  private constructor(clock: VirtualClock, node: Node) {
    this.clock = clock
    this.node = node
  }

  static async open(options: LocalOptions = {}): Promise<Stage> {
    const clock = new VirtualClock()
    return new Stage(clock, await Node.local({ clock, logger: silent, ...options }))
  }

  /** A process that waits; it takes no message, so that what it got can be read with {@link inbox}. */
  async puppet(options: PuppetOptions = {}): Promise<Puppet> {
    let end: ((ending: Ending) => void) | undefined
    let made: Process<unknown> | undefined
    const ended = new Promise<Ending>((resolve) => {
      end = resolve
    })
    const { trapExit = false, name, parent, link = false, monitor = false } = options
    const run = async (self: Process<unknown>) => {
      made = self
      self.trapExit = trapExit
      const never = self.receive(() => false)
      never.catch(() => {})
      const ending = await Promise.race([ended, never as Promise<never>])
      if ('throws' in ending) throw ending.throws
    }
    let ref: Ref | undefined
    if (parent !== undefined && link) {
      const address = parent.spawnLink({ name }, run)
      if (monitor) ref = parent.monitor(address)
    } else if (parent !== undefined && monitor) ref = parent.spawnMonitor({ name }, run).ref
    else (parent ?? this.node).spawn({ name }, run)
    await this.settle()
    const self = made as unknown as Process<unknown>
    return { self, ref, return: () => end?.({}), throw: (error) => end?.({ throws: error }) }
  }

  async puppets(count: number, options: { trapExit?: boolean } = {}): Promise<Puppet[]> {
    const made: Puppet[] = []
    for (let i = 0; i < count; i++) made.push(await this.puppet(options))
    return made
  }

  /** What a puppet got and has not taken, oldest first; `undefined` when it is not alive. */
  inbox({ self }: Puppet): readonly unknown[] | undefined {
    return this.node.processInfo(self.address)?.messages
  }

  alive({ self }: Puppet): boolean {
    return this.node.isAlive(self.address)
  }

  /** Why a puppet has ended. */
  reason({ self }: Puppet): unknown {
    return self.alive ? 'alive' : self.exitReason
  }

  settle(): Promise<void> {
    return this.clock.settle()
  }

  /** In virtual time nobody would wait for the time to pass. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.node.stop({ deadlineMs: 0 })
  }
}
