/** How nodes of reign may write what they send each other, beside the forms that come with it: the interface for codecs of others. */

/** What a {@link Codec} writes the parts with that only a node can: addresses, references, and whatever else is a term. */
export interface CodecTerms {
  /**
   * The bytes of any value that can be sent without a codec.
   *
   * @throws `TermError` as sending does.
   */
  encode(value: unknown): Uint8Array
  /**
   * The value of such bytes: an address is the very object that this node has for it.
   *
   * @throws `TermError` for what is none, or exceeds the bounds.
   */
  decode(bytes: Uint8Array): unknown
}

/**
 * A form of one's own for what nodes of reign send each other: messages, exit reasons, arguments. Two nodes use it when both have it:
 * it is agreed on by its name, over TLS.
 *
 * It is asked for each message as a whole, and, where it leaves that to reign, for each object in it that reign has no form for, such as
 * an instance of a class. So it may have a form for everything (JSON), or just for what is its own (messages of a schema).
 * Links, monitors and names do not depend on it.
 */
export interface Codec {
  /** What both sides know it by: 1 to 64 letters, digits, `-`, `_`, `.`, `/`. A form that changes gets another: `'orders/2'`. */
  readonly name: string
  /**
   * The bytes of a value, which nobody changes any more; `undefined` for one that is none of its own. Called as part of `send`, so it must be
   * quick, and what it throws is thrown there: a `ReignError` as it is, anything else as `ERR_REIGN_TERM_UNSUPPORTED`.
   */
  encode(value: unknown, terms: CodecTerms): Uint8Array | undefined
  /**
   * The value of such bytes, which are its own. They come from another node: whatever it throws closes the connection with that
   * (`ERR_REIGN_TERM_INVALID` unless it is a `ReignError`), and what it lets them make this program allocate is for it to bound.
   */
  decode(bytes: Uint8Array, terms: CodecTerms): unknown
}
