/** What came of a function that another node has run, in the exit reason of the process that ran it. Source: OTP's erpc.erl (result). */
import { ErpcError, type ErpcOrigin } from '../errors.js'
import { noconnection } from '../exit-reason.js'
import type { Ref } from '../term/ref.js'
import { isTuple } from '../term/tuple.js'

const kinds = new Map<unknown, 'return' | ErpcError['class']>(
  (['return', 'throw', 'exit', 'error'] as const).map((kind) => [Symbol.for(kind), kind]),
)

/** What came of a function, in an exit reason; nothing when it is another reason. */
export function outcomeIn(
  reason: unknown,
  result: Ref,
): readonly ['return' | ErpcError['class'], value: unknown, stack: unknown] | undefined {
  if (!isTuple(reason) || reason[0] !== result) return undefined
  const kind = kinds.get(reason[1])
  return kind === undefined ? undefined : [kind, reason[2], reason[3]]
}

/** The value of a function, or the error that there is none. */
export type RemoteOutcome = { readonly value: unknown } | { readonly error: ErpcError }

/**
 * What the end of a process says of the function that it ran.
 *
 * @param what The function and its node, for the text of an error.
 */
export function remoteOutcome(what: string, reason: unknown, result: Ref): RemoteOutcome {
  const raised = (origin: ErpcOrigin, kind: ErpcError['class'], why: unknown, stack?: unknown): RemoteOutcome => ({
    error: new ErpcError(what, origin, kind, why, stack),
  })
  const outcome = outcomeIn(reason, result)
  if (outcome === undefined) {
    return reason === noconnection ? raised('erpc', 'error', reason) : raised('signal', 'exit', reason)
  }
  const [kind, value, stack] = outcome
  if (kind === 'return') return { value }
  // What erpc itself has to say: `{error, {erpc, system_limit}}`, without a stack.
  const said = kind === 'error' && stack === undefined && isTuple(value) && value[0] === Symbol.for('erpc')
  return said ? raised('erpc', kind, value[1]) : raised('exception', kind, value, stack)
}
