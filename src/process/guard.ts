/**
 * Charges stray errors to the process that they were made in: a promise that nobody awaits, a throw in the callback of a
 * timer or a socket. They reach no caller, and bare Node.js ends the whole program for them.
 *
 * A guarded node tracks in whose name everything is done (AsyncLocalStorage), and hears of every such error (the two
 * global events). Those events belong to the host program, and tracking costs about half of local throughput on Node.js 20;
 * so nodes are guarded only when asked. Before Node.js 24 a throw in `queueMicrotask` cannot be attributed.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Clock } from '../clock.js'
import { describe } from '../errors.js'
import type { EventChannel } from '../events.js'
import type { Logger } from '../logger.js'

/** In whose name something is done: a process. */
export interface Owner {
  /** An error that was made in its name reached nobody. */
  strayed(error: unknown): void
}

// Shared by all nodes of the program, as the events are: an error comes once, and to all who listen.
const owners = new AsyncLocalStorage<Owner | undefined>()
const guards = new Set<Guard>()

const stray = (error: unknown): void => {
  const owner = owners.getStore()
  if (owner !== undefined) return owner.strayed(error)
  const [first] = guards
  first?.report(error, 'an error that reached nobody, and cannot be attributed to a process')
}

/**
 * Publishes an event in nobody's name: what a subscriber throws is no error of the process that the event is about, or in whose name
 * something was done.
 */
export function publish<E>(channel: EventChannel<E>, event: E): void {
  if (guards.size === 0) channel.publish(event)
  else owners.run(undefined, () => channel.publish(event))
}

/** The guard of one node. */
export class Guard {
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger
  }

  /** Begins to listen. */
  start(): void {
    if (guards.size === 0) {
      process.on('uncaughtException', stray)
      process.on('unhandledRejection', stray)
    }
    guards.add(this)
  }

  /** Stops listening; with the last guard of the program gone, stray errors are the host program's again. */
  stop(): void {
    if (!guards.delete(this) || guards.size > 0) return
    process.off('uncaughtException', stray)
    process.off('unhandledRejection', stray)
  }

  /** In whose name what runs now is done. */
  get owner(): Owner | undefined {
    return owners.getStore()
  }

  /** Does something in the name of `owner`, and all that comes of it later; in nobody's, if there is none. */
  run<T>(owner: Owner | undefined, act: () => T): T {
    return owners.run(owner, act)
  }

  /** A clock whose callbacks run in nobody's name: one timer of the machine serves the waits of many processes. */
  clock(clock: Clock): Clock {
    const nobody = (callback: () => void) => () => owners.run(undefined, callback)
    return {
      now: () => clock.now(),
      wallTime: () => clock.wallTime(),
      setTimer: (callback, delayMs) => clock.setTimer(nobody(callback), delayMs),
      clearTimer: (timer) => clock.clearTimer(timer),
      holdProgram: (timer, holds) => clock.holdProgram(timer, holds),
      nextTurn: (callback) => clock.nextTurn(nobody(callback)),
      microtask: (callback) => clock.microtask(nobody(callback)),
    }
  }

  /** Says so, and nothing more comes of it: an error here would end the program that is to be kept alive. */
  report(error: unknown, message: string): void {
    try {
      this.#logger.error({ error: describe(error), stack: error instanceof Error ? error.stack : undefined }, message)
    } catch {
      // The logger's own mistake.
    }
  }
}
