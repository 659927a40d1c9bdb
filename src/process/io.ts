/**
 * Writing to where the output of processes goes: Erlang's io protocol, as its client. Source: OTP's io.erl.
 */
import { check } from '../arguments.js'
import { IoError, TimeoutError } from '../errors.js'
import { atom } from '../term/atom.js'
import type { Ref } from '../term/ref.js'
import { isTuple, tuple } from '../term/tuple.js'
import { sendTo } from './call.js'
import type { Entity } from './entity.js'
import type { Target } from './notices.js'
import { Pending } from './pending.js'
import type { ReceiveOptions } from './waiter.js'

const [ioRequest, ok, eof, error, unicode, putChars, ioLib, format, getLine] = [
  'io_request',
  'ok',
  'eof',
  'error',
  'unicode',
  'put_chars',
  'io_lib',
  'format',
  'get_line',
].map(atom) as [symbol, symbol, symbol, symbol, symbol, symbol, symbol, symbol, symbol]

/** Where answers of io servers come in: they go to an address, not to an alias. */
export interface IoReplies {
  /** Asks an io server, in somebody's name; the answer is given to `take`. */
  ask(caller: Entity, leader: Target, request: unknown, take: (reply: unknown) => void): Ref
  /** No answer is waited for any more. */
  forget(ref: Ref): void
}

/**
 * An io server (a group leader, or `named('user', node)`), as a process writes to it. Without `await` texts are written in the order
 * in which they were given, and nothing tells when, or whether.
 *
 * All throw `ERR_REIGN_IO` (an `IoError` with the reason) when it has ended or is out of reach, or refuses; `ERR_REIGN_TIMEOUT`; the reason of
 * the abort signal; `ERR_REIGN_EXIT`, `ERR_REIGN_CLOSED` when the caller ends.
 */
export class Io {
  readonly #caller: Entity
  readonly #leader: () => Target

  /** @internal */
  constructor(caller: Entity, leader: () => Target) {
    this.#caller = caller
    this.#leader = leader
  }

  /** Writes a text, and resolves when it is written. Erlang: `io:put_chars/2`. */
  async putChars(text: string, options?: ReceiveOptions): Promise<void> {
    this.#written(await this.#ask(tuple(putChars, unicode, text), options))
  }

  /**
   * Writes what Erlang's `io_lib:format` makes of a format and its arguments, which the io server does: `io.format('~p~n', [term])`. Erlang:
   * `io:format/3`.
   */
  async format(text: string, args: readonly unknown[] = [], options?: ReceiveOptions): Promise<void> {
    check(Array.isArray(args), 'what is formatted is an array', args)
    this.#written(await this.#ask(tuple(putChars, unicode, ioLib, format, [text, args]), options))
  }

  /** Reads a line, with its end, after writing a prompt; `undefined` at the end of the input. Erlang: `io:get_line/2`. */
  async getLine(prompt: string, options?: ReceiveOptions): Promise<string | undefined> {
    const reply = await this.#ask(tuple(getLine, unicode, prompt), options)
    if (reply === eof) return undefined
    if (typeof reply === 'string') return reply
    if (Array.isArray(reply) && !isTuple(reply) && reply.every((code) => Number.isInteger(code))) {
      return (reply as number[]).map((code) => String.fromCodePoint(code)).join('')
    }
    throw this.#refused(reply)
  }

  #ask(request: unknown, options: ReceiveOptions = {}): Promise<unknown> {
    return new IoRequest(this.#caller, this.#leader(), request, options).begin()
  }

  #written(reply: unknown): void {
    if (reply !== ok) throw this.#refused(reply)
  }

  #refused(reply: unknown): IoError {
    return new IoError(isTuple(reply) && reply[0] === error ? reply[1] : reply, String(this.#leader()))
  }
}

class IoRequest extends Pending {
  readonly #leader: Target
  readonly #request: unknown
  #monitor: Ref | undefined = undefined
  #reply: Ref | undefined = undefined

  constructor(caller: Entity, leader: Target, request: unknown, options: ReceiveOptions) {
    super(caller, options)
    this.#leader = leader
    this.#request = request
  }

  protected ask(): void {
    const { caller } = this
    this.#monitor = caller.startMonitor(this.#leader, { take: (reason) => this.#ended(reason) })
    this.#reply = caller.host.ioReplies.ask(caller, this.#leader, this.#request, (reply) => this.settle(reply))
  }

  expire(): void {
    this.fail(new TimeoutError(this.timeoutMs, `no answer of ${String(this.#leader)}`))
  }

  #ended(reason: unknown): void {
    const { caller } = this
    this.fail(caller.alive ? new IoError(reason, String(this.#leader)) : caller.endError(reason))
  }

  protected over(): void {
    if (this.#monitor !== undefined) this.caller.stopMonitor(this.#monitor)
    if (this.#reply !== undefined) this.caller.host.ioReplies.forget(this.#reply)
  }
}

/** The message of a request, as `caller` sends it. */
export function sendIoRequest(caller: Entity, leader: Target, from: unknown, ref: Ref, request: unknown): void {
  sendTo(caller, leader, tuple(ioRequest, from, ref, request))
}
