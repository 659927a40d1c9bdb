/**
 * Atoms: Erlang's constants. An atom is a registered symbol, so `atom('ok') === atom('ok')` everywhere.
 *
 * Four names are not symbols here: the atoms `true`, `false`, `undefined` and `null` are JavaScript's own values.
 * Registered symbols are never collected, as in Erlang; never make atoms from what users typed.
 */
import { check } from '../arguments.js'
import { ReignError } from '../errors.js'

/** The most code points that an atom may have (Erlang's own limit). */
export const atomCharactersMax = 255

/**
 * The atom of that name: `atom('ok')` is `Symbol.for('ok')`, Erlang's `ok`.
 *
 * @throws `ERR_REIGN_ARGUMENT` when the name has more than 255 characters or holds a lone surrogate.
 */
export function atom(name: string): symbol {
  check(typeof name === 'string', 'the name of an atom is a text', name)
  if (name.length > atomCharactersMax && [...name].length > atomCharactersMax) {
    throw new ReignError('ERR_REIGN_ARGUMENT', `an atom has at most ${atomCharactersMax} characters`)
  }
  if (!name.isWellFormed()) throw new ReignError('ERR_REIGN_ARGUMENT', 'an atom cannot hold a lone surrogate')
  return Symbol.for(name)
}

/** The name of an atom; `undefined` for a symbol that is not registered, and so is no atom. */
export function atomName(value: symbol): string | undefined {
  check(typeof value === 'symbol', 'an atom is a symbol', value)
  return Symbol.keyFor(value)
}
