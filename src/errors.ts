/**
 * Every error that reign throws or rejects with, and its stable code.
 *
 * Match on `code`, never on the class or the text: two copies of a package break `instanceof`, and texts change.
 * Three kinds, never mixed: the caller's mistake throws; a peer's mistake closes that one connection with one log
 * line; a process's own failure is an exit reason, delivered as a signal.
 */

import { describe } from './describe.js'
import type { Issue } from './schema.js'

export { describe } from './describe.js'

/** The stable codes, one for each kind of failure. `docs/errors.md` says what each means and what to do. */
export type ReignErrorCode =
  // the caller's arguments
  | 'ERR_REIGN_ARGUMENT'
  | 'ERR_REIGN_NODE_NAME'
  | 'ERR_REIGN_ADDRESS_TEXT'
  | 'ERR_REIGN_NAME_TAKEN'
  | 'ERR_REIGN_SCHEMA'
  // waiting
  | 'ERR_REIGN_TIMEOUT'
  | 'ERR_REIGN_CLOSED'
  | 'ERR_REIGN_EXIT'
  | 'ERR_REIGN_NODE_STOPPED'
  | 'ERR_REIGN_CALL'
  | 'ERR_REIGN_REFUSED'
  | 'ERR_REIGN_START'
  | 'ERR_REIGN_APPLICATION'
  | 'ERR_REIGN_SYS'
  | 'ERR_REIGN_CHILD_SPEC'
  | 'ERR_REIGN_CHILD'
  | 'ERR_REIGN_HANDLER'
  | 'ERR_REIGN_TASK'
  | 'ERR_REIGN_SPAWN'
  | 'ERR_REIGN_ERPC'
  | 'ERR_REIGN_IO'
  // terms
  | 'ERR_REIGN_TERM_TRUNCATED'
  | 'ERR_REIGN_TERM_INVALID'
  | 'ERR_REIGN_TERM_TAG'
  | 'ERR_REIGN_TERM_DEPTH'
  | 'ERR_REIGN_TERM_TOO_LARGE'
  | 'ERR_REIGN_TERM_TRAILING'
  | 'ERR_REIGN_TERM_UNSUPPORTED'
  | 'ERR_REIGN_ATOM_LIMIT'
  // certificates and the cluster specification
  | 'ERR_REIGN_CLUSTER_SPEC'
  | 'ERR_REIGN_CERTIFICATE'
  | 'ERR_REIGN_FILE_EXISTS'
  // testing
  | 'ERR_REIGN_SEED'
  // the wire
  | 'ERR_REIGN_FRAME_TOO_LARGE'
  | 'ERR_REIGN_CONTROL_INVALID'
  | 'ERR_REIGN_HANDSHAKE'
  | 'ERR_REIGN_HANDSHAKE_TIMEOUT'
  | 'ERR_REIGN_COOKIE'
  | 'ERR_REIGN_DIGEST'
  | 'ERR_REIGN_INSECURE'
  | 'ERR_REIGN_IDENTITY'
  | 'ERR_REIGN_TLS'
  | 'ERR_REIGN_EPMD'
  | 'ERR_REIGN_NAME_IN_USE'
  | 'ERR_REIGN_PORT_IN_USE'
  | 'ERR_REIGN_UNREACHABLE'
  | 'ERR_REIGN_CONNECTION_LOST'
  | 'ERR_REIGN_OVERLOAD'

/** The base of all errors of this library. */
export class ReignError extends Error {
  override readonly name: string = 'ReignError'
  /** Which failure this is: stable across releases. */
  readonly code: ReignErrorCode

  constructor(code: ReignErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }
}

/** A wait ended because its time was over. Code `ERR_REIGN_TIMEOUT`. */
export class TimeoutError extends ReignError {
  override readonly name: string = 'TimeoutError'
  /** How long the caller was ready to wait, in milliseconds. */
  readonly timeoutMs: number

  constructor(timeoutMs: number, what = 'no message') {
    super('ERR_REIGN_TIMEOUT', `${what} within ${timeoutMs} ms`)
    this.timeoutMs = timeoutMs
  }
}

/** A wait ended, or was refused, because its mailbox is closed. Code `ERR_REIGN_CLOSED`. */
export class ClosedError extends ReignError {
  override readonly name: string = 'ClosedError'
  /** The reason that the mailbox was closed with; `normal` unless another was given. */
  readonly reason: unknown

  constructor(reason: unknown) {
    super('ERR_REIGN_CLOSED', 'the mailbox is closed')
    this.reason = reason
  }
}

/**
 * Thrown into a process function at its next await on the runtime, because the process has exited.
 * Code `ERR_REIGN_EXIT`. Let it pass: it exists so that `finally` and `using` run; nothing can be waited for any more.
 */
export class ExitError extends ReignError {
  override readonly name: string = 'ExitError'
  /** The exit reason of the process. */
  readonly reason: unknown

  constructor(reason: unknown) {
    // Without a stack: it would show who ended the process, not where that waited, and cost ten times all the rest when a
    // crowd is ended.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super('ERR_REIGN_EXIT', `the process has exited: ${describe(reason)}`)
    Error.stackTraceLimit = stackTraceLimit
    this.reason = reason
  }
}

/** A call failed because its server is gone, or never was. Code `ERR_REIGN_CALL`. */
export class CallError extends ReignError {
  override readonly name: string = 'CallError'
  /** Why: the exit reason of the server, `noproc`, or `noconnection`. */
  readonly reason: unknown

