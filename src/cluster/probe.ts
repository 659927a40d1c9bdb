/**
 * What a node asks another to know that it has read what came before: something that each answers at once, Erlang too.
 *
 * It is a monitor on a name that nobody has. The answer is that there is no such process; nothing is kept for it on either side.
 */
import type { Signal } from '../signal.js'
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'

/** A name that nobody registers. */
const nobodysName = Symbol.for('$reign_nobody')

/** The question. One reference may serve for all. */
export function probe(from: Address<never>, ref: Ref): Signal {
  return { op: 'monitor', from, to: nobodysName, ref }
}

/** Whether a signal is the question. */
export function isProbe(signal: Signal): boolean {
  return signal.op === 'monitor' && signal.to === nobodysName
}

/** Whether a signal is an answer. */
export function isProbeAnswer(signal: Signal): boolean {
  return signal.op === 'down' && signal.from === nobodysName
}
