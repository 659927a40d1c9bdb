/**
 * Keeps a node known to the epmd of its host, whichever program is that epmd at the time.
 *
 * Registers with the epmd that runs. Where none runs, it starts an embedded one, if it may, and registers with that as
 * every other node of the host does. When the holder of the port dies, all that were registered with it notice at once, and
 * try again every 2 s: the first to find the port free takes over, the others find the port taken and register there
 * (as do Erlang's nodes, which have the same 2 s). The port itself is the lock; no further agreement is needed.
 */
import type { Clock } from '../clock.js'
import { EpmdError, epmdNode } from '../dist/epmd-messages.js'
import type { Entropy } from '../entropy.js'
import { ReignError } from '../errors.js'
import { EpmdClient, type EpmdRegistration } from './epmd-client.js'
import { EpmdServer, type EpmdServerLimits, epmdHostDefault, isLoopback } from './epmd-server.js'
import type { EpmdSockets } from './epmd-sockets.js'

/** As OTP waits. Long enough for a supervisor of the daemon to start it again before somebody takes over. */
const retryMs = 2_000
/** How long a name is tried that is still taken at start: that of a run which died a moment ago lingers. */
const nameAttempts = 5
const nameRetryMs = 500
/** Several that start at once race for the port; who loses finds the winner listening in the next round. */
const startRounds = 3
/** Creations below are reserved, or come from daemons that know only three. */
const creationMin = 4

/** What a {@link PortMapper} needs. */
export interface PortMapperOptions {
  /** The part of the node's name before the `@`. */
  readonly alive: string
  /** The port that the node listens on for other nodes. It must be listening already. */
  readonly listenPort: number
  /** The port of epmd: 4369 unless the user (or `ERL_EPMD_PORT`, read by the caller) says otherwise. */
  readonly epmdPort: number
  /** Where to register: `127.0.0.1` when absent, `::1` for a node of IPv6. Most daemons take nodes from loopback alone. */
  readonly epmdHost?: string
  /**
   * Whether to be the epmd where none runs; with the addresses, beside loopback, that it answers look-ups on. Has no effect
   * when `epmdHost` is another machine's.
   */
  readonly embedded: false | { readonly addresses?: readonly string[]; readonly limits?: Partial<EpmdServerLimits> }
  /**
   * `false`: a node whose peers may know its port needs no epmd; {@link PortMapper.start} then reports a failure by `onLost`
   * and goes on to try, every 2 s. Only a name that is taken is an error all the same. Default: `true`.
   */
  readonly required?: boolean
  readonly clock: Clock
  readonly entropy: Entropy
  readonly sockets?: EpmdSockets
  /** Milliseconds for one question to epmd. */
  readonly answerMs?: number
  /** Called when the registration came back after it was lost. */
  readonly onRegistered?: (state: { readonly embedded: boolean }) => void
  /**
   * Called (as the other one, it must not throw) when the registration is lost, with nothing; and when an attempt to get it back fails, with the error. The node
   * can still dial and be dialled by those that know its port; the next attempt is 2 s away.
   */
  readonly onLost?: (error: ReignError | undefined) => void
}

/** See the head of this file. One for a node; starts once and stops once. */
export class PortMapper {
  /** To ask epmd, this host's or another's, with the same port and time limits. */
  readonly client: EpmdClient
  readonly #options: PortMapperOptions
  readonly #host: string
  /** Whether, and how, to be the epmd. */
  readonly #embedded: PortMapperOptions['embedded']
  #state: 'idle' | 'starting' | 'registered' | 'lost' | 'stopped' = 'idle'
  #abort = new AbortController()
  #server: EpmdServer | undefined
  #registration: EpmdRegistration | undefined
  #creation: number | undefined

  constructor(options: PortMapperOptions) {
    this.#options = options
    this.#host = options.epmdHost ?? epmdHostDefault
    this.#embedded = isLoopback(this.#host) && options.embedded
    this.client = new EpmdClient({
      port: options.epmdPort,
      clock: options.clock,
      ...(options.sockets === undefined ? {} : { sockets: options.sockets }),
      ...(options.answerMs === undefined ? {} : { answerMs: options.answerMs }),
    })
  }

  /** Whether the node is known to an epmd now. */
  get registered(): boolean {
    return this.#state === 'registered'
  }

  /** The epmd of this host, when this program is it. */
  get server(): EpmdServer | undefined {
    return this.#server
  }

  /** The number of this run of the node, from its first registration on. Later ones do not change it. */
  get creation(): number | undefined {
    return this.#creation
  }

