/** What decoding needs to know: whose identifiers come out, in what form values do, and how much may. */
import type { Address } from '../term/address.js'
import type { Ref } from '../term/ref.js'
import type { AtomBudget } from './atom-budget.js'
import type { BoundCodec } from './bound-codec.js'

/** What a decoder asks of the node that the terms come to, and what it may make. */
export interface DecodeContext {
  /** The address with these numbers. An `AddressBook` has this, {@link ref} and {@link signalRef}. */
  address(node: string, id: number, serial: number, creation: number): Address<never>
  /** The reference with these words, as a message brings it. The list may be used anew afterwards. */
  ref(node: string, creation: number, words: readonly number[]): Ref
  /** The same for a signal that is about it; as {@link ref} where nothing else is said. */
  signalRef?(node: string, creation: number, words: readonly number[]): Ref
  readonly atoms: AtomBudget
  /** Whether payloads are in the form that nodes of reign have for each other. {@link binaries} and {@link floats} then say nothing. */
  readonly javascript?: boolean | undefined
  /** Reads what a codec of others has written; only beside {@link javascript}. */
  readonly codec?: BoundCodec | undefined
  /** `'text'`: a binary that is valid UTF-8 becomes a string. `'bytes'`: every binary becomes a `Uint8Array`. */
  readonly binaries: 'text' | 'bytes'
  /**
   * `'own'` (default): each `Uint8Array` has a buffer to itself. `'shared'`: a large one lies in the loaded bytes, which nobody may use any
   * more, and a small one in a block with others.
   */
  readonly memory?: 'own' | 'shared' | undefined
  /** `'number'`: floats become numbers. `'exact'`: integral ones become a `Float`, so that `1.0` goes back as `1.0`. */
  readonly floats: 'number' | 'exact'
  /** Levels of nesting; `ERR_REIGN_TERM_DEPTH` past them. */
  readonly depthMax: number
  /** Terms between one `load` and the next, counting every element; `ERR_REIGN_TERM_TOO_LARGE` past them. */
  readonly termCountMax: number
  /** Bytes of one big integer; `ERR_REIGN_TERM_TOO_LARGE` past them. */
  readonly bigintBytesMax: number
}
