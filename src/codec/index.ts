/**
 * `reign/etf`: Erlang's External Term Format for TypeScript, without any node or network.
 *
 * `encode` and `decode` are Erlang's `term_to_binary` and `binary_to_term`; docs/terms.md is their mapping, limits and errors.
 */
export { ReignError, type ReignErrorCode, TermError } from '../errors.js'
export { Address } from '../term/address.js'
export { atom, atomName } from '../term/atom.js'
export { Bits } from '../term/bits.js'
export { Float, float } from '../term/float.js'
export { ExportFun, Fun } from '../term/fun.js'
export { ImproperList, improperList } from '../term/improper-list.js'
export { Port } from '../term/port.js'
export { Ref } from '../term/ref.js'
export { bytes, charlist, charlistText } from '../term/text.js'
export { isTuple, Tuple, type TupleOf, tuple } from '../term/tuple.js'
export { AtomBudget, type AtomValue } from './atom-budget.js'
export { type DecodeOptions, decode, type EncodeOptions, encode, type TermNode } from './stand-alone.js'
