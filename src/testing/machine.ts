/**
 * One machine of a simulated network: what a node has of the world while it runs on it. It can stand still, and be switched off.
 *
 * A machine that is switched off never does anything again, in the middle of whatever it did; what is switched on is another.
 */
import type { Clock, ClockTimer } from '../clock.js'
import type { Runnable, Scheduler } from '../process/scheduler.js'
import type { Conductor } from './conductor.js'

interface MachineTimer {
  inner: ClockTimer
  callback: (() => void) | undefined
}

/** See the head of this file. */
export class Machine {
  readonly name: string
  /** The clock of the simulation; but timers of a machine stand still when it does. */
  readonly clock: Clock
  /** How far its wall clock is ahead of that of the simulation, in milliseconds. */
  wallAheadMs = 0
  /** Lets processes go on in an order that the seed of the simulation decides. */
  readonly scheduler: Scheduler
  readonly #clock: Clock
  readonly #conductor: Conductor | undefined
  #state: 'running' | 'frozen' | 'off' = 'running'
  /** What has happened to it while it stood still. */
  #missed: (() => void)[] = []
  readonly #timers = new Set<MachineTimer>()
  #turns: (() => void)[] = []
  readonly #runnables: Runnable[] = []

  /** @param conductor Decides who goes on; without one, turns are those of the clock. */
  constructor(name: string, clock: Clock, conductor?: Conductor) {
    this.name = name
    this.#clock = clock
    this.#conductor = conductor
    this.clock = this.#ownClock()
    this.scheduler = {
      claim: () => false,
      enqueue: (runnable) => {
        if (this.isOff) return
        this.#runnables.push(runnable)
        this.#conductor?.ready(this)
      },
    }
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen'
  }

  get isOff(): boolean {
    return this.#state === 'off'
  }

  /** How many timers its node has set. */
  get timersPending(): number {
    return this.#timers.size
  }

  /** Does something on this machine: now, or when it goes on; never, when it is off. */
  does(callback: () => void): void {
    if (this.#state === 'running') callback()
    else if (this.#state === 'frozen') this.#missed.push(callback)
  }

  /** Stands still, as a program that is stopped or blocked. Its sockets stay open, and take in what comes. */
  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen'
  }

  /** Goes on: first with what was due meanwhile, in its order; then with `next`. */
  thaw(next: () => void): void {
    if (this.#state !== 'frozen') return
    this.#state = 'running'
    const missed = [...this.#missed, next]
    this.#missed = []
    if (this.#conductor === undefined) {
      for (const callback of missed) callback()
      return
    }
    this.#turns.unshift(...missed)
    this.#conductor.ready(this)
  }

  /** Never does anything again. */
  switchOff(): void {
    this.#state = 'off'
    for (const timer of this.#timers) this.#clock.clearTimer(timer.inner)
    this.#timers.clear()
    this.#missed = []
    this.#turns = []
    this.#runnables.length = 0
  }

  /** How much it could do at this instant. */
  get pieces(): number {
    return this.#state === 'running' ? this.#turns.length + this.#runnables.length : 0
  }

  /** @internal Does one piece: the turns of the event loop in their order, and in between whichever process `pick` says. */
  work(pick: (count: number) => number): void {
    const waiting = this.#runnables.length
    const chosen = pick(waiting + (this.#turns.length > 0 ? 1 : 0))
    if (chosen < waiting) this.#runnables.splice(chosen, 1)[0]?.run()
    else this.#turns.shift()?.()
  }

  #ownClock(): Clock {
    const clock = this.#clock
    return {
      now: () => clock.now(),
      wallTime: () => clock.wallTime() + this.wallAheadMs,
      setTimer: (callback, delayMs) => {
        const timer: MachineTimer = { inner: undefined, callback }
        if (this.isOff) return timer
        const fire = () => {
          const { callback } = timer
          timer.callback = undefined
          callback?.()
        }
        this.#timers.add(timer)
        timer.inner = clock.setTimer(() => {
          this.#timers.delete(timer)
          this.does(fire)
        }, delayMs)
        return timer
      },
      clearTimer: (timer) => {
        const mine = timer as MachineTimer
        mine.callback = undefined
        if (this.#timers.delete(mine)) clock.clearTimer(mine.inner)
      },
      holdProgram: (timer, holds) => {
        if ((timer as MachineTimer).inner !== undefined) clock.holdProgram((timer as MachineTimer).inner, holds)
      },
      nextTurn: (callback) => {
        if (this.isOff) return
        if (this.#conductor === undefined) return clock.nextTurn(callback)
        this.#turns.push(callback)
        this.#conductor.ready(this)
      },
      microtask: (callback) => clock.microtask(callback),
    }
  }
}
