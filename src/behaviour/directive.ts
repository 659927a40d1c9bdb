/**
 * What functions of behaviours can return beside plain values, and the end of those that return what they cannot: an exit with
 * `bad_return_value`, as in OTP, right where the mistake is, and in words that say which it is.
 */
import { describe, ExitError } from '../errors.js'
import { tuple } from '../term/tuple.js'

const badReturnValue = Symbol.for('bad_return_value')

/** Something that a behaviour is to do: an `Outcome`, a `Transition`, …; never a value of the program. */
export abstract class Directive {
  /** @internal The function of this library that makes it: `reply`. */
  abstract get maker(): string
}

/** What was returned, as the program has written it. */
export function returned(value: unknown): string {
  return value instanceof Directive ? `${value.maker}(…)` : describe(value)
}

/**
 * The exit of a behaviour whose function returned what it cannot. Erlang: `{bad_return_value, Value}`.
 *
 * @param where The function: `handleCast`, `the init`.
 * @param rule What it should have known.
 */
export function badReturn(where: string, value: unknown, rule: string): ExitError {
  return new ExitError(tuple(badReturnValue, `${where} returned ${returned(value)}: ${rule}`))
}
