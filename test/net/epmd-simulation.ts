/** A machine in memory for the tests of the port mapper: its sockets, and a clock that stands still until it is moved. */
import type { Clock } from '../../src/clock.js'
import type { Entropy } from '../../src/entropy.js'
import { ReignError } from '../../src/errors.js'
import type { EpmdConnectEvents, EpmdSocket, EpmdSocketEvents, EpmdSockets } from '../../src/net/epmd-sockets.js'

/** Lets everything that is due now happen: microtasks, and what the memory sockets have posted. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve))
}

export class ManualClock implements Clock {
  #now = 0
  #timers: { at: number; callback: () => void }[] = []

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#now
  }

  setTimer(callback: () => void, delayMs: number): unknown {
    const timer = { at: this.#now + delayMs, callback }
    this.#timers.push(timer)
    return timer
  }

  clearTimer(timer: unknown): void {
    this.#timers = this.#timers.filter((other) => other !== timer)
  }

  holdProgram(): void {}

  nextTurn(callback: () => void): void {
    setImmediate(callback)
  }

  microtask(callback: () => void): void {
    queueMicrotask(callback)
  }

  /** How many timers are set. */
  get timers(): number {
    return this.#timers.length
  }

  /** Moves the time, firing what is due, in order, with everything settled before and after each. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await settle()
    for (;;) {
      const due = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.clearTimer(due)
      this.#now = due.at
      due.callback()
      await settle()
    }
    this.#now = end
  }
}

/** Counts up from `first`: what is random is known. */
export function countingEntropy(first: number): Entropy {
  let next = first
  return { uint32: () => next++, bytes: (count) => new Uint8Array(count).fill(next++) }
}

class End implements EpmdSocket {
  events: EpmdSocketEvents | undefined
  peer: End | undefined
  over = false
  saidLast = false
  /** Whether the other end has been told that we have said our last. */
  lastArrived = false
  readonly post: (task: () => void) => void

  constructor(post: (task: () => void) => void) {
    this.post = post
  }

  write(bytes: Uint8Array): void {
    if (this.over || this.saidLast) return
    const copy = new Uint8Array(bytes)
    this.post(() => {
      // What was not yet on its way when the socket was destroyed is lost with it.
      if (!this.over && this.peer?.over === false) this.peer.events?.data(copy)
    })
  }

  end(bytes: Uint8Array): void {
    this.write(bytes)
    this.saidLast = true
    this.post(() => {
      if (this.peer?.over === false) this.peer.events?.ended()
      this.lastArrived = true
      this.#closeIfBothAreDone()
    })
  }

  destroy(): void {
    if (this.over) return
    this.over = true
    this.post(() => {
      const peer = this.peer
      if (peer === undefined || peer.over) return
      if (!this.saidLast) peer.events?.ended()
      if (peer.over) return
      peer.over = true
      peer.events?.closed(undefined)
    })
  }

  #closeIfBothAreDone(): void {
    const peer = this.peer
    if (peer === undefined || !peer.lastArrived) return
    for (const end of [this, peer]) {
      if (end.over) continue
      end.over = true
      end.events?.closed(undefined)
    }
  }
}

/** The sockets of one machine, and of others that reach it. Events come later, in order, as they do from real ones. */
export class MemorySockets implements EpmdSockets {
  readonly #listening = new Map<string, Parameters<EpmdSockets['listen']>[2]>()
  #nextPort = 40_000
  /** What `remoteAddress` the ones that connect have. */
  from = '127.0.0.1'
  /** How many connections were asked for, refused ones included. */
  dials = 0

  connect(host: string, port: number, events: EpmdConnectEvents): EpmdSocket {
    this.dials++
    const near = new End(post)
    near.events = events
    const from = this.from
    post(() => {
      if (near.over) return
      const accept = this.#listening.get(`${host}:${port}`) ?? this.#listening.get(`0.0.0.0:${port}`)
      if (accept === undefined) {
        near.over = true
        events.closed(Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }))
        return
      }
      const far = new End(post)
      near.peer = far
      far.peer = near
      const told = accept(far, from)
      events.open()
      if (told === undefined) far.destroy()
      else far.events = told
    })
    return near
  }

  listen(host: string, port: number, accept: Parameters<EpmdSockets['listen']>[2]) {
    const bound = port === 0 ? this.#nextPort++ : port
    const key = `${host}:${bound}`
    if (this.#listening.has(key)) {
      return Promise.reject(new ReignError('ERR_REIGN_PORT_IN_USE', `${key} is in use`))
    }
    this.#listening.set(key, accept)
    const listener = {
      port: bound,
      close: async () => {
        this.#listening.delete(key)
      },
    }
    return new Promise<typeof listener>((resolve) => post(() => resolve(listener)))
  }

  /** The addresses that are listened on, as `host:port`. */
  get listening(): string[] {
    return [...this.#listening.keys()]
  }
}

function post(task: () => void): void {
  setImmediate(task)
}

/** What a scripted daemon saw and can do. */
export interface Visit {
  readonly socket: EpmdSocket
  readonly received: Buffer
}

/** A daemon that does what a test says: `onData` is called with all bytes of a connection so far. */
export function scriptedDaemon(onData: (visit: Visit) => void): Parameters<EpmdSockets['listen']>[2] {
  return (socket) => {
    let received = Buffer.alloc(0)
    return {
      data: (bytes) => {
        received = Buffer.concat([received, bytes])
        onData({ socket, received })
      },
      ended: () => socket.destroy(),
      closed: () => {},
    }
  }
}