  constructor(reason: unknown, target: string) {
    super('ERR_REIGN_CALL', `the call to ${target} failed: ${describe(reason)}`, { cause: reason })
    this.reason = reason
  }
}

/** A call was refused, because its server does not accept such a request; the server goes on. Code `ERR_REIGN_REFUSED`. */
export class RefusedError extends ReignError {
  override readonly name: string = 'RefusedError'
  /** What is wrong with the request. */
  readonly issues: readonly Issue[]

  constructor(issues: readonly Issue[], target: string) {
    const [first] = issues
    const what = first === undefined ? '' : `: ${[first.path.join('.'), first.message].filter(Boolean).join(': ')}`
    super('ERR_REIGN_REFUSED', `the call to ${target} was refused${what}`)
    this.issues = issues
  }
}

/** A process was not started: its init failed, or there was no place for it. Code `ERR_REIGN_START`. */
export class StartError extends ReignError {
  override readonly name: string = 'StartError'
  /** Why: what its init threw or exited with, `timeout`, or `{already_started, Address}`. */
  readonly reason: unknown

  constructor(what: string, reason: unknown, cause: unknown = reason) {
    super('ERR_REIGN_START', `${what} was not started: ${describe(reason)}`, { cause })
    this.reason = reason
  }
}

/** An event manager could not do what it was asked to with one of its handlers. Code `ERR_REIGN_HANDLER`. */
export class HandlerError extends ReignError {
  override readonly name: string = 'HandlerError'
  /** Why: what the handler threw or exited with, `bad_module` or `module_not_found` when it is not installed, or what its init said. */
  readonly reason: unknown

  constructor(handler: string, reason: unknown) {
    super('ERR_REIGN_HANDLER', `the event handler ${handler}: ${describe(reason)}`, { cause: reason })
    this.reason = reason
  }
}

/** A task ended without a value. Code `ERR_REIGN_TASK`. */
export class TaskError extends ReignError {
  override readonly name: string = 'TaskError'
  /** Why: what its function threw or exited with, or what ended it from outside. */
  readonly reason: unknown

  constructor(reason: unknown) {
    super('ERR_REIGN_TASK', `the task failed: ${describe(reason)}`, { cause: reason })
    this.reason = reason
  }
}

/**
 * @internal An error of Erlang's own, raised as it is: `erlang:error(Reason)`. As an exit reason, and for a caller on another node, it is
 * `{Reason, StackTrace}`.
 */
export class RaisedError extends Error {
  override readonly name: string = 'RaisedError'
  readonly reason: unknown
  /** Erlang's stack trace. */
  readonly stackTrace: readonly unknown[]

  constructor(reason: unknown, stackTrace: readonly unknown[]) {
    super(describe(reason))
    this.reason = reason
    this.stackTrace = stackTrace
  }
}

/**
 * What came of a function on another node: `exception`, it raised something; `signal`, the process that ran it was ended by another;
 * `erpc`, it was not run, or its node was lost.
 */
export type ErpcOrigin = 'exception' | 'signal' | 'erpc'

/** A function of another node gave no value. Code `ERR_REIGN_ERPC`. */
export class ErpcError extends ReignError {
  override readonly name: string = 'ErpcError'
  /** Whether it raised something, was ended by another, or was not run. */
  readonly origin: ErpcOrigin
  /** Erlang's class of exception; `exit` for a signal, `error` for what `erpc` itself says. */
  readonly class: 'error' | 'exit' | 'throw'
  /** What was thrown, exited with, or the error term (`undef`, `badarg`, …); of `erpc`: `noconnection`, `notsup`, `system_limit`. */
  readonly reason: unknown
  /** Erlang's stack trace, for errors that were raised. */
  readonly stackTrace: unknown

  constructor(what: string, origin: ErpcOrigin, kind: ErpcError['class'], reason: unknown, stackTrace?: unknown) {
    const said = { exception: '', signal: 'signal ', erpc: 'erpc ' }[origin]
    super('ERR_REIGN_ERPC', `${what} failed: ${kind} ${said}${describe(reason)}`, { cause: reason })
    this.origin = origin
    this.class = kind
    this.reason = reason
    this.stackTrace = stackTrace
  }
}

/** An io server has ended, is out of reach, or refuses a request. Code `ERR_REIGN_IO`. */
export class IoError extends ReignError {
  override readonly name: string = 'IoError'
  /** Why: its exit reason, `noproc`, `noconnection`, or what it answered: `enotsup`, `request` when it does not know that, … */
  readonly reason: unknown

  constructor(reason: unknown, server: string) {
    super('ERR_REIGN_IO', `the io server ${server}: ${describe(reason)}`, { cause: reason })
    this.reason = reason
  }
}

/** A term that cannot be decoded or encoded; `byteOffset` or `path` says where. */
export class TermError extends ReignError {
  override readonly name: string = 'TermError'
  /** Where in the bytes, when they were being decoded. */
  readonly byteOffset: number | undefined
  /** Where in the value, when it was being encoded: `$.users[3].born`. */
  readonly path: string | undefined

  constructor(
    code: ReignErrorCode,
    message: string,
    where: { byteOffset?: number; path?: string; cause?: unknown } = {},
  ) {
    super(code, message, where.cause === undefined ? {} : { cause: where.cause })
    this.byteOffset = where.byteOffset
    this.path = where.path
  }
}
