/** The exit reasons that have a meaning of their own; any other value is as good a reason. */

/** The process function returned, or asked to exit without fault. */
export const normal: symbol = Symbol.for('normal')
/** An orderly stop asked for by a supervisor. */
export const shutdown: symbol = Symbol.for('shutdown')
/** As the argument of `exit`: cannot be trapped. */
export const kill: symbol = Symbol.for('kill')
/** What the others see of a process that was ended by {@link kill}. */
export const killed: symbol = Symbol.for('killed')
/** There was no such process. */
export const noproc: symbol = Symbol.for('noproc')
/** The connection to the other node is lost, or could not be made: the process may still be alive. */
export const noconnection: symbol = Symbol.for('noconnection')