  /**
   * Registers the node.
   *
   * @returns the creation for this run (random while the node is not registered), and where it is registered.
   * @throws `ERR_REIGN_NAME_IN_USE` when the name is taken and stays so for 2 s; an {@link EpmdError} when there is no epmd
   *   and none may be started, or what listens there is none (but see `required`); `ERR_REIGN_ARGUMENT` for what cannot be
   *   registered. Nothing is left behind then.
   */
  async start(): Promise<{ readonly creation: number; readonly registered: boolean; readonly embedded: boolean }> {
    if (this.#state !== 'idle') throw new ReignError('ERR_REIGN_ARGUMENT', 'a port mapper starts once')
    this.#state = 'starting'
    let creation = 0
    try {
      const registration = await this.#registerPatiently()
      creation = registration.creation
      this.#hold(registration)
    } catch (error) {
      if (!this.#mayWait(error)) {
        await this.stop()
        throw error
      }
      void this.#lost(error)
    }
    this.#creation = creation >= creationMin ? creation : this.#randomCreation()
    return { creation: this.#creation, registered: this.registered, embedded: this.#server !== undefined }
  }

  #mayWait(error: unknown): error is ReignError {
    const wanted = this.#options.required === false && this.#state !== 'stopped'
    // Everything of epmd's: not there, not answering, no epmd at all, or no address of ours to be one on.
    return wanted && error instanceof ReignError && error.code === 'ERR_REIGN_EPMD'
  }

  /** Gives the name back, and stops being the epmd if we are it: others take over. May be called at any time. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#abort.abort(new EpmdError('stopped', 'the port mapper was stopped'))
    this.#registration?.close()
    const server = this.#server
    this.#server = undefined
    await server?.close()
  }

  async #registerPatiently(): Promise<EpmdRegistration> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#registerSomewhere()
      } catch (error) {
        // A daemon that is just being ended accepts, and closes without an answer: soon there is another, or none.
        const dying = error instanceof EpmdError && error.problem === 'closed'
        const taken = error instanceof ReignError && error.code === 'ERR_REIGN_NAME_IN_USE'
        if (!(taken || dying) || attempt === nameAttempts) throw error
      }
      await this.#sleep(nameRetryMs)
    }
  }

  /** With the epmd that runs; else with one of our own. */
  async #registerSomewhere(): Promise<EpmdRegistration> {
    for (let round = 1; ; round++) {
      const node = epmdNode(this.#options.alive, this.#options.listenPort)
      try {
        return await this.client.register(this.#host, node, { signal: this.#abort.signal })
      } catch (error) {
        const nobody = error instanceof EpmdError && error.problem === 'unreachable'
        if (!nobody || this.#embedded === false || round === startRounds) throw error
      }
      await this.#serve(this.#embedded)
    }
  }

  /** Becomes the epmd of this host, unless another one was faster. */
  async #serve(embedded: Exclude<PortMapperOptions['embedded'], false>): Promise<void> {
    const { epmdPort, clock, entropy, sockets } = this.#options
    try {
      const server = await EpmdServer.listen({
        port: epmdPort,
        host: this.#host,
        clock,
        entropy,
        ...(sockets === undefined ? {} : { sockets }),
        ...embedded,
      })
      // `stop` can have come while the port was being bound; it found no server to close.
      if (this.#abort.signal.aborted) await server.close()
      else this.#server = server
    } catch (error) {
      if (!(error instanceof ReignError && error.code === 'ERR_REIGN_PORT_IN_USE')) throw error
    }
  }

  #hold(registration: EpmdRegistration): void {
    // `stop` can have come between the answer of epmd and this line.
    if (this.#state === 'stopped') {
      registration.close()
      this.#abort.signal.throwIfAborted()
    }
    this.#registration = registration
    this.#state = 'registered'
    void registration.closed.then(() => this.#lost(undefined))
  }

  /** Tries until the node is registered, or stopped. */
  async #lost(why: ReignError | undefined): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'lost'
    this.#registration = undefined
    this.#options.onLost?.(why)
    for (;;) {
      try {
        await this.#sleep(retryMs)
        this.#hold(await this.#registerSomewhere())
        break
      } catch (error) {
        if (this.#abort.signal.aborted) return
        this.#options.onLost?.(error instanceof ReignError ? error : new EpmdError('unreachable', String(error)))
      }
    }
    this.#options.onRegistered?.({ embedded: this.#server !== undefined })
  }

  #sleep(delayMs: number): Promise<void> {
    const { clock } = this.#options
    const { signal } = this.#abort
    return new Promise((resolve, reject) => {
      const aborted = (): void => {
        clock.clearTimer(timer)
        reject(signal.reason)
      }
      const timer = clock.setTimer(() => {
        signal.removeEventListener('abort', aborted)
        resolve()
      }, delayMs)
      if (signal.aborted) aborted()
      else signal.addEventListener('abort', aborted, { once: true })
    })
  }

  #randomCreation(): number {
    for (;;) {
      const creation = this.#options.entropy.uint32()
      if (creation >= creationMin) return creation
    }
  }
}
