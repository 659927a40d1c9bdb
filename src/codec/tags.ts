/**
 * The tags of the External Term Format, by Erlang's own names. Format: erl_ext_dist.
 *
 * The big switch of decode.ts repeats these numbers as literals beside their names, as only literals compile to a jump.
 */

/** The byte before every stand-alone term. */
export const versionMagic = 131

export const newFloatExt = 70
export const bitBinaryExt = 77
export const compressedExt = 80
export const newPidExt = 88
export const newPortExt = 89
export const newerReferenceExt = 90
export const smallIntegerExt = 97
export const integerExt = 98
export const smallTupleExt = 104
export const largeTupleExt = 105
export const nilExt = 106
export const stringExt = 107
export const listExt = 108
export const binaryExt = 109
export const smallBigExt = 110
export const largeBigExt = 111
export const newFunExt = 112
export const exportExt = 113
export const mapExt = 116
export const atomUtf8Ext = 118
export const smallAtomUtf8Ext = 119
export const v4PortExt = 120
