/**
 * Functions of other nodes: Erlang's `erpc`, as its client and as its server.
 *
 * A call spawns `erpc:execute_call/4` on the other node with a monitor; the result comes as the exit reason of that process.
 * Source: protocol reference, "erpc and rpc", and OTP's erpc.erl.
 */
import { errorTerm } from '../codec/encode-error.js'
import { describe, ExitError, ReignError, TimeoutError } from '../errors.js'
import type { Exposed } from '../node/exposed.js'
import { atomName } from '../term/atom.js'
import type { Ref } from '../term/ref.js'
import { isTuple, tuple } from '../term/tuple.js'

/** How a function of another node failed. */
export type ErpcClass = 'error' | 'exit' | 'throw'

/** A function of another node did not return. Code `ERR_REIGN_ERPC`. */
export class ErpcError extends ReignError {
  override readonly name: string = 'ErpcError'
  /** Erlang's class of exception. */
  readonly class: ErpcClass
  /** What was thrown, exited with, or the error term (`undef`, `badarg`, …). */
  readonly reason: unknown
  /** Erlang's stack trace, for errors. */
  readonly stackTrace: unknown

  constructor(what: string, kind: ErpcClass, reason: unknown, stackTrace?: unknown) {
    super('ERR_REIGN_ERPC', `${what} failed: ${kind} ${describe(reason)}`, { cause: reason })
    this.class = kind
    this.reason = reason
    this.stackTrace = stackTrace
  }
}

/** Calls functions of one other node. */
export interface Erpc {
  /**
   * Runs `module:function(...args)` there and gives its value. Names are atoms, given as text.
   *
   * @throws `ERR_REIGN_ERPC` (an `ErpcError`) when it threw, exited or is not there (`undef`); `ERR_REIGN_SPAWN` when the other node
   *   refuses or is out of reach; `ERR_REIGN_TIMEOUT` when a time-out was given and is over.
   */
  call(module: string, name: string, args: readonly unknown[], options?: { timeout?: number }): Promise<unknown>
}

/** What {@link erpcTo} needs of its node. */
export interface ErpcNode {
  makeRef(): Ref
  spawnAndWait(node: string, module: string, name: string, args: readonly unknown[]): Promise<unknown>
  after(delayMs: number, fire: () => void): () => void
}

/** The functions of that node. */
export function erpcTo(here: ErpcNode, node: string): Erpc {
  const call = async (module: string, name: string, args: readonly unknown[]): Promise<unknown> => {
    const ref = here.makeRef()
    const what = `${module}:${name}/${args.length} on ${node}`
    const wanted = [ref, Symbol.for(module), Symbol.for(name), args]
    const reason = await here.spawnAndWait(node, 'erpc', 'execute_call', wanted)
    if (!isTuple(reason) || reason[0] !== ref) throw new ErpcError(what, 'exit', reason)
    const [, kind, value, stack] = reason
    if (kind === Symbol.for('return')) return value
    throw new ErpcError(what, (atomName(kind as symbol) ?? 'error') as ErpcClass, value, stack)
  }
  return {
    call: (module, name, args, options = {}) => {
      const { timeout } = options
      if (timeout === undefined) return call(module, name, args)
      return new Promise((resolve, reject) => {
        const stop = here.after(timeout, () => reject(new TimeoutError(timeout, `no result of ${module}:${name}`)))
        call(module, name, args).then(resolve, reject).finally(stop)
      })
    },
  }
}

/** Serves Erlang's `erpc` and what is built on it (`rpc`): runs what is exposed, and nothing else. */
export function serveErpc(exposed: Exposed): void {
  const run = async (process: unknown, module: unknown, name: unknown, args: unknown): Promise<unknown> => {
    const m = typeof module === 'symbol' ? atomName(module) : undefined
    const f = typeof name === 'symbol' ? atomName(name) : undefined
    const found = m === undefined || f === undefined ? undefined : exposed.find(m, f)
    if (found === undefined || !Array.isArray(args)) {
      throw new RaisedError(Symbol.for('undef'), [tuple(module, name, args, [])])
    }
    return (found as (this: unknown, ...args: readonly unknown[]) => unknown).apply(process, args)
  }
  exposed.add('erpc', {
    async execute_call(this: unknown, ref: unknown, module: unknown, name: unknown, args: unknown) {
      throw new ExitError(await outcome(ref, () => run(this, module, name, args)))
    },
    async execute_cast(this: unknown, module: unknown, name: unknown, args: unknown) {
      await run(this, module, name, args)
    },
  })
}

/** An error of Erlang's own, raised at the caller as it is: `erlang:error(Reason)`. */
export class RaisedError extends Error {
  readonly reason: symbol
  /** Erlang's stack trace. */
  readonly stackTrace: readonly unknown[]

  constructor(reason: symbol, stackTrace: readonly unknown[]) {
    super(reason.description)
    this.reason = reason
    this.stackTrace = stackTrace
  }
}

/** The exit reason that carries a result: protocol reference, "Result of execute_call". */
async function outcome(ref: unknown, run: () => Promise<unknown>): Promise<unknown> {
  try {
    return tuple(ref, Symbol.for('return'), await run())
  } catch (error) {
    if (error instanceof RaisedError) return tuple(ref, Symbol.for('error'), error.reason, error.stackTrace)
    if (error instanceof ExitError) return tuple(ref, Symbol.for('exit'), error.reason)
    // What JavaScript throws that is no Error is a value thrown on purpose: Erlang's throw.
    if (!(error instanceof Error)) return tuple(ref, Symbol.for('throw'), error)
    return tuple(ref, Symbol.for('error'), ...errorTerm(error))
  }
}
