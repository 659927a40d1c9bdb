/**
 * Asks epmd, on this host or another: where a node listens, which nodes there are; and registers a node.
 *
 * One connection per question, one deadline for all of it. What epmd says is bounded, read strictly, and not trusted any
 * further: a wrong port leads to a peer whose certificate does not match. Staying registered, whatever happens to the
 * daemon, is the work of net/port-mapper.ts.
 */
import type { Clock } from '../clock.js'
import { ByteGather } from '../dist/byte-gather.js'
import {
  EpmdError,
  type EpmdNode,
  encodeLookup,
  encodeNames,
  encodeRegister,
  epmdLookupBytesMax,
  epmdNamesBytesMax,
  type NamesAnswer,
  readLookupAnswer,
  readNamesAnswer,
  readRegisterAnswer,
} from '../dist/epmd-messages.js'
import { describe, ReignError } from '../errors.js'
import { type EpmdSocket, type EpmdSockets, systemEpmdSockets } from './epmd-sockets.js'

/** Milliseconds for one question, from dialling to the last byte of the answer. */
export const epmdAnswerMsDefault = 5_000

/** What an {@link EpmdClient} needs. */
export interface EpmdClientOptions {
  /** The port of epmd, the same on every host. */
  readonly port: number
  readonly clock: Clock
  readonly sockets?: EpmdSockets
  /** Milliseconds for one question; {@link epmdAnswerMsDefault} when absent. */
  readonly answerMs?: number
}

/** A name that is registered for as long as its connection stands. */
export interface EpmdRegistration {
  /** The number of this run of the node, as epmd gives it. 1 to 3 from a daemon older than OTP 23: then too few to use. */
  readonly creation: number
  /** Resolves when epmd has gone, and the name with it; also after {@link close}. */
  readonly closed: Promise<void>
  /** Gives the name back. */
  close(): void
}

/** See the head of this file. */
export class EpmdClient {
  readonly port: number
  readonly #clock: Clock
  readonly #sockets: EpmdSockets
  readonly #answerMs: number

  /** @throws `ERR_REIGN_ARGUMENT` when the port is none. */
  constructor(options: EpmdClientOptions) {
    if (!Number.isInteger(options.port) || options.port < 1 || options.port > 0xffff) {
      throw new ReignError('ERR_REIGN_ARGUMENT', `the port of epmd is 1 to 65535, not ${options.port}`)
    }
    this.port = options.port
    this.#clock = options.clock
    this.#sockets = options.sockets ?? systemEpmdSockets
    this.#answerMs = options.answerMs ?? epmdAnswerMsDefault
  }

  /**
   * Where the node `alive` of that host listens; `undefined` when epmd does not know it.
   *
   * @throws {@link EpmdError} when there is no epmd, or it gives no answer in time, or a wrong one; `ERR_REIGN_ARGUMENT` for
   *   what cannot be a name; the reason of `signal` when that was aborted.
   */
  async lookup(host: string, alive: string, options: { signal?: AbortSignal } = {}): Promise<EpmdNode | undefined> {
    const { answer } = await this.#ask(host, options.signal, {
      request: encodeLookup(alive),
      bytesMax: epmdLookupBytesMax,
      read: (bytes) => readLookupAnswer(bytes, alive),
    })
    return answer ?? undefined
  }

  /** All nodes that the epmd of that host knows. @throws as {@link lookup}. */
  async names(host: string, options: { signal?: AbortSignal } = {}): Promise<NamesAnswer> {
    const { answer } = await this.#ask(host, options.signal, {
      request: encodeNames(),
      bytesMax: epmdNamesBytesMax,
      read: (bytes, ended) => (ended ? readNamesAnswer(bytes) : undefined),
    })
    return answer
  }

  /**
   * Registers a node, once; the name stays until the connection ends, from either side.
   *
   * @throws `ERR_REIGN_NAME_IN_USE` when epmd refuses the name; else as {@link lookup}.
   */
  async register(host: string, node: EpmdNode, options: { signal?: AbortSignal } = {}): Promise<EpmdRegistration> {
    const { answer, socket, closed } = await this.#ask(host, options.signal, {
      request: encodeRegister(node),
      bytesMax: 6,
      read: readRegisterAnswer,
      keep: true,
    })
    if (answer.op === 'registered') return { creation: answer.creation, closed, close: () => socket.close() }
    socket.close()
    throw new ReignError(
      'ERR_REIGN_NAME_IN_USE',
      `epmd at ${host} port ${this.port} refuses the name ${node.alive} (result ${answer.result}): another node has it`,
    )
  }

  #ask<T>(host: string, signal: AbortSignal | undefined, question: Question<T>): Promise<Answered<T>> {
    return new Promise((resolve, reject) => {
      const where = { host, port: this.port, sockets: this.#sockets, clock: this.#clock, answerMs: this.#answerMs }
      new Conversation(where, question, signal, resolve, reject)
    })
  }
}

