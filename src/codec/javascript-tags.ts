/**
 * The tags of what Erlang has no term for: the form in which nodes of reign write to each other is the External Term Format, and these.
 *
 * They are numbers that ETF does not use. docs/wire.md has what follows each of them. javascript-reader.ts repeats them as literals.
 */

export const bytesExt = 66
export const codecExt = 67
export const bigintExt = 71
export const floatObjectExt = 72
export const objectExt = 79
export const setExt = 83
export const dateExt = 84
export const viewExt = 86
export const errorExt = 87

/** For how many terms one counts that takes more memory than its bytes on the wire: a date, a view, an error with its stack. */
export const objectWeight = 8
