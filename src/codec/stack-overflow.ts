/** Telling a full call stack from other failures: a term may be nested within bounds and yet come at a bad moment. */

/**
 * Whether an error says that the call stack is full. Encoder and decoder are recursive and capped, so their own share is
 * small; called from deep inside a recursion of the program's, even that may not be left.
 */
export function isStackOverflow(error: unknown): boolean {
  return error instanceof RangeError && error.message.includes('call stack')
}