interface Question<T> {
  readonly request: Uint8Array
  /** More than this is a wrong answer. */
  readonly bytesMax: number
  /** The answer, once `bytes` (all so far) hold it; throws an {@link EpmdError} when they never will. */
  read(bytes: Uint8Array, ended: boolean): T | undefined
  /** Whether the connection is to stay after the answer. */
  readonly keep?: boolean
}

interface Answered<T> {
  readonly answer: T
  /** The connection, when it was to be kept: closed already otherwise. */
  readonly socket: { close(): void }
  readonly closed: Promise<void>
}

interface Where {
  readonly host: string
  readonly port: number
  readonly sockets: EpmdSockets
  readonly clock: Clock
  readonly answerMs: number
}

/** One connection with epmd: dialling, asked, then kept or over. */
class Conversation<T> {
  readonly #where: Where
  readonly #question: Question<T>
  readonly #gather: ByteGather
  readonly #timer: unknown
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (answered: Answered<T>) => void
  readonly #reject: (error: unknown) => void
  readonly #socket: EpmdSocket
  #state: 'dialling' | 'asked' | 'kept' | 'over' = 'dialling'
  #closed: () => void = () => {}

  constructor(
    where: Where,
    question: Question<T>,
    signal: AbortSignal | undefined,
    resolve: (answered: Answered<T>) => void,
    reject: (error: unknown) => void,
  ) {
    this.#where = where
    this.#question = question
    this.#gather = new ByteGather(question.bytesMax)
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    this.#timer = where.clock.setTimer(() => {
      this.#fail(this.#error('timeout', `gave no answer within ${where.answerMs} ms`))
    }, where.answerMs)
    this.#socket = where.sockets.connect(where.host, where.port, {
      open: () => {
        this.#state = 'asked'
        this.#socket.write(question.request)
      },
      data: (bytes) => this.#data(bytes),
      ended: () => this.#ended(undefined),
      closed: (error) => this.#ended(error),
    })
    if (signal?.aborted) this.#aborted()
    else signal?.addEventListener('abort', this.#aborted)
  }

  readonly #aborted = (): void => this.#fail(this.#signal?.reason)

  #data(bytes: Uint8Array): void {
    // epmd has nothing to say to a node that is registered: whatever this is, it is no epmd.
    if (this.#state === 'kept') this.#close()
    if (this.#state !== 'asked') return
    if (this.#gather.add(bytes)) this.#read(false)
    else this.#fail(this.#error('answer', `gave an answer of more than ${this.#question.bytesMax} bytes`))
  }

  #ended(error: Error | undefined): void {
    if (this.#state === 'asked' && error === undefined && this.#gather.bytes.length > 0) this.#read(true)
    if (this.#state === 'kept') this.#close()
    else if (this.#state === 'dialling') this.#fail(this.#error('unreachable', 'cannot be reached', error))
    else if (this.#state === 'asked')
      this.#fail(this.#error('closed', 'closed the connection without an answer', error))
  }

  #read(ended: boolean): void {
    let answer: T | undefined
    try {
      answer = this.#question.read(this.#gather.bytes, ended)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (answer === undefined) return
    this.#settle()
    // An answer that came together with the end of the connection is an answer still; its owner sees `closed` next.
    const keep = this.#question.keep === true && !ended
    const closed = new Promise<void>((resolve) => {
      this.#closed = resolve
    })
    if (keep) this.#state = 'kept'
    else this.#close()
    this.#resolve({ answer, socket: { close: () => this.#close() }, closed })
  }

  #fail(error: unknown): void {
    if (this.#state === 'over' || this.#state === 'kept') return
    this.#settle()
    this.#close()
    this.#reject(error)
  }

  /** The question has its answer, or never will: neither deadline nor abort matter any more. */
  #settle(): void {
    this.#where.clock.clearTimer(this.#timer)
    this.#signal?.removeEventListener('abort', this.#aborted)
  }

  #close(): void {
    this.#state = 'over'
    this.#socket.destroy()
    this.#closed()
  }

  #error(problem: EpmdError['problem'], what: string, cause?: Error): EpmdError {
    const why = cause === undefined ? '' : `: ${describe(cause)}`
    const { host, port } = this.#where
    return new EpmdError(problem, `epmd at ${host} port ${port} ${what}${why}`, { cause })
  }
}
