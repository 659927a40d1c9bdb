/**
 * Functions of this node for others: Erlang's `erpc`, as its server. Runs what is exposed, and nothing else.
 *
 * Source: OTP's erpc.erl (execute_call, execute_cast); protocol reference, "erpc and rpc, called on us".
 */
import { errorTerm } from '../codec/encode-error.js'
import { ExitError, RaisedError } from '../errors.js'
import { normal } from '../exit-reason.js'
import type { Exposed } from '../node/exposed.js'
import { aliasOf, isCaller } from '../process/call.js'
import { collected, Outflow, ranThrough } from '../process/outflow.js'
import type { Process } from '../process/process.js'
import { creditFault } from '../process/remote-stream.js'
import { atomName } from '../term/atom.js'
import { ExportFun, Fun } from '../term/fun.js'
import { Ref } from '../term/ref.js'
import { isTuple, type Tuple, tuple } from '../term/tuple.js'

const undef = Symbol.for('undef')
const badarg = Symbol.for('badarg')
const erlang = Symbol.for('erlang')
const apply = Symbol.for('apply')

/** What came of running a function: Erlang's class of exception, or that it returned; and the value, or the reason and its stack. */
export type Outcome =
  | readonly ['return' | 'throw' | 'exit', value: unknown]
  | readonly ['error', reason: unknown, stack: unknown]

type Anything = (this: unknown, ...args: readonly unknown[]) => unknown

/** Adds to what is exposed what Erlang's `erpc` spawns here, and `erlang:apply`, by which it calls funs. */
export function serveErpc(exposed: Exposed): void {
  const run = (self: Process, module: unknown, name: unknown, args: unknown) =>
    applyExposed(exposed, self, module, name, args)
  exposed.add('erpc', {
    async execute_call(this: Process, ref: unknown, module: unknown, name: unknown, args: unknown) {
      // Its own `exit` ends the process at once, and is an exception of the function all the same.
      this.exitsAs((reason) => tuple(ref, Symbol.for('exit'), reason))
      const [kind, ...what] = await outcomeOf(() => collected(run(this, module, name, args)))
      throw new ExitError(tuple(ref, Symbol.for(kind), ...what))
    },
    async execute_cast(this: Process, module: unknown, name: unknown, args: unknown) {
      await ranThrough(this, await run(this, module, name, args))
    },
    /** Not of OTP: for those who read what a function yields as it yields it. See `docs/remote-calls.md`. */
    async execute_stream(this: Process, ...given: readonly unknown[]) {
      const [reader, credit, module, name, args] = given
      const tag = isCaller(reader) ? reader[1] : undefined
      const ref = tag instanceof Ref ? tag : aliasOf(tag)
      if (!isCaller(reader) || ref === undefined || creditFault(credit) !== undefined || credit === undefined) {
        throw new RaisedError(badarg, [tuple(Symbol.for('erpc'), Symbol.for('execute_stream'), given, [])])
      }
      this.exitsAs((reason) => tuple(ref, Symbol.for('exit'), reason))
      const outflow = new Outflow(this, reader, ref, credit as number)
      const [kind, ...what] = await outcomeOf(() => outflow.run(run(this, module, name, args)))
      throw new ExitError(outflow.cancelled ? normal : tuple(ref, Symbol.for(kind), ...what))
    },
  })
  exposed.add('erlang', {
    /** Of a fun, which can be run when it names a function that is exposed, or of a function by its name. */
    apply(this: Process, ...given: readonly unknown[]) {
      const [module, name, args] = given
      if (given.length === 3 && Array.isArray(args)) return run(this, module, name, args)
      if (given.length !== 2 || !Array.isArray(name)) {
        throw new RaisedError(badarg, [tuple(erlang, apply, given, [])])
      }
      if (module instanceof ExportFun) {
        return run(this, Symbol.for(module.module), Symbol.for(module.function), name)
      }
      // The code of a closure is where it was compiled. Erlang says the same of a module that it has not loaded.
      if (module instanceof Fun) throw new RaisedError(undef, [tuple(module, name, []), tuple(erlang, apply, 2, [])])
      throw new RaisedError(badarg, [tuple(erlang, apply, given, [])])
    },
  })
}

/**
 * Runs the exposed function of that name, as it came over the wire, in the name of a process.
 *
 * @throws what it throws; as Erlang's `apply`, `undef` when there is none, and `badarg` when its arguments are no list.
 */
export function applyExposed(exposed: Exposed, self: Process, module: unknown, name: unknown, args: unknown): unknown {
  if (!Array.isArray(args) || isTuple(args))
    throw new RaisedError(badarg, [tuple(erlang, apply, [module, name, args], [])])
  const m = typeof module === 'symbol' ? atomName(module) : undefined
  const f = typeof name === 'symbol' ? atomName(name) : undefined
  const found = m === undefined || f === undefined ? undefined : exposed.find(m, f)
  if (found === undefined) throw new RaisedError(undef, [tuple(module, name, args, [])])
  return (found as Anything).apply(self, args)
}

/** Runs a function, and says what came of it. */
export async function outcomeOf(run: () => unknown): Promise<Outcome> {
  try {
    return ['return', await run()]
  } catch (error) {
    if (error instanceof ExitError) return ['exit', error.reason]
    // What JavaScript throws that is no Error is a value thrown on purpose: Erlang's throw.
    if (!(error instanceof Error)) return ['throw', error]
    const [reason, stack] = errorTerm(error) as Tuple
    return ['error', reason, stack]
  }
}
