/** What worlds of our own nodes make of what the model says, and the other way round: reasons, and messages as events. */
import { type Address, atom, type Ref } from '../../src/index.js'
import type { Event, Reason } from './model.js'

const own: readonly Reason[] = ['normal', 'kill', 'killed', 'noproc', 'noconnection']

/** Erlang's own reasons are atoms, the others texts. */
export const toReason = (reason: Reason): unknown => (own.includes(reason) ? atom(reason) : reason)

export function fromReason(reason: unknown): Reason {
  if (typeof reason === 'symbol') return reason.description as Reason
  if (reason === 'x' || reason === 'y') return reason
  throw new Error(`not a reason that was given: ${String(reason)}`)
}

/** @param numberOf Which process an address is of. */
export function eventOf(
  message: unknown,
  monitors: readonly Ref[],
  numberOf: (address: Address<never>) => number,
): Event {
  const { type, ref, from, reason, n } = message as {
    type?: string
    ref?: Ref
    from?: Address<never>
    reason?: unknown
    n?: number
  }
  if (type === 'DOWN') return { type, monitor: monitors.indexOf(ref as Ref), reason: fromReason(reason) }
  if (type === 'EXIT') return { type, from: numberOf(from as Address<never>), reason: fromReason(reason) }
  return { type: 'message', n: n as number }
}

/** Does something that may end the process in whose name it is done. */
export function expectExit(act: () => void): void {
  try {
    act()
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_REIGN_EXIT') throw error
  }
}
